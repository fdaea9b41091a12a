"""A guided MODEL as a velocity field with its own noise level for every latent frame, for our samplers to drive."""

from __future__ import annotations

from typing import Any

import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.model_sampling
import comfy.patcher_extension
from torch import Tensor

from ..errors import UsageError
from .box_model import FRAMES, FrameInputs


def check_flow(model: Any) -> None:
    """Raises UsageError unless `model`, a BaseModel, is a flow model that takes a noise level for every frame."""
    if not isinstance(model.model_sampling, comfy.model_sampling.CONST):
        raise UsageError(f"{type(model).__name__} is no flow model: use KSampler with Context Windows instead")
    if type(model).process_timestep is comfy.model_base.BaseModel.process_timestep:
        raise UsageError(
            f"{type(model).__name__} knows one noise level for all frames: give a model with one a frame "
            "(LongTake, Wan 2.2 5B, LTXV), or use KSampler with Context Windows"
        )


class Velocity:
    """Callable like our own transformer: velocity of x [1, C, T, h, w] at noise levels sigma [1, T].

    The model is called at the highest level, a noise mask of sigma / level tells it each frame's own; role and position
    reach a model that understands them through `transformer_options`.
    """

    def __init__(self, guider: Any, options: dict[str, Any], seed: int | None):
        self.guider, self.options, self.seed = guider, options, seed

    def __call__(
        self, x: Tensor, sigma: Tensor, ctx: Any, prompt_index: Tensor, role: Tensor, position: Tensor, fps: Tensor
    ) -> Tensor:
        level = sigma.amax(1)
        mask = (sigma / level[:, None].clamp_min(1e-6))[:, None, :, None, None]
        options = comfy.model_patcher.create_model_options_clone(self.options)
        inner = options.setdefault("transformer_options", {})
        inner[FRAMES] = FrameInputs(role[0], position[0])

        def masked(run: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            kwargs["denoise_mask"] = mask.to(x).expand_as(x[: len(mask)]).repeat(len(x) // len(mask), 1, 1, 1, 1)
            return run(x, *args, **kwargs)

        kind = comfy.patcher_extension.WrappersMP.APPLY_MODEL
        comfy.patcher_extension.add_wrapper_with_key(kind, "longtake", masked, inner)
        comfy.model_management.throw_exception_if_processing_interrupted()
        clean = self.guider(x, level, model_options=options, seed=self.seed)
        return (x - clean) / level.view(-1, 1, 1, 1, 1)
