"""Two experts in one sampler run: Wan 2.2 A14B's models for high and for low noise, changed over at a noise level.

Two samplers in a row would do for a clip made from nothing, but the second one takes the half-noised latents of the first
for its clean known frames and spoils them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import comfy.hooks
import comfy.model_management
import comfy.model_patcher
import comfy.sampler_helpers
import comfy.samplers
import torch
from torch import Tensor

from ..errors import UsageError
from .families import probe

BOUNDARY = 0.9
"""Noise level at which Wan 2.2 A14B was trained to change over, image to video; text to video 0.875."""
TOP = 1.001
"""Highest noise level of a flow model, with room for rounding."""


class ExpertsGuider(comfy.samplers.CFGGuider):
    """A GUIDER whose model is `high` at noise levels from `boundary` on and `low` below it.

    Each has its own cfg, patches and LoRAs; both see the same conditioning unless told otherwise, each processed by its own
    model. The weights of `low` are loaded when they are first needed. Raises UsageError where the two do not fit together.
    """

    def __init__(self, high: Any, low: Any, boundary: float = BOUNDARY):
        if not (math.isfinite(boundary) and 0 <= boundary <= 1):
            raise UsageError(f"boundary {boundary}: give a noise level from 0 (high-noise model alone) to 1")
        first, second = _family("high", high), _family("low", low)
        if first != second:
            raise UsageError(f"high is {first}, low is {second}: give the two experts of one model")
        top = float(high.get_model_object("model_sampling").sigma_max)
        if top > TOP:
            raise UsageError(f"{first} has noise levels up to {top:g}: experts can share models with levels from 0 to 1 only")
        super().__init__(high)
        self.low, self.boundary, self.low_cfg = low, float(boundary), 1.0
        self.low_conds: dict[str, list[dict[str, Any]]] = {}
        self._run: Run | None = None
        self._open: Open | None = None
        self._low_active = False

    def set_conds(self, positive: Any, negative: Any, low_positive: Any = None, low_negative: Any = None) -> None:
        """Conditioning of both experts; the low-noise one has its own where that is given."""
        super().set_conds(positive, negative)
        conds = {"positive": low_positive or positive, "negative": low_negative or negative}
        if self.low.is_dynamic() and any(comfy.sampler_helpers.cond_has_hooks(cond) for cond in conds.values()):
            self.low = self.low.get_non_dynamic_delegate()
        self.low_conds = {name: comfy.sampler_helpers.convert_cond(cond) for name, cond in conds.items()}

    def set_cfg(self, cfg: float, low_cfg: float | None = None) -> None:
        """Guidance of the high-noise expert and, unless it is the same, of the low-noise one."""
        super().set_cfg(cfg)
        self.low_cfg = cfg if low_cfg is None else low_cfg

    def outer_sample(self, *args: Any, **kwargs: Any) -> Tensor:
        """The host's outer sampling call, with the low-noise expert put away afterwards."""
        self._open, self._low_active = None, False
        try:
            return super().outer_sample(*args, **kwargs)
        finally:
            if self._open is not None:
                self._open.close()
            self._run = self._open = None

    def inner_sample(
        self,
        noise: Tensor,
        latent_image: Tensor,
        device: Any,
        sampler: Any,
        sigmas: Tensor,
        denoise_mask: Tensor | None,
        callback: Any,
        disable_pbar: bool,
        seed: int | None,
        latent_shapes: Any = None,
    ) -> Tensor:
        """The host's inner sampling call; what the low-noise expert's conditioning will be made from is noted."""
        self._run = Run(noise, latent_image, device, denoise_mask, seed, latent_shapes)
        return super().inner_sample(
            noise, latent_image, device, sampler, sigmas, denoise_mask, callback, disable_pbar, seed, latent_shapes=latent_shapes
        )

    def predict_noise(self, x: Tensor, timestep: Tensor, model_options: Any = None, seed: int | None = None) -> Tensor:
        """Clean latents that the expert in charge of noise level `timestep` [B] sees in x."""
        options = model_options or {}
        low = float(timestep.max()) < self.boundary - 1e-6  # float32: a level of 0.9 is a little less
        if low != self._low_active:
            self._change(low)
        if not low or self._open is None:
            return super().predict_noise(x, timestep, options, seed)
        options = carried(options, self.model_options, self._open.options)
        conds = self._open.conds
        return comfy.samplers.sampling_function(
            self._open.inner,
            x,
            timestep,
            conds.get("negative"),
            conds.get("positive"),
            self.low_cfg,
            model_options=options,
            seed=seed,
        )

    def _change(self, low: bool) -> None:
        """Put one expert in charge; loading it may unload the other where memory is short."""
        if low and self._open is None and self._run is not None:
            self._open = Open(self.low)
            self._open.start(self.low_conds, self._run)
        else:
            patcher = self.low if low else self.model_patcher
            comfy.model_management.load_models_gpu([patcher])
            patcher.pre_run()
        self._low_active = low


