"""What a loaded model can do with known frames, and on what grid of frames and pixels it works."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import comfy.model_base

from ..engine.capability import Capability, Kind
from ..engine.frame_order import WindowConfig
from ..engine.timeline import Timeline
from ..errors import UsageError

WINDOW_SECONDS = 5.0
"""Length of a window of a model other than ours."""
OVERLAP = 2
"""Latents of context before, and of known frames after, what such a window makes."""
DONE: dict[Kind, str] = {
    "frame": "Known frames stay clean and the model is told so frame by frame: extending forward and backward, connecting "
    "clips and keyframes come to it naturally.",
    "concat": "Known frames are shown to the model in channels of their own, as in image to video; extending, connecting "
    "and keyframes use the same channels.",
    "guide": "Known frames are the model's control video, which may lie anywhere: extending forward and backward, "
    "connecting clips and keyframes come to it naturally.",
    "inject": "Known frames stay clean among the noisy ones, but the model knows only one noise level for all of them: "
    "extending, connecting and keyframes work, and a join may show.",
    "renoise": "The model was not built to continue a video, so known frames are noised to the level of the others at "
    "every step: extending, connecting and keyframes work, but joins are soft; a model of image to video does better.",
    "none": "It makes pictures, not video; connect a video model to extend, connect or pass through keyframes.",
}
"""What is done about known frames, kind by kind."""


def describe(can: Capability) -> str:
    """What a user should know of a model, in plain sentences."""
    parts = [f"{can.family}.", DONE[can.kind], can.note]
    if not can.known:
        parts.insert(1, "LongTake does not know this model; its grid is read from its latent format.")
    if can.kind == "none":
        return " ".join(filter(None, parts))
    if can.audio:
        parts.append("Sound is made along with the video.")
    counts = [can.timeline.legal(1)]
    while len(counts) < 4:
        counts.append(can.timeline.legal(counts[-1] + 1))
    lengths = ", ".join(str(can.timeline.frames_for(count)) for count in counts)
    parts.append(f"Lengths are {lengths} frames and so on, usually at {can.fps:g} a second.")
    parts.append(f"Width and height are multiples of {can.multiple} pixels.")
    return " ".join(filter(None, parts))


class Family(NamedTuple):
    """One row of the table: models of class `cls` of comfy.model_base (exactly, or with `below` its subclasses too)."""

    cls: str
    name: str
    kind: Kind
    timeline: Timeline
    fps: float
    needs: tuple[str, ...] = ()
    fits: Callable[[Any], bool] = lambda net: True
    below: bool = False
    audio_axis: int = 0  # 0: no sound
    audio_rate: float = 0.0
    note: str = ""


FOURS, SIXES, EIGHTS = Timeline(1, 4), Timeline(1, 6), Timeline(1, 8)
PAIRS = Timeline(1, 4, multiple=2)
H3 = Timeline(1, 4, cycle=5, multiple=5, offset=2)
IMAGE, MASK = "concat_latent_image", "concat_mask"
PREFIX = "It learned known frames at the beginning; at the end or in between it may follow them less."
EXPERTS = (
    "Wan 2.2's models for high and low noise must share one sampler run, so connect both to Experts Guider: two samplers in a "
    "row spoil known frames."
)


def _wan(extra: int) -> Callable[[Any], bool]:
    return lambda net: net.patch_embedding.weight.shape[1] - net.out_dim == extra


def _small(net: Any) -> bool:
    return len(net.blocks) < 40  # the experts of 2.2 A14B have 40 blocks, like the 14B of 2.1


def _pairs(net: Any) -> bool:
    return getattr(net, "patch_size_t", None) == 2


FAMILIES = (
    Family("WAN22", "Wan 2.2 TI2V 5B", "frame", FOURS, 24.0, note=PREFIX),
    Family(
        "WAN21_Vace",
        "Wan VACE",
        "guide",
        FOURS,
        16.0,
        ("vace_frames", "vace_mask", "vace_strength"),
        below=True,
    ),
    Family("WAN21", "Wan 2.1 T2V", "renoise", FOURS, 16.0, fits=lambda net: _wan(0)(net) and _small(net)),
    Family("WAN21", "Wan 2.2 A14B T2V (or Wan 2.1 T2V 14B)", "renoise", FOURS, 16.0, fits=_wan(0), note=EXPERTS),
    Family(
        "WAN21",
        "Wan 2.1 I2V",
        "concat",
        FOURS,
        16.0,
        (IMAGE, MASK),
        fits=lambda net: _wan(20)(net) and getattr(net, "img_emb", None) is not None,
        note="It also looks at the CLIP vision output of the first frame, where the conditioning has one.",
    ),
    Family("WAN21", "Wan 2.2 A14B I2V", "concat", FOURS, 16.0, (IMAGE, MASK), fits=_wan(20), note=EXPERTS),
    Family("LTXV", "LTXV", "frame", EIGHTS, 25.0, below=True),
    Family("LTXAV", "LTX-2", "frame", EIGHTS, 25.0, below=True, audio_axis=2, audio_rate=25.0),
    Family("HunyuanVideo", "HunyuanVideo 1.0", "inject", FOURS, 24.0),
    Family("HunyuanVideoI2V", "HunyuanVideo I2V", "concat", FOURS, 24.0, (IMAGE, MASK), note=PREFIX),
    Family("HunyuanVideoSkyreelsI2V", "HunyuanVideo I2V (SkyReels)", "concat", FOURS, 24.0, (IMAGE,), note=PREFIX),
    Family("HunyuanVideo15", "HunyuanVideo 1.5", "concat", FOURS, 24.0, (IMAGE, MASK), note=PREFIX),
    Family("CosmosVideo", "Cosmos 1", "inject", EIGHTS, 24.0, below=True),
    Family("CosmosPredict2", "Cosmos Predict2", "frame", FOURS, 16.0, below=True),
    Family("GenmoMochi", "Mochi", "renoise", SIXES, 24.0, below=True),
    Family("CogVideoX", "CogVideoX 1.5 T2V", "renoise", PAIRS, 16.0, fits=lambda net: _pairs(net) and net.in_channels == 16),
    Family("CogVideoX", "CogVideoX T2V", "renoise", FOURS, 8.0, fits=lambda net: net.in_channels == 16),
    Family(
        "CogVideoX",
        "CogVideoX 1.5 I2V",
        "concat",
        PAIRS,
        16.0,
        (IMAGE,),
        fits=lambda net: _pairs(net) and net.in_channels == 32,
        note=PREFIX,
    ),
    Family("CogVideoX", "CogVideoX I2V", "concat", FOURS, 8.0, (IMAGE,), fits=lambda net: net.in_channels == 32, note=PREFIX),
    Family(
        "Kandinsky5",
        "Kandinsky 5",
        "concat",
        FOURS,
        24.0,
        (MASK, "time_dim_replace"),
        note="Only known frames at the beginning are shown to it clean; all others are noised to the level of the rest.",
    ),
    Family("MiniMaxH3", "MiniMax H3", "frame", H3, 24.0, below=True, audio_axis=3, audio_rate=40.0),
)
"""First row that fits a model; the order of rows of one class matters."""

PICTURES = ("QwenImage", "Anima", "Krea2", "JoyImage", "HunyuanImage21Refiner")
"""Image models that borrow the latents of a video VAE."""


def probe(model: Any) -> Capability:
    """What the MODEL (a ModelPatcher) can do. Raises UsageError for anything else."""
    base = getattr(model, "model", None)
    if not isinstance(base, comfy.model_base.BaseModel):
        raise UsageError("model: not a MODEL of ComfyUI; connect the output of a model loader")
    own = getattr(base, "capability", None)
    if isinstance(own, Capability):  # a model of ours, which has a card
        return own
    form, net = model.get_model_object("latent_format"), base.diffusion_model
    ratio = getattr(form, "temporal_downscale_ratio", 1)
    spatial = int(getattr(form, "spacial_downscale_ratio", 8))
    channels = int(getattr(net, "latents_dim", form.latent_channels))  # MiniMax H3's format counts its audio's
    grid: dict[str, Any] = {"spatial": spatial, "multiple": spatial * _patch(net), "channels": channels}
    name = type(base).__name__
    if getattr(form, "latent_dimensions", 2) != 3 or any(_is(base, picture) for picture in PICTURES):
        return Capability(name, "none", Timeline(1, 1), fps=1.0, **grid)
    for row in FAMILIES:
        if _is(base, row.cls, row.below) and row.fits(net):
            can = Capability(
                row.name,
                row.kind,
                row.timeline,
                fps=row.fps,
                model=row.name,
                needs=row.needs,
                audio=row.audio_axis > 0,
                audio_axis=row.audio_axis or 2,
                audio_rate=row.audio_rate,
                note=row.note,
                **grid,
            )
            return replace(can, windows=_windows(can))
    guess = Timeline(1, ratio if ratio > 1 else 4)  # older hosts do not tell the ratio; 4 is the commonest
    can = Capability(name, "renoise", guess, fps=24.0, model=name, known=False, **grid)
    return replace(can, windows=_windows(can))


def _windows(can: Capability) -> WindowConfig:
    """Windows of a model that sees all frames of a clip follow each other, without anchors."""
    new = can.timeline.latents_in(WINDOW_SECONDS, can.fps) - OVERLAP - can.margin
    return WindowConfig(anchors=0, context=OVERLAP, new=max(1, new), ahead=OVERLAP, reach=1)


def _is(base: Any, name: str, below: bool = True) -> bool:
    """Whether `base` is of class `name` (or one below it), which an older host may not have."""
    cls = getattr(comfy.model_base, name, None)
    return cls is not None and (isinstance(base, cls) if below else type(base) is cls)


def _patch(net: Any) -> int:
    """Latent cells along one side of what the transformer takes as one token."""
    size = getattr(net, "patch_size", getattr(net, "patch_spatial", 1))
    return int(size[-1] if isinstance(size, (tuple, list)) else size)


def probe_vae(vae: Any) -> tuple[Timeline, int, int]:
    """(timeline, pixels a latent cell, latent channels) of a video VAE. Raises UsageError for another one."""
    ratio = getattr(vae, "upscale_ratio", None)
    if getattr(vae, "latent_dim", None) != 3 or not isinstance(ratio, (tuple, list)) or not callable(ratio[0]):
        raise UsageError("this VAE is not for video: connect the VAE that belongs to the video model")
    return _timeline([int(ratio[0](latents)) for latents in range(1, 65)]), int(ratio[-1]), int(vae.latent_channels)


def _timeline(frames: list[int]) -> Timeline:
    """The timeline whose clips of 1, 2, ... latents decode to `frames`; counts that are not legal repeat the last one."""
    first, rest = frames[0], frames[1] - frames[0]
    rises = [at + 1 for at, (one, two) in enumerate(itertools.pairwise(frames), 1) if two > one]
    found = Timeline(first, max(1, rest))
    if len(rises) < len(frames) - 1 and len(rises) > 2:  # rises at legal counts only, by a whole cycle each time
        multiple = rises[-1] - rises[-2]
        found = Timeline(first, max(1, rest), cycle=multiple, multiple=multiple, offset=rises[-1] % multiple)
    legal = [count for count in range(2, len(frames) + 1) if count == found.legal(count)]
    if any(found.frames_for(count) != frames[count - 1] for count in legal):
        raise UsageError("this VAE's latents stand for numbers of frames that follow no rule LongTake knows; give another VAE")
    return found
