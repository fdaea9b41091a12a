"""`longtake world`: a look at the procedural world that the model in the box was trained on."""

import argparse
from pathlib import Path

from ..errors import UsageError
from .terminal import say, say_path
from .values import size, whole

FRAMES, SECONDS = 4, 1.2
ENDINGS = (".png", ".jpg", ".jpeg", ".webp")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `longtake world`."""
    parser = subparsers.add_parser(
        "world",
        help="draw scenes of the training world with their captions",
        description="Draws scenes of the procedural world as a contact sheet, four frames a scene, and prints their captions.",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("world.png"), metavar="FILE", help="picture (world.png)")
    parser.add_argument("--world", choices=("small", "full"), default="full", help="which part of the world (full)")
    parser.add_argument("--scenes", type=whole(1, 400), default=12, metavar="N", help="how many (12)")
    parser.add_argument("--columns", type=whole(1, 20), default=2, metavar="N", help="scenes side by side (2)")
    parser.add_argument("--size", type=size, default=(256, 160), metavar="WxH", help="of a frame (256x160)")
    parser.add_argument("--seed", type=whole(0, 2**31), default=1, metavar="N", help="first scene (1)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Writes the sheet and prints one caption a scene. Raises UsageError."""
    if arguments.output.suffix.lower() not in ENDINGS or arguments.output.is_dir():
        raise UsageError(f"-o {arguments.output}: give the name of a picture, ending in {', '.join(ENDINGS)}")
    import torch

    from ..lab.training.run import save_strip
    from ..lab.world.render import render
    from ..models.prompts.captions import caption
    from ..models.prompts.scene import WORLDS

    width, height = arguments.size
    scenes = [WORLDS[arguments.world].sample(arguments.seed + i, held_out=None) for i in range(arguments.scenes)]
    clips = [render([scene], FRAMES, height, width, FRAMES / SECONDS)[0] for scene in scenes]
    clips += [torch.ones_like(clips[0])] * (-len(clips) % arguments.columns)
    rows = [torch.cat(clips[i : i + arguments.columns]) for i in range(0, len(clips), arguments.columns)]
    save_strip(arguments.output, rows)
    for i, scene in enumerate(scenes):
        say(f"{i + 1}. {caption(scene, arguments.seed + i).text}")
    say_path(arguments.output)
    return 0
