"""What the head sees of a prompt: mean and maximum of its token states, and which words and pieces of words it has."""

from __future__ import annotations

import re
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from .spelling import plain, unaccented

if TYPE_CHECKING:
    from torch import Tensor

STATES, BUCKETS = 384, 16384
SIZE = 2 * STATES + BUCKETS
WORD = re.compile(r"[^\W_]+")
PIECES = 4, 5, 6
"""Letters of the pieces of a word."""
LENGTH = 1.5
"""Of the part for words and their pieces, against 1 of each of the other two."""


class Encoder(Protocol):
    """Prompts to token states; `models.text.TextEncoder`."""

    def __call__(self, prompts: list[str], /) -> tuple[Tensor, Tensor]:
        """States [P, L, 384] and mask [P, L]."""


def features(encoder: Encoder, prompts: list[str]) -> Tensor:
    """[P, SIZE] of prompts as they are written; the last part is empty for a prompt without letters."""
    import torch
    from torch.nn.functional import normalize

    read = [plain(prompt) for prompt in prompts]
    states, mask = encoder(read)
    mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    most = states.masked_fill(~mask[..., None], float("-inf")).amax(1)
    words = torch.zeros(len(read), BUCKETS)
    for row, prompt in enumerate(read):
        for piece in pieces(prompt):
            words[row, zlib.crc32(piece.encode()) % BUCKETS] = 1
    return torch.cat([normalize(mean.float().cpu()), normalize(most.float().cpu()), LENGTH * normalize(words)], 1)


def pieces(prompt: str) -> set[str]:
    """Words, pairs of words and pieces of words, in letters without accents."""
    words = WORD.findall(unaccented(prompt))
    found = {f"={word}" for word in words} | {f"{a}+{b}" for a, b in pairwise(words)}
    for word in words:
        edged = f"<{word}>"
        found |= {edged[at : at + size] for size in PIECES for at in range(len(edged) - size + 1)}
    return found
