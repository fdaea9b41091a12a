"""Windows sampled again with other seeds where the joins to what is around them may be seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from .frame_order import USER_ANCHOR, Window
from .state import SEED_STEP, TakeState

Lookup = Callable[[int], Tensor | None]
"""A latent [C, h, w] of the take by its number; None where it is not made yet, or not at hand any more."""


@dataclass
class Retry:
    """A window is sampled again, at most `times` times, until `judge(new, latent)` gives at most `good` for the latents `new` it
    has just made; kept is what got the least. `retried` notes, by the first of its latents, how often a window was sampled
    again and the seed it was kept with."""

    times: int
    judge: Callable[[Sequence[int], Lookup], float]
    good: float
    retried: dict[int, tuple[int, int]] = field(default_factory=dict)


class Attempt(NamedTuple):
    """A window as it came out: latents [1, C, n, h, w] and their key, what belongs to them, the shift of their seeds, and how
    visible its joins are."""

    latents: Tensor
    key: str
    side_tensors: dict[str, Tensor]
    shift: int
    score: float


class Retrying:
    """Makes the windows of one take. A shot goes on with the seed its last window was kept with, so that a shot whose first
    window was made again is the one its new seed gives."""

    def __init__(self, work: TakeState, retry: Retry):
        self.work, self.retry = work, retry
        self.times = retry.times if work.request.noise is None else 0  # given noise knows no seed
        self._shift: dict[int, int] = {}

    def make(self, window: Window, sample: Callable[[], tuple[Tensor, str]]) -> tuple[Tensor, str]:
        """New latents [1, C, n, h, w] of a window, which `sample` gives with their key, by the smoothest attempt."""
        begun = self._shift.get(window.shot, 0)
        best = last = self._attempt(window, begun, sample)
        tries = 0
        while best.score > self.retry.good and tries < self.times:
            tries += 1
            last = self._attempt(window, begun + tries, sample)
            best, worse = (last, best) if last.score < best.score else (best, last)
            self.work.leave(worse.key)
        if best is not last:
            self._shifted(window, best.shift)
            self.work.denoiser.restore(window.new, best.side_tensors)
        if tries:
            seed = self.work.request.shots[window.shot].seed + SEED_STEP * best.shift
            self.retry.retried[window.new[0]] = tries, seed
        self._shift[window.shot] = best.shift
        return best.latents, best.key

    def _attempt(self, window: Window, shift: int, sample: Callable[[], tuple[Tensor, str]]) -> Attempt:
        self._shifted(window, shift)
        latents, key = sample()
        made = self._numbered(window, latents)

        def latent(index: int) -> Tensor | None:
            if index in made or index == USER_ANCHOR:
                return made.get(index)
            return self.work.finished(index)

        score = self.retry.judge(window.new, latent)
        return Attempt(latents, key, self.work.denoiser.side_tensors(window.new), shift, score)

    def _shifted(self, window: Window, shift: int) -> None:
        for index in window.new:
            self.work.shifts.pop(index, None)
            if shift:
                self.work.shifts[index] = shift

    @staticmethod
    def _numbered(window: Window, latents: Tensor) -> dict[int, Tensor]:
        return {index: latents[0, :, place] for place, index in enumerate(window.new)}
