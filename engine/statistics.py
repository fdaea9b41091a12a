"""Drift held back: every window's latents keep the channel statistics that its shot began with.

Each window is made from what the one before made, so that small shifts of colour and sharpness add up over a take. AdaIN
(Huang and Belongie, arXiv 1703.06868) gives them back the mean and spread that each channel had at the shot's beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
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
        self._met: list[tuple[int, ChannelStatistics]] = []

    def goal(self, window: Window) -> ChannelStatistics | None:
        """What the window's new latents are drawn to; None where it begins its shot, leads to something known, or where the
        request says itself what every latent comes from (a remix, a dissolve) or shows (a track of prompts)."""
        request = self._work.request
        if not self._work.settings.adain or request.source is not None or request.track is not None:
            return None
        if request.part[1] > 1:
            return self._between(window)
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
        if self._work.request.part[1] > 1 and not window.keep.count(True):
            frames = {index: latents[:, :, place : place + 1] for place, index in enumerate(window.new)}
            for group in runs(window.new):
                self._met.append((group[0], ChannelStatistics.of(torch.cat([frames[index] for index in group], 2))))
        elif window.shot not in self._found and not window.spare:
            self._found[window.shot] = ChannelStatistics.of(latents)

    def _between(self, window: Window) -> ChannelStatistics | None:
        """What a window of a part is drawn to: from what stands at the part's beginning to what stands at its end, as far as the
        window is; None where the window makes that itself, or sees what it leads to."""
        first = window.new[0]
        if not self._met or any(keep and index > first for index, keep in zip(window.indices, window.keep, strict=True)):
            return None
        before = [one for one in self._met if one[0] <= first][-1]
        after = next((one for one in self._met if one[0] > first), before)
        share = (sum(window.new) / len(window.new) - before[0]) / ((after[0] - before[0]) or 1)
        mean, std = (torch.lerp(one, other, min(1.0, share)) for one, other in zip(before[1], after[1], strict=True))
        return ChannelStatistics(mean, std)


def runs(indices: Sequence[int]) -> Iterator[list[int]]:
    """Neighbours among rising numbers, together."""
    for _, run in groupby(enumerate(indices), lambda one: one[1] - one[0]):
        yield [index for _, index in run]
