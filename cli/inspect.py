"""`longtake inspect`: what a film or a reel holds, how smooth its joins are, whether it drifts, and whether it is marked."""

import argparse
import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.progress import track

from ..errors import ReelError, UsageError
from .render import MARK_KEY
from .values import shorten

if TYPE_CHECKING:
    from ..metrics.meter import Meter

MARK_FRAMES = 64


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Options of `longtake inspect`."""
    parser = subparsers.add_parser("inspect", help="what a film or reel holds: joins, drift, mark, record")
    parser.add_argument("path", type=Path, metavar="FILE|REEL", help="a video, a picture, or the folder of a reel")
    parser.add_argument("--joins", metavar="N,N", help="frames that begin a new piece; else those in the film's record")
    parser.add_argument("--loop", action="store_true", help="also measure the step from the last frame to the first")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw joins and drift over time as a picture")
    parser.add_argument("--prune", action="store_true", help="delete the segments of a reel that its last version does not use")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the report; raises UsageError, MediaError, ReelError."""
    if arguments.plot and arguments.plot.suffix.lower() != ".png":
        raise UsageError(f"--plot {arguments.plot}: give a file name that ends in .png")
    if arguments.path.is_dir():
        if arguments.prune:
            prune(arguments.path)
        report = reel_report(arguments.path)
        series = report["metrics"].pop("series", None)
        if arguments.plot:
            plot_reel(report, series, arguments.plot)
        print(json.dumps(report) if arguments.json else "\n".join(reel_lines(report)))
        return 0
    if arguments.prune:
        raise UsageError(f"--prune {arguments.path}: give the folder of a reel")
    film = film_report(arguments)
    if arguments.plot:
        plot(film.meter, film.joins, film.data["fps"], arguments.plot)
    print(json.dumps(film.data) if arguments.json else "\n".join(film_lines(film)))
    return 0


class Inspected(NamedTuple):
    """What was measured of a film: plain data, lines on joins and drift, and what the plot is drawn from."""

    data: dict[str, Any]
    words: list[str]
    meter: "Meter"
    joins: list[int]


def film_report(arguments: argparse.Namespace) -> Inspected:
    """Size, length, record, joins, drift, most visible transition and mark of a video file."""
    from ..media import mark
    from ..media.read import probe, read_frames
    from ..metrics.meter import Meter

    path = arguments.path
    info = probe(path)
    record = mark.read_record(info.metadata.get("comment", ""))
    console = Console(stderr=True, quiet=arguments.quiet)
    meter = Meter()
    frames = read_frames(path)
    for frame in track(frames, "measuring", total=info.frames, console=console, disable=arguments.quiet):
        meter.add(frame)
    asked = asked_joins(arguments.joins, meter.frames)
    joins, windows = (listed(record, name, meter.frames) if asked is None else [] for name in ("joins", "windows"))
    joins = joins if asked is None else asked
    loop = (arguments.loop or record.get("loop") is True) and meter.frames >= 3
    measured = meter.report(joins, float(info.fps), windows=windows, loop=loop)
    sharpest = max(range(1, meter.frames), key=lambda frame: meter.join(frame).ratio, default=None)
    step = None if sharpest is None else {"frame": sharpest, "ratio": meter.join(sharpest).ratio}
    score = mark.detect(islice(read_frames(path), MARK_FRAMES), MARK_KEY)
    data = {
        "file": str(path),
        "width": info.width,
        "height": info.height,
        "fps": round(float(info.fps), 4),
        "frames": meter.frames,
        "seconds": round(info.duration, 3),
        "codec": info.codec,
        "alpha": info.has_alpha,
        "record": record,
        **measured.as_dict(),
        "sharpest_step": step,
        "mark": {"score": round(score, 2), "found": score > mark.THRESHOLD},
    }
    return Inspected(data, measured.words(), meter, joins + windows)


def listed(record: dict[str, Any], name: str, frames: int) -> list[int]:
    """Frame numbers that a record lists, as far as the film has them."""
    found = record.get(name)
    return [join for join in found if type(join) is int and 0 < join < frames] if isinstance(found, list) else []


