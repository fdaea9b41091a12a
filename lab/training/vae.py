"""Training the VAE on clips from disk: reconstruction, edges and flicker, figures before all, latents of
even spread that bear some noise; in the last part a critic makes it sharp."""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...models.prompts.scene import TRAVEL
from ...models.vae import VAEConfig, VideoVAE, config_from
from .clips import CELL, Shelves
from .critic import Critic, alike, hinge
from .muon import Muon
from .quality import detail, psnr, sharpness, tile_ratio
from .run import EMA, Run, fastest_dtype, fill_optimizer, optimizer_tensors, save_strip

FIGURE = 3.0
"""Pixels of figures count 1 + this: they fill a seventh of the picture and are what eyes go to."""
SQUARES, EDGE = 0.15, 96
"""Share of batches of squares, of so many pixels a side, for variety; the others are of whole pictures: nets that see
nothing but squares take their edges for granted, and lose 1.6 dB in the middle of a picture."""
NOISE = 0.15
"""Largest deviation of the noise on latents, in units of their own: what a sampler gives is never exact."""
EVEN = 0.1
"""Weight of each channel's mean from 0 and log deviation from 1: channels that grow unchecked make mean colours wander."""
CALM = 15.0
"""Minutes after which the learning rate begins to fall, with the square root of the time."""
COOL = 0.3
"""Last share of the plan, in which the learning rate falls to nothing."""
SHARPEN = 0.6
"""Share of the plan after which the critic counts; it learns for a little while before."""
CRITIC_FIRST = 0.04
"""That while, as a share of the plan; the critic's word comes in over the same share."""
FEATURES, OPINION = 0.4, 0.2
"""How hard the distance in the critic's features and its score pull at a picture, as shares of the pull of the other loss:
by themselves both are a hundred times weaker at first and grow as the critic learns."""
PIXELS = 200_000
"""Pixels of a batch for every frame of a latent."""
SAMPLES, SAMPLE = 24, 400_000
"""Batches that statistics are measured on, and pixels in each."""
SHOWN, MEASURED = 8, 24
"""Clips of the tests in a strip, and in the figures."""
AVERAGED = "averaged.safetensors"
EVERY = 240.0
"""Seconds of training between two measurements on the tests."""


