"""The picture of a film on two servers: which made which chain when, with a frame of each, and the film that became of them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .artefacts import ROOT, Artefact
from .thumbnails import WEIGHTS

PATH = "docs/film.jpg"
SHOTS = (
    "5: a brown horse runs across a farm in the morning",
    "cut 3: a white rabbit stands in the snow",
    "cut 4: an astronaut walks in the desert at noon",
    "cut 6: a red car drives through the city at night",
    "cut 3: a green turtle walks across the beach",
    "cut 5: a woolly mammoth walks through snow at sunset",
    "cut 4: a black dog runs through a forest, the camera follows",
    "cut 3: a cat stands in a meadow in the morning",
)
SIZE = 11.0, 3.4
"""Inches, at 110 dots each."""


def artefacts() -> list[Artefact]:
    """The picture."""
    return [Artefact(PATH, (WEIGHTS, "workflows/api/film.json"), settings="; ".join(SHOTS))]


def make(wanted: list[Artefact]) -> None:
    """Makes the film with the command a user has, and draws who made what. Raises CalledProcessError where that fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "story.txt").write_text("\n".join(SHOTS))
        command = [
            sys.executable,
            "-m",
            "comfyui_longtake",
            "film",
            "story.txt",
            "--local",
            "2",
            "--json",
            "--no-sign",
            "-o",
            "film.mp4",
        ]
        done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
        draw(json.loads(done.stdout), folder, ROOT / PATH)


def draw(report: dict[str, Any], folder: Path, path: Path) -> None:
    """A lane a server, a bar a chain from when it was begun to when it was done, and below them the film."""
    from matplotlib.figure import Figure

    from ..media.read import read_frames

    figure = Figure(figsize=SIZE, dpi=110, layout="constrained")
    axes = figure.add_subplot()
    lanes = sorted({one["by"] for one in report["made"]})
    middles = {}
    for chain in report["chains"]:
        frames = list(read_frames(folder / chain["folder"] / "frames.mkv"))
        middles[chain["chain"]] = frames[len(frames) // 2].numpy()
    end = max(one["began"] + one["seconds"] for one in report["made"])
    for one in report["made"]:
        lane, begin = -lanes.index(one["by"]), one["began"]
        axes.barh(lane, one["seconds"], left=begin, height=0.86, color="#dde6f0", edgecolor="#4a6a8a")
        _picture(axes, middles[one["chain"]], begin + one["seconds"] / 2, lane, one["seconds"] * 0.96, end)
        axes.text(begin + end * 0.004, lane + 0.34, str(one["chain"]), fontsize=8, weight="bold", va="center")
    row, scale = -len(lanes) - 0.25, end / report["frames"]
    for chain in report["chains"]:
        begin, width = chain["begins"] * scale, chain["frames"] * scale
        axes.barh(row, width, left=begin, height=0.86, color="#efe7d8", edgecolor="#8a6a3a")
        _picture(axes, middles[chain["chain"]], begin + width / 2, row, width * 0.96, end)
        axes.text(begin + end * 0.004, row + 0.34, str(chain["chain"]), fontsize=8, weight="bold", va="center")
    axes.set_yticks([-lane for lane in range(len(lanes))] + [row], [*lanes, f"film, {report['seconds']:g} s"])
    axes.set_xlim(0, end)
    axes.set_ylim(row - 0.5, 0.5)
    axes.set_xlabel("seconds since the command was given")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    figure.savefig(path, pil_kwargs={"quality": 88, "optimize": True})


def _picture(axes: Any, frame: Any, x: float, y: float, room: float, end: float) -> None:
    """A frame in the middle of a bar, no wider than the bar has room for."""
    height, width = frame.shape[:2]
    lanes = 3.5
    wide = 0.74 * width / height * end / lanes * (SIZE[1] / SIZE[0])
    tall = 0.74 * min(1.0, room / wide)
    wide = min(wide, room)
    axes.imshow(frame, extent=(x - wide / 2, x + wide / 2, y - tall / 2, y + tall / 2), aspect="auto", zorder=3)
