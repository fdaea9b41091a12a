"""NOISE for long takes: a latent frame's noise depends on its own number, so windows and clips agree about it."""

from __future__ import annotations

import re
from typing import Any

import comfy.nested_tensor
import comfy.sample
import torch
from torch import Tensor

from ..engine.denoiser import frame_noise
from ..engine.noise_matrix import schedule, truncate
from ..errors import UsageError

KINDS = ("shared", "shuffled", "plain")


class TakeNoise:
    """The host's NOISE protocol.

    kind "plain": as the host makes it. "shared": every latent frame by seed and absolute number, whatever the clip it
    lies in; the first frame's number is `first`. "shuffled": FreeNoise (arXiv 2310.15169), the noise of the first
    `window` frames comes back in another order in every later stretch. `shots` [(latent, seed)]: from that latent on
    another seed. Raises UsageError.
    """

    def __init__(self, seed: int, kind: str = "shared", *, first: int = 0, window: int = 16, shots: str = ""):
        if kind not in KINDS:
            raise UsageError(f"kind {kind!r}: give one of {', '.join(KINDS)}")
        if window < 1:
            raise UsageError(f"window {window}: give at least 1 latent frame")
        self.seed, self.kind, self.first, self.window = seed, kind, first, window
        self.shots = read_seeds(shots)

    def generate_noise(self, latent: dict[str, Any]) -> Tensor:
        """Noise like the samples of `latent`, every stream of a nested one alike."""
        samples = latent["samples"]
        if self.kind == "plain":
            return comfy.sample.prepare_noise(samples, self.seed, latent.get("batch_index"))
        if getattr(samples, "is_nested", False):
            return comfy.nested_tensor.NestedTensor([self._like(s, number) for number, s in enumerate(samples.unbind())])
        return self._like(samples, 0)

    def _like(self, samples: Tensor, stream: int) -> Tensor:
        if samples.ndim < 5:  # sound or a still: no frames to tell apart
            return comfy.sample.prepare_noise(samples, self.seed + stream)
        shape = (samples.shape[1], *samples.shape[3:])
        rows = []
        for row in range(samples.shape[0]):
            frames = [self._frame(place, row, shape) for place in range(samples.shape[2])]
            rows.append(torch.stack(frames, 1))
        return torch.stack(rows).to(samples.dtype if samples.is_floating_point() else torch.float32)

    def _frame(self, place: int, row: int, shape: tuple[int, ...]) -> Tensor:
        seed, begin = self.seed, 0
        for at, other in self.shots:
            if place >= at:
                seed, begin = other, at
        number = place + self.first if not begin else place - begin
        if self.kind == "shuffled" and number >= self.window:
            stretch = number // self.window
            generator = torch.Generator().manual_seed((seed ^ stretch * 0x9E3779B1) & (2**63 - 1))
            order = torch.randperm(self.window, generator=generator)
            number = int(order[number % self.window])
        return frame_noise(seed + row, number, shape)


def flow_levels(steps: int, shift: float, denoise: float) -> Tensor:
    """SIGMAS of a flow model: evenly spaced, shifted, and begun at level `denoise`. Raises UsageError."""
    return truncate(schedule(steps, shift), denoise)


def read_seeds(text: str) -> list[tuple[int, int]]:
    """ "12:7, 30:8" to [(12, 7), (30, 8)]: from latent 12 on seed 7. Raises UsageError."""
    found = []
    for part in filter(None, (p.strip() for p in text.replace("\n", ",").split(","))):
        pair = re.fullmatch(r"([0-9]{1,9})\s*:\s*([0-9]{1,19})", part)
        if pair is None or int(pair[2]) >= 2**63:
            raise UsageError(f"shots {part[:60]!r}: give LATENT:SEED pairs, such as 12:7, 30:8")
        found.append((int(pair[1]), int(pair[2])))
    if [at for at, _ in found] != sorted({at for at, _ in found}):
        raise UsageError(f"shots {text[:60]!r}: each must begin later than the one before")
    return found