def _slopes(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Mean distance between the slopes of frames [N, 3, H, W] at three scales, weighted [N, 1, H, W]."""
    parts = []
    for scale in range(3):
        if scale:
            a, b, weight = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2), F.avg_pool2d(weight, 2)
        for dim in (-1, -2):
            n = a.shape[dim] - 1
            parts.append((weight.narrow(dim, 1, n) * (a.diff(dim=dim) - b.diff(dim=dim)).abs()).mean())
    return torch.stack(parts).sum()


def crop_loss(made: Tensor, wanted: Tensor, figures: Tensor) -> Tensor:
    """Loss of frames [B, T, H, W, 3] in 0..1; `figures` [B, T, H/16, W/16] is the share of each cell that figures cover."""
    y, x = made.movedim(-1, 2), wanted.movedim(-1, 2)
    weight = 1 + FIGURE * F.interpolate(figures, scale_factor=CELL)[:, :, None]
    distance = (y - x).abs()
    loss = (weight * (distance + 4.0 * distance.square())).mean()
    flicker = (weight[:, 1:] * (y.diff(dim=1) - x.diff(dim=1)).abs()).mean()
    return loss + 0.5 * _slopes(y.flatten(0, 1), x.flatten(0, 1), weight.flatten(0, 1)) + 0.5 * flicker


def unevenness(code: Tensor) -> Tensor:
    """How far the channels of codes [B, T, C, h, w] are from mean 0 and deviation 1."""
    rows = code.movedim(2, 0).flatten(1)
    return rows.mean(1).square().mean() + rows.std(1).clamp_min(1e-3).log().square().mean()


class VAERun(Run):
    """A run with a critic, whose learning rate falls early and whose checkpoints hold the critic too."""

    def __init__(self, out: Path, model: VideoVAE, lr: float, dtype: torch.dtype, **plan: float):
        frames = 3 * model.cfg.frames
        self.critic = Critic(frames).to(model.mean.device)
        self.critic_optimizer = torch.optim.AdamW(self.critic.parameters(), 1e-3, betas=(0.5, 0.9))
        self.net = model
        super().__init__(out, model, Muon(model, lr, lr / 3, dtype=dtype), warmup=30, **plan)

    def _schedule(self) -> None:
        calm = (1 + self.spent / 60 / CALM) ** -0.5
        scale = min(1.0, (self.step + 1) / self.warmup) * calm * min(1.0, (1 - self.progress()) / COOL)
        for group, lr in zip(self.optimizer.param_groups, self.base, strict=True):
            group["lr"] = lr * scale

    @property
    def opinion(self) -> float:
        """How much the critic's word counts now, 0..1."""
        return min(1.0, max(0.0, (self.progress() - SHARPEN) / CRITIC_FIRST))

    def pull(self, loss: Tensor, frames: Tensor, wanted: Tensor, dtype: torch.dtype) -> Tensor:
        """Gradient at `frames` [B, T, H, W, 3] of their `loss`, and of the critic's word once it counts."""
        (plain,) = torch.autograd.grad(loss, frames, retain_graph=True)
        if not self.opinion:
            return plain
        self.critic.requires_grad_(False)
        with torch.autocast(frames.device.type, dtype, enabled=dtype != torch.float32):
            score, features = self.critic(self.net.groups(frames))
            with torch.no_grad():
                _, given = self.critic(self.net.groups(wanted))
        self.critic.requires_grad_(True)
        whole, size = plain, self.opinion * plain.norm()
        for word, share in ((alike(features, given), FEATURES), (-score.float().mean(), OPINION)):
            (part,) = torch.autograd.grad(word, frames, retain_graph=True)
            whole = whole + share * size * part / part.norm().clamp_min(1e-12)
        return whole

    def teach_critic(self, frames: Tensor, wanted: Tensor, dtype: torch.dtype) -> None:
        """One step of the critic on frames [B, T, H, W, 3] and those they should be, from a while before it counts."""
        if self.progress() < SHARPEN - CRITIC_FIRST:
            return
        with torch.autocast(frames.device.type, dtype, enabled=dtype != torch.float32):
            loss = hinge(self.critic(self.net.groups(wanted))[0], self.critic(self.net.groups(frames.detach()))[0])
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimizer.step()

    def save(self) -> None:
        """Write the critic, then the rest."""
        tensors = {f"critic.{k}": v for k, v in self.critic.state_dict().items()}
        tensors |= optimizer_tensors(self.critic_optimizer)
        save_file({k: v.detach().contiguous().cpu().clone() for k, v in tensors.items()}, self.out / "critic.tmp")
        os.replace(self.out / "critic.tmp", self.out / "critic.safetensors")
        super().save()

    def _load(self) -> None:
        super()._load()
        tensors = load_file(self.out / "critic.safetensors")
        self.critic.load_state_dict({k[7:]: v for k, v in tensors.items() if k.startswith("critic.")})
        fill_optimizer(self.critic_optimizer, tensors)


def train_vae(
    clips: Path,
    out: Path,
    *,
    minutes: float,
    total: float,
    device: torch.device,
    cfg: VAEConfig | None = None,
    pixels: int | None = None,
    frames: int = 8,
    lr: float = 3e-3,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    start: dict[str, Tensor] | None = None,
    decoder: bool = False,
) -> VideoVAE:
    """Train (or go on training) the VAE in `out` on the bank of clips in folder `clips`, see `clips.draw_bank`; a new
    run begins with the tensors `start` where they are given, else from nothing.

    A batch is of clips of `frames` frames, `pixels` pixels in all, else PIXELS for every frame of a latent. With `decoder` the
    encoder and its statistics stay as they are. Returns the averaged model with its latent statistics set.
    """
    torch.manual_seed(seed)
    cfg = cfg or VAEConfig()
    model = VideoVAE(cfg).to(device)
    if decoder:
        model.encoder.requires_grad_(False)
    dtype = dtype or fastest_dtype(device)
    pixels = pixels or PIXELS * cfg.frames
    run = VAERun(out, model, lr, dtype, minutes=minutes, total=total)
    (out / "config.json").write_text(json.dumps(asdict(cfg)), encoding="utf-8")
    shelves, tests = Shelves(clips, "train", seed=seed + run.step), Shelves(clips, "test")
    torch.manual_seed(seed + run.step)
    rng = random.Random(seed + run.step)
    if run.step == 0:
        if start is None:
            model.fit_base(shelves.batch(pixels, frames)[0].to(device) for _ in range(SAMPLES))
        else:
            model.load_state_dict(start)
        run.ema = EMA(model, run.ema.decay)
    measured = run.spent
    for _ in run.steps():
        if run.spent - measured > EVERY:
            measured = run.spent
            report(run, shelves, tests, dtype)
        edge = EDGE if rng.random() < SQUARES else None
        x, figures = (part.to(device) for part in shelves.batch(pixels, frames, edge))
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            with torch.set_grad_enabled(not decoder):
                code = model.code(x)
            noise = NOISE * torch.rand(len(x), 1, 1, 1, 1, device=device)
            y = model.draw(code + noise * torch.randn_like(code))
        leaf = y.detach().requires_grad_()
        error = crop_loss(leaf, x, figures)
        pull = run.pull(error, leaf, x, dtype)
        loss = error.detach() + ((y - y.detach()) * pull).sum() + EVEN * unevenness(code)
        run.update(loss, psnr=float(psnr(y.detach(), x).mean()), spread=float(code.detach().std((0, 1, 3, 4)).max()))
        run.teach_critic(y, x, dtype)
    return report(run, shelves, tests, dtype)


def report(run: VAERun, shelves: Shelves, tests: Shelves, dtype: torch.dtype) -> VideoVAE:
    """Write the averaged model as `averaged.safetensors`, its figures on the tests to `held_out.jsonl`, and a strip of
    pictures; returns the model."""
    model = averaged_model(run, shelves)
    state = {k: v.contiguous().cpu() for k, v in model.state_dict().items()}
    save_file(state, run.out / "averaged.tmp")
    os.replace(run.out / "averaged.tmp", run.out / AVERAGED)
    found = measure(model, tests, dtype, run.out / f"strip_{run.step:06d}.png")
    line = {"step": run.step, "minutes": round(run.spent / 60, 2), **found}
    with open(run.out / "held_out.jsonl", "a", encoding="utf-8") as f:
        f.write(json.dumps(line) + "\n")
    return model


@torch.no_grad()
def averaged_model(run: VAERun, shelves: Shelves) -> VideoVAE:
    """The run's averaged weights, with the mean and the deviation of every latent channel as measured on some batches."""
    model = VideoVAE(run.net.cfg).to(run.net.mean.device)
    model.load_state_dict(run.ema.shadow)
    if not any(p.requires_grad for p in run.net.encoder.parameters()):
        return model.eval()
    frames, device = model.cfg.frames, model.mean.device
    rows = [model.code(shelves.batch(SAMPLE, frames)[0].to(device)).movedim(2, 0).flatten(1) for _ in range(SAMPLES)]
    code = torch.cat(rows, 1)
    model.mean.copy_(code.mean(1))
    model.std.copy_(code.std(1))
    return model.eval()


@torch.no_grad()
def measure(model: VideoVAE, tests: Shelves, dtype: torch.dtype, strip_path: Path) -> dict[str, float]:
    """Figures of a model on clips never trained on, those with figures in motion first, and a strip of pictures of them, the
    sources above what becomes of them."""
    device = model.mean.device
    shelf = max(tests.shelves, key=len)
    moving = sorted(range(len(shelf)), key=lambda k: shelf.sources[k].scene.action not in (*TRAVEL, "dance"))
    rows: dict[str, list[float]] = {}
    strip, codes = [], []
    for n, k in enumerate(moving[:MEASURED]):
        x = shelf.clip(k)[None].to(device)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            code = model.code(x)
            y = model.draw(code).clamp(0, 1)
        mask = torch.from_numpy(shelf.figures[k].copy()).repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)[None] > 0
        row = {
            "psnr": float(psnr(y, x)),
            "sharpness": sharpness(y, x),
            "detail": detail(y) / detail(x),
            "tile edges": tile_ratio(y),
            "of sources": tile_ratio(x),
        }
        if mask.any():
            row["sharpness of figures"] = sharpness(y, x, mask.to(device))
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
        codes.append(code.movedim(2, 0).flatten(1))
        if n < SHOWN:
            strip.append(torch.cat([x[0, 6:13:3], y[0, 6:13:3]], 1))
    save_strip(strip_path, [torch.cat(strip[i : i + 2]) for i in range(0, len(strip), 2)])
    spread = torch.cat(codes, 1).std(1)
    found = {name: round(sum(v) / len(v), 4) for name, v in rows.items()}
    return found | {"least spread": round(float(spread.min()), 3), "most spread": round(float(spread.max()), 3)}


def trained_vae(out: Path) -> VideoVAE | None:
    """The averaged model that a run in folder `out` wrote last, or None where there is none."""
    if not (out / AVERAGED).exists():
        return None
    cfg = json.loads((out / "config.json").read_text(encoding="utf-8"))
    model = VideoVAE(config_from(cfg))
    model.load_state_dict(load_file(out / AVERAGED))
    return model.eval().requires_grad_(False)
