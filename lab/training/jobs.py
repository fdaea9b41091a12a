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
from ...models.dit import DiTConfig
from ...models.load import WEIGHTS, config_of, dit_config, fill, load_dit, load_state, load_vae, pick_device, save_net
from ...models.prompts.scene import NEWEST, WORLDS
from ...models.text import load_text
from ...models.vae import VideoVAE
from ..world.reader import Reader
from .dit import STEPS, TOKENS, train_dit
from .judge import Judge, train_judge
from .patterns import SHIFT
from .reader import train_reader
from .text import train_text
from .vae import train_vae

WINDOW = {"anchors": 1, "context": 1, "new": 7, "ahead": 2, "reach": 8}
"""An anchor and as many latents as the transformer sees in training; a second one of context made no join smoother."""

FEW = 30.0
"""Seconds of rendering before a run on judged samples, which needs few clips."""


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
    reward: bool = False
    export: Path | None = None


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
    adapter = load_dit().adapter if state is None else TextAdapter()
    if state is not None:
        adapter.load_state_dict(state)
    return adapter.eval().requires_grad_(False)


def _judge(out: Path, vae: VideoVAE) -> Judge:
    state = averaged(out, "judge")
    if state is None:
        raise UsageError(f"no judge in {out}: `longtake train judge` comes first")
    judge = Judge(vae.channels)
    judge.load_state_dict(state)
    return judge.eval().requires_grad_(False)


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
    elif job.net == "judge":
        train_judge(world, _vae(job.out).to(device), folder, **span)
        return []
    elif job.net == "dit":
        vae, adapter = _vae(job.out).to(device), _adapter(job.out).to(device)
        sizes = {"width": job.width or DiTConfig.width, "depth": job.depth or DiTConfig.depth}
        cfg = DiTConfig(channels=vae.channels, edition=adapter.edition, **sizes)
        start = None
        if job.from_box:
            start, shape = load_state("dit")
            cfg = dit_config(shape)
        tokens = TOKENS if job.tokens is None else job.tokens
        judge = _judge(job.out, vae).to(device) if job.reward else None
        options: dict[str, Any] = {"cfg": cfg, "start": start, "tokens": tokens}
        options |= {"bake": job.bake, "distill": job.distill, "judge": judge}
        options |= {"fill": FEW} if job.reward else {}
        dit = train_dit(world, vae, load_text(device), adapter, folder, **options, **span)
        net, config = dit, config_of(dit)
        info = {"shift": SHIFT, "steps": job.distill or STEPS, "fps": 8, "world": job.world, "window": WINDOW}
    else:
        raise UsageError(f"net {job.net!r}: give vae, text, reader, judge or dit")
    return save_net(job.net, net, config, folder=job.export, info=info) if job.export else []


def load_reader(folder: Path = WEIGHTS) -> Reader:
    """The attribute reader in the box; raises WeightsError."""
    state, config = load_state("reader", folder)
    reader = Reader(edition=config.get("edition", 1))
    fill(reader, state, "reader")
    return reader
