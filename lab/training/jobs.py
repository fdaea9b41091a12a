"""One training job: what `longtake train` asks for, the nets it needs, and the export of what it made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ...errors import UsageError
from ...models.adapter import TextAdapter, edition_of
from ...models.autoencoder import Autoencoder, config_from
from ...models.dit import DiTConfig
from ...models.load import WEIGHTS, config_of, dit_config, fill, load_dit, load_state, load_vae, pick_device, save_net
from ...models.prompts.scene import NEWEST, WORLDS
from ...models.text import load_text
from ...models.transformer import FoldedConfig
from ...models.vae import VideoVAE
from ..world.reader import Reader
from .autoencoder import load_autoencoder, train_autoencoder
from .clips import draw_bank
from .dit import STEPS, TOKENS, train_dit
from .latents import draw_latent_bank
from .patterns import SHIFT
from .reader import train_reader
from .text import train_text
from .transformer import CELLS, CLIP, train_transformer
from .vae import train_vae

NETS = ("vae", "text", "reader", "dit", "autoencoder", "transformer")
WINDOW = {"anchors": 1, "context": 1, "new": 7, "ahead": 2, "reach": 8}
"""An anchor and as many latents as the transformer sees in training; a second one of context made no join smoother."""

CLIPS, TESTS = 3600, 120
"""Clips that the autoencoder is trained on and measured with, 16 frames each: 5.5 GB."""
ENCODED = 4000
"""Encoded clips that the folded transformer is trained on, 8 latents each: 0.4 GB, and half an hour of one thread."""


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
    state = averaged(out, "vae")
    if state is None:
        return load_vae()
    vae = VideoVAE()
    vae.load_state_dict(state)
    return vae.eval().requires_grad_(False)


def _adapter(out: Path) -> TextAdapter:
    state = averaged(out, "text")
    adapter = load_dit().adapter if state is None else TextAdapter(edition=edition_of(state))
    if state is not None:
        adapter.load_state_dict(state)
    return adapter.eval().requires_grad_(False)


def _transformer(job: Job, span: Span) -> tuple[nn.Module, dict[str, Any]]:
    """The folded transformer and its config, trained on the latents of the autoencoder in `out`.

    Clips are encoded on the CPU before the first step; those that another autoencoder encoded are refused.
    """
    start: dict[str, Tensor] | None = None
    if job.from_box:
        vae, adapter, cfg, start = _begun()
    else:
        trained, state = load_autoencoder(job.out / "autoencoder"), averaged(job.out, "text")
        if trained is None or state is None:
            raise UsageError(f"no autoencoder and text adapter in {job.out}: `longtake train autoencoder` and `text` come first")
        vae, adapter = trained, _adapter(job.out)
        sizes = {"width": job.width or FoldedConfig.width, "depth": job.depth or FoldedConfig.depth}
        cfg = FoldedConfig(channels=vae.channels, edition=adapter.edition, **sizes)
    world, device, latents = WORLDS[job.world], span["device"], job.out / "latents"
    count = CLIP // vae.frames_per_latent
    draw_latent_bank(latents, world, vae, load_text(), adapter, ENCODED, latents=max(8, count), seed=job.seed)
    tokens, nets = job.tokens or CELLS, (vae.to(device), load_text(device), adapter.to(device))
    made = train_transformer(*nets, latents, job.out / job.net, cfg=cfg, tokens=tokens, start=start, **span)
    return made, config_of(made)


def _begun() -> tuple[Autoencoder, TextAdapter, FoldedConfig, dict[str, Tensor]]:
    """The autoencoder, the text adapter and shape and weights of the transformer that were trained a part of the way."""
    state, shape = load_state("autoencoder", CHECKPOINTS)
    vae = Autoencoder(config_from(shape))
    fill(vae, state, "autoencoder")
    weights, shape = load_state("transformer", CHECKPOINTS)
    words = {name.removeprefix("adapter."): value for name, value in weights.items() if name.startswith("adapter.")}
    adapter = TextAdapter(edition=edition_of(words))
    fill(adapter, words, "transformer")
    return vae, adapter, FoldedConfig(**shape), weights


CHECKPOINTS = Path(__file__).parent.parent / "checkpoints"
"""Nets that are trained a part of the way, to go on from with `--from-box`."""


def train(job: Job) -> list[Path]:
    """Run one segment; returns the files exported, if any. The nets a job builds on come from `out`, else the box."""
    device, world, folder = pick_device(job.device), WORLDS[job.world], job.out / job.net
    span: Span = {"minutes": job.minutes, "total": job.total, "device": device, "seed": job.seed}
    net: nn.Module
    config: dict[str, Any] = {}
    info: dict[str, Any] = {}
    if job.net == "vae":
        vae = train_vae(world, folder, start=load_state("vae")[0] if job.from_box else None, **span)
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
        vae, adapter = _vae(job.out).to(device), _adapter(job.out).to(device)
        sizes = {"width": job.width or DiTConfig.width, "depth": job.depth or DiTConfig.depth}
        cfg = DiTConfig(channels=vae.channels, edition=adapter.edition, **sizes)
        start = None
        if job.from_box:
            start, shape = load_state("dit")
            cfg = dit_config(shape)
        tokens = TOKENS if job.tokens is None else job.tokens
        options: dict[str, Any] = {"cfg": cfg, "start": start, "tokens": tokens}
        options |= {"bake": job.bake, "distill": job.distill}
        dit = train_dit(world, vae, load_text(device), adapter, folder, **options, **span)
        net, config = dit, config_of(dit)
        info = {"shift": SHIFT, "steps": job.distill or STEPS, "fps": 8, "world": job.world, "window": WINDOW}
    elif job.net == "autoencoder":
        draw_bank(job.out / "clips", world, CLIPS, TESTS, seed=job.seed)
        begun: dict[str, Any] = {}
        if job.from_box:
            state, shape = load_state("autoencoder", CHECKPOINTS)
            begun = {"start": state, "cfg": config_from(shape), "decoder": job.decoder}
        autoencoder = train_autoencoder(job.out / "clips", folder, **begun, **span)
        net, config = autoencoder, config_of(autoencoder)
    elif job.net == "transformer":
        net, config = _transformer(job, span)
        info = {"shift": SHIFT, "steps": STEPS, "fps": 8, "world": job.world, "window": WINDOW}
    else:
        raise UsageError(f"net {job.net!r}: give {', '.join(NETS[:-1])} or {NETS[-1]}")
    return save_net(job.net, net, config, folder=job.export, info=info) if job.export else []


def load_reader(folder: Path = WEIGHTS) -> Reader:
    """The attribute reader in the box; raises WeightsError."""
    state, config = load_state("reader", folder)
    reader = Reader(edition=config.get("edition", 1))
    fill(reader, state, "reader")
    return reader