def guide(high: Any, low: Any, positive: Any, negative: Any, *, cfg: float, low_cfg: float, boundary: float) -> ExpertsGuider:
    """The GUIDER of two experts that see the same conditioning, each with its own guidance. Raises UsageError."""
    for name, value in (("cfg", cfg), ("low_cfg", low_cfg)):
        if not math.isfinite(value):
            raise UsageError(f"{name} {value}: give a finite number, 1 for no guidance")
    guider = ExpertsGuider(high, low, boundary)
    guider.set_conds(positive, negative)
    guider.set_cfg(cfg, low_cfg)
    return guider


def _family(role: str, model: Any) -> str:
    """Name of the video family of a MODEL. Raises UsageError."""
    if not hasattr(getattr(model, "model", None), "latent_format"):
        raise UsageError(f"{role}: not a MODEL of ComfyUI; connect the output of a model loader")
    found = probe(model)
    if found.kind == "none":
        raise UsageError(f"{role}: {found.family} makes pictures, not video; connect an expert of a video model")
    return found.family


class Run(NamedTuple):
    """Arguments of the sampler run in progress."""

    noise: Tensor
    latent: Tensor
    device: Any
    mask: Tensor | None
    seed: int | None
    shapes: Any


class Open:
    """The low-noise expert in use: `inner` is its BaseModel, `conds` what it made of its conditioning."""

    def __init__(self, patcher: Any):
        self.patcher, self.inner, self.hook_mode = patcher, patcher.model, patcher.hook_mode
        self.options = comfy.model_patcher.create_model_options_clone(patcher.model_options)
        self.conds: dict[str, list[dict[str, Any]]] = {}
        self.models: list[Any] = []

    def start(self, conds: dict[str, list[dict[str, Any]]], run: Run) -> None:
        """Load the expert and let it process its conditioning, as CFGGuider does with the model it has."""
        patcher = self.patcher
        copies = {name: [cond.copy() for cond in entries] for name, entries in conds.items()}
        comfy.samplers.preprocess_conds_hooks(copies)
        if comfy.samplers.get_total_hook_groups_in_conds(copies) <= 1:
            patcher.hook_mode = comfy.hooks.EnumHookMode.MinVram
        comfy.sampler_helpers.prepare_model_patcher(patcher, copies, self.options)
        comfy.samplers.filter_registered_hooks_on_conds(copies, self.options)
        self.inner, copies, self.models = comfy.sampler_helpers.prepare_sampling(patcher, run.noise.shape, copies, self.options)
        comfy.samplers.cast_to_load_options(self.options, device=run.device, dtype=patcher.model_dtype())
        patcher.pre_run()
        self.inner.latent_shapes = run.shapes
        latent = run.latent
        if latent is not None and bool(torch.count_nonzero(latent) > 0):  # as the host does: an empty latent is not shifted
            latent = self.inner.process_latent_in(latent)
        self.conds = comfy.samplers.process_conds(
            self.inner, run.noise, copies, run.device, latent, run.mask, run.seed, latent_shapes=run.shapes
        )

    def close(self) -> None:
        """Give back what was loaded and registered."""
        comfy.samplers.cast_to_load_options(self.options, device=self.patcher.offload_device)
        self.patcher.cleanup()
        comfy.sampler_helpers.cleanup_models(self.conds, self.models)
        self.patcher.hook_mode = self.hook_mode
        self.patcher.restore_hook_patches()


def carried(now: dict[str, Any], high: dict[str, Any], low: dict[str, Any]) -> dict[str, Any]:
    """`low`, and what a sampler has added to `high` since the run began, which makes it `now`: nested model options."""
    found = dict(low)
    for key, value in now.items():
        before, below = high.get(key), found.get(key)
        if isinstance(value, dict):
            inner = carried(value, before if isinstance(before, dict) else {}, below if isinstance(below, dict) else {})
            if inner:  # the mere presence of some keys, empty or not, has a meaning to the host
                found[key] = inner
        elif isinstance(value, list):
            known = before if isinstance(before, list) else []
            new = [one for one in value if all(one is not old for old in known)]
            if new:
                found[key] = [*(below or []), *new]
        elif value is not before:
            found[key] = value
    return found
