"""The transformer in the box as a MODEL: a `BaseModel` with its own noise level for every latent frame.

Stock nodes reach everything they reach in other video models: samplers, guiders, shift, LoRA, context windows, noise
masks, model saving, previews.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import comfy.conds
import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.model_sampling
import comfy.patcher_extension
import comfy.supported_models_base
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..engine.capability import Capability
from ..engine.noise_matrix import schedule
from ..engine.roles import CONTEXT, TARGET
from ..errors import UsageError
from ..models.box import SCALE, context_of
from ..models.dit import Context, DiTConfig, VideoDiT
from ..models.vae import VideoVAE

FPS = 8.0
"""Frame rate where the conditioning names none (`frame_rate`, as LTXVConditioning sets it)."""
RIDGE = 0.003
"""Share of the codes' spread by which the weights of a preview are held small: such pictures move few channels much."""
FRAMES = "longtake"
"""Key in `transformer_options` under which a sampler of ours tells what it knows of the frames; see FrameInputs."""


class Format(comfy.latent_formats.LatentFormat):
    """Latents as the VAE gives them; previews by weights that fit the codes of coloured pictures."""

    latent_dimensions = 3

    def __init__(self, vae: VideoVAE):
        self.latent_channels = vae.channels
        self.spacial_downscale_ratio, self.temporal_downscale_ratio = vae.spatial, vae.frames_per_latent
        self.latent_rgb_factors, self.latent_rgb_factors_bias = preview_factors(vae)


@torch.no_grad()
def preview_factors(vae: VideoVAE) -> tuple[list[list[float]], list[float]]:
    """Weights [C][3] and bias [3] that turn a latent into about the mean colour (-1..1) of the pixels it stands for: those that fit
    the codes of pictures of two soft colours with an edge between them best."""
    per, generator = vae.frames_per_latent, torch.Generator().manual_seed(0)

    def soft(channels: int, cells: int) -> Tensor:
        coarse = torch.rand(16, channels, cells, cells, generator=generator)
        return F.interpolate(coarse, size=8 * vae.spatial, mode="bilinear", align_corners=True)

    pixels = torch.where(soft(1, 5) > 0.5, soft(3, 3), soft(3, 3))
    codes = vae.encode(pixels.movedim(1, -1)[:, None].expand(-1, per, -1, -1, -1))[:, :, 0].movedim(1, -1).flatten(0, 2)
    colours = F.avg_pool2d(pixels, vae.spatial).movedim(1, -1).flatten(0, 2) * 2 - 1
    known = torch.cat([codes, torch.ones(len(codes), 1)], 1)
    square = known.T @ known + RIDGE * len(known) * torch.eye(known.shape[1])
    *weights, bias = torch.linalg.solve(square, known.T @ colours).tolist()
    return weights, bias


