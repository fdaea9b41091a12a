"""A film split at its hard cuts: every chain of shots between two cuts is made by itself, on any machine, in any order.

The key of a chain is a hash of all that shapes it, so what was made once is found again, by a retry as by a film that was changed
elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import UsageError
from ..take.shots import SEED_MAX, ShotText

FORMAT = 1
"""Of what a key is made of; another one makes every chain again."""
KEY_LETTERS = 16
"""So much of a key names a folder."""


class Chain(NamedTuple):
    """Chain `number`, from 1, of a film: its shots, each with seconds and a seed of its own, and the key of all that. `part`
    (number from 1, of how many) is what it makes of them, where several make what lies between two cuts."""

    number: int
    shots: tuple[ShotText, ...]
    key: str
    part: tuple[int, int] = (1, 1)

    @property
    def name(self) -> str:
        """The folder it is made in."""
        return self.key[:KEY_LETTERS]

    @property
    def seconds(self) -> float:
        """About how long it lasts."""
        return round(sum(shot.seconds or 0.0 for shot in self.shots) / self.part[1], 3)

    @property
    def begins(self) -> bool:
        """Whether a cut comes before it."""
        return self.part[0] == 1

    def text(self) -> str:
        """Its shots as a user writes them, a line each."""
        return "\n".join(f"{_plain(shot.seconds or 0.0)} seed {shot.seed}: {shot.prompt}" for shot in self.shots)


def split(
    shots: Sequence[ShotText], *, seconds: float, seed: int, facts: Mapping[str, Any], parts: int = 1, least: float = 1.0
) -> list[Chain]:
    """The chains of a film: `parts` between two cuts, fewer where these would last less than `least` seconds each. A shot that does
    not say how long it is lasts `seconds`; shot number n has seed `seed` + n where it names none, as in a take; `facts` are what
    else shapes the chains (model, size, steps, a graph). Raises UsageError."""
    if seed + len(shots) - 1 > SEED_MAX:
        raise UsageError(f"--seed {seed}: give at most {SEED_MAX - len(shots) + 1} for {len(shots)} shots")
    whole = []
    for number, shot in enumerate(shots, seed):
        own = number if shot.seed is None else shot.seed
        whole.append(ShotText(" ".join(shot.prompt.split()), shot.seconds or seconds, own, shot.cut))
    begins = [0, *(number for number, shot in enumerate(whole) if shot.cut and number)]
    chains: list[Chain] = []
    for begin, end in zip(begins, [*begins[1:], len(whole)], strict=True):
        some = tuple(shot._replace(cut=False) for shot in whole[begin:end])
        count = max(1, min(parts, int(sum(shot.seconds or 0.0 for shot in some) / least)))
        for part in range(1, count + 1):
            content = [FORMAT, facts, [tuple(shot) for shot in some], *([[part, count]] if count > 1 else [])]
            key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
            chains.append(Chain(len(chains) + 1, some, key, (part, count)))
    return chains


def ranges(counts: Sequence[int]) -> Iterator[range]:
    """Frames of the film that each chain is, from the number of frames of each."""
    first = 0
    for count in counts:
        yield range(first, first + count)
        first += count


def _plain(seconds: float) -> str:
    """A number of seconds without an exponent."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".")
