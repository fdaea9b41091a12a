"""Prompts of prohibited kinds: a linear head on the states of the text encoder in the box, and a rule of its own for minors."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import WeightsError
from .features import Encoder, features
from .names import named
from .policy import CATEGORIES, MINOR, SEXUAL, SEXUAL_MINOR, Verdict, joins_sex_and_minor, mentions_minor
from .spelling import plain

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = Path(__file__).resolve().parent / "weights/prompts.safetensors"
SHA256 = "d98d7d634d2f3f8c06740be416dd7b7015169d86cc9acf4bb556f2b243b2ec84"
"""Of the head in the box."""
SENTENCE = re.compile(r"(?<=[.;!?])\s+|\n+")
PARTS_MAX, PART_WORDS = 8, 4
"""Sentences of one prompt that are looked at on their own too, since a long prompt hides a short one; and how many words such a one
has at least: less says too little on its own, such as "dolly shot alongside"."""


class PromptGuard:
    """Looks at prompts; `encoder` as `models.text.load_text` gives it. Raises WeightsError where the head is not the one that
    belongs to this version."""

    def __init__(self, encoder: Encoder, weights: Path = WEIGHTS, sha256: str | None = SHA256):
        from safetensors.torch import load

        try:
            blob = weights.read_bytes()
        except OSError as error:
            raise WeightsError(f"the guard's weights {weights.name}: {error.strerror}; install LongTake again") from error
        if sha256 is not None and hashlib.sha256(blob).hexdigest() != sha256:
            raise WeightsError(f"the guard's weights {weights.name} are not those of this version; install LongTake again")
        length = int.from_bytes(blob[:8], "little")
        card = json.loads(json.loads(blob[8 : 8 + length])["__metadata__"]["card"])
        tensors = load(blob)
        self.encoder, self.weight, self.bias = encoder, tensors["weight"].float(), tensors["bias"].float()
        self.thresholds: dict[str, float] = card["thresholds"]

    def check(self, prompt: str) -> Verdict | None:
        """The gravest thing found in a prompt; None where it may pass."""
        if not prompt.strip():
            return None
        parts = [part for part in SENTENCE.split(prompt) if len(part.split()) >= PART_WORDS]
        texts = [prompt, *(part for part in parts[:PARTS_MAX] if part != prompt)]
        scores = dict(zip(CATEGORIES, self.scores(texts).amax(0).tolist(), strict=True))
        return self._judge(scores, plain(prompt))

    def scores(self, prompts: list[str]) -> Tensor:
        """[P, categories] 0..1."""
        return (features(self.encoder, prompts) @ self.weight.T + self.bias).sigmoid()

    def _judge(self, scores: dict[str, float], prompt: str) -> Verdict | None:
        """The rule for minors first, by words and by the two heads; it has a threshold of its own, and words need none."""
        limit = self.thresholds
        minor = mentions_minor(prompt) or scores[MINOR] > limit[MINOR]
        if joins_sex_and_minor(prompt) or (minor and scores[SEXUAL] > limit[SEXUAL_MINOR]):
            return Verdict(SEXUAL_MINOR, scores[SEXUAL], limit[SEXUAL_MINOR])
        if named(prompt) is not None:
            scores["real person"] = 1.0
        over = [Verdict(name, score, limit[name]) for name, score in scores.items() if name != MINOR and score > limit[name]]
        return max(over, key=lambda verdict: verdict.score, default=None)
