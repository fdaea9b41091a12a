"""Prompts rewritten as the captions that the transformer was trained on, as Sora and DALL-E 3 do it ("Improving Image
Generation with Better Captions", Betker et al. 2023): a small net reads what a prompt says, and a plain caption says it
again, together with what was left open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .adapter import TextAdapter
from .prompts.captions import plain_caption
from .prompts.completion import Completed, complete
from .prompts.scene import World, known_values
from .prompts.unread import unread_words
from .text import TextEncoder

NAMED_MAX = 8
"""Words that were not read which are named at most."""
ORDER = ("action", "setting", "time", "weather", "camera")


@dataclass(frozen=True)
class Recaption:
    """The caption of a prompt, and what it was made of; `completed` is None where the prompt stays as it is."""

    text: str
    read: dict[str, str | None]
    completed: Completed | None
    unread: tuple[str, ...] = ()
    """Words of the prompt that went into nothing."""

    def note(self) -> str:
        """What was read, added and replaced, in one line."""
        if self.completed is None:
            return "nothing in the prompt was recognised: it is taken as written"
        figures = [
            f"{self.read[f'colour{k}'] or ''} {self.read[f'subject{k}']}".strip() for k in (1, 2, 3) if self.read[f"subject{k}"]
        ]
        rest = [value for name in ORDER if (value := self.read[name])]
        line = f"read as: {', '.join([*figures, *rest])}"
        if not figures:
            line += "; no subject was recognised"
        if self.completed.added:
            line += f"; left open, so: {', '.join(self.completed.added)}"
        if self.completed.replaced:
            line += f"; never seen by these weights: {', '.join(f'{a} (instead: {b})' for a, b in self.completed.replaced)}"
        if self.unread:
            more = len(self.unread) - NAMED_MAX
            line += f"; not read: {', '.join(self.unread[:NAMED_MAX])}" + (f" and {more} more" if more > 0 else "")
        return line


class Recaptioner:
    """Reads prompts with a text adapter and says them again in the words of `world`, all that the weights have seen."""

    def __init__(self, encoder: TextEncoder, net: TextAdapter, world: World):
        self.encoder, self.net, self.world = encoder, net, world

    def __call__(self, prompts: Sequence[str]) -> list[Recaption]:
        """One recaption a prompt; one in which nothing is recognised, an empty one too, stays as it is."""
        return [self._one(p, r) for p, r in zip(prompts, read_prompts(self.net, self.encoder, prompts), strict=True)]

    def _one(self, prompt: str, read: dict[str, str | None]) -> Recaption:
        if not prompt.strip() or not any(read.values()):
            return Recaption(prompt, read, None)
        completed = complete(read, self.world)
        unread = unread_words(prompt, read, lambda texts: self._sureness(texts, read))
        return Recaption(plain_caption(completed.scene).text, read, completed, unread)

    def _sureness(self, prompts: Sequence[str], read: dict[str, str | None]) -> list[dict[str, float]]:
        """How probable each value that was `read` is in each prompt."""
        scores, known = slot_scores(self.net, self.encoder, prompts), known_values(self.net.edition)
        columns = {}
        for slot, value in read.items():
            if value is not None:
                columns[slot] = scores[slot].softmax(-1)[:, known[slot.rstrip("123")].index(value)].tolist()
        return [{slot: column[i] for slot, column in columns.items()} for i in range(len(prompts))]


def read_prompts(net: TextAdapter, encoder: TextEncoder, prompts: Sequence[str]) -> list[dict[str, str | None]]:
    """What the adapter understands of each prompt: slot -> value, None where it thinks nothing is said."""
    if not prompts:
        return []
    scores, known = slot_scores(net, encoder, prompts), known_values(net.edition)
    out = []
    for i in range(len(prompts)):
        row = {}
        for slot, s in scores.items():
            k = int(s[i].argmax())
            values = known[slot.rstrip("123")]
            row[slot] = values[k] if k < len(values) else None
        out.append(row)
    return out


@torch.no_grad()
def slot_scores(net: TextAdapter, encoder: TextEncoder, prompts: Sequence[str]) -> dict[str, torch.Tensor]:
    """Class scores [P, classes + 1] of every slot, see `TextAdapter.logits`."""
    states, mask = (part.to(next(net.parameters()).device) for part in encoder(list(prompts)))  # hosts move the encoder
    return net.logits(net(states, mask))
