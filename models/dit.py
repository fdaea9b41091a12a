"""Video diffusion transformer with its own noise level for every latent frame, over folded latents.

Full attention over all latents of a window, rectified flow (velocity eps - x0, computed from a prediction of the clean
latents, so that a narrow net need not carry the noise: "Back to Basics", arXiv 2511.13720), adaLN-single (PixArt-alpha,
arXiv 2310.00426; Wan adds a learned bias a block), normed queries and keys, rotary positions in time, height and width.
One noise level a frame follows Diffusion Forcing (arXiv 2407.01392): context frames are simply frames at noise level
near 0.

2x2 neighbouring latents are one token, so a picture costs a quarter. Layer norms and attention are of operations that are
fast in bfloat16 on a CPU. Text is known by what the adapter read in it, one token a slot, in every third block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .adapter import NAMES, TextAdapter
from .prompts.scene import NEWEST

SIGMA_MIN = 0.05
"""Below this noise level the velocity is damped, so that its loss stays bounded."""
WIDE = 512
"""Tokens from which on fused attention is faster than its parts."""


@dataclass(frozen=True)
class DiTConfig:
    """Latent `channels`, of which `fold` x `fold` neighbours are one token; sizes of the transformer, `head` split over time,
    height and width as 16/24/24 of 64; `text` width of token states, `edition` of the vocabulary the adapter knows."""

    channels: int = 24
    fold: int = 2
    width: int = 384
    depth: int = 8
    head: int = 64
    text: int = 384
    edition: int = NEWEST


@dataclass
class Context:
    """Text of P prompts, computed once: keys and values [P, heads, S, head] of every block that reads, and one vector a prompt
    [P, width] for the modulation."""

    keys: list[Tensor]
    values: list[Tensor]
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


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention of q [B, heads, N, head] to k, v [B, heads, M, head], joined to [B, N, heads * head]."""
    if k.shape[2] >= WIDE:
        y = F.scaled_dot_product_attention(q, k, v)
    else:
        y = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1) @ v
    return y.transpose(1, 2).flatten(2)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the two halves of the last axis (RoPE, arXiv 2104.09864), in the precision of x."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Scale(nn.Module):
    """Layer norm over the last axis with a learned scale."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight)


class Block(nn.Module):
    """Self-attention, attention to the text where `reads`, MLP; the first and last are modulated a frame.

    Every part begins as nothing, with its gate open. The MLP squares what is positive (Primer, arXiv 2109.08668): as good as
    GELU, whose exponentials take a sixth of a training step on a CPU.
    """

    def __init__(self, cfg: DiTConfig, reads: bool):
        super().__init__()
        d = cfg.width
        self.heads, self.head, self.reads = d // cfg.head, cfg.head, reads
        self.qkv, self.proj = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d)
        self.norm_q, self.norm_k = Scale(cfg.head), Scale(cfg.head)
        if reads:
            self.q_text, self.kv_text = nn.Linear(d, d, bias=False), nn.Linear(d, 2 * d, bias=False)
            self.proj_text, self.norm_text = nn.Linear(d, d), Scale(d)
            self.norm_qt, self.norm_kt = Scale(cfg.head), Scale(cfg.head)
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.bias = nn.Parameter(torch.zeros(6 * d))
        for layer in (self.proj, self.down, *([self.proj_text] if reads else [])):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def text(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [P, heads, L, head] of text tokens [P, L, d]."""
        k, v = self.kv_text(tokens).unflatten(-1, (2, self.heads, self.head)).permute(2, 0, 3, 1, 4)
        return self.norm_kt(k), v

    def forward(self, x: Tensor, mod: Tensor, rope: tuple[Tensor, Tensor], text: tuple[Tensor, Tensor] | None) -> Tensor:
        """x [B, T, S, d], mod [B, T, 6d], rope [B, 1, T*S, head/2], text keys and values a frame [B*T, heads, L, head]."""
        b, t, s, d = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = (mod + self.bias)[:, :, None].chunk(6, -1)
        y = F.layer_norm(x, (d,)) * (1 + scale1) + shift1
        q, k, v = self.qkv(y.flatten(1, 2)).unflatten(-1, (3, self.heads, self.head)).permute(2, 0, 3, 1, 4)
        y = attend(rotate(self.norm_q(q), *rope), rotate(self.norm_k(k), *rope), v)
        x = x + (1 + gate1) * self.proj(y).unflatten(1, (t, s))
        if text is not None:
            q = self.q_text(self.norm_text(x).flatten(0, 1)).unflatten(-1, (self.heads, self.head)).transpose(1, 2)
            x = x + self.proj_text(attend(self.norm_qt(q), *text)).unflatten(0, (b, t))
        y = F.layer_norm(x, (d,)) * (1 + scale2) + shift2
        return x + (1 + gate2) * self.down(F.relu(self.up(y)).square())


