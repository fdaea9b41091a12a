"""Reading video and pictures from local files, lazily: one decoded frame is held at a time."""

from __future__ import annotations

import contextlib
import logging
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import MediaError
from . import animated, hdr, orientation
from .orientation import UPRIGHT, Orientation
from .pixels import fit, has_alpha, pixels_of

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

T = TypeVar("T")
NOT_VIDEO = {"tty", "hls", "dash", "concat", "concatf", "lrc", "srt", "ass", "webvtt"}  # text that ffmpeg would render
PICTURES = {"image2", "apng", "ico", "gif"}  # beside the many that end in _pipe
PIXELS_MAX, SIDE_MAX = animated.PIXELS_MAX, 16384
GAP, GAP_MAX = 60, 600
"""Seconds from which on a frame is held for long, and for which all such frames together are shown at most: with more their
neighbours' times are damaged."""
FPS_MAX = 1000
"""Frames a second beyond which a rate is damaged; the frames' own times are counted then."""


@dataclass(frozen=True)
class VideoInfo:
    """What a file says about its video, as it is shown: upright, with square pixels.

    `fps` is the average rate, `frames` an estimate (rate times duration where the file keeps no count), `duration` in
    seconds, `metadata` the container's tags, keys in lower case (WebM keeps no other).
    """

    width: int
    height: int
    fps: Fraction
    frames: int
    duration: float
    has_alpha: bool
    codec: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    origin: Fraction = Fraction(0)
    """Presentation time of the first frame, in seconds."""
    pixel_aspect: Fraction = Fraction(1)
    """Width over height of a stored pixel."""
    orientation: Orientation = UPRIGHT
    """From a stored frame to a shown one."""
    hdr: str = ""
    """"PQ" or "HLG" where the film is HDR, which is tone-mapped."""
    sound: str = ""
    """Codec, rate and channels of the sound, such as "aac, 48000 Hz, stereo"."""


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Size, rate, length and tags of a local file; decodes one frame. Raises MediaError: no file, video, frame."""
    with _opened(path) as (container, stream):
        name = Path(path).name
        first = next(_decoded(container, stream), None)
        if first is None:
            raise MediaError(f"{name}: its video has no frame that can be decoded; the file is empty or damaged")
        time, _, frame = first
        turned = orientation.of_picture(path) if _is_picture(container) else orientation.of_frame(frame)
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        width, height = max(1, round(frame.width * aspect)), frame.height
        if turned.transposed:
            width, height = height, width
        frames, fps, seconds = _length(path, container, stream)
        return VideoInfo(
            width=width,
            height=height,
            fps=fps,
            frames=frames,
            duration=float(seconds),
            has_alpha=has_alpha(frame) or stream.metadata.get("alpha_mode") == "1",
            codec=stream.codec_context.codec.canonical_name,
            metadata={key.lower(): value for key, value in container.metadata.items()},
            origin=time,
            pixel_aspect=aspect,
            orientation=turned,
            hdr=hdr.transfer(frame),
            sound=_sound(container),
        )


def read_frames(
    path: str | os.PathLike[str],
    *,
    fps: float | Fraction | None = None,
    size: tuple[int, int] | None = None,
    start: float = 0.0,
    seconds: float | None = None,
) -> Iterator[Tensor]:
    """Frames [H, W, 3] float 0..1 at a constant rate, decoded as they are asked for.

    `fps`: frames a second, by default the file's average rate; each output takes the source frame nearest in time, so
    a variable rate becomes constant and the length in seconds stays.
    `size`: (width, height) in pixels; the centre is cropped to that aspect, then resized with antialiasing.
    `start`, `seconds`: the part to read, in seconds. Alpha is composited over black.

    Raises MediaError at once for a bad file or value; damaged frames are skipped with a warning.
    """
    info = probe(path)
    rate = info.fps if fps is None else _positive(fps, "frames a second")
    length = None if seconds is None else _positive(seconds, "seconds")
    if size is not None and not (len(size) == 2 and all(isinstance(side, int) and side >= 1 for side in size)):
        raise MediaError(f"size {size} is not allowed; give two whole numbers of pixels, width and height")
    if not (math.isfinite(start) and start >= 0 and (start == 0 or start < info.duration)):
        raise MediaError(f"{Path(path).name} is {info.duration:.2f} s long; a start of {start} s is outside it")
    return _read(path, info, rate, size or (info.width, info.height), Fraction(start), length)


def read_image(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> Tensor:
    """A picture, or the first frame of a video, [H, W, 3] float 0..1; `size` as in `read_frames`. Raises MediaError."""
    return next(read_frames(path, size=size))


def nearest(
    items: Iterable[tuple[Fraction, Fraction, T]],
    fps: Fraction,
    *,
    start: Fraction = Fraction(0),
    seconds: Fraction | None = None,
) -> Iterator[T]:
    """Items at constant rate `fps` from `start` on: each output takes the item nearest to it in time.

    `items` are (presentation time, duration, item) with non-decreasing times, in seconds. The output lasts as long as
    the items do, to within one output frame, and is at least one frame long.
    """
    limit = None if seconds is None else max(1, round(seconds * fps))
    made = 0
    held: tuple[Fraction, Fraction, T] | None = None
    for time, duration, item in items:
        while held is not None and start + made / fps < (held[0] + time) / 2:
            yield held[2]
            made += 1
            if made == limit:
                return
        held = time, duration, item
    if held is None:
        return
    # halves go up, so that a part ends on the same output frame as the whole
    total = max(1, math.floor((held[0] + held[1] - start) * fps + Fraction(1, 2)))
    for _ in range(made, total if limit is None else min(total, limit)):
        yield held[2]


def _read(
    path: str | os.PathLike[str],
    info: VideoInfo,
    fps: Fraction,
    size: tuple[int, int],
    start: Fraction,
    seconds: Fraction | None,
) -> Iterator[Tensor]:
    last: Any = None
    pixels: Any = None
    shown = Shown(info, size)
    for frame in nearest(timed(path, info, start), fps, start=start, seconds=seconds):
        if frame is not last:
            last, pixels = frame, shown(frame)
        yield pixels.clone()


class Shown:
    """Decoded frames of a film as they are shown, [H, W, 3] 0..1 of `size` (width, height): upright, tone-mapped, fitted."""

    def __init__(self, info: VideoInfo, size: tuple[int, int]) -> None:
        self.info, self.size, self._tone_mapped = info, size, hdr.ToneMapper()

    def __call__(self, frame: Any) -> Tensor:
        return fit(self.info.orientation.upright(pixels_of(self._tone_mapped(frame), self.info.pixel_aspect)), self.size)


def timed(path: str | os.PathLike[str], info: VideoInfo, start: Fraction) -> Iterator[tuple[Fraction, Fraction, Any]]:
    """(seconds from the first frame, duration, decoded frame) in order, from a key frame at or before `start` on."""
    import av

    for seek in (True, False) if start > 1 else (False,):
        with _opened(path) as (container, stream):
            if seek:
                try:
                    container.seek(int((info.origin + start) / stream.time_base), stream=stream)
                except av.FFmpegError:
                    continue
            latest: Fraction | None = None
            for time, duration, frame in _decoded(container, stream, info):
                if latest is None and seek and time > start:
                    break  # the index pointed past the start: read from the beginning instead
                latest = time if latest is None else max(latest, time)
                yield latest, duration, frame
            if latest is not None:
                return
    raise MediaError(f"{Path(path).name}: nothing can be decoded from {float(start):g} s on; the file is damaged there")


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[tuple[Any, Any]]:
    """The open container of a local file and its first video stream that is not cover art."""
    import av

    file = Path(path)
    if not os.path.isfile(file):
        what = "is a folder, not a file" if os.path.isdir(file) else "cannot be found (only local files are read)"
        raise MediaError(f"{path} {what}; give the path of a video or image file")
    try:
        # "file" alone: a playlist must not make the reader open a network address
        container = av.open(str(file.absolute()), options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{file.name} cannot be read as video or image: {_plain(error)}") from error
    with container:
        streams = [s for s in container.streams.video if s.codec_context and "attached_pic" not in str(s.disposition).lower()]
        if not streams or container.format.name in NOT_VIDEO:
            raise MediaError(f"{file.name} holds no video; give a video or image file, such as .mp4, .webm or .png")
        stream = streams[0]
        _check_size(file.name, stream.codec_context.width, stream.codec_context.height)
        stream.thread_type = "AUTO"
        yield container, stream


def _check_size(name: str, width: int, height: int) -> None:
    """Raises MediaError for frames that nothing here is made for: one of them alone would take gigabytes."""
    if width * height > PIXELS_MAX or max(width, height) > SIDE_MAX:
        raise MediaError(f"{name} is {width}x{height} pixels; give at most {PIXELS_MAX:,} a frame, and {SIDE_MAX:,} on a side")


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's packets, then None, which makes a decoder give up what it still holds."""
    import av

    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except (av.FFmpegError, OSError) as error:
        log.warning("%s ends early: %s", container.name, _plain(error))
    yield None