class HostDiT(VideoDiT):
    """The transformer with the host's layers, called as the host calls a diffusion model."""

    def __init__(
        self,
        image_model: str | None = None,
        dtype: torch.dtype | None = None,
        device: Any = None,
        operations: Any = None,
        **config: Any,
    ):
        super().__init__(DiTConfig(**config))
        self.dtype = dtype
        _adopt(self, operations, dtype, device)
        for name, value in list(self.named_parameters()):
            if value.dtype != dtype or value.device != torch.device(device or "cpu"):
                owner = self.get_submodule(name.rpartition(".")[0])
                setattr(owner, name.rpartition(".")[2], nn.Parameter(value.detach().to(device, dtype)))

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor | None = None,
        transformer_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Velocity of x [B, C, T, h, w]; timestep [B] or [B, T] is 1000 sigma; context [B, L, 384] token states. Raises
        UsageError for x of another shape."""
        check(x, self.cfg.channels)
        options = transformer_options or {}
        wrappers = comfy.patcher_extension.get_all_wrappers(comfy.patcher_extension.WrappersMP.DIFFUSION_MODEL, options)
        run = comfy.patcher_extension.WrapperExecutor.new_class_executor(self.velocity, self, wrappers)
        return run.execute(x, timestep, context, options, **kwargs)

    def velocity(
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor | None,
        transformer_options: dict[str, Any],
        attention_mask: Tensor | None = None,
        frame_rate: float = FPS,
        **kwargs: Any,
    ) -> Tensor:
        """As `forward`, behind the host's wrappers. Frames at noise level 0 are context, all others targets, unless
        a sampler of ours says otherwise."""
        batch, _, frames = x.shape[:3]
        sigma = (timestep.float() / SCALE).view(batch, -1).expand(batch, frames)
        if context is None:
            context = x.new_zeros(batch, 2, self.cfg.text)
        inputs: FrameInputs | None = transformer_options.get(FRAMES)
        if inputs is None:
            role = torch.where(sigma > 0, TARGET, CONTEXT)
            fresh = (role[:1] == TARGET).flatten().nonzero()
            first = int(fresh[0]) if len(fresh) else 0
            position = (torch.arange(frames, device=x.device) - first).float().expand(batch, frames)
        else:
            inputs = inputs.window(transformer_options.get("context_window"))
            role = inputs.role.to(x.device).expand(batch, frames)
            position = inputs.position.to(x.device).float().expand(batch, frames)
            frame_rate = inputs.fps or frame_rate
        rows = torch.arange(batch, device=x.device)[:, None].expand(batch, frames)
        fps = torch.full((batch,), float(frame_rate), device=x.device)
        if inputs is not None and inputs.prompts is not None:
            prompts, rows = self._prompts(context, inputs.prompts, transformer_options.get("cond_or_uncond") or [0] * batch)
        else:
            mask = context.new_ones(context.shape[:2], dtype=torch.bool) if attention_mask is None else attention_mask.bool()
            prompts = self.context(context, mask)
        return super().forward(x, sigma, prompts, rows, role, position, fps)

    def _prompts(self, context: Tensor, prompts: FramePrompts, kinds: Sequence[int]) -> tuple[Context, Tensor]:
        """The context of the prompts of all frames [B, T]: rows of the batch that are not of the positive prompt (`kinds` above
        0) keep their own for all of them."""
        states, rows = [one.to(context) for one in prompts.states], []
        for row, kind in zip(context, list(kinds) * (len(context) // max(1, len(kinds))), strict=True):
            if kind:
                states.append(row[None])
            rows.append(torch.full_like(prompts.rows, len(states) - 1) if kind else prompts.rows)
        return context_of(self, states), torch.stack(rows).to(context.device)


class FramePrompts(NamedTuple):
    """Token states [1, L, text] of the prompts in a window, and which of them each frame has [T]."""

    states: list[Tensor]
    rows: Tensor


class FrameInputs(NamedTuple):
    """What a sampler of ours tells of the frames: role [T], time position [T], frames a second (0: what the conditioning says),
    and their prompts where not all have that of the conditioning."""

    role: Tensor
    position: Tensor
    fps: float = 0.0
    prompts: FramePrompts | None = None

    def window(self, window: Any) -> FrameInputs:
        """Those of the frames that one of the host's own context windows shows, with positions counted from its own first
        target, as in every clip the weights have seen; of all frames where there is none."""
        if window is None or len(self.role) != window.total_frames:
            return self
        role, position = (window.get_tensor(part, part.device, dim=0) for part in (self.role, self.position))
        fresh = (role == TARGET).nonzero()
        return self._replace(role=role, position=position - position[int(fresh[0]) if len(fresh) else 0], prompts=None)


class FineSampling(comfy.model_sampling.ModelSamplingDiscreteFlow, comfy.model_sampling.CONST):
    """The host's flow sampling with a table of noise levels so fine that its schedulers, which pick from it, find for any usual
    number of steps the very levels of our own schedule."""

    LEVELS = 100_800

    def set_parameters(self, shift: float = 1.0, timesteps: int = LEVELS, multiplier: float = SCALE) -> None:
        """As the host's, which is called with another table by nobody."""
        self.shift, self.multiplier = shift, multiplier
        self.register_buffer("sigmas", schedule(self.LEVELS, shift)[:-1].flip(0))


def _adopt(module: nn.Module, operations: Any, dtype: torch.dtype | None, device: Any) -> None:
    """Replace torch's layers by the host's, which know about casting and offloading."""
    for name, child in module.named_children():
        if type(child) is nn.Linear:
            sizes, bias = (child.in_features, child.out_features), child.bias is not None
            setattr(module, name, operations.Linear(*sizes, bias=bias, dtype=dtype, device=device))
        elif type(child) is nn.LayerNorm:
            setattr(module, name, operations.LayerNorm(child.normalized_shape, eps=child.eps, dtype=dtype, device=device))
        elif type(child) is nn.Embedding:
            sizes = (child.num_embeddings, child.embedding_dim)
            setattr(module, name, operations.Embedding(*sizes, dtype=dtype, device=device))
        else:
            _adopt(child, operations, dtype, device)


