"""How surely the invisible mark is found: `python -m comfyui_longtake.lab.marks --marked 200 --unmarked 2000 -o marks.json`.

Clips are those of the world, drawn anew, and files that are given. A marked one goes through every treatment, an unmarked one
through one of them in turn. Each is encoded again at the end; a marked one is H.264 at crf 18 before, as a finished film is.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from ..media import mark
from ..media.read import read_frames
from ..media.write import open_writer
from ..models.prompts.scene import WORLDS
from .world.render import render

SIZE, FPS = (160, 256), 8.0
FRAMES, FRAMES_UNMARKED = 32, 8


def resized(frames: Tensor, factor: float) -> Tensor:
    """`frames` [T, H, W, 3] with sides of `factor`, made even."""
    from torch.nn.functional import interpolate

    size = [int(side * factor) // 2 * 2 for side in frames.shape[1:3]]
    pixels = interpolate(frames.permute(0, 3, 1, 2), size=size, mode="bilinear", antialias=True)
    return pixels.permute(0, 2, 3, 1).clamp(0, 1)


def cropped(frames: Tensor, rng: random.Random) -> Tensor:
    """80 % of each side, anywhere."""
    height, width = (int(side * 0.8) // 2 * 2 for side in frames.shape[1:3])
    top, left = rng.randint(0, frames.shape[1] - height), rng.randint(0, frames.shape[2] - width)
    return frames[:, top : top + height, left : left + width]


def faster(frames: Tensor) -> Tensor:
    """1.2 times the speed at the same rate: every sixth frame is left out."""
    return frames[[round(number * 1.2) for number in range(int((len(frames) - 1) / 1.2) + 1)]]


def filmed(frames: Tensor) -> Tensor:
    """As off a screen: larger by a third, blurred."""
    from kornia.filters import gaussian_blur2d

    large = resized(frames, 1.3).permute(0, 3, 1, 2)
    return gaussian_blur2d(large, (7, 7), (1.0, 1.0)).permute(0, 2, 3, 1)


TREATMENTS: dict[str, tuple[Callable[[Tensor, random.Random], Tensor], int]] = {
    "H.264 at CRF 28": (lambda frames, rng: frames, 28),
    "half size": (lambda frames, rng: resized(frames, 0.5), 23),
    "crop to 80 %": (cropped, 23),
    "speed 1.2": (lambda frames, rng: faster(frames), 23),
    "off a screen": (lambda frames, rng: filmed(frames), 23),
    "crop to 80 % and CRF 28": (cropped, 28),
}
"""What is done to a clip, and the crf at which it is encoded again."""


def encoded(frames: Tensor, crf: int, folder: Path) -> Tensor:
    """`frames` after H.264."""
    path = folder / "clip.mp4"
    with open_writer(path, frames.shape[2], frames.shape[1], FPS, crf=crf) as writer:
        writer.write(frames)
    return torch.stack(list(read_frames(path)))


def clips(count: int, frames: int, first: int, files: list[Path]) -> Iterator[Tensor]:
    """`count` clips, the files first, then scenes of the world from seed `first` on."""
    for path in files[:count]:
        yield torch.stack(list(islice(read_frames(path), frames)))
    for seed in range(first, first + count - len(files[:count])):
        yield render([WORLDS["full"].sample(seed, held_out=None)], frames, *SIZE, FPS)[0]


def match(frames: Tensor) -> mark.Match:
    """What the detector says of all frames."""
    detector = mark.Detector(mark.KEY)
    for frame in frames:
        detector.add(frame)
    return detector.match()


def main(argv: list[str] | None = None) -> None:
    """Measures and writes; what is measured so far is on disk after every clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--marked", type=int, default=200)
    parser.add_argument("--unmarked", type=int, default=2000)
    parser.add_argument("--first", type=int, default=500_000, help="seed of the first scene")
    parser.add_argument("-o", "--output", type=Path, default=Path("marks.json"))
    parser.add_argument("files", type=Path, nargs="*", help="clips without a mark")
    asked = parser.parse_args(argv)
    found: dict[str, list[float]] = {name: [] for name in [*TREATMENTS, "psnr", "unmarked"]}
    rng = random.Random(asked.first)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for plain in clips(asked.marked, FRAMES, asked.first, asked.files):
            marked = mark.embed(plain, mark.KEY)
            found["psnr"].append(float(-10 * torch.log10((marked - plain).square().mean())))
            film = encoded(marked, 18, folder)
            for treatment, (treat, crf) in TREATMENTS.items():
                made = match(encoded(treat(film, rng), crf, folder))
                found[treatment].append(made.score - made.threshold)
            save(asked.output, found)
        for number, plain in enumerate(clips(asked.unmarked, FRAMES_UNMARKED, asked.first + 10**6, asked.files)):
            treat, crf = list(TREATMENTS.values())[number % len(TREATMENTS)]
            made = match(encoded(treat(plain, rng), crf, folder))
            found["unmarked"].append(made.score - made.threshold)
            save(asked.output, found)


def save(path: Path, found: dict[str, list[float]]) -> None:
    """Scores over their thresholds, and what they come to."""
    summary = {}
    for name, values in found.items():
        if values:
            share = sum(value > 0 for value in values) / len(values)
            summary[name] = {"clips": len(values), "found": share, "min": min(values), "median": statistics.median(values)}
            summary[name]["max"] = max(values)
    path.write_text(json.dumps({"summary": summary, "over_threshold": found}, indent=1))


if __name__ == "__main__":
    main()
