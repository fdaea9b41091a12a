"""What a loaded model can do with known frames, and on what grid of frames and pixels it works."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, NamedTuple

import comfy.model_base

from ..engine.capability import Anchor, Capability, Filler, Kind
from ..engine.frame_order import WindowConfig
from ..engine.timeline import Timeline
from ..errors import UsageError
from .user_conditioning import IMAGE, MASK, PREFIX

WINDOW_SECONDS = 5.0
"""Length of a window of a model whose trained length is not known."""
ADAIN, RAMP = 0.3, 4
"""How far takes of a model other than ours are held to their shot's statistics, and the latents over which that rises."""


class Family(NamedTuple):
    """One row of the table: models of class `cls` of comfy.model_base (exactly, or with `below` its subclasses too) and what
    they were trained for. The other columns are those of `Capability`; `context` counts latents before, and known ones after,
    what a window makes; `steps`, `cfg`, `shift` are for models that are not distilled, 0 where nothing is published."""

    cls: str
    name: str
    kind: Kind
    timeline: Timeline
    fps: float
    frames: int = 0
    needs: tuple[str, ...] = ()
    fits: Callable[[Any], bool] = lambda net: True
    below: bool = False
    filler: Filler = "zero"
    held: bool = True
    head_only: bool = False
    picture: bool = False
    context: int = 2
    anchor: Anchor = ""
    anchor_note: str = Capability.anchor_note
    steps: int = 0
    cfg: float = 0.0
    shift: float = 0.0
    audio_axis: int = 0  # 0: no sound
    audio_rate: float = 0.0
    note: str = ""
    exact: bool = False  # it has positions for its trained frames alone


FOURS, SIXES, EIGHTS = Timeline(1, 4), Timeline(1, 6), Timeline(1, 8)
PAIRS = Timeline(1, 4, multiple=2)
H3 = Timeline(1, 4, cycle=5, multiple=5, offset=2)
BEGINNING = "It learned known frames at the beginning; at the end or in between it may follow them less."
EXPERTS = (
    "Wan 2.2's models for high and low noise must share one sampler run, so connect both to Experts Guider: two samplers in a "
    "row spoil known frames."
)
TEXT_ONLY = "For long takes its loaders of image to video (I2V) or VACE are the right ones."
SVI = "an early frame is kept in view with an SVI 2 Pro LoRA alone: load it and set layout to SVI 2 Pro in Take Sampling."
LATER = "Of the frames before a window it is shown the very last one, as it learned one picture."


def _wan(extra: int) -> Callable[[Any], bool]:
    return lambda net: net.patch_embedding.weight.shape[1] - net.out_dim == extra


def _small(net: Any) -> bool:
    return len(net.blocks) < 40  # the experts of 2.2 A14B have 40 blocks, like the 14B of 2.1


def _sees(net: Any) -> bool:
    return getattr(net, "img_emb", None) is not None


def _pairs(net: Any) -> bool:
    return getattr(net, "patch_size_t", None) == 2


def _cog(channels: int, pairs: bool) -> Callable[[Any], bool]:
    return lambda net: net.in_channels == channels and _pairs(net) == pairs


VACE_KEYS = ("vace_frames", "vace_mask", "vace_strength")
WAN: dict[str, Any] = {"timeline": FOURS, "fps": 16.0, "frames": 81, "cfg": 5.0, "shift": 5.0}
I2V: dict[str, Any] = {**WAN, "needs": (IMAGE, MASK), "filler": "grey", "picture": True, "anchor_note": SVI, "steps": 40}
HUNYUAN: dict[str, Any] = {"timeline": FOURS, "fps": 24.0, "steps": 50, "cfg": 1.0, "shift": 7.0}
COG: dict[str, Any] = {"steps": 50, "cfg": 6.0}
SHOWN: dict[str, Any] = {"held": False, "picture": True, "note": BEGINNING}  # channels of their own, nothing in what is sampled
LTX: dict[str, Any] = {"timeline": EIGHTS, "fps": 25.0, "frames": 121, "below": True, "anchor": "guide", "steps": 40}

