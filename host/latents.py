"""What comes out of a LATENT socket, checked: one video, finite, of the right family."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import UsageError


def video(latent: Any, channels: int | None = None, name: str = "latent") -> Tensor:
    """Samples [1, C, T, h, w] of a LATENT. Raises UsageError in one line for anything else."""
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
    return samples


def kept(latent: dict[str, Any], name: str = "latent") -> Tensor:
    """Which latent frames [T] bool its noise mask keeps whole. Raises UsageError for a mask of another length."""
    frames = video(latent, name=name).shape[2]
    mask = latent.get("noise_mask")
    if mask is None:
        return torch.zeros(frames, dtype=torch.bool)
    mask = mask if mask.ndim == 5 else mask.reshape(1, 1, -1, *mask.shape[-2:])
    if mask.shape[2] not in (1, frames):
        raise UsageError(f"{name}: its noise mask has {mask.shape[2]} frames, the latent {frames}; make the mask anew")
    return (mask.amax((0, 1, 3, 4)) == 0).expand(frames)


def mask_of(keep: Tensor) -> Tensor:
    """Noise mask [1, 1, T, 1, 1], 1 = generate, of kept frames [T] bool."""
    return (~keep).float().view(1, 1, -1, 1, 1)
