"""Training the diffusion transformer on the latent bank: rectified flow with one noise level a frame."""

from __future__ import annotations

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...engine.flow import FlowDenoiser
from ...engine.noise_matrix import schedule, sync_matrix
from ...engine.roles import ANCHOR, CONTEXT, TARGET
from ...errors import UsageError
from ...models.adapter import TextAdapter
from ...models.dit import SIGMA_MIN, Context, DiTConfig, VideoDiT
from ...models.prompts.scene import World
from ...models.text import TextEncoder
from ...models.transformer import FoldedDiT
from ...models.vae import VideoVAE
from .bank import Bank
from .latents import LatentShelves
from .muon import Muon
from .patterns import SHIFT, draw
from .run import Run, fastest_dtype, save_strip
from .teacher import Teacher, own_history
from .text import pad_states

TOKENS = 2400
"""Latent tokens a step."""
FIGURE = 4.0
"""A latent wholly covered by a figure counts 1 + this in the loss: figures fill a seventh of the picture and are most of
what a prompt says."""
STEPS = 16
"""Model calls of a clip, where nothing else is asked for."""
SHORT = 2
"""Latents a clip in the first part of training, when every token goes into many different pictures."""
LONG = 8
"""Latents a clip in the rest of it, as many as a window has, in every second step; the other steps stay short: without
them 2,200 steps lost a fifth of the right actions (93 % to 75 % of 28 prompts)."""
AGAIN = 0.5
"""Share of the learning rate that finished weights go on with."""
OWN = 0.5
"""Share of batches, in the last part of training, whose context is what the net itself makes of it; it costs two calls more."""
STRIP_PROMPTS = (
    "A red spaceman stands still in the desert at noon, under a clear sky, a still camera",
    "A blue dog walks to the right in a green meadow at sunset, the weather is fine, a fixed shot",
    "A yellow car jumps up and down in the city at night, it is raining, the camera does not move",
    "A purple mammoth walks to the left in a snowfield at noon, it is snowing, a still camera",
)


def batch_loss(
    model: VideoDiT | FoldedDiT,
    bank: Bank | LatentShelves,
    rng: random.Random,
    tokens: int,
    longest: int,
    dtype: torch.dtype,
    teacher: Teacher | None = None,
    own: float = 0.0,
    visible: Tensor | None = None,
    shift: float = SHIFT,
) -> Tensor:
    """Mean squared velocity error of one batch over its target frames, against the data or against a `teacher`; `visible` [C]
    weighs the channels, `shift` is that of the noise levels.

    In a share `own` of the batches with context, the context is what the net itself makes of it, and what is to be learned
    is still what follows the clean one.
    """
    device = bank.device
    clips, windows, words = bank.draw(tokens, longest if rng.random() < 0.5 else min(longest, SHORT))
    x0 = torch.stack([c.latents[:, w] for c, w in zip(clips, windows, strict=True)]).to(device).float()
    b, _, t, _, _ = x0.shape
    patterns = [draw(t, rng, shift) for _ in clips]
    sigma = torch.stack([p.sigma for p in patterns]).to(device)
    context = torch.stack([p.context for p in patterns]).to(device)
    role = torch.where(context, CONTEXT, TARGET)
    position = torch.arange(t, device=device).repeat(b, 1).float()
    first = torch.tensor([float((~p.context).nonzero()[0]) for p in patterns], device=device)
    position = position - first[:, None]
    fps = torch.tensor([c.fps for c in clips], device=device)
    words = [*words, bank.empty]
    states, mask = pad_states([w[0] for w in words], device)
    slots = torch.stack([w[1] for w in words]).to(device).float()
    dirty = x0
    if context.any() and rng.random() < own:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32), torch.no_grad():
            dirty = own_history(model, x0, rng, model.context(states, mask, slots), position, fps)
    elif context.any() and rng.random() < 0.3:  # damage that the net is not told of, as its own past output will have
        gain = 1 + 0.08 * torch.randn(b, x0.shape[1], 1, 1, 1, device=device)
        dirty = x0 * gain + 0.08 * torch.randn(b, x0.shape[1], 1, 1, 1, device=device) + 0.1 * torch.randn_like(x0)
    source = torch.where(context[:, None, :, None, None], dirty, x0)
    if rng.random() < (0.5 if t > SHORT else 0.1):  # anchor
        anchor = torch.stack([c.anchor for c in clips]).to(device).float()
        x0, source = torch.cat([anchor, x0], 2), torch.cat([anchor, source], 2)
        sigma = torch.cat([sigma.new_zeros(b, 1), sigma], 1)
        role = torch.cat([role.new_full((b, 1), ANCHOR), role], 1)
        position = torch.cat([position.new_full((b, 1), -16.0), position], 1)
    eps = torch.randn_like(x0)
    s = sigma[:, None, :, None, None]
    x = (1 - s) * source + s * eps
    rows = torch.arange(b, device=device)[:, None].expand(b, x0.shape[2])
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        v = model(x, sigma, model.context(states, mask, slots), rows, role, position, fps)
        if teacher is None:
            target = (x - x0) / s.clamp_min(SIGMA_MIN)
        else:
            taught = teacher.model.context(states, mask, slots)
            target = teacher.velocity(torch.lerp(x0, eps, s), sigma, taught, role, position, fps)
    scored = ((role == TARGET) & (sigma > 0.02))[:, None, :, None, None].float()
    figures = torch.stack([c.figures[w] for c, w in zip(clips, windows, strict=True)]).to(device).float()
    figures = F.pad(figures, (0, 0, 0, 0, x0.shape[2] - t, 0))[:, None]
    weight = scored * (1 + FIGURE * figures)
    error = (v.float() - target).square()
    if visible is not None:
        error = error * visible.view(1, -1, 1, 1, 1)
    error = error.mean(1, keepdim=True)
    return (error * weight).sum() / weight.sum().clamp_min(1)