def _decoded(container: Any, stream: Any, info: VideoInfo | None = None) -> Iterator[tuple[Fraction, Fraction, Any]]:
    """(time, duration, frame) of every frame that can be decoded, in seconds from `info.origin`.

    A frame that carries no time follows the one before; packets that cannot be decoded are skipped with a warning.
    """
    import av

    if _is_animated_webp(container, stream):
        yield from animated.frames(container.name)
        return
    decoder, damaged, seen, held = _decoder(stream), 0, False, Fraction(0)
    origin, expected = (info.origin if info else Fraction(0)), Fraction(0)
    usual = 1 / (info.fps if info else Fraction(stream.average_rate or 25))
    for packet in _packets(container, stream):
        try:
            frames = decoder.decode(packet)
        except (av.FFmpegError, OSError):
            damaged += 1
            continue
        for frame in frames:
            _check_size(Path(container.name).name, frame.width, frame.height)
            time = expected if frame.pts is None else frame.pts * stream.time_base - origin
            duration = frame.duration * stream.time_base if frame.duration else usual
            gap = max(time - expected, duration)
            held += gap if seen and gap > GAP else 0
            if held > GAP_MAX:
                name = Path(container.name).name
                raise MediaError(
                    f"{name}: some frames would be shown for {float(held):.0f} s, at most {GAP_MAX} s are read; cut that out"
                )
            seen = True
            expected = time + duration
            yield time, duration, frame
    if damaged:
        log.warning("%s: %d damaged packets were skipped", container.name, damaged)


