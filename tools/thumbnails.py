"""Thumbnails of the graphs that the model in the box can run: a frame of what each makes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import av
from PIL import Image

from ..farm.client import Client
from ..farm.comfy import Server
from ..farm.graph_outputs import find_outputs
from .artefacts import ROOT, Artefact
from .host import comfy
from .workflow_forms import FOLDER, api_path, canvases, relative

WEIGHTS = "models/weights/manifest.json"
LONG = 560
"""Pixels of the long side at most; frames are shown at twice their size."""


def artefacts() -> list[Artefact]:
    """One a graph that begins with the model in the box."""
    here = [canvas for canvas in canvases() if "LongTakeLoader" in canvas.read_text(encoding="utf-8")]
    return [Artefact(relative(canvas.with_suffix(".jpg")), (relative(api_path(canvas)), WEIGHTS)) for canvas in here]


def make(wanted: list[Artefact]) -> None:
    """Runs each graph as it is and keeps the frame in the middle. Raises LongTakeError, also without a ComfyUI."""
    with comfy() as server:
        for artefact in wanted:
            path = ROOT / artefact.path
            (made,) = run_graph(server, api_of(path.stem))
            frame = middle_frame(made)
            scale = min(2.0, LONG / max(frame.size))
            frame = frame.resize((round(frame.width * scale), round(frame.height * scale)), Image.Resampling.LANCZOS)
            frame.save(path, "JPEG", quality=88, optimize=True)


def api_of(name: str) -> dict[str, Any]:
    """A shipped graph in API form."""
    return json.loads(api_path(FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def run_graph(server: Server, graph: dict[str, Any]) -> list[Path]:
    """Runs a graph and gives the files it saved. Raises LongTakeError."""

    async def work() -> dict[str, Any]:
        async with Client(server.url, server.alive) as client:
            return await client.run(graph)

    files, _ = find_outputs(asyncio.run(work()))
    return [server.folder / "output" / file.subfolder / file.filename for file in files if file.type == "output"]


def middle_frame(path: Path) -> Image.Image:
    """The frame in the middle of a video, or a picture itself."""
    if path.suffix == ".png":
        return Image.open(path).convert("RGB")
    with av.open(str(path)) as file:
        frames = [frame.to_image() for frame in file.decode(video=0)]
    return frames[len(frames) // 2]
