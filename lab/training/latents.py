"""Encoded clips on disk, for training the transformer: latents, where figures are, an anchor, and captions as slots.

A shelf is a folder of memory-mapped files: `latents.npy` half [N, T, C, h, w], `figures.npy` uint8 [N, T, h, w] (255 = a
latent cell wholly covered), `anchors.npy` half [N, C, h, w] of some seconds before, `slots.npy` half [N, 2, S, W] of a
caption in any words and of the plain one, `rates.npy` frames a second [N], and `card.json` with the VAE they belong to.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import WeightsError
from ...models.adapter import TextAdapter
from ...models.prompts.captions import caption, plain_caption
from ...models.prompts.scene import World
from ...models.text import TextEncoder
from ...models.vae import VideoVAE
from ..world.render import render, render_parts
from .clips import SIZES, draw_source
from .run import fastest_dtype
from .text import encode_captions, pad_states

AWAY = (2.0, 60.0)
"""Seconds between an anchor and the clip it belongs to, at least and at most."""
EMPTY = 0.01
"""Share of a window that figures must cover for its caption, which names them, to be true of it."""
PASS = 200
"""Clips that are drawn before the next size's turn comes again."""
TRIES = 4
"""How often a window in which nobody is seen is drawn again."""


def weights_id(*nets: nn.Module) -> str:
    """A short hash of the weights of some nets."""
    digest = hashlib.sha256()
    for net in nets:
        for name, value in net.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()[:12]


