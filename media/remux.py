"""The last step of a film: its packets, copied without encoding again, into a plain file with its index in front and its sound."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .codecs import MATROSKA
from .sound import RATE, Sound, track

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

AUDIO = {"mp4": "aac", "mov": "aac", "webm": "libopus", "matroska": "flac"}
FORMAT = {"webm": "flt", "matroska": "s32"}
"""Codec of the sound by muxer, and its format of samples where that is not planar."""
BIT_RATE = 192_000


def remux(
    parts: Sequence[Path],
    path: Path,
    muxer: str,
    frames: int,
    fps: Fraction,
    *,
    metadata: Mapping[str, str],
    tag: str | None,
    sound: Sequence[Sound],
) -> None:
    """Copies the `frames` of `parts`, films of one encoder, one after the other into the plain film `path`, put in place whole,
    with its `sound`.

    Raises OSError, FFmpegError.
    """
    import av

    finishing = path.with_name(f"{path.stem}.finishing{path.suffix.lower()}")
    options = {} if muxer in MATROSKA else {"movflags": "use_metadata_tags+faststart"}
    try:
        with (
            av.open(str(parts[0].absolute())) as first,
            av.open(str(finishing.absolute()), "w", format=muxer, options=options) as target,
        ):
            target.metadata.update(metadata)
            # opaque: packets are copied, so nobody needs to know an encoder of the name of the source's decoder
            stream = target.add_stream_from_template(first.streams.video[0], opaque=True)
            stream.codec_context.framerate = fps  # Matroska has no other place that says how long the last frame lasts
            if tag:
                stream.codec_context.codec_tag = tag
            heard = _encoded(target, muxer, sound, frames / fps) if sound else iter(())
            ahead: tuple[Fraction, Packet] | None = next(heard, None)
            copied = 0
            for packet in _copied(parts, fps):
                packet.stream = stream
                while ahead is not None and ahead[0] <= copied / fps:  # side by side, so that a film plays while it loads
                    target.mux(ahead[1])
                    ahead = next(heard, None)
                target.mux(packet)
                copied += 1
            while ahead is not None:
                target.mux(ahead[1])
                ahead = next(heard, None)
        if copied != frames:
            raise OSError(errno.EIO, f"only {copied} of {frames} frames could be read back")
        sync(finishing)
        os.replace(finishing, path)
    finally:
        finishing.unlink(missing_ok=True)


def _copied(parts: Sequence[Path], fps: Fraction) -> Iterator[Packet]:
    """The packets of `parts`, in the order of decoding, timed as one film that begins at 0."""
    # a short film is decoded less far ahead than a long one: all of them go by whoever looks farthest
    ahead = max(lead_of(part, fps) for part in parts)
    for copied, shown, packet in _numbered(parts, fps):
        packet.pts, packet.dts, packet.duration, packet.time_base = shown, copied - ahead, 1, 1 / fps
        yield packet


def lead_of(part: Path, fps: Fraction) -> int:
    """How many frames ahead of showing a film is decoded, as its first packet says. Raises OSError, FFmpegError."""
    import av

    with av.open(str(part.absolute())) as source:
        unit = Fraction(source.streams.video[0].time_base or 1) * fps
        first = next((packet for packet in source.demux(video=0) if packet.size), None)
        return 0 if first is None else round((int(first.pts or 0) - int(first.dts or 0)) * unit)


def _numbered(parts: Sequence[Path], fps: Fraction) -> Iterator[tuple[int, int, Packet]]:
    """How many packets come before each, which frame of the film it shows, and the packet."""
    import av

    copied = 0
    for part in parts:
        with av.open(str(part.absolute())) as source:
            before, first, unit = copied, None, Fraction(source.streams.video[0].time_base or 1) * fps
            for packet in source.demux(video=0):
                if packet.size:
                    # a growing file shows its first frame after as many as are decoded ahead
                    first = int(packet.pts or 0) if first is None else first
                    yield copied, before + round((int(packet.pts or 0) - first) * unit), packet
                    copied += 1


def _encoded(target: Any, muxer: str, sound: Sequence[Sound], seconds: Fraction) -> Iterator[tuple[Fraction, Packet]]:
    """(second, packet) of the sound."""
    import av

    stream: AudioStream = target.add_stream(AUDIO[muxer], rate=RATE)
    stream.codec_context.layout, stream.codec_context.format = "stereo", FORMAT.get(muxer, "fltp")
    stream.codec_context.bit_rate = BIT_RATE

    def packets() -> Iterator[tuple[Fraction, Packet]]:
        resampler = av.AudioResampler(stream.codec_context.format, "stereo", RATE, stream.codec_context.frame_size or None)
        done = 0
        for part in track(sound, seconds):
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, done, Fraction(1, RATE)
            done += part.shape[1]
            for ready in resampler.resample(frame):
                yield from timed(stream.encode(ready))
        with contextlib.suppress(EOFError):
            for ready in resampler.resample(None):
                yield from timed(stream.encode(ready))
        yield from timed(stream.encode(None))

    def timed(some: list[Packet]) -> Iterator[tuple[Fraction, Packet]]:
        for packet in some:
            packet.stream = stream
            yield (packet.dts or 0) * Fraction(packet.time_base or 0), packet

    return packets()


def sync(path: Path) -> None:
    """Writes a file's bytes to the disk before its name is changed. Raises OSError."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
