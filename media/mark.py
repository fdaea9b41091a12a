"""Where a video came from: unsigned metadata and an invisible mark.

Neither proves anything by itself. Metadata are plain text that anyone can change or remove; the
invisible mark survives re-encoding, resizing, another speed and a crop to 80 % of each side, and tells only that somebody who
knew the key made it. A signature, which proves more, is made in `sign.py`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import __version__
from ..errors import MediaError
from . import alignment

if TYPE_CHECKING:
    from torch import Tensor

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
UNSIGNED = "unsigned: this record is plain text and proves nothing, unless a C2PA signature of the file covers it"
KEY = "longtake"
"""Key of the invisible mark in what LongTake makes."""
STRETCH = 64
"""Frames that a mark is looked for in together."""
THRESHOLD = 5.0
"""A `detect` score above which a video counts as marked. Were the score exactly normal, one unmarked video in three
million would pass; tests/media/test_mark.py measures it on a few hundred controls."""
THRESHOLD_CROPPED = 7.0
"""The same for the best of all places and sizes in a search: that of some 400,000 independent tries, 4.6 in the middle."""

NO_FRAMES = "there are no frames to look for a mark in; give a video with at least one frame"
GRID = (56, 88)  # chips along the short and the long side, whatever the size in pixels, so that resizing is harmless
RMS = 1.7  # strength in levels of 255: 43.5 dB
FLOOR_FRAME, FLOOR_MEAN = 0.3, 0.05  # of `_whitened`: in levels of 255 for a frame, in deviations for the mean of many
LUMA = (0.2126, 0.7152, 0.0722)  # BT.709


def make_record(prompt: str | list[str], seed: int, model: str, **facts: Any) -> dict[str, Any]:
    """What a film keeps of how it was made, with an id that no other has and the time, in UTC.

    `facts`: anything else worth keeping, such as hashes or settings. The source type is IPTC's term for media made by a trained
    model.
    """
    return {
        "generator": f"LongTake {__version__}",
        "digital_source_type": SOURCE_TYPE,
        "id": f"urn:uuid:{uuid.uuid4()}",
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "prompt": prompt,
        "seed": seed,
        "model": model,
        **facts,
        "signature": UNSIGNED,
    }


def tags(record: dict[str, Any]) -> dict[str, str]:
    """Container tags `title` and `comment` for `open_writer`; the comment is the whole record as JSON. They avoid the names
    `prompt` and `workflow`, which ComfyUI reserves for its graphs."""
    prompt = record["prompt"]
    first = prompt if isinstance(prompt, str) else next(iter(prompt), "")
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


class Match(NamedTuple):
    """How surely a mark is there: `score` in standard deviations, the `threshold` that it is held against, and, where the mark
    was searched for, the part of the marked picture that is left."""

    score: float
    threshold: float
    part: alignment.Alignment | None = None

    @property
    def found(self) -> bool:
        """Whether the mark is there."""
        return self.score > self.threshold

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        part = None if self.part is None else [round(share, 3) for share in self.part[1:]]
        return {"score": round(self.score, 2), "threshold": self.threshold, "found": self.found, "part": part}


class Detector:
    """Looks for the mark of `key` in frames as they come, so many at a time as a `stretch`, since a film may begin with frames
    that nobody has marked. Where the mark does not lie as it was made, it is searched for at other sizes and places."""

    def __init__(self, key: str | int, stretch: int = STRETCH):
        self.key, self.stretch, self.count = key, stretch, 0
        self.best: Match | None = None
        self._total: Any = 0

    def add(self, frame: Tensor) -> None:
        """Takes one frame [H, W, 3]. Raises MediaError for one of another size than those before it."""
        self._total = self._total + _fine(frame)
        self.count += 1
        if self.count == self.stretch:
            self._close()

    def match(self) -> Match:
        """The surest stretch so far. Raises MediaError: no frames."""
        if self.count:
            self._close()
        if self.best is None:
            raise MediaError(NO_FRAMES)
        return self.best

    def _close(self) -> None:
        picture, chips = _whitened(self._total / self.count, FLOOR_MEAN), _fine_chips(self.key, self._total)
        found = Match(alignment.aligned(picture, chips), THRESHOLD)
        if not found.found and (self.best is None or not self.best.found):
            part = alignment.search(picture, chips)
            found = max(found, Match(part.score, THRESHOLD_CROPPED, part), key=_certainty)
        self.best = found if self.best is None else max(self.best, found, key=_certainty)
        self._total, self.count = 0, 0


def _certainty(match: Match) -> float:
    return match.score - match.threshold


def detect(frames: Tensor | Iterable[Tensor], key: str | int) -> float:
    """How surely `frames`, [T, H, W, 3] or an iterable of [H, W, 3], carry the mark of `key`; see `THRESHOLD`.

    The score is a correlation in standard deviations: without the mark it is close to a standard normal variable.
    Frames are read one at a time; motion averages the picture out and leaves the mark, which is expected where it was
    made: `Detector` also finds it in cropped pictures. Raises MediaError: no frames.
    """
    total, count = None, 0
    for frame in frames:
        fine = _fine(frame)
        total, count = fine if total is None else total + fine, count + 1
    if total is None:
        raise MediaError(NO_FRAMES)
    return alignment.aligned(_whitened(total / count, FLOOR_MEAN), _fine_chips(key, total))


def _luma(pixels: Tensor) -> Tensor:
    return pixels.float() @ pixels.new_tensor(LUMA).float()


def _blur(x: Tensor, side: int) -> Tensor:
    """Mean over `side` x `side` neighbours of x [B, 1, H, W], edges repeated."""
    from torch.nn.functional import avg_pool2d, pad

    return avg_pool2d(pad(x, (side // 2,) * 4, mode="replicate"), side, 1)


def _grid(height: int, width: int) -> tuple[int, int]:
    return GRID if width >= height else (GRID[1], GRID[0])


def _fine(frame: Tensor) -> Tensor:
    """A frame [H, W, 3] at the size in which its pattern is looked for, whitened: [1, 1, h, w]. Each on its own, so that an edge
    that stands still for a whole film says no more than the mark beside it."""
    from torch.nn.functional import interpolate

    luma = _luma(frame)[None, None] * 255
    fine = interpolate(luma, size=alignment.working_size(*_grid(*luma.shape[2:])), mode="bilinear", antialias=True)
    return _whitened(fine, FLOOR_FRAME).clamp(-3, 3)


def _whitened(picture: Tensor, floor: float) -> Tensor:
    """`picture` without what is larger than a few chips, and everywhere about equally strong; what is weaker than `floor` stays
    weak."""
    fine = picture - _blur(picture, 3 * alignment.FINE | 1)
    return fine / (_blur(fine * fine, 5 * alignment.FINE | 1).sqrt() + floor)


def _fine_chips(key: str | int, picture: Tensor) -> Tensor:
    """The chips of `key` for a picture of `_fine`, without what whitening takes out of it."""
    rows, columns = (side // alignment.FINE for side in picture.shape[2:])
    chips = _chips(key, rows, columns, device=picture.device)
    return chips - _blur(chips, 3)


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