@torch.no_grad()
def draw_latents(
    folder: Path, world: World, vae: VideoVAE, text: TextEncoder, adapter: TextAdapter, size: tuple[int, int], clips: int, *,
    latents: int = 8, seed: int = 0,
) -> None:  # fmt: skip
    """Render and encode a shelf of clips of one (height, width), `latents` latents each. The folder appears when it is
    complete; one that is there already is left alone."""
    if folder.exists():
        return
    dtype = fastest_dtype(torch.device("cpu"))
    part = folder.with_name(folder.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    per, (height, width) = vae.frames_per_latent, size
    h, w = height // vae.spatial, width // vae.spatial
    rng = random.Random(f"latents-{seed}-{height}-{width}")

    def file(name: str, dtype: type, *shape: int) -> np.memmap:
        return np.lib.format.open_memmap(part / f"{name}.npy", "w+", dtype, (clips, *shape))

    z, anchors = file("latents", np.float16, latents, vae.channels, h, w), file("anchors", np.float16, vae.channels, h, w)
    figures, rates = file("figures", np.uint8, latents, h, w), file("rates", np.float32)
    said: list[str] = []
    for k in range(clips):
        source = draw_source(world, rng, test=False)
        pixels, mask = render_parts([source.scene], per * latents, height, width, source.fps, start=source.start)
        before = render([source.scene], per, height, width, source.fps, start=max(0.0, source.start - rng.uniform(*AWAY)))
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            z[k] = vae.encode(pixels)[0].transpose(0, 1).half().numpy()
            anchors[k] = vae.encode(before)[0, :, 0].half().numpy()
        share = F.avg_pool3d(mask[:, None].float(), (per, vae.spatial, vae.spatial))[0, 0]
        figures[k] = (share * 255).round().byte().numpy()
        rates[k] = source.fps
        said += [caption(source.scene, rng.randrange(2**40)).text, plain_caption(source.scene).text]
    states = encode_captions(text, said)
    slots = torch.cat([adapter(*pad_states(states[i : i + 64], torch.device("cpu"))) for i in range(0, len(states), 64)])
    np.save(part / "slots.npy", slots.unflatten(0, (clips, 2)).half().numpy())
    empty = adapter(*pad_states(encode_captions(text, [""]), torch.device("cpu")))
    np.save(part / "empty.npy", empty[0].half().numpy())
    for array in (z, anchors, figures, rates):
        array.flush()
    card = {"vae": weights_id(vae), "adapter": weights_id(adapter), "latents": latents}
    (part / "card.json").write_text(json.dumps(card), encoding="utf-8")
    os.replace(part, folder)


def draw_latent_bank(
    folder: Path, world: World, vae: VideoVAE, text: TextEncoder, adapter: TextAdapter, clips: int, *,
    latents: int = 8, seed: int = 0,
) -> None:  # fmt: skip
    """Render and encode `clips` clips in the shares of `clips.SIZES`, PASS at a time, so that what was drawn before an
    interruption is kept."""
    whole = sum(SIZES.values())
    for number in range(-(-clips // PASS)):
        for size, share in SIZES.items():
            shelf = folder / f"{size[1]}x{size[0]}-{number:03d}"
            count = max(1, round(min(clips, PASS) * share / whole))
            draw_latents(shelf, world, vae, text, adapter, size, count, latents=latents, seed=1000 * seed + number)


@dataclass(frozen=True)
class LatentClip:
    """Latents [C, T, h, w] (half), the share of each latent's pixels that a figure covers [T, h, w], one anchor latent
    [C, 1, h, w] from some seconds before, frame rate, and captions as the adapter's slots [S, W]."""

    latents: Tensor
    figures: Tensor
    anchor: Tensor
    fps: float
    captions: list[Tensor]


class LatentShelf:
    """The encoded clips of one size."""

    def __init__(self, folder: Path):
        names = ("latents", "figures", "anchors", "slots", "rates")
        self.latents, self.figures, self.anchors, self.slots, self.rates = (
            np.load(folder / f"{name}.npy", mmap_mode="r") for name in names
        )
        self.empty = torch.from_numpy(np.load(folder / "empty.npy"))
        self.card = json.loads((folder / "card.json").read_text(encoding="utf-8"))

    def __len__(self) -> int:
        return len(self.latents)

    def clip(self, index: int) -> LatentClip:
        """One clip, whole."""
        return LatentClip(
            torch.from_numpy(self.latents[index].copy()).transpose(0, 1),
            torch.from_numpy(self.figures[index].copy()).half() / 255,
            torch.from_numpy(self.anchors[index].copy())[:, None],
            float(self.rates[index]),
            list(torch.from_numpy(self.slots[index].copy())),
        )


@torch.no_grad()
def visibility(vae: VideoVAE, clips: Sequence[LatentClip]) -> Tensor:
    """How much of what is seen each channel carries, [C], 1 on average: the root of what a decoder changes where a channel moves
    by half its deviation in every ninth cell, figures first. Of 24 channels the strongest shows eight times the weakest, and all
    alike in the loss would let what nobody sees take the most of it."""
    codes = torch.stack([c.latents[:, :2] for c in clips]).float()
    covered = torch.stack([c.figures[:2] for c in clips]).float()
    shown, moved = vae.decode(codes), torch.zeros(codes.shape[-2:])
    moved[1::3, 1::3] = 0.5
    weight = covered.repeat_interleave(shown.shape[1] // 2, 1)[..., None]
    weight = 1 + 3 * weight.repeat_interleave(vae.spatial, 2).repeat_interleave(vae.spatial, 3)
    energy = []
    for channel in range(codes.shape[1]):
        step = torch.zeros_like(codes)
        step[:, channel] = moved
        energy.append(((vae.decode(codes + step) - shown).square() * weight).sum())
    found = torch.stack(energy).sqrt()
    return found / found.mean()


class LatentShelves:
    """All shelves of a folder; batches are drawn from all clips alike.

    Raises FileNotFoundError where there are none, WeightsError where they belong to another VAE or adapter.
    """

    def __init__(self, folder: Path, vae: VideoVAE, adapter: TextAdapter, device: torch.device, *, seed: int = 0):
        self.shelves = [LatentShelf(f) for f in sorted(folder.glob("*x*")) if f.suffix != ".part"]
        if not self.shelves:
            raise FileNotFoundError(f"no latents in {folder}")
        ids = {"vae": weights_id(vae), "adapter": weights_id(adapter)}
        if any(s.card[k] != v for s in self.shelves for k, v in ids.items()):
            raise WeightsError(f"the latents in {folder} were made by other nets: give another folder or delete it")
        self.device = device
        self.latents = min(s.card["latents"] for s in self.shelves)
        self.empty = self.shelves[0].empty
        self.rng = random.Random(seed)

    def draw(self, cells: int, longest: int, drop: float = 0.1) -> tuple[list[LatentClip], list[slice], list[Tensor]]:
        """A batch of about `cells` latent cells: clips of one size, a time window each of one length, a caption each."""
        shelf = self.rng.choices(self.shelves, [len(s) for s in self.shelves])[0]
        frames = self.rng.randint(1, longest)
        area = shelf.latents.shape[-2] * shelf.latents.shape[-1]
        clips, windows = [], []
        for _ in range(max(1, round(cells / (area * frames)))):
            for _ in range(TRIES):
                k, start = self.rng.randrange(len(shelf)), self.rng.randrange(self.latents - frames + 1)
                window = slice(start, start + frames)
                if shelf.figures[k, window].mean() > 255 * EMPTY:
                    break
            clips.append(shelf.clip(k))
            windows.append(window)
        words = [self.empty if self.rng.random() < drop else self.rng.choice(c.captions) for c in clips]
        return clips, windows, words
