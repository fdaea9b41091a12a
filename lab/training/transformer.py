"""Training the folded transformer on encoded clips from disk: pictures first, then windows."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from ...models.adapter import TextAdapter
from ...models.autoencoder import Autoencoder
from ...models.text import TextEncoder
from ...models.transformer import FoldedConfig, FoldedDiT
from .dit import OWN, STEPS, STRIP_PROMPTS, batch_loss, sample
from .latents import LatentShelves, visibility
from .muon import Muon
from .run import Run, fastest_dtype, save_strip

CELLS = 16384
"""Latent cells a step; a token is four of them."""
STAGES = ((0.25, 1), (0.5, 4), (0.75, 8))
"""Share of the plan up to which windows are at most so many latents long; later they are as long as the clips."""
NOISY = 1.8
"""Timestep shift of the noise levels in training: less than in sampling, as folded latents have little to be told apart at."""
CLIP = 16
"""Frames a clip that is learned from, two seconds."""
LOOKED_AT = 16
"""Clips that the visibility of channels is measured on."""
LATE = 0.8
"""Share of the plan after which the context is in half of the batches what the net itself makes of it."""
NAMED = ("embed", "role", "out.", "slot_place")
"""Parameters that are no maps between features, for AdamW."""
EVERY = 500
"""Steps between two strips of samples."""


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


def train_transformer(
    vae: Autoencoder,
    text: TextEncoder,
    adapter: TextAdapter,
    latents: Path,
    out: Path,
    *,
    minutes: float,
    total: float,
    device: torch.device,
    cfg: FoldedConfig | None = None,
    tokens: int = CELLS,
    lr: float = 4e-3,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    start: dict[str, Tensor] | None = None,
) -> FoldedDiT:
    """Train (or go on training) the transformer in `out` on the encoded clips in folder `latents`, see
    `latents.draw_latent_bank`; the text adapter stays as it is. Returns the averaged model.

    dtype: precision of the copy that computes, else the fastest of the device; start: weights to begin from where `out` holds
    no run yet.
    """
    torch.manual_seed(seed)
    cfg = cfg or FoldedConfig(channels=vae.channels, edition=adapter.edition)
    model = FoldedDiT(cfg).to(device)
    if start is not None:
        model.load_state_dict(start)
    model.adapter.load_state_dict(adapter.state_dict())
    model.adapter.requires_grad_(False)
    dtype = dtype or fastest_dtype(device)
    optimizer = Muon(model, lr, lr * 0.375, adamw_names=NAMED, dtype=dtype)
    run = HalfRun(out, model, optimizer, dtype, minutes=minutes, total=total)
    shelves = LatentShelves(latents, vae, adapter, device, seed=seed + run.step)
    visible = visibility(vae, [shelves.shelves[0].clip(k) for k in range(min(LOOKED_AT, len(shelves.shelves[0])))]).to(device)
    rng = random.Random(seed + run.step)
    torch.manual_seed(seed + run.step)
    for step in run.steps():
        longest = next((n for share, n in STAGES if run.progress() < share), shelves.latents)
        own = OWN if run.progress() >= LATE else 0.0
        loss = batch_loss(run.work, shelves, rng, tokens, min(longest, shelves.latents), torch.float32, None, own, visible, NOISY)
        run.update(loss, tokens=float((step + 1) * tokens // cfg.fold**2), longest=float(longest))
        run.refresh()
        if step % EVERY == EVERY - 1:
            show(run, cfg, vae, text, out / f"samples_{step + 1:06d}.png", step)
    model.load_state_dict(run.ema.shadow)
    return model.eval()


@torch.no_grad()
def show(run: Run, cfg: FoldedConfig, vae: Autoencoder, text: TextEncoder, path: Path, seed: int, guidance: float = 2.5) -> None:
    """Write a strip of samples by the averaged weights, one prompt a row."""
    device = vae.mean.device
    model = FoldedDiT(cfg).to(device).eval()
    model.load_state_dict(run.ema.shadow)
    ctx = model.context(*text(["", *STRIP_PROMPTS]))
    latents = 2 * CLIP // 3 // vae.frames_per_latent
    z = sample(model, ctx, (len(STRIP_PROMPTS), cfg.channels, latents, 8, 12), cfg=guidance, seed=seed, steps=STEPS)
    save_strip(path, [clip[::3] for clip in vae.decode(z.to(device))])
