"""Frames on their way to the writer: the crop to the size asked for, and real frames laid over decoded ones."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Known:
    """Real frames [H, W, 3] that stand in the output from frame `start` on, `count` of them.

    The last `fade_out` of them are cross-faded with the decoded frames, which show the same moment: between a real and a
    generated frame there is then no step in sharpness or colour.
    """

    frames: Iterator[Tensor]
    start: int
    count: int
    fade_out: int = 0

    def weight(self, index: int) -> float:
        """How much of the real frame shows at output frame `index`, 0..1."""
        left = self.count - (index - self.start)
        return left / (self.fade_out + 1) if left <= self.fade_out else 1.0


def crop(frames: Tensor, width: int, height: int) -> Tensor:
    """The middle `height` x `width` of [T, H, W, 3]."""
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    return frames[:, top : top + height, left : left + width]


def lay_over(chunks: Iterable[Tensor], clips: list[Known]) -> Iterator[Tensor]:
    """Decoded chunks [T, H, W, 3] with the frames of `clips` (in order, not overlapping) laid over them."""
    waiting, first = list(clips), 0
    for chunk in chunks:
        last = first + chunk.shape[0]
        while waiting and waiting[0].start < last:
            clip = waiting[0]
            begin, end = max(first, clip.start), min(last, clip.start + clip.count)
            for index in range(begin, end):
                real = next(clip.frames, None)
                if real is not None:
                    chunk[index - first] = torch.lerp(chunk[index - first], real.to(chunk), clip.weight(index))
            if clip.start + clip.count > last:
                break
            waiting.pop(0)
        yield chunk
        first = last
