"""The sound of a take: latents beside those of the video, cut into pieces, one a video latent, so that windows, joins and
reels treat both alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import comfy.nested_tensor
import torch
from torch import Tensor

from ..engine.timeline import Timeline
from ..errors import UsageError


@dataclass(frozen=True)
class Track:
    """Sound latents by the number of the video latent they go with.

    `rate` sound latents a frame; their time runs along `axis`; `shape` is that of a sound stream, whatever its length.
    `pieces` hold what is known or made; a piece that a clip brought may be a latent longer or shorter than one made.
    """

    timeline: Timeline
    rate: float
    axis: int
    shape: tuple[int, ...]
    pieces: dict[int, Tensor] = field(default_factory=dict)

    def copy(self) -> Track:
        """Another one, that learns on its own."""
        return Track(self.timeline, self.rate, self.axis, self.shape, dict(self.pieces))

    def add(self, sound: Tensor, count: int, place: int = 0, drop: int = 0) -> None:
        """Takes in the sound of a clip of `count` video latents whose latent number `drop` is number `place` of the take.
        Raises UsageError for another kind of sound."""
        if self._other(sound.shape):
            raise UsageError(f"sound {tuple(sound.shape)}: the other clip's is {self.shape}; give sound of one kind")
        edges = [min(self._edge(at), sound.shape[self.axis]) for at in range(count)] + [sound.shape[self.axis]]
        for at in range(drop, count):
            if edges[at + 1] > edges[at]:
                self.pieces[place + at - drop] = sound.narrow(self.axis, edges[at], edges[at + 1] - edges[at]).float().cpu()

    def window(self, indices: Sequence[int], keep: Tensor, front: int, back: int) -> tuple[Tensor, Tensor]:
        """Sound of a window of the video latents `indices` with so many spare ones before and after, and which latents of
        it are kept [Ta] bool: those of kept video. What is not known is zero."""
        lead = [self._empty(self._width(at)) for at in range(front)]
        parts = [self.pieces.get(at, self._empty(self._width(at))) for at in indices]
        tail = [self._empty(self._width(indices[-1] + 1 + at)) for at in range(back)]
        kept = [keep.new_zeros(part.shape[self.axis]) for part in lead]
        kept += [
            keep.new_full((part.shape[self.axis],), bool(held) and at in self.pieces)
            for part, at, held in zip(parts, indices, keep, strict=True)
        ]
        kept += [keep.new_zeros(part.shape[self.axis]) for part in tail]
        return torch.cat([*lead, *parts, *tail], self.axis), torch.cat(kept)

    def learn(self, sound: Tensor, indices: Sequence[int], keep: Tensor, front: int) -> None:
        """Takes from a window's finished sound what is new."""
        at = sum(self._width(place) for place in range(front))
        for index, held in zip(indices, keep.tolist(), strict=True):
            size = self.pieces[index].shape[self.axis] if index in self.pieces else self._width(index)
            if not held:
                self.pieces[index] = sound.narrow(self.axis, at, size).float().cpu().clone()
            at += size

    def piece(self, indices: Sequence[int]) -> Tensor:
        """Sound of these video latents, one after another."""
        return torch.cat([self.pieces.get(at, self._empty(self._width(at))) for at in indices], self.axis)

    def sizes(self, indices: Sequence[int]) -> Tensor:
        """How many sound latents go with each of these video latents [n]."""
        return torch.tensor([self.piece([at]).shape[self.axis] for at in indices])

    def put(self, indices: Sequence[int], sound: Tensor, sizes: Tensor) -> None:
        """What `piece` and `sizes` gave, back again."""
        self.pieces.update(zip(indices, sound.split(sizes.tolist(), self.axis), strict=True))

    def _edge(self, index: int) -> int:
        return round(self.timeline.frames_for(index) * self.rate)

    def _width(self, index: int) -> int:
        return self._edge(index + 1) - self._edge(index)

    def _empty(self, width: int) -> Tensor:
        return torch.zeros([width if at == self.axis else size for at, size in enumerate(self.shape)])

    def _other(self, shape: Sequence[int]) -> bool:
        return len(shape) != len(self.shape) or any(
            one != two for at, (one, two) in enumerate(zip(shape, self.shape, strict=True)) if at != self.axis
        )


def split_av(latent: Any) -> tuple[Any, Tensor | None]:
    """A LATENT of video and sound as (LATENT of the video, sound); any other one as it is."""
    samples: Any = latent.get("samples") if isinstance(latent, Mapping) else None
    if not getattr(samples, "is_nested", False):
        return latent, None
    streams, mask = samples.unbind(), latent.get("noise_mask")
    if len(streams) != 2:
        raise UsageError(f"latent: {len(streams)} streams; give video, or video and its sound")
    video = {key: value for key, value in latent.items() if key not in ("samples", "noise_mask")} | {"samples": streams[0]}
    if mask is not None:
        video["noise_mask"] = mask.unbind()[0] if getattr(mask, "is_nested", False) else mask
    return video, streams[1]


def join_av(video: Tensor, sound: Tensor | None) -> Any:
    """Samples of a LATENT."""
    return video if sound is None else comfy.nested_tensor.NestedTensor([video, sound])
