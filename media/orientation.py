"""How a stored frame is turned and mirrored to be shown: from the display matrix of a video, or the EXIF of a picture."""

from __future__ import annotations

import contextlib
import os
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

EXIF_ORIENTATION = 274


class Orientation(NamedTuple):
    """A stored frame is `transposed` (rows become columns), then `mirrored` left to right, then `flipped` upside down."""

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def upright(self, pixels: Tensor) -> Tensor:
        """`pixels` [H, W, C] as they are shown."""
        import torch

        shown = pixels.transpose(0, 1) if self.transposed else pixels
        turned = [axis for axis, wanted in ((0, self.flipped), (1, self.mirrored)) if wanted]
        return torch.flip(shown, turned).contiguous() if turned else shown.contiguous()


UPRIGHT = Orientation()
BY_EXIF = {
    2: Orientation(mirrored=True),
    3: Orientation(mirrored=True, flipped=True),
    4: Orientation(flipped=True),
    5: Orientation(transposed=True),
    6: Orientation(transposed=True, mirrored=True),
    7: Orientation(True, True, True),
    8: Orientation(transposed=True, flipped=True),
}


def of_picture(path: str | os.PathLike[str]) -> Orientation:
    """What the EXIF of a picture says, as Pillow reads it; upright where it says nothing that can be read."""
    from PIL import Image

    with contextlib.suppress(OSError, ValueError, TypeError, SyntaxError, Image.DecompressionBombError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as picture:
            return BY_EXIF.get(picture.getexif().get(EXIF_ORIENTATION), UPRIGHT)
    return UPRIGHT


def of_frame(frame: Any) -> Orientation:
    """What the display matrix of a decoded frame says; angles between right ones go to the nearest."""
    import numpy as np

    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV gives up where a frame carries a kind of side data that it does not know
        return UPRIGHT
    return UPRIGHT if matrix is None else of_matrix(*np.frombuffer(bytes(matrix), np.int32)[[0, 1, 3, 4]].tolist())


def of_matrix(a: int, b: int, c: int, d: int) -> Orientation:
    """Of the matrix that shows the pixel (x, y) at (ax + cy, bx + dy); one that shows nothing is taken as upright."""
    if a * d == b * c:
        return UPRIGHT
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(mirrored=a < 0, flipped=d < 0)
    return Orientation(transposed=True, mirrored=c < 0, flipped=b < 0)
