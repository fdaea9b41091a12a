"""Measurements of any video that need no reference: joins, drift, and how well a loop closes.

Frames [T, H, W, 3] in 0..1 are fed in chunks; only a few frames and some numbers a frame are kept, whatever the
length. Colour is CIE Lab (L 0..100). The ratios compare a transition with its neighbours, so a hidden join scores
about 1 and ranks anywhere among the transitions, whatever the video shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import UsageError

NEAR = 8
"""Transitions on either side that a join is compared with."""

STILL = 0.05
"""Lab distance below which neighbouring frames count as still, so that ratios of nothing to nothing stay finite."""

PASS = 1.5
"""A join passes where ratio and acceleration are at most this."""

LISTED = 40
"""Joins that have a line each; the rest are summed up."""


@dataclass(frozen=True)
class Join:
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

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON and the reel."""
        return {**asdict(self), "passes": self.passes}

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> Join:
        """The join that `as_dict` gave. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(int(numbers["frame"]), *(float(numbers[field.name]) for field in fields(cls)[1:]))


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
    joins: list[Join] = field(default_factory=list)
    drift: dict[str, Drift] = field(default_factory=dict)
    loop: Join | None = None
    windows: list[Join] = field(default_factory=list)

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
        joins, windows = ([Join.of(join) for join in numbers.get(name, ())] for name in ("joins", "windows"))
        levels = numbers.get("drift", {}).items()
        drift = {name: Drift(*(float(value[field.name]) for field in fields(Drift))) for name, value in levels}
        loop = None if numbers.get("loop") is None else Join.of(numbers["loop"])
        return cls(int(numbers.get("frames", 0)), joins, drift, loop, windows)

    def words(self) -> list[str]:
        """A line on each join and on each measure that can drift, and one on all joins between windows."""
        named = [(f"join {join.frame}", join) for join in self.joins[:LISTED]] + ([("loop", self.loop)] if self.loop else [])
        lines = []
        for name, join in named:
            verdict = "smooth" if join.passes else "visible"
            lines.append(f"{name:8} ratio {join.ratio:.2f}, acceleration {join.acceleration:.2f}: {verdict}")
        for name, joins in (("more", self.joins[LISTED:]), ("windows", self.windows)):
            if joins:
                lines.append(f"{name:8} {gist(joins)}")
        for name, drift in self.drift.items():
            lines.append(f"drift    {name:10} {drift.start:8.2f} to {drift.end:8.2f}  ({drift.change:+.1%})")
        return lines


def gist(joins: Sequence[Join]) -> str:
    """What there is to say of many joins (at least 1) in one line."""
    worst, seen = max(joins, key=lambda join: join.worst), sum(not join.passes for join in joins)
    ratio, acceleration = (median(getattr(join, name) for join in joins) for name in ("ratio", "acceleration"))
    return (
        f"{len(joins)} join{'s' * (len(joins) > 1)}, median ratio {ratio:.2f}, acceleration {acceleration:.2f}; "
        f"worst {worst.ratio:.2f} and {worst.acceleration:.2f} at frame {worst.frame}; {seen or 'none'} visible"
    )


SERIES = ("lightness", "chroma", "contrast", "sharpness", "distance", "bend")
"""What a meter keeps as one number a frame or transition."""


class Meter:
    """Feeds on chunks of frames with `add`, then answers `join`, `loop_join`, `drift` and `report`."""

    def __init__(self) -> None:
        self.lightness: list[float] = []
        self.chroma: list[float] = []
        self.contrast: list[float] = []
        self.sharpness: list[float] = []
        self.distance: list[float] = []  # distance[k]: frames k, k + 1
        self.bend: list[float] = []  # bend[k]: frames k, k + 1, k + 2
        self.velocity: list[tuple[float, float]] = []
        self._head: list[Tensor] = []
        self._tail: list[Tensor] = []

    @property
    def frames(self) -> int:
        """Frames measured so far."""
        return len(self.lightness)

    def add(self, frames: Tensor) -> None:
        """Measures frames [T, H, W, 3] or one frame [H, W, 3] in 0..1."""
        if frames.ndim == 3:
            frames = frames[None]
        if frames.ndim != 4 or frames.shape[-1] != 3:
            raise UsageError(f"frames {tuple(frames.shape)}: want (T, H, W, 3)")
        for frame in to_lab(frames):
            self._add(frame)

    def _add(self, lab: Tensor) -> None:
        light, colour = lab[0], lab[1:]
        self.lightness.append(float(light.mean()))
        self.contrast.append(float(light.std(correction=0)))
        self.chroma.append(float(colour.square().sum(0).sqrt().mean()))
        self.sharpness.append(_sharpness(light))
        if self._tail:
            distance, velocity = _transition(self._tail[-1], lab)
            self.distance.append(distance)
            self.velocity.append(velocity)
        if len(self._tail) == 2:
            self.bend.append(_bend(self._tail[0], self._tail[1], lab))
        self._tail = [*self._tail[-1:], lab]
        if len(self._head) < 2:
            self._head.append(lab)

    def join(self, frame: int) -> Join:
        """The transition from frame `frame` - 1 to `frame`. Raises UsageError outside 1..frames - 1."""
        if not 1 <= frame < self.frames:
            raise UsageError(f"join at frame {frame}: the video has {self.frames} frames, joins from 1 on")
        return _judge(frame, frame - 1, self.distance, self.bend, self.velocity, self.lightness)

    def loop_join(self) -> Join:
        """The transition from the last frame to the first. Raises UsageError for fewer than 3 frames."""
        if self.frames < 3:
            raise UsageError(f"loop of {self.frames} frames: give at least 3")
        distance, velocity = _transition(self._tail[-1], self._head[0])
        (first, second), (before, last) = self._head, self._tail
        bends = [_bend(before, last, first), _bend(last, first, second)]
        half = self.frames // 2  # the ring cut open opposite the join, so that the join has neighbours on both sides
        distances = [*self.distance[half:], distance, *self.distance[:half]]
        velocities = [*self.velocity[half:], velocity, *self.velocity[:half]]
        accelerations = [*self.bend[half:], *bends, *self.bend[: max(0, half - 1)]]
        light = [*self.lightness[half:], *self.lightness[: half + 1]]
        place = len(self.distance) - half
        found = _judge(place + 1, place, distances, accelerations, velocities, light)
        return Join(**{**asdict(found), "frame": 0})

    def drift(self, fps: float) -> dict[str, Drift]:
        """Drift of every measure; `motion` is the Lab distance of neighbouring frames. Empty below 2 frames."""
        if self.frames < 2:
            return {}
        series = {
            "lightness": self.lightness,
            "chroma": self.chroma,
            "contrast": self.contrast,
            "sharpness": self.sharpness,
            "motion": self.distance,
        }
        return {name: _drift(values, fps) for name, values in series.items()}

    def report(self, joins: Sequence[int], fps: float, *, windows: Sequence[int] = (), loop: bool = False) -> Report:
        """Everything: joins at these frames and between `windows`, drift, and with `loop` the loop's join."""
        closed = self.loop_join() if loop else None
        named, others = ([self.join(frame) for frame in some] for some in (joins, windows))
        return Report(self.frames, named, self.drift(fps), closed, others)

    def series(self) -> dict[str, list[float]]:
        """All numbers to five digits, for the reel."""
        found = {name: getattr(self, name) for name in SERIES}
        found |= {"velocity_x": [x for x, _ in self.velocity], "velocity_y": [y for _, y in self.velocity]}
        return {name: [float(f"{value:.5g}") for value in values] for name, values in found.items()}

    @classmethod
    def of(cls, series: Mapping[str, Sequence[float]]) -> Meter:
        """The meter that `series` are of: it answers `join`, `drift` and `report`, but knows no loop and takes no more frames.
        Raises KeyError, TypeError or ValueError for anything else."""
        meter = cls()
        for name in SERIES:
            setattr(meter, name, [float(value) for value in series[name]])
        meter.velocity = [(float(x), float(y)) for x, y in zip(series["velocity_x"], series["velocity_y"], strict=True)]
        sizes = [len(getattr(meter, name)) for name in (*SERIES, "velocity")]
        if sizes != [meter.frames] * 4 + [max(0, meter.frames - less) for less in (1, 2, 1)]:
            raise ValueError(f"series of {sizes} numbers are of no video")
        return meter


