"""A judge of latents: a small classifier that says what a clip shows without decoding it, so that the transformer can
be trained on what its own samples show. It is trained on encoded renders, shares nothing with the attribute reader that
evaluation uses, and is never shipped."""

from __future__ import annotations

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.prompts.scene import ATTRIBUTES, Scene, World
from ...models.vae import VideoVAE
from ..world.render import render
from .reader import labels
from .run import Run, fastest_dtype

LATENTS = 4
"""Latents a clip that is judged."""
SIZES = {(160, 256): 50.0, (128, 192): 40.0, (192, 128): 5.0, (160, 160): 5.0}
"""(height, width) in pixels -> share."""
UPDATES = 4
"""Updates between two renders, which cost more than learning does."""


class Judge(nn.Module):
    """Clean latents of a one-figure clip to class scores of every attribute."""

    def __init__(self, channels: int, width: int = 64):
        super().__init__()
        w = width

        def stage(a: int, b: int, kernel: int, stride: tuple[int, int, int] = (1, 1, 1)) -> nn.Sequential:
            conv = nn.Conv3d(a, b, kernel, stride, kernel // 2, bias=False)
            return nn.Sequential(conv, nn.GroupNorm(8, b), nn.SiLU())

        self.net = nn.Sequential(
            stage(channels, 2 * w, 1),
            stage(2 * w, 2 * w, 3),
            stage(2 * w, 3 * w, 3, (1, 2, 2)),
            stage(3 * w, 3 * w, 3),
        )
        self.heads = nn.ModuleDict({k: nn.Linear(6 * w, len(v)) for k, v in ATTRIBUTES.items()})

    def forward(self, latents: Tensor) -> dict[str, Tensor]:
        """Latents [B, C, T, h, w] to scores [B, classes] by attribute."""
        x = self.net(latents)
        x = torch.cat([x.mean((2, 3, 4)), x.amax((2, 3, 4))], 1)
        return {k: head(x) for k, head in self.heads.items()}


def blur(z: Tensor, rng: random.Random) -> Tensor:
    """What a half-finished sample looks like: softer than a render, a little noisy, a little weak."""
    if rng.random() < 0.4:
        soft = F.avg_pool3d(F.pad(z, (1, 1, 1, 1, 0, 0), mode="replicate"), (1, 3, 3), 1)
        z = torch.lerp(z, soft, rng.uniform(0.2, 0.9))
    if rng.random() < 0.6:
        z = z + rng.uniform(0.0, 0.3) * torch.randn_like(z)
    return z * rng.uniform(0.85, 1.05)


@torch.no_grad()
def still_maps(vae: VideoVAE) -> list[tuple[Tensor, Tensor]]:
    """For every frame of a latent the map (matrix [C, C], offset [C]) from a latent to that of the frame standing still, by
    the linear part of the VAE."""
    draw, take, per = vae.decoder.base, vae.encoder.base, vae.frames_per_latent
    one = draw.in_features

    def parts(cells: Tensor, frame: int) -> Tensor:
        # a latent's pixels go by frame, colour and place
        return cells.unflatten(-1, (per, -1))[..., frame : frame + 1, :].expand(*cells.shape[:-1], per, -1).flatten(-2)

    found = []
    for frame in range(per):
        matrix = take.weight @ parts(draw.weight.T, frame).T
        offset = take(parts(draw.bias, frame))
        scale = vae.std[:one, None] / vae.std[None, :one]
        found.append((matrix / scale, (offset + matrix @ vae.mean - vae.mean) / vae.std))
    return found


def still(maps: list[tuple[Tensor, Tensor]], latents: Tensor, frame: int) -> Tensor:
    """Latents [B, C, T, h, w] in which nothing moves: each shows its frame `frame` all along. What moves is then seen from
    one latent to the next alone."""
    matrix, offset = maps[frame]
    return torch.einsum("dc,bcthw->bdthw", matrix.to(latents), latents) + offset.to(latents).view(1, -1, 1, 1, 1)


def train_judge(
    world: World,
    vae: VideoVAE,
    out: Path,
    *,
    minutes: float,
    total: float,
    device: torch.device,
    batch: int = 32,
    lr: float = 1e-3,
    capacity: int = 20000,
    grow: int = 4,
    seed: int = 0,
) -> Judge:
    """Train (or go on training) the judge in `out` on one-figure scenes, held-out combinations left out; `grow` is how
    many new clips are rendered at a time. Logs the share of right answers on clips that were just rendered: "right" of all
    attributes, "apart" of action and camera where latents stand still."""
    torch.manual_seed(seed)
    model = Judge(vae.channels).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=0.02)
    run = Run(out, model, optimizer, minutes=minutes, total=total, warmup=50)
    rng = random.Random(seed + run.step)
    dtype = fastest_dtype(device)
    single = World(**{**world.__dict__, "max_subjects": 1})
    pools: dict[tuple[int, int], list[tuple[Scene, Tensor]]] = {size: [] for size in SIZES}

    def add(n: int) -> tuple[list[Scene], Tensor]:
        size = rng.choices(list(SIZES), list(SIZES.values()))[0]
        scenes = [single.sample(rng.randrange(10_000_000)) for _ in range(n)]
        start = rng.choice((0.0, rng.uniform(0.0, 60.0)))
        clips = render(scenes, LATENTS * vae.frames_per_latent, *size, 8.0, start=start, device=device)
        with torch.no_grad():
            latents = vae.encode(clips).half()
        for row in zip(scenes, latents.cpu(), strict=True):
            if sum(len(p) for p in pools.values()) < capacity:
                pools[size].append(row)
            else:
                pools[size][rng.randrange(len(pools[size]))] = row
        return scenes, latents

    while any(len(p) < 4 for p in pools.values()) or sum(len(p) for p in pools.values()) < 8 * batch:
        add(8)
    right, apart, maps = 0.0, 0.0, still_maps(vae)
    for step in run.steps():
        if step % UPDATES == 0:
            scenes, fresh = add(grow)
            target = labels(scenes, device)
            with torch.no_grad():
                whole, views = model(fresh.float()), model(still(maps, fresh.float(), rng.randrange(len(maps))))
            hits = torch.stack([(s.argmax(1) == target[k]).float() for k, s in whole.items()])
            right += 0.02 * (float(hits.mean()) - right)
            hits = torch.stack([(views[k].argmax(1) == target[k]).float() for k in ("action", "camera")])
            apart += 0.02 * (float(hits.mean()) - apart)
        size = rng.choices(list(SIZES), [len(pools[s]) for s in SIZES])[0]
        picks = [rng.choice(pools[size]) for _ in range(batch)]
        x = torch.stack([p[1] for p in picks]).to(device).float()
        x = blur(still(maps, x, rng.randrange(len(maps))) if rng.random() < 0.5 else x, rng)
        target = labels([p[0] for p in picks], device)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            scores = model(x)
        losses = [F.cross_entropy(s.float(), target[k], label_smoothing=0.05) for k, s in scores.items()]
        run.update(torch.stack(losses).mean(), right=right, apart=apart)
    model.load_state_dict(run.ema.shadow)
    return model.eval()
