"""Frames to latent frames and back: how many frames the first latent frame and every other one stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import UsageError


@dataclass(frozen=True)
class Timeline:
    """`first` frames in latent 0 and `rest` frames in every other (1/1 for the model in the box, 1/4 Wan, 1/8 LTX).

    With `cycle` that pattern begins anew after so many latents (1/4 and 5: 1, 4, 4, 4, 4, 1, 4, ...). A clip may have
    `multiple` k + `offset` latents, k = 0, 1, ...; any number of them by default. MiniMax H3 is (1, 4, cycle 5,
    multiple 5, offset 2): 17 k + 5 frames are 5 k + 2 latents. CogVideoX 1.5, which sees latents in pairs, is (1, 4,
    multiple 2). Raises UsageError for numbers that are not whole, or too small, or an offset beyond the multiple.
    """

    first: int = 4
    rest: int = 4
    cycle: int | None = None
    multiple: int = 1
    offset: int = 0

    def __post_init__(self) -> None:
        for name in ("first", "rest", "multiple"):
            _whole(getattr(self, name), f"timeline {name}", 1)
        if self.cycle is not None:
            _whole(self.cycle, "timeline cycle", 1)
        _whole(self.offset, "timeline offset", 0)
        if self.offset >= self.multiple:
            raise UsageError(f"timeline offset {self.offset}: give a number below the multiple, {self.multiple}")

    def latents_for(self, frames: int) -> int:
        """Fewest latents that hold `frames` (>= 1) frames, whether or not a clip may have so many."""
        _whole(frames, "frames", 1)
        cycles, rest = divmod(frames - 1, self._cycle_frames) if self.cycle else (0, frames - 1)
        return cycles * (self.cycle or 0) + 1 + max(0, -(-(rest + 1 - self.first) // self.rest))

    def frames_for(self, latents: int) -> int:
        """Frames that `latents` (>= 0) latents decode to."""
        _whole(latents, "latents", 0)
        cycles, rest = divmod(latents, self.cycle) if self.cycle else (0, latents)
        frames = self.first + (rest - 1) * self.rest if rest else 0
        return frames + (cycles * self._cycle_frames if cycles else 0)

    def legal(self, latents: int) -> int:
        """The next number of latents, at least `latents` (>= 1), that a clip may have."""
        _whole(latents, "latents", 1)
        return latents + (self.offset - latents) % self.multiple

    def snap(self, frames: int) -> tuple[int, str | None]:
        """The next legal length of at least `frames`, and a note where that is another number."""
        latents = self.legal(self.latents_for(frames))
        legal = self.frames_for(latents)
        if legal == frames:
            return legal, None
        return legal, f"{frames} frames: sampled as {legal} frames ({latents} latents)"

    def latent_span(self, latent: int) -> tuple[int, int]:
        """(first frame, count of frames) of one latent."""
        _whole(latent, "latent index", 0)
        place = latent % self.cycle if self.cycle else latent
        return self.frames_for(latent), self.rest if place else self.first

    def latent_at(self, frame: int) -> int:
        """Index of the latent that holds frame `frame` (>= 0)."""
        _whole(frame, "frame index", 0)
        return self.latents_for(frame + 1) - 1

    def frames_in(self, seconds: float, fps: float) -> int:
        """Frames (at least 1) closest to `seconds` at `fps`."""
        _positive(seconds, "seconds")
        _positive(fps, "fps")
        return max(1, round(seconds * fps))

    def latents_in(self, seconds: float, fps: float) -> int:
        """Fewest latents a clip may have that last `seconds` at `fps`."""
        return self.legal(self.latents_for(self.frames_in(seconds, fps)))

    @property
    def _cycle_frames(self) -> int:
        return self.first + ((self.cycle or 1) - 1) * self.rest


def _whole(value: object, name: str, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} {value!r}: give a whole number of at least {least}")


def _positive(value: float, name: str) -> None:
    if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
        raise UsageError(f"{name} {value!r}: give a number above 0")