def measure(frames: Tensor | Iterable[Tensor], joins: Sequence[int] = (), *, fps: float = 8.0, loop: bool = False) -> Report:
    """Report on frames [T, H, W, 3], or on an iterable of such chunks or of frames [H, W, 3]; reads them once."""
    meter = Meter()
    for chunk in [frames] if isinstance(frames, Tensor) else frames:
        meter.add(chunk)
    return meter.report(joins, fps, loop=loop)


def to_lab(frames: Tensor) -> Tensor:
    """Frames [T, H, W, 3] in 0..1 (sRGB) to CIE Lab [T, 3, H, W]."""
    from kornia.color import rgb_to_lab

    return rgb_to_lab(frames.detach().float().cpu().clamp(0, 1).permute(0, 3, 1, 2))


def phase_shift(before: Tensor, after: Tensor) -> tuple[float, float]:
    """Picture velocity (x, y) in pixels from one image [H, W] to the next, by phase correlation to part of a pixel."""
    rows, columns = (torch.hann_window(size, periodic=False) for size in before.shape)
    window = rows[:, None] * columns
    a, b = (torch.fft.rfft2((image - image.mean()) * window) for image in (before, after))
    cross = b * a.conj()
    peak = torch.fft.irfft2(cross / cross.abs().clamp_min(1e-6), s=before.shape)
    row, column = divmod(int(peak.argmax()), peak.shape[1])
    return _centre(peak[row], column), _centre(peak[:, column], row)


