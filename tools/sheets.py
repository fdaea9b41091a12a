"""Contact sheets of the README: scenes of the world, and clips of the weights in the box."""

import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path

from PIL import Image

from .artefacts import ROOT, Artefact
from .thumbnails import WEIGHTS

WORLD = ("--scenes", "16", "--size", "192x120", "--seed", "1")
PROMPTS = (
    "a woolly mammoth walks through snow at sunset",
    "a cat stands in the forest in the morning",
    "an astronaut walks in the desert",
    "a red car drives through the city at night in the rain",
    "a horse gallops across a farm in fog",
    "a white rabbit jumps in a meadow",
    "a grey robot dances in the mountains",
    "a blue dog runs left on the beach, static camera",
)
SHOWN = 5
"""Prompts of the strip, whose seeds are their numbers, and frames shown of each."""
EVERYDAY = (
    "a brown dog walks through a meadow in the morning",
    "a woman drives her red car along the beach at sunset",
    "a white cat runs through the snow",
    "two rabbits jump in a meadow",
    "an astronaut dances in the desert at night",
    "a horse stands in front of mountains, fog",
    "a green turtle walks across the beach",
    "a yellow robot walks through the city in the rain",
    "a black dog runs through a forest, the camera follows",
    "a mammoth stands in the mountains while snow falls",
    "an orange cat walks on a farm at noon",
    "a purple car drives through the forest at night",
    "a grey rabbit stands in the snow at sunset",
    "a red horse runs left across a meadow, static camera",
    "an astronaut jumps on the beach in the morning",
    "a white dog stands in the city at night",
    "a blue robot stands in a snowfield, the camera zooms in",
    "a pink rabbit dances on a farm",
    "a cat and a dog stand in a meadow at noon",
    "a spaceman with a red knitted helmet walks through snow",
    "a brown horse jumps in the rain",
    "a mammoth walks along the beach at sunset, the camera pans right",
    "a green car drives through the mountains in fog",
    "a dog runs across the desert at noon, aerial view",
)
COLUMNS, EACH, SMALL = 2, 4, (128, 80)
"""Clips beside one another on the sheet of everyday prompts, frames of each, and the size that they are shown at."""


def artefacts() -> list[Artefact]:
    """All sheets."""
    world = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "lab/world").glob("*.py") if path.stem != "reader")
    words = tuple(f"models/prompts/{name}.py" for name in ("scene", "captions", "vocabulary"))
    return [
        Artefact("docs/world.jpg", (*world, *words), settings=" ".join(WORLD)),
        Artefact("docs/strip.jpg", (WEIGHTS,), settings=f"{SHOWN} frames of: {'; '.join(PROMPTS)}"),
        Artefact("docs/everyday.jpg", (WEIGHTS,), settings=f"{EACH} frames of: {'; '.join(EVERYDAY)}"),
    ]


def make(wanted: list[Artefact]) -> None:
    """Draws them with the commands a user has. Raises CalledProcessError where a command fails."""
    draw = {"docs/world.jpg": draw_world, "docs/strip.jpg": draw_strip, "docs/everyday.jpg": draw_everyday}
    with tempfile.TemporaryDirectory() as folder:
        for artefact in wanted:
            sheet = draw[artefact.path](Path(folder))
            sheet.save(ROOT / artefact.path, "JPEG", quality=88, optimize=True)


def draw_world(folder: Path) -> Image.Image:
    """The sheet of `longtake world`."""
    longtake("world", *WORLD, "-o", str(folder / "world.png"))
    return Image.open(folder / "world.png").convert("RGB")


def draw_strip(folder: Path) -> Image.Image:
    """Frames of clips, a row each, of the prompts of the README."""
    return tiled([draw_clip(folder, prompt, number, SHOWN) for number, prompt in enumerate(PROMPTS)])


def draw_everyday(folder: Path) -> Image.Image:
    """Frames of clips of everyday prompts, COLUMNS clips a row."""
    clips = [draw_clip(folder, prompt, number, EACH) for number, prompt in enumerate(EVERYDAY)]
    small = [[picture.resize(SMALL, Image.Resampling.LANCZOS) for picture in clip] for clip in clips]
    return tiled([list(chain(*small[at : at + COLUMNS])) for at in range(0, len(small), COLUMNS)])


def draw_clip(folder: Path, prompt: str, seed: int, count: int) -> list[Image.Image]:
    """So many frames of a clip, from its first to its last."""
    frames = Path(tempfile.mkdtemp(dir=folder))
    longtake("render", prompt, "--quiet", "--seed", str(seed), "-o", f"{frames}/")
    pictures = [Image.open(path).convert("RGB") for path in sorted(frames.glob("*.png"))]
    return [pictures[round(place * (len(pictures) - 1) / (count - 1))] for place in range(count)]


def tiled(rows: list[list[Image.Image]]) -> Image.Image:
    """Pictures of one size, row by row."""
    width, height = rows[0][0].size
    sheet = Image.new("RGB", (width * len(rows[0]), height * len(rows)))
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            sheet.paste(picture, (x * width, y * height))
    return sheet


def longtake(*words: str) -> None:
    """Runs one command line of this checkout. Raises CalledProcessError."""
    subprocess.run([sys.executable, "-m", "comfyui_longtake", *words], check=True, stdout=subprocess.DEVNULL)
