"""Animated WebP, which FFmpeg writes but does not read: its frames and their times by Pillow."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

PIXELS_MAX = 8192 * 4320
"""Of a frame: one alone would take gigabytes beyond."""
USUAL = 100  # milliseconds of a frame that says 0, as browsers show it


def is_animated(path: str | os.PathLike[str]) -> bool:
    """Whether a WebP file holds more than a still: the flag of its extended header."""
    with open(path, "rb") as file:
        head = file.read(21)
    return len(head) == 21 and head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and bool(head[20] & 2)


def frames(path: str | os.PathLike[str]) -> Iterator[tuple[Fraction, Fraction, Any]]:
    """(time, duration, frame) in seconds of every frame; ends where the file is damaged."""
    import av
    import numpy as np
    from PIL import Image, ImageSequence

    time = Fraction(0)
    damaged = (OSError, ValueError, EOFError, SyntaxError, Image.DecompressionBombError)
    with contextlib.suppress(*damaged), Image.open(path) as film:
        if film.width * film.height > PIXELS_MAX:
            return
        for picture in ImageSequence.Iterator(film):
            kind = "rgba" if "A" in picture.getbands() else "rgb24"
            array = np.array(picture.convert("RGBA" if kind == "rgba" else "RGB"))
            duration = Fraction(int(picture.info.get("duration") or USUAL), 1000)
            yield time, duration, av.VideoFrame.from_ndarray(array, format=kind)
            time += duration


def length(path: str | os.PathLike[str]) -> tuple[int, Fraction]:
    """Frames, and seconds; decodes all of them."""
    count, seconds = 0, Fraction(0)
    for time, duration, _ in frames(path):
        count, seconds = count + 1, time + duration
    return count, seconds
