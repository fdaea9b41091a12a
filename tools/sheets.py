"""Contact sheets of the README: scenes of the world, and clips of the weights in the box."""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from .artefacts import ROOT, Artefact
from .thumbnails import WEIGHTS

WORLD = ("--scenes", "16", "--size", "192x120", "--seed", "1")
CLIPS, SHOWN, FIRST_SEED, TRIED = 6, 5, 900, 200
"""Clips of the strip, frames shown of each, the first scene that is asked for, and among how many it is chosen."""


def artefacts() -> list[Artefact]:
    """Both sheets."""
    world = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "lab/world").glob("*.py") if path.stem != "reader")
    words = tuple(f"models/prompts/{name}.py" for name in ("scene", "captions", "vocabulary"))
    return [
        Artefact("docs/world.jpg", (*world, *words), settings=" ".join(WORLD)),
        Artefact("docs/strip.jpg", (WEIGHTS,), settings=f"{CLIPS} clips, {SHOWN} frames, from {FIRST_SEED}"),
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
    """Frames of clips, a row each, of prompts whose combinations no training saw."""
    rows = []
    for number, prompt in enumerate(prompts()):
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


def prompts() -> list[str]:
    """Prompts of the part of the world that the weights have seen, one figure each, and another figure, colour and
    setting, held out together."""
    from ..models.prompts.captions import caption
    from ..models.prompts.scene import WORLDS

    found: dict[str, str] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + TRIED):
        scene = WORLDS["full"].sample(seed, held_out=True)
        if len(scene.subjects) == 1:
            found.setdefault(f"{scene.subjects} {scene.setting}", caption(scene, seed).text)
    return list(found.values())[:CLIPS]


def longtake(*words: str) -> None:
    """Runs one command line of this checkout. Raises CalledProcessError."""
    subprocess.run([sys.executable, "-m", "comfyui_longtake", *words], check=True, stdout=subprocess.DEVNULL)
