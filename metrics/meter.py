"""The meter: measures the frames of any video as they come; only a few of them and some numbers a frame are kept.

Frames [T, H, W, 3] in 0..1 are fed in chunks, whatever the length. Colour is CIE Lab (L 0..100). The ratios compare a
transition with its neighbours, so a hidden join scores about 1 and ranks anywhere among the transitions, whatever the video
shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import UsageError
from .joins import JoinMetrics
from .report import Drift, Report

NEAR = 8
"""Transitions on either side that a join is compared with."""

STILL = 0.05
"""Lab distance below which neighbouring frames count as still, so that ratios of nothing to nothing stay finite."""


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

    def join(self, frame: int) -> JoinMetrics:
        """The transition from frame `frame` - 1 to `frame`. Raises UsageError outside 1..frames - 1."""
        if not 1 <= frame < self.frames:
            raise UsageError(f"join at frame {frame}: the video has {self.frames} frames, joins from 1 on")
        return _judge(frame, frame - 1, self.distance, self.bend, self.velocity, self.lightness)

    def loop_join(self) -> JoinMetrics:
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
        return JoinMetrics(**{**asdict(found), "frame": 0})

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
) -> JoinMetrics:
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
    return JoinMetrics(frame, distance[place], ratio, acceleration, step, jump, rank)


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
