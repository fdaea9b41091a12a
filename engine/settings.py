"""How a take is sampled: a model's capability, and what the user wants otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..errors import UsageError
from .capability import Capability
from .frame_order import WindowConfig
from .noise_matrix import schedule

LEAST = 3
"""New latents that a window makes at least, where it can."""


@dataclass(frozen=True)
class Settings:
    """How a take is sampled: `steps` and `shift` of the schedule, noise levels of known frames, windows or queue.

    `context_sigma` and `anchor_sigma` are the levels at which known frames are shown. `rolling` advances a queue of about
    `queue` latents along a ramp of noise levels instead of window after window. `levels` [steps + 1], falling to 0, replace
    the schedule that steps and shift give. `adain` 0..1 moves the statistics of every window but a shot's first toward those
    of the shot's beginning, against drift (windows only), from none to all of that over the first `adain_ramp` latents. Raises
    UsageError.
    """

    steps: int = 16
    shift: float = 1.0
    context_sigma: float = 0.0
    anchor_sigma: float = 0.0
    windows: WindowConfig = field(default_factory=WindowConfig)
    rolling: bool = False
    queue: int = 16
    levels: tuple[float, ...] | None = None
    adain: float = 0.0
    adain_ramp: int = 0

    def __post_init__(self) -> None:
        schedule(self.steps, self.shift)
        if self.levels is not None:
            falling = all(a >= b for a, b in zip(self.levels, self.levels[1:], strict=False))
            if len(self.levels) < 2 or not falling or not 0 < self.levels[0] <= 1 or self.levels[-1] < 0:
                raise UsageError(f"levels {self.levels}: give two or more, falling, from at most 1 to at least 0")
        if not 0 <= self.adain <= 1:
            raise UsageError(f"adain {self.adain}: give a number from 0 (off) to 1")
        for name in ("context_sigma", "anchor_sigma"):
            level = getattr(self, name)
            if not 0 <= level < 1:
                raise UsageError(f"{name} {level}: give a number from 0 to below 1, such as 0.02")

    @classmethod
    def of(
        cls,
        capability: Capability,
        *,
        steps: int | None = None,
        levels: Sequence[float] | None = None,
        window: int = 0,
        overlap: int = 0,
        anchor: bool = True,
        adain: float = -1.0,
        rolling: bool = False,
    ) -> Settings:
        """What the model is best sampled with. `window` and `overlap` latents, 0 for the model's own; `anchor` False shows it
        no anchor; `adain` below 0 is the model's own; `levels` replace its schedule, of which `steps` changes the length.
        Raises UsageError where nothing new fits into the window."""
        return cls(
            steps=steps or (capability.steps if levels is None else len(levels) - 1),
            shift=capability.shift or 1.0,
            windows=windows_of(capability, window, overlap, anchor),
            rolling=rolling,
            levels=None if levels is None else tuple(levels),
            adain=capability.adain if adain < 0 else adain,
            adain_ramp=capability.adain_ramp,
        )


def windows_of(capability: Capability, window: int = 0, overlap: int = 0, anchor: bool = True) -> WindowConfig:
    """Windows that fit a model, see Settings.of. Where latents come in cycles a window makes whole ones. Raises UsageError."""
    usual, cycle = capability.windows, capability.timeline.cycle
    anchors = usual.anchors if anchor else 0
    size = window or usual.size + capability.margin
    beside = 0 if usual.beside else 1
    # without its anchor a model sees one more latent before
    context = overlap or usual.context + (usual.anchors - anchors) * beside
    new = size - context - anchors * beside - capability.margin
    if new < 1:
        raise UsageError(f"window of {size} latents with an overlap of {context}: nothing new fits in; give a longer window")
    if cycle:
        new = max(1, new // cycle) * cycle
    # a model that is told how far away a known frame is knows distances up to its usual window
    reach = window if window and usual.reach > 1 else usual.reach
    return replace(
        usual, anchors=anchors, context=context, new=new, ahead=overlap or usual.ahead, reach=reach, least=min(LEAST, new)
    )


DEFAULT_SETTINGS = Settings()
