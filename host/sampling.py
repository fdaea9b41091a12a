"""How takes are sampled, as one socket: KSampler's inputs, or a guider with sampler and sigmas, and the windows."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import comfy.k_diffusion.sampling
import comfy.sampler_helpers
import comfy.samplers
from torch import Tensor

from ..engine.capability import Capability
from ..engine.settings import Settings
from ..errors import UsageError
from ..models.box import fingerprint as box_fingerprint
from .expert_guider import ExpertsGuider
from .families import probe, probe_vae, svi
from .image_conditioning import Conditioning

GUIDERS = ("CFGGuider", "Guider_Basic")
"""Guiders of the host that do no more than guidance."""
PROMPT_KEYS = {"pooled_output", "uuid"}
"""What the conditioning of a prompt alone holds beside its token states."""
TEXT = ("positive", "low positive")
"""Conditioning that a prompt goes to."""

Conds = Mapping[str, Conditioning]
"""All conditioning of a guider by the name it has there; that of a second model (Wan 2.2's low-noise expert) as "low NAME"."""

LAYOUTS = ("trained", "SVI 2 Pro")
"""How windows are shown: as the model was trained, or as its LoRA was."""


class Plain(NamedTuple):
    """A sampler that `longtake render` has too, and its guidance."""

    sampler: str
    cfg: float


@dataclass(frozen=True)
class Sampling:
    """What KSampler asks for, and the windows: the LONGTAKE_SAMPLING socket.

    `guide(conds)` gives a guider with that conditioning; `sigmas(denoise)` the noise levels; `identity` names, for reel
    keys, all that shapes a window beside conditioning and seed; `plain` says it in short for a model of ours as it is loaded,
    sampled as `longtake render` does, so that both know each other's reels. `window`, `overlap` latents, 0 for the model's; `vae`
    encodes what models must see before a window or in place of unknown frames; `retries`: how often a take is made again with
    other seeds where a join may be seen; `adain` 0..1 holds a shot to the statistics of its beginning, below 0 as suits the
    model; `layout` is how windows are shown, `cfg` the guidance where it is known. Raises UsageError for a model that makes no
    video, a VAE of another family, a layout that it has no LoRA for, and a window that nothing new fits in.
    """

    model: Any
    conds: Conds
    guide: Callable[[Conds], Any]
    sampler: Any
    sigmas: Callable[[float], Tensor]
    seed: int
    identity: str
    plain: Plain | None = None
    window: int = 0
    overlap: int = 0
    anchor: bool = True
    retries: int = 0
    vae: Any = None
    adain: float = -1.0
    layout: str = LAYOUTS[0]
    cfg: float | None = None

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
        found = probe(self.model)
        if self.layout not in LAYOUTS:
            raise UsageError(f"layout {self.layout!r}: give one of {', '.join(LAYOUTS)}")
        return found if self.layout == LAYOUTS[0] else svi(found)

    def settings(self) -> Settings:
        """Windows that fit the model, for the take engine, whose own noise levels matter to a strength alone where the model is
        not one of ours. Raises UsageError."""
        can, levels = self.capability, self.sigmas(1.0)
        return Settings.of(
            can,
            levels=levels.clamp(max=1.0).tolist() if can.strength_is_level else None,
            steps=len(levels) - 1,
            window=self.window,
            overlap=self.overlap,
            anchor=self.anchor,
            adain=self.adain,
        )

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
    conds = {"positive": positive, "negative": negative}
    plain = _plain(model, conds, sampler_name, cfg)
    return Sampling(model, conds, guide, sampler, sigmas, seed, identity, plain, cfg=cfg, **windows)


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

    values = {key: value for key, value in vars(guider).items() if isinstance(value, (str, int, float))}
    shape = [origin, levels.tolist(), type(guider).__name__, values, type(sampler).__name__, vars(sampler)]
    identity = json.dumps(shape, default=lambda one: getattr(one, "__name__", type(one).__name__), skipkeys=True, sort_keys=True)
    euler = getattr(sampler, "sampler_function", None) is comfy.k_diffusion.sampling.sample_euler
    plain: Plain | None = None
    if euler and type(guider).__name__ in GUIDERS and not vars(sampler).get("extra_options"):
        plain = _plain(guider.model_patcher, conds, "euler", guider.cfg)
    cfg = getattr(guider, "cfg", None)
    return Sampling(guider.model_patcher, conds, guide, sampler, part, seed, identity, plain, cfg=cfg, **windows)


def _plain(model: Any, conds: Conds, sampler: str, cfg: float) -> Plain | None:
    """How a model of ours that nothing has patched is sampled, with prompts alone; None for all else."""
    if sampler != "euler" or not probe(model).frame_inputs:
        return None
    options = model.model_options.get("transformer_options") or {}
    touched = [model.patches, model.object_patches, *options.values(), set(model.model_options) - {"transformer_options"}]
    if any(bool(part) for part in touched):
        return None
    prompts = all(len(entries) == 1 and set(entries[0][1]) <= PROMPT_KEYS for name, entries in conds.items())
    return Plain(sampler, float(cfg)) if prompts and conds.get("positive") else None


def prompt_name(sampling: Sampling, conds: Conds) -> str:
    """What names a prompt in reel keys."""
    if sampling.plain is not None and set(conds["positive"][0][1]) <= PROMPT_KEYS:
        return box_fingerprint(conds["positive"][0][0])
    return fingerprint(conds)


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
