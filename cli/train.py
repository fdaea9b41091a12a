"""`longtake train`: the nets in the box from nothing, in segments that resume."""

import argparse
import contextlib
from pathlib import Path

from ..errors import UsageError
from .terminal import say_path
from .values import number, whole

MINUTES_MIN = 0.1  # in less, nothing is learned, and what comes before and after takes longer
ORDER = ("vae", "text", "dit", "reader")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `longtake train vae|text|dit|reader`."""
    parser = subparsers.add_parser(
        "train",
        help="train a net of the model in the box",
        description="Trains one net on renders of the procedural world, on a GPU or a CPU, and resumes where it stopped. "
        "The order is vae, text, dit; the reader judges what they make, and nothing is trained on its word.",
    )
    parser.add_argument("net", choices=ORDER, help="what to train")
    parser.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="where runs live, one folder a net (runs)")
    parser.add_argument(
        "--minutes", type=number(MINUTES_MIN, 100000), default=9.5, metavar="M", help="length of this segment (9.5)"
    )
    parser.add_argument("--total", type=number(0, 100000, above=True), metavar="M", help="planned length of all segments (60)")
    parser.add_argument("--world", choices=("small", "full"), default="full", help="how much of the world to learn (full)")
    parser.add_argument("--width", type=whole(64, 2048), metavar="W", help="of the transformer, a multiple of 64 (384)")
    parser.add_argument("--depth", type=whole(1, 64), metavar="N", help="blocks of the transformer (8)")
    parser.add_argument(
        "--tokens", type=whole(64, 10**7), metavar="N", help="tokens a step of the transformer, of 2x2 latents each (4096)"
    )
    parser.add_argument("--seed", type=whole(0, 2**31), default=0, metavar="N", help="of weights and data (0)")
    parser.add_argument("--device", metavar="D", help="cpu, cuda or cuda:1 (a GPU where there is one)")
    parser.add_argument("--from-box", action="store_true", help="begin with the weights in the box instead of nothing")
    parser.add_argument(
        "--decoder", action="store_true", help="go on with the decoder of the VAE alone, so that latents stay what they are"
    )
    parser.add_argument(
        "--bake",
        type=number(0, 30, above=True),
        metavar="G",
        help="teach the transformer to answer without guidance as the weights in the box do with guidance G",
    )
    parser.add_argument(
        "--distill",
        type=whole(1, 64),
        metavar="N",
        help="teach the transformer to make in N steps what the weights in the box make in twice as many",
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="DIR",
        help="afterwards write the averaged weights there, as shards with a manifest",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Trains, then exports where asked. Raises UsageError, WeightsError."""
    total = arguments.total or max(60.0, arguments.minutes)
    if arguments.minutes > total:
        raise UsageError(
            f"--minutes {arguments.minutes:g} --total {total:g}: one segment is longer than all; give a larger --total"
        )
    if arguments.width and arguments.width % 64:
        raise UsageError(f"--width {arguments.width}: give a multiple of 64")
    if arguments.bake and (arguments.net != "dit" or not arguments.from_box):
        raise UsageError(f"--bake {arguments.bake:g}: guidance is baked into the weights in the box; give dit --from-box")
    if arguments.distill and (arguments.net != "dit" or not arguments.from_box):
        raise UsageError(f"--distill {arguments.distill}: the weights in the box are the teacher; give dit --from-box")
    if arguments.decoder and (arguments.net != "vae" or not arguments.from_box):
        raise UsageError("--decoder: an encoder must be there that stays as it is; give vae --from-box")
    from rich.console import Console

    from ..lab.training.jobs import Job, train
    from .bars import working

    job = Job(
        net=arguments.net,
        out=arguments.out,
        minutes=arguments.minutes,
        total=total,
        world=arguments.world,
        width=arguments.width,
        depth=arguments.depth,
        tokens=arguments.tokens,
        seed=arguments.seed,
        device=arguments.device,
        from_box=arguments.from_box,
        bake=arguments.bake,
        distill=arguments.distill,
        export=arguments.export,
        decoder=arguments.decoder,
    )
    console = Console(stderr=True)
    with contextlib.nullcontext() if console.is_terminal else working(console, f"training {job.net}, see {job.out / job.net}"):
        files = train(job)
    for path in files:
        say_path(path)
    return 0