@torch.no_grad()
def sample(
    model: VideoDiT | FoldedDiT,
    ctx: Context,
    shape: tuple[int, ...],
    *,
    steps: int = STEPS,
    shift: float = SHIFT,
    cfg: float = 1.0,
    fps: float = 8.0,
    seed: int = 0,
) -> Tensor:
    """Plain text to video of the prompts in rows 1.. of `ctx` (row 0 is the empty prompt): latents of `shape`
    [B, C, T, h, w] by Euler steps, one seed a row."""
    b, _, t, _, _ = shape
    device = ctx.pooled.device
    denoiser = FlowDenoiser(model, ctx, fps=fps, cfg=cfg, uncond=0, device=device)
    rows = torch.arange(1, b + 1)[:, None].expand(b, t)
    keep, role = torch.zeros(t, dtype=torch.bool), torch.full((t,), TARGET)
    return denoiser.denoise(
        torch.zeros(shape),
        sync_matrix(schedule(steps, shift), t),
        keep,
        rows,
        [seed + i for i in range(b)],
        role=role,
        position=torch.arange(t).float(),
    )


def train_dit(
    world: World,
    vae: VideoVAE,
    text: TextEncoder,
    adapter: TextAdapter,
    out: Path,
    *,
    minutes: float,
    total: float,
    device: torch.device,
    cfg: DiTConfig | None = None,
    sizes: dict[tuple[int, int], float] | None = None,
    tokens: int = TOKENS,
    lr: float = 1.5e-3,
    fill: float = 120.0,
    seed: int = 0,
    start: dict[str, Tensor] | None = None,
    bake: float | None = None,
    distill: int | None = None,
) -> VideoDiT:
    """Train (or go on training) the transformer in `out`; the text adapter stays as it is. Returns the averaged model.

    sizes: (height, width) -> share; tokens: latent tokens a step; fill: seconds of rendering before the first step;
    start: weights to begin from where `out` holds no run yet; bake: learn not from the data but what `start` answers
    with this much guidance; distill: learn to make in so many steps what `start` makes in twice as many.
    """
    torch.manual_seed(seed)
    cfg = cfg or DiTConfig()
    model = VideoDiT(cfg)
    if start is not None:
        model.load_state_dict(start)
    model.adapter.requires_grad_(False)
    model.to(device)
    teacher = None
    if bake is not None or distill is not None:
        if start is None:
            raise UsageError("guidance and fewer steps shape finished weights; give the weights to start from")
        teacher = Teacher(VideoDiT(cfg).to(device).eval().requires_grad_(False), bake or 1.0, distill)
        teacher.model.load_state_dict(start)
    dtype = fastest_dtype(device)
    lr *= 1.0 if start is None else AGAIN
    optimizer = Muon(model, lr, 0.6 * lr, adamw_names=("embed", "role", "out.", "slot_place"), dtype=dtype)
    run = Run(out, model, optimizer, minutes=minutes, total=total, warmup=60, decay=0.45, ema=0.997)
    words = adapter.state_dict()
    model.adapter.load_state_dict(words)
    run.ema.shadow |= {f"adapter.{k}": v.to(device, copy=True) for k, v in words.items()}
    rng = random.Random(seed + run.step)
    sizes = sizes or {(128, 192): 60.0, (160, 256): 20.0, (192, 128): 12.0, (160, 160): 8.0}
    first, short, late = (0.25, 0.6, 0.8) if start is None else (0.0, 0.0, 0.0)  # a net that can draw goes on with how things move
    latents = SHORT if run.progress() < short else LONG
    bank = Bank(world, vae, text, adapter, device, sizes=sizes, latents=latents, seed=seed + 7919 * (run.step + 1))
    bank.fill(fill, least=2)
    shown = torch.Generator().manual_seed(0)
    for step in run.steps():
        if run.progress() >= short and bank.latents == SHORT:
            bank.restart(LONG)
            bank.fill(fill, least=2)
        longest = 1 if run.progress() < first else bank.latents
        bank.add(3 if bank.latents == SHORT else 1)
        own = OWN if run.progress() >= late else 0.0
        loss = batch_loss(model, bank, rng, tokens, longest, dtype, teacher, own)
        run.update(loss, clips=float(sum(len(c) for c in bank.clips.values())))
        if step % 250 == 249:
            strip = out / f"samples_{step + 1}.png"
            guidance = 2.0 if teacher is None else 1.0
            shown_seed = int(torch.randint(2**31, (), generator=shown))
            show(run, vae, text, cfg, strip, device, shown_seed, guidance, distill or STEPS)
    model.load_state_dict(run.ema.shadow)
    return model.eval()


@torch.no_grad()
def show(
    run: Run,
    vae: VideoVAE,
    text: TextEncoder,
    cfg: DiTConfig,
    path: Path,
    device: torch.device,
    seed: int,
    guidance: float,
    steps: int,
) -> None:
    """Write a strip of samples by the averaged weights, one prompt a row."""
    model = VideoDiT(cfg).to(device).eval()
    model.load_state_dict(run.ema.shadow)
    ctx = model.context(*text(["", *STRIP_PROMPTS]))
    z = sample(model, ctx, (len(STRIP_PROMPTS), cfg.channels, 3, 8, 12), cfg=guidance, seed=seed, steps=steps)
    save_strip(path, [clip[::3] for clip in vae.decode(z.to(device))])
