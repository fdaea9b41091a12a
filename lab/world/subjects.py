"""The figures. Each is drawn in its own frame: feet on y = 0, about 1 high, facing right (+x)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .shapes import Canvas, box, capsule, ellipse

RGB = {
    "red": (0.86, 0.10, 0.12),
    "yellow": (0.98, 0.84, 0.10),
    "green": (0.13, 0.62, 0.20),
    "blue": (0.12, 0.30, 0.88),
    "purple": (0.55, 0.18, 0.72),
    "white": (0.96, 0.96, 0.96),
    "orange": (0.97, 0.50, 0.06),
    "pink": (1.0, 0.52, 0.72),
    "brown": (0.55, 0.35, 0.19),
    "grey": (0.58, 0.59, 0.62),
    "black": (0.16, 0.16, 0.19),
}
DARK, WHITE, GREY, GOLD = (0.07, 0.07, 0.09), (0.97, 0.97, 0.97), (0.62, 0.64, 0.68), (0.95, 0.72, 0.15)


@dataclass
class Pose:
    """`phase` of the gait in radians and `stride` 0..1 (how far legs swing), both [n, 1, 1]."""

    phase: Tensor
    stride: Tensor


@dataclass
class Paint:
    """Body colour and its shades [n, 3, 1, 1], and `light` [n, 3, 1, 1], the ambient light on the figure."""

    body: Tensor
    light: Tensor

    def fixed(self, rgb: tuple[float, float, float]) -> Tensor:
        """A colour that does not depend on the figure's, lit like it."""
        return torch.tensor(rgb, device=self.light.device).view(1, 3, 1, 1) * self.light

    def shade(self, f: float) -> Tensor:
        """The body colour, darker (f < 1)."""
        return self.body * f


