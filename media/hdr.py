"""High dynamic range: which film has it, and its frames tone-mapped to BT.709 by FFmpeg's own `scale` filter."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

TRANSFERS = {16: "PQ", 18: "HLG"}  # ffmpeg's AVColorTransferCharacteristic
TO_BT709 = "out_transfer=bt709:out_primaries=bt709:out_color_matrix=bt709:out_range=pc:intent=perceptual"


def transfer(frame: Any) -> str:
    """ "PQ" or "HLG" where a decoded frame is HDR, else ""."""
    return TRANSFERS.get(int(frame.color_trc), "")


class ToneMapper:
    """Turns HDR frames into RGB frames of 16 bits in BT.709; one graph, made again where size or format change."""

    def __init__(self) -> None:
        self._graph: Any = None
        self._made_for: tuple[Any, ...] = ()

    def __call__(self, frame: Any) -> Any:
        """The frame tone-mapped; one that is not HDR, or that this FFmpeg cannot map, as it is."""
        if not transfer(frame) or not available():
            return frame
        shape = frame.width, frame.height, frame.format.name
        if shape != self._made_for:
            self._made_for = shape
            self._graph = _graph(frame.width, frame.height, frame.format)
        self._graph.push(frame)
        return self._graph.pull()


@cache
def available() -> bool:
    """Whether this FFmpeg can tone-map: its `scale` filter does from version 8 on."""
    import av

    try:
        _graph(16, 16, av.VideoFormat("yuv420p10le", 16, 16))
    except (av.FFmpegError, ValueError):
        return False
    return True


def note(name: str, kind: str) -> str:
    """What is done to the HDR film `name`, of transfer `kind`."""
    if available():
        return f"{name} is HDR ({kind}): tone-mapped to BT.709"
    return f"{name} is HDR ({kind}), and this PyAV cannot tone-map (FFmpeg 8 can): it is read as SDR, dull and grey"


def _graph(width: int, height: int, stored: Any) -> Any:
    import av.filter

    graph = av.filter.Graph()
    steps = [graph.add_buffer(width=width, height=height, format=stored, time_base=Fraction(1, 1000))]
    steps += [graph.add("scale", TO_BT709), graph.add("format", "rgb48le"), graph.add("buffersink")]
    for before, after in pairwise(steps):
        before.link_to(after)
    graph.configure()
    return graph
