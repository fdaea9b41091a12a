"""Noise patterns: which latent frames of a training window are targets, context or anchor, and how noisy each is.

One net learns every task by seeing all of them (Diffusion Forcing, arXiv 2407.01392; SkyReels-V2, arXiv 2504.13074):
35 % one level for all frames, 35 % clean context somewhere, 20 % ramps for rolling, 10 % independent levels.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

SHIFT = 2.5
"""Timestep shift a of training and sampling: logit(sigma) ~ N(ln a, 1) (Stable Diffusion 3, arXiv 2403.03206)."""


@dataclass
class Pattern:
    """`sigma` [T] in 0..1, `context` [T] bool: frames that are given and never scored."""

    sigma: Tensor
    context: Tensor


def logit_normal(rng: random.Random, shift: float = SHIFT) -> float:
    """One noise level."""
    return 1.0 / (1.0 + math.exp(-(math.log(shift) + rng.gauss(0.0, 1.0))))


def context_level(rng: random.Random) -> float:
    """Noise level of context frames, always told to the net: 0 (half), up to 0.1 (35 %), up to 0.5 (15 %)."""
    u = rng.random()
    return 0.0 if u < 0.5 else rng.uniform(0.0, 0.1) if u < 0.85 else rng.uniform(0.1, 0.5)


def draw(frames: int, rng: random.Random, shift: float = SHIFT) -> Pattern:
    """Draw the pattern of one window of `frames` latents; at least one frame is a target."""
    sigma = torch.full((frames,), logit_normal(rng, shift))
    context = torch.zeros(frames, dtype=torch.bool)
    u = rng.random()
    if frames == 1 or u < 0.35:
        return Pattern(sigma, context)
    if u < 0.70:
        kind, most = rng.choices(("prefix", "suffix", "ends", "one", "some"), (12, 6, 6, 3, 3))[0], max(1, frames // 2)
        if kind in ("prefix", "ends"):
            context[: rng.randint(1, most if kind == "prefix" else max(1, most // 2))] = True
        if kind in ("suffix", "ends"):
            context[-rng.randint(1, most if kind == "suffix" else max(1, most // 2)) :] = True
        if kind == "one":
            context[rng.randrange(frames)] = True
        if kind == "some":
            context[rng.sample(range(frames), rng.randint(1, most))] = True
        if context.all():
            context[rng.randrange(frames)] = False
        sigma[context] = min(context_level(rng), float(sigma[0]))  # never noisier than the targets
    elif u < 0.90:
        width = rng.uniform(2.0, 2.0 * frames)
        ramp = torch.linspace(0, frames - 1, frames) / width
        ramp = ramp if rng.random() < 0.75 else ramp.flip(0)
        jitter = torch.tensor([rng.gauss(0.0, 0.03) for _ in range(frames)])
        sigma = (ramp - ramp.mean() + logit_normal(rng, shift) + jitter).clamp(0.0, 1.0)
        context = sigma <= 0.02
        if context.all():
            sigma, context = torch.full((frames,), logit_normal(rng, shift)), torch.zeros(frames, dtype=torch.bool)
    else:
        sigma = torch.tensor([logit_normal(rng, shift) for _ in range(frames)])
    return Pattern(sigma, context)
