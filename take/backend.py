"""What a take needs of a back-end beside the engine's denoiser: pixels of latents, and somebody who is told how it gets on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from torch import Tensor

from ..engine.state import Progress
from ..engine.take import Chunk
from ..metrics.meter import Meter

Put = Callable[[Tensor], object]
"""Takes frames [T, H, W, 3] in 0..1."""


class VideoCodec(Protocol):
    """Decodes latents as a stream. `lead` latents before a join are decoded to measure it alone."""

    lead: int

    def decode(self, chunks: Iterable[Tensor], length: int, put: Put, *, early: bool = False) -> None:
        """Hands frames to `put` in order; `chunks` are latents [1, C, n, h, w], `length` in all. `early`: frames come as soon
        as their latents do, also where that is less exact than decoding all at once."""


class Events(Protocol):
    """Who watches a take while it is made."""

    def step(self, progress: Progress) -> None:
        """One model call more is done; what this raises stops the take and leaves its reel to resume from."""

    def watch(self, chunks: Iterator[Chunk]) -> Meter | None:
        """Goes through the finished chunks of the take, all of them, and does with them what it wants; gives the measurements
        of their frames where it has decoded them."""
