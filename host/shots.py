"""Shot lists and spans of seconds as users write them."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import UsageError

SHOTS_MAX = 500
SECONDS_MAX = 3600
SEED_MAX = 2**63 - 1
SHOT = r"(cut\s+)?(-?\d+(?:\.\d+)?)\s*s?(?:\s+seed\s+(\d{1,20}))?\s*[:|]\s*(\S.*)"


class ShotText(NamedTuple):
    """A line of a shot list: seconds, prompt, whether a hard cut comes before it, a seed of its own."""

    seconds: float
    prompt: str
    cut: bool
    seed: int | None = None


def read_shots(text: str) -> list[ShotText]:
    """Lines "SECONDS: prompt" to shots; "cut" before the number makes a hard cut, "seed N" after it makes one shot anew;
    "#" begins a line that is skipped.

    Raises UsageError with the number of the line.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(SHOT, line, re.IGNORECASE)
        if not match:
            raise UsageError(f"shots, line {number}: {line[:60]!r} is no shot; write SECONDS: prompt, such as 5: a dog runs")
        if not 0 < float(match[2]) <= SECONDS_MAX:
            raise UsageError(f"shots, line {number}: {match[2]} s; give more than 0, up to {SECONDS_MAX} seconds")
        seed = None if match[3] is None else int(match[3])
        if seed is not None and seed > SEED_MAX:
            raise UsageError(f"shots, line {number}: seed {match[3]}; give 0 to {SEED_MAX}")
        found.append(ShotText(float(match[2]), match[4], bool(match[1]), seed))
    if not 1 <= len(found) <= SHOTS_MAX:
        raise UsageError(f"{len(found)} shots: give 1 to {SHOTS_MAX} lines, SECONDS: prompt")
    return found


def read_spans(text: str) -> list[tuple[float, float]]:
    """"0-2, 5-7.5" to pairs of seconds. Raises UsageError."""
    found = []
    for part in filter(None, (p.strip() for p in text.replace(";", ",").split(","))):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)", part)
        if not match or float(match[1]) >= float(match[2]):
            raise UsageError(f"keep {part!r}: give spans in seconds, such as 0-2, 5-7.5")
        found.append((float(match[1]), float(match[2])))
    return found
