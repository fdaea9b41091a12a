"""Frames to latent frames and back: how many frames the first latent frame and every other one stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import UsageError


@dataclass(frozen=True)
class Timeline:
    """`first` frames in latent 0 and `rest` frames in every other (4/4 for the model in the box, 1/4 Wan, 1/8 LTX).

    Raises UsageError where either is not a whole number of at least 1.
    """

    first: int = 4
    rest: int = 4

    def __post_init__(self) -> None:
        for name in ("first", "rest"):
            _whole(getattr(self, name), f"timeline {name}", 1)

    def latents_for(self, frames: int) -> int:
        """Fewest latents that hold `frames` (>= 1) frames."""
        _whole(frames, "frames", 1)
        return 1 + max(0, -(-(frames - self.first) // self.rest))

    def frames_for(self, latents: int) -> int:
        """Frames that `latents` (>= 0) latents decode to."""
        _whole(latents, "latents", 0)
        return self.first + (latents - 1) * self.rest if latents else 0

    def snap(self, frames: int) -> tuple[int, str | None]:
        """The next legal length of at least `frames`, and a note where that is another number."""
        legal = self.frames_for(self.latents_for(frames))
        if legal == frames:
            return legal, None
        return legal, f"{frames} frames: sampled as {legal} frames ({self.latents_for(frames)} latents)"

    def latent_span(self, latent: int) -> tuple[int, int]:
        """(first frame, count of frames) of one latent."""
        _whole(latent, "latent index", 0)
        return (0, self.first) if latent == 0 else (self.frames_for(latent), self.rest)

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
        """Fewest latents that last `seconds` at `fps`."""
        return self.latents_for(self.frames_in(seconds, fps))

    def seconds_for(self, latents: int, fps: float) -> float:
        """Duration in seconds of `latents` latents at `fps`."""
        _positive(fps, "fps")
        return self.frames_for(latents) / fps


def _whole(value: object, name: str, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} {value!r}: give a whole number of at least {least}")


def _positive(value: float, name: str) -> None:
    if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
        raise UsageError(f"{name} {value!r}: give a number above 0")
