"""Rendered clips on disk, one memory-mapped file a size: drawn once, read at random by every training run.

A shelf is a folder with `pixels.npy`, uint8 [N, T, 3, H, W], `figures.npy`, uint8 [N, T, H/16, W/16] (the share of each
16x16 cell that figures cover, 255 = all of it), and `scenes.json`: the scene, frame rate and start of each clip.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.prompts.scene import Scene, Subject, World
from ..world.render import render_parts

CELL = 16
"""Side in pixels of the cells that figures are counted in, and the grid that crops lie on."""
FRAMES = 16
"""Frames a clip."""
SIZES = {(128, 192): 62.0, (160, 256): 22.0, (192, 128): 10.0, (160, 160): 6.0}
"""(height, width) in pixels -> share of the clips."""
TRAIN_SEEDS = 10_000_000
"""Scene seeds below this are for training, those from here on for tests."""


@dataclass(frozen=True)
class Source:
    """Where a clip comes from: enough to render it again, or what was before and after it."""

    scene: Scene
    fps: float
    start: float


def draw_source(world: World, rng: random.Random, *, test: bool) -> Source:
    """One clip to render. Tests show other seeds, and in half of them combinations that training never sees."""
    first, held_out = (TRAIN_SEEDS, rng.random() < 0.5) if test else (0, False)
    fps = rng.choices((8.0, 12.0, 16.0), (70, 15, 15))[0]
    start = rng.choice((0.0, rng.uniform(0.0, 60.0)))
    return Source(world.sample(first + rng.randrange(TRAIN_SEEDS), held_out=held_out), fps, start)


def draw_shelf(folder: Path, world: World, size: tuple[int, int], clips: int, *, seed: int, test: bool = False) -> None:
    """Render a shelf of `clips` clips of one (height, width). The folder appears when it is complete; one that is there
    already is left alone."""
    if folder.exists():
        return
    height, width = size
    part = folder.with_name(folder.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"shelf-{seed}-{height}-{width}-{test}")
    sources = [draw_source(world, rng, test=test) for _ in range(clips)]
    shape = (clips, FRAMES, 3, height, width)
    pixels = np.lib.format.open_memmap(part / "pixels.npy", "w+", np.uint8, shape)
    cells = (clips, FRAMES, height // CELL, width // CELL)
    figures = np.lib.format.open_memmap(part / "figures.npy", "w+", np.uint8, cells)
    for k, source in enumerate(sources):
        x, mask = render_parts([source.scene], FRAMES, height, width, source.fps, start=source.start)
        pixels[k] = (x[0].permute(0, 3, 1, 2) * 255).round().byte().numpy()
        figures[k] = (F.avg_pool2d(mask[0].float(), CELL) * 255).round().byte().numpy()
    pixels.flush()
    figures.flush()
    (part / "scenes.json").write_text(json.dumps([asdict(s) for s in sources]), encoding="utf-8")
    os.replace(part, folder)


def draw_bank(folder: Path, world: World, clips: int, tests: int, *, seed: int = 0) -> None:
    """Render shelves of `clips` clips to train on and `tests` clips to measure with, in the shares of SIZES."""
    whole = sum(SIZES.values())
    for name, count, test in (("test", tests, True), ("train", clips, False)):
        for size, share in SIZES.items():
            shelf = folder / f"{name}-{size[1]}x{size[0]}"
            draw_shelf(shelf, world, size, max(1, round(count * share / whole)), seed=seed, test=test)


def _scene(row: dict) -> Scene:
    return Scene(**{**row, "subjects": tuple(Subject(**s) for s in row["subjects"])})


class Shelf:
    """The clips of one size."""

    def __init__(self, folder: Path):
        self.pixels = np.load(folder / "pixels.npy", mmap_mode="r")
        self.figures = np.load(folder / "figures.npy", mmap_mode="r")
        rows = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))
        self.sources = [Source(_scene(r["scene"]), r["fps"], r["start"]) for r in rows]

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.pixels.shape[-2:]
        return height, width

    def clip(self, index: int) -> Tensor:
        """Frames [T, H, W, 3] in 0..1 of one clip."""
        return torch.from_numpy(self.pixels[index].copy()).permute(0, 2, 3, 1).float() / 255


class Shelves:
    """All shelves of one part ("train" or "test") of a bank; batches are drawn from all clips alike.

    Raises FileNotFoundError where the folder holds none.
    """

    def __init__(self, folder: Path, part: str, *, seed: int = 0):
        self.shelves = [Shelf(f) for f in sorted(folder.glob(f"{part}-*x*")) if f.suffix != ".part"]
        if not self.shelves:
            raise FileNotFoundError(f"no clips of {part!r} in {folder}")
        self.rng = random.Random(seed)

    def batch(self, pixels: int, frames: int, edge: int | None = None) -> tuple[Tensor, Tensor]:
        """Clips of one size [n, frames, H, W, 3] in 0..1, about `pixels` pixels in all frames together, and the figures' share
        of their 16x16 cells [n, frames, H/16, W/16]: whole pictures, or random squares of `edge` pixels.

        Space is cut on the grid of the cells, time anywhere.
        """
        shelf = self.rng.choices(self.shelves, [len(s) for s in self.shelves])[0]
        height, width = (min(n, edge or n) for n in shelf.size)
        parts, shares = [], []
        for _ in range(max(1, pixels // (height * width * frames))):
            k, t = self.rng.randrange(len(shelf)), self.rng.randrange(FRAMES - frames + 1)
            top, left = (self.rng.randrange((n - m) // CELL + 1) for n, m in zip(shelf.size, (height, width), strict=True))
            time, rows, columns = slice(t, t + frames), slice(top, top + height // CELL), slice(left, left + width // CELL)
            across, down = slice(CELL * columns.start, CELL * columns.stop), slice(CELL * rows.start, CELL * rows.stop)
            parts.append(torch.from_numpy(shelf.pixels[k, time, :, down, across].copy()))
            shares.append(torch.from_numpy(shelf.figures[k, time, rows, columns].copy()))
        return torch.stack(parts).permute(0, 1, 3, 4, 2).float() / 255, torch.stack(shares).float() / 255
