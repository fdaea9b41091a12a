"""Backgrounds: sky, far layer, ground and what stands on it. Every point is a function of world position, so a camera
can travel for ever; layers move by their own parallax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .shapes import Canvas, box, capsule, ellipse, hash01, triangle

HORIZON = 0.40

SKY = {  # top, bottom
    "noon": ((0.22, 0.52, 0.93), (0.72, 0.88, 0.99)),
    "sunset": ((0.42, 0.20, 0.48), (1.00, 0.55, 0.20)),
    "night": ((0.02, 0.03, 0.11), (0.09, 0.12, 0.30)),
    "morning": ((0.62, 0.78, 0.90), (1.00, 0.86, 0.80)),
}
LIGHT = {
    "noon": (1.0, 1.0, 1.0),
    "sunset": (1.0, 0.70, 0.52),
    "night": (0.32, 0.36, 0.58),
    "morning": (1.0, 0.92, 0.88),
}
OVERCAST = {"clear": 0.0, "rain": 0.62, "snow": 0.45, "fog": 0.55}


@dataclass
class Stage:
    """What the layers need, each [n, 1, 1] unless said: `camera` travel, scene `seed` in 0..100, `ambient` [n, 3, 1, 1]
    light, `aspect` W/H, seconds `t`, `night` 0 or 1."""

    camera: Tensor
    seed: Tensor
    ambient: Tensor
    aspect: float
    t: Tensor
    night: Tensor

    def colour(self, r: float, g: float, b: float) -> Tensor:
        """A lit colour [n, 3, 1, 1]."""
        return torch.tensor((r, g, b), device=self.ambient.device).view(1, 3, 1, 1) * self.ambient


def palette(names: list[str], table: dict, device: torch.device) -> Tensor:
    """Look up one entry a frame: [n, ...] of the table's shape."""
    return torch.tensor([table[k] for k in names], device=device)


def sky(c: Canvas, times: list[str], weathers: list[str], s: Stage) -> None:
    """Gradient, sun or moon, stars and clouds."""
    dev = c.x.device
    pair = palette(times, SKY, dev)
    up = ((c.y - HORIZON + 0.05) / (1.05 - HORIZON)).clamp(0, 1)[:, None]
    c.rgb.copy_(pair[:, 1, :, None, None] + (pair[:, 0] - pair[:, 1])[:, :, None, None] * up)
    dull = palette(weathers, OVERCAST, dev).view(-1, 1, 1)
    clear = 1.0 - 1.5 * dull
    sun_x = palette(times, {"noon": 0.30, "sunset": 0.32, "night": -0.30, "morning": -0.34}, dev).view(-1, 1, 1) * s.aspect
    sun_y = palette(times, {"noon": 0.86, "sunset": 0.50, "night": 0.84, "morning": 0.56}, dev).view(-1, 1, 1)
    radius = palette(times, {"noon": 0.07, "sunset": 0.12, "night": 0.075, "morning": 0.08}, dev).view(-1, 1, 1)
    tint = palette(
        times,
        {"noon": (1, 0.98, 0.75), "sunset": (1, 0.80, 0.30), "night": (0.95, 0.95, 0.85), "morning": (1, 0.93, 0.72)},
        dev,
    )
    d = torch.sqrt((c.x - sun_x) ** 2 + (c.y - sun_y) ** 2 + 1e-9) - radius
    c.blend(torch.exp(-d.clamp_min(0) / 0.10) * 0.35 * (1 - s.night) * clear.clamp_min(0), tint[:, :, None, None])
    moon = torch.maximum(d, -(torch.sqrt((c.x - sun_x - 0.035) ** 2 + (c.y - sun_y - 0.02) ** 2 + 1e-9) - radius * 0.85))
    c.fill(torch.where(s.night > 0.5, moon, d), tint[:, :, None, None], clear.clamp_min(0.0))
    cell = 0.13
    ix, iy = torch.floor(c.x / cell), torch.floor(c.y / cell)
    hx, hy = hash01(ix + 57 * iy, 1, s.seed), hash01(ix + 57 * iy, 2, s.seed)
    star = torch.sqrt((c.x / cell - ix - 0.25 - 0.5 * hx) ** 2 + (c.y / cell - iy - 0.25 - 0.5 * hy) ** 2 + 1e-9) * cell
    c.blend(((0.012 - star) / 0.010).clamp(0, 1) * s.night * clear.clamp_min(0) * (hx > 0.35), tint[:, :, None, None])
    wx = c.x + 0.10 * s.camera + 0.02 * s.t
    cloud = torch.floor(wx / 0.75)
    lx = wx - (cloud + 0.5) * 0.75 - 0.2 * (hash01(cloud, 3, s.seed) - 0.5)
    ly = c.y - 0.72 - 0.16 * hash01(cloud, 4, s.seed)
    puff = torch.minimum(ellipse(lx, ly, -0.09, 0.0, 0.13, 0.045), ellipse(lx, ly, 0.05, 0.02, 0.15, 0.06))
    white = s.ambient * 0.65 + 0.33 * pair[:, 1, :, None, None]
    c.blend(torch.sigmoid(-puff / 0.014) * (0.75 - 0.45 * s.night), white)
    grey = torch.tensor((0.60, 0.63, 0.68), device=dev).view(1, 3, 1, 1) * (s.ambient * 0.8 + 0.1)
    c.blend(dull.expand_as(c.x), grey)


