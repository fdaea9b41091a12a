"""Contact sheets of the README: scenes of the world, and clips of the weights in the box."""

import subprocess
import sys
import tempfile
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


def artefacts() -> list[Artefact]:
    """Both sheets."""
    world = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "lab/world").glob("*.py") if path.stem != "reader")
    words = tuple(f"models/prompts/{name}.py" for name in ("scene", "captions", "vocabulary"))
    return [
        Artefact("docs/world.jpg", (*world, *words), settings=" ".join(WORLD)),
        Artefact("docs/strip.jpg", (WEIGHTS,), settings=f"{SHOWN} frames of: {'; '.join(PROMPTS)}"),
    ]


def make(wanted: list[Artefact]) -> None:
    """Draws them with the commands a user has. Raises CalledProcessError where a command fails."""
    with tempfile.TemporaryDirectory() as folder:
        for artefact in wanted:
            sheet = draw_world(Path(folder)) if artefact.path == "docs/world.jpg" else draw_strip(Path(folder))
            sheet.save(ROOT / artefact.path, "JPEG", quality=88, optimize=True)


def draw_world(folder: Path) -> Image.Image:
    """The sheet of `longtake world`."""
    longtake("world", *WORLD, "-o", str(folder / "world.png"))
    return Image.open(folder / "world.png").convert("RGB")


def draw_strip(folder: Path) -> Image.Image:
    """Frames of clips, a row each, of everyday prompts."""
    rows = []
    for number, prompt in enumerate(PROMPTS):
        frames = folder / f"clip{number}"
        longtake("render", prompt, "--quiet", "--seed", str(number), "-o", f"{frames}/")
        pictures = [Image.open(path).convert("RGB") for path in sorted(frames.glob("*.png"))]
        rows.append([pictures[round(place * (len(pictures) - 1) / (SHOWN - 1))] for place in range(SHOWN)])
    width, height = rows[0][0].size
    sheet = Image.new("RGB", (width * SHOWN, height * len(rows)))
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            sheet.paste(picture, (x * width, y * height))
    return sheet


def longtake(*words: str) -> None:
    """Runs one command line of this checkout. Raises CalledProcessError."""
    subprocess.run([sys.executable, "-m", "comfyui_longtake", *words], check=True, stdout=subprocess.DEVNULL)
