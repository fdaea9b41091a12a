"""The rolling queue as a SAMPLER: a take of any length at the memory of one window."""

from __future__ import annotations

from typing import Any

import comfy.samplers
import torch
from torch import Tensor

from ..engine.flow import FlowDenoiser
from ..engine.frame_order import WindowConfig
from ..engine.request import Request
from ..engine.settings import Settings
from ..engine.state import Progress
from ..engine.take import collect, sample
from ..errors import UsageError
from .flow_match import Velocity, check_flow
from .latents import SLACK, whole


class RollingSampler(comfy.samplers.Sampler):
    """About `queue` latents in flight at rising noise levels, `context` finished ones before them, and an `anchor`, an
    early one, where the model knows what that is. Kept frames at the beginning are continued. `order` 1 or 2."""

    def __init__(self, queue: int = 16, context: int = 4, anchor: bool = True, order: int = 1):
        self.queue, self.context, self.anchor, self.order = queue, context, anchor, order

    def sample(
        self,
        model_wrap: Any,
        sigmas: Tensor,
        extra_args: dict[str, Any],
        callback: Any,
        noise: Tensor,
        latent_image: Tensor | None = None,
        denoise_mask: Tensor | None = None,
        disable_pbar: bool = False,
    ) -> Tensor:
        """The host's sampler call: latents [1, C, T, h, w] like `noise`. Raises UsageError."""
        model = model_wrap.inner_model
        check_flow(model)
        if noise.ndim != 5 or noise.shape[0] != 1:
            raise UsageError(f"latent {tuple(noise.shape)}: the rolling sampler makes one video, [1, C, T, h, w]")
        if float(sigmas[0]) < 0.999:
            raise UsageError(f"first sigma {float(sigmas[0]):g}: the rolling sampler starts from pure noise; set denoise to 1")
        length = noise.shape[2]
        keep = torch.zeros(length, dtype=torch.bool)
        if denoise_mask is not None:
            _check(denoise_mask)
            keep = (denoise_mask.amax((0, 1, 3, 4)) <= SLACK).cpu()
        home = latent_image if latent_image is not None else torch.zeros_like(noise)
        known = {int(i): home[0, :, int(i)].cpu() for i in keep.nonzero()}
        shape = (noise.shape[1], noise.shape[3], noise.shape[4])
        request = Request(length, shape, known=known, noise=noise.cpu())
        windows = WindowConfig(anchors=int(self.anchor and hasattr(model, "capability")), context=self.context)
        levels = tuple(float(s) for s in sigmas.clamp(max=1.0))
        settings = Settings(steps=len(levels) - 1, levels=levels, rolling=True, queue=self.queue, windows=windows)
        velocity = Velocity(model_wrap, extra_args.get("model_options", {}), extra_args.get("seed"))
        denoiser = FlowDenoiser(velocity, None, fps=1.0, order=self.order, device=noise.device)
        shown = noise.clone()
        calls = 0

        def progress(at: Progress) -> None:
            nonlocal calls
            calls += 1
            if callback is not None:
                share = (at.window - 1 + at.step / max(1, at.steps)) / at.windows
                callback(min(length - 1, int(share * length)), shown, shown, length)

        found = []
        for chunk in sample(request, denoiser, settings, progress=progress):
            shown[:, :, chunk.start : chunk.start + chunk.latents.shape[2]] = chunk.latents.to(shown)
            found.append(chunk)
        made = collect(found).to(noise)
        return torch.where(keep.to(noise.device).view(1, 1, -1, 1, 1), home, made)


def _check(mask: Tensor) -> None:
    """Raises UsageError for a noise mask [B, C, T, h, w] that keeps parts of frames, or frames in part. One of another length
    comes here smeared over the frames, as the host resizes it."""
    if not whole(mask):
        raise UsageError(
            f"noise mask: the rolling sampler keeps whole frames only; make it 0 or 1 for each of the {mask.shape[2]} latent "
            "frames, as Known Frames does, or use another sampler"
        )
