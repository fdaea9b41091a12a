"""Decoding as a stream: pixels of a long take, a few frames at a time, from any VAE the host loads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import comfy.model_management
import torch
from torch import Tensor

from ..engine.timeline import Timeline
from ..errors import UsageError
from ..models.box import decode_stream
from ..models.vae import VideoVAE
from ..take.backend import Put
from ..take.stills import Stills
from .box_vae import HostVAE
from .causal_decode import CausalDecoder

log = logging.getLogger(__name__)

LEAD = 12
"""Latents decoded again before each chunk where a VAE cannot be streamed exactly. With weights of unit gain the first frame
after them is off by 11 to 13 % of the spread in a VAE like Wan's, by more where it attends over all frames."""
FADE = 4
"""Latents before each chunk whose frames are faded from the earlier decode to the later one."""
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

    @property
    def final(self) -> bool:
        """Whether frames that come early are as good as those of a decode of all."""
        return isinstance(self.vae, HostVAE) or not getattr(self.vae.first_stage_model, "comfy_has_chunked_io", False)

    def frames(self, latents: int) -> int:
        """Frames that so many latents decode to."""
        return _frames(self.vae, latents)

    def stills(self, timeline: Timeline) -> Stills:
        """Single frames of clips, for the way between them."""

        def decode(latents: Tensor) -> Tensor:
            frames: list[Tensor] = []
            with torch.random.fork_rng():  # some decoders draw random numbers, and so do some samplers
                self.decode([latents], latents.shape[2], frames.append)
            return torch.cat(frames)

        return Stills(decode, self.vae.encode, timeline, self.lead)

    def decode(
        self, chunks: Iterable[Tensor], length: int, put: Put, *, early: bool = False, tick: Callable[[int], object] = bool
    ) -> None:
        """See the protocol. `tick(done)` is told how many latents are decoded. Raises what the host raises when the user
        interrupts."""
        vae = self.vae
        if isinstance(vae, HostVAE):
            _streamed(vae, chunks, put, tick)
        elif CausalDecoder.fits(vae.first_stage_model):
            _carried(vae, chunks, put, tick)
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


def _carried(vae: Any, chunks: Iterable[Tensor], put: Put, tick: Callable[[int], object]) -> None:
    """Exact, nothing twice, with the memory of two latents: Wan's VAEs, whose decoder carries a cache. Where memory does not
    suffice, the host's tiled decode takes over, with a lead-in."""
    decoder, done, lead = CausalDecoder(vae.first_stage_model, vae.device, vae.vae_dtype), 0, None
    source = iter(chunks)
    for part in source:
        _ready(vae, tuple(part.shape))
        shown, whole = _frames(vae, done), _frames(vae, done + part.shape[2])
        try:
            for frames in decoder.frames(part):
                comfy.model_management.throw_exception_if_processing_interrupted()
                put(_pixels(vae, frames))
                shown += frames.shape[2]
        except Exception as error:  # noqa: BLE001 - the host tells what is lack of memory
            comfy.model_management.raise_non_oom(error)
            log.warning("too little memory to decode the take as it is: the rest is decoded in tiles")
            break
        done += part.shape[2]
        lead = part[:, :, -LEAD:] if lead is None else torch.cat([lead, part], 2)[:, :, -LEAD:]
        tick(done)
    else:
        return
    rest = _frames_after(vae, lead, part)[-(whole - shown) :]
    put(rest)
    lead = part if lead is None else torch.cat([lead, part], 2)
    _overlapped(vae, source, 0, put, tick, done + part.shape[2], lead[:, :, -LEAD:])


def _frames_after(vae: Any, lead: Tensor | None, part: Tensor) -> Tensor:
    """Frames [T, H, W, 3] of latents behind a lead-in, in tiles where memory does not suffice."""
    return vae.decode(part if lead is None else torch.cat([lead, part], 2))[0][..., :3].float().cpu()


def _pixels(vae: Any, frames: Tensor) -> Tensor:
    """Frames [1, 3, T, H, W] in the VAE's own range as [T, H, W, 3] in 0..1."""
    frames = frames.float().cpu().clone()
    vae.process_output(frames)  # in place
    return frames[0].movedim(0, -1)[..., :3]


class _Sink:
    """Looks like the buffer a VAE with chunked output writes into, and passes every piece on."""

    def __init__(self, shape: tuple[int, ...], vae: Any, put: Put):
        self.shape, self.vae, self.put = shape, vae, put

    def __getitem__(self, place: Any) -> _Sink:
        return self

    def copy_(self, frames: Tensor) -> None:
        """Frames [1, 3, T, H, W] in the VAE's own range."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        self.put(_pixels(self.vae, frames))


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

    try:
        net.decode(latents.to(vae.device, vae.vae_dtype), output_buffer=_Sink(shape, vae, count))
    except Exception as error:  # noqa: BLE001 - the host tells what is lack of memory
        comfy.model_management.raise_non_oom(error)
        log.warning("too little memory to decode the take as it is: the rest is decoded in tiles")
    else:
        return
    count(_frames_after(vae, None, latents)[frames:])


def _overlapped(
    vae: Any,
    chunks: Iterable[Tensor],
    length: int,
    put: Put,
    tick: Callable[[int], object],
    done: int = 0,
    lead: Tensor | None = None,
) -> None:
    """Every other VAE: chunks with a lead-in, whose last frames fade from what the chunk before gave for them; a short clip in
    one go, exactly. `done` latents have been decoded, `lead` are the last of them."""
    held: Tensor | None = None
    for part in _regrouped(chunks, max(GENERIC, length if length <= GENERIC + LEAD else 0)):
        comfy.model_management.throw_exception_if_processing_interrupted()
        frames = _frames_after(vae, lead, part)
        if lead is not None:
            new, faded = _frames(vae, done + part.shape[2]) - _frames(vae, done), 0 if held is None else len(held)
            frames = frames[-(new + faded) :]
            if held is not None:
                frames[:faded] = torch.lerp(held, frames[:faded], (torch.arange(1, faded + 1) / (faded + 1)).view(-1, 1, 1, 1))
        done += part.shape[2]
        lead = (part if lead is None else torch.cat([lead, part], 2))[:, :, -LEAD:]
        last = done == length
        keep = 0 if last else len(frames) - (_frames(vae, done) - _frames(vae, max(1, done - FADE)))
        put(frames if last or keep < 1 else frames[:keep])
        held = frames[keep:] if not last and keep >= 1 else None
        tick(done)
    if held is not None:
        put(held)


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
