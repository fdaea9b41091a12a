"""A film to another rate, size and sound, two frames in memory at a time, in pieces that a later run goes on from.

It lies in this room since it takes a film to a film: reading, writing, sound and marks are here, and models come as functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import MediaError, RefusedError, UsageError
from . import mark
from .cuts import known
from .disclosure import Disclosure, Film
from .finish_options import BLEND, FinishOptions, check_place
from .footage import Footage
from .pieces import Pieces
from .pixels import fit
from .retime import Place, TimeMap
from .sound import Sound, WaveSound
from .soundtrack import AudioSound, laid
from .write import Writer, texts

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 1
"""Of how frames are made; pieces of another are not used."""
AT_ONCE = 4
"""Frames between two that are asked of an interpolation model in one call."""
TRIED = 24
"""Frames of a marked film that an upscale model is tried on: whether the mark comes through it."""
NEAR = 48
"""Frames ahead that are read through rather than jumped to."""
TECHNICAL = {"major_brand", "minor_version", "compatible_brands", "encoder", "creation_time", "duration"}
"""Tags that tell of a file, not of what is in it."""


class Interpolate(Protocol):
    """An interpolation model: frames [H, W, 3] 0..1 of the size of both given, one for each of `weights`, 0..1 of the way."""

    def __call__(self, before: Tensor, after: Tensor, weights: Sequence[float]) -> Sequence[Tensor]: ...


@dataclass(frozen=True)
class Models:
    """Models a film is finished with, None for none: `interpolate`, and `enlarge`, which makes a frame [H, W, 3] `scale` times as
    wide and high. `identity` tells their weights from others."""

    interpolate: Interpolate | None = None
    enlarge: Callable[[Tensor], Tensor] | None = None
    scale: float = 1.0
    identity: str = ""


@dataclass(frozen=True)
class Finished:
    """A finished film: `said` signs copies of it; `reused` of its `pieces` were there from a run before; `signed` is whose
    signature it has, "" for none."""

    path: Path
    frames: int
    fps: Fraction
    size: tuple[int, int]
    said: Film
    notes: list[str]
    pieces: int
    reused: int
    signed: str = ""


@dataclass
class Finish:
    """The work of one film: `footage` to `output`. `tags` are put into the file besides; `prompts` say what the film shows where no
    record does; `check` sees all new frames [T, H, W, 3] and may raise RefusedError; `pieces` is the folder of pieces, by default
    beside `output`; `sources` are what the signature names beside the film's own file.

    Raises UsageError and MediaError at once for what cannot be.
    """

    footage: Footage
    output: Path
    options: FinishOptions
    models: Models = field(default_factory=Models)
    disclosure: Disclosure = field(default_factory=Disclosure)
    audio: WaveSound | AudioSound | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    prompts: Sequence[str] = ()
    check: Callable[[Tensor], object] = lambda frames: None
    pieces: Path | None = None
    sources: Sequence[Path] = ()

    def __post_init__(self) -> None:
        check_place(self.output, self.footage.path)
        self.fps = self.options.rate(self.footage.fps)
        self.size = self.options.size(self.footage.size, self.models.scale if self.models.enlarge else 1.0)
        if self.audio is None and (self.options.audio_delay or self.options.audio_fade):
            raise UsageError("audio delay and fade: there is no audio they are for; give one, or leave them out")

    @cached_property
    def times(self) -> TimeMap:
        """Which frames make each frame of the new film. Raises MediaError."""
        scan = self.footage.scan
        return TimeMap(scan.times, scan.end, self.fps, scan.cuts)

    @cached_property
    def _count(self) -> int:
        """Frames of the new film that lie between two of the film."""
        return self.times.made()

    @cached_property
    def _small(self) -> tuple[int, int]:
        """Size at which frames are read: their own, or the new one where that is smaller and no model needs the whole."""
        own = self.footage.size
        return own if self.models.enlarge or self.size[0] * self.size[1] >= own[0] * own[1] else self.size

    @cached_property
    def _made(self) -> tuple[bool, bool]:
        """Whether a model made frames that were shown before, and those between them."""
        frames = self.footage.origin.made or self.models.enlarge is not None
        return frames, frames or (self.models.interpolate is not None and self._count > 0)

    @cached_property
    def _marked(self) -> bool:
        """Whether the frames carry the invisible mark once they have their size; a model may wipe it out, the scaler does not."""
        if not self.footage.origin.marked or self.models.enlarge is None:
            return self.footage.origin.marked
        detector, step = mark.Detector(mark.KEY), max(1, len(self.footage.scan.times) // TRIED)
        for frame in islice(self.footage.frames(0, self._small), 0, step * TRIED, step):
            detector.add(self._sized(frame))
        return detector.match().found

    def run(self, tick: Callable[[int, int, bool], object] = lambda done, total, reused: None) -> Finished:
        """Makes the film; `tick` hears how many frames of how many are done, and whether from an earlier run.

        What stops it leaves the pieces that are finished, and the next run goes on from them; nothing lies under the final name
        before all is done. Raises MediaError, UsageError; RefusedError, which leaves nothing.
        """
        total, reused = self.times.frames, 0
        sound, notes = self._sound()
        said = self._said()
        options = self.options
        with Pieces(
            self.output, total, self.size, self.fps, codec=options.codec, crf=options.crf, facts=self._facts(), folder=self.pieces
        ) as pieces:
            ranges, frames = pieces.ranges(), _Frames(self.footage, self._small)
            for piece in ranges:
                there = pieces.has(piece)
                if there:
                    reused += 1
                    said.skip(len(piece))
                    tick(piece.stop, total, True)
                    continue
                try:
                    with pieces.writer(piece) as writer:
                        for done, frame in enumerate(self._piece(piece, frames, said), piece.start + 1):
                            self._put(writer, frame, said)
                            tick(done, total, False)
                except RefusedError:
                    pieces.discard()
                    raise
            pieces.join(texts(self.output, self._tags(said)), sound)
        signed = said.finish([self.output])
        return Finished(
            self.output,
            total,
            self.fps,
            self.size,
            said,
            [*self.footage.notes, *self._words(), *notes, *([signed.note] if signed.note else [])],
            len(ranges),
            reused,
            signed.by if signed.files and not signed.note else "",
        )

    def _piece(self, piece: range, frames: _Frames, said: Film) -> Iterator[Tensor]:
        """Frames [H, W, 3] of a piece at their final size, marked where they are to be."""
        made, between = (some and not self._marked for some in self._made)
        for (frame, alone), places in groupby(map(self.times.at, piece), key=lambda place: (place.frame, not place.weight)):
            if alone:
                shown = self._sized(frames.get(frame))
                shown = said.mark(shown[None])[0] if made else shown
                yield from (shown for _ in places)
                continue
            waiting = list(places)
            for first in range(0, len(waiting), AT_ONCE):
                for shown in self._between(frames, frame, waiting[first : first + AT_ONCE]):
                    shown = self._sized(shown)
                    yield said.mark(shown[None])[0] if between else shown

    def _between(self, frames: _Frames, frame: int, places: Sequence[Place]) -> Sequence[Tensor]:
        """Frames on the way from `frame` to the next."""
        before = frames.get(frame)
        if self.models.interpolate is None and self.options.motion != BLEND:
            return [before] * len(places)
        after, weights = frames.get(frame + 1), [place.weight for place in places]
        if self.models.interpolate is not None:
            return self.models.interpolate(before, after, weights)
        return [before.lerp(after, weight) for weight in weights]

    def _sized(self, frame: Tensor) -> Tensor:
        """A frame at its final size."""
        large = frame if self.models.enlarge is None else self.models.enlarge(frame)
        return fit(large, self.size)

    def _put(self, writer: Writer, frame: Tensor, said: Film) -> None:
        self.check(frame[None])
        writer.write(said.label(frame[None]))

    def _sound(self) -> tuple[list[Sound], list[str]]:
        """What is heard, and notes on it."""
        if self.audio is None:
            return self.footage.sound(), []
        seconds = self.times.frames / self.fps
        placed, notes = laid(self.audio, seconds, self.options.audio_delay, self.options.audio_fade)
        return [placed], notes

    def _said(self) -> Film:
        """What the film says of its making: nothing where no model had a hand in it. Raises UsageError for a label that does not
        fit."""
        old, asked = self.footage.origin.record, self.disclosure
        times, start = self.footage.scan.times, self.footage.start
        moved = {
            name: [self.times.number(at) for at in known(old, times, start, name)] for name in ("joins", "windows") if old.get(name)
        }
        moved["cuts"] = [self.times.number(at) for at in self.footage.scan.cuts]
        facts = {"fps": float(self.fps), "size": list(self.size), **moved, "finished_from": old.get("id") or self.footage.name}
        seed, prompt = old.get("seed"), old.get("prompt")
        record = mark.make_record(
            prompt if isinstance(prompt, str | list) and prompt else list(self.prompts),
            seed if type(seed) is int else 0,
            str(old.get("model") or ("an interpolation or upscale model" if self.models.identity else "unknown")),
            **facts,
        )
        if not self._made[1]:
            asked = replace(asked, marked=False, producer="", sidecar=False)
        film = Film(asked, record, *self.size, float(self.fps))
        film.operation, film.sources = "finish", [*([self.footage.path] if self.footage.path else []), *self.sources]
        return film

    def _tags(self, said: Film) -> dict[str, Any]:
        kept = {key: text for key, text in self.footage.tags.items() if key not in TECHNICAL}
        return kept | said.tags | dict(self.tags)

    def _facts(self) -> dict[str, Any]:
        """All that shapes a frame."""
        asked = self.disclosure
        return {
            "version": VERSION,
            "film": self.footage.digest(),
            "cuts": self.footage.scan.cuts,
            "motion": self.options.motion,
            "models": self.models.identity,
            "mark": asked.marked and (self._made, self._marked),
            "label": [asked.text, asked.whole],
        }

    def _words(self) -> list[str]:
        """What was done, where nobody might expect it."""
        own, notes, models, between = self.footage, [], self.models, self._count
        if between and models.interpolate is None:
            how = "each is repeated until the next" if self.options.motion != BLEND else "those between are blends of two"
            notes.append(f"{float(own.fps):.5g} fps become {float(self.fps):.5g} without an interpolation model: {how}")
        if models.enlarge is None and self.size != own.size:
            notes.append(f"{own.size[0]}x{own.size[1]} becomes {self.size[0]}x{self.size[1]} without an upscale model: bicubic")
        wide, high = self.size[0] / own.size[0], self.size[1] / own.size[1]
        lost = 1 - min(wide, high) / max(wide, high)
        if lost > 0.005:
            notes.append(f"{100 * lost:.0f} % of its {'height' if wide > high else 'width'} is cut off to fit the new aspect")
        cuts = len(own.scan.cuts)
        notes += [f"nothing is made across its {cuts} cut{'s' * (cuts > 1)}"] if cuts and between else []
        if not self._made[1] and (self.disclosure.marked or self.disclosure.signed):
            notes.append("no model made any of it, so it is neither marked nor signed")
        return notes


class _Frames:
    """Frames of a film by number, asked for in rising order: two are held, and a run that goes on jumps."""

    def __init__(self, footage: Footage, size: tuple[int, int]):
        self.footage, self.size = footage, size
        self._held: dict[int, Tensor] = {}
        self._next = len(footage.scan.times)
        self._open: Iterator[Tensor] = iter(())

    def get(self, number: int) -> Tensor:
        """Frame `number` [H, W, 3]. Raises MediaError."""
        if number in self._held:
            return self._held[number]
        if not 0 <= number - self._next < NEAR:
            self._next, self._open = number, self.footage.frames(number, self.size)
        frame = next(islice(self._open, number - self._next, None), None)
        if frame is None:
            name = self.footage.name
            raise MediaError(f"{name}: frame {number} can no longer be read; leave the file as it is while it is finished")
        self._next = number + 1
        self._held = {at: held for at, held in self._held.items() if at == number - 1} | {number: frame}
        return frame
