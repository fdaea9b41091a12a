"""Where a video came from: unsigned metadata, a JSON sidecar, an invisible mark and a visible one.

None of these proves anything by itself. Metadata and sidecar are plain text that anyone can change or remove; the
invisible mark survives re-encoding and resizing, not cropping, and tells only that somebody who knew the key made it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import MediaError

if TYPE_CHECKING:
    from torch import Tensor

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
UNSIGNED = "unsigned: this record is plain text and proves nothing; anyone can change or remove it"
KEY = "longtake"
"""Key of the invisible mark in what LongTake makes."""
STRETCH = 64
"""Frames that a mark is looked for in together."""
THRESHOLD = 5.0
"""A `detect` score above which a video counts as marked. Were the score exactly normal, one unmarked video in three
million would pass; tests/media/test_mark.py measures it on a few hundred controls."""

GRID = (56, 88)  # chips along the short and the long side, whatever the size in pixels, so that resizing is harmless
RMS = 1.7  # strength in levels of 255: 43.5 dB
LUMA = (0.2126, 0.7152, 0.0722)  # BT.709


def metadata(prompt: str | list[str], seed: int, model: str, **facts: Any) -> dict[str, str]:
    """Container tags `title` and `comment` for `open_writer`; the comment is the whole record as JSON.

    `facts`: anything else worth keeping, such as hashes or settings. The tags avoid the names `prompt` and `workflow`,
    which ComfyUI reserves for its graphs. The source type is IPTC's term for media made by a trained model.
    """
    first = prompt if isinstance(prompt, str) else next(iter(prompt), "")
    record = {
        "generator": f"LongTake {__version__}",
        "digital_source_type": SOURCE_TYPE,
        "prompt": prompt,
        "seed": seed,
        "model": model,
        **facts,
        "signature": UNSIGNED,
    }
    return {"title": first[:200], "comment": json.dumps(record, ensure_ascii=False)}


def read_record(comment: str) -> dict[str, Any]:
    """The record in a video's `comment`; empty where there is none."""
    try:
        record = json.loads(comment)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def embed(frames: Tensor, key: str | int) -> Tensor:
    """`frames` [T, H, W, 3] 0..1 with an invisible mark; chunks of one video may be marked one after the other.

    Spread spectrum (Cox et al., 1997): a pattern of +-1 chips drawn from `key`, the same in every frame, is added to
    the luma, stronger where the picture is busy, at 43.5 dB PSNR whatever the picture.
    """
    luma = _luma(frames)[:, None] * 255
    mean = _blur(luma, 5)
    busy = (_blur(luma * luma, 5) - mean * mean).clamp(min=0).sqrt()
    height, width = frames.shape[1:3]
    pattern = _pattern(key, height, width, device=frames.device)
    change = pattern * (0.6 + busy / 8).clamp(max=1.8)
    change = change * (RMS / change.square().mean((1, 2, 3), keepdim=True).sqrt())
    return (frames.float() + (change / 255)[:, 0, ..., None]).clamp(0, 1).to(frames.dtype)


class Detector:
    """Looks for the mark of `key` in frames as they come, so many at a time as a `stretch`, since a film may begin with frames
    that nobody has marked; all together where it is None. See `detect`."""

    def __init__(self, key: str | int, stretch: int | None = STRETCH):
        self.key, self.stretch, self.count, self.best = key, stretch, 0, -math.inf
        self._total: Any = 0

    def add(self, frame: Tensor) -> None:
        """Takes one frame [H, W, 3]."""
        self._total = self._total + _cells(_luma(frame)[None, None] * 255)
        self.count += 1
        if self.count == self.stretch:
            self._close()

    def score(self) -> float:
        """The highest score of a stretch so far."""
        if self.count:
            self._close()
        return self.best

    def _close(self) -> None:
        self.best = max(self.best, _score(self._total / self.count, self.key))
        self._total, self.count = 0, 0


def detect(frames: Tensor | Iterable[Tensor], key: str | int) -> float:
    """How surely `frames`, [T, H, W, 3] or an iterable of [H, W, 3], carry the mark of `key`; see `THRESHOLD`.

    The score is a correlation in standard deviations: without the mark it is close to a standard normal variable.
    Frames are read one at a time; motion averages the picture out and leaves the mark. Raises MediaError: no frames.
    """
    detector = Detector(key, stretch=None)
    for frame in frames:
        detector.add(frame)
    if not detector.count:
        raise MediaError("there are no frames to look for a mark in; give a video with at least one frame")
    return detector.score()


def _score(fine: Any, key: str | int) -> float:
    """Correlation of the mean cells of some frames with the chips of `key`."""
    fine = fine - _blur(fine, 3)
    fine = fine / (_blur(fine * fine, 5).sqrt() + 0.3)  # whiten: busy places say less
    rows, columns = fine.shape[2:]
    chips = _chips(key, rows, columns, device=fine.device)
    chips = chips - _blur(chips, 3)
    return float((fine * chips).sum() / (fine.square().sum().sqrt() * chips.square().mean().sqrt()).clamp(min=1e-9))


def _luma(pixels: Tensor) -> Tensor:
    return pixels.float() @ pixels.new_tensor(LUMA).float()


def _blur(x: Tensor, side: int) -> Tensor:
    """Mean over `side` x `side` neighbours of x [B, 1, H, W], edges repeated."""
    from torch.nn.functional import avg_pool2d, pad

    return avg_pool2d(pad(x, (side // 2,) * 4, mode="replicate"), side, 1)


def _grid(height: int, width: int) -> tuple[int, int]:
    return GRID if width >= height else (GRID[1], GRID[0])


def _cells(luma: Tensor) -> Tensor:
    """Mean luma of each chip's cell: [1, 1, H, W] to [1, 1, rows, columns]."""
    from torch.nn.functional import interpolate

    return interpolate(luma, size=_grid(*luma.shape[2:]), mode="area")


def _chips(key: str | int, rows: int, columns: int, device: Any) -> Tensor:
    """+-1 [1, 1, rows, columns] from SHAKE-256 of the key, so that no library's random numbers can change it."""
    import numpy as np
    import torch

    stream = hashlib.shake_256(f"longtake:{key}".encode()).digest((rows * columns + 7) // 8)
    bits = np.unpackbits(np.frombuffer(stream, np.uint8))[: rows * columns]
    return torch.from_numpy(bits.astype(np.float32) * 2 - 1).reshape(1, 1, rows, columns).to(device)


def _pattern(key: str | int, height: int, width: int, device: Any) -> Tensor:
    """The chips at the size of a frame, [1, 1, H, W]."""
    from torch.nn.functional import interpolate

    chips = _chips(key, *_grid(height, width), device=device)
    return interpolate(chips, size=(height, width), mode="bilinear", align_corners=False)
