"""Known clips, and frames of them that stand still: what a way from one clip to another begins as.

A latent holds several frames of motion. Where a dissolve mixes the last latent of a clip with the first one of another, what
was just seen plays again, and what is to come plays before its time; of single frames that stand still nothing can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..engine.timeline import Timeline
from ..errors import UsageError


@dataclass(frozen=True)
class Clip:
    """Known latents [1, C, n, h, w] of a clip, under the `name` that a message gives it.

    Of a long clip the last (or first) few latents are enough: `first` is then the number of the first one given within its
    clip, and `anchor` [C, h, w] the latent of the clip to hold on to, where that is not among them.
    """

    latents: Tensor
    name: str = "clip"
    first: int = 0
    anchor: Tensor | None = None

    def __post_init__(self) -> None:
        if self.latents.ndim != 5 or self.latents.shape[0] != 1 or not self.latents.shape[2]:
            want = "(1, C, T, h, w) with at least one latent frame"
            raise UsageError(f"{self.name}: latents {tuple(self.latents.shape)}; want {want}")

    @property
    def length(self) -> int:
        """Latents given."""
        return self.latents.shape[2]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, h, w) of a latent."""
        return self.latents.shape[1], self.latents.shape[3], self.latents.shape[4]

    def numbered(self, start: int, drop: int = 0) -> dict[int, Tensor]:
        """Its latents [C, h, w] from number `drop` on, by their place in a take where that one lies at `start`. Raises
        UsageError where none is left."""
        if self.length <= drop:
            raise UsageError(f"{self.name}: one latent frame is too short for this model to lead to; give a longer clip")
        return {start + place: latent for place, latent in enumerate(torch.unbind(self.latents[0, :, drop:], 1))}


@dataclass(frozen=True)
class Stills:
    """Latents of frames that stand still. `decode` gives frames [T, H, W, 3] in 0..1 of latents [1, C, n, h, w], the first few
    right only after `lead` latents; `encode` gives latents of frames."""

    decode: Callable[[Tensor], Tensor]
    encode: Callable[[Tensor], Tensor]
    timeline: Timeline
    lead: int

    def last(self, clip: Clip) -> Tensor:
        """The clip's last frame as a latent [C, h, w] inside a take; a latent of one frame is that already."""
        if self.timeline.rest == 1:
            return clip.latents[0, :, -1].float().cpu()
        first = max(0, clip.length - self.lead - 1)
        first -= first % (self.timeline.cycle or 1)
        return self._held(self.decode(clip.latents[:, :, first:])[-1])

    def first(self, clip: Clip) -> Tensor:
        """The clip's first frame as a latent [C, h, w] inside a take; a latent of one frame is that already."""
        if self.timeline.rest == 1:
            return clip.latents[0, :, 0].float().cpu()
        return self._held(self.decode(clip.latents[:, :, : self.timeline.legal(1)])[0])

    def dissolve(self, ways: Sequence[range], ends: Sequence[tuple[Clip, Clip]]) -> Callable[[int], Tensor]:
        """A source for `Request`: latents [C, h, w] by number, in each way from the last frame of the clip before it evenly to
        the first frame of the one after it."""
        held = [(self.last(before), self.first(after)) for before, after in ends]

        def mixed(index: int) -> Tensor:
            number = next(number for number, way in enumerate(ways) if index in way)
            way, (before, after) = ways[number], held[number]
            return torch.lerp(before, after, (index - way.start + 1) / (len(way) + 1))

        return mixed

    def _held(self, frame: Tensor) -> Tensor:
        """A latent of one frame [H, W, 3], behind one that a causal VAE begins with."""
        frames = self.timeline.frames_for(self.timeline.legal(2))
        return self.encode(frame.expand(frames, *frame.shape))[0, :, 1].float().cpu()
