"""Video diffusion transformer over folded latents: 2x2 neighbours are one token, so a picture costs a quarter.

The same calls as those of `dit.VideoDiT`, and the same task: rectified flow with its own noise level, role and time position
for every latent frame, answered with the clean latents. It differs in what makes it quick to train on a CPU: folded
tokens, layer norms and attention in operations that are fast in bfloat16, and text only as what the adapter read
in it, one token a slot, in every third block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .adapter import NAMES, TextAdapter
from .dit import SIGMA_MIN, Context, frequencies, rotary
from .prompts.scene import NEWEST

WIDE = 512
"""Tokens from which on fused attention is faster than its parts."""


@dataclass(frozen=True)
class FoldedConfig:
    """Latent `channels`, of which `fold` x `fold` neighbours are one token; sizes of the transformer, `head` split over time,
    height and width as 16/24/24 of 64; `text` width of token states, `edition` of the vocabulary the adapter knows."""

    channels: int = 48
    fold: int = 2
    width: int = 384
    depth: int = 8
    head: int = 64
    text: int = 384
    edition: int = NEWEST


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

    def __init__(self, cfg: FoldedConfig, reads: bool):
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


class FoldedDiT(nn.Module):
    """Velocity of noisy latents, given text, a noise level, a role and a time position for every latent frame."""

    def __init__(self, cfg: FoldedConfig = FoldedConfig()):
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

    def context(self, states: Tensor, mask: Tensor, slots: Tensor | None = None) -> Context:
        """Text states [P, L, text] and mask [P, L] to what the blocks need; `slots` [P, S, W] where already known.

        The blocks see the slots alone, of which none is padding, so the context's `bias` is 0 everywhere.
        """
        if slots is None:
            slots = self.adapter(states, mask)
        slots = slots.to(self.slot_in.weight.dtype)
        tokens = self.slot_in(slots) + self.slot_place
        keys, values = zip(*(cast(Block, block).text(tokens) for block in self.blocks if block.reads), strict=True)
        bias = tokens.new_zeros(len(tokens), 1, 1, tokens.shape[1])
        return Context(list(keys), list(values), bias, self.pool(slots.flatten(1)))

    def forward(
        self, x: Tensor, sigma: Tensor, ctx: Context, prompt_index: Tensor, role: Tensor, position: Tensor, fps: Tensor
    ) -> Tensor:
        """Velocity eps - x0, [B, C, T, h, w]; see `dit.VideoDiT.forward` for what goes in."""
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
