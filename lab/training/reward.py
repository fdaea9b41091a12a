"""Training on what the transformer's own samples show: reward feedback learning (ReFL, ImageReward, arXiv 2304.05977).

Samples are begun without gradients, as the sampler begins them; at a random step the clean latents are predicted with
gradients, and the judge of latents says how well they show what the prompt asks for.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from ...engine.noise_matrix import schedule
from ...engine.roles import TARGET
from ...models.dit import VideoDiT
from ...models.prompts.captions import caption
from ...models.prompts.scene import World
from ...models.text import TextEncoder
from ...models.vae import VideoVAE
from .judge import LATENTS, SIZES, Judge, still, still_maps
from .patterns import SHIFT
from .reader import labels
from .text import encode_captions, pad_states

STEPS = 8
"""Steps of a whole sample; half the sampler's, which begins alike."""
FIRST = 3
"""First step whose prediction is judged: earlier ones (noise level above 0.8) show too little."""
LONG = 0.3
"""Share of samples of twice the judged length, of which either half is judged."""
STAY = 1.0
"""Weight of the squared distance from what the reference predicts."""


@dataclass(frozen=True)
class Reward:
    """What samples are judged by, and the weights they must not stray far from."""

    judge: Judge
    reference: VideoDiT
    world: World
    text: TextEncoder
    vae: VideoVAE

    def loss(self, model: VideoDiT, rng: random.Random, tokens: int, dtype: torch.dtype) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch of about `tokens` latent tokens; the share of attributes that the judge finds right, and that
        where latents stand still, so that what moves must do so from one latent to the next."""
        device = next(model.parameters()).device
        height, width = rng.choices(list(SIZES), list(SIZES.values()))[0]
        h, w = height // self.vae.spatial, width // self.vae.spatial
        t = 2 * LATENTS if rng.random() < LONG else LATENTS
        b = max(1, round(tokens / (t * h * w)))
        single = World(**{**self.world.__dict__, "max_subjects": 1})
        scenes = [single.sample(rng.randrange(10_000_000)) for _ in range(b)]
        captions = [caption(scene, rng.randrange(2**40)) for scene in scenes]
        maps = still_maps(self.vae)
        states, mask = pad_states(encode_captions(self.text, [c.text for c in captions]), device)
        with torch.no_grad():
            slots = model.adapter(states, mask)
        rows = torch.arange(b, device=device)[:, None].expand(b, t)
        role, position = torch.full_like(rows, TARGET), torch.arange(t, device=device).repeat(b, 1).float()
        fps = torch.full((b,), 8.0, device=device)
        levels = schedule(STEPS, SHIFT).to(device)
        stop = rng.randrange(FIRST, STEPS)
        x = torch.randn(b, model.cfg.channels, t, h, w, device=device)

        def velocity(net: VideoDiT, x: Tensor, level: Tensor, context: object) -> Tensor:
            return net(x, level.expand(b, t), context, rows, role, position, fps).float()

        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            with torch.no_grad():
                context = model.context(states, mask, slots)
                for now, then in pairwise(levels[: stop + 1]):
                    x = x + (then - now) * velocity(model, x, now, context)
                level = levels[stop]
                before = velocity(self.reference, x, level, self.reference.context(states, mask, slots))
            v = velocity(model, x, level, model.context(states, mask, slots))
            clean = x - level * v
            first = rng.choice((0, t - LATENTS))
            seen = clean[:, :, first : first + LATENTS]
            whole, views = self.judge(seen), self.judge(still(maps, seen, rng.randrange(len(maps))))
        target = labels(scenes, device)
        losses, hits = [], []
        for name, score in [*whole.items(), *views.items()]:
            said = torch.tensor([name in c.said for c in captions], device=device)
            if said.any():
                wanted = target[name][said]
                losses.append(F.cross_entropy(score.float()[said], wanted, label_smoothing=0.05))
                hits.append(float((score[said].argmax(1) == wanted).float().mean()))
        stay = (level * (v - before)).square().mean()
        half = len(hits) // 2
        figures = {"right": sum(hits[:half]) / half, "apart": sum(hits[half:]) / half}
        return torch.stack(losses).mean() + STAY * stay, figures
