"""What a reel says of its take: the header that all its segments share, and the record of how the take was made and came out.

This is the only reader and writer of both; the store keeps them as plain JSON.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, TypeVar

from ..engine.timeline import Timeline
from ..errors import ReelError, UsageError
from ..metrics.joins import JoinFrames
from ..metrics.meter import Meter
from ..metrics.report import LISTED, Report

DAMAGE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, UsageError)
"""What reading a record of another form raises."""
SIDE_MAX, FPS_MAX, FRAMES_MAX = 2**20, 1000.0, 2**48
Value = TypeVar("Value", int, float)


def within(value: Value, low: Value, high: Value) -> Value:
    """`value`. Raises ValueError where it does not lie in low..high."""
    if not low <= value <= high:
        raise ValueError(f"{low} to {high} is allowed")
    return value


@dataclass(frozen=True)
class ReelHeader:
    """What all segments share: the `model` (empty where a reel of an earlier version does not say), the latents' `shape`
    (C, h, w), their `timeline`, and the axis of time of `sound` latents where there are some."""

    model: str
    shape: tuple[int, int, int]
    timeline: Timeline
    sound: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {"model": self.model, "shape": list(self.shape), "timeline": asdict(self.timeline)}
        return plain if self.sound is None else plain | {"sound": self.sound}

    @classmethod
    def read(cls, plain: Mapping[str, Any], where: object) -> ReelHeader:
        """The header that `as_dict` gave. Raises ReelError, beginning with `where`, for anything else."""
        try:
            channels, height, width = (within(operator.index(side), 1, SIDE_MAX) for side in plain["shape"])
            sound = plain.get("sound")
            timeline = Timeline(**plain["timeline"])
            axis = None if sound is None else within(int(sound), 0, 8)
            return cls(str(plain["model"]), (channels, height, width), timeline, axis)
        except DAMAGE as error:
            reason = "damaged" if plain else "it holds no segment that can be read"
            raise ReelError(f"{where}: {reason}; make the take again with this reel") from error


class ShotRecord(NamedTuple):
    """A shot as it was made: its prompt and the seed it was kept with."""

    prompt: str
    seed: int

    def line(self) -> str:
        """The shot in words."""
        return f"shot with seed {self.seed}: {self.prompt}"


class RetriedWindow(NamedTuple):
    """A window that was sampled again because a join may be seen: the frame it begins at, how often, the seed that was kept."""

    frame: int
    times: int
    seed: int

    def line(self) -> str:
        """The window in words."""
        often = "once" if self.times == 1 else f"{self.times} times"
        return f"frame {self.frame}: sampled again {often}, kept is seed {self.seed}"


def retried_lines(windows: Sequence[RetriedWindow]) -> list[str]:
    """A line on each window that was sampled again, and one on those beyond the first LISTED."""
    lines = [window.line() for window in windows[:LISTED]]
    return lines + ([f"and {len(windows) - LISTED} windows further on"] if len(windows) > LISTED else [])


@dataclass
class ReelRecord:
    """How a take was made and how it came out.

    `fps` it is shown at; `frames` of the whole take; `shots` and, one a shot, `seeds`; `join_frames` where its joins are;
    `retried` windows; `calls` of the model that made it; `report` what was measured, None where nothing was; `meter` the
    measurements frame by frame, None where they are not whole.
    """

    fps: float = 0.0
    frames: int = 0
    shots: list[ShotRecord] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    join_frames: JoinFrames = field(default_factory=lambda: JoinFrames([], []))
    retried: list[RetriedWindow] = field(default_factory=list)
    calls: int = 0
    report: Report | None = None
    meter: Meter | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain: dict[str, Any] = {
            "fps": self.fps,
            "frames": self.frames,
            "shots": [shot._asdict() for shot in self.shots],
            "seeds": self.seeds,
            "join_frames": self.join_frames._asdict(),
            "retried_windows": [window._asdict() for window in self.retried],
            "calls": self.calls,
        }
        if self.report is not None:
            plain |= {"report": self.report.as_dict()}
        if self.meter is not None:
            plain |= {"series": self.meter.series()}
        return plain

    @classmethod
    def read(cls, plain: Mapping[str, Any], where: object) -> ReelRecord:
        """The record that `as_dict` gave, or so much of one as there is. Raises ReelError, beginning with `where`, for anything
        else."""
        try:
            return cls(
                fps=within(float(plain.get("fps") or 0), 0.0, FPS_MAX),
                frames=within(int(plain.get("frames", 0)), 0, FRAMES_MAX),
                shots=[ShotRecord(str(shot["prompt"]), int(shot["seed"])) for shot in plain.get("shots", [])],
                seeds=[int(seed) for seed in plain.get("seeds", [])],
                join_frames=JoinFrames.read(plain.get("join_frames")),
                retried=[
                    RetriedWindow(*(int(one[name]) for name in RetriedWindow._fields)) for one in plain.get("retried_windows", [])
                ],
                calls=within(int(plain.get("calls", 0)), 0, FRAMES_MAX),
                report=Report.of(plain["report"]) if plain.get("report") else None,
                meter=Meter.of(plain["series"]) if plain.get("series") else None,
            )
        except DAMAGE as error:
            raise ReelError(f"{where}: its record is damaged; make the take again with this reel") from error

    def lines(self) -> list[str]:
        """How the take came out, in words; nothing where nothing was measured."""
        return [] if self.report is None else [*self.report.lines(), *retried_lines(self.retried)]
