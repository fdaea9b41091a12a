"""Frame order: which latent frames the model sees at once, in what role, and in which order they are made."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from .roles import ANCHOR

ANCHOR_POSITION = -16.0
"""Time position of the anchor whatever its age (a re-aligned sink, Deep Forcing, arXiv 2512.05081)."""

USER_ANCHOR = -1
"""Index of the anchor that came with the request and is no latent of the take."""


@dataclass(frozen=True)
class WindowConfig:
    """Latent frames in a window: `anchors`, then `context`, then `new` ones; a first window fills all of it with new.

    `ahead` known frames after the new ones are shown on top of that, if they lie less than `reach` frames after the
    first new one; no window makes fewer than `least` new frames where that can be avoided. `beside`: anchors take no room
    among these frames, and are those of the chain, not of the shot. `margin` frames more fit into a window that begins the
    take, as all others spend them on a head of their own. `full`: a window that has less to make is shown more context, so
    that all are of one size, those ahead included; one frame that would be left over is made along, but not where `exact`
    forbids a longer window. `endpoints`: of a way to something known that takes several windows, the frames where these meet
    are made first, see `window_plan`. Raises UsageError.
    """

    anchors: int = 1
    context: int = 3
    new: int = 8
    ahead: int = 3
    reach: int = 12
    least: int = 3
    beside: bool = False
    margin: int = 0
    full: bool = False
    endpoints: bool = False
    exact: bool = False

    def __post_init__(self) -> None:
        if min(self.anchors, self.context, self.ahead) < 0 or min(self.new, self.reach, self.least) < 1:
            raise UsageError("window: anchors, context and ahead must be at least 0; new, reach and least at least 1")
        if self.margin < 0:
            raise UsageError(f"window: margin {self.margin}; give at least 0")
        if self.anchors > 1 and self.context == 0:
            raise UsageError("window: several anchors need some context; give context at least 1")

    @property
    def more(self) -> int:
        """Frames left over that are made along rather than in a window of their own."""
        return int(self.full and not self.exact)

    @property
    def size(self) -> int:
        """Frames of a full window, without those ahead."""
        return (0 if self.beside else self.anchors) + self.context + self.new


DEFAULT_WINDOWS = WindowConfig()


@dataclass(frozen=True)
class Span:
    """Latents from `start` on that share prompt, seed and anchor; `cut`: nothing is inherited across its start."""

    start: int
    cut: bool = False


@dataclass(frozen=True)
class Window:
    """One sampler call. `indices` are latent numbers in the take: anchors first, then by time.

    USER_ANCHOR is the request's own anchor; in a loop, indices from the length of the take on stand for its beginning. The
    frames of an endpoints window lie far apart in the take and stand side by side for the model; those that are `spare` are
    made along and dropped.
    """

    shot: int
    indices: tuple[int, ...]
    roles: tuple[int, ...]
    keep: tuple[bool, ...]
    spare: tuple[bool, ...] = ()

    @property
    def fresh(self) -> tuple[bool, ...]:
        """Which frames of this window go into the take."""
        spare = self.spare or (False,) * len(self.keep)
        return tuple(not keep and not drop for keep, drop in zip(self.keep, spare, strict=True))

    @property
    def new(self) -> tuple[int, ...]:
        """Latent numbers this window makes, by time."""
        return tuple(index for index, fresh in zip(self.indices, self.fresh, strict=True) if fresh)

    @property
    def origin(self) -> int:
        """Latent number of the first frame that is sampled."""
        return self.indices[self.keep.index(False)]

    @property
    def times(self) -> tuple[int, ...]:
        """Where its frames stand for the model, counted in latents from that one on; an anchor's has no meaning."""
        first = self.keep.index(False)
        if self.spare:
            return tuple(place - first for place in range(len(self.indices)))
        return tuple(index - self.indices[first] for index in self.indices)


