"""The sound of a film: pieces at their places, read as a stream, silence between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .read import probe

if TYPE_CHECKING:
    import av
    import numpy as np

RATE = 48_000
"""Samples a second of every sound that is written; Opus knows no other."""
CHANNELS = 2
JUMP = 0.05
"""Seconds that the times of a file's sound may run ahead of its samples before silence fills the gap."""


@dataclass(frozen=True)
class FileSound:
    """`seconds` of the sound of a film from its second `start` on, by default all that its video lasts, from second `at` of the new
    film on."""

    path: Path
    at: Fraction = Fraction(0)
    seconds: Fraction | None = None
    start: Fraction = Fraction(0)

    @property
    def length(self) -> Fraction:
        """Seconds."""
        return self.seconds or Fraction(probe(self.path).duration).limit_denominator(1_000_000) - self.start

    @property
    def origin(self) -> Fraction:
        """Second of the file's own clock at which its video begins."""
        return probe(self.path).origin

    def samples(self) -> Iterator[np.ndarray]:
        """Pieces [2, n] of float32 at RATE, beginning at `start`, counted as the video's. Ends early where the file is damaged."""
        import av
        import numpy as np

        origin, done = self.origin + self.start, 0
        with av.open(str(self.path.absolute()), options={"protocol_whitelist": "file"}, metadata_errors="replace") as container:
            stream = next(stream for stream in container.streams.audio if stream.codec_context)
            resample = _Resampler(stream.codec_context.channels)
            for frame in _decoded(container, stream):
                if frame is not None and frame.pts is not None:
                    ahead = round((frame.pts * frame.time_base - origin) * RATE) - done
                    if ahead < -JUMP * RATE and not done:
                        frame = _without(frame, -ahead)
                        if frame is None:
                            continue
                    elif ahead > (JUMP * RATE if done else 0):
                        yield np.zeros((CHANNELS, ahead), np.float32)
                        done += ahead
                if frame is not None:
                    frame.pts = None  # its place is known, and gaps are filled
                for part in resample(frame):
                    done += part.shape[1]
                    yield part


@dataclass(frozen=True)
class WaveSound:
    """`seconds`, all by default, of a waveform [channels, n] of float32 at `rate` from its second `start` on, from second `at` of
    the film on."""

    wave: np.ndarray
    rate: int
    at: Fraction = Fraction(0)
    seconds: Fraction | None = None
    start: Fraction = Fraction(0)

    @property
    def length(self) -> Fraction:
        """Seconds."""
        return self.seconds or Fraction(self.wave.shape[1], self.rate) - self.start

    def samples(self) -> Iterator[np.ndarray]:
        """See FileSound."""
        import av
        import numpy as np

        layout = "mono" if len(self.wave) == 1 else "stereo"
        resample = _Resampler(len(self.wave))
        for begin in range(round(self.start * self.rate), self.wave.shape[1], self.rate):
            part = np.ascontiguousarray(self.wave[:CHANNELS, begin : begin + self.rate], dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
            frame.sample_rate = self.rate
            yield from resample(frame)
        yield from resample(None)


class _Resampler:
    """Frames of sound of so many `channels` as pieces [2, n] of float32 at RATE. One channel goes to both sides as loud as it is:
    FFmpeg's own way to stereo takes 3 dB off it."""

    def __init__(self, channels: int):
        import av

        self.resampler = av.AudioResampler("fltp", "mono" if channels == 1 else "stereo", RATE)

    def __call__(self, frame: av.AudioFrame | None) -> Iterator[np.ndarray]:
        for part in self.resampler.resample(frame):
            yield part.to_ndarray().repeat(CHANNELS // part.layout.nb_channels, 0)


class Sound(Protocol):
    """What is heard from second `at` of a film on, `length` seconds of it."""

    @property
    def at(self) -> Fraction:
        """Second of the film it begins at."""

    @property
    def length(self) -> Fraction:
        """Seconds."""

    def samples(self) -> Iterator[np.ndarray]:
        """Pieces [2, n] of float32 at RATE."""


def track(pieces: Sequence[Sound], seconds: Fraction) -> Iterator[np.ndarray]:
    """The whole sound as parts [2, n] of float32 at RATE, so many `seconds` of it. Where two pieces overlap, the later ends the
    earlier."""
    import numpy as np

    total, done = round(seconds * RATE), 0

    def silence(until: int) -> Iterator[np.ndarray]:
        nonlocal done
        while done < until:
            size = min(RATE, until - done)
            done += size
            yield np.zeros((CHANNELS, size), np.float32)

    placed = sorted(pieces, key=lambda piece: piece.at)
    starts = [round(piece.at * RATE) for piece in placed]
    for piece, start, following in zip(placed, starts, [*starts[1:], total], strict=True):
        yield from silence(min(start, total))
        end = min(total, following, round((piece.at + piece.length) * RATE))
        for part in piece.samples():
            if done >= end:
                break
            part = part[:, : end - done]
            done += part.shape[1]
            yield part
    yield from silence(total)


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Frames of the sound that can be decoded, then None."""
    import av

    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue
    except av.FFmpegError:
        pass
    yield None


def _without(frame: Any, samples: int) -> Any:
    """The frame without what lies so many samples of RATE before the video; None where nothing is left of it."""
    import av
    import numpy as np

    drop = round(samples * frame.sample_rate / RATE)
    if drop >= frame.samples:
        return None
    array = frame.to_ndarray()
    packed = not frame.format.is_planar
    part = array[:, drop * len(frame.layout.channels) :] if packed else array[:, drop:]
    rest = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format=frame.format.name, layout=frame.layout.name)
    rest.sample_rate = frame.sample_rate
    return rest
