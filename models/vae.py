"""Video VAE: 4 frames x 16 x 16 pixels to one latent of 128 channels, streaming exactly in both directions.

2-D convolutions with one frame of memory per block, after TAEHV (madebyollin/taehv): a block sees its input and the
frame before it, time is halved and doubled by 1x1 convolutions over pairs of frames. Every latent stands for exactly
4 frames, the first one too, so latents can be moved, looped and extended backwards. Before the first frame the memory
holds that frame itself. A fixed linear pair (principal components of 4x16x16 patches) carries the coarse picture, so
that the nets only learn what a linear code cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UsageError
from .deblock import deblock, smooth_tiles

State = dict[int, Tensor]
WARM = 2
"""Latents after which a decoder that began there shows what one that began earlier does, as far as the eye can tell."""


@dataclass(frozen=True)
class VAEConfig:
    """Latent channels, and how many of them the linear code starts with; whether the encoder has a net beside the linear
    code; widths at 1/4, 1/8 and 1/16 of the frame; memory blocks a decoder level."""

    channels: int = 128
    linear: int = 128
    encoder_net: bool = False
    widths: tuple[int, int, int] = (64, 128, 192)
    depth: int = 2


class PixelNorm(nn.Module):
    """RMS norm over the channels of every pixel, so that streaming stays exact. [N, C, h, w] to the same."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        return F.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), 1e-5).permute(0, 3, 1, 2)


