"""The invisible mark in pictures that were cropped: its pattern is looked for at many sizes and places at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

FINE = 2
"""Samples a chip is wide where the whole picture is shown; more where a part of it is."""
KEPT_MIN = 0.74
"""Smallest share of each side that is looked for: a crop to 80 %, and a little more."""
STEP = 0.02
"""Between the shares looked for; what lies between them moves the outermost chips by less than half a chip."""
NARROWEST = 0.0025
"""To which the best share is refined."""


class Alignment(NamedTuple):
    """Where the pattern lies best: its correlation in standard deviations, and the part of the marked picture that is left, in
    shares of its sides."""

    score: float
    top: float
    left: float
    height: float
    width: float


def working_size(rows: int, columns: int) -> tuple[int, int]:
    """Height and width at which pictures of a grid of `rows` x `columns` chips are searched."""
    return rows * FINE, columns * FINE


def aligned(picture: Tensor, chips: Tensor) -> float:
    """Correlation of `chips` with a picture in which they lie as they were made, in standard deviations."""
    return _placed(*_spectrum(picture), chips, (1.0, 1.0)).score


def search(picture: Tensor, chips: Tensor) -> Alignment:
    """The best place for `chips` [1, 1, rows, columns] in a whitened `picture` [1, 1, H, W] of `working_size`.

    Every size of the pattern is laid over the picture at all places by one product of Fourier transforms. The highest of so many
    correlations lies above that of one: see `mark.THRESHOLD_CROPPED`.
    """
    spectrum, size, room = _spectrum(picture)
    shares = [1 - STEP * number for number in range(math.floor((1 - KEPT_MIN) / STEP + 1e-9) + 1)]
    best = max(_placed(spectrum, size, room, chips, (down, across)) for down in shares for across in shares)
    step = STEP
    while step > NARROWEST:
        step /= 2
        best = max(best, *(_placed(spectrum, size, room, chips, share) for share in _around(best, step)))
    return best


def _spectrum(picture: Tensor) -> tuple[Tensor, tuple[int, int], tuple[int, int]]:
    """Conjugate transform of a picture, its size, and the size of the transform."""
    import torch

    height, width = picture.shape[2:]
    room = _room(height), _room(width)
    return torch.fft.rfft2(picture[0, 0], s=room).conj(), (height, width), room


def _around(best: Alignment, step: float) -> Iterator[tuple[float, float]]:
    for down in (-step, 0.0, step):
        for across in (-step, 0.0, step):
            share = best.height + down, best.width + across
            if (down or across) and min(share) >= KEPT_MIN and max(share) <= 1:
                yield share


def _placed(spectrum: Tensor, size: tuple[int, int], room: tuple[int, int], chips: Tensor, share: tuple[float, float]) -> Alignment:
    """The best place of a pattern of which the picture shows `share` of height and width.

    What one standard deviation is, is read off the correlations at all places, nearly all of them wrong: a picture that is smooth
    over several chips agrees with any pattern more, or less, than one whose samples say each something of their own.
    """
    import torch
    from torch.nn.functional import interpolate

    full = max(size[0], round(size[0] / share[0])), max(size[1], round(size[1] / share[1]))
    pattern = interpolate(chips, size=full, mode="bilinear", align_corners=False)[0, 0]
    product = torch.fft.irfft2(spectrum * torch.fft.rfft2(pattern, s=room), s=room)
    deviation = (product.square().sum() / (full[0] * full[1])).sqrt().clamp(min=1e-9)
    product = product[: full[0] - size[0] + 1, : full[1] - size[1] + 1]
    at = int(product.argmax())
    top, left = divmod(at, product.shape[1])
    return Alignment(float(product[top, left] / deviation), top / full[0], left / full[1], *share)


def _room(side: int) -> int:
    """Enough for the largest pattern, of a length that is quickly transformed."""
    needed = math.ceil(side / KEPT_MIN) + 1
    return next(n for n in range(needed, 2 * needed) if _smooth(n))


def _smooth(number: int) -> bool:
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1
