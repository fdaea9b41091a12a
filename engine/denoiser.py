"""The denoiser protocol: from noise matrix and known latents to latents, and the noise that every back-end begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ..errors import LongTakeError

OnStep = Callable[[int, int], None]


class Blend(NamedTuple):
    """A second prompt a frame: `prompt` [T] long, rows of the context; `weight` [T] in 0..1, 1 is all second prompt."""

    prompt: Tensor
    weight: Tensor


class Slope(NamedTuple):
    """What the second-order step remembers: velocity [B, C, T, h, w] of the last step, and that step's size [T]."""

    velocity: Tensor
    size: Tensor


class Denoiser(Protocol):
    """What a take needs of a sampler; `identity` names everything about it that shapes the result, `lead` counts the finished
    latents that it wants to see before a window, `calls` those of the model so far."""

    identity: str
    lead: int
    calls: int

    def denoise(
        self,
        latents: Tensor,
        sigma: Tensor,
        keep: Tensor,
        prompt_index: Tensor,
        seed: int | Sequence[int],
        *,
        role: Tensor,
        position: Tensor,
        noise: Tensor | None = None,
        blend: Blend | None = None,
        ring: bool = False,
        indices: Sequence[int] = (),
        before: Tensor | None = None,
        on_step: OnStep | None = None,
    ) -> Tensor:
        """Latents of every frame; kept ones come back bit for bit. `indices` are the frames' numbers in the take;
        `before` [1, C, n, h, w] the finished latents right before them, up to `lead`, where there are some."""

    def advance(
        self,
        x: Tensor,
        sigma: Tensor,
        keep: Tensor,
        prompt_index: Tensor,
        *,
        role: Tensor,
        position: Tensor,
        blend: Blend | None = None,
        slope: Slope | None = None,
        ring: bool = False,
        on_step: OnStep | None = None,
    ) -> tuple[Tensor, Slope]:
        """Noisy state after the steps of `sigma`, and what the next call needs to go on."""

    def side_tensors(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """What belongs to the finished latents `indices` of the take and goes onto the reel with them, such as sound."""

    def restore(self, indices: Sequence[int], tensors: Mapping[str, Tensor]) -> None:
        """Told of a segment on the reel, with all its tensors, that need not be made again."""


def frame_noise(seed: int, index: int, shape: Sequence[int]) -> Tensor:
    """Standard normal noise [*shape] of one latent frame: a function of seed and absolute frame index alone.

    Made on the CPU, so windows, queue, device and length do not change it; `index` may be negative.
    """
    digest = hashlib.blake2b(f"{seed}/{index}".encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
    return torch.randn(tuple(shape), generator=generator)


def take_noise(seed: int, indices: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Noise [1, C, T, h, w] of the frames `indices`; `shape` is (C, h, w)."""
    return torch.stack([frame_noise(seed, index, shape) for index in indices], 1)[None]


class NoSideTensors:
    """A denoiser of nothing but latents."""

    lead = 0

    def side_tensors(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """See Denoiser."""
        return {}

    def restore(self, indices: Sequence[int], tensors: Mapping[str, Tensor]) -> None:
        """See Denoiser."""


def check_finite(x: Tensor) -> None:
    """Raises LongTakeError where x holds infinities or NaN."""
    if not bool(torch.isfinite(x).all()):
        raise LongTakeError("the model answered with infinite or undefined numbers: check its weights and precision")


def add_noise(latents: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """(1 - level) latents + level noise, level [T] for latents [B, C, T, h, w]."""
    level = per_frame(level, latents)
    return (1 - level) * latents + level * noise.to(latents)


def per_frame(per_frame: Tensor, like: Tensor) -> Tensor:
    return per_frame.to(like).view(1, 1, -1, 1, 1)
