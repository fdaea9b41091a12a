"""What comes out of a LATENT socket, checked: one video, finite, of the right family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..engine.capability import Capability
from ..errors import UsageError
from ..metrics.joins import JoinFrames
from .families import probe_vae

SPACE = "longtake_space"
"""Key of a LATENT under which our nodes tell what its latents stand for. Stock nodes hand it on."""
JOINS = "longtake_joins"
"""Key of a LATENT under which the take nodes tell where its joins are. Stock nodes hand it on."""
SLACK = 1e-4
"""By how much the values of a noise mask may be off 0 or 1 when it was resized."""


@dataclass(frozen=True)
class Space:
    """What the latents of a family stand for: `first` frames the first one, `rest` every other, `spatial` pixels a cell;
    `form` is the class of the model's latent format, None where only the VAE is known."""

    first: int
    rest: int
    spatial: int
    form: type | None = None

    def fits(self, other: Space) -> bool:
        """Whether latents of one can be those of the other; a format may be built on the other one's."""
        grid = (self.first, self.rest, self.spatial) == (other.first, other.rest, other.spatial)
        if self.form is None or other.form is None:
            return grid
        return grid and (issubclass(self.form, other.form) or issubclass(other.form, self.form))

    def describe(self) -> str:
        """The grid, and the name of the format where it is known."""
        kind = "" if self.form is None else f" ({self.form.__name__})"
        return f"{self.rest} frames a latent, {self.spatial} pixels a cell{kind}"


def space_of(model: Any, found: Capability) -> Space | None:
    """That of a MODEL that the probe found to be `found`; None for a model whose grid is a guess."""
    form = type(model.get_model_object("latent_format"))
    return Space(found.timeline.first, found.timeline.rest, found.spatial, form) if found.known else None


def space_of_vae(vae: Any) -> Space | None:
    """That of a video VAE; None for another one, and where its latents follow no rule."""
    try:
        timeline = probe_vae(vae)[0]
    except UsageError:
        return None
    # the encoder's cells: there are VAEs that decode to larger pictures than they encode
    return Space(timeline.first, timeline.rest, int(vae.spacial_compression_encode()))


def space_tag(space: Space | None) -> dict[str, Space]:
    """What a LATENT of ours holds beside its samples."""
    return {} if space is None else {SPACE: space}


def joins_tag(joins: JoinFrames, latents: int, cuts: Sequence[int] = ()) -> dict[str, Any]:
    """What a LATENT of so many latent frames holds of its joins, and of the frames that come after a hard cut."""
    return {JOINS: {"latents": latents, **joins._asdict(), "cuts": list(cuts)}}


def cuts_in(latent: Mapping[str, Any], latents: int) -> list[int]:
    """Frames after a hard cut that a LATENT tells of; none where it has another length by now."""
    return list((_joins_of(latent, latents) or {}).get("cuts", ()))


def joins_in(latent: Mapping[str, Any], latents: int) -> JoinFrames:
    """Joins that a LATENT tells of; none where it has another length by now."""
    return JoinFrames.read(_joins_of(latent, latents))


def _joins_of(latent: Mapping[str, Any], latents: int) -> Mapping[str, Any] | None:
    """What `joins_tag` put into a LATENT; None where it has another length by now."""
    tag = latent.get(JOINS)
    return tag if isinstance(tag, Mapping) and tag.get("latents") == latents else None


