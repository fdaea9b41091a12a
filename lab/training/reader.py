"""Training the attribute reader on renders."""

from __future__ import annotations

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.prompts.scene import ATTRIBUTES, NEWEST, World
from ..world.reader import FRAMES, HEIGHT, Reader, fit
from ..world.render import render
from .run import Run, fastest_dtype

ASPECTS = ((64, 96), (64, 104), (64, 64), (96, 64))


def labels(scenes: list, device: torch.device) -> dict[str, Tensor]:
    """Class indices [B] by attribute."""
    rows = [s.labels() for s in scenes]
    return {k: torch.tensor([r[k] for r in rows], device=device) for k in ATTRIBUTES}


def damage(x: Tensor, rng: random.Random) -> Tensor:
    """What video from a VAE or a diffusion model may look like: softer, a little noisy, a little off in colour."""
    if rng.random() < 0.5:
        f = rng.uniform(0.4, 0.9)
        b, t, h, w, _ = x.shape
        y = x.flatten(0, 1).permute(0, 3, 1, 2)
        y = F.interpolate(y, size=(max(8, int(h * f)), max(8, int(w * f))), mode="bilinear", antialias=True)
        x = F.interpolate(y, size=(h, w), mode="bilinear").permute(0, 2, 3, 1).unflatten(0, (b, t))
    if rng.random() < 0.5:
        x = x + rng.uniform(0, 0.04) * torch.randn_like(x)
    return (x * rng.uniform(0.95, 1.05) + rng.uniform(-0.03, 0.03)).clamp(0, 1)


def train_reader(
    world: World,
    out: Path,
    *,
    minutes: float,
    total: float,
    device: torch.device,
    batch: int = 32,
    lr: float = 1e-3,
    capacity: int = 12000,
    seed: int = 0,
    start: dict[str, Tensor] | None = None,
    edition: int = NEWEST,
) -> Reader:
    """Train (or go on training) the reader in `out` on one-figure scenes of `world`, held-out combinations left out; a first
    run begins from `start`, weights of that `edition` of the vocabulary."""
    torch.manual_seed(seed)
    model = Reader(edition=edition).to(device)
    if start is not None:
        model.load_state_dict(start)
    run = Run(
        out,
        model,
        torch.optim.AdamW(model.parameters(), lr, weight_decay=0.02),
        minutes=minutes,
        total=total,
        warmup=50,
    )
    rng = random.Random(seed + run.step)
    dtype = fastest_dtype(device)
    pools: dict[tuple[int, int], list] = {a: [] for a in ASPECTS}
    single = World(**{**world.__dict__, "max_subjects": 1})

    def grow(n: int) -> None:
        size = rng.choices(ASPECTS, (6, 3, 1, 1))[0]
        scenes = [single.sample(rng.randrange(10_000_000)) for _ in range(n)]
        start = rng.choice((0.0, 0.0, rng.uniform(0, 3.0)))  # zooms come to rest later on
        clips = render(scenes, FRAMES, *size, 8.0, start=start, device=device)
        for scene, clip in zip(scenes, (clips * 255).round().byte(), strict=True):
            if sum(len(p) for p in pools.values()) < capacity:
                pools[size].append((scene, clip))
            else:
                pools[size][rng.randrange(len(pools[size]))] = (scene, clip)

    while any(len(p) < 8 for p in pools.values()) or sum(len(p) for p in pools.values()) < 16 * batch:
        grow(8)
    for _ in run.steps():
        grow(12)
        size = rng.choices(ASPECTS, [len(pools[a]) for a in ASPECTS])[0]
        picks = [rng.choice(pools[size]) for _ in range(batch)]
        x = damage(torch.stack([p[1] for p in picks]).float() / 255, rng)
        x = x if size[0] == HEIGHT else fit(x)
        target = labels([p[0] for p in picks], device)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            scores = model(x)
        loss = torch.stack([F.cross_entropy(s.float(), target[k], label_smoothing=0.02) for k, s in scores.items()]).mean()
        right = torch.stack([(s.argmax(1) == target[k]).float().mean() for k, s in scores.items()])
        run.update(loss, right=float(right.mean()), worst=float(right.min()))
    model.load_state_dict(run.ema.shadow)
    return model.eval()


@torch.no_grad()
def reader_accuracy(
    model: Reader, world: World, n: int, *, first_seed: int = 20_000_000, size: tuple[int, int] = (128, 192)
) -> dict[str, float]:
    """Share of right answers by attribute on renders never trained on; "all" = every attribute of a clip right."""
    single = World(**{**world.__dict__, "max_subjects": 1})
    hits: dict[str, list[float]] = {k: [] for k in (*ATTRIBUTES, "all")}
    for i in range(0, n, 8):
        scenes = [single.sample(first_seed + i + k, held_out=None) for k in range(min(8, n - i))]
        scores = model(fit(render(scenes, FRAMES, *size, 8.0)))
        target = labels(scenes, torch.device("cpu"))
        right = {k: (s.argmax(1) == target[k]).float() for k, s in scores.items()}
        for k, r in right.items():
            hits[k] += r.tolist()
        hits["all"] += torch.stack(list(right.values())).amin(0).tolist()
    return {k: sum(v) / len(v) for k, v in hits.items()}