def _decoder(stream: Any) -> Any:
    """The stream's own decoder; VP8 and VP9 with alpha need libvpx, ffmpeg's own decoders drop the alpha."""
    import av

    library = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    if stream.metadata.get("alpha_mode") == "1" and library:
        with contextlib.suppress(av.FFmpegError, ValueError):
            return av.CodecContext.create(library, "r")
    return stream.codec_context


def _duration(container: Any, stream: Any) -> Fraction | None:
    if stream.duration:
        return Fraction(stream.duration) * stream.time_base
    return Fraction(container.duration, 1_000_000) if container.duration else None


def _length(path: str | os.PathLike[str], container: Any, stream: Any) -> tuple[int, Fraction, Fraction]:
    """Frames, average rate and seconds; what a file does not say is counted."""
    if _is_animated_webp(container, stream):
        frames, seconds = animated.length(path)
        return frames, frames / seconds, seconds
    fps = Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)
    said = _duration(container, stream)
    frames = stream.frames or round((said or 0) * fps)
    if frames >= 1 and said and fps <= FPS_MAX:
        return frames, fps, said
    frames, fps = _count(path, fps if fps <= FPS_MAX else Fraction(25))
    return frames, fps, frames / fps


def _count(path: str | os.PathLike[str], fps: Fraction) -> tuple[int, Fraction]:
    """Frames and average rate, by reading every packet: for files that were never finished and keep no length.

    The file is opened again, since some kinds, such as raw H.264, cannot be wound back.
    """
    count, first, last = 0, None, None
    with _opened(path) as (container, stream):
        unit = stream.time_base
        for packet in _packets(container, stream):
            if packet is not None:
                count += 1
                if packet.pts is not None:
                    first = packet.pts if first is None else min(first, packet.pts)
                    last = packet.pts if last is None else max(last, packet.pts)
    if count > 1 and first is not None and last is not None and last > first:
        fps = Fraction(count - 1) / ((last - first) * unit)
    return max(1, count), min(fps, Fraction(FPS_MAX))


def _is_picture(container: Any) -> bool:
    return container.format.name.endswith("_pipe") or container.format.name in PICTURES


def _is_animated_webp(container: Any, stream: Any) -> bool:
    return stream.codec_context.name == "webp" and _is_picture(container) and animated.is_animated(container.name)


def _sound(container: Any) -> str:
    """Codec, rate and channels of the first sound, "" where there is none."""
    for stream in container.streams.audio:
        layout = {1: "mono", 2: "stereo"}.get(stream.channels, f"{stream.channels} channels")
        return f"{stream.codec_context.name}, {stream.rate} Hz, {layout}"
    return ""


def _positive(value: float | Fraction, unit: str) -> Fraction:
    if not (math.isfinite(value) and value > 0):
        raise MediaError(f"{value} {unit} is not allowed; give a number above 0")
    return Fraction(value).limit_denominator(100_000)


def _plain(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0]
