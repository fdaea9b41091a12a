"""Halved chroma that comes back as it was: what FFmpeg makes whole pictures of, films of films keep.

A film has one sample of colour for 2x2 pixels. FFmpeg reads it by cubic interpolation; halving with another cubic filter is
not the inverse of that, so each time a film is made of a film its colours get softer: 2 to 4 dB in ten generations. The filter
here is the least-squares inverse of the reading (the pseudoinverse of the interpolation), so a film that is read and written
again keeps its samples, and one that is written for the first time is read nearest to what was drawn.
"""

from __future__ import annotations

import contextlib
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, cast

from ..errors import MediaError
from . import SCALER
from .codecs import RGB

if TYPE_CHECKING:
    import av
    import numpy as np
    from av.filter import Graph
    from torch import Tensor

SHARPNESS = 0.6
"""Parameter C of swscale's bicubic (B = 0), see Mitchell and Netravali 1988, equation 8."""
REACH = 16
"""Pixels to each side that a sample is made of; beyond them the inverse has less than a thousandth."""
LEAN = 0.25
"""How far the inverse leans away from taking every second pixel as it is, where samples lie on pixels; both are inverses, and so
is what lies beyond. An edge of colour is read a seventh of a pixel from its place by least squares alone, a twentieth by this."""
SIZE = 96
"""Pixels of the line that the inverse is computed on; its middle knows of no edge."""


def cubic(x: float) -> float:
    """Weight of a sample x samples away."""
    x, c = abs(x), SHARPNESS
    if x < 1:
        return (2 - c) * x**3 + (c - 3) * x**2 + 1
    return c * (-(x**3) + 5 * x**2 - 8 * x + 4) if x < 2 else 0.0


@cache
def taps(place: str) -> tuple[float, ...]:
    """Weights of the pixels around a sample that lies on the first of its two pixels ("left") or between them ("center").

    The first is REACH pixels to the left of the first of its two pixels, or one less.
    """
    import numpy as np

    shift = 0.5 if place == "center" else 0.0
    pixels, samples = np.arange(SIZE)[:, None], np.arange(SIZE // 2)[None]
    reading = np.vectorize(cubic)((pixels - shift) / 2 - samples)
    inverse = np.linalg.pinv(reading)[SIZE // 4]
    if place != "center":
        inverse = (1 + LEAN) * inverse
        inverse[SIZE // 2] -= LEAN
    first = SIZE // 2 - REACH + (place == "center")
    found = inverse[first : SIZE // 2 + REACH + 1]
    return tuple((found / found.sum()).tolist())


def halve(plane: np.ndarray, across: str, down: str = "center") -> np.ndarray:
    """A plane [H, W] of 8-bit chroma, H and W even, to samples [H/2, W/2] at those places of their 2x2 pixels."""
    import torch

    x = torch.from_numpy(plane).float()
    for dim, place in ((0, down), (1, across)):
        x = _halve_lines(x.movedim(dim, -1), place).movedim(-1, dim)
    return x.round().clamp(0, 255).byte().contiguous().numpy()


def _halve_lines(lines: Tensor, place: str) -> Tensor:
    """Lines [N, L] to [N, L/2]; what is beyond an edge is as at the edge."""
    import torch.nn.functional as F

    weights = lines.new_tensor(taps(place))[None, None]
    left = REACH - (place == "center")
    padded = F.pad(lines[:, None], (left, len(taps(place)) - left - 2), mode="replicate")
    return F.conv1d(padded, weights, stride=2)[:, 0]


class Converter:
    """From RGB frames to those of an encoder, BT.709 in limited range, with chroma samples where readers look for them ("left" or
    "center" of their pixels): a quarter of a pixel elsewhere, colours move to the left each time a film is made of a film.

    8-bit chroma is halved by `halve`, which loses nothing when a film is made of a film; other formats by FFmpeg.
    """

    def __init__(self, width: int, height: int, pix_fmt: str, place: str):
        self.place, self.halves = place, pix_fmt == "yuv420p" and not (width % 2 or height % 2)
        self.graph = _scaler(width, height, "yuv444p" if self.halves else pix_fmt, place)
        self.count = 0

    def __call__(self, rgb: np.ndarray) -> av.VideoFrame:
        """A frame [H, W, 3] of bytes as the encoder takes it."""
        import av

        given = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        given.pts, given.time_base = self.count, Fraction(1)
        self.count += 1
        self.graph.push(given)
        made = cast("av.VideoFrame", self.graph.pull())
        return self._halved(made) if self.halves else made

    def _halved(self, whole: av.VideoFrame) -> av.VideoFrame:
        import av
        import numpy as np

        luma, *chroma = whole.to_ndarray()
        planes = [luma, *(halve(plane, self.place) for plane in chroma)]
        rows = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, whole.width)
        made = av.VideoFrame.from_ndarray(rows, format="yuv420p")
        for name in ("colorspace", "color_range", "color_primaries", "color_trc"):
            setattr(made, name, getattr(whole, name))
        return made


def as_given(rgb: np.ndarray) -> av.VideoFrame:
    """A frame [H, W, 3] of bytes for an encoder of RGB, every value as it is."""
    import av

    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=RGB)


def _scaler(width: int, height: int, pix_fmt: str, place: str) -> Graph:
    """A graph of FFmpeg's filters."""
    import av
    from av.filter import Graph

    options = f"flags={SCALER}:out_color_matrix=bt709:out_range=tv"
    for more in (f":out_chroma_loc={place}", ""):  # FFmpeg before 7.1 has no such option
        graph = Graph()
        with contextlib.suppress(av.FFmpegError, ValueError):
            chain = (
                graph.add("buffer", f"width={width}:height={height}:pix_fmt=rgb24:time_base=1/1"),
                graph.add("scale", options + more),
                graph.add("format", f"pix_fmts={pix_fmt}"),
                graph.add("buffersink"),
            )
            graph.link_nodes(*chain).configure()
            return graph
    raise MediaError(f"{pix_fmt}: FFmpeg cannot convert colours to it; install a newer PyAV")
