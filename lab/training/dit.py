"""Training the diffusion transformer on encoded clips from disk: rectified flow with one noise level a frame, pictures first,
then windows."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...engine.flow import FlowDenoiser
from ...engine.noise_matrix import schedule, sync_matrix
from ...engine.roles import ANCHOR, CONTEXT, TARGET
from ...errors import UsageError
from ...models.adapter import TextAdapter
from ...models.dit import SIGMA_MIN, Context, DiTConfig, VideoDiT
from ...models.text import TextEncoder
from ...models.vae import VideoVAE
from .latents import LatentShelves, visibility
from .muon import Muon
from .patterns import SHIFT, draw
from .run import Run, fastest_dtype, save_strip
from .teacher import Teacher, own_history

TOKENS = 4096
"""Tokens a step, anchors not counted."""
FIGURE = 8.0
"""A latent wholly covered by a figure counts 1 + this in the loss: figures fill a seventh of the picture and are most of
what a prompt says."""
STEPS = 16
"""Model calls of a clip, where nothing else is asked for."""
STAGES = ((0.2, 1), (0.35, 8), (0.65, 16))
"""Share of the plan up to which windows are at most so many latents long; later they are as long as the clips."""
SHORT, ALONE = 1, 0.2
"""Latents a clip in some steps of the later stages, and the share of these: pictures alone, in which every token goes into another
one. Half of the steps taught how things look sooner, and how they move later."""
NOISY = 1.8
"""Timestep shift of the noise levels in training: less than in sampling, as folded latents have little to be told apart at."""
CLIP = 32
"""Frames a clip that is learned from, four seconds."""
LOOKED_AT = 16
"""Clips that the visibility of channels is measured on."""
LATE = 0.8
"""Share of the plan after which the context is in half of the batches what the net itself makes of it."""
OWN = 0.5
"""Share of these batches; each costs two calls more."""
AGAIN = 0.25
"""Share of the learning rate that finished weights go on with."""
NAMED = ("embed", "role", "out.", "slot_place")
"""Parameters that are no maps between features, for AdamW."""
EVERY = 500
"""Steps between two strips of samples."""
GUIDANCE = 2.5
"""Of these samples, where it is not learned already."""
STRIP_PROMPTS = (
    "A red spaceman stands still in the desert at noon, under a clear sky, a still camera",
    "A blue dog walks to the right in a green meadow at sunset, the weather is fine, a fixed shot",
    "A yellow car jumps up and down in the city at night, it is raining, the camera does not move",
    "A purple mammoth walks to the left in a snowfield at noon, it is snowing, a still camera",
)


def batch_loss(
    model: VideoDiT,
    shelves: LatentShelves,
    rng: random.Random,
    cells: int,
    longest: int,
    dtype: torch.dtype,
    teacher: Teacher | None = None,
    own: float = 0.0,
    visible: Tensor | None = None,
) -> Tensor:
    """Mean squared velocity error of one batch of about `cells` latent cells over its target frames, against the data or
    against a `teacher`; `visible` [C] weighs the channels.

    In a share `own` of the batches with context, the context is what the net itself makes of it, and what is to be learned
    is still what follows the clean one.
    """
    device = shelves.device
    clips, windows, words = shelves.draw(cells, min(longest, SHORT) if rng.random() < ALONE else longest)
    x0 = torch.stack([c.latents[:, w] for c, w in zip(clips, windows, strict=True)]).to(device).float()
    b, _, t, _, _ = x0.shape
    patterns = [draw(t, rng, NOISY) for _ in clips]
    sigma = torch.stack([p.sigma for p in patterns]).to(device)
    context = torch.stack([p.context for p in patterns]).to(device)
    role = torch.where(context, CONTEXT, TARGET)
    position = torch.arange(t, device=device).repeat(b, 1).float()
    first = torch.tensor([float((~p.context).nonzero()[0]) for p in patterns], device=device)
    position = position - first[:, None]
    fps = torch.tensor([c.fps for c in clips], device=device)
    slots = torch.stack([*words, shelves.empty]).to(device).float()
    dirty = x0
    if context.any() and rng.random() < own:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32), torch.no_grad():
            dirty = own_history(model, x0, rng, model.context_of(slots), position, fps)
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
        v = model(x, sigma, model.context_of(slots), rows, role, position, fps)
        if teacher is None:
            target = (x - x0) / s.clamp_min(SIGMA_MIN)
        else:
            taught = teacher.model.context_of(slots)
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
    model: VideoDiT,
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


Net = TypeVar("Net", bound=nn.Module)


class HalfRun(Run, Generic[Net]):
    """A run whose gradients come from a copy of the model in another precision, `work`; the model itself, in float32, is
    what the optimiser moves."""

    def __init__(
        self, out: Path, model: Net, optimizer: torch.optim.Optimizer, dtype: torch.dtype, *, minutes: float, total: float
    ):
        super().__init__(out, model, optimizer, minutes=minutes, total=total, warmup=50, decay=0.5)
        self.work: Net = model if dtype == torch.float32 else copy.deepcopy(model).to(dtype)
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Take the model's weights over into the copy."""
        if self.work is not self.model:
            for copied, p in zip(self.work.parameters(), self.model.parameters(), strict=True):
                copied.copy_(p)

    def _backward(self, loss: Tensor) -> None:
        loss.backward()
        if self.work is not self.model:
            for copied, p in zip(self.work.parameters(), self.model.parameters(), strict=True):
                if copied.grad is not None:
                    p.grad, copied.grad = copied.grad.to(p.dtype), None