def video(latent: Any, channels: int | None = None, name: str = "latent", space: Space | None = None) -> Tensor:
    """Samples [1, C, T, h, w] of a LATENT. Raises UsageError in one line for anything else, and where `channels`, or what
    the LATENT tells of itself and `space`, are not alike."""
    samples = latent.get("samples") if isinstance(latent, dict) else None
    if getattr(samples, "is_nested", False):
        raise UsageError(f"{name}: holds video and sound together; take them apart first (LTXV Separate AV Latent)")
    if not isinstance(samples, Tensor):
        raise UsageError(f"{name}: not a LATENT; connect the output of a sampler, an empty latent or a VAE encode")
    if samples.ndim != 5:
        raise UsageError(f"{name}: shape {tuple(samples.shape)} is not video; give [1, channels, time, height, width]")
    if samples.shape[0] != 1:
        raise UsageError(f"{name}: {samples.shape[0]} videos in one batch; give one (Latent From Batch picks it)")
    if channels is not None and samples.shape[1] != channels:
        raise UsageError(f"{name}: {samples.shape[1]} channels, this model has {channels}; it is of another family")
    if min(samples.shape) < 1:
        raise UsageError(f"{name}: shape {tuple(samples.shape)} is empty; give at least one latent frame")
    if not bool(torch.isfinite(samples).all()):
        raise UsageError(f"{name}: holds infinite or undefined numbers; look at what made it (precision, cfg, LoRA strength)")
    if space is not None:
        _check_space(latent, name, space)
    return samples


def _check_space(latent: dict[str, Any], name: str, space: Space) -> None:
    ratio, own = latent.get("downscale_ratio_spacial"), latent.get(SPACE)  # stock empty latents have the first
    if ratio is not None and ratio != space.spatial:
        raise UsageError(f"{name}: {ratio} pixels a cell, this model has {space.spatial}; it is of another family")
    if own is not None and not own.fits(space):
        raise UsageError(f"{name}: {own.describe()}; this model has {space.describe()}: it is of another family")


def kept(latent: dict[str, Any], name: str = "latent") -> Tensor:
    """Which latent frames [T] bool its noise mask keeps whole. Raises UsageError for a mask of another length."""
    frames = video(latent, name=name).shape[2]
    mask = _mask(latent, frames, name)
    return torch.zeros(frames, dtype=torch.bool) if mask is None else (mask.amax((0, 1, 3, 4)) <= SLACK).cpu().expand(frames)


def parts(latent: dict[str, Any], name: str = "latent") -> Tensor | None:
    """Its noise mask [1, 1, T, h, w], 1 = generate, on the cells of the latent, where it keeps parts of frames, or keeps
    them in part; None where every frame is kept or made as a whole. Raises UsageError as `kept`."""
    size = video(latent, name=name).shape[2:]
    mask = _mask(latent, size[0], name)
    if mask is None or whole(mask):
        return None
    mask = mask[:1].amax(1, keepdim=True).float().expand(-1, -1, size[0], -1, -1)
    return F.interpolate(mask, size=size, mode="trilinear").clamp(0, 1).cpu()  # as the host does it


def whole(mask: Tensor) -> bool:
    """Whether a noise mask [B, C, T, H, W] keeps or makes every frame as a whole."""
    return bool(((mask.amax((0, 1, 3, 4)) <= SLACK) | (mask.amin((0, 1, 3, 4)) >= 1 - SLACK)).all())


def _mask(latent: dict[str, Any], frames: int, name: str) -> Tensor | None:
    """Its noise mask [B, C, 1 or T, H, W]."""
    mask = latent.get("noise_mask")
    if mask is None:
        return None
    if not isinstance(mask, Tensor) or mask.ndim < 2:
        raise UsageError(f"{name}: its noise mask is not one of video; make the mask anew")
    mask = mask if mask.ndim == 5 else mask.reshape(1, 1, -1, *mask.shape[-2:])
    if mask.shape[2] not in (1, frames):
        raise UsageError(f"{name}: its noise mask has {mask.shape[2]} frames, the latent {frames}; make the mask anew")
    if not mask.numel() or not bool(torch.isfinite(mask).all()):
        raise UsageError(f"{name}: its noise mask is empty or holds undefined numbers; make the mask anew")
    return mask


def mask_of(keep: Tensor) -> Tensor:
    """Noise mask [1, 1, T, 1, 1], 1 = generate, of kept frames [T] bool."""
    return (~keep).float().view(1, 1, -1, 1, 1)
