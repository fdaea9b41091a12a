"""The guard of one run: its prompts before anything is made, its frames before they are shown; nothing at all while it is off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from ..errors import LongTakeError
from .policy import OFF, REFUSE, apply, policy

if TYPE_CHECKING:
    from torch import Tensor

    from .features import Encoder
    from .frames import FrameGuard
    from .prompts import PromptGuard


class Guard:
    """By the policy `asked`, or a stricter one of this machine. `encoder` gives the text encoder, by default that of the box.

    Raises UsageError for a word that is no policy."""

    def __init__(self, asked: str | None = None, encoder: Callable[[], Encoder] | None = None):
        self.policy = policy(asked)
        self.warnings: list[str] = []
        self._encoder = encoder
        self._frames: FrameGuard | None = None

    @property
    def on(self) -> bool:
        """Whether anything is looked at."""
        return self.policy != OFF

    @cached_property
    def _prompts(self) -> PromptGuard:
        from .prompts import PromptGuard

        if self._encoder is not None:
            return PromptGuard(self._encoder())
        from ..models.text import load_text

        return PromptGuard(load_text())

    def check_prompts(self, prompts: Iterable[str]) -> list[str]:
        """Warnings about prompts. Raises RefusedError where the policy is to refuse, WeightsError."""
        if not self.on:
            return []
        found = [apply(self._prompts.check(prompt), "the prompt", self.policy) for prompt in dict.fromkeys(prompts)]
        made = [warning for warning in found if warning]
        self.warnings += made
        return made

    def begin_film(self, fps: float) -> None:
        """Makes ready to look at a film's frames. Raises UsageError where the policy is to refuse and the extra is not there."""
        self._frames = None
        if not self.on:
            return
        from .frames import FrameGuard

        try:
            self._frames = FrameGuard(fps)
        except LongTakeError as error:
            if self.policy == REFUSE:
                raise
            self.warnings.append(f"guard: frames are not looked at: {error}")

    def check_frames(self, frames: Tensor) -> None:
        """Looks at the next frames [T, H, W, 3] of the film; keeps one warning. Raises RefusedError where that is the policy."""
        if self._frames is not None:
            first = self._frames.seen
            warning = apply(self._frames.check(frames), f"frames from {first} on", self.policy)
            if warning and not any(known.startswith("guard: frames from") for known in self.warnings):
                self.warnings.append(warning)