class LongTakeModel(comfy.model_base.BaseModel):
    """Flow model whose noise mask becomes a noise level a frame: kept frames are shown clean and come back as given."""

    def __init__(self, model_config: Config, capability: Capability, device: Any = None):
        super().__init__(model_config, comfy.model_base.ModelType.FLOW, device=device, unet_model=HostDiT)
        self.capability = capability
        self.model_sampling = FineSampling(model_config)

    def process_latent_in(self, latent: Tensor) -> Tensor:
        """What the host does with a latent that is not empty before it samples. Raises UsageError for one that is not ours."""
        check(latent, self.latent_format.latent_channels)
        if not bool(torch.isfinite(latent).all()):
            raise UsageError("latent: holds infinite or undefined numbers; look at what made it (precision, cfg, LoRA strength)")
        return super().process_latent_in(latent)

    def extra_conds(self, **kwargs: Any) -> dict[str, Any]:
        """Conditioning for the noise [B, C, T, h, w]. Raises UsageError for noise of another shape."""
        if kwargs.get("noise") is not None:  # the first that is seen of an empty latent
            check(kwargs["noise"], self.latent_format.latent_channels)
        out = super().extra_conds(**kwargs)
        if kwargs.get("cross_attn") is not None:  # never repeated to match lengths: a prompt said twice is another prompt
            out["c_crossattn"] = comfy.conds.CONDRegular(kwargs["cross_attn"])
        for key in ("attention_mask", "denoise_mask"):
            if kwargs.get(key) is not None:
                out[key] = comfy.conds.CONDRegular(kwargs[key])
        out["frame_rate"] = comfy.conds.CONDConstant(float(kwargs.get("frame_rate") or FPS))
        return out

    def process_timestep(self, timestep: Tensor, x: Tensor, denoise_mask: Tensor | None = None, **kwargs: Any) -> Tensor:
        """[B] to [B, T] where there is a noise mask [B, C, T, h, w]: a frame's level is that of its noisiest part. Told the
        share of a mask that keeps half a frame, the model leaves the other half noise."""
        if denoise_mask is None:
            return timestep
        return denoise_mask.amax((1, 3, 4)) * timestep[:, None]

    def scale_latent_inpaint(self, sigma: Tensor, noise: Tensor, latent_image: Tensor, **kwargs: Any) -> Tensor:
        """Kept frames are shown clean."""
        return latent_image


def check(latents: Tensor, channels: int) -> None:
    """Raises UsageError in one line for latents that are not [B, C, T, h, w] with so many channels."""
    shape = tuple(latents.shape)
    if len(shape) == 3 and shape[1] == 1:  # how the host's samplers hold several streams
        raise UsageError("latent: holds video and sound together; LongTake makes no sound, take them apart first")
    if len(shape) != 5 or shape[1] != channels:
        raise UsageError(f"latent {shape}: LongTake wants (batch, {channels}, time, height, width); it is of another family")


class Config(comfy.supported_models_base.BASE):
    """What the host wants to know about the model."""

    unet_config: ClassVar[dict[str, Any]] = {"image_model": "longtake"}
    unet_extra_config: ClassVar[dict[str, Any]] = {}
    sampling_settings: ClassVar[dict[str, Any]] = {"shift": 1.0, "multiplier": SCALE}
    memory_usage_factor = 1.2
    capability: Capability
    supported_inference_dtypes: ClassVar[list[torch.dtype]] = [torch.bfloat16, torch.float32]

    def get_model(self, state_dict: dict[str, Tensor], prefix: str = "", device: Any = None) -> LongTakeModel:
        return LongTakeModel(self, self.capability, device=device)


def make_model(state: dict[str, Tensor], config: dict[str, Any], vae: VideoVAE, capability: Capability) -> Any:
    """A MODEL from the transformer's tensors, its config, and what its card says."""
    management = comfy.model_management
    device, offload = management.get_torch_device(), management.unet_offload_device()
    count = sum(t.numel() for t in state.values())
    cfg = Config({"image_model": "longtake", **config})
    cfg.latent_format = Format(vae)
    cfg.sampling_settings["shift"] = capability.shift
    cfg.capability = capability
    dtype = management.unet_dtype(device=device, model_params=count, supported_dtypes=cfg.supported_inference_dtypes)
    cfg.set_inference_dtype(dtype, management.unet_manual_cast(dtype, device, cfg.supported_inference_dtypes))
    model = cfg.get_model({}, device=offload)
    patcher = comfy.model_patcher.CoreModelPatcher(model, load_device=device, offload_device=offload)
    model.load_model_weights(dict(state), "", assign=patcher.is_dynamic())
    return patcher
