"""How good pictures are beside the ones they should be: distance, sharpness at edges, and traces of tiles."""

from __future__ import annotations

import torch
from torch import Tensor

EDGE = 0.06
"""A change of lightness between two neighbouring pixels from which on it is an edge."""


def psnr(made: Tensor, wanted: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of every clip, [B], of pixels [B, T, H, W, 3] in 0..1."""
    return -10 * (made - wanted).square().flatten(1).mean(1).clamp_min(1e-10).log10()


def _slopes(pixels: Tensor) -> Tensor:
    """Steps of lightness to the right and downwards, [B, T, H-1, W-1, 2]."""
    light = pixels.mean(-1)
    across, down = light[..., :-1, 1:] - light[..., :-1, :-1], light[..., 1:, :-1] - light[..., :-1, :-1]
    return torch.stack([across, down], -1)


def sharpness(made: Tensor, wanted: Tensor, where: Tensor | None = None) -> float:
    """How steep `made` is where `wanted` [B, T, H, W, 3] has edges, over how steep `wanted` is there; 1 = as sharp.

    Only slopes in the direction of the edge count, so noise and edges elsewhere do not. where: a mask [B, T, H, W].
    """
    a, b = _slopes(made), _slopes(wanted)
    size = b.norm(dim=-1)
    edges = size > EDGE
    if where is not None:
        edges = edges & where[..., :-1, :-1]
    along = (a * b).sum(-1) / size.clamp_min(1e-6)
    return float(along[edges].mean() / size[edges].mean())


def detail(pixels: Tensor) -> float:
    """Mean change between neighbouring pixels of [B, T, H, W, 3]; needs no picture to compare with, but counts noise too."""
    return float(_slopes(pixels).abs().mean())


def tile_ratio(pixels: Tensor, cell: int = 16) -> float:
    """How rough pictures [B, T, H, W, 3] are across the edges of tiles over how rough they are elsewhere; 1 = no trace."""
    ratios = []
    for x in (pixels, pixels.transpose(2, 3)):
        bend = (x[..., 2:, :] - 2 * x[..., 1:-1, :] + x[..., :-2, :]).abs().mean((0, 1, 2, 4))
        place = (torch.arange(len(bend), device=bend.device) + 1) % cell
        edge = (place == 0) | (place == cell - 1)
        ratios.append(float(bend[edge].mean() / bend[~edge].mean()))
    return sum(ratios) / 2
