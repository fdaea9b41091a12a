"""Video diffusion transformer with its own noise level for every latent frame.

Full attention over all latents of a window, rectified flow (velocity eps - x0, computed from a prediction of the clean
latents, so that a narrow net need not carry the noise: "Back to Basics", arXiv 2511.13720), adaLN-single (PixArt-alpha,
arXiv 2310.00426; Wan adds a learned bias a block), RMS norm on queries and keys, value residual (arXiv 2410.17897),
rotary positions in time, height and width, cross-attention to text. One noise level a frame follows Diffusion Forcing
(arXiv 2407.01392): context frames are simply frames at noise level near 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .adapter import SLOTS, TextAdapter
from .prompts.scene import NEWEST

SIGMA_MIN = 0.05
"""Below this noise level the velocity is damped, so that its loss stays bounded."""


@dataclass(frozen=True)
class DiTConfig:
    """Sizes of the transformer; `head` is split over time, height and width as 16/24/24 of 64; `edition` is that of the
    vocabulary its text adapter knows."""

    channels: int = 128
    width: int = 256
    depth: int = 6
    head: int = 64
    text: int = 384
    edition: int = NEWEST


@dataclass
class Context:
    """Text of P prompts, computed once: per block keys and values [P, heads, L, head], `bias` [P, 1, 1, L] (0 or -inf),
    and one vector a prompt [P, width] for the modulation."""

    keys: list[Tensor]
    values: list[Tensor]
    bias: Tensor
    pooled: Tensor


def frequencies(value: Tensor, size: int, scale: float = 1000.0) -> Tensor:
    """Sinusoidal features [..., size] of a scalar (Vaswani et al. 2017)."""
    f = torch.exp(-math.log(10000.0) * torch.arange(size // 2, device=value.device) / (size // 2))
    a = value[..., None].float() * scale * f
    return torch.cat([a.cos(), a.sin()], -1)


def rotary(position: Tensor, h: int, w: int, head: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines [B, 1, T*h*w, head/2] of the three axes.

    Height and width are measured in tenths of the frame height from its centre, so a picture means the same at any
    resolution; time is measured in latent frames as given by `position` [B, T].
    """
    b, t = position.shape
    dev = position.device
    y = ((torch.arange(h, device=dev) + 0.5) / h - 0.5) * 10
    x = (torch.arange(w, device=dev) + 0.5 - w / 2) / h * 10
    nt, ns = head // 8, 3 * head // 16
    ft = 100.0 ** (-torch.arange(nt, device=dev) / nt)
    fs = math.pi * 100.0 ** (-torch.arange(ns, device=dev) / ns)
    at = (position.float()[..., None] * ft)[:, :, None, None].expand(b, t, h, w, nt)
    ay = (y[:, None] * fs).view(1, 1, h, 1, ns).expand(b, t, h, w, ns)
    ax = (x[:, None] * fs).view(1, 1, 1, w, ns).expand(b, t, h, w, ns)
    a = torch.cat([at, ay, ax], -1).reshape(b, 1, t * h * w, head // 2)
    return a.cos(), a.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the two halves of the last axis (RoPE, arXiv 2104.09864)."""
    a, b = x.float().chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


class Norm(nn.Module):
    """RMS norm with a learned scale, in whatever precision its input has."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], eps=1e-6) * self.weight.to(x.dtype)


class Block(nn.Module):
    """Self-attention, cross-attention to the text, SwiGLU; the first and last are modulated a frame."""

    def __init__(self, cfg: DiTConfig):
        super().__init__()
        d = cfg.width
        hidden = 32 * round(d * 8 / 3 / 32)
        self.heads, self.head = d // cfg.head, cfg.head
        self.qkv, self.proj = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d)
        self.q_text, self.kv_text, self.proj_text = (
            nn.Linear(d, d, bias=False),
            nn.Linear(d, 2 * d, bias=False),
            nn.Linear(d, d),
        )
        self.up, self.down = nn.Linear(d, 2 * hidden, bias=False), nn.Linear(hidden, d)
        self.norm_q, self.norm_k = Norm(cfg.head), Norm(cfg.head)
        self.norm_qt, self.norm_kt = Norm(cfg.head), Norm(cfg.head)
        self.norm_text = Norm(d)
        self.bias = nn.Parameter(torch.zeros(6 * d))
        self.mix = nn.Parameter(torch.tensor(0.5))
        for layer in (self.proj_text,):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def text(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [P, heads, L, head] of text tokens [P, L, d]."""
        k, v = self.kv_text(tokens).unflatten(-1, (2, self.heads, self.head)).permute(2, 0, 3, 1, 4)
        return self.norm_kt(k), v

    def forward(
        self,
        x: Tensor,
        mod: Tensor,
        rope: tuple[Tensor, Tensor],
        text: tuple[Tensor, Tensor, Tensor],
        first: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        b, t, s, d = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = (mod + self.bias)[:, :, None].chunk(6, -1)
        y = F.rms_norm(x, (d,), eps=1e-6) * (1 + scale1) + shift1
        q, k, v = self.qkv(y.flatten(1, 2)).unflatten(-1, (3, self.heads, self.head)).permute(2, 0, 3, 1, 4)
        v = v if first is None else v + self.mix * (first - v)
        q, k = rotate(self.norm_q(q), *rope), rotate(self.norm_k(k), *rope)
        y = F.scaled_dot_product_attention(q, k, v)
        x = x + gate1 * self.proj(y.transpose(1, 2).flatten(2)).unflatten(1, (t, s))
        key, value, bias = text
        q = self.norm_qt(self.q_text(self.norm_text(x)).flatten(0, 1).unflatten(-1, (self.heads, self.head)).transpose(1, 2))
        y = F.scaled_dot_product_attention(q, key.to(q.dtype), value.to(q.dtype), attn_mask=bias.to(q.dtype))
        x = x + self.proj_text(y.transpose(1, 2).flatten(2)).unflatten(0, (b, t))
        y = F.rms_norm(x, (d,), eps=1e-6) * (1 + scale2) + shift2
        a, g = self.up(y).chunk(2, -1)
        return x + gate2 * self.down(a * F.silu(g)), v if first is None else first


class VideoDiT(nn.Module):
    """Velocity of noisy latents, given text, a noise level, a role and a time position for every latent frame."""

    def __init__(self, cfg: DiTConfig = DiTConfig()):
        super().__init__()
        self.cfg = cfg
        d = cfg.width
        self.adapter = TextAdapter(cfg.text, edition=cfg.edition)
        self.embed = nn.Linear(cfg.channels, d)
        self.time = nn.Sequential(nn.Linear(256, d), nn.SiLU(), nn.Linear(d, d))
        self.rate = nn.Sequential(nn.Linear(64, d), nn.SiLU(), nn.Linear(d, d))
        self.role = nn.Embedding(3, d)
        self.text_in = nn.Sequential(Norm(cfg.text), nn.Linear(cfg.text, d))
        self.slot_in = nn.Linear(self.adapter.width, d)
        self.slot_place = nn.Parameter(0.5 * torch.randn(len(SLOTS), d))
        self.pool = nn.Sequential(nn.Linear(len(SLOTS) * self.adapter.width, d), nn.SiLU(), nn.Linear(d, d))
        self.modulate = nn.Linear(d, 6 * d)
        blocks = [Block(cfg) for _ in range(cfg.depth)]
        self.blocks = nn.ModuleList(blocks)
        self.last_mod, self.out = nn.Linear(d, 2 * d), nn.Linear(d, cfg.channels)
        for layer in (self.modulate, self.last_mod, self.out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():  # gates start open a little, so that every block learns from the first step
            for block in blocks:
                block.bias.view(6, d)[[2, 5]] = 0.3
        nn.init.normal_(self.role.weight, std=0.02)

    def context(self, states: Tensor, mask: Tensor, slots: Tensor | None = None) -> Context:
        """Text states [P, L, 384] and mask [P, L] to what the blocks need; `slots` [P, S, W] where already known."""
        if slots is None:
            slots = self.adapter(states, mask)
        tokens = torch.cat([self.slot_in(slots) + self.slot_place, self.text_in(states)], 1)
        keep = torch.cat([mask.new_ones(len(mask), slots.shape[1]), mask], 1)
        bias = torch.zeros(keep.shape, device=states.device).masked_fill(~keep, float("-inf"))[:, None, None]
        keys, values = zip(*(cast(Block, block).text(tokens) for block in self.blocks), strict=True)
        return Context(list(keys), list(values), bias, self.pool(slots.flatten(1)))

    def forward(
        self, x: Tensor, sigma: Tensor, ctx: Context, prompt_index: Tensor, role: Tensor, position: Tensor, fps: Tensor
    ) -> Tensor:
        """Velocity eps - x0, [B, C, T, h, w].

        x [B, C, T, h, w] noisy latents; sigma [B, T] in 0..1; prompt_index [B, T] rows of `ctx`; role [B, T] of TARGET,
        CONTEXT, ANCHOR; position [B, T] in latent frames from the window's first target; fps [B].
        """
        b, _, t, h, w = x.shape
        rows = prompt_index.flatten()
        c = self.time(frequencies(sigma, 256).to(x.dtype)) + self.role(role) + ctx.pooled[rows].view(b, t, -1)
        c = F.silu(c + self.rate(frequencies(fps / 16, 64).to(x.dtype))[:, None])
        mod = self.modulate(c)
        rope = rotary(position, h, w, self.cfg.head)
        y = self.embed(x.permute(0, 2, 3, 4, 1).flatten(2, 3))
        bias, first = ctx.bias[rows], None
        for block, key, value in zip(self.blocks, ctx.keys, ctx.values, strict=True):
            y, first = block(y, mod, rope, (key[rows], value[rows], bias), first)
        shift, scale = self.last_mod(c)[:, :, None].chunk(2, -1)
        y = self.out(F.rms_norm(y, (y.shape[-1],), eps=1e-6) * (1 + scale) + shift)
        clean = y.unflatten(2, (h, w)).permute(0, 4, 1, 2, 3)
        return (x - clean) / sigma.to(x.dtype).clamp_min(SIGMA_MIN)[:, None, :, None, None]
