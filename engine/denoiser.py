"""The sampler: one function from noise matrix and known latents to latents, for every capability.

Rectified flow, x_sigma = (1 - sigma) x0 + sigma eps, velocity v = eps - x0, so dx/dsigma = v and every latent frame
follows its own column of the noise matrix.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ..errors import LongTakeError, UsageError
from .noise_matrix import check_matrix

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
    """What a take needs of a sampler; `identity` names everything about it that shapes the result."""

    identity: str

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
        on_step: OnStep | None = None,
    ) -> Tensor:
        """Latents of every frame; kept ones come back bit for bit. `indices` are the frames' numbers in the take."""

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

    def extra(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """What belongs to the finished latents `indices` of the take and goes onto the reel with them, such as sound."""

    def recalled(self, indices: Sequence[int], tensors: Mapping[str, Tensor]) -> None:
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


class Silent:
    """A denoiser of nothing but latents."""

    def extra(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """See Denoiser."""
        return {}

    def recalled(self, indices: Sequence[int], tensors: Mapping[str, Tensor]) -> None:
        """See Denoiser."""


class InBoxDenoiser(Silent):
    """Samples the box's own transformer: per-frame Euler (order 1) or two-step Adams-Bashforth (order 2).

    Both make one model call a step (more with guidance or a prompt blend). `ctx` is the transformer's context of all
    prompts; `uncond` the row of the empty prompt in it, needed where cfg is not 1; `model_id` names the weights in reel keys.
    """

    def __init__(
        self,
        dit: Callable[..., Tensor],
        ctx: Any,
        *,
        fps: float,
        cfg: float = 1.0,
        order: int = 1,
        uncond: int | None = None,
        device: torch.device | str = "cpu",
        model_id: str = "",
    ):
        if order not in (1, 2):
            raise UsageError(f"order {order}: give 1 (Euler) or 2 (multistep)")
        if cfg != 1.0 and uncond is None:
            raise UsageError(f"cfg {cfg}: guidance needs the row of the empty prompt; give uncond, or cfg 1")
        self.dit, self.ctx, self.fps, self.cfg, self.order = dit, ctx, float(fps), float(cfg), order
        self.uncond, self.device = uncond, torch.device(device)
        self.identity = f"{model_id} fps={self.fps:g} cfg={self.cfg:g} order={order}"

    @torch.no_grad()
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
        on_step: OnStep | None = None,
    ) -> Tensor:
        """Latents [B, C, T, h, w] after all steps of `sigma` [S + 1, T]; where `keep` [T], bit for bit as given.

        Frames that are not kept start as (1 - sigma[0]) latents + sigma[0] noise, so `latents` matters for them only
        where sigma[0] < 1. prompt_index [T] or [B, T]; role, position [T]; noise like latents, else made from `seed`
        (one, or one a batch row) and frame numbers 0..T-1. `ring` rolls the frames by another amount at each step, so
        that the last frame leads to the first (Mobius, arXiv 2502.20307). Raises UsageError for a matrix that is not
        legal, LongTakeError where the model answers with infinities or NaN; whatever `on_step(done, steps)` raises
        passes through.
        """
        check_matrix(sigma, keep)
        if noise is None:
            shape = (latents.shape[1], *latents.shape[3:])
            seeds = [seed] * latents.shape[0] if isinstance(seed, int) else seed
            noise = torch.cat([take_noise(one, range(latents.shape[2]), shape) for one in seeds])
        x = add_noise(latents.float(), noise, sigma[0])
        x, _ = self.advance(x, sigma, keep, prompt_index, role=role, position=position, blend=blend, ring=ring, on_step=on_step)
        check_finite(x)
        return torch.where(keep.view(1, 1, -1, 1, 1), latents, x.to(latents))

    @torch.no_grad()
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
        """Moves the noisy state x [B, C, T, h, w] from the levels sigma[0] to sigma[-1]; kept frames stand still."""
        home, batch, frames = x.device, x.shape[0], x.shape[2]
        x = x.to(self.device)
        rows = self._rows(prompt_index, batch)
        role, position = self._rows(role, batch), self._rows(position, batch).float()
        steps = sigma.shape[0] - 1
        velocity = None if slope is None else slope.velocity.to(self.device)
        size = torch.zeros(frames) if slope is None else slope.size
        for step in range(steps):
            level, delta = sigma[step], torch.where(keep, 0.0, sigma[step + 1] - sigma[step])
            turn = _turn(step, frames) if ring else 0
            v = self._velocity(x, level, keep, rows, role, position, blend, turn)
            x, size = x + self._increment(v, velocity, delta, size), delta
            velocity = v
            if on_step is not None:
                on_step(step + 1, steps)
        if velocity is None:
            velocity = torch.zeros_like(x)
        return x.to(home), Slope(velocity.to(home), size)

    def _increment(self, v: Tensor, before: Tensor | None, delta: Tensor, size: Tensor) -> Tensor:
        """delta v, or with order 2 delta ((1 + r/2) v - r/2 v_before), r = step / last step; first order where new."""
        increment = v * _wide(delta, v)
        if self.order == 1 or before is None:
            return increment
        half = torch.where(size == 0, 0.0, delta / size.masked_fill(size == 0, 1.0) / 2).clamp(0, 1)
        return increment + (v - before) * _wide(delta * half, v)

    def _velocity(
        self,
        x: Tensor,
        level: Tensor,
        keep: Tensor,
        rows: Tensor,
        role: Tensor,
        position: Tensor,
        blend: Blend | None,
        turn: int,
    ) -> Tensor:
        batch = x.shape[0]
        terms: list[tuple[Tensor, Tensor]] = [(rows, torch.ones(rows.shape[1]))]
        if blend is not None:
            terms = [(rows, 1 - blend.weight), (self._rows(blend.prompt, batch), blend.weight)]
            if bool(((blend.weight == 0) | (blend.weight == 1)).all()):  # no frame mixes two prompts: one call
                second = self._rows(blend.weight == 1, batch)
                terms = [(torch.where(second, terms[1][0], rows), torch.ones(rows.shape[1]))]
        terms = [(prompt, weight * self.cfg) for prompt, weight in terms]
        if self.cfg != 1.0:
            terms.append((torch.full_like(rows, self.uncond or 0), torch.full((rows.shape[1],), 1 - self.cfg)))
        sigma = self._rows(level, batch)
        fps = torch.full((batch,), self.fps, device=self.device)
        v = torch.zeros_like(x)
        for prompt, weight in terms:
            turned = (t.roll(-turn, 1) for t in (sigma, prompt, role))
            s, p, r = turned
            answer = self.dit(x.roll(-turn, 2), s, self.ctx, p, r, position, fps)
            v = v + answer.float().roll(turn, 2) * _wide(weight, x)
        return v

    def _rows(self, values: Tensor, batch: int) -> Tensor:
        return (values if values.ndim == 2 else values[None].expand(batch, -1)).to(self.device)


def check_finite(x: Tensor) -> None:
    """Raises LongTakeError where x holds infinities or NaN."""
    if not bool(torch.isfinite(x).all()):
        raise LongTakeError("the model answered with infinite or undefined numbers: check its weights and precision")


def add_noise(latents: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """(1 - level) latents + level noise, level [T] for latents [B, C, T, h, w]."""
    level = _wide(level, latents)
    return (1 - level) * latents + level * noise.to(latents)


def _wide(per_frame: Tensor, like: Tensor) -> Tensor:
    return per_frame.to(like).view(1, 1, -1, 1, 1)


def _turn(step: int, frames: int) -> int:
    """Frames to roll by at `step`: golden-ratio steps, so the place where the ring is cut open never rests."""
    return int(step * 0.6180339887498949 % 1 * frames)