def _centre(line: Tensor, place: int) -> float:
    """Signed place of a peak on a ring, refined by the parabola through its neighbours."""
    size = len(line)
    left, here, right = (float(line[(place + offset) % size]) for offset in (-1, 0, 1))
    bend = left - 2 * here + right
    place = place - size if place > size // 2 else place
    return place + (0.0 if bend == 0 else max(-0.5, min(0.5, (left - right) / (2 * bend))))


def _transition(before: Tensor, after: Tensor) -> tuple[float, tuple[float, float]]:
    distance = float((after - before).square().sum(0).sqrt().mean())
    return distance, phase_shift(before[0], after[0]) if min(before.shape[1:]) >= 4 else (0.0, 0.0)


def _bend(first: Tensor, second: Tensor, third: Tensor) -> float:
    return float((third - 2 * second + first).square().sum(0).sqrt().mean())


def _sharpness(light: Tensor) -> float:
    """Mean |Laplacian| of the lightness [H, W]."""
    kernel = light.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    return float(F.conv2d(F.pad(light[None, None], (1, 1, 1, 1), mode="replicate"), kernel).abs().mean())


def _local(values: Sequence[float], place: int, skip: range) -> float:
    """Median of the values up to NEAR places away, without those in `skip`; at least STILL."""
    near = [values[k] for k in range(max(0, place - NEAR), min(len(values), place + NEAR + 1)) if k not in skip]
    return max(STILL, median(near)) if near else STILL


def _judge(
    frame: int,
    place: int,
    distance: Sequence[float],
    bend: Sequence[float],
    velocity: Sequence[tuple[float, float]],
    lightness: Sequence[float],
) -> Join:
    """The join at transition `place`, which bends at bend[place - 1] and bend[place]."""
    alone = len(distance) == 1
    ratio = 1.0 if alone else distance[place] / _local(distance, place, range(place, place + 1))
    touching = range(max(0, place - 1), min(len(bend), place + 1))
    acceleration = 1.0
    if touching and len(bend) > len(touching):
        acceleration = max(bend[k] for k in touching) / _local(bend, place, touching)
    here = velocity[place]
    around = [velocity[k] for k in (place - 1, place + 1) if 0 <= k < len(velocity)]
    jump = max((_speed(here[0] - x, here[1] - y) / (_speed(x, y) + 0.25) for x, y in around), default=0.0)
    rank = sum(d < distance[place] for d in distance) / max(1, len(distance) - 1)
    step = lightness[place + 1] - lightness[place]
    return Join(frame, distance[place], ratio, acceleration, step, jump, rank)


def _speed(x: float, y: float) -> float:
    return (x * x + y * y) ** 0.5


def _drift(values: Sequence[float], fps: float) -> Drift:
    part = max(1, round(0.15 * len(values)))
    start, end = sum(values[:part]) / part, sum(values[-part:]) / part
    size = max(1, round(2 * fps))
    parts = [values[k : k + size] for k in range(0, len(values), size)]
    levels = [sum(part) / len(part) for part in parts if len(part) == size or len(parts) == 1]
    minutes = size / fps / 60
    pairs = [(i, j) for i in range(len(levels)) for j in range(i + 1, len(levels))]
    slopes = [(levels[j] - levels[i]) / ((j - i) * minutes) for i, j in pairs]
    return Drift(start, end, median(slopes) if slopes else 0.0)
