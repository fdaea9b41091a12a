"""How like renders samples are, by measures that no training knows: a net that tries to tell them apart, a distance of features,
sharpness and tile edges, and how much moves."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...metrics.meter import Meter
from ..world.reader import Reader, fit
from .quality import detail, tile_ratio

FEWEST = 4
"""Clips of each kind that can be compared."""
STEEP = 0.02
"""Share of the steps between pixels that count as edges: the steepest."""
ROUNDS, BATCH = 300, 16
"""Steps of the net that tells samples and renders apart, and frames in each."""
EVERY = 4
"""Frames between two that it sees of a clip, which differ little."""


@dataclass(frozen=True)
class Likeness:
    """`apart`: share of frames that a net of its own tells rightly, 0.5 = not at all; `frechet`: distance of features in units of
    that of two halves of the renders; the rest are ratios, samples over renders, but for `tiles`."""

    apart: float
    frechet: float
    edges: float
    detail: float
    tiles: float
    tiles_of_renders: float
    motion: float
    flicker: float


def compare(samples: Sequence[Tensor], renders: Sequence[Tensor], reader: Reader, *, fps: float = 8.0, seed: int = 0) -> Likeness:
    """Samples and renders of the same prompts, at least FEWEST clips [T, H, W, 3] in 0..1 each, all of one size."""
    if min(len(samples), len(renders)) < FEWEST:
        raise ValueError(f"{len(samples)} samples, {len(renders)} renders: at least {FEWEST} of each are compared")
    features = [torch.stack([_features(reader, clip, fps) for clip in clips]) for clips in (samples, renders)]
    half = len(renders) // 2
    own = frechet(features[1][:half], features[1][half:])
    moves = [[_moves(clip) for clip in clips] for clips in (samples, renders)]
    (motion, flicker), (real_motion, real_flicker) = (torch.tensor(rows).mean(0).tolist() for rows in moves)
    together, real = torch.stack(list(samples)), torch.stack(list(renders))
    return Likeness(
        apart=told_apart(samples, renders, seed=seed),
        frechet=frechet(*features) / max(own, 1e-9),
        edges=_mean(steepness, samples) / _mean(steepness, renders),
        detail=detail(together) / detail(real),
        tiles=tile_ratio(together),
        tiles_of_renders=tile_ratio(real),
        motion=motion / max(real_motion, 1e-9),
        flicker=flicker / max(real_flicker, 1e-9),
    )


def told_apart(samples: Sequence[Tensor], renders: Sequence[Tensor], *, seed: int = 0) -> float:
    """Share of frames of the second half of clips that a small net, trained on the first half, rightly calls sample or render
    (classifier two-sample test, arXiv 1610.06545). Of renders against renders it is about 0.5."""
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(3, 24, 5, 2, 2), nn.SiLU(),
            nn.Conv2d(24, 48, 3, 2, 1), nn.GroupNorm(6, 48), nn.SiLU(),
            nn.Conv2d(48, 64, 3, 2, 1), nn.GroupNorm(8, 64), nn.SiLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 1),
        )  # fmt: skip
        known = [_frames(clips[: len(clips) // 2]) for clips in (samples, renders)]
        optimizer, rng = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.05), random.Random(seed)
        for step in range(ROUNDS):
            for group in optimizer.param_groups:
                group["lr"] = 2e-3 * (1 - step / ROUNDS)
            picks = [part[[rng.randrange(len(part)) for _ in range(BATCH // 2)]] for part in known]
            if rng.random() < 0.5:
                picks = [part.flip(-1) for part in picks]
            asked = torch.cat([torch.ones(BATCH // 2), torch.zeros(BATCH // 2)])
            loss = F.binary_cross_entropy_with_logits(net(torch.cat(picks))[:, 0], asked)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            said = [net(_frames(clips[len(clips) // 2 :]))[:, 0] > 0 for clips in (samples, renders)]
    return (float(said[0].float().mean()) + float((~said[1]).float().mean())) / 2


def _frames(clips: Sequence[Tensor]) -> Tensor:
    """Some frames of all clips, [N, 3, H, W] in -1..1."""
    return torch.cat([clip[::EVERY] for clip in clips]).permute(0, 3, 1, 2) * 2 - 1


def frechet(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of two sets of features [N, D] taken as Gaussians (arXiv 1706.08500)."""
    a, b = a.double(), b.double()
    first, second = (torch.cov(x.T) + 1e-6 * torch.eye(x.shape[1], dtype=x.dtype) for x in (a, b))
    values, vectors = torch.linalg.eigh(first)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ second @ root).clamp_min(0).sqrt().sum()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    return float(apart + first.trace() + second.trace() - 2 * cross)


@torch.no_grad()
def _features(reader: Reader, clip: Tensor, fps: float) -> Tensor:
    """What the reader sees in a clip before it names it, [D]."""
    return reader.maps(fit(clip[None], fps)).mean((2, 3, 4))[0]


def steepness(clip: Tensor) -> float:
    """Mean of the steepest steps of lightness between neighbouring pixels of a clip [T, H, W, 3]: how sharp its edges are,
    without another picture to compare with."""
    light = clip.mean(-1)
    steps = torch.cat([light.diff(dim=d).abs().flatten() for d in (1, 2)])
    return float(steps.topk(max(1, round(STEEP * len(steps)))).values.mean())


def _mean(figure: Callable[[Tensor], float], clips: Sequence[Tensor]) -> float:
    return sum(map(figure, clips)) / len(clips)


def _moves(clip: Tensor) -> tuple[float, float]:
    """Mean distance of neighbouring frames, and mean bend of three, in Lab."""
    meter = Meter()
    meter.add(clip)
    return sum(meter.distance) / max(1, len(meter.distance)), sum(meter.bend) / max(1, len(meter.bend))
