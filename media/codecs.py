"""Video codecs: which files each goes into, which encoder makes it, with what options and pixel format."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from ..errors import MediaError

if TYPE_CHECKING:
    from av.video.stream import VideoStream

BT709, LIMITED, FULL = 1, 1, 2  # ffmpeg's AVColorSpace, AVColorPrimaries and AVColorTransferCharacteristic; AVColorRange


@dataclass(frozen=True)
class Codec:
    """`encoders` of FFmpeg, the first that this build has is used; `suffixes` of files, the usual one first; `options` of a crf on
    x264's scale, and `zones`, which of them takes spans of frames that are stored better than others; `whole`, `odd` pixel formats
    of even and of odd sizes; `even_width` where an odd one cannot be stored; `chroma`: where readers take a halved chroma sample
    to lie, "left" or "center"; `least` pixels a side; `tag` is the four letters that players look for; `delay` frames that
    decoding runs ahead of showing, where the encoder cannot be trusted to say so."""

    encoders: tuple[str, ...]
    suffixes: tuple[str, ...]
    options: Callable[[int], dict[str, str]]
    zones: str | None = None
    whole: str = "yuv420p"
    odd: str = "yuv444p"
    even_width: bool = False
    chroma: str = "center"
    least: int = 2
    tag: str | None = None
    delay: int = 0


def _x264(crf: int) -> dict[str, str]:
    """Without cpu-independent, x264's macroblock tree gave one of several files for the same frames (measured)."""
    return {"crf": str(crf), "preset": "medium", "x264-params": "cpu-independent=1"}


def _x265(crf: int) -> dict[str, str]:
    """x265 looks about as good four steps higher. One thread of frames, so that the same frames give the same file.

    Film that is thousands of pixels wide and a few high fits no level of H.265, and plays all the same.
    """
    params = "log-level=error:frame-threads=1:allow-non-conformance=1"
    return {"crf": str(min(CRF_MAX, crf + 4) if crf else 0), "preset": "fast", "x265-params": params}


def _av1(crf: int) -> dict[str, str]:
    """AV1 counts to 63. One thread: SVT-AV1 gives the same file for the same frames then. libaom reads the last two."""
    return {"crf": str(min(63, crf + 12) if crf else 1), "preset": "9", "svtav1-params": "lp=1", "cpu-used": "8", "row-mt": "1"}


def _vp9(crf: int) -> dict[str, str]:
    quality = "0" if crf == 0 else str(min(63, crf + 10))
    return {"crf": quality, "deadline": "good", "cpu-used": "4", "row-mt": "1", "lag-in-frames": "12"}


def _prores(crf: int) -> dict[str, str]:
    """Profile 3, "HQ": it has no crf."""
    return {"profile": "3", "vendor": "apl0"}


def _ffv1(crf: int) -> dict[str, str]:
    """Version 3, with checksums. It loses nothing, so it has no crf."""
    return {"level": "3", "slicecrc": "1"}


RGB = "bgr0"
"""Pixel format of a codec that keeps frames as they are, to the last bit."""
CRF_MAX = 51
"""Worst quality on x264's scale."""
CONTAINERS = {
    ".mp4": ("mp4", "h264"),
    ".m4v": ("mp4", "h264"),
    ".mov": ("mov", "h264"),
    ".webm": ("webm", "vp9"),
    ".mkv": ("matroska", "ffv1"),
}
"""Muxer and usual codec of a video file, by its suffix."""
MATROSKA = "webm", "matroska"
"""Muxers whose files play as they are while they grow."""
TABLE = {
    "h264": Codec(("libx264",), (".mp4", ".m4v", ".mov"), _x264, "x264-params", chroma="left"),
    "h265": Codec(("libx265",), (".mp4", ".m4v", ".mov"), _x265, "x265-params", chroma="left", least=16, tag="hvc1", delay=2),
    "av1": Codec(("libsvtav1", "libaom-av1"), (".mp4", ".webm"), _av1, odd="yuv420p", least=4),
    "prores": Codec(("prores_ks",), (".mov",), _prores, whole="yuv422p10le", odd="yuv422p10le", even_width=True),
    "vp9": Codec(("libvpx-vp9",), (".webm",), _vp9, odd="yuv420p"),
    "ffv1": Codec(("ffv1",), (".mkv",), _ffv1, whole=RGB, odd=RGB),
}


GIVEN = 2.5
"""Times the usual bits go to frames that were given, about eight steps of crf: what a film is made of is made again each time that
it is extended, and must not wear out. Ten times H.264 at crf 18 lost 1.5 dB without it."""


def options(codec: Codec, crf: int, given: Sequence[range]) -> dict[str, str]:
    """The encoder's options for a crf on x264's scale, where the frames `given` were not made."""
    found = codec.options(crf)
    spans = "/".join(f"{span.start},{span.stop - 1},b={GIVEN}" for span in given if span)
    if codec.zones and spans:
        found[codec.zones] = ":".join(filter(None, (found.get(codec.zones), f"zones={spans}")))
    return found


@cache
def encoder(name: str) -> str | None:
    """The encoder this machine's FFmpeg has for codec `name`, None where it has none."""
    import av

    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 writes its settings to standard error otherwise
    for found in TABLE[name].encoders:
        try:
            av.codec.Codec(found, "w")
        except ValueError:  # what PyAV raises for an unknown codec
            continue
        return found
    return None


def codecs() -> dict[str, tuple[str, ...]]:
    """Codec name -> endings of the films it goes into, the usual one first; only what this machine can write."""
    return {name: codec.suffixes for name, codec in TABLE.items() if encoder(name)}


def choose(name: str, suffix: str, width: int, height: int) -> tuple[Codec, str]:
    """(codec, its encoder) for a file `suffix` of that size. Raises MediaError in one line where it cannot be."""
    offered = codecs()
    if name not in TABLE:
        raise MediaError(f"codec {name!r}: give one of {', '.join(offered)}")
    found = encoder(name)
    if found is None:
        raise MediaError(f"codec {name}: this machine's PyAV has no encoder for it; give one of {', '.join(offered)}")
    codec = TABLE[name]
    if suffix not in codec.suffixes:
        fitting = ", ".join(other for other, suffixes in offered.items() if suffix in suffixes) or "no codec"
        raise MediaError(f"{name} goes into {' or '.join(codec.suffixes)}, not {suffix}; {suffix} takes {fitting}")
    if min(width, height) < codec.least:
        raise MediaError(f"{width}x{height}: {name} needs sides of {codec.least} pixels; give a larger size or another codec")
    if codec.even_width and width % 2:
        raise MediaError(f"{width}x{height}: {name} needs an even width; give {width + 1}x{height} or another codec")
    return codec, found


def add_stream(
    container: Any, *, kind: Codec, encoder: str, size: tuple[int, int], fps: Fraction, crf: int, given: Sequence[range] = ()
) -> VideoStream:
    """The stream of a film of `size` (width, height) with its encoder, which stores the frames `given` better."""
    stream = cast("VideoStream", container.add_stream(encoder, rate=fps))
    stream.width, stream.height = size
    stream.pix_fmt = kind.odd if size[0] % 2 or size[1] % 2 else kind.whole
    stream.options = dict[str, object](options(kind, crf, given))
    context = stream.codec_context
    if kind.tag:
        context.codec_tag = kind.tag
    context.time_base = 1 / fps
    context.gop_size = max(1, round(fps))
    context.bit_rate = 0
    if stream.pix_fmt == RGB:
        context.color_range = FULL
    else:
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
    return stream
