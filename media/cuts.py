"""Hard cuts of a film: those that its record tells of, and those that can be seen."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

THUMB = (32, 18)
"""Width and height of the small pictures that are compared."""
CLEAR, FAINT = 0.25, 0.04
"""Mean change of colour, 0..1, that is a cut in all but fast motion, and below which none is seen."""
AROUND = 4
"""Changes on either side that one is held against."""
TIMES_CLEAR, TIMES_FAINT = 1.8, 4.0
"""How many times the median of those a clear and a faint change must be, and in proportion what lies between."""


class Changes:
    """Takes small pictures [18, 32, 3] of uint8, frame after frame; `seen` are the changes, the first into frame 1."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self._last: Any = None

    def add(self, thumb: np.ndarray) -> None:
        """Takes the next frame."""
        now = thumb.astype("float32") / 255
        if self._last is not None:
            self.seen.append(float(abs(now - self._last).mean()))
        self._last = now

    def cuts(self) -> list[int]:
        """Numbers of frames that begin a new shot, as far as it can be seen: the picture changes by more than its motion does."""
        found = []
        for place, change in enumerate(self.seen):
            beside = self.seen[max(0, place - AROUND) : place] + self.seen[place + 1 : place + 1 + AROUND]
            usual = median(beside) if beside else 0.0
            clear = min(1.0, (change - FAINT) / (CLEAR - FAINT))
            if clear > 0 and change > usual * (TIMES_FAINT + (TIMES_CLEAR - TIMES_FAINT) * clear):
                found.append(place + 1)
        return found


def known(record: Mapping[str, Any], times: Sequence[Fraction], start: Fraction = Fraction(0), name: str = "cuts") -> list[int]:
    """Frames that LongTake's record of a film lists under `name`, as numbers of those shown at `times`, in seconds from second
    `start` of the film on; none where it does not say its rate."""
    listed, fps = record.get(name), record.get("fps")
    if not isinstance(listed, list) or isinstance(fps, bool) or not isinstance(fps, int | float) or not 0.1 <= fps <= 1000:
        return []
    rate, found = Fraction(fps).limit_denominator(1001), []
    for at in listed:
        if type(at) is int and at > 0:
            time = at / rate - start
            place = bisect.bisect_left(times, time - 1 / (2 * rate))
            if 0 < place < len(times) and abs(times[place] - time) <= 1 / (2 * rate):
                found.append(place)
    return found


def together(*some: Iterable[int]) -> list[int]:
    """All of them, in order, each once."""
    return sorted(set().union(*some))
