"""Training the VAE on renders of the world: reconstruction, edges, flicker, and latents a diffusion model likes."""

from __future__ import annotations

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.prompts.scene import World
from ...models.vae import VAEConfig, VideoVAE
from ..world.render import render
from .muon import Muon
from .run import EMA, Run, fastest_dtype, save_strip

HELD_OUT_SEED = 10_000_000
"""Scene seeds from here on are never rendered in training."""


class ClipPool:
    """Rendered clips as bytes, refreshed a few a step; random crops of them are the training data."""

    def __init__(
        self,
        world: World,
        device: torch.device,
        *,
        capacity: int = 1200,
        frames: int = 8,
        size: tuple[int, int] = (160, 256),
        seed: int = 0,
    ):
        self.world, self.device, self.capacity, self.frames, self.size = world, device, capacity, frames, size
        self.clips: list[Tensor] = []
        self.rng = random.Random(seed)

    def refresh(self, n: int) -> None:
        """Render n new clips, each at a random size orientation, start time and rate."""
        height, width = self.size if self.rng.random() < 0.75 else self.size[::-1]
        scenes = [self.world.sample(self.rng.randrange(HELD_OUT_SEED), held_out=None) for _ in range(n)]
        fps = self.rng.choice((8, 8, 12, 16))
        clips = render(scenes, self.frames, height, width, fps, start=self.rng.uniform(0, 30), device=self.device)
        for clip in (clips * 255).round().byte():
            if len(self.clips) < self.capacity:
                self.clips.append(clip)
            else:
                self.clips[self.rng.randrange(self.capacity)] = clip

    def crops(self, n: int, edge: int) -> Tensor:
        """Random crops [n, T, edge, edge, 3] in 0..1."""
        out = []
        for _ in range(n):
            clip = self.rng.choice(self.clips)
            top, left = self.rng.randrange(clip.shape[1] - edge + 1), self.rng.randrange(clip.shape[2] - edge + 1)
            out.append(clip[:, top : top + edge, left : left + edge])
        return torch.stack(out).float() / 255


def _edges(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[:, :, 1:] - x[:, :, :-1], x[:, :, :, 1:] - x[:, :, :, :-1]


def reconstruction_loss(y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted loss and plain squared error of frames [B, T, H, W, 3]: L1 + MSE, gradients, temporal differences."""
    error = (y - x).square().mean()
    edge = sum((a - b).abs().mean() for a, b in zip(_edges(y), _edges(x), strict=True))
    flicker = ((y[:, 1:] - y[:, :-1]) - (x[:, 1:] - x[:, :-1])).abs().mean()
    return (y - x).abs().mean() + 4.0 * error + 0.5 * edge + 0.5 * flicker, error


def _sample(world: World, device: torch.device) -> Tensor:
    """Clips [96, 4, 160, 256, 3] for the linear base."""
    return torch.cat([render([world.sample(i)], 4, 160, 256, start=0.3 * i, device=device) for i in range(96)])


def train_vae(
    world: World,
    out: Path,
    *,
    minutes: float,
    total: float,
    device: torch.device,
    batch: int = 6,
    edge: int = 96,
    lr: float = 1e-3,
    cfg: VAEConfig | None = None,
    seed: int = 0,
    start: dict[str, Tensor] | None = None,
) -> VideoVAE:
    """Train (or go on training) the VAE in `out`; returns the averaged model with its latent statistics set.

    start: weights to begin from where `out` holds no run yet. The linear code and the latent statistics are then kept.
    """
    torch.manual_seed(seed)
    cfg = cfg or VAEConfig()
    model = VideoVAE(cfg).to(device)
    if start is not None:
        model.load_state_dict(start)
    dtype = fastest_dtype(device)
    run = Run(out, model, Muon(model, lr, lr, dtype=dtype), minutes=minutes, total=total)
    pool = ClipPool(world, device, seed=seed + run.step)
    pool.refresh(16)
    if run.step == 0 and start is None:
        model.fit_base(_sample(world, device))
        measure_latents(model, world, device)
        run.ema = EMA(model, run.ema.decay)
    for _ in run.steps():
        pool.refresh(4 if len(pool.clips) < 64 else 1)
        x = pool.crops(batch, edge)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            z = model.encoder(x.permute(0, 1, 4, 2, 3) * 2 - 1, None)
            noise = torch.rand(len(z), 1, 1, 1, 1, device=device) * 0.05 * model.std[0] * torch.randn_like(z)
            small = cfg.encoder_net and torch.rand(()) < 0.2
            if small:  # scale equivariance: D(down(z)) = down(x) (arXiv 2502.14831)
                target = F.avg_pool2d(x.flatten(0, 1).permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1).unflatten(0, x.shape[:2])
                code = F.avg_pool2d(z.flatten(0, 1).float(), 2).unflatten(0, z.shape[:2])
            else:
                target, code = x, z + noise
            y = model.decoder(code, None)
        y = y.float().permute(0, 1, 3, 4, 2) * 0.5 + 0.5
        loss, error = reconstruction_loss(y, target)
        if cfg.encoder_net:
            loss = loss + 0.02 * (z.float().square().mean() - 1).clamp_min(0)
        run.update(loss, psnr=float(-10 * error.detach().log10()), spread=float(z.detach().float().std()))
        if run.step % 300 == 0:
            with torch.no_grad():
                shown = pool.crops(4, edge)
                save_strip(
                    out / "samples.png",
                    [torch.cat([a[:4], b[:4]]) for a, b in zip(shown, model.decode(model.encode(shown)), strict=True)],
                )
    model.load_state_dict(run.ema.shadow)
    if cfg.encoder_net:
        measure_latents(model, world, device)
    return model.eval()


@torch.no_grad()
def measure_latents(model: VideoVAE, world: World, device: torch.device) -> None:
    """Set the latent mean of every channel and one deviation for all, measured on renders."""
    model.mean.zero_()
    model.std.fill_(1.0)
    codes = []
    for i in range(24):
        scenes = [world.sample(HELD_OUT_SEED - 1 - 4 * i - k) for k in range(4)]
        codes.append(model.encode(render(scenes, 8, 128, 192, start=0.5 * i, device=device)))
    z = torch.cat(codes).transpose(0, 1).flatten(1)
    model.mean.copy_(z.mean(1))
    model.std.fill_(z.var(1).mean().sqrt())
