"""The VAE in the box as a VAE: stock decode and encode nodes stream through it, chunk by chunk."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.sd
import torch
from torch import Tensor, nn

from ..errors import UsageError
from ..models.box import latents_at_once
from ..models.vae import VideoVAE


class ChunkedVAE(nn.Module):
    """The host's calling convention: pixels [B, 3, T, H, W] in 0..1, written straight into the host's buffer."""

    comfy_has_chunked_io = True

    def __init__(self, net: VideoVAE):
        super().__init__()
        self.net = net

    def decode_output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the pixels that latents of `shape` [B, C, T, h, w] decode to."""
        b, _, t, h, w = shape
        return (b, 3, t * self.net.frames_per_latent, h * self.net.spatial, w * self.net.spatial)

    def decode(self, latents: Tensor, output_buffer: Tensor | None = None) -> Tensor:
        """Latents [B, C, T, h, w] to pixels, in `output_buffer` where one is given."""
        if output_buffer is None:
            output_buffer = torch.empty(self.decode_output_shape(tuple(latents.shape)), dtype=latents.dtype, device=latents.device)
        stream, done = self.net.decoder_stream(), 0
        for part in latents.split(latents_at_once(self.net, latents), 2):
            frames = stream(part).movedim(-1, 1)
            output_buffer[:, :, done : done + frames.shape[2]].copy_(frames)
            done += frames.shape[2]
        return output_buffer

    def encode(self, pixels: Tensor, device: Any = None) -> Tensor:
        """Pixels to latents; the last frame is held until the group of frames of one latent is full."""
        per = self.net.frames_per_latent
        spare = -pixels.shape[2] % per
        stream, found = self.net.encoder_stream(), []
        for part in pixels.split(per, 2):
            rest = -part.shape[2] % per
            if rest:
                part = torch.cat([part, part[:, :, -1:].expand(-1, -1, spare, -1, -1)], 2)
            found.append(stream(part.to(device or part.device).movedim(1, -1).contiguous()))
        return torch.cat(found, 2)


class HostVAE(comfy.sd.VAE):
    """`comfy.sd.VAE` around the net in the box; sizes not divisible by 16 are cropped, as the host does everywhere."""

    def __init__(self, net: VideoVAE):
        management = comfy.model_management
        per, spatial = net.frames_per_latent, net.spatial
        self.first_stage_model = ChunkedVAE(net).eval().requires_grad_(False)
        self.device, self.output_device = management.vae_device(), management.intermediate_device()
        self.working_dtypes = [torch.float32]
        self.vae_dtype = torch.float32
        self.first_stage_model.to(self.vae_dtype)
        self.patcher = comfy.model_patcher.CoreModelPatcher(
            self.first_stage_model, load_device=self.device, offload_device=management.vae_offload_device()
        )
        self.disable_offload, self.size = False, None
        self.latent_dim, self.not_video, self.latent_channels = 3, False, net.channels
        self.output_channels, self.pad_channel_value, self.extra_1d_channel = 3, None, None
        self.crop_input, self.handles_tiling, self.format_encoded = True, False, None
        self.process_input = self.process_output = _as_it_is
        self.upscale_ratio = (lambda t: t * per, spatial, spatial)
        self.downscale_ratio = (lambda n: -(-n // per), spatial, spatial)
        self.upscale_index_formula = self.downscale_index_formula = (per, spatial, spatial)
        self.memory_used_decode = lambda shape, dtype: 25_000 * per * shape[3] * shape[4] * 4
        self.memory_used_encode = lambda shape, dtype: 100 * per * shape[3] * shape[4] * 4
        self.throw_exception_if_invalid()

    def decode(self, samples_in: Tensor, *args: Any, **options: Any) -> Tensor:
        """Latents [B, C, T, h, w] to frames [B, T, H, W, 3], as the host does it. Raises UsageError for other latents."""
        check(samples_in, self.latent_channels)
        return super().decode(samples_in, *args, **options)

    def decode_tiled(self, samples: Tensor, *args: Any, **options: Any) -> Tensor:
        """The same tile by tile."""
        check(samples, self.latent_channels)
        return super().decode_tiled(samples, *args, **options)

    def encode(self, pixel_samples: Tensor) -> Tensor:
        """Frames [T, H, W, 3] to latents, as the host does it. Raises UsageError for frames smaller than a latent cell."""
        self._check_frames(pixel_samples)
        return super().encode(pixel_samples)

    def encode_tiled(self, pixel_samples: Tensor, *args: Any, **options: Any) -> Tensor:
        """The same tile by tile."""
        self._check_frames(pixel_samples)
        return super().encode_tiled(pixel_samples, *args, **options)

    def _check_frames(self, frames: Tensor) -> None:
        cell = self.spacial_compression_encode()
        if frames.ndim not in (4, 5) or not len(frames) or min(frames.shape[-3:-1]) < cell or frames.shape[-1] < 3:
            raise UsageError(f"image {tuple(frames.shape)}: give colour pictures (n, height, width, 3) of {cell} pixels or more")


def check(latents: Any, channels: int) -> None:
    """Raises UsageError in one line for latents that this VAE does not decode."""
    if getattr(latents, "is_nested", False):
        raise UsageError("latent: holds video and sound together; take them apart first (LTXV Separate AV Latent)")
    shape = tuple(latents.shape)
    if len(shape) != 5 or shape[1] != channels or not latents.numel():
        raise UsageError(f"latent {shape}: LongTake's VAE decodes (batch, {channels}, time, height, width); connect its own VAE")
    if not bool(torch.isfinite(latents).all()):
        raise UsageError("latent: holds infinite or undefined numbers; look at what made it (precision, cfg, LoRA strength)")


def _as_it_is(image: Tensor) -> Tensor:
    """The net works in 0..1 already."""
    return image
