"""What a user can ask of a finished film, once for command line and node: names, ranges, defaults and words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..errors import UsageError
from .codecs import CONTAINERS, CRF_MAX
from .read import PIXELS_MAX
from .retime import FPS_MAX, FPS_MIN, exact_rate
from .write import SIDE_MAX, SIDE_MIN

REPEAT, BLEND = "repeat", "blend"
MOTIONS = (REPEAT, BLEND)
CRF = 18
FPS = 24.0
"""What the node offers; the command keeps the film's own rate where none is given."""
DELAY_MAX, FADE_MAX = 36_000.0, 600.0
SIDE_STEP = 2
WORDS = {
    "fps": f"Frames a second, {FPS_MIN:g} to {FPS_MAX}.",
    "width": "Pixels; 0: by the height, or as the film or the upscale model has it. What does not fit the aspect is cut off.",
    "height": "Pixels; 0: by the width, or as the film or the upscale model has it.",
    "motion": "Between two frames without an interpolation model: repeat the one before, or blend both.",
    "crf": f"0 best, {CRF} like the original, {CRF_MAX} worst (not ProRes).",
    "audio_delay": "Seconds before the audio begins; below 0 so much of its beginning is left out.",
    "audio_fade": "Seconds in which the audio swells at its beginning and dies away at its end.",
}
"""A line on each option, for the node's tooltips and the command's help."""


@dataclass(frozen=True)
class FinishOptions:
    """`fps` of the new film, None for its own; `width`, `height` in even pixels, 0 for what follows from the other, the film or the
    upscale model; `motion`: REPEAT or BLEND; `codec` (None: what the file's name implies) and `crf` as for `open_writer`;
    `audio_delay` and `audio_fade` in seconds.

    Raises UsageError for what is out of range.
    """

    fps: float | Fraction | None = None
    width: int = 0
    height: int = 0
    motion: str = REPEAT
    codec: str | None = None
    crf: int = CRF
    audio_delay: float = 0.0
    audio_fade: float = 0.0

    def __post_init__(self) -> None:
        if self.fps is not None and not (math.isfinite(self.fps) and FPS_MIN <= self.fps <= FPS_MAX):
            raise UsageError(f"fps {float(self.fps):g}: give {FPS_MIN:g} to {FPS_MAX}, such as 24, or keep the film's own rate")
        for name, side in (("width", self.width), ("height", self.height)):
            if side and not SIDE_MIN <= side <= SIDE_MAX:
                raise UsageError(f"{name} {side}: give {SIDE_MIN} to {SIDE_MAX} pixels, or 0 for what follows from the film")
            if side % SIDE_STEP:
                raise UsageError(f"{name} {side} is odd, which many players refuse; give {side - 1} or {side + 1}")
        if self.motion not in MOTIONS:
            raise UsageError(f"motion {self.motion!r}: give {' or '.join(MOTIONS)}")
        if not 0 <= self.crf <= CRF_MAX:
            raise UsageError(f"crf {self.crf}: give 0 (best) to {CRF_MAX}")
        if not (math.isfinite(self.audio_delay) and abs(self.audio_delay) <= DELAY_MAX):
            raise UsageError(f"audio delay {self.audio_delay:g}: give seconds, {-DELAY_MAX:g} to {DELAY_MAX:g}")
        if not (math.isfinite(self.audio_fade) and 0 <= self.audio_fade <= FADE_MAX):
            raise UsageError(f"audio fade {self.audio_fade:g}: give seconds, 0 to {FADE_MAX:g}")

    def rate(self, own: Fraction) -> Fraction:
        """Frames a second of the new film; 23.976 and its like are the broadcast rates. Raises MediaError for an odd `own`."""
        return exact_rate(own if self.fps is None else self.fps)

    def size(self, own: tuple[int, int], scale: float = 1.0) -> tuple[int, int]:
        """Width and height of the new film, by those of the film and of the upscale model. Raises UsageError: too large."""
        width, height = self.width, self.height
        if not width and not height:
            width, height = max(SIDE_MIN, round(own[0] * scale)), max(SIDE_MIN, round(own[1] * scale))
        elif not width:
            width = max(SIDE_MIN, SIDE_STEP * round(own[0] * height / own[1] / SIDE_STEP))
        elif not height:
            height = max(SIDE_MIN, SIDE_STEP * round(own[1] * width / own[0] / SIDE_STEP))
        if max(width, height) > SIDE_MAX or width * height > PIXELS_MAX:
            raise UsageError(
                f"{width}x{height} is too large: give a width and height of at most {SIDE_MAX}, and {PIXELS_MAX:,} pixels a frame"
            )
        return width, height


def check_place(path: Path, source: Path | None) -> None:
    """Raises UsageError for a file name that no film goes by, or that is the film itself."""
    if path.suffix.lower() not in CONTAINERS:
        raise UsageError(f"{path.name}: a finished film is {', '.join(CONTAINERS)}; give a name with one of these endings")
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise UsageError(f"{path}: is the film itself, which would be overwritten; give another name")
