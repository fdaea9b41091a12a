"""A film as it is finished: when each of its frames is shown, where its cuts are, and its frames one after the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import MediaError
from . import hdr, mark
from .cuts import THUMB, Changes, known, together
from .read import Shown, VideoInfo, probe, timed
from .retime import JITTER, regular
from .sound import FileSound, Sound
from .verify import MADE, Findings, verify

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

BLOCK, PRECISION = 1 << 20, 100_000
LOOKED_AT = 2 * mark.STRETCH
"""Frames of a film in which an invisible mark is looked for before it is finished."""


@dataclass(frozen=True)
class Scan:
    """When frames are shown, in seconds from 0 on, until `end`; `cuts` are the frames that begin a new shot."""

    times: list[Fraction]
    end: Fraction
    cuts: list[int]


@dataclass(frozen=True)
class Origin:
    """Whether a model `made` a film, whether it carries the invisible mark, and LongTake's `record` of it, {} without one."""

    made: bool = False
    marked: bool = False
    record: dict[str, Any] = field(default_factory=dict)


class Footage(Protocol):
    """A film to finish, whatever holds it. `name` is what messages call it, `start` the second of its record at which it begins."""

    name: str
    start: Fraction

    @property
    def path(self) -> Path | None:
        """Its file, where it has one."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame as it is shown, in pixels."""

    @property
    def fps(self) -> Fraction:
        """Average frames a second."""

    @property
    def scan(self) -> Scan:
        """Times and cuts. Raises MediaError."""

    @property
    def origin(self) -> Origin:
        """Who made it."""

    @property
    def tags(self) -> dict[str, str]:
        """What its file says in plain text."""

    @property
    def notes(self) -> list[str]:
        """What is changed in it because it is read here at all."""

    def digest(self) -> str:
        """A hash of all that is in it. Raises MediaError."""

    def frames(self, first: int, size: tuple[int, int]) -> Iterator[Tensor]:
        """Frames [H, W, 3] 0..1 of `size` (width, height) from number `first` on, one decoded at a time. Raises MediaError."""

    def sound(self) -> list[Sound]:
        """Its sound; none where it is silent."""


class FileFootage:
    """`seconds` of the film in a local file from its second `start` on, by default all of it; see Footage.

    Raises MediaError: no file, no video, or nothing of it lies in that part.
    """

    def __init__(self, path: Path, start: float | Fraction = 0, seconds: float | Fraction | None = None):
        self.path, self.name = Path(path), Path(path).name
        self.start = Fraction(start).limit_denominator(PRECISION)
        self.seconds = Fraction(seconds).limit_denominator(PRECISION) if seconds else None
        self.info: VideoInfo = probe(path)
        self._stored = list[Fraction]()
        if not 0 <= self.start < max(self.info.duration, 0.001):
            raise MediaError(f"{self.name} is {self.info.duration:.2f} s long; a start of {float(start):g} s is outside it")

    @property
    def size(self) -> tuple[int, int]:
        """See Footage."""
        return self.info.width, self.info.height

    @property
    def fps(self) -> Fraction:
        """See Footage."""
        return self.info.fps

    @property
    def tags(self) -> dict[str, str]:
        """See Footage."""
        return self.info.metadata

    @property
    def notes(self) -> list[str]:
        """See Footage."""
        notes = [hdr.note(self.name, self.info.hdr)] if self.info.hdr else []
        return notes + ([f"{self.name} is transparent in parts: they are shown over black"] if self.info.has_alpha else [])

    @cached_property
    def scan(self) -> Scan:
        """See Footage."""
        stored, changes, last = list[Fraction](), Changes(), Fraction(0)
        for time, duration, frame in self._part():
            stored.append(time)
            last = duration
            changes.add(frame.reformat(*THUMB, format="rgb24", interpolation="AREA").to_ndarray())
        self._stored = stored
        times = regular([max(Fraction(0), time - self.start) for time in stored], self.info.fps)
        if len(times) > 1 and abs(last - times[1]) <= 2 * JITTER:
            last = times[1]  # as all the others, but for what the container has rounded
        end = times[-1] + last
        if self.seconds is not None:
            end = max(times[-1], min(end, self.seconds))
        return Scan(times, end, together(changes.cuts(), known(self.origin.record, times, self.start)))

    @cached_property
    def findings(self) -> Findings:
        """All that the file says and proves of its making. Raises MediaError."""
        return verify(self.path, LOOKED_AT)

    @property
    def origin(self) -> Origin:
        """See Footage."""
        found = self.findings
        return Origin(found.verdict == MADE, found.mark is not None and found.mark.found, found.said.longtake)

    def digest(self) -> str:
        """See Footage."""
        found = hashlib.sha256(json.dumps([str(self.start), str(self.seconds)]).encode())
        try:
            with open(self.path, "rb") as file:
                while block := file.read(BLOCK):
                    found.update(block)
        except OSError as error:
            raise MediaError(f"{self.path}: {error.strerror or error}; give a film that can be read") from error
        return found.hexdigest()

    def frames(self, first: int, size: tuple[int, int]) -> Iterator[Tensor]:
        """See Footage."""
        shown = Shown(self.info, size)
        return (shown(frame) for frame in self._from(first))

    def sound(self) -> list[Sound]:
        """See Footage."""
        return [FileSound(self.path, seconds=self.seconds, start=self.start)] if self.info.sound else []

    def _from(self, first: int) -> Iterator[Any]:
        """Decoded frames from number `first` of the part on; by a jump where the film's times tell its frames apart."""
        assert self.scan.times  # which fills in the times as they are stored
        stored = self._stored
        if first and all(before < after for before, after in pairwise(stored)):
            ahead = timed(self.path, self.info, stored[first])
            for time, _, frame in ahead:
                if time == stored[first]:
                    yield frame
                    yield from (frame for _, _, frame in ahead)
                    return
                if time > stored[first]:
                    break
        for number, (_, _, frame) in enumerate(self._part()):
            if number >= first:
                yield frame

    def _part(self) -> Iterator[tuple[Fraction, Fraction, Any]]:
        """(time, duration, frame) of all frames of the part, the first one being what is shown at its start."""
        held, until = None, None if self.seconds is None else self.start + self.seconds
        for item in timed(self.path, self.info, self.start):
            if until is not None and item[0] >= until:
                break
            if item[0] <= self.start:
                held = item
                continue
            if held is not None:
                yield held
                held = None
            yield item
        if held is not None:
            yield held


def thumb(frame: Tensor) -> np.ndarray:
    """A frame [H, W, 3] 0..1 as the small picture that `Changes` compares."""
    from torch.nn.functional import interpolate

    small = interpolate(frame.float().movedim(-1, 0)[None], size=THUMB[::-1], mode="area")[0].movedim(0, -1)
    return small.clamp(0, 1).mul(255).byte().cpu().numpy()
