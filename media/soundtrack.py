"""Sound that a film is given: a file or a waveform, from a second of the film on, faded at its ends, cut where the film ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MediaError, UsageError
from .sound import RATE, FileSound, Sound, WaveSound

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class AudioSound(FileSound):
    """The sound of a file that need not hold a video; see FileSound, `total` seconds of it."""

    total: Fraction = Fraction(0)

    @property
    def length(self) -> Fraction:
        """Seconds."""
        return self.seconds or self.total - self.start

    @property
    def origin(self) -> Fraction:
        """An audio file begins with its first sample."""
        return Fraction(0)


@dataclass(frozen=True)
class Faded:
    """A `sound` that swells for its first `fade` seconds, and dies away for the last of the `length` seconds that are heard."""

    sound: Sound
    fade: Fraction
    length: Fraction

    @property
    def at(self) -> Fraction:
        """Second of the film it begins at."""
        return self.sound.at

    def samples(self) -> Iterator[np.ndarray]:
        """See FileSound."""
        import numpy as np

        total, fade, done = round(self.length * RATE), max(1, round(self.fade * RATE)), 0
        for part in self.sound.samples():
            place = np.arange(done, done + part.shape[1])
            done += part.shape[1]
            yield part * np.clip(np.minimum(place + 1, total - place) / fade, 0, 1).astype(np.float32)


def open_audio(path: Path) -> AudioSound:
    """The sound of a file, be it of a film or alone. Raises MediaError: no file, no sound, none that can be decoded."""
    import av

    if not path.is_file():
        raise MediaError(f"{path}: no such file; give a file with sound, such as .wav, .mp3 or .mp4")
    try:
        with av.open(str(path.absolute()), options={"protocol_whitelist": "file"}, metadata_errors="replace") as container:
            streams = [stream for stream in container.streams.audio if stream.codec_context]
            if not streams:
                raise MediaError(f"{path.name} holds no sound; give a file with sound, such as .wav, .mp3 or .mp4")
            if next(container.decode(streams[0]), None) is None:
                raise MediaError(f"{path.name}: its sound is empty or damaged; give another file")
            said = streams[0].duration and streams[0].duration * Fraction(streams[0].time_base or 0)
            seconds = said or (Fraction(container.duration, 1_000_000) if container.duration else Fraction(0))
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise MediaError(f"{path.name} cannot be read as sound: {reason}; give a file such as .wav, .mp3 or .mp4") from error
    if seconds <= 0:  # streams that were never finished keep no length
        seconds = Fraction(sum(part.shape[1] for part in AudioSound(path).samples()), RATE)
    return AudioSound(path, total=seconds)


def laid(sound: WaveSound | AudioSound, film: Fraction, delay: float, fade: float) -> tuple[Sound, list[str]]:
    """`sound` as it is heard in a film of so many seconds, and notes on what is done to it.

    `delay`: seconds of the film before it begins; below 0 so much of its beginning is left out. `fade`: seconds it takes to swell
    and to die away. Raises UsageError where nothing of it would be heard.
    """
    late, skipped = Fraction(max(0.0, delay)).limit_denominator(RATE), Fraction(max(0.0, -delay)).limit_denominator(RATE)
    whole = sound.length
    if late >= film:
        raise UsageError(f"audio delay {delay:g}: the film lasts {float(film):.2f} s, nothing would be heard; give less")
    if skipped >= whole:
        raise UsageError(f"audio delay {delay:g}: the audio lasts {float(whole):.2f} s, nothing would be heard; give more")
    left = whole - skipped
    heard = min(left, film - late)
    notes = []
    if left > heard:
        notes.append(f"audio: {float(left):.2f} s from {float(late):g} s on; the film ends after {float(film):.2f} s, and it too")
    placed = replace(sound, at=late, start=skipped, seconds=heard)
    return (Faded(placed, Fraction(min(fade, float(heard) / 2)).limit_denominator(RATE), heard) if fade else placed), notes
