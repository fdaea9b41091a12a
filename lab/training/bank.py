"""Latent bank: rendered, encoded and captioned clips that training draws from again and again while it grows."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.adapter import TextAdapter
from ...models.prompts.captions import caption, plain_caption
from ...models.prompts.scene import World
from ...models.text import TextEncoder
from ...models.vae import VideoVAE
from ..world.render import render, render_parts
from .text import encode_captions, pad_states

FEW = 2
"""Clips that a size can have for itself, however full the bank is of other sizes."""


@dataclass
class Clip:
    """Latents [C, T, h, w] (half), the share of each latent's pixels that a figure covers [T, h, w], one anchor latent
    [C, 1, h, w] from some seconds before, frame rate, and captions as (token states [L, 384], slots [S, W])."""

    latents: Tensor
    figures: Tensor
    anchor: Tensor
    fps: float
    captions: list[tuple[Tensor, Tensor]]


class Bank:
    """Clips by bucket (height, width) in pixels; `sizes` gives each bucket its share."""

    def __init__(
        self,
        world: World,
        vae: VideoVAE,
        text: TextEncoder,
        adapter: TextAdapter,
        device: torch.device,
        *,
        sizes: dict[tuple[int, int], float],
        latents: int = 8,
        capacity: int = 20000,
        seed: int = 0,
    ):
        self.world, self.vae, self.text, self.adapter, self.device = world, vae, text, adapter, device
        self.sizes, self.latents, self.capacity = sizes, latents, capacity
        self.rng = random.Random(seed)
        self.clips: dict[tuple[int, int], list[Clip]] = {s: [] for s in sizes}
        self.empty = self._captions([""])[0]

    def _captions(self, prompts: list[str]) -> list[tuple[Tensor, Tensor]]:
        states = encode_captions(self.text, prompts)
        with torch.no_grad():
            slots = self.adapter(*pad_states(states, self.device)).half()
        return list(zip(states, slots, strict=True))

    @torch.no_grad()
    def add(self, n: int) -> None:
        """Render and encode n clips of one size, each with two captions: one in any words, and the plain one."""
        size = self.rng.choices(list(self.sizes), list(self.sizes.values()))[0]
        per = self.vae.frames_per_latent
        fps = self.rng.choices((8.0, 12.0, 16.0), (70, 15, 15))[0]
        start = self.rng.choice((0.0, self.rng.uniform(0.0, 60.0)))
        scenes = [self.world.sample(self.rng.randrange(10_000_000)) for _ in range(n)]
        lead = 2 * per if self.vae.cfg.encoder_net else 0  # a VAE with memory has seen a past in a long take
        clips, figures = render_parts(scenes, per * self.latents + lead, *size, fps, start=start - lead / fps, device=self.device)
        anchors = render(
            scenes, lead // 2 + per, *size, fps, start=max(0.0, start - self.rng.uniform(2.0, 60.0)), device=self.device
        )
        z = self.vae.encode(clips)[:, :, lead // per :].half()
        a = self.vae.encode(anchors)[:, :, -1:].half()
        grid = (per, self.vae.spatial, self.vae.spatial)
        f = F.avg_pool3d(figures[:, lead:].float()[:, None], grid)[:, 0].half()
        said = [c.text for s in scenes for c in (caption(s, self.rng.randrange(2**40)), plain_caption(s))]
        words = self._captions(said)
        for i in range(n):
            clip = Clip(z[i].contiguous(), f[i], a[i].contiguous(), fps, words[2 * i : 2 * i + 2])
            kept = self.clips[size]
            if sum(len(c) for c in self.clips.values()) < self.capacity:
                kept.append(clip)
            elif len(kept) < FEW:
                fullest = max(self.clips.values(), key=len)
                fullest.pop(self.rng.randrange(len(fullest)))
                kept.append(clip)
            else:
                kept[self.rng.randrange(len(kept))] = clip

    def restart(self, latents: int) -> None:
        """Forget all clips; from now on each is `latents` long."""
        self.latents = latents
        self.clips = {s: [] for s in self.clips}

    def fill(self, seconds: float, least: int = 1) -> None:
        """Add clips until every bucket has `least` of them and the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or any(len(c) < least for c in self.clips.values()):
            self.add(4)

    def draw(self, tokens: int, longest: int, drop: float = 0.1) -> tuple[list[Clip], list[slice], list[tuple[Tensor, Tensor]]]:
        """A batch of about `tokens` tokens: clips of one size, a time window each of one length, a caption each."""
        size = self.rng.choices(list(self.sizes), [w * bool(self.clips[s]) for s, w in self.sizes.items()])[0]
        frames = self.rng.randint(1, longest)
        area = size[0] * size[1] // self.vae.spatial**2
        batch = max(1, round(tokens / (area * frames)))
        clips = [self.rng.choice(self.clips[size]) for _ in range(batch)]
        starts = [self.rng.randrange(self.latents - frames + 1) for _ in clips]
        words = [self.empty if self.rng.random() < drop else self.rng.choice(c.captions) for c in clips]
        return clips, [slice(s, s + frames) for s in starts], words
