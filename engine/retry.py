"""Windows made again with other seeds where the joins to what is around them may be seen, and how that is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..metrics.meter import NEAR, PASS, Join, Meter
from .frame_order import GIVEN, Window
from .state import SEED_STEP, Workspace
from .timeline import Timeline

RECENT = 16
"""Latents made last that are held for the judge."""

Lookup = Callable[[int], Tensor | None]
"""A latent [C, h, w] of the take by its number; None where it is not made yet, or not at hand any more."""


@dataclass
class Retry:
    """A window is made again, at most `times` times, until `judge(new, latent)` gives at most `good` for the latents `new` it
    has just made; kept is what got the least. `made` notes, by the first of its latents, how often a window was made again
    and the seed it was kept with."""

    times: int
    judge: Callable[[Sequence[int], Lookup], float]
    good: float = PASS
    made: dict[int, tuple[int, int]] = field(default_factory=dict)


def judge(joins: Iterable[int], measure: Callable[[Lookup, int], Join | None]) -> Callable[[Sequence[int], Lookup], float]:
    """A judge for `Retry`: ratio or acceleration of the worst of the `joins` (latents that begin something) which touch what
    was made, as `measure` finds it."""
    places = sorted(joins)

    def worst(new: Sequence[int], latent: Lookup) -> float:
        touched = set(new) | {index + 1 for index in new}
        made = [at for at in places if at in touched and latent(at - 1) is not None and latent(at) is not None]
        found = [measure(latent, at) for at in made]
        return max((join.worst for join in found if join is not None), default=0.0)

    return worst


def join_around(
    latent: Lookup, join: int, timeline: Timeline, lead: int, show: Callable[[Tensor], Iterable[Tensor]]
) -> Join | None:
    """The join before latent `join`, measured on the few latents around it that `latent` gives, `lead` before it; `show`
    decodes [1, C, n, h, w] to chunks of frames [T, H, W, 3]. None where there are too few."""
    begin, end = join, join
    while join - begin < lead and _there(latent, begin - 1):
        begin -= 1
    while timeline.cycle and begin % timeline.cycle and _there(latent, begin - 1):
        begin -= 1
    begin += -begin % (timeline.cycle or 1)
    while end - join < -(-NEAR // timeline.rest) and _there(latent, end):
        end += 1
    while end > begin and timeline.legal(end - begin) != end - begin and _there(latent, end):
        end += 1
    if not begin < join < end:
        return None
    around = torch.stack([found for at in range(begin, end) if (found := latent(at)) is not None], 1)[None]
    meter = Meter()
    with torch.random.fork_rng():  # some decoders draw random numbers, and so do some samplers
        torch.manual_seed(join)
        for frames in show(around):
            meter.add(frames)
    frame = timeline.frames_for(join - begin)
    return replace(meter.join(frame), frame=timeline.frames_for(join)) if 1 <= frame < meter.frames else None


def _there(latent: Lookup, index: int) -> bool:
    return index >= 0 and latent(index) is not None


class Attempt(NamedTuple):
    """A window as it came out: latents [1, C, n, h, w] and their key, what belongs to them, the shift of their seeds, and how
    visible its joins are."""

    latents: Tensor
    key: str
    extra: dict[str, Tensor]
    shift: int
    score: float


class Retrying:
    """Makes the windows of one take. A shot goes on with the seed its last window was kept with, so that a shot whose first
    window was made again is the one its new seed gives."""

    def __init__(self, work: Workspace, retry: Retry):
        self.work, self.retry = work, retry
        self.times = retry.times if work.request.noise is None else 0  # given noise knows no seed
        self._shift: dict[int, int] = {}
        self._recent: dict[int, Tensor] = {}

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
            self.work.denoiser.recalled(window.new, best.extra)
        if tries:
            seed = self.work.request.shots[window.shot].seed + SEED_STEP * best.shift
            self.retry.made[window.new[0]] = tries, seed
        self._shift[window.shot] = best.shift
        self._recent |= self._numbered(window, best.latents)
        for index in list(self._recent)[:-RECENT]:
            del self._recent[index]
        return best.latents, best.key

    def _attempt(self, window: Window, shift: int, sample: Callable[[], tuple[Tensor, str]]) -> Attempt:
        self._shifted(window, shift)
        latents, key = sample()
        made = self._numbered(window, latents)

        def latent(index: int) -> Tensor | None:
            if index in made or index == GIVEN:
                return made.get(index)
            return self.work.request.known.get(index, self._recent.get(index, self.work.store.get(index)))

        score = self.retry.judge(window.new, latent)
        return Attempt(latents, key, self.work.denoiser.extra(window.new), shift, score)

    def _shifted(self, window: Window, shift: int) -> None:
        for index in window.new:
            self.work.shifts.pop(index, None)
            if shift:
                self.work.shifts[index] = shift

    @staticmethod
    def _numbered(window: Window, latents: Tensor) -> dict[int, Tensor]:
        return {index: latents[0, :, place] for place, index in enumerate(window.new)}
