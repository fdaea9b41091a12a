"""The transformer in the box as a MODEL: a `BaseModel` with its own noise level for every latent frame.

Stock nodes reach everything they reach in other video models: samplers, guiders, shift, LoRA, context windows, noise
masks, model saving, previews.
"""

from __future__ import annotations

from typing import Any, ClassVar

import comfy.conds
import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.patcher_extension
import comfy.supported_models_base
import torch
from torch import Tensor, nn

from ..engine.roles import CONTEXT, TARGET
from ..errors import UsageError
from ..models.dit import DiTConfig, VideoDiT
from ..models.vae import VideoVAE

FPS = 8.0
"""Frame rate where the conditioning names none (`frame_rate`, as LTXVConditioning sets it)."""
SCALE = 1000.0
"""The host's flow models are told 1000 sigma."""
TOLD = "longtake"
"""Key in `transformer_options` under which a sampler of ours tells role [T] and position [T] of the frames."""


class Format(comfy.latent_formats.LatentFormat):
    """Latents as the VAE gives them; previews by the linear part of its decoder."""

    latent_dimensions = 3
    spacial_downscale_ratio = 16
    temporal_downscale_ratio = 4

    def __init__(self, vae: VideoVAE):
        self.latent_channels = vae.channels
        self.latent_rgb_factors, self.latent_rgb_factors_bias = preview_factors(vae)


def preview_factors(vae: VideoVAE) -> tuple[list[list[float]], list[float]]:
    """Weights [C][3] and bias [3] that turn a latent into the mean colour (-1..1) of the pixels it stands for."""
    base = vae.decoder.base
    frames = vae.frames_per_latent
    weight = base.weight.view(frames, 3, -1, vae.channels).mean((0, 2))
    bias = base.bias.view(frames, 3, -1).mean((0, 2))
    std, mean = vae.std.flatten(), vae.mean.flatten()
    return (weight * std).T.tolist(), (bias + weight @ mean).tolist()


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
        mask = context.new_ones(context.shape[:2], dtype=torch.bool) if attention_mask is None else attention_mask.bool()
        prompts = self.context(context, mask)
        told = transformer_options.get(TOLD)
        if told is None:
            role = torch.where(sigma > 0, TARGET, CONTEXT)
            fresh = (role[:1] == TARGET).flatten().nonzero()
            first = int(fresh[0]) if len(fresh) else 0
            position = (torch.arange(frames, device=x.device) - first).float().expand(batch, frames)
        else:
            role, position = _window(told, transformer_options.get("context_window"))
            role = role.to(x.device).expand(batch, frames)
            position = position.to(x.device).float().expand(batch, frames)
        rows = torch.arange(batch, device=x.device)[:, None].expand(batch, frames)
        fps = torch.full((batch,), float(frame_rate), device=x.device)
        return super().forward(x, sigma, prompts, rows, role, position, fps)


def _window(told: dict[str, Tensor], window: Any) -> tuple[Tensor, Tensor]:
    """Roles and time positions [T] of the frames that one of the host's own context windows shows, counted from its own
    first target, as in every clip the weights have seen; of all frames where there is none."""
    role, position = told["role"], told["position"]
    if window is None or len(role) != window.total_frames:
        return role, position
    role, position = (window.get_tensor(part, part.device, dim=0) for part in (role, position))
    fresh = (role == TARGET).nonzero()
    return role, position - position[int(fresh[0]) if len(fresh) else 0]


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

    longtake = True

    def __init__(self, model_config: Config, device: Any = None):
        super().__init__(model_config, comfy.model_base.ModelType.FLOW, device=device, unet_model=HostDiT)

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
    supported_inference_dtypes: ClassVar[list[torch.dtype]] = [torch.bfloat16, torch.float32]

    def get_model(self, state_dict: dict[str, Tensor], prefix: str = "", device: Any = None) -> LongTakeModel:
        return LongTakeModel(self, device=device)


def make_model(state: dict[str, Tensor], config: dict[str, Any], vae: VideoVAE, shift: float) -> Any:
    """A MODEL from the transformer's tensors and its config; `shift` of its noise schedule is its default."""
    management = comfy.model_management
    device, offload = management.get_torch_device(), management.unet_offload_device()
    count = sum(t.numel() for t in state.values())
    cfg = Config({"image_model": "longtake", **config})
    cfg.latent_format = Format(vae)
    cfg.sampling_settings["shift"] = shift
    dtype = management.unet_dtype(device=device, model_params=count, supported_dtypes=cfg.supported_inference_dtypes)
    cfg.set_inference_dtype(dtype, management.unet_manual_cast(dtype, device, cfg.supported_inference_dtypes))
    model = cfg.get_model({}, device=offload)
    patcher = comfy.model_patcher.CoreModelPatcher(model, load_device=device, offload_device=offload)
    model.load_model_weights(dict(state), "", assign=patcher.is_dynamic())
    return patcher
