"""Packets of a finished film taken over as they are into another film, where the frames in them stand in it unchanged.

Encoding again loses a little each time, so that a film that is extended ten times would wear out where it is oldest.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import MediaError
from .orientation import UPRIGHT
from .read import probe
from .remux import lead_of

if TYPE_CHECKING:
    from av.video.stream import VideoStream

NEAR = Fraction(1, 50)
"""Of a frame, that a packet's time may be off: containers count in ticks of their own."""


class Given(NamedTuple):
    """`frames` of a film that were not made but given; `file` where they are all the frames of that film, as it is; `ends`: nothing
    follows them."""

    frames: range
    file: Path | None = None
    ends: bool = False


def copied(given: Sequence[Given], fps: Fraction, muxer: str, add: Callable[[Any], VideoStream]) -> list[Given]:
    """Those of `given` whose packets can be taken over: at either end of the film, as an encoder cannot be stopped in between, and
    encoded as by what `add` makes in any container: the stream of the film."""
    files = [one for one in given if one.file is not None and one.frames and (one.ends or one.frames.start == 0)]
    if not files:
        return []
    like = _signature(_sample(fps, muxer, add))
    return [one for one in files if one.file is not None and _fits(one.file, len(one.frames), fps, like)]


def _fits(file: Path, frames: int, fps: Fraction, like: tuple[Any, ...]) -> bool:
    """Whether a film was encoded as `like`, shows `frames` frames from its first moment on, evenly, and nothing else."""
    import av

    try:
        info = probe(file)
        if info.orientation != UPRIGHT or info.pixel_aspect != 1 or info.origin or info.hdr:
            return False
        with av.open(str(file.absolute())) as source:
            stream = source.streams.video[0]
            if _signature(stream) != like:
                return False
            unit, shown, lead = Fraction(stream.time_base or 1) * fps, [], lead_of(file, fps)
            for number, packet in enumerate(one for one in source.demux(stream) if one.size):
                if packet.pts is None or packet.dts is None or packet.is_discard or packet.is_corrupt:
                    return False
                if (number == 0 and not packet.is_keyframe) or abs(packet.pts * unit - round(packet.pts * unit)) > NEAR:
                    return False
                shown.append(round(packet.pts * unit))
                if number - shown[-1] > lead:
                    return False
        return sorted(shown) == list(range(frames))
    except (MediaError, av.FFmpegError, OSError, IndexError):
        return False


def _sample(fps: Fraction, muxer: str, add: Callable[[Any], VideoStream]) -> VideoStream:
    """The stream of a film of one frame, as a reader sees it."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=muxer) as target:
        stream = add(target)
        frame = av.VideoFrame(stream.width, stream.height, str(stream.pix_fmt))
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts, frame.time_base = 0, 1 / fps
        for packet in [*stream.encode(frame), *stream.encode()]:
            packet.dts = packet.pts  # x265 leaves it uninitialised in films as short as this
            target.mux(packet)
    file.seek(0, os.SEEK_SET)
    return av.open(file).streams.video[0]


def _signature(stream: VideoStream) -> tuple[Any, ...]:
    """What two streams must share so that one decoder, told of the first, reads both."""
    context = stream.codec_context
    colours = context.color_range, context.colorspace, context.color_primaries, context.color_trc
    return context.codec.canonical_name, context.width, context.height, context.pix_fmt, *colours, bytes(context.extradata or b"")