def _legs(
    c: Canvas, p: Paint, pose: Pose, hips: tuple[float, ...], top: float, r: float, colour: Tensor, reach: float = 0.13
) -> None:
    for k, hx in enumerate(hips):
        swing = pose.stride * torch.sin(pose.phase + math.pi * (k % 2) + 0.6 * (k // 2))
        lift = pose.stride * 0.07 * torch.cos(pose.phase + math.pi * (k % 2) + 0.6 * (k // 2)).clamp_min(0)
        c.solid(capsule(c.x, c.y, hx, top, hx + reach * swing, r + lift, r * 1.1, r), colour, 0.06)


def _eye(c: Canvas, p: Paint, x: float, y: float, r: float = 0.035) -> None:
    c.fill(ellipse(c.x, c.y, x, y, r, r * 1.15), p.fixed(WHITE))
    c.fill(ellipse(c.x, c.y, x + r * 0.35, y, r * 0.55, r * 0.7), p.fixed(DARK))


def spaceman(c: Canvas, p: Paint, pose: Pose) -> None:
    """White suit, knitted helmet and boots in the figure's colour."""
    suit = p.fixed((0.90, 0.91, 0.94))
    c.solid(box(c.x, c.y, -0.20, 0.42, 0.09, 0.17, 0.05), p.fixed(GREY))
    _legs(c, p, pose, (-0.09, 0.09), 0.28, 0.085, p.body, 0.14)
    c.solid(box(c.x, c.y, 0.0, 0.40, 0.17, 0.20, 0.10), suit)
    c.solid(box(c.x, c.y, 0.0, 0.27, 0.165, 0.035, 0.02), p.body)
    swing = pose.stride * torch.sin(pose.phase)
    c.solid(capsule(c.x, c.y, 0.02, 0.50, 0.10 - 0.16 * swing, 0.30, 0.07, 0.06), suit)
    c.fill(ellipse(c.x, c.y, 0.10 - 0.16 * swing, 0.29, 0.06, 0.06), p.body)
    c.solid(ellipse(c.x, c.y, 0.0, 0.76, 0.25, 0.23), p.body, 0.14)
    knit = (torch.sin(c.x * 60.0) * torch.sin(c.y * 60.0)).clamp_min(0) * 0.22
    c.blend(c.cover(ellipse(c.x, c.y, 0.0, 0.76, 0.235, 0.215)) * knit, p.shade(0.55))
    c.solid(ellipse(c.x, c.y, 0.07, 0.74, 0.155, 0.135), p.fixed((0.98, 0.80, 0.64)), 0.2)
    _eye(c, p, 0.04, 0.77, 0.028)
    _eye(c, p, 0.15, 0.77, 0.028)
    c.fill(capsule(c.x, c.y, 0.06, 0.685, 0.14, 0.685, 0.011), p.fixed(DARK))
    c.solid(ellipse(c.x, c.y, 0.0, 1.0, 0.06, 0.055), p.shade(0.85))


def mammoth(c: Canvas, p: Paint, pose: Pose) -> None:
    """Shaggy high-shouldered body, domed head, trunk and white tusks."""
    _legs(c, p, pose, (-0.30, 0.06, -0.19, 0.17), 0.36, 0.085, p.shade(0.75), 0.10)
    c.solid(ellipse(c.x, c.y, -0.08, 0.50, 0.40, 0.28, 0.12), p.body, 0.18)
    fringe = 0.30 + 0.035 * torch.sin(c.x * 55.0)
    c.solid(torch.maximum(ellipse(c.x, c.y, -0.10, 0.42, 0.35, 0.24), fringe - 0.12 - c.y), p.shade(0.88), 0.2)
    c.solid(ellipse(c.x, c.y, 0.27, 0.68, 0.19, 0.23), p.body, 0.14)
    c.solid(ellipse(c.x, c.y, 0.25, 0.90, 0.11, 0.08), p.shade(0.7))
    nod = 0.04 * torch.sin(pose.phase)
    c.solid(capsule(c.x, c.y, 0.40, 0.62, 0.47 + nod, 0.30, 0.085, 0.06), p.shade(0.92), 0.08)
    c.solid(capsule(c.x, c.y, 0.47 + nod, 0.30, 0.55 + nod, 0.20, 0.06, 0.045), p.shade(0.92), 0.08)
    c.solid(capsule(c.x, c.y, 0.34, 0.52, 0.50, 0.38, 0.045, 0.04), p.fixed(WHITE))
    c.solid(capsule(c.x, c.y, 0.50, 0.38, 0.62, 0.50, 0.04, 0.018), p.fixed(WHITE))
    c.solid(ellipse(c.x, c.y, 0.17, 0.66, 0.09, 0.14, 0.2), p.shade(0.78))
    _eye(c, p, 0.36, 0.74, 0.03)


def _quadruped(c: Canvas, p: Paint, pose: Pose) -> None:
    _legs(c, p, pose, (-0.28, 0.12, -0.20, 0.20), 0.30, 0.055, p.shade(0.82), 0.15)
    c.solid(ellipse(c.x, c.y, -0.04, 0.40, 0.34, 0.165), p.body, 0.12)


def dog(c: Canvas, p: Paint, pose: Pose) -> None:
    """Wagging tail, long snout, hanging ear, collar."""
    wag = 0.10 * torch.sin(pose.phase * 2.0)
    c.solid(capsule(c.x, c.y, -0.34, 0.46, -0.50 + wag, 0.72, 0.05, 0.035), p.body)
    _quadruped(c, p, pose)
    c.solid(ellipse(c.x, c.y, -0.02, 0.34, 0.2, 0.085), p.fixed((0.97, 0.92, 0.84)), 0.2, 0.0)
    c.solid(capsule(c.x, c.y, 0.22, 0.46, 0.30, 0.66, 0.11, 0.10), p.body)
    c.fill(capsule(c.x, c.y, 0.17, 0.575, 0.36, 0.535, 0.028), p.fixed(DARK))
    c.solid(ellipse(c.x, c.y, 0.32, 0.73, 0.17, 0.15), p.body, 0.10)
    c.solid(capsule(c.x, c.y, 0.40, 0.68, 0.53, 0.665, 0.085, 0.065), p.shade(0.95), 0.07)
    c.fill(ellipse(c.x, c.y, 0.585, 0.70, 0.04, 0.034), p.fixed(DARK))
    c.solid(ellipse(c.x, c.y, 0.20, 0.70, 0.065, 0.16, -0.25), p.shade(0.6))
    _eye(c, p, 0.385, 0.78, 0.034)


def car(c: Canvas, p: Paint, pose: Pose) -> None:
    """Small saloon with turning wheels."""
    c.solid(box(c.x, c.y, -0.05, 0.53, 0.30, 0.17, 0.13), p.shade(0.92))
    c.fill(box(c.x, c.y, -0.18, 0.54, 0.11, 0.10, 0.05), p.fixed((0.75, 0.89, 0.97)))
    c.fill(box(c.x, c.y, 0.09, 0.54, 0.11, 0.10, 0.05), p.fixed((0.75, 0.89, 0.97)))
    c.solid(box(c.x, c.y, 0.0, 0.31, 0.58, 0.16, 0.11), p.body, 0.12)
    c.fill(ellipse(c.x, c.y, 0.52, 0.35, 0.05, 0.055), p.fixed((1.0, 0.95, 0.6)))
    c.fill(box(c.x, c.y, 0.0, 0.20, 0.58, 0.03, 0.03), p.fixed(GREY))
    for wx in (-0.32, 0.32):
        c.fill(ellipse(c.x, c.y, wx, 0.14, 0.145, 0.145), p.fixed(DARK))
        c.fill(ellipse(c.x, c.y, wx, 0.14, 0.075, 0.075), p.fixed(GREY))
        a = pose.phase * pose.stride
        dx, dy = 0.06 * torch.cos(a), -0.06 * torch.sin(a)
        c.fill(capsule(c.x, c.y, wx - dx, 0.14 - dy, wx + dx, 0.14 + dy, 0.022), p.fixed(DARK))


def bird(c: Canvas, p: Paint, pose: Pose) -> None:
    """Round chick with a wing, an orange beak and two thin legs."""
    _legs(c, p, pose, (-0.05, 0.07), 0.25, 0.03, p.fixed((0.95, 0.55, 0.1)), 0.12)
    c.solid(capsule(c.x, c.y, -0.25, 0.45, -0.47, 0.60, 0.10, 0.05), p.shade(0.75))
    c.solid(ellipse(c.x, c.y, 0.0, 0.45, 0.30, 0.27), p.body, 0.16)
    c.solid(ellipse(c.x, c.y, 0.06, 0.37, 0.17, 0.14), p.fixed((0.98, 0.95, 0.88)), 0.2, 0.0)
    flap = 0.16 * torch.sin(pose.phase) * pose.stride
    c.solid(capsule(c.x, c.y, -0.02, 0.50, -0.22, 0.42 + flap, 0.11, 0.05), p.shade(0.65))
    c.solid(ellipse(c.x, c.y, 0.15, 0.78, 0.18, 0.17), p.body, 0.12)
    c.solid(capsule(c.x, c.y, 0.32, 0.77, 0.44, 0.74, 0.055, 0.012), p.fixed((0.97, 0.58, 0.08)))
    c.solid(capsule(c.x, c.y, 0.10, 0.93, 0.03, 1.02, 0.035, 0.015), p.shade(0.7))
    _eye(c, p, 0.21, 0.82, 0.042)


def rabbit(c: Canvas, p: Paint, pose: Pose) -> None:
    """Sitting rabbit with two long ears."""
    _legs(c, p, pose, (-0.12, 0.10), 0.20, 0.075, p.shade(0.85), 0.12)
    c.solid(ellipse(c.x, c.y, -0.27, 0.24, 0.09, 0.09), p.fixed(WHITE))
    c.solid(ellipse(c.x, c.y, -0.04, 0.30, 0.24, 0.23), p.body, 0.14)
    for ex, turn in ((0.04, 0.18), (0.17, -0.12)):
        c.solid(ellipse(c.x, c.y, ex, 0.86, 0.065, 0.19, turn), p.body, 0.06)
        c.fill(ellipse(c.x, c.y, ex, 0.85, 0.028, 0.14, turn), p.fixed((1.0, 0.72, 0.76)))
    c.solid(ellipse(c.x, c.y, 0.12, 0.57, 0.19, 0.17), p.body, 0.12)
    c.fill(ellipse(c.x, c.y, 0.30, 0.55, 0.028, 0.024), p.fixed((0.95, 0.45, 0.5)))
    _eye(c, p, 0.19, 0.61, 0.036)


def cat(c: Canvas, p: Paint, pose: Pose) -> None:
    """Pointed ears, whiskers, curled tail, stripes."""
    wave = 0.06 * torch.sin(pose.phase)
    c.solid(capsule(c.x, c.y, -0.34, 0.42, -0.52, 0.62, 0.045, 0.045), p.body)
    c.solid(capsule(c.x, c.y, -0.52, 0.62, -0.44 + wave, 0.86, 0.045, 0.035), p.shade(0.7))
    _quadruped(c, p, pose)
    for sx in (-0.22, -0.10, 0.02):
        c.fill(capsule(c.x, c.y, sx, 0.54, sx + 0.02, 0.44, 0.022, 0.008), p.shade(0.5))
    for ex in (0.19, 0.41):
        c.solid(capsule(c.x, c.y, ex, 0.74, ex + (ex - 0.3) * 0.25, 0.93, 0.085, 0.008), p.shade(0.85), 0.05)
    c.solid(ellipse(c.x, c.y, 0.30, 0.66, 0.20, 0.17), p.body, 0.12)
    c.fill(ellipse(c.x, c.y, 0.37, 0.62, 0.026, 0.02), p.fixed((0.95, 0.45, 0.5)))
    for dy in (-0.02, 0.02):
        c.fill(capsule(c.x, c.y, 0.42, 0.61, 0.58, 0.62 + dy * 2, 0.006), p.fixed(WHITE))
    _eye(c, p, 0.26, 0.70, 0.036)
    _eye(c, p, 0.41, 0.70, 0.036)


def robot(c: Canvas, p: Paint, pose: Pose) -> None:
    """Box robot with an antenna lamp and a screen face."""
    _legs(c, p, pose, (-0.11, 0.11), 0.22, 0.06, p.fixed(GREY), 0.12)
    c.solid(box(c.x, c.y, 0.0, 0.40, 0.22, 0.20, 0.03), p.body, 0.10)
    swing = pose.stride * torch.sin(pose.phase)
    for side in (-1, 1):
        c.solid(capsule(c.x, c.y, 0.25 * side, 0.52, 0.30 * side + 0.10 * swing * side, 0.28, 0.045), p.fixed(GREY))
    c.fill(box(c.x, c.y, 0.0, 0.42, 0.12, 0.09, 0.02), p.fixed((0.15, 0.17, 0.2)))
    for k, rgb in enumerate((RGB["red"], RGB["yellow"], RGB["green"])):
        c.fill(ellipse(c.x, c.y, -0.07 + 0.07 * k, 0.42, 0.024, 0.024), p.fixed(rgb))
    c.solid(capsule(c.x, c.y, 0.0, 0.84, 0.0, 0.98, 0.016), p.fixed(GREY))
    c.fill(ellipse(c.x, c.y, 0.0, 1.0, 0.045, 0.045), p.fixed((1.0, 0.3, 0.2)))
    c.solid(box(c.x, c.y, 0.02, 0.73, 0.20, 0.13, 0.04), p.body, 0.10)
    c.fill(box(c.x, c.y, 0.05, 0.73, 0.14, 0.08, 0.03), p.fixed((0.1, 0.14, 0.2)))
    for ex in (-0.01, 0.12):
        c.fill(ellipse(c.x, c.y, ex, 0.74, 0.03, 0.034), p.fixed((0.3, 1.0, 0.9)))


def turtle(c: Canvas, p: Paint, pose: Pose) -> None:
    """Domed patterned shell in the figure's colour, olive skin."""
    skin = p.fixed((0.62, 0.70, 0.38))
    _legs(c, p, pose, (-0.26, 0.14, -0.18, 0.22), 0.20, 0.075, skin, 0.10)
    c.solid(capsule(c.x, c.y, 0.30, 0.30, 0.46, 0.50, 0.075, 0.08), skin)
    c.solid(ellipse(c.x, c.y, 0.49, 0.54, 0.12, 0.10), skin, 0.08)
    c.solid(torch.maximum(ellipse(c.x, c.y, -0.03, 0.24, 0.42, 0.46), 0.20 - c.y), p.body, 0.18)
    for sx, sy in ((-0.22, 0.40), (-0.02, 0.50), (0.18, 0.40), (-0.10, 0.30), (0.10, 0.30)):
        c.fill(ellipse(c.x, c.y, sx, sy, 0.075, 0.06), p.shade(0.62))
    c.solid(capsule(c.x, c.y, -0.42, 0.20, 0.38, 0.20, 0.04), p.shade(0.75))
    _eye(c, p, 0.53, 0.58, 0.03)


def balloon(c: Canvas, p: Paint, pose: Pose) -> None:
    """Hot-air balloon with stripes and a basket."""
    for sx in (-0.09, 0.09):
        c.fill(capsule(c.x, c.y, sx, 0.16, sx * 2, 0.42, 0.008), p.fixed((0.3, 0.22, 0.15)))
    c.solid(box(c.x, c.y, 0.0, 0.10, 0.10, 0.08, 0.02), p.fixed((0.55, 0.36, 0.18)))
    bag = torch.minimum(ellipse(c.x, c.y, 0.0, 0.68, 0.34, 0.33), capsule(c.x, c.y, 0.0, 0.34, 0.0, 0.55, 0.10, 0.27))
    c.solid(bag, p.body, 0.2)
    for sx in (-0.18, 0.18):
        c.blend(c.cover(torch.maximum(bag + 0.02, (c.x - sx * (1.0 - (c.y - 0.68) ** 2 * 4)).abs() - 0.045)), p.shade(0.55))


def snowman(c: Canvas, p: Paint, pose: Pose) -> None:
    """Three snowballs; hat and scarf in the figure's colour."""
    snow = p.fixed((0.95, 0.97, 1.0))
    c.solid(ellipse(c.x, c.y, 0.0, 0.22, 0.27, 0.23), snow, 0.2)
    wave = 0.08 * torch.sin(pose.phase)
    for side in (-1, 1):
        c.fill(capsule(c.x, c.y, 0.16 * side, 0.52, 0.40 * side, 0.62 + wave * side, 0.018), p.fixed((0.35, 0.22, 0.12)))
    c.solid(ellipse(c.x, c.y, 0.0, 0.50, 0.20, 0.18), snow, 0.16)
    c.solid(ellipse(c.x, c.y, 0.0, 0.74, 0.155, 0.145), snow, 0.12)
    c.solid(capsule(c.x, c.y, -0.13, 0.62, 0.13, 0.62, 0.05), p.body)
    c.solid(capsule(c.x, c.y, 0.09, 0.60, 0.13, 0.42, 0.045), p.shade(0.85))
    c.solid(box(c.x, c.y, 0.0, 0.86, 0.20, 0.03, 0.02), p.shade(0.8))
    c.solid(box(c.x, c.y, 0.0, 0.95, 0.13, 0.11, 0.03), p.body)
    c.solid(capsule(c.x, c.y, 0.06, 0.73, 0.24, 0.71, 0.035, 0.008), p.fixed((0.97, 0.5, 0.08)))
    for ex in (0.0, 0.11):
        c.fill(ellipse(c.x, c.y, ex, 0.79, 0.022, 0.024), p.fixed(DARK))


def horse(c: Canvas, p: Paint, pose: Pose) -> None:
    """Long legs, long neck, dark mane and tail."""
    c.solid(capsule(c.x, c.y, -0.36, 0.58, -0.48, 0.30, 0.05, 0.04), p.shade(0.4))
    _legs(c, p, pose, (-0.27, 0.12, -0.20, 0.20), 0.45, 0.05, p.shade(0.82), 0.18)
    c.solid(ellipse(c.x, c.y, -0.05, 0.54, 0.33, 0.155), p.body, 0.12)
    c.solid(capsule(c.x, c.y, 0.15, 0.72, 0.25, 0.95, 0.09, 0.05), p.shade(0.4))
    c.solid(capsule(c.x, c.y, 0.20, 0.56, 0.33, 0.86, 0.12, 0.08), p.body, 0.1)
    c.solid(capsule(c.x, c.y, 0.33, 0.90, 0.31, 1.02, 0.035, 0.01), p.shade(0.8))
    c.solid(capsule(c.x, c.y, 0.34, 0.88, 0.52, 0.74, 0.085, 0.06), p.body, 0.08)
    _eye(c, p, 0.38, 0.90, 0.03)


FIGURES: dict[str, Callable[[Canvas, Paint, Pose], None]] = {
    f.__name__: f for f in (spaceman, mammoth, dog, car, bird, rabbit, cat, robot, turtle, balloon, snowman, horse)
}
