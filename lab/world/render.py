"""Renderer: scenes to frames, at any size, frame rate and time offset, vectorised over the batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...models.prompts.scene import Scene
from .settings import BACKDROPS, LIGHT, Stage, palette, sky, weather
from .shapes import Canvas, ellipse, hash01
from .subjects import FIGURES, RGB, Paint, Pose

FLOOR = 0.16
"""Where the figures stand, in frame heights from the bottom edge."""
CACHE_PIXELS = 150_000
"""On a CPU so many pixels are painted at a time that the work stays in the cache."""
SIZES = {1: 0.62, 2: 0.46, 3: 0.36}
"""Figure height in frame heights by how many share the frame."""
WALK, RUN = 0.38, 0.95
"""Frame heights a second that the ground goes by when the camera follows."""
CROSSING = 0.68
"""Share of that speed at which figures go through a picture that stands still, so that they stay in it for some seconds."""
REACH = 0.66
"""Half of the width that a figure never exceeds, in heights of the figure."""


def _grid(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    y = 1.0 - (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5 - width / 2) / height
    return x.view(1, 1, -1), y.view(1, -1, 1)


def _motion(scenes: list[Scene], t: Tensor, seed: Tensor) -> dict[str, Tensor]:
    """Camera and body movement of every frame, each [n, 1, 1]; t, seed [n, 1, 1].

    "way" is how far figures have gone through the picture, in frame heights, where the camera does not go with them;
    "view" how many times wider than at zoom 1 the picture can become.
    """

    def flag(attr: str, *values: str) -> Tensor:
        return torch.tensor([float(getattr(s, attr) in values) for s in scenes], device=t.device).view(-1, 1, 1)

    ahead = flag("action", "walk right", "run right") - flag("action", "walk left", "run left")
    run = flag("action", "run left", "run right")
    walk = flag("action", "walk left", "walk right")
    pan = flag("camera", "pan right") - flag("camera", "pan left")
    zoom = flag("camera", "zoom in") - flag("camera", "zoom out")
    hand = flag("camera", "handheld")
    jump, dance, floats = flag("action", "jump"), flag("action", "dance"), flag("action", "float")
    along = torch.tensor([float(s.tracked or s.camera == "follow") for s in scenes], device=t.device).view(-1, 1, 1)
    way = (WALK * walk + RUN * run) * ahead * t
    shift = 8.0 * hash01(torch.zeros_like(t), 50, seed)
    tau = 2 * math.pi
    return {
        "camera": along * way + 0.42 * pan * t + 4.0 * hash01(torch.zeros_like(t), 51, seed),
        "way": CROSSING * (1 - along) * way,
        "crosses": (1 - along) * ahead,
        "view": torch.exp(0.26 * (zoom < 0) + 0.16 * (zoom > 0)) * (1 + 0.1 * hand),
        "zoom": torch.exp(0.42 * zoom * (1 - torch.exp(-t.clamp_min(0) / 3.5)) - 0.16 * zoom) * (1 + 0.05 * hand),
        "shake_x": 0.022 * hand * (torch.sin(5.1 * t + shift) + torch.sin(8.3 * t)),
        "shake_y": 0.016 * hand * (torch.sin(6.7 * t + shift) + torch.cos(9.1 * t)),
        "facing": torch.where(ahead < 0, -1.0, 1.0),
        "phase": tau * (1.25 * (walk + dance) + 2.0 * run + 0.5) * t + shift,
        "stride": (walk + 1.25 * run + 0.35 * dance).clamp(max=1.3),
        "drift": -0.10 * pan * torch.tanh(t * 0.6),
        "lift": 0.20 * jump * torch.sin(math.pi * t + shift).abs()
        + 0.05 * dance * torch.sin(tau * 1.25 * t).abs()
        + floats * (0.16 + 0.04 * torch.sin(tau * 0.3 * t + shift))
        + 0.02 * (walk + 2 * run) * torch.sin(tau * (1.25 + 0.75 * run) * t + shift).abs(),
        "lean": 0.22 * dance * torch.sin(tau * 0.625 * t + shift) - 0.10 * run * ahead + 0.06 * floats * torch.sin(tau * 0.3 * t),
        "squash": 1.0 + 0.012 * torch.sin(tau * 0.5 * t + shift) - 0.06 * jump * (torch.sin(math.pi * t + shift).abs() < 0.25),
    }


def _crossing(m: dict[str, Tensor], aspect: float, room: float, count: Tensor, size: Tensor) -> Tensor:
    """Where a group of `count` figures of height `size` is on its way through the picture, from the middle [n, 1, 1].

    It starts on the side it comes from; once all of it has left the picture it comes in again on that side. Distances
    grow with the figures, so that a step takes them as far in a narrow frame as in a wide one.
    """
    group = (count - 1) * _spacing(aspect, count)
    period = aspect * m["view"] + group + 2 * REACH * size
    begin = -0.28 * m["crosses"] * aspect / count
    return m["crosses"].abs() * (torch.remainder(begin + room * m["way"] + 0.5 * period, period) - 0.5 * period)


def _spacing(aspect: float, count: Tensor) -> Tensor:
    """Distance between the middles of neighbouring figures, in frame heights."""
    return (aspect / count).clamp(max=0.62)


def _figures(c: Canvas, scenes: list[Scene], m: dict[str, Tensor], seed: Tensor, ambient: Tensor, aspect: float) -> None:
    light = 0.52 + 0.48 * ambient
    room = min(1.0, aspect * 1.05)
    for slot in range(3):
        for kind in {s.subjects[slot].kind for s in scenes if len(s.subjects) > slot}:
            idx = [i for i, s in enumerate(scenes) if len(s.subjects) > slot and s.subjects[slot].kind == kind]
            rows = torch.tensor(idx, device=c.x.device)
            count = [len(scenes[i].subjects) for i in idx]

            def per(values: list[float]) -> Tensor:
                return torch.tensor(values, device=c.x.device).view(-1, 1, 1)

            size = per([SIZES[k] * room for k in count])
            many = per([float(k) for k in count])
            place = (slot - (many - 1) / 2) * _spacing(aspect, many)
            jitter = (hash01(torch.full_like(size, float(slot)), 60, seed[rows]) - 0.5) * 0.16 * room / many
            offset = _crossing({k: v[rows] for k, v in m.items()}, aspect, room, many, size)
            x0, y0 = place + jitter + m["drift"][rows] + offset, FLOOR + m["lift"][rows]
            reach = float(size.max()) * 0.78
            inside_x = (c.x[rows] > x0.amin() - reach) & (c.x[rows] < x0.amax() + reach)
            inside_y = (c.y[rows] > FLOOR - 0.1) & (c.y[rows] < float(y0.max()) + float(size.max()) * 1.12)
            cols, lines = inside_x.flatten(0, 1).any(0).nonzero(), inside_y.any(2).any(0).nonzero()
            if not len(cols) or not len(lines):
                continue
            ys, xs = slice(int(lines[0]), int(lines[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)
            gx, gy = c.x[rows, ys, xs], c.y[rows, ys, xs]
            patch = Canvas(c.rgb[rows][:, :, ys, xs], gx, gy, c.px[rows])
            high = (m["lift"][rows] * 1.6).clamp(max=0.6)
            patch.fill(
                ellipse(gx, gy, x0, FLOOR, size * 0.36 * (1 - high * 0.5), size * 0.05),
                patch.rgb * 0.55,
                0.75 * (1 - high),
            )
            x, y = (gx - x0) / size, (gy - y0) / size
            lean = m["lean"][rows]
            x, y = x * torch.cos(lean) + y * torch.sin(lean), y * torch.cos(lean) - x * torch.sin(lean)
            local = Canvas(patch.rgb, x * m["facing"][rows], y / m["squash"][rows], c.px[rows] / size)
            body = palette([scenes[i].subjects[slot].colour for i in idx], RGB, c.x.device)[:, :, None, None]
            FIGURES[kind](local, Paint(body * light[rows], light[rows]), Pose(m["phase"][rows] + 1.7 * slot, m["stride"][rows]))
            c.rgb[
                rows[:, None, None, None],
                torch.arange(3, device=rows.device)[None, :, None, None],
                torch.arange(ys.start, ys.stop, device=rows.device)[None, None, :, None],
                torch.arange(xs.start, xs.stop, device=rows.device)[None, None, None, :],
            ] = local.rgb


@torch.no_grad()
def render(
    scenes: list[Scene],
    frames: int,
    height: int,
    width: int,
    fps: float = 8.0,
    *,
    start: float = 0.0,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Render `frames` frames of every scene from `start` seconds on, as pixels [B, T, H, W, 3] in 0..1.

    The same scene at another size, rate or start shows the same world: frame k of a render that starts at s is the
    frame at s + k / fps. `start` may be negative (what happened before).
    """
    return render_parts(scenes, frames, height, width, fps, start=start, device=device)[0]


