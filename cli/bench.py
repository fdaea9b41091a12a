"""`longtake bench`: seconds for a clip with the weights loaded, and peak memory of a long render minus a short one."""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from ..errors import LongTakeError
from .values import number, size

PROMPT = "a red dog runs through a forest on a sunny day, the camera pans left"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Options of `longtake bench`."""
    parser = subparsers.add_parser("bench", help="seconds a clip, memory of long renders, on this machine")
    parser.add_argument("--seconds", type=number(0, 600, above=True), default=4.0, help="length of the timed clip (4)")
    parser.add_argument("--short", type=number(0, 3600, above=True), default=10.0, help="short render for memory (10)")
    parser.add_argument("--long", type=number(0, 3600, above=True), default=60.0, help="long render for memory (60)")
    parser.add_argument("--size", type=size, default=(256, 160), metavar="WxH")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Renders three clips, each in a process of its own so that peak memory is its own, and prints the figures."""
    from rich.console import Console

    from .bars import working

    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="longtake-bench-") as folder, working(console, "rendering three clips"):
        clip = render(Path(folder), arguments.seconds, arguments)
        short = render(Path(folder), arguments.short, arguments)
        long = render(Path(folder), arguments.long, arguments)
    result = {
        "machine": f"{platform.machine()}, {short['threads']} threads, {short['device']}",
        "clip_seconds": clip["seconds"],
        "clip_render_seconds": clip["render_seconds"],
        "seconds_per_frame": clip["seconds_per_frame"],
        "load_seconds": clip["load_seconds"],
        "peak_mb": {f"{arguments.short:g} s": short["peak_mb"], f"{arguments.long:g} s": long["peak_mb"]},
        "peak_growth_mb": None,
    }
    if short["peak_mb"] is not None and long["peak_mb"] is not None:
        result["peak_growth_mb"] = round(long["peak_mb"] - short["peak_mb"], 1)
    if arguments.json:
        print(json.dumps(result))
        return 0
    print(f"machine             {result['machine']}")
    print(f"{clip['seconds']:g} s clip           {clip['render_seconds']:.1f} s, weights loaded in {clip['load_seconds']:.1f} s")
    print(f"a frame             {clip['seconds_per_frame']:.3f} s")
    print(f"peak memory         {short['peak_mb']} MB for {arguments.short:g} s, {long['peak_mb']} MB for {arguments.long:g} s")
    print(f"difference          {result['peak_growth_mb']} MB")
    return 0


def render(folder: Path, seconds: float, arguments: argparse.Namespace) -> dict:
    """Report of one render in a child process; raises LongTakeError with the child's last line when it fails."""
    width, height = arguments.size
    command = [sys.executable, "-m", __package__.partition(".")[0], "render", PROMPT, "--seconds", f"{seconds:g}"]
    command += ["--size", f"{width}x{height}", "--device", arguments.device, "--json", "--quiet"]
    command += ["-o", str(folder / f"{seconds:g}.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise LongTakeError(f"bench: the {seconds:g} s render failed: {last[0].removeprefix('longtake: ')}")
    return json.loads(done.stdout)
