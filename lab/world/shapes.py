"""Signed-distance primitives and the canvas they are painted on (Quilez, "2D distance functions").

All coordinates are in units of the frame height, y upwards. Every number may be a float or a tensor `[n, 1, 1]`
(one value a frame), so one call draws a shape in all frames of a batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

Number = float | Tensor


def ellipse(x: Tensor, y: Tensor, cx: Number, cy: Number, rx: Number, ry: Number, turn: Number = 0.0) -> Tensor:
    """Approximate signed distance to an ellipse, exact on its outline."""
    x, y = x - cx, y - cy
    if isinstance(turn, Tensor) or turn:
        turn = torch.as_tensor(turn, device=x.device, dtype=x.dtype)
        c, s = torch.cos(turn), torch.sin(turn)
        x, y = x * c + y * s, y * c - x * s
    u, v = x / rx, y / ry
    k = torch.sqrt(u * u + v * v + 1e-9)
    g = torch.sqrt((u / rx) ** 2 + (v / ry) ** 2 + 1e-9)
    return k * (k - 1.0) / g


def capsule(x: Tensor, y: Tensor, x1: Number, y1: Number, x2: Number, y2: Number, r1: Number, r2: Number | None = None) -> Tensor:
    """Signed distance to a thick line from (x1, y1) to (x2, y2) whose radius goes from r1 to r2."""
    dx, dy = x2 - x1, y2 - y1
    px, py = x - x1, y - y1
    t = ((px * dx + py * dy) / (dx * dx + dy * dy + 1e-9)).clamp(0.0, 1.0)
    d = torch.sqrt((px - dx * t) ** 2 + (py - dy * t) ** 2 + 1e-9)
    return d - (r1 if r2 is None else r1 + (r2 - r1) * t)


def box(x: Tensor, y: Tensor, cx: Number, cy: Number, hx: Number, hy: Number, round: float = 0.0) -> Tensor:
    """Signed distance to a box of half sizes hx, hy with rounded corners."""
    qx, qy = (x - cx).abs() - hx + round, (y - cy).abs() - hy + round
    outside = torch.sqrt(qx.clamp_min(0) ** 2 + qy.clamp_min(0) ** 2 + 1e-12)
    return outside + torch.maximum(qx, qy).clamp_max(0) - round


def triangle(x: Tensor, y: Tensor, cx: Number, base: Number, half: Number, height: Number) -> Tensor:
    """Signed distance (a bound) to an upright isosceles triangle standing on `base`."""
    norm = (height * height + half * half) ** 0.5
    side = ((x - cx).abs() * height + (y - base - height) * half) / norm
    return torch.maximum(side, base - y)


def hash01(i: Tensor, k: float, seed: Tensor | float) -> Tensor:
    """Pseudo-random value in [0, 1) of a cell index, a channel and a scene seed in [0, 100)."""
    v = torch.sin(i * 12.9898 + k * 78.233 + seed * 3.7719) * 43758.5453
    return v - torch.floor(v)


class Canvas:
    """Frames being painted: `rgb` [n, 3, H, W] in 0..1, pixel coordinates `x`, `y` [n, H, W], pixel size `px`."""

    def __init__(self, rgb: Tensor, x: Tensor, y: Tensor, px: Tensor):
        self.rgb, self.x, self.y, self.px = rgb, x, y, px

    def blend(self, alpha: Tensor, colour: Tensor) -> None:
        """Paint `colour` [n, 3, 1 or H, 1 or W] over the frames with coverage `alpha` [n, H, W]."""
        self.rgb.lerp_(colour.to(self.rgb.dtype), alpha[:, None])

    def cover(self, d: Tensor) -> Tensor:
        """Anti-aliased coverage of a signed distance."""
        return (0.5 - d / self.px).clamp(0.0, 1.0)

    def fill(self, d: Tensor, colour: Tensor, opacity: Number = 1.0) -> None:
        """Paint the inside of a signed distance flatly."""
        self.blend(self.cover(d) * opacity, colour)

    def solid(self, d: Tensor, colour: Tensor, roundness: float = 0.08, line: float = 0.011) -> None:
        """Paint a rounded-looking body: darker rim, dark thin outline; distances in subject units."""
        inside = (-d / roundness).clamp(0.0, 1.0)
        shade = 0.72 + 0.30 * inside * (2.0 - inside)
        shade = shade * (1.0 - 0.5 * ((d + line) / self.px + 0.5).clamp(0.0, 1.0))
        self.blend(self.cover(d), colour * shade[:, None])