@torch.no_grad()
def render_parts(
    scenes: list[Scene],
    frames: int,
    height: int,
    width: int,
    fps: float = 8.0,
    *,
    start: float = 0.0,
    device: torch.device | str = "cpu",
) -> tuple[Tensor, Tensor]:
    """What `render` draws, and where its figures and their shadows are: a bool mask [B, T, H, W]."""
    device = torch.device(device)
    flat = [s for s in scenes for _ in range(frames)]
    t = (start + torch.arange(frames, device=device, dtype=torch.float32) / fps).repeat(len(scenes)).view(-1, 1, 1)
    budget = CACHE_PIXELS if device.type == "cpu" else 2**27
    part = max(1, budget // (height * width))
    parts = [_paint(flat[i : i + part], t[i : i + part], height, width) for i in range(0, len(flat), part)]
    rgb = torch.cat([p[0] for p in parts]).view(len(scenes), frames, 3, height, width)
    figures = torch.cat([p[1] for p in parts]).view(len(scenes), frames, height, width)
    return rgb.permute(0, 1, 3, 4, 2).contiguous(), figures


def _paint(flat: list[Scene], t: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """One frame of each scene in `flat` at its time t [n, 1, 1]: [n, 3, H, W], and the figures' mask [n, H, W]."""
    device = t.device
    seed = torch.tensor([(s.seed % 99991) / 1000.0 for s in flat], device=device).view(-1, 1, 1)
    m = _motion(flat, t, seed)
    aspect = width / height
    gx, gy = _grid(height, width, device)
    zoom, centre = m["zoom"], 0.42
    x = gx / zoom + m["shake_x"] + torch.zeros_like(gy)
    y = (gy - centre) / zoom + centre + m["shake_y"] + torch.zeros_like(gx)
    light = palette([s.time for s in flat], LIGHT, device)[:, :, None, None]
    dim = palette([s.weather for s in flat], {"clear": 1.0, "rain": 0.80, "snow": 0.92, "fog": 0.95}, device).view(-1, 1, 1, 1)
    night = torch.tensor([float(s.time == "night") for s in flat], device=device).view(-1, 1, 1)
    c = Canvas(torch.empty(len(flat), 3, height, width, device=device), x, y, 1.0 / height / zoom)
    stage = Stage(m["camera"], seed, light * dim, aspect, t, night)
    sky(c, [s.time for s in flat], [s.weather for s in flat], stage)
    for setting in sorted({s.setting for s in flat}):
        rows = torch.tensor([i for i, s in enumerate(flat) if s.setting == setting], device=device)
        part = Canvas(c.rgb[rows], x[rows], y[rows], c.px[rows])
        BACKDROPS[setting](part, Stage(stage.camera[rows], seed[rows], stage.ambient[rows], aspect, t[rows], night[rows]))
        c.rgb[rows] = part.rgb
    empty = c.rgb.clone()
    _figures(c, flat, m, seed, stage.ambient, aspect)
    figures = (c.rgb - empty).abs().amax(1) > 0.02
    weather(c, [s.weather for s in flat], stage)
    return c.rgb.clamp_(0, 1), figures
