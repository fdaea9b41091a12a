"""How a finished video came out: joins and drift in words and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import comfy.model_management
import torch
from torch import Tensor

from ..errors import UsageError
from ..media.mark import read_record
from ..media.read import probe, read_frames
from ..metrics.chart import draw
from ..metrics.joins import JoinFrames
from ..metrics.meter import Meter


def report(video: Any, joins: str) -> tuple[str, Tensor]:
    """Words and a picture [1, H, W, 3] about a VIDEO; `joins` are frame numbers, by default those of the file's record.

    A file is read frame by frame. Raises UsageError, MediaError, and what the host raises when the user interrupts.
    """
    frames, fps, record = _opened(video)
    meter = Meter()
    for frame in frames:
        comfy.model_management.throw_exception_if_processing_interrupted()
        meter.add(frame[..., :3])
    if meter.frames < 2:
        raise UsageError(f"video of {meter.frames} frame: nothing to compare; give at least 2 frames")
    places = JoinFrames(list(_numbers(joins, meter.frames)), []) if joins.strip() else JoinFrames.read(record).within(meter.frames)
    lines = [f"{meter.frames} frames, {meter.frames / fps:.2f} s"]
    lines += meter.report(places.joins, fps, windows=places.windows).lines()
    return "\n".join(lines), draw(meter, sorted(places.joins + places.windows), fps)[None]


def _opened(video: Any) -> tuple[Iterable[Tensor], float, dict[str, Any]]:
    """Frames, rate and record of a VIDEO, whose file is streamed where it has one that is shown whole."""
    source = video.get_stream_source() if hasattr(video, "get_stream_source") else None
    trim = video.get_active_trim_window() if hasattr(video, "get_active_trim_window") else (0.0, 0.0)
    if isinstance(source, str) and Path(source).is_file() and not any(trim):
        info = probe(source)
        return read_frames(source), float(info.fps), read_record(info.metadata.get("comment", ""))
    parts = video.get_components()
    return iter(torch.unbind(parts.images)), float(parts.frame_rate), {}


def _numbers(text: str, frames: int) -> Iterator[int]:
    """Frame numbers in `text`. Raises UsageError."""
    for part in filter(None, (part.strip() for part in text.replace(";", ",").split(","))):
        if not part.isdecimal() or not 0 < int(part) < frames:
            raise UsageError(f"joins {part[:20]!r}: give frame numbers from 1 to {frames - 1}, such as 32, 64")
        yield int(part)