FAMILIES = (
    Family("WAN22", "Wan 2.2 TI2V 5B", "frame", FOURS, 24.0, 121, fits=_wan(0), steps=50, cfg=5.0, shift=5.0, note=BEGINNING),
    Family("WAN22", "Wan 2.2 Fun 5B", "concat", FOURS, 24.0, 121, (IMAGE, MASK), fits=_wan(52), filler="grey", picture=True),
    Family("WAN22", "Wan 2.2 5B variant", "frame", FOURS, 24.0, 121, below=True),
    Family("WAN21_Vace", "Wan VACE", "guide", **WAN, needs=VACE_KEYS, below=True, filler="grey", anchor="reference", steps=50),
    Family("WAN21", "Wan 2.1 T2V", "renoise", **WAN, fits=lambda net: _wan(0)(net) and _small(net), steps=50, note=TEXT_ONLY),
    Family(
        "WAN21",
        "Wan 2.2 A14B T2V (or Wan 2.1 T2V 14B)",
        "renoise",
        **{**WAN, "cfg": 3.5, "shift": 12.0},
        fits=_wan(0),
        steps=40,
        note=f"{EXPERTS} {TEXT_ONLY}",
    ),
    Family(
        "WAN21",
        "Wan 2.1 I2V",
        "concat",
        **{**I2V, "anchor_note": "SVI 2 Pro, which keeps an early frame in view, is a LoRA for Wan 2.2 A14B I2V."},
        fits=lambda net: _wan(20)(net) and _sees(net),
        head_only=True,
        note=f"{LATER} It also looks at the CLIP vision output of the first frame, where the conditioning has one.",
    ),
    Family("WAN21", "Wan 2.2 A14B I2V", "concat", **{**I2V, "cfg": 3.5}, fits=_wan(20), note=EXPERTS),
    Family(
        "WAN21",
        "Wan variant",
        "renoise",
        **WAN,
        below=True,
        note="It is a variant of Wan that LongTake has no row for: what its conditioning holds is cut to the windows.",
    ),
    Family("LTXV", "LTXV", "frame", **LTX, cfg=3.0),
    Family("LTXAV", "LTX-2", "frame", **LTX, cfg=4.0, audio_axis=2, audio_rate=25.0),
    Family("HunyuanVideo", "HunyuanVideo 1.0", "inject", **HUNYUAN, frames=129, note="For long takes its I2V is the right one."),
    Family("HunyuanVideoI2V", "HunyuanVideo I2V", "concat", **HUNYUAN, **SHOWN, frames=129, needs=(IMAGE, MASK)),
    Family("HunyuanVideoSkyreelsI2V", "HunyuanVideo I2V (SkyReels)", "concat", **HUNYUAN, **SHOWN, frames=97, needs=(IMAGE,)),
    Family("HunyuanVideo15", "HunyuanVideo 1.5", "concat", **{**HUNYUAN, "cfg": 6.0}, **SHOWN, frames=121, needs=(IMAGE, MASK)),
    Family("CosmosVideo", "Cosmos 1", "inject", EIGHTS, 24.0, 121, below=True, context=1, steps=35, cfg=7.0, exact=True),
    Family("CosmosPredict2", "Cosmos Predict2", "frame", FOURS, 16.0, 93, below=True, context=1, steps=35, cfg=7.0),
    Family("GenmoMochi", "Mochi", "renoise", SIXES, 30.0, 163, below=True, steps=64, cfg=4.5),
    Family("CogVideoX", "CogVideoX 1.5 T2V", "renoise", PAIRS, 16.0, 81, fits=_cog(16, True), **COG),
    Family("CogVideoX", "CogVideoX T2V", "renoise", FOURS, 8.0, 49, fits=_cog(16, False), **COG),
    Family("CogVideoX", "CogVideoX 1.5 I2V", "concat", PAIRS, 16.0, 81, (IMAGE,), fits=_cog(32, True), **COG, **SHOWN),
    Family("CogVideoX", "CogVideoX I2V", "concat", FOURS, 8.0, 49, (IMAGE,), fits=_cog(32, False), **COG, **SHOWN),
    Family(
        "Kandinsky5",
        "Kandinsky 5",
        "concat",
        FOURS,
        24.0,
        121,
        (MASK, PREFIX),
        steps=50,
        cfg=5.0,
        shift=5.0,
        note="Only known frames at the beginning are shown to it clean; all others are noised to the level of the rest.",
    ),
    Family("MiniMaxH3", "MiniMax H3", "frame", H3, 24.0, below=True, audio_axis=3, audio_rate=40.0),
)
"""First row that fits a model; the order of rows of one class matters. Trained frames, rates, steps, cfg and shift are those of
the families' own configurations: Wan2.1, Wan2.2, VACE, LTX-Video, HunyuanVideo (I2V, 1.5), SkyReels, cosmos-predict1 and 2,
mochi, CogVideo, Kandinsky-5, on GitHub."""

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
            return _fitted(_of_row(row, grid), row.context, row.exact)
    guess = Timeline(1, ratio if ratio > 1 else 4)  # older hosts do not tell the ratio; 4 is the commonest
    return _fitted(_of_row(Family("", name, "renoise", guess, 24.0, anchor_note="no model of its class is known."), grid, False))


def _of_row(row: Family, grid: dict[str, Any], known: bool = True) -> Capability:
    same = set(Family._fields) & {field.name for field in fields(Capability)} - {"audio_axis", "audio_rate"}
    values = {name: getattr(row, name) for name in same}
    if row.audio_axis:
        values |= {"audio": True, "audio_axis": row.audio_axis, "audio_rate": row.audio_rate}
    return Capability(row.name, model=row.name, known=known, **values, **grid)


def _fitted(can: Capability, context: int = 2, exact: bool = False) -> Capability:
    """With windows of the trained length and the strength against drift of a model other than ours."""
    timeline, margin = can.timeline, can.margin
    size = timeline.legal(timeline.latents_for(can.frames)) if can.frames else timeline.latents_in(WINDOW_SECONDS, can.fps)
    windows = WindowConfig(
        anchors=int(bool(can.anchor)),
        context=context,
        new=max(1, size - context - margin),
        ahead=context,
        reach=1,
        beside=True,
        margin=margin,
        full=not timeline.cycle,
        exact=exact,
        endpoints=not timeline.cycle and not can.audio,  # what lies between sounds as long as it is
    )
    return replace(can, windows=windows, adain=ADAIN, adain_ramp=RAMP)


def svi(can: Capability) -> Capability:
    """The same model with an SVI 2 Pro LoRA: channels of their own alone, an early frame in place of the one before, zero for
    unknown frames. Raises UsageError for a model that the LoRA is not for."""
    if can.anchor_note != SVI:
        raise UsageError(f"layout SVI 2 Pro: {can.family} has no such LoRA; it is for Wan 2.2 A14B I2V, give layout trained")
    return replace(can, anchor="svi", anchor_note="", filler="zero", held=False, windows=replace(can.windows, anchors=1))


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
