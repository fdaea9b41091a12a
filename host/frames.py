"""Frames of a take as it is decoded once, and pixels that a causal VAE needs beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..engine.timeline import Timeline

STILL = 12
"""Latents after which a causal VAE has settled on a still scene: a tiny Wan VAE to 0.3 % of their spread (6: 30 %)."""
CARRIED = 5
"""Latents before grey ones whose pixels are encoded with them: those before have no say any more."""


@dataclass
class FrameStore:
    """Decoded frames that windows to come are shown: `wanted` are spans of frames (start, stop) of the take."""

    wanted: Sequence[tuple[int, int]] = ()
    count: int = 0
    _frames: dict[int, Tensor] = field(default_factory=dict)

    def put(self, frames: Tensor) -> None:
        """Takes the next frames [T, H, W, 3] of the take."""
        for number, frame in enumerate(frames, self.count):
            if any(start <= number < stop for start, stop in self.wanted):
                self._frames[number] = frame.clone()
        self.count += len(frames)

    def get(self, start: int, stop: int) -> Tensor | None:
        """Frames [T, H, W, 3] from `start` to before `stop`, None where some are not at hand; earlier ones are dropped."""
        found = [self._frames.get(number) for number in range(start, stop)]
        for number in [number for number in self._frames if number < start]:
            del self._frames[number]
        frames = [frame for frame in found if frame is not None]
        return torch.stack(frames) if frames and len(frames) == len(found) else None


class GreyFrames:
    """Grey pixels as a VAE encodes them: alone, and after known frames."""

    def __init__(self, vae: Any, timeline: Timeline):
        self.vae, self.timeline = vae, timeline
        self._alone: dict[tuple[int, ...], Tensor] = {}

    def alone(self, like: Tensor) -> Tensor:
        """Mid-grey pixels encoded, like `like` [1, C, T, h, w]; the latent at STILL stands for all after it."""
        size = tuple(like.shape)
        if size not in self._alone:
            count = self.timeline.legal(min(size[2], STILL))
            encoded = self.vae.encode(self._grey(self.timeline.frames_for(count), size)).to(like)
            self._alone[size] = encoded[:, :, [min(at, count - 1) for at in range(size[2])]]
        return self._alone[size]

    def after(self, frames: Tensor, known: int, like: Tensor) -> Tensor:
        """Grey of `like` [1, C, T, h, w], from latent `known` on as it is encoded right after `frames` [n, H, W, 3], which end
        where latent `known` begins."""
        begin = self.timeline.latents_for(len(frames))
        count = min(like.shape[2] - known, STILL)
        if count < 1:
            return self.alone(like)
        total = self.timeline.frames_for(begin + count)
        size = (1, 0, 0, *like.shape[3:])
        encoded = self.vae.encode(torch.cat([frames, self._grey(total - len(frames), size)])).to(like)
        found = self.alone(like).clone()
        for at in range(known, like.shape[2]):
            found[:, :, at] = encoded[:, :, min(begin + at - known, encoded.shape[2] - 1)]
        return found

    def _grey(self, frames: int, size: tuple[int, ...]) -> Tensor:
        spatial = self.vae.spacial_compression_encode()
        return torch.full((frames, size[3] * spatial, size[4] * spatial, 3), 0.5)
