"""`longtake inspect`: what a film or a reel holds, how smooth its joins are, whether it drifts, and whether it is marked."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console

from ..errors import ReelError, UsageError, shorten
from ..farm.folder import FILM, FilmFolder
from ..media import hdr
from ..metrics.joins import JoinFrames
from .bars import Bars
from .terminal import say

if TYPE_CHECKING:
    from ..metrics.meter import Meter
    from ..reel.record import ReelRecord


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
    if (arguments.path / FILM).is_file():
        chains = FilmFolder(arguments.path).listed()
        say_report({"film": str(arguments.path), "chains": chains}, chain_lines(chains), arguments.json)
        return 0
    if arguments.path.is_dir():
        if arguments.prune:
            prune(arguments.path)
        reel = read_reel(arguments.path)
        if arguments.plot:
            plot_reel(reel.record, arguments.plot)
        say_report(reel.data, reel_lines(reel), arguments.json)
        return 0
    if arguments.prune:
        raise UsageError(f"--prune {arguments.path}: give the folder of a reel")
    film = film_report(arguments)
    if arguments.plot:
        plot(film.meter, film.joins, film.data["fps"], arguments.plot)
    say_report(film.data, film_lines(film), arguments.json)
    return 0


def say_report(data: dict[str, Any], lines: list[str], as_json: bool) -> None:
    """Prints the report, each of its lines cleaned, or JSON, which has no other characters than ASCII."""
    if as_json:
        print(json.dumps(data))
    for line in () if as_json else lines:
        say(" ".join(line.splitlines()))


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
    meter, detector = Meter(), mark.Detector(mark.KEY)
    frames = read_frames(path)
    with Bars(console=console, disable=arguments.quiet) as bars:
        for frame in bars.track(frames, info.frames, description="measuring"):
            meter.add(frame)
            detector.add(frame)
    asked = asked_joins(arguments.joins, meter.frames)
    joins = JoinFrames.read(record).within(meter.frames) if asked is None else JoinFrames(asked, [])
    loop = (arguments.loop or record.get("loop") is True) and meter.frames >= 3
    measured = meter.report(joins.joins, float(info.fps), windows=joins.windows, loop=loop)
    sharpest = max(range(1, meter.frames), key=lambda frame: meter.join(frame).ratio, default=None)
    step = None if sharpest is None else {"frame": sharpest, "ratio": meter.join(sharpest).ratio}
    data = {
        "file": str(path),
        "width": info.width,
        "height": info.height,
        "fps": round(float(info.fps), 4),
        "frames": meter.frames,
        "seconds": round(info.duration, 3),
        "codec": info.codec,
        "alpha": info.has_alpha,
        "hdr": info.hdr or None,
        "sound": info.sound or None,
        "record": record,
        **measured.as_dict(),
        "sharpest_step": step,
        "mark": detector.match().as_dict(),
    }
    return Inspected(data, measured.lines(), meter, joins.joins + joins.windows)


class ReelContent(NamedTuple):
    """What a reel holds: plain data for JSON, and its record."""

    data: dict[str, Any]
    record: "ReelRecord"


def plot_reel(record: "ReelRecord", path: Path) -> None:
    """Draws what was measured when the take on a reel was made. Raises UsageError where that was not, else as `plot`."""
    if record.meter is None or record.report is None or not record.fps:
        raise UsageError(f"--plot {path}: nothing was measured of this reel; give the film made of it")
    joins = [join.frame for join in record.report.joins + record.report.windows if 0 < join.frame < record.meter.frames]
    plot(record.meter, joins, record.fps, path)


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

    with Reel.open(path) as reel:
        reel.prune()


def read_reel(path: Path) -> ReelContent:
    """Header, record and segments of a reel. Raises ReelError where the folder holds none."""
    from ..reel.migrations import SEGMENTS
    from ..reel.record import ReelRecord
    from ..reel.store import INDEX, Reel

    if not (path / INDEX).exists():
        raise ReelError(f"{path}: no reel, it has no {INDEX}; give a video file or the folder of a reel")
    index = Reel.peek(path)
    segments = [
        {
            "file": entry["file"],
            "bytes": entry["bytes"],
            "meta": entry["meta"],
            "used": entry["key"] in index["order"],
            "present": (path / SEGMENTS / Path(entry["file"]).name).is_file(),
        }
        for entry in index["segments"]
    ]
    record = ReelRecord.read(index["metrics"], path / INDEX)
    measured = {name: value for name, value in index["metrics"].items() if name != "series"}
    data = {"reel": str(path), **{name: index[name] for name in ("longtake", "header", "finished")}, "record": measured}
    return ReelContent(data | {"segments": segments}, record)


def film_lines(film: Inspected) -> list[str]:
    """The report for reading."""
    report = film.data
    lines = [
        f"film     {report['width']}x{report['height']}, {report['frames']} frames at {report['fps']:g} fps, "
        f"{report['seconds']:g} s, {report['codec']}",
        f"sound    {report['sound'] or 'none'}",
    ]
    if report["hdr"]:
        lines.append(f"note     {hdr.note(Path(report['file']).name, report['hdr'])}")
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
    lines.append(f"mark     {found} (score {report['mark']['score']:.1f}, threshold {report['mark']['threshold']:g})")
    return lines


def chain_lines(chains: list[dict[str, Any]]) -> list[str]:
    """The chains of a film that is made in chains, for reading."""
    left = sum(chain["state"] != "done" for chain in chains)
    lines = [
        f"chain {chain['chain']:<4}{chain['state']:8}{chain['seconds']:g} s  {shorten(' / '.join(chain['prompts']), 70)}"
        for chain in chains
    ]
    return [*lines, f"missing  {left} of {len(chains)} chains" if left else "all chains are done"]


def reel_lines(reel: ReelContent) -> list[str]:
    """The report for reading."""
    data, segments = reel.data, reel.data["segments"]
    lines = [f"reel     {data['reel']}", f"made by  LongTake {data['longtake']}"]
    lines += [f"{name:8} {value}" for name, value in data["header"].items()]
    lines += [shorten(shot.line(), 110) for shot in reel.record.shots]
    lines += reel.record.lines() or ["not measured: the take is not finished, or was made without a VAE"]
    if reel.record.report is not None and not data["finished"]:
        lines.append("note     measured when the take was last finished; a later run has not been")
    size = sum(segment["bytes"] for segment in segments)
    lines.append(f"segments {len(segments)}, {size / 1e6:.1f} MB")
    spare = [segment["bytes"] for segment in segments if not segment["used"]]
    if spare:
        lines.append(f"earlier  {len(spare)} of them, {sum(spare) / 1e6:.1f} MB, are not in the last version: --prune deletes them")
    return lines + [f"missing  {segment['file']}" for segment in segments if not segment["present"]]