class VideoDiT(nn.Module):
    """Velocity of noisy latents, given text, a noise level, a role and a time position for every latent frame."""

    def __init__(self, cfg: DiTConfig = DiTConfig()):
        super().__init__()
        self.cfg = cfg
        d, cell = cfg.width, cfg.channels * cfg.fold**2
        self.adapter = TextAdapter(cfg.text, edition=cfg.edition)
        self.embed = nn.Linear(cell, d)
        self.time = nn.Sequential(nn.Linear(256, d), nn.SiLU(), nn.Linear(d, d))
        self.rate = nn.Sequential(nn.Linear(64, d), nn.SiLU(), nn.Linear(d, d))
        self.role = nn.Embedding(3, d)
        self.slot_in = nn.Linear(self.adapter.width, d)
        self.slot_place = nn.Parameter(0.5 * torch.randn(len(NAMES), d))
        self.pool = nn.Sequential(nn.Linear(len(NAMES) * self.adapter.width, d), nn.SiLU(), nn.Linear(d, d))
        self.modulate = nn.Linear(d, 6 * d)
        self.blocks = nn.ModuleList(Block(cfg, k % 3 == 0) for k in range(cfg.depth))
        self.last_mod, self.out = nn.Linear(d, 2 * d), nn.Linear(d, cell)
        for layer in (self.modulate, self.last_mod, self.out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.normal_(self.role.weight, std=0.02)

    def context(self, states: Tensor, mask: Tensor) -> Context:
        """Text states [P, L, text] and mask [P, L] to what the blocks need."""
        return self.context_of(self.adapter(states, mask))

    def context_of(self, slots: Tensor) -> Context:
        """What the blocks need of prompts that the adapter has read already, slots [P, S, W]."""
        slots = slots.to(self.slot_in.weight.dtype)
        tokens = self.slot_in(slots) + self.slot_place
        keys, values = zip(*(cast(Block, block).text(tokens) for block in self.blocks if block.reads), strict=True)
        return Context(list(keys), list(values), self.pool(slots.flatten(1)))

    def forward(
        self, x: Tensor, sigma: Tensor, ctx: Context, prompt_index: Tensor, role: Tensor, position: Tensor, fps: Tensor
    ) -> Tensor:
        """Velocity eps - x0, [B, C, T, h, w].

        x [B, C, T, h, w] noisy latents; sigma [B, T] in 0..1; prompt_index [B, T] rows of `ctx`; role [B, T] of TARGET,
        CONTEXT, ANCHOR; position [B, T] in latent frames from the window's first target; fps [B].
        """
        b, _, t, h, w = x.shape
        fold, dtype = self.cfg.fold, self.embed.weight.dtype
        rows = prompt_index.flatten()
        c = self.time(frequencies(sigma, 256).to(dtype)) + self.role(role) + ctx.pooled[rows].unflatten(0, (b, t))
        c = F.silu(c + self.rate(frequencies(fps / 16, 64).to(dtype))[:, None])
        mod = self.modulate(c)
        frames = F.pad(x.transpose(1, 2).flatten(0, 1), (0, -w % fold, 0, -h % fold), mode="replicate")
        cells = F.pixel_unshuffle(frames, fold)  # [B*T, C*fold*fold, rows, columns]
        rope = rotary(position, cells.shape[2], cells.shape[3], self.cfg.head)
        cos, sin = (part.to(dtype) for part in rope)
        y = self.embed(cells.flatten(2).transpose(1, 2).to(dtype)).unflatten(0, (b, t))
        texts = iter(zip(ctx.keys, ctx.values, strict=True))
        for block in self.blocks:
            text = None
            if block.reads:
                key, value = next(texts)
                text = key[rows].to(dtype), value[rows].to(dtype)
            y = block(y, mod, (cos, sin), text)
        shift, scale = self.last_mod(c)[:, :, None].chunk(2, -1)
        y = self.out(F.layer_norm(y, (y.shape[-1],)) * (1 + scale) + shift).to(x.dtype)
        clean = F.pixel_shuffle(y.flatten(0, 1).transpose(1, 2).unflatten(2, cells.shape[2:]), fold)[..., :h, :w]
        clean = clean.unflatten(0, (b, t)).transpose(1, 2)
        return (x - clean) / sigma.to(x.dtype).clamp_min(SIGMA_MIN)[:, None, :, None, None]