class Memory(nn.Module):
    """Residual block over [current, previous] frame: y = x + f([x_t, x_{t-1}]). [B, T, C, h, w] to the same."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = PixelNorm(2 * width)
        self.conv1 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv3.weight)
        assert self.conv3.bias is not None  # for torch's stubs
        nn.init.zeros_(self.conv3.bias)

    def forward(self, x: Tensor, state: State | None) -> Tensor:
        first = x[:, :1]
        if state is not None:
            first = state.get(id(self), first)
            state[id(self)] = x[:, -1:]
        past = torch.cat([first, x[:, :-1]], 1)
        y = per_frame(lambda f: self.conv3(F.silu(self.conv2(F.silu(self.conv1(self.norm(f)))))), torch.cat([x, past], 2))
        return x + y


class Pool(nn.Module):
    """Pairs of frames to one: [B, T, C, h, w] to [B, T/2, C, h, w]."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c, h, w = x.shape
        return per_frame(self.conv, x.reshape(b, t // 2, 2 * c, h, w))


class Grow(nn.Module):
    """One frame to a pair: [B, T, C, h, w] to [B, 2T, C, h, w]."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(width, 2 * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c, h, w = x.shape
        return per_frame(self.conv, x).reshape(b, 2 * t, c, h, w)


def per_frame(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a 2-D map to every frame of [B, T, C, h, w]."""
    b, t = x.shape[:2]
    y = f(x.reshape(b * t, *x.shape[2:]).contiguous(memory_format=torch.channels_last))
    return y.reshape(b, t, *y.shape[1:])


class Encoder(nn.Module):
    """Pixels [B, T, 3, H, W] in -1..1 to latents [B, T/4, C, H/16, W/16]."""

    def __init__(self, cfg: VAEConfig):
        super().__init__()
        a, b, c = cfg.widths
        self.base = nn.Linear(3072, cfg.channels)
        self.net = cfg.encoder_net
        if not self.net:
            return
        self.stem = nn.Conv2d(48, a, 3, padding=1)
        self.down1 = nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.block1, self.pool1 = Memory(b), Pool(b)
        self.down2 = nn.Conv2d(b, c, 3, stride=2, padding=1)
        self.block2, self.pool2 = Memory(c), Pool(c)
        self.block3 = Memory(c)
        self.out = nn.Conv2d(c, cfg.channels, 3, padding=1)

    def forward(self, x: Tensor, state: State | None) -> Tensor:
        b, t, _, h, w = x.shape
        flat = x.reshape(b, t // 4, 12, h, w)
        base = per_frame(lambda f: self.base(F.pixel_unshuffle(f, 16).permute(0, 2, 3, 1)).permute(0, 3, 1, 2), flat)
        if not self.net:
            return base
        x = per_frame(lambda f: self.down1(self.stem(F.pixel_unshuffle(f, 4))), x)
        x = self.pool1(self.block1(x, state))
        x = self.pool2(self.block2(per_frame(self.down2, x), state))
        return base + per_frame(self.out, self.block3(x, state))


class Decoder(nn.Module):
    """Latents [B, T, C, h, w] to pixels [B, 4T, 3, 16h, 16w] in about -1..1."""

    def __init__(self, cfg: VAEConfig):
        super().__init__()
        a, b, c = cfg.widths
        self.stem = nn.Conv2d(cfg.channels, c, 3, padding=1)
        self.blocks3 = nn.ModuleList(Memory(c) for _ in range(cfg.depth))
        self.grow3, self.up3 = Grow(c), nn.Conv2d(c, 4 * b, 1)
        self.blocks2 = nn.ModuleList(Memory(b) for _ in range(cfg.depth))
        self.grow2, self.up2 = Grow(b), nn.Conv2d(b, 4 * a, 1)
        self.blocks1 = nn.ModuleList(Memory(a) for _ in range(cfg.depth))
        self.out = nn.Conv2d(a, 48, 3, padding=1)
        self.base = nn.Linear(cfg.channels, 3072)

    def forward(self, z: Tensor, state: State | None) -> Tensor:
        b, t, _, h, w = z.shape
        base = per_frame(lambda f: F.pixel_shuffle(self.base(f.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), 16), z)
        x = per_frame(self.stem, z)
        for block in self.blocks3:
            x = block(x, state)
        x = per_frame(lambda f: F.pixel_shuffle(self.up3(f), 2), self.grow3(x))
        for block in self.blocks2:
            x = block(x, state)
        x = per_frame(lambda f: F.pixel_shuffle(self.up2(f), 2), self.grow2(x))
        for block in self.blocks1:
            x = block(x, state)
        return base.reshape(b, 4 * t, 3, 16 * h, 16 * w) + per_frame(lambda f: F.pixel_shuffle(self.out(f), 4), x)


class VideoVAE(nn.Module):
    """The pair of nets and the latent statistics that bring latents to mean 0, deviation 1 a channel."""

    frames_per_latent = 4
    spatial = 16
    mean: Tensor
    std: Tensor

    def __init__(self, cfg: VAEConfig = VAEConfig()):
        super().__init__()
        self.cfg, self.channels = cfg, cfg.channels
        self.encoder, self.decoder = Encoder(cfg), Decoder(cfg)
        for m in self.modules():  # blocks start as identity, so the chain must carry a signal of unit size by itself
            if isinstance(m, nn.Conv2d) and m.weight.any():
                nn.init.orthogonal_(m.weight, 1.3 if m.kernel_size[0] == 3 else 1.0)
                assert m.bias is not None  # for torch's stubs
                nn.init.zeros_(m.bias)
        if cfg.encoder_net:
            nn.init.zeros_(self.encoder.out.weight.data[: cfg.linear])
        nn.init.zeros_(self.decoder.out.weight)
        self.encoder.base.requires_grad_(False)
        self.decoder.base.requires_grad_(False)
        self.register_buffer("mean", torch.zeros(cfg.channels))
        self.register_buffer("std", torch.ones(cfg.channels))
        cast(Any, self).to(memory_format=torch.channels_last)  # torch's stubs lack this argument

    @torch.no_grad()
    def fit_base(self, pixels: Tensor) -> None:
        """Set the linear pair to the half-whitened principal components of the patches of pixels [B, T, H, W, 3] in 0..1."""
        x = pixels.permute(0, 1, 4, 2, 3) * 2 - 1
        b, t, _, h, w = x.shape
        rows = F.pixel_unshuffle(x.reshape(b * t // 4, 12, h, w), 16).permute(0, 2, 3, 1).reshape(-1, 3072)
        mean = rows.mean(0)
        n = self.cfg.linear
        _, s, v = torch.svd_lowrank(rows - mean, q=n + 16, niter=4)
        v, s = v[:, :n], (s[:n] / len(rows) ** 0.5).sqrt()  # half whitened: fine detail stays smaller than coarse
        for layer in (self.encoder.base, self.decoder.base):
            layer.weight.zero_()
            layer.bias.zero_()
        self.encoder.base.weight[:n] = (v / s).T
        self.encoder.base.bias[:n] = -(mean @ v) / s
        self.decoder.base.weight[:, :n] = v * s
        self.decoder.base.bias.copy_(mean)

    def _stat(self, t: Tensor) -> Tensor:
        return t.view(1, -1, 1, 1, 1)

    def encode(self, pixels: Tensor, state: State | None = None) -> Tensor:
        """Pixels [B, T, H, W, 3] in 0..1 to normalised latents [B, C, T/4, H/16, W/16].

        Raises ValueError where T is no multiple of 4 or H, W no multiples of 16.
        """
        t, h, w = pixels.shape[1:4]
        if t % 4 or h % 16 or w % 16 or not t:
            raise ValueError(f"cannot encode {t} frames of {w}x{h}: frames go by 4, width and height by 16")
        z = self.encoder(pixels.permute(0, 1, 4, 2, 3) * 2 - 1, state).transpose(1, 2)
        return (z - self._stat(self.mean)) / self._stat(self.std)

    def decode(self, latents: Tensor, state: State | None = None) -> Tensor:
        """Normalised latents [B, C, T, h, w] to pixels [B, 4T, 16h, 16w, 3] in 0..1.

        Raises UsageError for latents of another shape: one channel would be taken for all of them.
        """
        if latents.ndim != 5 or latents.shape[1] != self.channels or not latents.numel():
            want = f"(batch, {self.channels}, time, height, width)"
            raise UsageError(f"cannot decode latents {tuple(latents.shape)}: this VAE wants {want}")
        z = (latents * self._stat(self.std) + self._stat(self.mean)).transpose(1, 2)
        frames = smooth_tiles((self.decoder(z, state) * 0.5 + 0.5).clamp(0, 1), self.spatial)
        past = None
        if state is not None:
            past = state.get(id(self))
            state[id(self)] = frames[:, -2:].clone()
        return deblock(frames, self.frames_per_latent, past).permute(0, 1, 3, 4, 2)

    def encoder_stream(self) -> Callable[[Tensor], Tensor]:
        """A function that encodes one chunk after the other; together they equal one whole `encode`."""
        state: State = {}
        return lambda pixels: self.encode(pixels, state)

    def decoder_stream(self) -> Callable[[Tensor], Tensor]:
        """A function that decodes one chunk after the other; together they equal one whole `decode`."""
        state: State = {}
        return lambda latents: self.decode(latents, state)
