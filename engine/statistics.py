"""Drift held back: every window's latents keep the channel statistics that its shot began with.

Each window is made from what the one before made, so that small shifts of colour and sharpness add up over a take. AdaIN
(Huang and Belongie, arXiv 1703.06868) gives them back the mean and spread that each channel had at the shot's beginning.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .frame_order import Window
from .roles import ANCHOR
from .state import TakeState

EPSILON = 1e-4


class ChannelStatistics(NamedTuple):
    """Mean and standard deviation of each channel, [1, C, 1, 1, 1]."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, latents: Tensor) -> ChannelStatistics:
        """Those of latents [1, C, T, h, w]."""
        latents = latents.float()
        return cls(latents.mean((2, 3, 4), keepdim=True), latents.std((2, 3, 4), correction=0, keepdim=True))


def adain(latents: Tensor, goal: ChannelStatistics, strength: float, ramp: int = 0) -> Tensor:
    """Latents [1, C, T, h, w] with their moments moved toward `goal`, by `strength` 0..1, which rises evenly over the first
    `ramp` latents: what joins finished frames is left where it joins them."""
    mean, std = ChannelStatistics.of(latents)
    weight: float | Tensor = strength
    if ramp:
        weight = strength * (torch.arange(latents.shape[2]) / ramp).clamp(max=1.0).view(1, 1, -1, 1, 1).to(latents)
    moved = (latents - mean) / std.clamp_min(EPSILON) * goal.std + goal.mean
    return torch.lerp(latents, moved, weight)


class ShotStatistics:
    """What the shots of one take began with. Windows are to be shown in the order in which they are made."""

    def __init__(self, work: TakeState):
        self._work, self._order = work, work.request.order()
        self._found: dict[int, ChannelStatistics] = {}

    def goal(self, window: Window) -> ChannelStatistics | None:
        """What the window's new latents are drawn to; None where it begins its shot, leads to something known, or where the
        request says itself what every latent comes from (a remix, a dissolve) or shows (a track of prompts)."""
        request = self._work.request
        if not self._work.settings.adain or request.source is not None or request.track is not None:
            return None
        shot, first = window.shot, min(self._order.time(index % request.length) for index in window.new)
        if any(step > first and self._order.shot(step) == shot for step in self._order.known):
            return None
        if shot not in self._found:
            kept = [
                self._work.latent(index)
                for index, keep, role in zip(window.indices, window.keep, window.roles, strict=True)
                if keep and role != ANCHOR and self._order.shot(self._order.time(index % request.length)) == shot
            ]
            if kept:
                self._found[shot] = ChannelStatistics.of(torch.stack([latent.float().cpu() for latent in kept], 1)[None])
        return self._found.get(shot)

    def learn(self, window: Window, latents: Tensor) -> None:
        """Takes the latents [1, C, n, h, w] of a window that begins its shot as what the shot began with."""
        if window.shot not in self._found and not window.spare:
            self._found[window.shot] = ChannelStatistics.of(latents)
