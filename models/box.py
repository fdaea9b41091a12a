"""The model in the box as a back-end of the engine: its capability, its velocity, its pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ..engine.capability import Capability
from ..engine.flow import FlowDenoiser
from ..engine.frame_order import WindowConfig
from ..engine.state import digest
from ..engine.timeline import Timeline
from .dit import Context, VideoDiT
from .vae import VideoVAE

if TYPE_CHECKING:
    from .load import Bundle

ADAIN = 1.0
"""How far takes are held to the statistics of a shot's beginning. Without, chroma fell by 5.8 % and sharpness rose by 4.1 % over
20 s (medians of the amounts); with it 1.2 % and 0.5 %, and joins are no rougher (0.98 to 1.00)."""
BRIDGE = 0.5
"""Strength that a way between clips is made with: no scene that the weights have learned from changes, so a dissolve of both
ends shows them the way. Seams 1.24 and 1.26 (median of 4 scenes) where a clip is led to its own later part, 1.36 and 1.35 from
noise; to another scene 1.26 and 1.60 against 1.31 and 1.83."""
SCALE = 1000.0
"""Timesteps are 1000 sigma, as every host tells them to its models."""
AREA = 2**16
"""Pixels of a frame times latents decoded at once: one latent at 256x160 is a third faster than six on a CPU, and needs
250 MB less."""


def model_name(manifest_id: str) -> str:
    """What names these weights on a reel."""
    return f"longtake-{manifest_id}"


def capability_of(info: Mapping[str, Any], channels: int, frames_per_latent: int, spatial: int, name: str = "") -> Capability:
    """What the model can do whose weights' card says `info`; its latents are those of a VAE of these sizes."""
    return Capability(
        family="LongTake",
        kind="frame",
        timeline=Timeline(frames_per_latent, frames_per_latent),
        spatial=spatial,
        multiple=spatial,
        channels=channels,
        fps=float(info.get("fps", 8.0)),
        model=name,
        windows=WindowConfig(**info.get("window", {})),
        steps=int(info.get("steps", 16)),
        shift=float(info.get("shift", 1.0)),
        cfg=float(info.get("cfg", 1.0)),
        frame_inputs=True,
        strength_is_level=True,
        adain=float(info.get("adain", ADAIN)),
        bridge=float(info.get("bridge", BRIDGE)),
    )


def identity(name: str, sampler: str, cfg: float, fps: float, uncond: Tensor | None = None) -> str:
    """What names the weights and how they are sampled in reel keys, whoever samples them. `uncond` are the token states of the
    negative prompt, which matter only to guidance."""
    negative = f" negative={digest([uncond])[:16]}" if uncond is not None and cfg != 1 else ""
    return f"{name} {sampler} cfg={cfg:g} fps={fps:g}{negative}"


def fingerprint(states: Tensor) -> str:
    """What names a prompt in reel keys: the hash of its token states [1, L, text]."""
    return digest([states])[:16]


def context_of(dit: VideoDiT, states: Sequence[Tensor]) -> Context:
    """The transformer's context of prompts with token states [1, L, text], each of its own length."""
    mask = pad_sequence([torch.ones(len(one[0]), dtype=torch.bool) for one in states], batch_first=True)
    return dit.context(pad_sequence([one[0] for one in states], batch_first=True), mask.to(states[0].device))


class BoxVelocity:
    """The transformer as `engine.flow.FlowDenoiser` calls it. A call sees the prompts of its own frames alone, and noise levels
    as timesteps give them, so that whoever else samples the same frames gets the same bits."""

    def __init__(self, dit: VideoDiT, states: Sequence[Tensor]):
        self.dit, self.states = dit, states
        self._contexts: dict[tuple[int, ...], Context] = {}

    def __call__(
        self, x: Tensor, sigma: Tensor, _: Any, prompt_index: Tensor, role: Tensor, position: Tensor, fps: Tensor
    ) -> Tensor:
        """Velocity [B, C, T, h, w]; see VideoDiT.forward."""
        used = prompt_index.unique()
        numbers = tuple(used.tolist())
        if numbers not in self._contexts:
            self._contexts = {numbers: context_of(self.dit, [self.states[number] for number in numbers])}
        rows = torch.searchsorted(used, prompt_index)
        return self.dit(x, sigma * SCALE / SCALE, self._contexts[numbers], rows, role, position, fps)


def box_denoiser(
    bundle: Bundle, states: Sequence[Tensor], uncond: Tensor, *, fps: float, cfg: float, order: int, device: Any
) -> FlowDenoiser:
    """The denoiser of prompts with these token states, guided away from `uncond` where `cfg` is not 1."""
    name = identity(bundle.name, ("euler", "multistep")[order - 1], cfg, fps, uncond)
    rows = [*states, uncond] if cfg != 1 else list(states)
    velocity = BoxVelocity(bundle.dit, rows)
    return FlowDenoiser(velocity, None, fps=fps, cfg=cfg, order=order, uncond=len(states), device=device, identity=name)


def latents_at_once(vae: VideoVAE, latents: Tensor) -> int:
    """How many of these latents [B, C, T, h, w] to decode at a time."""
    return max(1, AREA // (latents.shape[3] * latents.shape[4] * vae.spatial**2))


@torch.no_grad()
def decode_stream(
    vae: VideoVAE,
    chunks: Iterable[Tensor],
    device: Any = None,
    dtype: torch.dtype = torch.float32,
    ready: Callable[[Tensor], object] = torch.is_tensor,
) -> Iterator[Tensor]:
    """Frames [T, H, W, 3] on the CPU of chunks of latents [1, C, n, h, w], with the memory of a few latents. `ready` is called with
    each part before it is decoded."""
    stream = vae.decoder_stream()
    for chunk in chunks:
        for part in chunk.split(latents_at_once(vae, chunk), 2):
            ready(part)
            yield stream(part.to(device, dtype))[0].float().cpu()


class BoxCodec:
    """The VAE in the box as `take.backend.VideoCodec`."""

    lead = VideoVAE.warm

    def __init__(self, vae: VideoVAE, device: Any):
        self.vae, self.device = vae, device

    def decode(self, chunks: Iterable[Tensor], length: int, put: Callable[[Tensor], object], *, early: bool = False) -> None:
        """See the protocol; every part comes as soon as its latents do, and exactly."""
        for frames in decode_stream(self.vae, chunks, self.device):
            put(frames)
