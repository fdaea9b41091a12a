"""`longtake finish`: a film at another rate, size and sound, without models; Finish Video in ComfyUI takes models too."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

from ..errors import UsageError
from ..media.finish_options import CRF, MOTIONS, REPEAT, WORDS, FinishOptions
from .bars import Bars
from .options import add_disclosure_options, add_guard_option, disclosure_of
from .render import note_all, peak_memory
from .terminal import say, waiting
from .values import sides
from .video_file import check_output

if TYPE_CHECKING:
    from ..media.finish import Finish, Finished

EXAMPLES = """examples:
  longtake finish film.mp4 --fps 24 --size 1920x1080 -o final.mp4
  longtake finish film.mp4 --fps 48 --motion blend --audio song.mp3 --audio-fade 2 -o final.mp4
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Options of `longtake finish`."""
    parser = subparsers.add_parser(
        "finish",
        usage="longtake finish [options] FILM",
        help="bring a film to another frame rate, size and sound",
        description="Frames are repeated or blended, never across a cut, and scaled; sound and marks are kept. A run that was "
        "stopped goes on from the pieces it had finished. In ComfyUI, Finish Video does so with interpolation and upscale models.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
    )
    parser.add_argument("film", type=Path, metavar="FILM", help="the film to finish")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=".mp4, .mov, .webm or .mkv (FILM_finished.mp4)")
    parser.add_argument("--fps", type=float, metavar="F", help=f"{plain('fps')} (the film's own)")
    parser.add_argument("--size", type=sides, metavar="WxH", help="pixels; 0 for what follows from the other side (the film's own)")
    parser.add_argument("--motion", default=REPEAT, metavar="|".join(MOTIONS), help=f"between two frames, one of these ({REPEAT})")
    parser.add_argument("--codec", metavar="NAME", help="h264, h265, av1, prores, vp9 or ffv1 (what the name implies)")
    parser.add_argument("--crf", type=int, default=CRF, metavar="N", help=f"{plain('crf')} ({CRF})")
    parser.add_argument(
        "--audio", type=Path, metavar="FILE", help="what is heard instead of the film's own sound, cut where it ends"
    )
    parser.add_argument("--audio-delay", type=float, default=0.0, metavar="S", help=plain("audio_delay"))
    parser.add_argument("--audio-fade", type=float, default=0.0, metavar="S", help=plain("audio_fade"))
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    add_guard_option(parser)
    add_disclosure_options(parser)
    parser.set_defaults(run=run)


def plain(option: str) -> str:
    """The line on an option as the command's help has it."""
    return (WORDS[option][0].lower() + WORDS[option][1:]).rstrip(".").replace("%", "%%")


def run(arguments: argparse.Namespace) -> int:
    """Finishes a film and reports; raises LongTakeError, and KeyboardInterrupt that says what is kept."""
    console = Console(stderr=True, quiet=arguments.quiet, soft_wrap=True, highlight=False)
    width, height = arguments.size or (0, 0)
    options = FinishOptions(
        fps=arguments.fps,
        width=width,
        height=height,
        motion=arguments.motion,
        codec=arguments.codec,
        crf=arguments.crf,
        audio_delay=arguments.audio_delay,
        audio_fade=arguments.audio_fade,
    )
    finish, guard = make(arguments, options, console)
    with Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
        console=console,
    ) as bars:
        task = bars.add_task("finishing", total=1.0)

        def tick(done: int, total: int, reused: bool) -> None:
            bars.update(task, completed=done, total=total, description="finishing" + " (finished before)" * reused)

        try:
            made = finish.run(tick)
        except KeyboardInterrupt:
            where = f"{finish.output.stem}.pieces"
            raise KeyboardInterrupt(f"interrupted: the same command goes on from what is finished, in {where}") from None
    notes = [*made.notes, *guard.warnings]
    note_all(console, notes)
    if arguments.json:
        print(json.dumps(report(made, notes)))
    elif not arguments.quiet:
        say(summary(made))
    return 0


def make(arguments: argparse.Namespace, options: FinishOptions, console: Console) -> "tuple[Finish, Any]":
    """The work that the options ask for, all of it checked, and the guard that sees its frames."""
    from ..guard.watch import Guard
    from ..media.finish import Finish
    from ..media.footage import FileFootage
    from ..media.soundtrack import open_audio

    film: Path = arguments.film
    output = arguments.output or film.with_name(f"{film.stem}_finished.mp4")
    with waiting(console, "looking at the film"):
        footage = FileFootage(film)
        if not output.suffix:
            raise UsageError(f"-o {output}: give a file, such as {output}.mp4")
        audio = None if arguments.audio is None else open_audio(arguments.audio)
        guard = Guard(arguments.guard)
        finish = Finish(footage, output, options, audio=audio, disclosure=disclosure_of(arguments), check=guard.check_frames)
        inputs = [film] + ([arguments.audio] if arguments.audio else [])
        check_output(output, inputs, finish.times.frames, *finish.size)
    guard.begin_film(float(finish.fps))
    return finish, guard


def report(made: "Finished", notes: list[str]) -> dict[str, Any]:
    """The result as plain data."""
    return {
        "file": str(made.path),
        "width": made.size[0],
        "height": made.size[1],
        "frames": made.frames,
        "fps": float(made.fps),
        "seconds": round(float(made.frames / made.fps), 3),
        "pieces": made.pieces,
        "pieces_reused": made.reused,
        "peak_mb": peak_memory(),
        "signed_by": made.signed or None,
        "notes": notes,
    }


def summary(made: "Finished") -> str:
    """The lines printed at the end."""
    lines = [
        f"size     {made.size[0]}x{made.size[1]}",
        f"frames   {made.frames} at {float(made.fps):g} fps, {float(made.frames / made.fps):.3f} s",
    ]
    lines += [f"pieces   {made.reused} of {made.pieces} were there from a run before"] if made.reused else []
    lines += [f"signed   by {made.signed}"] if made.signed else []
    return "\n".join([*lines, f"file     {made.path.resolve()}"])