def _ridge(c: Canvas, s: Stage, parallax: float, base: float, height: float, freq: float, k: int) -> Tensor:
    x = c.x + parallax * s.camera + s.seed * (1.7 + k)
    h = 0.6 * torch.sin(x * freq) + 0.3 * torch.sin(x * freq * 2.3 + 1.3 * k) + 0.1 * torch.sin(x * freq * 5.1)
    return c.y - base - height * h


def _peaks(c: Canvas, s: Stage, parallax: float, period: float, low: float, high: float, k: int) -> tuple[Tensor, Tensor]:
    x = c.x + parallax * s.camera
    cell = torch.floor(x / period)
    best = top = torch.full_like(x, torch.inf)
    for off in (-1, 0, 1):
        j = cell + off
        cx = (j + 0.5 + 0.4 * (hash01(j, 10 + k, s.seed) - 0.5)) * period
        h = low + (high - low) * hash01(j, 11 + k, s.seed)
        d = triangle(x, c.y, cx, HORIZON - 0.08, 0.75 * period, h + 0.08)
        snow_line = HORIZON + h * 0.62 - c.y
        best, top = torch.minimum(best, d), torch.minimum(top, torch.maximum(d, snow_line))
    return best, top


def _cells(c: Canvas, s: Stage, parallax: float, period: float, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Local x of the nearest item of a row of items, its index, and a hash of it."""
    x = c.x + parallax * s.camera
    cell = torch.floor(x / period)
    h = hash01(cell, 20 + k, s.seed)
    return x - (cell + 0.5 + 0.35 * (h - 0.5)) * period, cell, h


def _ground(c: Canvas, s: Stage, near: Tensor, far: Tensor, bumps: float = 0.006) -> None:
    d = _ridge(c, s, 0.8, HORIZON - 0.012, bumps, 3.0, 5)
    depth = ((HORIZON - c.y) / HORIZON).clamp(0, 1)[:, None]
    c.fill(d, far + (near - far) * depth)


def meadow(c: Canvas, s: Stage) -> None:
    """Rolling hills, round trees, flowers."""
    c.fill(_ridge(c, s, 0.15, HORIZON + 0.10, 0.06, 3.1, 1), s.colour(0.52, 0.76, 0.50))
    c.fill(_ridge(c, s, 0.30, HORIZON + 0.02, 0.05, 4.3, 2), s.colour(0.38, 0.68, 0.33))
    x, _, h = _cells(c, s, 0.45, 0.85, 1)
    c.fill(capsule(x, c.y, 0.0, HORIZON - 0.02, 0.0, HORIZON + 0.12, 0.018), s.colour(0.40, 0.26, 0.14))
    c.solid(ellipse(x, c.y, 0.0, HORIZON + 0.17, 0.085 + 0.03 * h, 0.10), s.colour(0.16, 0.50, 0.18), 0.08)
    _ground(c, s, s.colour(0.26, 0.62, 0.16), s.colour(0.45, 0.74, 0.28))
    x, _, h = _cells(c, s, 1.0, 0.24, 2)
    y = 0.04 + 0.20 * h
    c.fill(ellipse(x, c.y, 0.0, y, 0.020, 0.017), s.colour(1.0, 0.92, 0.55))


def desert(c: Canvas, s: Stage) -> None:
    """Dunes and cacti."""
    c.fill(_ridge(c, s, 0.15, HORIZON + 0.07, 0.06, 2.2, 1), s.colour(0.93, 0.70, 0.42))
    c.fill(_ridge(c, s, 0.30, HORIZON + 0.01, 0.04, 3.3, 2), s.colour(0.90, 0.64, 0.34))
    x, _, h = _cells(c, s, 0.5, 0.95, 3)
    tall = 0.18 + 0.10 * h
    green = s.colour(0.22, 0.50, 0.24)
    c.solid(capsule(x, c.y, 0.0, HORIZON - 0.04, 0.0, HORIZON + tall, 0.032), green, 0.04)
    c.solid(capsule(x, c.y, 0.0, HORIZON + 0.06, 0.085, HORIZON + 0.07, 0.022), green, 0.03)
    c.solid(capsule(x, c.y, 0.085, HORIZON + 0.07, 0.085, HORIZON + 0.14, 0.022), green, 0.03)
    _ground(c, s, s.colour(0.91, 0.72, 0.40), s.colour(0.96, 0.80, 0.52))
    x, _, h = _cells(c, s, 1.0, 0.5, 4)
    c.fill(ellipse(x, c.y, 0.0, 0.08 + 0.18 * h, 0.045, 0.02), s.colour(0.70, 0.50, 0.30))


def snowfield(c: Canvas, s: Stage) -> None:
    """Ice peaks, snowy firs, white ground."""
    d, _ = _peaks(c, s, 0.15, 0.55, 0.18, 0.36, 1)
    c.fill(d, s.colour(0.66, 0.78, 0.92))
    x, _, h = _cells(c, s, 0.4, 0.5, 5)
    for k in range(3):
        c.solid(
            triangle(x, c.y, 0.0, HORIZON - 0.01 + 0.055 * k, 0.085 - 0.02 * k, 0.10 + 0.02 * h),
            s.colour(0.16, 0.40, 0.36),
            0.05,
        )
    c.fill(triangle(x, c.y, 0.0, HORIZON + 0.155, 0.033, 0.055), s.colour(0.95, 0.97, 1.0))
    _ground(c, s, s.colour(0.93, 0.96, 1.0), s.colour(0.82, 0.89, 0.97), 0.012)
    x, _, h = _cells(c, s, 1.0, 0.6, 6)
    c.fill(ellipse(x, c.y, 0.0, 0.06 + 0.2 * h, 0.14, 0.022), s.colour(0.80, 0.87, 0.96))


def city(c: Canvas, s: Stage) -> None:
    """Two rows of buildings with windows that light up at night, a road with a dashed line."""
    for k, (parallax, period, low, high, shade) in enumerate(((0.15, 0.26, 0.22, 0.45, 0.78), (0.35, 0.42, 0.12, 0.30, 0.55))):
        x, _, h = _cells(c, s, parallax, period, 7 + k)
        h = hash01(torch.floor((c.x + parallax * s.camera) / period), 30 + k, s.seed)
        top = low + (high - low) * h
        half = period * 0.42
        x = c.x + parallax * s.camera
        x = x - (torch.floor(x / period) + 0.5) * period
        c.fill(
            box(x, c.y, 0.0, HORIZON + top / 2 - 0.05, half, top / 2 + 0.05),
            s.colour(shade * 0.86, shade * 0.90, shade),
        )
        wx, wy = x / 0.062, (c.y - HORIZON) / 0.075
        window = box(wx - torch.floor(wx) - 0.5, wy - torch.floor(wy) - 0.5, 0.0, 0.0, 0.24, 0.26) * 0.062
        inside = ((x.abs() < half - 0.02) & (c.y < HORIZON + top - 0.02) & (c.y > HORIZON)).to(x.dtype)
        lit = torch.tensor((1.0, 0.86, 0.45), device=x.device).view(1, 3, 1, 1)
        pane = s.colour(0.70, 0.84, 0.95) * (1 - s.night[:, None]) + lit * s.night[:, None]
        c.fill(window, pane, inside)
    _ground(c, s, s.colour(0.34, 0.35, 0.38), s.colour(0.46, 0.47, 0.50), 0.0)
    c.fill(box(c.x, c.y, 0.0, HORIZON - 0.035, 9.0, 0.022), s.colour(0.72, 0.72, 0.72))
    x = c.x + s.camera
    x = x - (torch.floor(x / 0.5) + 0.5) * 0.5
    c.fill(box(x, c.y, 0.0, 0.10, 0.13, 0.016), s.colour(0.98, 0.90, 0.45))


def beach(c: Canvas, s: Stage) -> None:
    """Sea with moving waves, sand, palms."""
    c.fill(c.y - HORIZON - 0.12, s.colour(0.10, 0.50, 0.72))
    for k in range(3):
        y = HORIZON + 0.09 - 0.045 * k
        w = y + 0.006 * torch.sin((c.x + (0.2 + 0.1 * k) * s.camera) * 14 + 2.0 * s.t + k)
        c.fill((c.y - w).abs() - 0.006, s.colour(0.75, 0.92, 0.97))
    x, _, h = _cells(c, s, 0.55, 1.1, 9)
    c.solid(capsule(x, c.y, 0.0, HORIZON - 0.05, 0.06, HORIZON + 0.26, 0.022, 0.014), s.colour(0.55, 0.38, 0.20), 0.03)
    for dx, dy in ((-0.13, -0.02), (0.13, -0.03), (-0.08, 0.07), (0.09, 0.06)):
        c.solid(
            capsule(x, c.y, 0.06, HORIZON + 0.27, 0.06 + dx, HORIZON + 0.27 + dy, 0.03, 0.01),
            s.colour(0.16, 0.55, 0.22),
            0.03,
        )
    _ground(c, s, s.colour(0.97, 0.87, 0.62), s.colour(0.92, 0.82, 0.60))
    x, _, h = _cells(c, s, 1.0, 0.45, 10)
    c.fill(ellipse(x, c.y, 0.0, 0.05 + 0.2 * h, 0.03, 0.02), s.colour(1.0, 0.62, 0.55))


def forest(c: Canvas, s: Stage) -> None:
    """Two rows of tall trunks under a canopy."""
    c.fill(c.y - 1.2, s.colour(0.26, 0.45, 0.30) * 0.9)
    for k, (parallax, period, r, shade) in enumerate(((0.25, 0.20, 0.022, 0.7), (0.5, 0.42, 0.04, 1.0))):
        x, _, h = _cells(c, s, parallax, period, 11 + k)
        c.solid(
            capsule(x, c.y, 0.0, HORIZON - 0.05, 0.01, 1.05, r, r * 0.8),
            s.colour(0.36 * shade, 0.24 * shade, 0.14 * shade),
            0.03,
        )
        c.solid(
            _ridge(c, s, parallax, 0.0, 0.0, 1.0, k) * -1
            + 0.86
            - 0.07 * torch.sin((c.x + parallax * s.camera) * (9 - 3 * k))
            + 0.02 * k,
            s.colour(0.12 * shade + 0.03, 0.38 * shade + 0.05, 0.14),
            0.15,
        )
    _ground(c, s, s.colour(0.20, 0.34, 0.14), s.colour(0.26, 0.42, 0.20), 0.012)
    x, _, h = _cells(c, s, 1.0, 0.4, 14)
    c.fill(ellipse(x, c.y, 0.0, 0.06 + 0.18 * h, 0.035, 0.02), s.colour(0.75, 0.25, 0.18))


def mountains(c: Canvas, s: Stage) -> None:
    """Rocky ridges with snow caps above grey-green ground."""
    d, cap = _peaks(c, s, 0.12, 0.7, 0.30, 0.50, 2)
    c.solid(d, s.colour(0.48, 0.44, 0.50), 0.25, 0.0)
    c.fill(cap, s.colour(0.97, 0.97, 1.0))
    d, _ = _peaks(c, s, 0.3, 0.5, 0.10, 0.22, 3)
    c.fill(d, s.colour(0.40, 0.36, 0.36))
    _ground(c, s, s.colour(0.46, 0.47, 0.38), s.colour(0.56, 0.56, 0.48), 0.012)
    x, _, h = _cells(c, s, 1.0, 0.5, 15)
    c.solid(ellipse(x, c.y, 0.0, 0.06 + 0.2 * h, 0.06, 0.035), s.colour(0.58, 0.57, 0.56), 0.04)


def farm(c: Canvas, s: Stage) -> None:
    """Wheat, a fence and red barns."""
    c.fill(_ridge(c, s, 0.15, HORIZON + 0.05, 0.03, 2.6, 1), s.colour(0.72, 0.74, 0.36))
    x, _, _ = _cells(c, s, 0.35, 1.0, 16)
    c.fill(box(x, c.y, 0.0, HORIZON + 0.08, 0.15, 0.10), s.colour(0.68, 0.16, 0.12))
    c.fill(triangle(x, c.y, 0.0, HORIZON + 0.175, 0.19, 0.12), s.colour(0.38, 0.30, 0.28))
    c.fill(box(x, c.y, 0.0, HORIZON + 0.04, 0.05, 0.065), s.colour(0.95, 0.92, 0.86))
    _ground(c, s, s.colour(0.82, 0.62, 0.16), s.colour(0.93, 0.78, 0.30), 0.006)
    x = c.x + 0.8 * s.camera
    x = x - (torch.floor(x / 0.2) + 0.5) * 0.2
    fence = torch.minimum(box(x, c.y, 0.0, HORIZON - 0.03, 0.014, 0.06), (c.y - HORIZON + 0.02).abs() - 0.011)
    c.fill(fence, s.colour(0.96, 0.94, 0.90))


BACKDROPS: dict[str, Callable[[Canvas, Stage], None]] = {
    f.__name__: f for f in (meadow, desert, snowfield, city, beach, forest, mountains, farm)
}


def weather(c: Canvas, weathers: list[str], s: Stage) -> None:
    """Fog veil, a handful of rain strokes or large snow flakes in front of everything: what many small ones would say, and no
    noise to be learnt."""
    dev = c.x.device
    flag = {k: torch.tensor([float(w == k) for w in weathers], device=dev).view(-1, 1, 1) for k in ("rain", "snow", "fog")}
    if flag["fog"].any():
        c.blend(flag["fog"] * 0.45 * (1.15 - c.y).clamp(0, 1), s.colour(0.86, 0.87, 0.90))
    if flag["rain"].any():
        x = c.x + 0.18 * c.y + 0.6 * s.camera
        column = torch.floor(x / 0.30)
        y = (c.y + 1.2 * s.t + hash01(column, 40, s.seed)) / 0.85
        at = (column + 0.5 + 0.3 * (hash01(column, 44, s.seed) - 0.5)) * 0.30
        mark = capsule(x - at, (y - torch.floor(y)) * 0.85, 0.0, 0.30, 0.0, 0.55, 0.012)
        stroke = s.ambient * 0.5 + torch.tensor((0.33, 0.38, 0.48), device=dev).view(1, 3, 1, 1)
        c.blend(((0.006 - mark) / 0.012).clamp(0, 1) * flag["rain"] * 0.7, stroke)
    if flag["snow"].any():
        x = c.x + 0.02 * torch.sin(2 * s.t + c.y * 6) + 0.6 * s.camera
        column = torch.floor(x / 0.30)
        speed = 0.24 + 0.10 * hash01(column, 42, s.seed)
        y = c.y + speed * s.t + hash01(column, 41, s.seed)
        row = torch.floor(y / 0.38)
        jitter = 0.12 * (hash01(column + 31 * row, 43, s.seed) - 0.5)
        flake = ellipse(x - (column + 0.5) * 0.30 + jitter, y - (row + 0.5) * 0.38, 0.0, 0.0, 0.034, 0.034)
        white = s.ambient * 0.45 + torch.tensor((0.53, 0.54, 0.55), device=dev).view(1, 3, 1, 1)
        c.blend(((0.008 - flake) / 0.016).clamp(0, 1) * flag["snow"] * 0.95, white)
