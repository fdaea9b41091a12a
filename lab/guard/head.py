"""Trains the guard's head: `python -m comfyui_longtake.lab.guard.head`. A minute on an idle CPU; the same seed, the same weights.

Sentences are drawn from templates, a fifth is held out for the thresholds, and the head is then fitted to all of them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from itertools import product
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ...guard.features import features
from ...guard.policy import CATEGORIES, MINOR, SEXUAL, SEXUAL_MINOR, mentions_minor
from ...guard.prompts import WEIGHTS
from ...guard.spelling import plain
from ...models.prompts.captions import caption
from ...models.prompts.scene import WORLDS
from ...models.text import load_text
from ..world.prompt_grammar import prompt as world_prompt
from . import harmless, refused

SEED = 7
A_TEMPLATE = {"en": 10, "de": 8, "fr": 8}
"""Sentences drawn of a template that is refused."""
PASSING = {"en": 1600, "de": 600, "fr": 600}
WORLD = 250
WRITTEN = Path(__file__).parent / "written.tsv"
"""Sentences that were written one by one: category, language, text; - passes."""
A_SENTENCE = 4
"""How often each of them is shown, varied."""
DECAY, STEPS, RATE = 1e-5, 150, 0.5
PASS_SHARE = 0.997
"""Share of the harmless sentences held out that no threshold may touch."""
LEAST, LEAST_SEXUAL_MINOR = 0.4, 0.08
"""Where thresholds begin, and that of the rule for minors: what people write is less like the sentences than those held out."""

Sentence = tuple[str, frozenset[str]]


def lines(text: str) -> list[str]:
    """Templates or names, one a line or between bars."""
    return [part.strip() for line in text.splitlines() for part in line.split("|") if part.strip()]


def drawn(template: str, slots: dict[str, str], rng: random.Random) -> str:
    """One sentence of a template."""
    while "{" in template:
        before, _, rest = template.partition("{")
        slot, _, after = rest.partition("}")
        template = before + rng.choice([word.strip() for word in slots[slot].split("|")]) + after
    return " ".join(template.split()).replace(" ,", ",")


def varied(text: str, rng: random.Random) -> str:
    """The sentence as people type: small letters, no accents, a full stop, words of quality."""
    text = text.lower() if rng.random() < 0.4 else text
    text = text[:1].upper() + text[1:] if rng.random() < 0.4 else text
    return text + rng.choice(["", "", "", ".", ", 4k", ", photorealistic", ", cinematic", ", high quality"])


def sentences(rng: random.Random) -> list[Sentence]:
    """All sentences with their categories."""
    made: list[Sentence] = []
    names = "|".join(lines(refused.NAMES))
    for name, languages in refused.REFUSED.items():
        for language, templates in languages.items():
            slots = refused.SLOTS[language] | {"name": names}
            count = A_TEMPLATE[language] * (6 if "{name}" in templates else 1)
            for template, _ in product([line.strip() for line in templates.splitlines() if line.strip()], range(count)):
                made.append((varied(drawn(template, slots, rng), rng), frozenset({name})))
    for language, templates in harmless.HARMLESS.items():
        slots = harmless.SLOTS[language]
        patterns = [line.strip() for line in templates.splitlines() if line.strip()]
        made += [labelled(varied(drawn(rng.choice(patterns), slots, rng), rng)) for _ in range(PASSING[language])]
        made += [labelled(word.strip()) for word in slots["hard"].split("|")]
    children = lines(harmless.CHILDREN)
    for child in children:
        for _ in range(10):
            spoken = drawn(
                rng.choice(["{c} {plays} {where}", "{c} {where}, {look}", "{who} and {c} {where}", "{c}, {look}"]),
                harmless.SLOTS["en"] | {"c": child},
                rng,
            )
            made.append((varied(spoken, rng), frozenset({MINOR})))
    world = WORLDS["full"]
    for number in range(WORLD):
        scene = world.sample(900_000 + number, held_out=None)
        made.append(labelled(caption(scene, number).text))
        made.append(labelled(world_prompt(scene, number).text))
    for line in WRITTEN.read_text(encoding="utf-8").splitlines():
        name, _, text = line.split("\t")
        labels = {"-": labelled(text)[1], SEXUAL_MINOR: frozenset({SEXUAL, MINOR})}.get(name, frozenset({name}))
        made += [(varied(text, rng), labels) for _ in range(A_SENTENCE)]
    rng.shuffle(made)
    return made


def labelled(text: str) -> Sentence:
    """A harmless sentence, which may speak of children."""
    return text, frozenset({MINOR}) if mentions_minor(plain(text)) else frozenset()


def fit(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Weight [categories, SIZE] and bias of a logistic head; rare categories weigh more."""
    weight = torch.zeros(targets.shape[1], inputs.shape[1], requires_grad=True)
    bias = torch.full((targets.shape[1],), -2.0, requires_grad=True)
    balance = ((1 - targets).sum(0) / targets.sum(0).clamp(min=1)).sqrt()
    optimizer = torch.optim.Adam([weight, bias], lr=RATE)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        loss = binary_cross_entropy_with_logits(inputs @ weight.T + bias, targets, pos_weight=balance)
        loss = loss + DECAY * weight.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return weight.detach(), bias.detach()


