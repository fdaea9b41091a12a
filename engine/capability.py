"""What a model can do, and what it was made for: the only source of a take's settings.

A model in the box reads it from its card, any other from the row of its family.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .frame_order import WindowConfig
from .timeline import Timeline

Kind = Literal["frame", "concat", "guide", "inject", "renoise", "none"]
Filler = Literal["zero", "grey"]
Anchor = Literal["", "context", "reference", "guide", "svi"]


@dataclass(frozen=True)
class Capability:
    """What is known of a model.

    `model` names its weights on a reel. `kind`: how known frames are shown: "frame" with a timestep of their own, clean;
    "concat" in channels of their own; "guide" as control; "inject" clean, with one timestep for all frames; "renoise" noised
    to the current level; "none": no video model. `spatial` pixels a latent cell; width and height are multiples of `multiple`
    pixels; `channels` of the video latent; `fps` the usual frame rate and `frames` the length it was trained on, 0 where that is
    not known. `windows` are those it is best at; `steps`, `shift` and `cfg` how it is usually sampled.

    `filler`: what it learned to see in place of unknown frames in channels of their own: zero in its own scale, or encoded grey.
    `held`: known frames stay in what is sampled too; else channels of their own are all that it is shown. `head_only`: of the
    frames before a window it is shown the very last one alone in channels of their own. `anchor`: how an early frame is kept
    in view: among the context, as a "reference" before the clip, as a "guide" at a time before it, in the layout of "svi", or
    not at all; `anchor_note` says why not.

    `frame_inputs`: it understands role, position and prompt of every single latent frame. `strength_is_level`: the strength of
    a remix is the noise level it begins at; else the share of the schedule, as KSampler's denoise. `adain` is how far takes are
    held to the statistics of a shot's beginning, against drift, from none to all over the first `adain_ramp` latents of a
    window; `bridge` the strength that a way between clips is best made with (1: from nothing, below: from a dissolve of both
    ends). `needs` are conditioning keys that must go with a noise mask; `picture`: it makes nothing good without a picture.
    `audio`: a sound stream, whose time runs along axis `audio_axis` with `audio_rate` latents a second, is sampled too; `known`
    is False where the model is none of those we know and all this was read from its latent format; `note` is a limit of the
    family, a sentence or more.
    """

    family: str
    kind: Kind
    timeline: Timeline
    spatial: int
    multiple: int
    channels: int
    fps: float
    model: str = ""
    windows: WindowConfig = field(default_factory=WindowConfig)
    steps: int = 16
    shift: float = 1.0
    cfg: float = 1.0
    frame_inputs: bool = False
    strength_is_level: bool = False
    adain: float = 0.0
    adain_ramp: int = 0
    frames: int = 0
    filler: Filler = "zero"
    held: bool = True
    head_only: bool = False
    anchor: Anchor = ""
    anchor_note: str = "its training knows no frame but those of the clip."
    picture: bool = False
    bridge: float = 1.0
    needs: tuple[str, ...] = ()
    audio: bool = False
    audio_axis: int = 2
    audio_rate: float = 0.0
    known: bool = True
    note: str = ""

    @property
    def margin(self) -> int:
        """Latents that every window but the first spends on a head of its own, as a causal VAE's clip begins with a latent
        of fewer frames. Where latents come in cycles a window begins where a cycle does and needs none."""
        return int(self.timeline.first != self.timeline.rest and not self.timeline.cycle)
