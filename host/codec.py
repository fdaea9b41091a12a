"""Decoding as a stream: pixels of a long take, a few frames at a time, from any VAE the host loads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import comfy.model_management
import torch
from torch import Tensor

from ..errors import UsageError
from ..models.box import decode_stream
from ..models.vae import VideoVAE
from ..take.backend import Put
from .box_vae import HostVAE

LEAD = 12
"""Latents decoded again before each chunk where a VAE cannot be streamed exactly; what they give is dropped. A tiny
Wan VAE's first frame was 0.9 % off with 12, 8 % with 8."""
GENERIC = 16
"""New latents in a chunk of such a VAE."""

JOIN_LEAD = 6
"""Latents before a join that are decoded to measure it alone, with another VAE than ours."""


class HostCodec:
    """A video VAE of the host as `take.backend.VideoCodec`. Raises UsageError for a VAE that does not decode video."""

    def __init__(self, vae: Any):
        if getattr(vae, "latent_dim", None) != 3:
            raise UsageError("this VAE decodes pictures, not video: connect the VAE that belongs to the video model")
        self.vae = vae
        self.lead = VideoVAE.warm if isinstance(vae, HostVAE) else JOIN_LEAD

    @property
    def spatial(self) -> int:
        """Pixels that a latent cell decodes to."""
        return self.vae.spacial_compression_decode()

    def decode(
        self, chunks: Iterable[Tensor], length: int, put: Put, *, early: bool = False, tick: Callable[[int], object] = bool
    ) -> None:
        """See the protocol. `tick(done)` is told how many latents are decoded. Raises what the host raises when the user
        interrupts."""
        vae = self.vae
        if isinstance(vae, HostVAE):
            _streamed(vae, chunks, put, tick)
        elif not early and getattr(vae.first_stage_model, "comfy_has_chunked_io", False):
            _buffered(vae, torch.cat(list(chunks), 2), put, tick)
        else:
            _overlapped(vae, chunks, length, put, tick)


def _ready(vae: Any, shape: tuple[int, ...]) -> None:
    """Makes room for a latent of `shape` and brings the VAE to its device, as VAE.decode does before it decodes."""
    memory = vae.memory_used_decode(shape, vae.vae_dtype)
    comfy.model_management.load_models_gpu([vae.patcher], memory_required=memory, force_full_load=vae.disable_offload)


def _streamed(vae: HostVAE, chunks: Iterable[Tensor], put: Put, tick: Callable[[int], object]) -> None:
    """Exact, with the memory of a few latents: our own VAE."""
    net, frames = vae.first_stage_model.net, 0

    def ready(part: Tensor) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        if not frames:
            _ready(vae, tuple(part.shape))

    for part in decode_stream(net, chunks, vae.device, vae.vae_dtype, ready):
        put(part)
        frames += len(part)
        tick(frames // net.frames_per_latent)


class _Sink:
    """Looks like the buffer a VAE with chunked output writes into, and passes every piece on."""

    def __init__(self, shape: tuple[int, ...], process: Callable[[Tensor], Any], put: Put):
        self.shape, self.process, self.put = shape, process, put

    def __getitem__(self, place: Any) -> _Sink:
        return self

    def copy_(self, frames: Tensor) -> None:
        """Frames [1, 3, T, H, W] in the VAE's own range."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        frames = frames.float().cpu().clone()
        self.process(frames)
        self.put(frames[0].movedim(0, -1)[..., :3])


def _buffered(vae: Any, latents: Tensor, put: Put, tick: Callable[[int], object]) -> None:
    """Exact, the VAE itself streams: LTXV, MiniMax H3."""
    net = vae.first_stage_model
    _ready(vae, tuple(latents.shape))
    shape = tuple(net.decode_output_shape(latents.shape))
    frames = 0

    def count(part: Tensor) -> None:
        nonlocal frames
        frames += part.shape[0]
        put(part)
        tick(latents.shape[2] * frames // shape[2])

    net.decode(latents.to(vae.device, vae.vae_dtype), output_buffer=_Sink(shape, vae.process_output, count))


def _overlapped(vae: Any, chunks: Iterable[Tensor], length: int, put: Put, tick: Callable[[int], object]) -> None:
    """Every other VAE: chunks with a lead-in whose frames are dropped; a short clip in one go, exactly."""
    done, lead = 0, None
    for part in _regrouped(chunks, max(GENERIC, length if length <= GENERIC + LEAD else 0)):
        comfy.model_management.throw_exception_if_processing_interrupted()
        whole = part if lead is None else torch.cat([lead, part], 2)
        frames = vae.decode(whole)[0]
        spare = 0 if lead is None else _frames(vae, done + part.shape[2]) - _frames(vae, done)
        put((frames[-spare:] if spare else frames)[..., :3].float().cpu())
        done += part.shape[2]
        lead = whole[:, :, -LEAD:]
        tick(done)


def _frames(vae: Any, latents: int) -> int:
    """Frames that so many latents stand for."""
    return int(vae.upscale_ratio[0](latents))


def _regrouped(chunks: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """The same latents in chunks of `size`."""
    held: list[Tensor] = []
    count = 0
    for chunk in chunks:
        for part in chunk.split(1, 2):
            held.append(part)
            count += 1
            if count == size:
                yield torch.cat(held, 2)
                held, count = [], 0
    if held:
        yield torch.cat(held, 2)
