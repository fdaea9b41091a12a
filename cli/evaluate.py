"""`longtake evaluate`: figures and pictures of what the weights can do."""

import argparse
from pathlib import Path

from .terminal import say_path
from .values import number, size, whole


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `longtake evaluate`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure what the weights can do",
        description="Measures prompt accuracy, the VAE and the joins of extensions on prompts and renders never trained on, "
        "beside ceiling and floor, and writes evaluation.json and evaluation.md after every clip, evaluation.png at the end.",
    )
    parser.add_argument("--out", type=Path, default=Path("evaluation"), metavar="DIR", help="where the report goes (evaluation)")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="other weights than those in the box")
    parser.add_argument("--prompts", type=whole(1, 10000), default=40, metavar="N", help="prompts of every kind (40)")
    parser.add_argument(
        "--clips", type=whole(1, 10000), default=20, metavar="N", help="renders for the VAE and each kind of join (20)"
    )
    parser.add_argument(
        "--pairs", type=whole(0, 10000), default=40, metavar="N", help="samples compared with renders of the same scenes (40)"
    )
    parser.add_argument("--longs", type=whole(0, 1000), default=0, metavar="N", help="takes of a minute (0)")
    parser.add_argument("--size", type=size, default=(256, 160), metavar="WxH", help="of the clips, multiples of 16 (256x160)")
    parser.add_argument("--seconds", type=number(0, 60, above=True), default=4.0, metavar="S", help="of the clips (4)")
    parser.add_argument("--steps", type=whole(1, 1000), metavar="N", help="model calls a window (as in the weights' card)")
    parser.add_argument("--cfg", type=number(0, 30), metavar="C", help="guidance (as in the weights' card)")
    parser.add_argument("--device", default="cpu", metavar="D", help="cpu or cuda (cpu)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measures, writes the report and prints the table. Raises WeightsError, UsageError."""
    from rich.console import Console

    from ..errors import UsageError
    from ..lab.training.evaluate import Plan, Result, evaluate, markdown, write
    from ..lab.training.jobs import load_reader
    from ..models.load import WEIGHTS, load_bundle, load_state, pick_device
    from ..models.prompts.scene import WORLDS
    from .bars import working

    width, height = arguments.size
    if width % 16 or height % 16:
        raise UsageError(f"--size {width}x{height}: give multiples of 16")
    folder = arguments.weights or WEIGHTS
    bundle = load_bundle(pick_device(arguments.device), arguments.weights)
    reader = load_reader(folder)
    world = WORLDS[load_state("reader", folder)[1]["world"]]
    plan = Plan(
        prompts=arguments.prompts,
        clips=arguments.clips,
        pairs=arguments.pairs,
        longs=arguments.longs,
        size=(height, width),
        seconds=arguments.seconds,
        steps=arguments.steps or bundle.capability.steps,
        cfg=bundle.capability.cfg if arguments.cfg is None else arguments.cfg,
        device=arguments.device,
    )
    with working(Console(stderr=True), "evaluating") as say:

        def tell(doing: str, result: Result) -> None:
            say(doing)
            write(result, plan, arguments.out)

        result = evaluate(bundle, reader, world, plan, tell)
    print(markdown(result))
    for path in write(result, plan, arguments.out):
        say_path(path)
    return 0
