"""Learned video autoencoder: a few frames x 16 x 16 pixels to one compact latent, decoded by a net that sees its neighbours.

The code of whitened principal components of a patch is corrected by a convolutional net that sees the patches around
it. The decoder is convolutional, so it paints across the borders of patches, and it sees the latent before, so
that motion goes on. A latent stands for exactly `frames` frames and depends on no others, so latents can be moved,
looped and extended backwards; a decoded frame depends on its own latent and the one before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UsageError

State = dict[str, Tensor]


@dataclass(frozen=True)
class VAEConfig:
    """Latent `channels`; `frames` and `spatial` pixels (a multiple of 8) a latent covers; widths of the encoder at 1/4,
    1/8, 1/16 and of the decoder at 1/16, 1/8, 1/4, 1/2 of the frame (of 16 `spatial`); residual blocks a decoder level."""

    channels: int = 24
    frames: int = 1
    spatial: int = 16
    encoder: tuple[int, int, int] = (96, 128, 192)
    decoder: tuple[int, int, int, int] = (256, 192, 128, 96)
    blocks: tuple[int, int, int, int] = (3, 2, 2, 1)


def config_from(row: dict[str, Any]) -> VAEConfig:
    """The config that was written as JSON, where tuples are lists. Raises TypeError for one of another net."""
    made: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return VAEConfig(**made)


class PixelNorm(nn.Module):
    """Layer norm over the channels of every pixel, so that streaming stays exact. [N, C, h, w] to the same."""

    def __init__(self, width: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        return F.layer_norm(x.permute(0, 2, 3, 1), weight.shape, weight, bias).permute(0, 3, 1, 2)


class Residual(nn.Module):
    """Two 3x3 convolutions added to their input, at first nothing. [N, C, h, w] to the same."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = PixelNorm(width)
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        zero(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.conv1(self.norm(x))))