def train_dit(
    vae: VideoVAE,
    text: TextEncoder,
    adapter: TextAdapter,
    latents: Path,
    out: Path,
    *,
    minutes: float,
    total: float,
    device: torch.device,
    cfg: DiTConfig | None = None,
    tokens: int = TOKENS,
    lr: float = 4e-3,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    start: dict[str, Tensor] | None = None,
    bake: float | None = None,
    distill: int | None = None,
) -> VideoDiT:
    """Train (or go on training) the transformer in `out` on the encoded clips in folder `latents`, see
    `latents.draw_latent_bank`; the text adapter stays as it is. Returns the averaged model.

    dtype: precision of the copy that computes, else the fastest of the device; start: weights to begin from where `out`
    holds no run yet; bake: learn not from the data but what `start` answers with this much guidance; distill: learn to
    make in so many steps what `start` makes in twice as many.
    """
    torch.manual_seed(seed)
    cfg = cfg or DiTConfig(channels=vae.channels, edition=adapter.edition)
    model, teacher = VideoDiT(cfg).to(device), None
    dtype = dtype or fastest_dtype(device)
    if start is not None:
        model.load_state_dict(start)
    model.adapter.load_state_dict(adapter.state_dict())
    model.adapter.requires_grad_(False)
    if bake is not None or distill is not None:
        if start is None:
            raise UsageError("guidance and fewer steps shape finished weights; give the weights to start from")
        teacher = Teacher(copy.deepcopy(model).to(dtype).eval().requires_grad_(False), bake or 1.0, distill)
    optimizer = Muon(
        model, *(part * (1.0 if start is None else AGAIN) for part in (lr, lr * 0.375)), adamw_names=NAMED, dtype=dtype
    )
    run = HalfRun(out, model, optimizer, dtype, minutes=minutes, total=total)
    shelves = LatentShelves(latents, vae, adapter, device, seed=seed + run.step)
    looked = shelves.shelves[0]
    visible = visibility(vae, [looked.clip(k) for k in range(min(LOOKED_AT, len(looked)))]).to(device)
    rng = random.Random(seed + run.step)
    torch.manual_seed(seed + run.step)
    for step in run.steps():
        longest = shelves.latents
        if start is None:  # a net that can draw goes on with how things move
            longest = next((min(n, longest) for share, n in STAGES if run.progress() < share), longest)
        own = OWN if start is not None or run.progress() >= LATE else 0.0
        loss = batch_loss(run.work, shelves, rng, tokens * cfg.fold**2, longest, torch.float32, teacher, own, visible)
        run.update(loss, tokens=float((step + 1) * tokens), longest=float(longest))
        run.refresh()
        if step % EVERY == EVERY - 1:
            show(run, cfg, vae, text, out / f"samples_{step + 1:06d}.png", step, bake is None, distill or STEPS)
    model.load_state_dict(run.ema.shadow)
    return model.eval()


@torch.no_grad()
def show(
    run: Run, cfg: DiTConfig, vae: VideoVAE, text: TextEncoder, path: Path, seed: int, guided: bool = True, steps: int = STEPS
) -> None:
    """Write a strip of samples by the averaged weights, one prompt a row."""
    device = vae.mean.device
    model = VideoDiT(cfg).to(device).eval()
    model.load_state_dict(run.ema.shadow)
    ctx = model.context(*text(["", *STRIP_PROMPTS]))
    shape = (len(STRIP_PROMPTS), cfg.channels, 2 * CLIP // 3 // vae.frames_per_latent, 8, 12)
    z = sample(model, ctx, shape, cfg=GUIDANCE if guided else 1.0, seed=seed, steps=steps)
    save_strip(path, [clip[::3] for clip in vae.decode(z.to(device))])
