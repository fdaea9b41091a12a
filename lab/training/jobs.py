"""One training job: what `longtake train` asks for, the nets it needs, and the export of what it made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ...errors import UsageError
from ...models.adapter import TextAdapter
from ...models.dit import DiTConfig, VideoDiT
from ...models.load import WEIGHTS, adapter_in, config_of, fill, load_dit, load_state, load_vae, pick_device, save_net
from ...models.prompts.scene import NEWEST, WORLDS
from ...models.text import load_text
from ...models.vae import VideoVAE, config_from
from ..world.reader import Reader
from .clips import draw_bank
from .dit import CLIP, STEPS, TOKENS, train_dit
from .latents import draw_latent_bank
from .patterns import SHIFT
from .reader import train_reader
from .text import train_text
from .vae import train_vae, trained_vae

NETS = ("vae", "text", "reader", "dit")
WINDOW = {"anchors": 1, "context": 4, "new": 27, "ahead": 4, "reach": 32, "endpoints": True}
"""As many frames as the transformer sees in training, four seconds: an anchor, and four of the past that say how things move."""

CLIPS, TESTS = 3600, 120
"""Clips that the VAE is trained on and measured with, 16 frames each: 5.5 GB."""
ENCODED = 2400
"""Encoded clips that the transformer is trained on, 32 frames each: 0.4 GB, and half an hour of one thread."""


@dataclass(frozen=True)
class Job:
    """Options of one `longtake train` call; minutes of this segment and of the whole plan."""

    net: str
    out: Path
    minutes: float
    total: float
    world: str = "full"
    width: int | None = None
    depth: int | None = None
    tokens: int | None = None
    seed: int = 0
    device: str | None = None
    from_box: bool = False
    bake: float | None = None
    distill: int | None = None
    export: Path | None = None
    decoder: bool = False


class Span(TypedDict):
    """What every trainer is told alike."""

    minutes: float
    total: float
    device: torch.device
    seed: int


def averaged(out: Path, net: str) -> dict[str, Tensor] | None:
    """The averaged weights of a run's last checkpoint, or None where there is none."""
    path = out / net / "checkpoint.safetensors"
    if not path.exists():
        return None
    return {k[4:]: v for k, v in load_file(path).items() if k.startswith("ema.")}


def _vae(out: Path) -> VideoVAE:
    return trained_vae(out / "vae") or load_vae()


def _adapter(out: Path) -> TextAdapter:
    state = averaged(out, "text")
    adapter = load_dit().adapter if state is None else adapter_in(state, prefix="")
    return adapter.eval().requires_grad_(False)


def _dit(job: Job, span: Span) -> VideoDiT:
    """The transformer, trained on the latents of the VAE in `out`, else in the box.

    Clips are encoded on the CPU before the first step; those that another VAE encoded are refused.
    """
    vae, adapter, device, latents = _vae(job.out), _adapter(job.out), span["device"], job.out / "latents"
    count = CLIP // vae.frames_per_latent
    draw_latent_bank(latents, WORLDS[job.world], vae, load_text(), adapter, ENCODED, latents=count, seed=job.seed)
    sizes = {"width": job.width or DiTConfig.width, "depth": job.depth or DiTConfig.depth}
    cfg, start = DiTConfig(channels=vae.channels, edition=adapter.edition, **sizes), None
    if job.from_box:
        start, shape = load_state("dit")
        cfg = DiTConfig(**shape)
    options: dict[str, Any] = {"cfg": cfg, "start": start, "tokens": job.tokens or TOKENS, "bake": job.bake, "distill": job.distill}
    return train_dit(vae.to(device), load_text(device), adapter.to(device), latents, job.out / job.net, **options, **span)


def train(job: Job) -> list[Path]:
    """Run one segment; returns the files exported, if any. The nets a job builds on come from `out`, else the box."""
    device, world, folder = pick_device(job.device), WORLDS[job.world], job.out / job.net
    span: Span = {"minutes": job.minutes, "total": job.total, "device": device, "seed": job.seed}
    net: nn.Module
    config: dict[str, Any] = {}
    info: dict[str, Any] = {}
    if job.net == "vae":
        draw_bank(job.out / "clips", world, CLIPS, TESTS, seed=job.seed)
        begun: dict[str, Any] = {}
        if job.from_box:
            state, shape = load_state("vae")
            begun = {"start": state, "cfg": config_from(shape), "decoder": job.decoder}
        vae = train_vae(job.out / "clips", folder, **begun, **span)
        net, config = vae, config_of(vae)
    elif job.net == "text":
        box = load_dit().adapter if job.from_box else None
        start = box.state_dict() if box else None
        config = {"edition": box.edition if box else NEWEST}
        net = train_text(world, load_text(device), folder, start=start, **config, **span)
    elif job.net == "reader":
        start, known = load_state("reader") if job.from_box else (None, {"edition": NEWEST})
        config = {"edition": known.get("edition", 1)}
        net = train_reader(world, folder, start=start, **config, **span)
        config |= {"world": job.world}
    elif job.net == "dit":
        dit = _dit(job, span)
        net, config = dit, config_of(dit)
        info = {"shift": SHIFT, "steps": job.distill or STEPS, "fps": 8, "world": job.world, "window": WINDOW}
    else:
        raise UsageError(f"net {job.net!r}: give {', '.join(NETS[:-1])} or {NETS[-1]}")
    return save_net(job.net, net, config, folder=job.export, info=info) if job.export else []


def load_reader(folder: Path = WEIGHTS) -> Reader:
    """The attribute reader in the box; raises WeightsError."""
    state, config = load_state("reader", folder)
    reader = Reader(edition=config.get("edition", 1))
    fill(reader, state, "reader")
    return reader
