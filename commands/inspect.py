"""`longtake inspect`: what a film or a reel holds, how smooth its joins are, whether it drifts, and whether it is marked."""

import argparse
import json
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from ..errors import ReelError, UsageError
from .render import MARK_KEY
from .values import shorten

MARK_FRAMES = 64


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Options of `longtake inspect`."""
    parser = subparsers.add_parser("inspect", help="what a film or reel holds: joins, drift, mark, record")
    parser.add_argument("path", type=Path, metavar="FILE|REEL", help="a video, a picture, or the folder of a reel")
    parser.add_argument("--joins", metavar="N,N", help="frames that begin a new piece; else those in the film's record")
    parser.add_argument("--loop", action="store_true", help="also measure the step from the last frame to the first")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the report; raises UsageError, MediaError, ReelError."""
    if arguments.path.is_dir():
        report = reel_report(arguments.path)
        print(json.dumps(report) if arguments.json else "\n".join(reel_lines(report)))
        return 0
    report = film_report(arguments)
    print(json.dumps(report) if arguments.json else "\n".join(film_lines(report)))
    return 0


def film_report(arguments: argparse.Namespace) -> dict[str, Any]:
    """Size, length, record, joins, drift, most visible transition and mark of a video file."""
    from ..longtake.metrics import Meter
    from ..media import mark
    from ..media.read import probe, read_frames

    path = arguments.path
    info = probe(path)
    record = read_record(info.metadata.get("comment", ""))
    console = Console(stderr=True, quiet=arguments.quiet)
    meter = Meter()
    frames = read_frames(path)
    for frame in track(frames, "measuring", total=info.frames, console=console, disable=arguments.quiet):
        meter.add(frame)
    joins = asked_joins(arguments.joins, meter.frames)
    if joins is None:
        listed = record.get("joins", []) if isinstance(record.get("joins", []), list) else []
        joins = [join for join in listed if isinstance(join, int) and 0 < join < meter.frames]
    loop = (arguments.loop or record.get("loop") is True) and meter.frames >= 3
    measured = meter.report(joins, float(info.fps), loop=loop).as_dict()
    sharpest = max(range(1, meter.frames), key=lambda frame: meter.join(frame).ratio, default=None)
    step = None if sharpest is None else {"frame": sharpest, "ratio": meter.join(sharpest).ratio}
    score = mark.detect(islice(read_frames(path), MARK_FRAMES), MARK_KEY)
    return {
        "file": str(path), "width": info.width, "height": info.height, "fps": round(float(info.fps), 4),
        "frames": meter.frames, "seconds": round(info.duration, 3), "codec": info.codec, "alpha": info.has_alpha,
        "record": record, **measured, "sharpest_step": step,
        "mark": {"score": round(score, 2), "found": score > mark.THRESHOLD},
    }  # fmt: skip


def asked_joins(text: str | None, frames: int) -> list[int] | None:
    """Frame numbers of `--joins`. Raises UsageError."""
    if text is None:
        return None
    try:
        joins = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UsageError(f"--joins {shorten(text)!r}: give frame numbers, such as 32,64") from None
    if any(not 0 < join < frames for join in joins):
        raise UsageError(f"--joins {shorten(text)!r}: the film has joins at frames 1 to {frames - 1}")
    return joins


def read_record(comment: str) -> dict[str, Any]:
    """The record that render wrote into the film's metadata; empty where there is none."""
    try:
        record = json.loads(comment)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def reel_report(path: Path) -> dict[str, Any]:
    """Header, metrics and segments of a reel. Raises ReelError where the folder holds none."""
    from ..longtake.reel import INDEX, SEGMENTS

    try:
        data = json.loads((path / INDEX).read_text(encoding="utf-8"))
        segments = [{"file": entry["file"], "bytes": entry["bytes"], "meta": entry["meta"]} for entry in data["segments"]]
        for segment in segments:
            segment["present"] = (path / SEGMENTS / Path(segment["file"]).name).is_file()
        return {"reel": str(path), "header": data["header"], "metrics": data["metrics"], "segments": segments}
    except FileNotFoundError:
        raise ReelError(f"{path}: no reel, it has no {INDEX}; give a video file or the folder of a reel") from None
    except (ValueError, KeyError, TypeError):
        raise ReelError(f"{path / INDEX}: damaged; render again with --reel {path} to make it anew") from None


def film_lines(report: dict[str, Any]) -> list[str]:
    """The report for reading."""
    lines = [
        f"film     {report['width']}x{report['height']}, {report['frames']} frames at {report['fps']:g} fps, "
        f"{report['seconds']:g} s, {report['codec']}",
    ]
    record = report["record"]
    if record:
        prompt = record.get("prompt", "")
        shots = prompt if isinstance(prompt, list) else [prompt]
        lines += [f"prompt   {shorten(str(shot), 100)}" for shot in shots]
        lines.append(f"made by  {record.get('generator')}, model {record.get('model')}, seed {record.get('seed')}")
    for join in report["joins"] + ([report["loop"]] if report["loop"] else []):
        name = "loop" if join is report["loop"] else f"join {join['frame']}"
        verdict = "smooth" if join["passes"] else "visible"
        lines.append(f"{name:8} ratio {join['ratio']:.2f}, acceleration {join['acceleration']:.2f}: {verdict}")
    if report["sharpest_step"]:
        lines.append(f"sharpest step at frame {report['sharpest_step']['frame']}, ratio {report['sharpest_step']['ratio']:.2f}")
    for name, drift in report["drift"].items():
        lines.append(f"drift    {name:10} {drift['start']:8.2f} to {drift['end']:8.2f}  ({drift['change']:+.1%})")
    found = "found" if report["mark"]["found"] else "not found"
    lines.append(f"mark     {found} (score {report['mark']['score']:.1f})")
    return lines


def reel_lines(report: dict[str, Any]) -> list[str]:
    """The report for reading."""
    lines = [f"reel     {report['reel']}"] + [f"{name:8} {value}" for name, value in report["header"].items()]
    for shot in report["metrics"].get("shots", []):
        lines.append(f"shot     seed {shot.get('seed')}: {shorten(str(shot.get('prompt')), 80)}")
    size = sum(segment["bytes"] for segment in report["segments"])
    missing = [segment["file"] for segment in report["segments"] if not segment["present"]]
    lines.append(f"segments {len(report['segments'])}, {size / 1e6:.1f} MB")
    lines += [f"missing  {file}" for file in missing]
    return lines
