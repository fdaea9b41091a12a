"""What finished weights teach: guidance in one call, two steps in one, and to go on from pictures of the net's own making."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from ...engine.roles import TARGET
from ...models.dit import SIGMA_MIN, Context, VideoDiT
from .patterns import SHIFT, logit_normal

LEVELS = (0.2, 0.8)
"""Noise levels from which a history is made anew; above them it need no longer show the clip it belongs to."""


@dataclass(frozen=True)
class Teacher:
    """Finished weights, whose answer with guidance a net learns to give in one call (guidance distillation,
    arXiv 2210.03142, at a single scale), or with `steps` what two of their steps make in one of the net's (progressive
    distillation, arXiv 2202.00512): the net then makes a clip in `steps` steps."""

    model: VideoDiT
    guidance: float = 1.0
    steps: int | None = None

    @torch.no_grad()
    def velocity(self, x: Tensor, sigma: Tensor, ctx: Context, role: Tensor, position: Tensor, fps: Tensor) -> Tensor:
        """Velocity [B, C, T, h, w] to learn; `ctx` holds a prompt a batch row and the empty prompt last."""
        given = self._guided(x, sigma, ctx, role, position, fps)
        if self.steps is None:
            return given
        moving = role == TARGET
        middle = torch.where(moving, later(sigma, 0.5 / self.steps), sigma)
        end = torch.where(moving, later(sigma, 1 / self.steps), sigma)
        first, second = _wide(middle - sigma), _wide(end - middle)
        then = self._guided(x + first * given, middle, ctx, role, position, fps)
        whole = first + second
        return torch.where(whole < 0, (first * given + second * then) / whole.clamp_max(-SIGMA_MIN), given)

    def _guided(self, x: Tensor, sigma: Tensor, ctx: Context, role: Tensor, position: Tensor, fps: Tensor) -> Tensor:
        rows = torch.arange(len(x), device=x.device)[:, None].expand(len(x), x.shape[2])
        given = self.model(x, sigma, ctx, rows, role, position, fps).float()
        if self.guidance == 1.0:
            return given
        empty = self.model(x, sigma, ctx, torch.full_like(rows, len(x)), role, position, fps).float()
        return empty + self.guidance * (given - empty)


def later(sigma: Tensor, part: float, shift: float = SHIFT) -> Tensor:
    """The noise level after `part` of a whole schedule has gone by from each level of `sigma`, at least 0."""
    time = sigma / (shift - (shift - 1) * sigma)
    time = (time - part).clamp_min(0)
    return shift * time / (1 + (shift - 1) * time)


@torch.no_grad()
def own_history(model: VideoDiT, clean: Tensor, rng: random.Random, ctx: Context, position: Tensor, fps: Tensor) -> Tensor:
    """Latents [B, C, T, h, w] as the net itself makes them: noised, each clip to a level of its own, and denoised in two
    steps (Resampling Forcing, arXiv 2512.15702, in its cheapest form)."""
    b, _, t, _, _ = clean.shape
    drawn = [min(LEVELS[1], max(LEVELS[0], logit_normal(rng))) for _ in range(b)]
    sigma = torch.tensor(drawn, device=clean.device)[:, None].expand(b, t)
    rows = torch.arange(b, device=clean.device)[:, None].expand(b, t)
    role = torch.full_like(rows, TARGET)
    x = torch.lerp(clean, torch.randn_like(clean), _wide(sigma))
    for now, then in ((sigma, sigma / 2), (sigma / 2, torch.zeros_like(sigma))):
        x = x + _wide(then - now) * model(x, now, ctx, rows, role, position, fps).float()
    return x


def _wide(per_frame: Tensor) -> Tensor:
    return per_frame[:, None, :, None, None]
