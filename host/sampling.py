"""How takes are sampled, as one socket: KSampler's inputs, or a guider with sampler and sigmas, and the windows."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import comfy.sampler_helpers
import comfy.samplers
from torch import Tensor

from ..engine.frame_order import WindowConfig
from ..engine.take import Settings
from ..errors import UsageError
from .expert_guider import ExpertsGuider
from .families import Capability, probe, probe_vae
from .image_conditioning import Conditioning

CLIP_SECONDS = 5.0
"""Length of a window of a model other than ours, where the user names none."""
OVERLAP = 2
"""Latents of context before and after what a window makes, likewise."""
OWN_WINDOW = 9
"""An anchor and the 8 latents that our model saw at once in training."""
TEXT = ("positive", "low positive")
"""Conditioning that a prompt goes to."""

Conds = Mapping[str, Conditioning]
"""All conditioning of a guider by the name it has there; that of a second model (Wan 2.2's low-noise expert) as "low NAME"."""


@dataclass(frozen=True)
class Sampling:
    """What KSampler asks for, and the windows: the LONGTAKE_SAMPLING socket.

    `guide(conds)` gives a guider with that conditioning; `sigmas(denoise)` the noise levels; `identity` names, for reel
    keys, all that shapes a window beside conditioning and seed. `window`, `overlap` latents, 0 for the model's own; `vae`
    encodes what models must see before a window or in place of unknown frames; `retries`: how often a take is made again with
    other seeds where a join may be seen; `adain` 0..1 holds a shot to the statistics of its beginning, below 0 as suits the
    model. Raises UsageError for a model that makes no video, a VAE of another family, and a
    window that nothing new fits in.
    """

    model: Any
    conds: Conds
    guide: Callable[[Conds], Any]
    sampler: Any
    sigmas: Callable[[float], Tensor]
    seed: int
    identity: str
    window: int = 0
    overlap: int = 0
    anchor: bool = True
    retries: int = 0
    vae: Any = None
    adain: float = -1.0

    def __post_init__(self) -> None:
        found = self.capability
        if found.kind == "none":
            raise UsageError(f"{found.family} makes pictures, not video: connect a video model")
        if self.vae is not None and probe_vae(self.vae)[2] != found.channels:
            raise UsageError(f"vae: {probe_vae(self.vae)[2]} channels, {found.family} has {found.channels}; connect its own VAE")
        self.settings()

    @cached_property
    def capability(self) -> Capability:
        """What the model can do."""
        return probe(self.model)

    @property
    def own(self) -> bool:
        """Whether it is our model, which understands roles and positions."""
        return getattr(self.model.model, "longtake", False)

    def settings(self) -> Settings:
        """Windows that fit the model, for the take engine, whose own noise levels matter to a strength alone.

        The first latent of a causal VAE's clip is a margin in every window but the first (see `take.margins`). Where latents
        come in cycles a window makes whole ones, so that the next begins where a cycle does and needs no margin.
        """
        timeline = self.capability.timeline
        size = self.window or (OWN_WINDOW if self.own else timeline.latents_in(CLIP_SECONDS, self.capability.fps))
        anchors = int(self.own and self.anchor)
        context = self.overlap or (1 if anchors else OVERLAP)
        new = size - context - anchors - int(timeline.first != timeline.rest and not timeline.cycle)
        if new < 1:
            raise UsageError(f"window of {size} latents with an overlap of {context}: nothing new fits in; give a longer window")
        if timeline.cycle:
            new = max(1, new // timeline.cycle) * timeline.cycle
        # only our model is told how far away a known frame is; to others all frames of a window follow each other
        reach = size if self.own else 1
        ahead = self.overlap or OVERLAP
        windows = WindowConfig(anchors=anchors, context=context, new=new, ahead=ahead, reach=reach, least=min(3, new))
        adain = self.capability.adain if self.adain < 0 else self.adain
        return Settings(steps=len(self.sigmas(1.0)) - 1, context_sigma=0.0, windows=windows, adain=adain)

    def prompt(self, text: Conditioning) -> Conds:
        """The conditioning with `text` as the prompt; what else the prompt's first entry says (guidance, frame rate,
        pictures) stays. Raises UsageError for a guider without a positive prompt."""
        if not any(self.conds.get(name) for name in TEXT):
            raise UsageError(f"this guider has no positive prompt, but {', '.join(self.conds)}: use CFG Guider or Basic Guider")
        return {
            name: [[states, {**entries[0][1], **values}] for states, values in text] if name in TEXT and entries else entries
            for name, entries in self.conds.items()
        }


def from_ksampler(
    model: Any,
    positive: Conditioning,
    negative: Conditioning,
    *,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    origin: str = "",
    **windows: Any,
) -> Sampling:
    """Sampling with KSampler's inputs; `origin` names the model in reel keys. Raises UsageError."""
    if sampler_name not in comfy.samplers.SAMPLER_NAMES or scheduler not in comfy.samplers.SCHEDULER_NAMES:
        raise UsageError(f"sampler {sampler_name!r}, scheduler {scheduler!r}: this ComfyUI has no such; take them from the lists")
    if steps < 1:
        raise UsageError(f"steps {steps}: give at least 1")

    def guide(conds: Conds) -> Any:
        guider = comfy.samplers.CFGGuider(model)
        guider.set_conds(conds["positive"], conds["negative"])
        guider.set_cfg(cfg)
        return guider

    def sigmas(denoise: float) -> Tensor:
        k = comfy.samplers.KSampler(model, steps, "cpu", sampler_name, scheduler, denoise, model.model_options)
        return k.sigmas.cpu()

    identity = json.dumps([origin, steps, cfg, sampler_name, scheduler])
    sampler = comfy.samplers.sampler_object(sampler_name)
    return Sampling(model, {"positive": positive, "negative": negative}, guide, sampler, sigmas, seed, identity, **windows)


def from_guider(guider: Any, sampler: Any, sigmas: Tensor, *, seed: int, origin: str = "", **windows: Any) -> Sampling:
    """Sampling with a GUIDER, a SAMPLER and SIGMAS; `origin` names the three in reel keys. Raises UsageError."""
    levels = sigmas.float().cpu()
    if levels.ndim != 1 or len(levels) < 2 or not bool((levels.diff() <= 0).all()) or float(levels[-1]) != 0:
        raise UsageError(f"sigmas of {levels.numel()} levels: give a whole schedule, at least 2 levels that fall to 0")
    low = guider.low_conds if isinstance(guider, ExpertsGuider) else {}
    named = {**guider.original_conds, **{f"low {name}": entries for name, entries in low.items()}}
    conds = {name: [_pair(entry) for entry in entries] for name, entries in named.items()}

    def guide(conds: Conds) -> Any:
        found = copy.copy(guider)
        found.original_conds = {}
        found.inner_set_conds({name: conds[name] for name in guider.original_conds})
        if low:
            found.low_conds = {name: comfy.sampler_helpers.convert_cond(conds[f"low {name}"]) for name in low}
        return found

    def part(denoise: float) -> Tensor:
        return levels[-(max(1, round((len(levels) - 1) * denoise)) + 1) :]

    plain = {key: value for key, value in vars(guider).items() if isinstance(value, (str, int, float))}
    shape = [origin, levels.tolist(), type(guider).__name__, plain, type(sampler).__name__, vars(sampler)]
    identity = json.dumps(shape, default=lambda one: getattr(one, "__name__", type(one).__name__), skipkeys=True, sort_keys=True)
    return Sampling(guider.model_patcher, conds, guide, sampler, part, seed, identity, **windows)


def _pair(entry: Mapping[str, Any]) -> list[Any]:
    """An entry of a guider's conditioning as conditioning nodes have it."""
    return [entry.get("cross_attn"), {key: value for key, value in entry.items() if key not in ("cross_attn", "uuid")}]


def fingerprint(conds: Conds) -> str:
    """Hash of the tensors and plain values in conditioning, for reel keys; of other objects their class and such values."""
    found = hashlib.sha256()

    def feed(value: Any, deep: bool = True) -> None:
        if isinstance(value, Tensor):
            found.update(repr(tuple(value.shape)).encode() + value.detach().float().cpu().contiguous().numpy().tobytes())
        elif isinstance(value, Mapping):
            for key in sorted(value, key=str):
                found.update(str(key).encode())
                feed(value[key], deep)
        elif isinstance(value, (list, tuple)):
            for one in value:
                feed(one, deep)
        elif isinstance(value, (str, int, float, type(None))):
            found.update(repr(value).encode())
        else:
            found.update(type(value).__name__.encode())
            if deep:
                feed(getattr(value, "__dict__", {}), deep=False)

    feed({name: [[states, {k: v for k, v in more.items() if k != "uuid"}] for states, more in c] for name, c in conds.items()})
    return found.hexdigest()[:16]
