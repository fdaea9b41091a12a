"""Films and pictures that nobody here made: `python tools/sweep.py FOLDER ... [--extend] [--json FILE]`.

Walks the folders and reads every film and picture as the command line does, beside Pillow (pictures) and plain FFmpeg (films):
size, count of frames, and the pixels of the first and the last. A line for each file: alike, other, or why it is refused.
With --extend each is also extended by a quarter of a second, and its own frames are looked for in what comes out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import torch
from comfyui_longtake.cli import main as longtake
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media.read import probe, read_frames
from PIL import Image, ImageOps

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ico", ".gif", ".apng", ".ppm", ".pgm", ".tga"}
FILMS = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".mpeg", ".ogv", ".wmv", ".flv", ".h264"}
ALIKE = 2.5
"""Mean levels of 255 that two readers may differ by: FFmpeg and Pillow decode JPEG and convert colours each in their own way."""
FRAMES_MAX = 500


class Seen(NamedTuple):
    """A film as somebody reads it: how many frames, its first and its last [H, W, 3] in levels of 255."""

    count: int  # type: ignore[assignment]  # tuples have a method of that name
    first: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, frames: Iterable[np.ndarray]) -> Seen:
        """The first FRAMES_MAX of these frames, of which two are held at a time. Raises ValueError for none."""
        first = last = None
        count = 0
        for last in islice(frames, FRAMES_MAX):
            count += 1
            first = last if first is None else first
        if first is None or last is None:
            raise ValueError("no frame")
        return cls(count, first, last)


class Found(NamedTuple):
    """What became of one file: "alike", "other" or "refused", and in words why."""

    path: Path
    what: str
    words: str


def files(folders: list[Path]) -> Iterator[Path]:
    """All films and pictures below the folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*") if folder.is_dir() else [folder]):
            if path.suffix.lower() in PICTURES | FILMS and path.is_file():
                yield path


def by_pillow(path: Path) -> Iterator[np.ndarray]:
    """Frames of a picture [H, W, 3] by Pillow: upright, alpha over black. Raises OSError and others for what it cannot read."""
    with Image.open(path) as image:
        count = min(getattr(image, "n_frames", 1), FRAMES_MAX) if path.suffix.lower() in (".gif", ".webp", ".apng", ".png") else 1
        still = bool(getattr(image, "default_image", False)) and count > 1  # shown by what knows no animation, and no part of it
        for number in range(still, count):
            image.seek(number)
            picture: Any = ImageOps.exif_transpose(image)
            if picture.mode.startswith(("I;16", "I")) and picture.mode != "1":
                gray = np.asarray(picture, np.float64) / 65535 * 255
                yield np.repeat(gray[..., None], 3, 2)
                continue
            pixels = np.asarray(picture.convert("RGBA"), np.float64)
            yield pixels[..., :3] * pixels[..., 3:] / 255


def by_ffmpeg(path: Path) -> Iterator[np.ndarray]:
    """Frames of a film [H, W, 3] by FFmpeg, as stored. Raises FFmpegError."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24").astype(np.float64)


def compare(path: Path) -> Found:
    """Reads a file both ways."""
    try:
        info = probe(path)
        ours = Seen.of(frame.double().numpy() * 255 for frame in read_frames(path))
    except MediaError as error:
        fine = "\n" not in str(error) and str(error).isprintable()
        return Found(path, "refused" if fine else "other", str(error))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = path.suffix.lower() in PICTURES
            wanted = Seen.of(by_pillow(path) if picture else by_ffmpeg(path))
    except Exception as error:  # noqa: BLE001 - whatever Pillow or FFmpeg say
        return Found(path, "alone", f"{ours.count} frames of {info.width}x{info.height}; the other says {type(error).__name__}")
    shape, other = ours.first.shape[:2], wanted.first.shape[:2]
    words = f"{ours.count} frames of {info.width}x{info.height} at {float(info.fps):.5g} fps"
    if shape != other and (picture or info.pixel_aspect == 1) and not info.orientation.transposed:
        return Found(path, "other", f"{words}; {other[1]}x{other[0]} expected")
    timed = ours.count != wanted.count and picture and wanted.count > 1  # pictures of many durations come at a constant rate
    if ours.count != wanted.count and not timed:
        return Found(path, "other", f"{words}; {wanted.count} expected")
    if shape == other and ours.last.shape == wanted.last.shape:
        apart = [float(np.abs(one - two).mean()) for one, two in ((ours.first, wanted.first), (ours.last, wanted.last))]
        if max(apart) > ALIKE:
            return Found(path, "other", f"{words}; {apart[0]:.1f} and {apart[1]:.1f} levels apart")
    return Found(path, "alike", words)


def extend(path: Path) -> Found:
    """Extends a file as `longtake render --extend` does, at one step, and looks for its first frame in the film that comes out."""
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "made.mp4"
        words = ["render", "a dog", "--extend", str(path), "--seconds", "0.25", "--steps", "1", "--size", "128x96", "-o", str(film)]
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = longtake([*words, "--quiet"])
        if code:
            lines = [line for line in said.getvalue().splitlines() if line.startswith("longtake: ")]
            fine = code in (1, 2) and len(lines) == 1 and lines[0].isprintable() and not film.exists()
            return Found(path, "refused" if fine else "other", f"extended: {said.getvalue().strip()}")
        (first,) = islice(read_frames(path, size=(128, 96)), 1)
        made = list(read_frames(film))
    apart = float((made[0] - first).abs().mean() * 255)
    return Found(
        path, "extended" if apart < 2 * ALIKE else "other", f"{len(made)} frames, the first {apart:.1f} levels from its own"
    )


def main(argv: list[str] | None = None) -> int:
    """Exit code 1 where a file is read otherwise than Pillow or FFmpeg read it."""
    parser = argparse.ArgumentParser(prog="python tools/sweep.py", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders, or files, to go through")
    parser.add_argument("--extend", action="store_true", help="extend each file too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the list here")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    found = []
    for path in files(arguments.folders):
        found.append(compare(path))
        print(f"{found[-1].what:8} {path}: {found[-1].words}", flush=True)
        if arguments.extend:
            found.append(extend(path))
            print(f"{found[-1].what:8} {path}: {found[-1].words}", flush=True)
    counts = Counter(one.what for one in found)
    print(f"{len(found)} readings: {', '.join(f'{number} {what}' for what, number in counts.most_common())}")
    if arguments.json:
        arguments.json.write_text(json.dumps([[str(one.path), one.what, one.words] for one in found], indent=1), encoding="utf-8")
    return 1 if counts["other"] else 0


if __name__ == "__main__":
    sys.exit(main())
