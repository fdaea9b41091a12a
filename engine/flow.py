"""Sampling of a flow model window by window, every latent frame along its own column of the noise matrix.

Rectified flow, x_sigma = (1 - sigma) x0 + sigma eps, velocity v = eps - x0, so dx/dsigma = v.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import UsageError
from .denoiser import Blend, NoSideTensors, OnStep, Slope, add_noise, check_finite, per_frame, take_noise
from .noise_matrix import check_matrix


class FlowDenoiser(NoSideTensors):
    """Samples a velocity field: per-frame Euler (order 1) or two-step Adams-Bashforth (order 2).

    Both make one model call a step (more with guidance or a prompt blend). `dit` is called as the transformer in the box;
    `ctx` is its context of all prompts; `uncond` the row of the empty prompt in it, needed where cfg is not 1; `identity` is
    what names the model and how it is sampled in reel keys.
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
        identity: str = "",
    ):
        if order not in (1, 2):
            raise UsageError(f"order {order}: give 1 (Euler) or 2 (multistep)")
        if cfg != 1.0 and uncond is None:
            raise UsageError(f"cfg {cfg}: guidance needs the row of the empty prompt; give uncond, or cfg 1")
        self.dit, self.ctx, self.fps, self.cfg, self.order = dit, ctx, float(fps), float(cfg), order
        self.uncond, self.device = uncond, torch.device(device)
        self.identity, self.calls = identity, 0

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
        before: Tensor | None = None,
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
            v = self._slope(x, level, rows, role, position, blend, turn)
            x, size = x + self._increment(v, velocity, delta, size), delta
            velocity = v
            if on_step is not None:
                on_step(step + 1, steps)
        if velocity is None:
            velocity = torch.zeros_like(x)
        return x.to(home), Slope(velocity.to(home), size)

    def _increment(self, v: Tensor, before: Tensor | None, delta: Tensor, size: Tensor) -> Tensor:
        """delta v, or with order 2 delta ((1 + r/2) v - r/2 v_before), r = step / last step; first order where new."""
        increment = v * per_frame(delta, v)
        if self.order == 1 or before is None:
            return increment
        half = torch.where(size == 0, 0.0, delta / size.masked_fill(size == 0, 1.0) / 2).clamp(0, 1)
        return increment + (v - before) * per_frame(delta * half, v)

    def _slope(
        self,
        x: Tensor,
        level: Tensor,
        rows: Tensor,
        role: Tensor,
        position: Tensor,
        blend: Blend | None,
        turn: int,
    ) -> Tensor:
        """Slope dx/dsigma of x at the levels `level` [T], by way of the clean latents that the model sees in it: the
        arithmetic of k-diffusion, operation by operation, so that its samplers give the same bits."""
        batch = x.shape[0]
        sigma = per_frame(level, x)
        terms: list[tuple[Tensor, Tensor]] = [(rows, torch.ones(rows.shape[1]))]
        if blend is not None:
            terms = [(rows, 1 - blend.weight), (self._rows(blend.prompt, batch), blend.weight)]
            if bool(((blend.weight == 0) | (blend.weight == 1)).all()):  # no frame mixes two prompts: one call
                second = self._rows(blend.weight == 1, batch)
                terms = [(torch.where(second, terms[1][0], rows), torch.ones(rows.shape[1]))]
        v = torch.zeros_like(x)
        for prompt, weight in terms:
            v = v + self._velocity(x, level, prompt, role, position, turn) * per_frame(weight, x)
        denoised = x - v * sigma
        if self.cfg != 1.0:
            v = self._velocity(x, level, torch.full_like(rows, self.uncond or 0), role, position, turn)
            uncond = x - v * sigma
            denoised = uncond + (denoised - uncond) * self.cfg
        return torch.where(sigma > 0, (x - denoised) / sigma, v)

    def _velocity(self, x: Tensor, level: Tensor, prompt: Tensor, role: Tensor, position: Tensor, turn: int) -> Tensor:
        """The model's velocity of frames that are rolled on by `turn` for this call."""
        self.calls += 1
        fps = torch.full((x.shape[0],), self.fps, device=self.device)
        sigma, prompt, role = (part.roll(-turn, 1) for part in (self._rows(level, x.shape[0]), prompt, role))
        return self.dit(x.roll(-turn, 2), sigma, self.ctx, prompt, role, position, fps).float().roll(turn, 2)

    def _rows(self, values: Tensor, batch: int) -> Tensor:
        return (values if values.ndim == 2 else values[None].expand(batch, -1)).to(self.device)


def _turn(step: int, frames: int) -> int:
    """Frames to roll by at `step`: golden-ratio steps, so the place where the ring is cut open never rests."""
    return int(step * 0.6180339887498949 % 1 * frames)
