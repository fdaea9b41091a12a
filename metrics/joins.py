"""Joins of a video: where they are, and how visible each one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median
from typing import Any, NamedTuple

PASS = 1.5
"""A join passes where ratio and acceleration are at most this."""


@dataclass(frozen=True)
class JoinMetrics:
    """The transition into frame `frame`.

    `distance` mean Lab distance to the frame before; `ratio` that over the median of up to 8 transitions on either
    side; `acceleration` mean |x[j+1] - 2 x[j] + x[j-1]| in Lab over its local median, the larger of both frames;
    `luma_step` change of mean lightness; `velocity_jump` change of picture velocity |u+ - u-| / (|u| + 0.25 px);
    `rank` 0..1 among all transitions (1 is the most visible).
    """

    frame: int
    distance: float
    ratio: float
    acceleration: float
    luma_step: float
    velocity_jump: float
    rank: float

    @property
    def passes(self) -> bool:
        """Whether the join is as smooth as what surrounds it."""
        return self.ratio <= PASS and self.acceleration <= PASS

    @property
    def worst(self) -> float:
        """The larger of ratio and acceleration."""
        return max(self.ratio, self.acceleration)

    def describe(self) -> str:
        """Ratio, acceleration and change of lightness, and whether it may be seen."""
        verdict = "smooth" if self.passes else "may be seen"
        return f"ratio {self.ratio:.2f}, acceleration {self.acceleration:.2f}, lightness {self.luma_step:+.2f} ({verdict})"

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON and the reel."""
        return {**asdict(self), "passes": self.passes}

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> JoinMetrics:
        """The join that `as_dict` gave. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(int(numbers["frame"]), *(float(numbers[field.name]) for field in fields(cls)[1:]))


class JoinFrames(NamedTuple):
    """Frames that begin something: `joins` where shots or known frames meet, `windows` where windows of one shot do."""

    joins: list[int]
    windows: list[int]

    @classmethod
    def read(cls, record: Any) -> JoinFrames:
        """Those in a LATENT, in a reel's record or in that of a file; none where it holds no such thing."""
        named = [record.get(name) if isinstance(record, Mapping) else None for name in cls._fields]
        return cls(*([at for at in some if type(at) is int] if isinstance(some, list) else [] for some in named))

    def within(self, frames: int) -> JoinFrames:
        """Those inside a video of so many frames."""
        return JoinFrames(*([at for at in some if 0 < at < frames] for some in self))


def summarise(joins: Sequence[JoinMetrics]) -> str:
    """What there is to say of many joins (at least 1) in one line."""
    worst, seen = max(joins, key=lambda join: join.worst), sum(not join.passes for join in joins)
    ratio, acceleration = (median(getattr(join, name) for join in joins) for name in ("ratio", "acceleration"))
    return (
        f"{len(joins)} join{'s' * (len(joins) > 1)}, median ratio {ratio:.2f}, acceleration {acceleration:.2f}; "
        f"worst {worst.ratio:.2f} and {worst.acceleration:.2f} at frame {worst.frame}; {seen or 'none'} visible"
    )
