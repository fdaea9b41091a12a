"""Pictures of measurements: how visible every transition of a take is and how it drifts; how ways to make one differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .joins import PASS
from .meter import Meter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SERIES = ("lightness", "chroma", "contrast", "sharpness", "distance")
TITLES = {"distance": "motion"}


def draw(meter: Meter, joins: Sequence[int], fps: float) -> Tensor:
    """Picture [H, W, 3] in 0..1 of what `meter` (at least 2 frames) has measured, `joins` marked; time in seconds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    whole, *parts = figure.subplot_mosaic([["joins", "joins"], ["a", "b"], ["c", "d"], ["e", "e"]]).values()
    found = [meter.join(frame) for frame in range(1, meter.frames)]
    times = [join.frame / fps for join in found]
    whole.plot(times, [join.ratio for join in found], lw=0.9, color="tab:gray", label="every transition")
    marked = [meter.join(frame) for frame in joins]
    colours = ["tab:green" if join.passes else "tab:red" for join in marked]
    whole.scatter([join.frame / fps for join in marked], [join.ratio for join in marked], c=colours, zorder=3, label="joins")
    whole.axhline(PASS, lw=0.8, ls="--", color="tab:red")
    whole.set(title="seam ratio (1 is like its neighbours)", xlabel="s", ylim=(0, None))
    whole.legend(loc="upper right", fontsize=8)
    for axes, name in zip(parts, SERIES, strict=True):
        _series(axes, TITLES.get(name, name), getattr(meter, name), joins, fps)
    return _pixels(canvas)


def draw_drift(ways: Mapping[str, Sequence[Meter]], fps: float) -> Tensor:
    """Picture [H, W, 3] in 0..1: a line a way for every measure over time, relative to the first 15 %, mean of its takes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for axes, name in zip(figure.subplots(2, 2).flatten(), SERIES, strict=False):
        for way, meters in ways.items():
            mean = torch.stack([_relative(getattr(meter, name), _length(meters, name)) for meter in meters]).mean(0)
            axes.plot([k / fps for k in range(len(mean))], 100 * mean, lw=1.2, label=way)
        axes.axhspan(-5, 5, color="tab:gray", alpha=0.15)
        axes.set_title(f"{name}, % of the start", fontsize=9)
    figure.axes[0].legend(fontsize=7)
    figure.supxlabel("s", fontsize=9)
    return _pixels(canvas)


def _length(meters: Sequence[Meter], name: str) -> int:
    return min(len(getattr(meter, name)) for meter in meters)


def _relative(values: Sequence[float], length: int) -> Tensor:
    """Change [length] against the mean of the first 15 %."""
    line = torch.tensor(values[:length])
    start = line[: max(1, round(0.15 * length))].mean()
    return line / start.clamp_min(1e-6) - 1


def _pixels(canvas: Any) -> Tensor:
    canvas.draw()
    width, height = canvas.get_width_height()
    pixels = torch.frombuffer(bytearray(canvas.buffer_rgba()), dtype=torch.uint8)
    return pixels.view(height, width, 4)[..., :3] / 255


def _series(axes: Axes, name: str, values: Sequence[float], joins: Sequence[int], fps: float) -> None:
    """One measure over time, with the levels of its first and last 15 %."""
    part = max(1, round(0.15 * len(values)))
    axes.plot([k / fps for k in range(len(values))], values, lw=0.9)
    for level, begin, end in ((values[:part], 0, part), (values[-part:], len(values) - part, len(values))):
        axes.hlines(sum(level) / part, begin / fps, end / fps, color="tab:orange", lw=2)
    for join in joins:
        axes.axvline(join / fps, lw=0.5, color="tab:gray", alpha=0.5)
    axes.set_title(name, fontsize=9)
    axes.set_ylim(0, max(values, default=1.0) * 1.15 or 1.0)