def thresholds(scores: Tensor, targets: Tensor) -> dict[str, float]:
    """The least threshold of every category, and of the rule for minors, that lets the harmless pass."""
    passes = targets[:, : CATEGORIES.index(MINOR)].sum(1) == 0
    minors = passes & (targets[:, CATEGORIES.index(MINOR)] > 0)
    limits = {}
    for row, name in enumerate(CATEGORIES):
        others = scores[passes & (targets[:, row] == 0), row]
        limits[name] = max(LEAST, float(others.quantile(PASS_SHARE)))
    among = float(scores[minors, CATEGORIES.index(SEXUAL)].quantile(PASS_SHARE))
    limits[SEXUAL_MINOR] = min(max(LEAST_SEXUAL_MINOR, among), limits[SEXUAL])
    return {name: round(limit, 3) for name, limit in limits.items()}


def main(argv: list[str] | None = None) -> None:
    """Trains and writes the weights; prints what the held-out sentences show and the SHA-256 for `guard/prompts.py`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    asked = parser.parse_args(argv)
    torch.manual_seed(SEED)
    made = sentences(random.Random(SEED))
    encoder = load_text()
    made.sort(key=lambda sentence: len(sentence[0]))  # those of a length are encoded together, and every fifth is held out
    parts = [features(encoder, [text for text, _ in made[at : at + 64]]) for at in range(0, len(made), 64)]
    inputs = torch.cat(parts)
    targets = torch.tensor([[float(name in labels) for name in CATEGORIES] for _, labels in made])
    held = torch.arange(len(made)) % 5 == 0
    weight, bias = fit(inputs[~held], targets[~held])
    scores = (inputs[held] @ weight.T + bias).sigmoid()
    limits = thresholds(scores, targets[held])
    for row, name in enumerate(CATEGORIES):
        wanted = targets[held][:, row] > 0
        recall = float((scores[wanted, row] > limits[name]).float().mean())
        print(f"{name:12} {int(wanted.sum()):5} sentences held out, recall {recall:.3f}, threshold {limits[name]:.3f}")
    weight, bias = fit(inputs, targets)
    card = {"categories": CATEGORIES, "thresholds": limits, "sentences": len(made), "seed": SEED}
    blob = save({"weight": weight.half(), "bias": bias.half()}, {"card": json.dumps(card)})
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_bytes(blob)
    print(f"{len(made)} sentences; thresholds {limits}; {len(blob)} bytes; SHA-256 {hashlib.sha256(blob).hexdigest()}")


if __name__ == "__main__":
    main()
