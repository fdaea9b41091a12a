"""Known frames of a clip as each kind of model wants them: noise mask, conditioning, and the frames themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import comfy.nested_tensor
import torch
from torch import Tensor

from ..engine.capability import Capability
from ..engine.timeline import Timeline
from ..errors import UsageError
from .latents import mask_of

Conditioning = list[list[Any]]
VACE_CELLS = 64
"""A VACE mask has one channel for each pixel of an 8 x 8 latent cell."""
STILL = 12
"""Latents after which a causal VAE has settled on a still scene: a tiny Wan VAE to 0.3 % of their spread (6: 30 %)."""


@dataclass(frozen=True)
class Known:
    """One sampler call: `samples` and `noise_mask` for its LATENT, both conditionings, and which frames are kept.

    `samples` is [1, C, T, h, w], for a model with sound a NestedTensor of that and the sound; `noise_mask` likewise
    [1, 1, T, 1, 1], 1 = generate, or None where nothing is kept; `keep` [T] bool, `audio_keep` [Ta] bool or None.
    """

    samples: Any
    noise_mask: Any
    positive: Conditioning
    negative: Conditioning
    keep: Tensor
    audio_keep: Tensor | None = None
    audio_axis: int = 2

    def latent(self) -> dict[str, Any]:
        """The LATENT to sample."""
        found = {"samples": self.samples}
        return found if self.noise_mask is None else {**found, "noise_mask": self.noise_mask}

    def restore(self, sampled: Any) -> Any:
        """What was sampled (like `samples`), with the kept frames bit for bit as they were given."""
        given, made = streams(self.samples), streams(sampled)
        made[0] = _put(given[0], made[0], self.keep, 2)
        if self.audio_keep is not None:
            made[1] = _put(given[1], made[1], self.audio_keep, self.audio_axis)
        return _joined(made)


def prepare(
    model: Any,
    capability: Capability,
    positive: Conditioning,
    negative: Conditioning,
    latents: Any,
    keep: Tensor,
    *,
    grey: Tensor | None = None,
    audio_keep: Tensor | None = None,
) -> Known:
    """Everything the host's sampler needs so that the frames of `latents` where `keep` [T] is True stay.

    `latents` [1, C, T, h, w] are in the scale of a LATENT (as the VAE gives them); for a model with sound they may be
    a NestedTensor of those and the sound, which is made freely but for `audio_keep` [Ta]. Frames that are neither kept
    nor all zero are what a run with denoise below 1 starts from. `grey` is of `grey_like`: mid-grey pixels encoded, what
    Wan I2V and VACE learned to see in place of unknown frames; without it these are zero to the model. No argument is
    changed. Raises UsageError for a model that makes no video and for shapes that do not fit.
    """
    if capability.kind == "none":
        raise UsageError(f"{capability.family} makes pictures, not video: connect a video model")
    video, *sound = streams(latents)
    _check(video, keep, capability)
    if sound and not capability.audio:
        raise UsageError(f"{capability.family} makes no sound: take video and sound apart first")
    silent = getattr(model.get_model_object("latent_format"), "fix_empty_latent", None)  # older hosts have none
    if capability.audio and not sound and silent is not None:  # empty sound for a model that cannot do without
        video, *sound = streams(silent(video))
    if audio_keep is not None and not sound:
        raise UsageError("audio_keep: these latents hold no sound; join video and sound first")
    if grey is not None and grey.shape != video.shape:
        raise UsageError(f"grey {tuple(grey.shape)}: want {tuple(video.shape)} like the latents")
    keep = keep.cpu()
    blank = model.model.process_latent_out(torch.zeros_like(video))
    empty = ~keep & (video == 0).all(1).flatten(2).all(2)[0].cpu()
    parts = [_put(blank, video, empty, 2), *sound]
    if not bool(keep.any()) and audio_keep is None:
        return Known(_joined(parts), None, positive, negative, keep)
    masks = [mask_of(keep), *(_sound_mask(stream, audio_keep, capability.audio_axis) for stream in sound)]
    if bool(keep.any()):
        shown = Shown(video, keep, blank if grey is None else grey.to(video), "time_dim_replace" in capability.needs)
        # a mask that came with the conditioning would be believed instead of the noise mask
        changes = {"concat_mask": None, **{key: BUILD[key](shown) for key in capability.needs}}
        positive, negative = _changed(positive, changes), _changed(negative, changes)
    return Known(_joined(parts), _joined(masks), positive, negative, keep, audio_keep, capability.audio_axis)


def grey_like(vae: Any, timeline: Timeline, video: Tensor) -> Tensor:
    """Mid-grey pixels encoded, like `video` [1, C, T, h, w]; the latent at STILL stands for all after it."""
    count = timeline.legal(min(video.shape[2], STILL))
    spatial = vae.spacial_compression_encode()
    size = (timeline.frames_for(count), video.shape[3] * spatial, video.shape[4] * spatial, 3)
    latents = vae.encode(torch.full(size, 0.5)).to(video)
    return latents[:, :, [min(at, count - 1) for at in range(video.shape[2])]]


@dataclass(frozen=True)
class Shown:
    """What conditioning is built from: the latents, which are kept, `grey` [1, C, T, h, w] that stands for all others."""

    video: Tensor
    keep: Tensor
    grey: Tensor
    from_start: bool
    """Whether the model is shown only kept frames in a row from the beginning."""

    @property
    def marked(self) -> Tensor:
        """Frames [T] bool that the model is shown as known."""
        return self.keep.int().cumprod(0).bool() if self.from_start else self.keep

    @property
    def known(self) -> Tensor:
        """Kept frames, grey in place of all others."""
        return _put(self.video, self.grey, self.keep, 2)

    def mask(self, channels: int = 1) -> Tensor:
        """[1, channels, T, h, w], 0 = known, 1 = to be made."""
        size = self.video.shape
        return mask_of(self.marked).to(self.video).expand(1, channels, size[2], *size[3:]).contiguous()

    def prefix(self) -> Tensor | None:
        """The kept frames in a row from the beginning."""
        count = int(self.marked.sum())
        return self.video[:, :, :count] if count else None


BUILD: dict[str, Callable[[Shown], Any]] = {
    "concat_latent_image": lambda shown: shown.known,
    "concat_mask": Shown.mask,
    "time_dim_replace": Shown.prefix,
    # VACE sees the part to keep and the part to change apart, each grey where the other one is, and which is which
    "vace_frames": lambda shown: [torch.cat([shown.known, shown.grey], 1)],
    "vace_mask": lambda shown: [shown.mask(VACE_CELLS)],
    "vace_strength": lambda shown: [1.0],
}
"""Value of a conditioning key; None takes the key away, a list goes behind what a list there already holds."""


def _changed(conditioning: Conditioning, changes: dict[str, Any]) -> Conditioning:
    """A copy with other values; entries and what they hold are shared with other nodes."""
    found = []
    for states, values in conditioning:
        values = dict(values)
        for key, value in changes.items():
            before = values.pop(key, None)
            if isinstance(value, list):
                _check_control(before, value)
                value = [*(before or []), *value]
            if value is not None:
                values[key] = value
        found.append([states, values])
    return found


def _check_control(before: list[Any] | None, value: list[Any]) -> None:
    for one in before or []:
        if isinstance(one, Tensor) and one.shape[2:] != value[0].shape[2:]:
            raise UsageError(
                f"the conditioning holds a VACE control of {tuple(one.shape[2:])} latents, this clip has "
                f"{tuple(value[0].shape[2:])}: give one of the same size, without reference image"
            )


def _check(video: Tensor, keep: Tensor, capability: Capability) -> None:
    if video.ndim != 5 or video.shape[0] != 1 or video.shape[1] != capability.channels:
        raise UsageError(f"latents {tuple(video.shape)}: {capability.family} wants (1, {capability.channels}, time, height, width)")
    if keep.dtype != torch.bool or tuple(keep.shape) != (video.shape[2],):
        raise UsageError(f"keep {keep.dtype} {tuple(keep.shape)}: want bool ({video.shape[2]},), one for each latent frame")


def _sound_mask(sound: Tensor, keep: Tensor | None, axis: int) -> Tensor:
    """Noise mask [1, 1, ...] of a sound stream, 1 = generate."""
    if keep is None:
        return torch.ones(1, 1, *sound.shape[2:])
    if keep.dtype != torch.bool or tuple(keep.shape) != (sound.shape[axis],):
        raise UsageError(f"audio_keep {keep.dtype} {tuple(keep.shape)}: want bool ({sound.shape[axis]},), one a sound latent")
    return _along((~keep.cpu()).float(), sound, axis).expand(1, 1, *sound.shape[2:]).contiguous()


def streams(latents: Any) -> list[Tensor]:
    """Video, and sound where there is some, of samples."""
    return list(latents.unbind()) if getattr(latents, "is_nested", False) else [latents]


def _joined(streams: list[Tensor]) -> Any:
    return streams[0] if len(streams) == 1 else comfy.nested_tensor.NestedTensor(streams)


def _along(values: Tensor, like: Tensor, axis: int) -> Tensor:
    return values.view([-1 if at == axis else 1 for at in range(like.ndim)])


def _put(given: Tensor, into: Tensor, where: Tensor, axis: int) -> Tensor:
    """`given` where `where` is True along `axis`, else `into`; a new tensor like `into`."""
    return torch.where(_along(where, into, axis).to(into.device), given.to(into), into)
