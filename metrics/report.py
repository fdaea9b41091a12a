"""The report on a video: its joins and its drift, as numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .joins import JoinMetrics, summarise

LISTED = 40
"""Joins that have a line each; the rest are summed up."""


@dataclass(frozen=True)
class Drift:
    """One measure in the first and the last 15 % of the frames, and its Theil-Sen slope a minute."""

    start: float
    end: float
    per_minute: float

    @property
    def change(self) -> float:
        """(end - start) relative to the start."""
        return (self.end - self.start) / max(abs(self.start), 1e-6)


@dataclass
class Report:
    """Joins asked for, drift by measure (lightness, chroma, contrast, sharpness, motion), the loop's own join, and the
    joins between the windows of one shot, of which a long take has many."""

    frames: int
    joins: list[JoinMetrics] = field(default_factory=list)
    drift: dict[str, Drift] = field(default_factory=dict)
    loop: JoinMetrics | None = None
    windows: list[JoinMetrics] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON and the reel."""
        drift = {name: {**asdict(value), "change": value.change} for name, value in self.drift.items()}
        loop = None if self.loop is None else self.loop.as_dict()
        joins, windows = ([join.as_dict() for join in some] for some in (self.joins, self.windows))
        return {"frames": self.frames, "joins": joins, "windows": windows, "drift": drift, "loop": loop}

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> Report:
        """The report that `as_dict` gave, or so much of one as there is. Raises KeyError, TypeError, ValueError or AttributeError
        for anything else."""
        joins, windows = ([JoinMetrics.of(join) for join in numbers.get(name, ())] for name in ("joins", "windows"))
        levels = numbers.get("drift", {}).items()
        drift = {name: Drift(*(float(value[field.name]) for field in fields(Drift))) for name, value in levels}
        loop = None if numbers.get("loop") is None else JoinMetrics.of(numbers["loop"])
        return cls(int(numbers.get("frames", 0)), joins, drift, loop, windows)

    def lines(self) -> list[str]:
        """A line on each join, one on those beyond the first LISTED, one on all joins between windows, and one on the drift."""
        lines = [f"join at frame {join.frame}: {join.describe()}" for join in self.joins[:LISTED]]
        if self.loop is not None:
            lines.append(f"from the last frame to the first: {self.loop.describe()}")
        for name, joins in (("joins further on", self.joins[LISTED:]), ("between windows", self.windows)):
            if joins:
                lines.append(f"{name}: {summarise(joins)}")
        if self.drift:
            parts = ", ".join(f"{name} {drift.change:+.1%}" for name, drift in self.drift.items())
            lines.append(f"drift, last 15 % against first: {parts}")
        return lines
