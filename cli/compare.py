"""`longtake compare`: a long take beside what else makes long video in ComfyUI, on one model with the same prompts."""

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ..errors import LongTakeError, UsageError
from ..farm.client import Client
from ..farm.comfy import PACK, Server, find_comfy, serve
from ..farm.graph import Graph, read_graph
from ..farm.graph_outputs import find_outputs, new_file
from .bars import working
from .baselines import RIVALS, Length, roles
from .values import number, whole

if TYPE_CHECKING:
    from ..metrics.meter import Meter
    from ..models.prompts.scene import Scene

FIRST_SEED = 40_000_000
"""Scene seeds from here on are used by nothing but the comparison."""
MEASURES = ("lightness", "chroma", "contrast", "sharpness")
LATE = 0.15


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Options of `longtake compare`."""
    parser = subparsers.add_parser(
        "compare",
        help="a long take beside one shot, chained clips and context windows",
        description="Runs the graph of a Long Take, and the same model, prompts and settings in one shot, clip after clip from "
        "the last frame, and by ComfyUI's context windows, each on a fresh ComfyUI started for it. Writes comparison.json, "
        "comparison.md, comparison.png and all videos.",
    )
    parser.add_argument(
        "graph",
        type=Path,
        nargs="?",
        default=PACK / "workflows" / "api" / "minute.json",
        metavar="GRAPH",
        help="in API format, with one Long Take (workflows/api/minute.json of this pack)",
    )
    parser.add_argument("--prompts", default="4", metavar="N|FILE", help="a text file, one a line; or so many of the world (4)")
    length = number(1, 3600)
    parser.add_argument("--seconds", type=length, default=20.0, metavar="S", help="of every video (20)")
    parser.add_argument("--clip", type=length, default=4.0, metavar="S", help="of one clip of the chain (4)")
    parser.add_argument("--fps", type=number(1, 240), default=8.0, metavar="F", help="the model's own frames a second (8)")
    parser.add_argument("--carried", type=whole(1, 256), default=4, metavar="N", help="frames handed on in the chain (4)")
    parser.add_argument("--window", type=whole(2, 1024), default=8, metavar="N", help="latents of a context window (8)")
    parser.add_argument("--shared", type=whole(1, 512), default=2, metavar="N", help="latents that windows share (2)")
    parser.add_argument("--only", action="append", choices=tuple(RIVALS), metavar="WAY", help="one of: " + ", ".join(RIVALS))
    parser.add_argument("-o", "--output", type=Path, default=Path("comparison"), metavar="DIR", help="(comparison)")
    parser.add_argument("--comfyui", type=Path, metavar="DIR", help="the ComfyUI to start")
    parser.add_argument("--cpu", action="store_true", help="start it on the CPU, even where there is a GPU")
    parser.add_argument("--quiet", action="store_true", help="print the table only")
    parser.set_defaults(run=run)


@dataclass
class Way:
    """What one way of making long video gave: a figure a prompt in every list, and the meters the plot is drawn from."""

    seconds: list[float] = field(default_factory=list)
    peak_mb: float | None = None
    seams: list[float] = field(default_factory=list)
    drift: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MEASURES})
    right: list[dict[str, float]] = field(default_factory=list)
    meters: list["Meter"] = field(default_factory=list)

    def row(self, length: float) -> dict[str, float | None]:
        """Means over the prompts; the drift is the mean size of the change, motion the distance of neighbouring frames: a way
        that stands still drifts little."""
        row: dict[str, float | None] = {
            "compute seconds a second": statistics.mean(self.seconds) / length if self.seconds else None,
            "peak MB": self.peak_mb,
            "seam, 95th percentile": statistics.mean(self.seams),
        }
        moved = [statistics.mean(meter.distance) for meter in self.meters]
        row["motion, Lab a frame"] = statistics.mean(moved) if moved else None
        row |= {f"{name} drift": statistics.mean(map(abs, values)) for name, values in self.drift.items()}
        for name in self.right[0] if self.right else ():
            row[f"{name} right at the end"] = statistics.mean(found[name] for found in self.right)
        return row


@dataclass(frozen=True)
class Prompt:
    """A prompt, and the scene of the world it describes where it is one."""

    text: str
    scene: "Scene | None" = None


def run(arguments: argparse.Namespace) -> int:
    """Runs everything and prints the table. Raises UsageError before anything is started, LongTakeError."""
    import asyncio

    graph = read_graph(arguments.graph)
    found = roles(graph)
    boxed = any(node["class_type"] == "LongTakeLoader" and node["inputs"]["model"] == "in the box" for node in graph.values())
    prompts = list(read_prompts(arguments.prompts, boxed))
    length = Length(arguments.seconds, arguments.clip, arguments.fps, arguments.carried, arguments.window, arguments.shared)
    if length.clip * length.fps <= length.carried:
        raise UsageError(f"--carried {length.carried}: a clip has {length.clip * length.fps:g} frames; give fewer")
    if length.shared >= length.window:
        raise UsageError(f"--shared {length.shared}: give fewer than the {length.window} latents of a window")
    comfy = find_comfy(arguments.comfyui)
    arguments.output.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True, quiet=arguments.quiet, highlight=False)
    seed = int(graph[found.sampling]["inputs"]["seed"])
    ways: dict[str, Way] = {}
    for name in arguments.only or RIVALS:
        with console.status(f"{name}: starting ComfyUI"), serve(comfy, cpu=arguments.cpu or None) as server:
            paths, times, peak = asyncio.run(_films(name, server, graph, length, prompts, seed, arguments.output, console))
        way = ways[name] = Way(seconds=times, peak_mb=peak)
        for prompt, path in zip(prompts, paths, strict=True):
            judge(way, prompt, path, length)
    if boxed:
        ways["real renders"] = ceiling(prompts, length)
    for path in write(ways, length, [prompt.text for prompt in prompts], arguments.output):
        console.print(str(path))
    print(table(ways, length), end="")
    return 0


def read_prompts(given: str, boxed: bool) -> Iterator[Prompt]:
    """Lines of a file, or as many held-out scenes of the world as the number says. Raises UsageError."""
    if given.isdigit() and 0 < int(given) <= 1000:
        if not boxed:
            raise UsageError(f"--prompts {given}: this model does not know the world; give a text file with a prompt a line")
        from ..models.load import load_state
        from ..models.prompts.captions import held_out_wording
        from ..models.prompts.scene import WORLDS, World

        world = WORLDS[load_state("reader")[1]["world"]]
        single = World(**{**world.__dict__, "max_subjects": 1})
        for i in range(int(given)):
            scene = single.sample(FIRST_SEED + i, held_out=False)
            yield Prompt(held_out_wording(scene, i), scene)
        return
    try:
        lines = [line.strip() for line in Path(given).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"--prompts {given}: give a number from 1 to 1000, or a text file with a prompt a line") from None
    if not lines:
        raise UsageError(f"--prompts {given}: the file holds no prompt")
    yield from map(Prompt, lines)


async def _films(
    name: str, server: Server, graph: Graph, length: Length, prompts: list[Prompt], seed: int, folder: Path, console: Console
) -> tuple[list[Path], list[float], float | None]:
    """Videos of all prompts, seconds each took on the server, and its peak memory in MB; a short take warms it up."""
    make, paths, times = RIVALS[name], [], []
    warm = Length(length.clip, length.clip, length.fps, length.carried, length.window, length.shared)
    async with Client(server.url, server.alive) as client:
        await client.check()
        with working(console, f"{name}, warming up"):
            await client.run(make(graph, warm, prompts[0].text, seed + 1_000_000))
        forget_peak(server.process.pid)
        for place, prompt in enumerate(prompts):
            begin = time.perf_counter()
            with working(console, f"{name}, {place + 1} of {len(prompts)}"):
                entry = await client.run(make(graph, length, prompt.text, seed + 100 * place))
            times.append(time.perf_counter() - begin)
            files, _ = find_outputs(entry)
            films = [file for file in files if file.filename.endswith(".mp4")]
            if not films:
                raise LongTakeError(f"{name}: the graph made no MP4")
            with new_file(folder, f"{name.replace(' ', '-')}-{place + 1}.mp4") as (path, write_part):
                await client.download(films[0], write_part)
            paths.append(path)
            console.print(f"{name}, {place + 1} of {len(prompts)}: {times[-1]:.1f} s")
    return paths, times, peak_mb(server.process.pid)


def forget_peak(pid: int) -> None:
    """Lets the peak memory of a process begin anew, where the system can (Linux)."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def peak_mb(pid: int) -> float | None:
    """Most memory the process held at once, in MB; None where the system does not say."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return None


def judge(way: Way, prompt: Prompt, path: Path, length: Length) -> None:
    """Measures one video, cut to the length asked for."""
    from itertools import islice

    from ..media.read import read_frames

    add(way, prompt, islice(read_frames(path), round(length.seconds * length.fps)), length)


def add(way: Way, prompt: Prompt, frames: Iterator[Any], length: Length) -> None:
    """Measures frames [H, W, 3], or chunks of them, of one video."""
    import torch

    from ..metrics.meter import Meter

    meter, late = Meter(), []
    for part in frames:
        meter.add(part)
        late.append(part if part.ndim == 4 else part[None])
        while sum(len(one) for one in late[1:]) >= LATE * length.seconds * length.fps:
            late.pop(0)
    ratios = sorted(meter.join(frame).ratio for frame in range(1, meter.frames))
    way.seams.append(ratios[round(0.95 * (len(ratios) - 1))])
    for name, drift in meter.drift(length.fps).items():
        if name in way.drift:
            way.drift[name].append(drift.change)
    if prompt.scene is not None:
        from ..lab.training.jobs import load_reader
        from ..lab.world.reader import read
        from ..models.prompts.scene import ATTRIBUTES

        seen = read(load_reader(), torch.cat(late)[None], length.fps)[0]
        want = {name: ATTRIBUTES[name][value] for name, value in prompt.scene.labels().items()}
        right = {name: float(seen[name] == value) for name, value in want.items()}
        way.right.append({"subject": right["subject"], "everything": float(all(right.values()))})
    way.meters.append(meter)


def ceiling(prompts: list[Prompt], length: Length, width: int = 256, height: int = 160) -> Way:
    """The same figures of real renders of the scenes."""
    from ..lab.world.render import render

    way = Way()
    for prompt in prompts:
        assert prompt.scene is not None
        chunk = round(length.fps)
        starts = range(0, round(length.seconds * length.fps), chunk)
        parts = (render([prompt.scene], chunk, height, width, length.fps, start=at / length.fps)[0] for at in starts)
        add(way, prompt, parts, length)
    return way


def table(ways: dict[str, Way], length: Length) -> str:
    """Markdown: a row a way."""
    rows = {name: way.row(length.seconds) for name, way in ways.items()}
    columns = list(next(iter(rows.values())))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(_cell(column, row.get(column)) for column in columns) + " |")
    return "\n".join(lines) + "\n"


def _cell(column: str, value: float | None) -> str:
    if value is None:
        return "-"
    if column.endswith(("drift", "end")):
        return f"{100 * value:.1f} %" if column.endswith("drift") else f"{100 * value:.0f} %"
    return f"{value:.0f}" if column.endswith("MB") else f"{value:.2f}"


def write(ways: dict[str, Way], length: Length, prompts: list[str], folder: Path) -> list[Path]:
    """comparison.json, comparison.md and comparison.png in `folder`."""
    from ..media.write import open_writer
    from ..metrics.chart import draw_drift

    data = {
        "length": length.__dict__,
        "prompts": prompts,
        "rows": {name: way.row(length.seconds) for name, way in ways.items()},
    }
    paths = [folder / f"comparison.{suffix}" for suffix in ("json", "md", "png")]
    paths[0].write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    paths[1].write_text(table(ways, length), encoding="utf-8")
    picture = draw_drift({name: way.meters for name, way in ways.items()}, length.fps)
    with open_writer(paths[2], picture.shape[1], picture.shape[0], 1) as writer:
        writer.write(picture[None])
    return paths
