"""The options of `longtake render`, and those that other commands share with it."""

import argparse
from pathlib import Path

from ..errors import UsageError
from ..guard.policy import POLICIES, VARIABLE
from ..media.disclosure import Disclosure
from ..take.shots import SECONDS_MAX, SEED_MAX
from .values import FPS_MAX, keyframe, number, size, strength, whole

EXAMPLES = """examples:
  longtake render "a red dog runs through snow" --seconds 10 -o dog.mp4
  longtake render --extend dog.mp4 "the dog rests" --seconds 4 -o longer.mp4
  longtake render --shots story.txt --reel story -o story.mp4
"""


def add_render_options(parser: argparse.ArgumentParser) -> None:
    """What to render, from what, how, and where to."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument("prompt", nargs="?", help="what the clip shows, in English")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=".mp4, .webm, .png or a folder (longtake.mp4)")

    shape = parser.add_argument_group("shape")
    length = shape.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=number(0, SECONDS_MAX, above=True), metavar="S", help="length to make (4)")
    length.add_argument("--frames", type=whole(1, 216000), metavar="N", help="length in frames instead; 1 gives a PNG")
    shape.add_argument("--size", type=size, metavar="WxH", help="256x160, or the size of the clip given")
    shape.add_argument("--fps", type=number(1, FPS_MAX), metavar="F", help="8, or the frame rate of the clip given")

    source = parser.add_argument_group("start from")
    source.add_argument("--image", type=Path, metavar="IMAGE", help="the picture the clip starts with")
    source.add_argument("--keyframe", type=keyframe, action="append", metavar="T=IMAGE", help="a picture after T seconds")
    source.add_argument("--extend", type=Path, metavar="CLIP", help="continue this clip")
    source.add_argument("--backward", action="store_true", help="with --extend: make what came before it")
    source.add_argument("--connect", type=Path, nargs=2, metavar=("A", "B"), help="make what lies between two clips")
    source.add_argument("--loop", action="store_true", help="the end leads back to the start; with --extend: of that clip")
    source.add_argument("--remix", type=Path, metavar="CLIP", help="the same clip after another prompt")
    source.add_argument(
        "--strength",
        type=strength,
        metavar="S",
        help="of the remix: subtle, mild (default), strong or 0..1, or two of these, such as subtle:0.8; between clips: 1 is from "
        "noise alone (0.5)",
    )
    source.add_argument("--shots", type=Path, metavar="FILE", help="several prompts: text, one a line, or JSON")

    add_sampler_options(parser)

    result = parser.add_argument_group("result")
    result.add_argument("--reel", type=Path, metavar="DIR", help="keep finished parts in DIR and resume there")
    add_output_options(result)

    add_guard_option(result)
    add_disclosure_options(parser)


def add_output_options(group: argparse._ActionsContainer) -> None:
    """What is printed."""
    group.add_argument("--quiet", action="store_true", help="print errors only")
    group.add_argument("--json", action="store_true", help="print the result as JSON")


def add_sampler_options(parser: argparse.ArgumentParser, seed: int | None = 1) -> None:
    """How the model in the box samples."""
    sampler = parser.add_argument_group("sampler")
    sampler.add_argument("--seed", type=whole(0, SEED_MAX), default=seed, metavar="N", help="same seed, same frames (1)")
    sampler.add_argument("--steps", type=whole(1, 1000), metavar="N", help="model calls a window")
    sampler.add_argument("--order", type=int, choices=(1, 2), default=1, help="1 Euler, 2 multistep (1)")
    sampler.add_argument("--cfg", type=number(0, 30), metavar="C", help="guidance; 1 is off and fastest")
    sampler.add_argument("--rolling", action="store_true", help="one rolling window instead of one window after another")
    sampler.add_argument(
        "--retries", type=whole(0, 20), default=0, metavar="N", help="make a part again, at most N times, if its join shows (0)"
    )
    sampler.add_argument("--as-written", action="store_true", help="take the prompt as it is, not rewritten as a caption")
    sampler.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1 or mps (auto)")

    sampler.add_argument("--weights", type=Path, metavar="DIR", help="other weights than those in the box")


def add_guard_option(parser: argparse._ActionsContainer) -> None:
    """What is done about prohibited kinds."""
    parser.add_argument(
        "--guard",
        choices=POLICIES,
        help=f"warn of prompts and frames of prohibited kinds, or refuse them; {VARIABLE} sets the least for this machine (off)",
    )


def add_disclosure_options(parser: argparse.ArgumentParser) -> None:
    """How the film says that a model made it."""
    said = parser.add_argument_group("made by a model")
    said.add_argument("--no-mark", action="store_true", help="leave out mark, note and signature that say so")
    said.add_argument("--no-sign", action="store_true", help="leave out the signature alone (C2PA, with the extra [sign])")
    said.add_argument("--certificate", type=Path, metavar="PEM", help="sign with this chain, and --key, instead of your own")
    said.add_argument("--key", type=Path, metavar="PEM", help="the key of --certificate")
    said.add_argument("--label", metavar="TEXT", help="show this in the corner for the first two seconds")
    said.add_argument("--label-whole", action="store_true", help="show the label for the whole film")
    said.add_argument("--aigc", metavar="NAME", help="write the AIGC tag, with NAME as the producer")
    said.add_argument("--sidecar", action="store_true", help="write the record beside the film too, as FILE.json")


def disclosure_of(arguments: argparse.Namespace) -> Disclosure:
    """What those options ask for. Raises UsageError for options that do not go together."""
    if arguments.label_whole and not arguments.label:
        raise UsageError("--label-whole needs --label TEXT")
    marked, signed = not arguments.no_mark, not arguments.no_sign
    text, producer = arguments.label or "", arguments.aigc or ""
    files = arguments.certificate, arguments.key
    return Disclosure(marked, signed, text, arguments.label_whole, producer, arguments.sidecar, *files)