def plot_reel(report: dict[str, Any], series: Any, path: Path) -> None:
    """Draws what was measured when the take on a reel was made. Raises UsageError where that was not, else as `plot`."""
    from ..metrics.meter import Meter, Report

    try:
        meter, found = Meter.of(series), Report.of(report["metrics"])
        fps = float(report["metrics"]["fps"])
        joins = [join.frame for join in found.joins + found.windows if 0 < join.frame < meter.frames]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(f"--plot {path}: nothing was measured of this reel; give the film made of it") from None
    plot(meter, joins, fps, path)


def plot(meter: "Meter", joins: list[int], fps: float, path: Path) -> None:
    """Draws joins and drift to a PNG. Raises UsageError for a film of one frame, MediaError where it cannot be written."""
    from ..media.write import open_writer
    from ..metrics.chart import draw

    if meter.frames < 2:
        raise UsageError(f"--plot {path}: a film of one frame has nothing to plot")
    picture = draw(meter, joins, fps)
    with open_writer(path, picture.shape[1], picture.shape[0], 1) as writer:
        writer.write(picture[None])


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


def prune(path: Path) -> None:
    """Deletes what earlier versions of a take have left in its reel. Raises ReelError, also where the last run did not end."""
    from ..reel.store import Reel

    with Reel.open(path, Reel.peek(path)["header"]) as reel:
        reel.prune()


def reel_report(path: Path) -> dict[str, Any]:
    """Header, metrics and segments of a reel. Raises ReelError where the folder holds none."""
    from ..reel.store import INDEX, SEGMENTS, Reel

    if not (path / INDEX).exists():
        raise ReelError(f"{path}: no reel, it has no {INDEX}; give a video file or the folder of a reel")
    data = Reel.peek(path)
    try:
        segments = [{"file": entry["file"], "bytes": entry["bytes"], "meta": entry["meta"]} for entry in data["segments"]]
        for segment, entry in zip(segments, data["segments"], strict=True):
            segment["used"] = entry["key"] in data["order"]
            segment["present"] = (path / SEGMENTS / Path(segment["file"]).name).is_file()
        found = {name: data[name] for name in ("longtake", "header", "finished", "metrics")}
        return {"reel": str(path), **found, "segments": segments}
    except (KeyError, TypeError):
        raise ReelError(f"{path / INDEX}: damaged; render again with --reel {path} to make it anew") from None


def film_lines(film: Inspected) -> list[str]:
    """The report for reading."""
    report = film.data
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
    lines += film.words
    if report["sharpest_step"]:
        lines.append(f"sharpest step at frame {report['sharpest_step']['frame']}, ratio {report['sharpest_step']['ratio']:.2f}")
    found = "found" if report["mark"]["found"] else "not found"
    lines.append(f"mark     {found} (score {report['mark']['score']:.1f})")
    return lines


def reel_lines(report: dict[str, Any]) -> list[str]:
    """The report for reading."""
    lines = [f"reel     {report['reel']}", f"made by  LongTake {report['longtake']}"]
    lines += [f"{name:8} {value}" for name, value in report["header"].items()]
    for shot in report["metrics"].get("shots", []):
        lines.append(f"shot     seed {shot.get('seed')}: {shorten(str(shot.get('prompt')), 80)}")
    lines += measured_lines(report)
    size = sum(segment["bytes"] for segment in report["segments"])
    missing = [segment["file"] for segment in report["segments"] if not segment["present"]]
    lines.append(f"segments {len(report['segments'])}, {size / 1e6:.1f} MB")
    spare = [segment["bytes"] for segment in report["segments"] if not segment["used"]]
    if spare:
        lines.append(f"earlier  {len(spare)} of them, {sum(spare) / 1e6:.1f} MB, are not in the last version: --prune deletes them")
    lines += [f"missing  {file}" for file in missing]
    return lines


def measured_lines(report: dict[str, Any]) -> list[str]:
    """Joins and drift of the take on a reel, as they were measured when it was made. Raises ReelError for a damaged reel."""
    from ..metrics.meter import Report

    metrics = report["metrics"]
    if not {"joins", "drift"} & set(metrics):
        return ["joins    not measured: the take is not finished, or was made without a VAE"]
    try:
        lines = Report.of(metrics).words()
        for one in metrics.get("again", []):
            lines.append(f"again    frame {one['frame']}, {one['times']} times; kept is seed {one['seed']}")
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ReelError(f"{report['reel']}: its measurements are damaged; make the take again with this reel") from None
    return lines if report["finished"] else [*lines, "note     measured when the take was last finished; a later run has not been"]
