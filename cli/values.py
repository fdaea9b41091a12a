"""Argument types: each turns one word of the command line into a checked value, or says what is allowed."""

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

from ..errors import shorten
from ..take.shots import SECONDS_MAX, STRENGTHS

SIDE_MIN, SIDE_MAX = 16, 4096
PIXELS_MAX = 1920 * 1088
FPS_MAX = 60.0


def number(low: float, high: float, *, above: bool = False) -> Callable[[str], float]:
    """A parser of finite numbers in low..high; `above` leaves `low` itself out."""
    allowed = f"more than {low:g} and at most {high:g}" if above else f"{low:g} to {high:g}"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value > high or value < low or (above and value == low):
            raise argparse.ArgumentTypeError(f"{shorten(text)!r} is not allowed: give a number, {allowed}")
        return value

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers in low..high."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,30}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{shorten(text)!r} is not allowed: give a whole number, {low} to {high}")
        return int(text)

    return parse


def size(text: str) -> tuple[int, int]:
    """`WIDTHxHEIGHT` in pixels."""
    width, height = sides(text, "256x160")
    if not (SIDE_MIN <= width <= SIDE_MAX and SIDE_MIN <= height <= SIDE_MAX):
        raise argparse.ArgumentTypeError(
            f"{width}x{height} is not allowed: each side must be {SIDE_MIN} to {SIDE_MAX} pixels, such as 256x160"
        )
    if width * height > PIXELS_MAX:
        raise argparse.ArgumentTypeError(
            f"{width}x{height} is not allowed: at most {PIXELS_MAX:,} pixels a frame, such as 1920x1088"
        )
    return width, height


def sides(text: str, such: str = "1920x1080, or 1920x0") -> tuple[int, int]:
    """Two numbers with an x between, `such` as that; what they may be is for others to say."""
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*[xX×]\s*([0-9]{1,9})\s*", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{shorten(text)!r} is not a size: write WIDTHxHEIGHT, such as {such}")
    return int(match[1]), int(match[2])


def strength(text: str) -> tuple[float, float]:
    """How much a remix changes, at its beginning and at its end: a name or a number in 0..1, or two with a colon between."""
    begin, colon, end = text.partition(":")
    try:
        words = (begin, end) if colon else (begin, begin)
        first, last = (STRENGTHS[word] if word in STRENGTHS else number(0.0, 1.0)(word) for word in words)
    except argparse.ArgumentTypeError:
        names = ", ".join(STRENGTHS)
        message = f"{shorten(text)!r} is not allowed: give {names} or a number, 0 to 1, or two such as subtle:0.8"
        raise argparse.ArgumentTypeError(message) from None
    return first, last


def keyframe(text: str) -> tuple[float, Path]:
    """`SECONDS=IMAGE`: the moment an image is to appear."""
    moment, equals, path = text.partition("=")
    if not equals or not path:
        raise argparse.ArgumentTypeError(f"{shorten(text)!r} is not allowed: write SECONDS=IMAGE, such as 2.5=door.png")
    return number(0.0, SECONDS_MAX)(moment), Path(path)
