"""The time map: which frames of a film make each frame of one at another rate, never two of different shots."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from ..errors import MediaError

SNAP = Fraction(1, 32)
"""Share of the way between two frames below which the nearer one is taken as it is: nobody sees it, and it costs no model call."""
JITTER = Fraction(3, 2000)
"""Seconds that times of a constant rate may be off, as WebM keeps them in milliseconds."""

FPS_MIN, FPS_MAX = 0.1, 240
"""Frames a second of films that are written."""


class Place(NamedTuple):
    """A moment in a film: frame `frame`, or `weight` (0, or between 0 and 1) of the way from it to the next one."""

    frame: int
    weight: float = 0.0


class TimeMap:
    """Frames of a film that are shown from `times` on, in seconds, the first at 0 and none before the one before it, until `end`,
    shown at `fps` frames a second.

    `cuts` are numbers of frames that begin a new shot: between one and the frame before nothing is made, the latter stands until
    the cut. Raises ValueError where there is no frame, or the times do not rise from 0.
    """

    def __init__(self, times: Sequence[Fraction], end: Fraction, fps: Fraction, cuts: Iterable[int] = ()):
        if not times or times[0] != 0 or any(after < before for before, after in pairwise(times)) or end < times[-1]:
            raise ValueError("times of frames rise from 0 to the end of the film")
        self.times, self.end, self.fps, self.cuts = times, end, fps, frozenset(cuts)
        self.frames = frames_at(end, fps)

    def at(self, number: int) -> Place:
        """What frame `number`, counted from 0, of the new film shows."""
        time = number / self.fps
        frame = bisect.bisect_right(self.times, time) - 1
        if frame + 1 == len(self.times):
            return Place(frame)
        weight = (time - self.times[frame]) / (self.times[frame + 1] - self.times[frame])
        if weight > 1 - SNAP:
            return Place(frame + 1)
        return Place(frame, 0.0 if weight < SNAP or frame + 1 in self.cuts else float(weight))

    def number(self, frame: int) -> int:
        """The first frame of the new film that shows no frame before `frame`, or the way to it."""
        return bisect.bisect_left(range(self.frames), frame, key=lambda number: self.at(number).frame)

    def made(self) -> int:
        """How many frames of the new film lie between two of the film."""
        return sum(self.at(number).weight > 0 for number in range(self.frames))


def frames_at(seconds: Fraction, fps: Fraction) -> int:
    """Frames of a film that lasts so many seconds, to half a frame; at least 1."""
    return max(1, int(seconds * fps + Fraction(1, 2)))


def exact_rate(fps: float | Fraction) -> Fraction:
    """`fps` as a fraction; 23.976, 29.97 and 59.94 become the broadcast rates they stand for."""
    try:
        rate = Fraction(fps)
    except (ValueError, OverflowError, TypeError, ZeroDivisionError):
        rate = Fraction(0)
    if not Fraction(str(FPS_MIN)) <= rate <= FPS_MAX:
        raise MediaError(f"{fps} frames a second cannot be written; give {FPS_MIN:g} to {FPS_MAX}")
    broadcast = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    if not isinstance(fps, int | Fraction) and abs(broadcast - rate) < Fraction(1, 1000):
        return broadcast
    return rate.limit_denominator(1001)


def regular(times: Sequence[Fraction], fps: Fraction) -> list[Fraction]:
    """`times` of a film, exact where they are those of a constant rate, `fps` or their own average, rounded by its container."""
    rates = [fps]
    if len(times) > 2 and times[-1] > 0:
        rates.append(((len(times) - 1) / times[-1]).limit_denominator(1001))
    for rate in rates:
        if rate > 0 and all(abs(time - number / rate) <= JITTER for number, time in enumerate(times)):
            return [number / rate for number in range(len(times))]
    return list(times)