def positions(times: Sequence[int], roles: Sequence[int]) -> tuple[float, ...]:
    """Positions of frames at `times` (latents); anchors, newest first, at ANCHOR_POSITION and before."""
    anchors = sum(role == ANCHOR for role in roles)
    return tuple(
        ANCHOR_POSITION - (anchors - 1 - place) if role == ANCHOR else float(time)
        for place, (time, role) in enumerate(zip(times, roles, strict=True))
    )


class FrameOrder:
    """A take of `length` latents in the order it is made: step g is latent g, or latent length - 1 - g backward."""

    def __init__(
        self,
        length: int,
        known: Collection[int],
        spans: Sequence[Span] = (Span(0),),
        *,
        backward: bool = False,
        wrap: bool = False,
        anchor_given: bool = False,
    ):
        if wrap and backward:
            raise UsageError("a loop is made forward: leave out backward")
        self.length, self.backward, self.wrap, self.anchor_given = length, backward, wrap, anchor_given
        self.known = {self.time(index) for index in known}
        self._shot: list[int] = []
        for number, span in enumerate(spans):
            stop = spans[number + 1].start if number + 1 < len(spans) else length
            self._shot += [number] * (stop - span.start)
        self._cuts = {span.start for span in spans if span.cut}

    def copy(self) -> FrameOrder:
        """The same order, whose known frames can be added to."""
        found = copy.copy(self)
        found.known = set(self.known)
        return found

    def begun(self, step: int) -> FrameOrder:
        """The same order for who has nothing before `step` but the beginning of the take: a shot that began between these begins at
        `step`, and nothing before it is shown as context."""
        found = self.copy()
        found._cuts = self._cuts | {step}
        if self.shot(step) != self.shot(0):
            found._shot = [-1] * step + self._shot[step:]
        return found

    def time(self, step: int) -> int:
        """Step to latent number, and latent number to step: the same mirror."""
        return self.length - 1 - step if self.backward else step

    def shot(self, step: int) -> int:
        """Shot of the latent made at `step`."""
        return self._shot[self.time(step)]

    def is_cut(self, step: int) -> bool:
        """Whether a cut lies between `step` and `step + 1`."""
        if step + 1 >= self.length:
            return not self.wrap
        return max(self.time(step), self.time(step + 1)) in self._cuts

    def shot_end(self, step: int) -> int:
        """First step after `step` that belongs to another shot."""
        end = step
        while end < self.length and self.shot(end) == self.shot(step):
            end += 1
        return end

    def context(self, step: int, count: int) -> list[int]:
        """Up to `count` finished steps right before `step`, up to a cut."""
        begin = step
        while begin > max(0, step - count) and not self.is_cut(begin - 1):
            begin -= 1
        return list(range(begin, step))

    def anchors(self, step: int, before: int, count: int, chain: bool = False) -> list[int]:
        """Up to `count` first steps of the shot of `step`, or of its `chain` of shots between cuts, all before step `before`;
        [USER_ANCHOR] where one was given."""
        shot = self.shot(step)
        if self.anchor_given and shot == self.shot(0):
            return [USER_ANCHOR][:count]
        begin = step
        while begin > 0 and not (self.is_cut(begin - 1) if chain else self.shot(begin - 1) != shot):
            begin -= 1
        return list(range(begin, min(begin + count, before)))

    def ahead(self, step: int, end: int, config: WindowConfig) -> list[int]:
        """Known steps from `end` on that a window of new frames from `step` on is shown."""
        found: list[int] = []
        place = end
        while len(found) < config.ahead and not self.is_cut(place - 1):
            near = place - step < config.reach
            if place in self.known or self.length <= place < self.length + step:
                if not near and len(found) < place - end:  # beyond reach only frames that adjoin are shown
                    break
                found.append(place)
            elif not near or place >= self.length:
                break
            place += 1
        return found

    def meets(self, end: int) -> bool:
        """Whether what is made up to step `end` meets something known there, or the beginning of its loop."""
        return not self.is_cut(end - 1) and (end in self.known or end >= self.length)

    def stretch_end(self, step: int) -> int:
        """First step from `step` on that is known, or of another shot."""
        stop = self.shot_end(step)
        while step < stop and step not in self.known:
            step += 1
        return step