def zero(layer: nn.Conv2d) -> None:
    """Let a layer begin as nothing."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None  # for torch's stubs
    nn.init.zeros_(layer.bias)


class Encoder(nn.Module):
    """Groups of frames [N, 3*frames, H, W] in -1..1 to codes [N, C, H/spatial, W/spatial]."""

    def __init__(self, cfg: VAEConfig):
        super().__init__()
        self.spatial = cfg.spatial
        near, mid, far = cfg.encoder
        fold = cfg.spatial // 4
        patch = 3 * cfg.frames * cfg.spatial**2
        self.base = nn.Linear(patch, cfg.channels).requires_grad_(False)
        self.net = nn.Sequential(
            nn.PixelUnshuffle(fold),
            nn.Conv2d(3 * cfg.frames * fold**2, near, 3, padding=1),
            Residual(near),
            nn.Conv2d(near, mid, 2, 2),
            Residual(mid),
            Residual(mid),
            nn.Conv2d(mid, far, 2, 2),
            Residual(far),
            Residual(far),
            PixelNorm(far),
        )
        self.out = nn.Conv2d(far, cfg.channels, 1)
        zero(self.out)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # the components are exact to more digits than bfloat16 has
            rows = F.pixel_unshuffle(x.float(), self.spatial).permute(0, 2, 3, 1)
            base = self.base(rows).permute(0, 3, 1, 2)
        return base + self.out(self.net(x)).float()


class Decoder(nn.Module):
    """A latent and the one before it [N, 2C, h, w] to groups of frames [N, 3*frames, spatial*h, spatial*w] in about -1..1."""

    def __init__(self, cfg: VAEConfig):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(2 * cfg.channels, cfg.decoder[0], 3, padding=1)]
        for level, width in enumerate(cfg.decoder):
            if level:
                layers += [nn.Conv2d(cfg.decoder[level - 1], 4 * width, 1), nn.PixelShuffle(2)]
            layers += [Residual(width) for _ in range(cfg.blocks[level])]
        fold = cfg.spatial // 8
        layers += [PixelNorm(width), nn.SiLU(), nn.Conv2d(width, 3 * cfg.frames * fold**2, 3, padding=1), nn.PixelShuffle(fold)]
        self.net = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)


class VideoVAE(nn.Module):
    """The pair of nets and the latent statistics that bring latents to mean 0, deviation 1 a channel."""

    mean: Tensor
    std: Tensor
    warm = 1
    """Latents after which a decoder that began there shows what one that began earlier does."""

    def __init__(self, cfg: VAEConfig = VAEConfig()):
        super().__init__()
        self.cfg, self.channels = cfg, cfg.channels
        self.frames_per_latent, self.spatial = cfg.frames, cfg.spatial
        self.encoder, self.decoder = Encoder(cfg), Decoder(cfg)
        self.register_buffer("mean", torch.zeros(cfg.channels))
        self.register_buffer("std", torch.ones(cfg.channels))
        cast(Any, self).to(memory_format=torch.channels_last)  # torch's stubs lack this argument

    @torch.no_grad()
    def fit_base(self, batches: Iterable[Tensor]) -> None:
        """Set the linear code to the whitened principal components of the patches of batches of pixels [B, T, H, W, 3] in
        0..1, each of any size."""
        patches = [F.pixel_unshuffle(self.groups(pixels), self.spatial).permute(0, 2, 3, 1) for pixels in batches]
        rows = torch.cat([p.reshape(-1, self.encoder.base.in_features) for p in patches])
        mean = rows.mean(0)
        values, vectors = torch.linalg.eigh((rows - mean).T @ (rows - mean) / len(rows))
        strongest = slice(-self.channels, None)
        components = vectors[:, strongest].flip(1) / values[strongest].flip(0).clamp_min(1e-12).sqrt()
        self.encoder.base.weight.copy_(components.T)
        self.encoder.base.bias.copy_(-mean @ components)

    def groups(self, pixels: Tensor) -> Tensor:
        """Pixels [B, T, H, W, 3] in 0..1 as groups of frames [B*T/frames, 3*frames, H, W] in -1..1."""
        b, t, h, w, _ = pixels.shape
        x = pixels.permute(0, 1, 4, 2, 3).reshape(b * t // self.cfg.frames, 3 * self.cfg.frames, h, w) * 2 - 1
        return x.contiguous(memory_format=torch.channels_last)

    def code(self, pixels: Tensor) -> Tensor:
        """Pixels [B, T, H, W, 3] in 0..1 to codes [B, T/frames, C, h, w], not yet brought to deviation 1."""
        return self.encoder(self.groups(pixels)).unflatten(0, (len(pixels), -1))

    def draw(self, code: Tensor, before: Tensor | None = None) -> Tensor:
        """Codes [B, T, C, h, w] to pixels [B, frames*T, H, W, 3] around 0..1; `before` [B, 1, C, h, w] is the code before
        the first one, without which the first is drawn as the beginning of a clip."""
        if before is None:
            before = torch.zeros_like(code[:, :1])
        past = torch.cat([before, code[:, :-1]], 1)
        pairs = torch.cat([code, past], 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        frames = self.decoder(pairs).float() * 0.5 + 0.5
        frames = frames.unflatten(0, (len(code), -1)).unflatten(2, (self.cfg.frames, 3)).flatten(1, 2)
        return frames.permute(0, 1, 3, 4, 2)

    def _stat(self, t: Tensor) -> Tensor:
        return t.view(1, 1, -1, 1, 1)

    def encode(self, pixels: Tensor, state: State | None = None) -> Tensor:
        """Pixels [B, T, H, W, 3] in 0..1 to normalised latents [B, C, T/frames, H/spatial, W/spatial].

        Latents depend on nothing before them, so `state` is not used. Raises ValueError where T is no multiple of
        `frames_per_latent` or H, W are no multiples of `spatial`.
        """
        t, h, w = pixels.shape[1:4]
        per, side = self.frames_per_latent, self.spatial
        if t % per or h % side or w % side or not t:
            raise ValueError(f"cannot encode {t} frames of {w}x{h}: frames go by {per}, width and height by {side}")
        return ((self.code(pixels) - self._stat(self.mean)) / self._stat(self.std)).transpose(1, 2)

    def decode(self, latents: Tensor, state: State | None = None) -> Tensor:
        """Normalised latents [B, C, T, h, w] to pixels [B, frames*T, spatial*h, spatial*w, 3] in 0..1.

        `state` carries the last latent from one call to the next. Raises UsageError for latents of another shape: one
        channel would be taken for all of them.
        """
        if latents.ndim != 5 or latents.shape[1] != self.channels or not latents.numel():
            want = f"(batch, {self.channels}, time, height, width)"
            raise UsageError(f"cannot decode latents {tuple(latents.shape)}: this VAE wants {want}")
        code = latents.transpose(1, 2) * self._stat(self.std) + self._stat(self.mean)
        before = None if state is None else state.get("code")
        if state is not None:
            state["code"] = code[:, -1:].clone()
        return self.draw(code, before).clamp(0, 1)

    def encoder_stream(self) -> Callable[[Tensor], Tensor]:
        """A function that encodes one chunk after the other; together they equal one whole `encode`."""
        return self.encode

    def decoder_stream(self) -> Callable[[Tensor], Tensor]:
        """A function that decodes one chunk after the other; together they equal one whole `decode`."""
        state: State = {}
        return lambda latents: self.decode(latents, state)
