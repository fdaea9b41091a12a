"""Clips as they were given: encoded to a LATENT that tells of them, so that a film made of it has their own frames and sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..engine.timeline import Timeline
from ..errors import UsageError
from ..media import hdr
from ..media.packets import Given
from ..media.read import VideoInfo, nearest, probe, read_frames
from ..media.sound import FileSound, Sound, WaveSound
from ..take.operations import Plan, unchanged
from .latents import space_of_vae, space_tag

FPS = "longtake_fps"
"""Key of a LATENT under which our nodes tell its frames a second. Stock nodes hand it on."""
SPANS = "longtake_spans"
"""Key of a LATENT under which our nodes tell which of its frames are those of a given clip. Stock nodes hand it on."""
SAME_RATE = 1e-3
"""Frames a second that two rates may differ by and be called the same."""


@dataclass(frozen=True, eq=False)
class Source:
    """A VIDEO as it is used: `fps` frames a second of `size` (width, height), `frames` of them."""

    video: Any
    fps: Fraction
    size: tuple[int, int]
    frames: int = 0

    def read(self) -> Iterator[Tensor]:
        """Its frames [H, W, 3] in 0..1, of a file as a stream. Raises MediaError."""
        path, start, seconds = file_of(self.video)
        if path is not None:
            return read_frames(path, fps=self.fps, size=self.size, start=start, seconds=seconds)
        parts = self.video.get_components()
        rate = Fraction(parts.frame_rate)
        timed = ((number / rate, 1 / rate, image) for number, image in enumerate(parts.images[..., :3]))
        return (_scaled(image, self.size) for image in nearest(timed, self.fps))

    @property
    def file(self) -> Path | None:
        """The file whose frames they are, all of them; None where there is none."""
        path, start, seconds = file_of(self.video)
        return path if not start and seconds is None else None

    def sound(self, first: int, count: int, at: Fraction) -> list[Sound]:
        """The sound of `count` of its frames from number `first` on, heard from second `at` on; none where it is silent."""
        path, start, _ = file_of(self.video)
        how = {"at": at, "seconds": count / self.fps, "start": Fraction(start) + first / self.fps}
        if path is not None:
            return [FileSound(path, **how)] if probe(path).sound else []
        audio = self.video.get_components().audio
        return [] if audio is None else [wave_of(audio, **how)]


class Span(NamedTuple):
    """`count` frames of `source`, from its frame `first` on, are those of a LATENT from frame `at` on. Frames beyond the end of the
    source fill up its last latent and are shown by nobody."""

    source: Source
    first: int
    at: int
    count: int  # type: ignore[assignment]  # tuples have a method of that name


def encode(vae: Any, video: Any, fps: float, width: int, height: int) -> tuple[dict[str, Any], Source, str]:
    """A VIDEO as a LATENT that tells of it, and what was done to it in words. `fps` 0 keeps its rate, `width` and `height` 0 its
    size as far as the VAE can have it. Raises UsageError or MediaError."""
    if vae is None or getattr(vae, "latent_dim", None) != 3:
        raise UsageError("vae: no VAE of a video model; connect the one that belongs to it")
    if not (fps == 0 or 0.1 <= fps <= 240):
        raise UsageError(f"fps {fps:g}: give 0.1 to 240, or 0 for the video's own rate")
    path, *_ = file_of(video)
    info = None if path is None else probe(path)
    own = (info.width, info.height) if info is not None else tuple(map(int, video.get_dimensions()))
    rate = info.fps if info is not None else Fraction(video.get_frame_rate())
    cell = int(vae.spacial_compression_encode())
    size = tuple(max(cell, (asked or side) // cell * cell) for asked, side in zip((width, height), own, strict=True))
    source = Source(video, Fraction(fps).limit_denominator(1001) if fps else rate, (size[0], size[1]))
    frames = torch.stack(list(source.read()))
    source = Source(video, source.fps, source.size, len(frames))
    samples = vae.encode(frames)
    if samples.ndim != 5:
        raise UsageError("vae: it encodes pictures, not video; connect the VAE that belongs to the video model")
    held = int(vae.upscale_ratio[0](samples.shape[2])) if isinstance(vae.upscale_ratio, tuple) else len(frames)
    latent = {
        "samples": samples,
        **space_tag(space_of_vae(vae)),
        **tags(float(source.fps), samples.shape[2], [Span(source, 0, 0, held)]),
    }
    return latent, source, "\n".join(_words(source, info, own, rate, held))


def _words(source: Source, info: VideoInfo | None, own: tuple[int, ...], rate: Fraction, held: int) -> Iterator[str]:
    """What was done to a clip, line by line."""
    yield f"{source.frames} frames at {float(source.fps):.5g} fps, {source.size[0]}x{source.size[1]}"
    if abs(source.fps - rate) > SAME_RATE:
        yield f"{float(rate):.5g} fps become {float(source.fps):.5g}: the frame nearest in time is taken"
    if source.size != own:
        yield f"{own[0]}x{own[1]} becomes {source.size[0]}x{source.size[1]}: scaled, and cut at the middle to that aspect"
    if held > source.frames:
        yield f"the model holds {held} frames: the last one stands for {held - source.frames} more, which no film will show"
    if held < source.frames:
        yield f"the model holds {held} frames: what goes on goes on from there, the last {source.frames - held} are left out"
    if info is not None and info.hdr:
        yield hdr.note("the clip", info.hdr)


def tags(fps: float, latents: int, spans: Sequence[Span] = ()) -> dict[str, Any]:
    """What a LATENT of so many latent frames holds of its rate and of given clips."""
    return {FPS: fps, SPANS: {"latents": latents, "spans": tuple(spans)}}


def rate_in(latent: Any) -> float | None:
    """Frames a second that a LATENT tells."""
    rate = latent.get(FPS) if isinstance(latent, Mapping) else None
    return rate if isinstance(rate, float) and 0.1 <= rate <= 240 else None


def spans_in(latent: Any, latents: int) -> tuple[Span, ...]:
    """The given clips that a LATENT tells of; none where it has another length by now."""
    tag = latent.get(SPANS) if isinstance(latent, Mapping) else None
    return tag["spans"] if isinstance(tag, Mapping) and tag.get("latents") == latents else ()


def spans_of(plan: Plan, timeline: Timeline, given: Sequence[tuple[Span, ...]]) -> list[Span]:
    """The frames of given clips in a take, by what its latents tell of, in order."""
    found = []
    for clip, first, at, count in unchanged(plan, timeline):
        for span in given[clip]:
            begin, end = max(first, span.at), min(first + count, span.at + span.count)
            if begin < end:
                found.append(Span(span.source, span.first + begin - span.at, at + begin - first, end - begin))
    return found


def wave_of(audio: Any, at: Fraction = Fraction(0), seconds: Fraction | None = None, start: Fraction = Fraction(0)) -> WaveSound:
    """An AUDIO as sound from second `at` of a film on. Raises UsageError for anything else."""
    wave, rate = (audio.get(name) if isinstance(audio, Mapping) else None for name in ("waveform", "sample_rate"))
    if not isinstance(wave, Tensor) or wave.ndim != 3 or len(wave) != 1 or not wave.numel() or not isinstance(rate, int):
        raise UsageError("audio: not one AUDIO; connect Load Audio, or the audio of Get Video Components")
    if not 1000 <= rate <= 768_000 or not bool(torch.isfinite(wave).all()):
        raise UsageError("audio: holds undefined numbers, or its rate is out of range; load it anew")
    return WaveSound(wave[0].float().cpu().numpy(), rate, at, seconds, start)


class RealFrames:
    """The frames of given clips in a film of `total` frames of `size` (width, height) at `fps`, by the `spans` that its LATENT
    tells of; clips of another size are left out."""

    def __init__(self, spans: Sequence[Span], total: int, size: tuple[int, int], fps: float):
        self.spans, self.total, self.fps = [span for span in spans if span.source.size == size], total, Fraction(fps)
        self._open: dict[Source, tuple[Iterator[Tensor], int]] = {}

    def place(self, at: int) -> int:
        """Frame of the film that frame `at` of the LATENT is shown as."""
        spare = 0
        for span in self.spans:
            fill = range(span.at + max(0, min(span.count, span.source.frames - span.first)), span.at + span.count)
            spare += len(range(fill.start, min(fill.stop, at)))
        return at - spare

    def span(self, at: int) -> Span | None:
        """The span that frame `at` of the LATENT belongs to."""
        return next((span for span in self.spans if span.at <= at < span.at + span.count), None)

    def frame(self, span: Span, at: int) -> Tensor | None:
        """What the clip of a span shows [H, W, 3] at frame `at` of the LATENT; None beyond the clip's end. Raises MediaError."""
        number, source = span.first + at - span.at, span.source
        frames, place = self._open.get(source, (iter(()), number + 1))
        if place > number:
            frames, place = source.read(), 0
        found = next(islice(frames, number - place, None), None)
        self._open[source] = frames, number + 1
        return found

    def given(self) -> list[Given]:
        """Frames of the film that show the clips."""
        found = []
        for span in self.spans:
            begin, ends = self.place(span.at), span.at + span.count >= self.total
            shown = range(begin, self.place(span.at + span.count) + ends * self._left(span))
            whole = span.first == 0 and len(shown) == span.source.frames and abs(span.source.fps - self.fps) <= SAME_RATE
            found.append(Given(shown, span.source.file if whole else None, ends))
        return found

    def rest(self) -> Iterator[Tensor]:
        """Frames [H, W, 3] of a clip at the end of the film that the model's latents did not hold. Raises MediaError."""
        last = self.span(self.total - 1)
        for at in range(self.total, self.total + self._left(last)):
            if last is not None and (frame := self.frame(last, at)) is not None:
                yield frame

    def sound(self) -> tuple[list[Sound], list[str]]:
        """The sound of the clips at their places, and what is left out of it."""
        found, notes = [], []
        for span in self.spans:
            count = min(span.count, span.source.frames - span.first)
            count += self._left(span) if span.at + span.count == self.total else 0
            if count <= 0:
                continue
            sound = span.source.sound(span.first, count, self.place(span.at) / self.fps)
            if sound and abs(span.source.fps - self.fps) > SAME_RATE:
                notes.append(
                    f"a clip runs at {float(span.source.fps):.5g} fps, the film at {float(self.fps):.5g}: its sound is left out"
                )
            else:
                found += sound
        return found, list(dict.fromkeys(notes))

    def _left(self, span: Span | None) -> int:
        """Frames of a clip after those of a span."""
        return 0 if span is None else max(0, span.source.frames - span.first - span.count)


def file_of(video: Any) -> tuple[Path | None, float, float | None]:
    """The file of a VIDEO, its first second and how many are used; no file where it has none on disk."""
    source = video.get_stream_source() if hasattr(video, "get_stream_source") else None
    if not isinstance(source, str) or not Path(source).is_file():
        return None, 0.0, None
    trim: Callable[[], tuple[float, float]] = getattr(video, "get_active_trim_window", lambda: (0.0, 0.0))
    start, seconds = trim()
    return Path(source), start, seconds or None


def _scaled(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image [H, W, 3], cut at the middle to the aspect of `size` (width, height) and scaled to it."""
    import comfy.utils

    if (image.shape[1], image.shape[0]) == size:
        return image.float()
    return comfy.utils.common_upscale(image.movedim(-1, 0)[None], *size, "bicubic", "center")[0].movedim(0, -1).float().clamp(0, 1)
