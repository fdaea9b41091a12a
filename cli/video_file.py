"""Where a render goes: the output path checked before any work starts, and the room that is left on the disk."""

import os
import shutil
import tempfile
from pathlib import Path

from ..errors import MediaError, UsageError, shorten
from ..media.codecs import CONTAINERS
from ..media.file_names import objection

IMAGE_SUFFIX = ".png"
BYTES_PER_PIXEL = 0.1  # an upper estimate of H.264 at crf 18 on this kind of picture
SPARE_BYTES = 8 << 20


def resolve_output(path: Path | None, frames: int) -> tuple[Path, str | None]:
    """The path to write and a note when it differs from the one asked for: one frame becomes a PNG.

    Raises UsageError for an ending that is not .mp4, .webm, .png, a folder or a `name_%05d.png` pattern.
    """
    if path is None:
        return _unused(Path("longtake.png" if frames == 1 else "longtake.mp4"))
    if path.name.lower() in (*CONTAINERS, IMAGE_SUFFIX):
        raise UsageError(f"-o {path}: has no name before its ending; give one, such as out{path.name}")
    suffix = path.suffix.lower()
    if frames == 1 and suffix in CONTAINERS:
        return path.with_suffix(IMAGE_SUFFIX), f"one frame is a picture: writing {path.with_suffix(IMAGE_SUFFIX).name}"
    if suffix == IMAGE_SUFFIX and frames > 1 and "%" not in path.name:
        numbered = path.with_name(f"{path.stem}_%05d{IMAGE_SUFFIX}")
        return numbered, f"{frames} frames do not fit one PNG: writing a sequence, {numbered.name}"
    if suffix in (*CONTAINERS, IMAGE_SUFFIX) or (suffix == "" and "%" not in path.name):
        return path, None
    raise UsageError(f"-o {path}: unknown ending {suffix!r}; use .mp4, .webm, .png or a folder for a PNG sequence")


def _unused(usual: Path) -> tuple[Path, str | None]:
    """`usual`, or with the first number from 2 on that no file has yet, and a note on that."""
    path, number = usual, 1
    while os.path.lexists(path):
        number += 1
        path = usual.with_name(f"{usual.stem}_{number}{usual.suffix}")
    return path, None if number == 1 else f"{usual} is there already: writing {path} (-o FILE gives another name)"


def _check_names(path: Path) -> None:
    """Raises UsageError for a file or folder to be made whose name is too long, or is one that Windows forbids."""
    for made in (path, *path.parents):
        if os.path.lexists(made) or not made.name:
            continue
        wrong = objection(made.name)
        if wrong is not None:
            raise UsageError(f"-o {shorten(str(path))}: {wrong}")


def check_output(path: Path, inputs: list[Path], frames: int, width: int, height: int) -> None:
    """Raises MediaError when `path` cannot be written or the disk is full, UsageError when it is an input or has a bad name."""
    _check_names(path)
    folder = path if path.suffix == "" else path.parent
    if path.suffix and path.is_dir():
        raise UsageError(f"-o {path}: is a folder; give a file name in it, such as {path / 'out.mp4'}")
    if path.suffix == "" and path.exists() and not path.is_dir():
        raise UsageError(f"-o {path}: is a file without an ending; use .mp4, .webm or .png")
    for source in inputs:
        if path.exists() and source.exists() and os.path.samefile(path, source):
            raise UsageError(f"-o {path}: is also an input and would be overwritten; give another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".longtake-", suffix=".tmp"):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        raise MediaError(f"-o {path}: cannot write there ({error.strerror}); choose another folder") from None
    needed = int(frames * width * height * BYTES_PER_PIXEL) + SPARE_BYTES
    if free < needed:
        raise MediaError(
            f"-o {path}: the disk has {free / 2**20:.0f} MiB left, this render may need {needed / 2**20:.0f} MiB; "
            "free some space or choose another folder"
        )
