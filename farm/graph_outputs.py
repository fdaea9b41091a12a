"""What a graph made: the files and texts in its history entry, and names under which they are safe to keep."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import LongTakeError
from .answers import listed, mapping, text

NAME_BYTES = 180
PARTIAL = ".partial"
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # devices in any folder of Windows


@dataclass(frozen=True)
class Saved:
    """A file in one of the server's folders; `type` is output or temp."""

    filename: str
    subfolder: str
    type: str


def find_outputs(entry: dict[str, Any]) -> tuple[list[Saved], dict[str, list[str]]]:
    """The files of a history entry, and its texts by node id.

    Every list of files counts, whatever its name (images, gifs, audio); previews in the temp folder only where nothing
    was saved.
    """
    files: dict[Saved, None] = {}
    texts: dict[str, list[str]] = {}
    outputs = mapping(entry.get("outputs"))
    for node in sorted(
        outputs, key=lambda name: [int(part) if part.isdecimal() and len(part) < 20 else -1 for part in re.split(r"[:.]", name)]
    ):
        for name, items in mapping(outputs[node]).items():
            for item in listed(items):
                if filename := text(mapping(item).get("filename")):
                    files[Saved(filename, text(item.get("subfolder")), text(item.get("type")) or "output")] = None
                elif isinstance(item, str) and name == "text":
                    texts.setdefault(node, []).append(text(item))
    saved = [file for file in files if file.type == "output"]
    return saved or [file for file in files if file.type == "temp"], texts


def clean_name(name: str, instead: str = "output") -> str:
    """`name` as one file name that is safe on every system: no folders, control characters or names of devices."""
    name = re.split(r"[/\\]", name)[-1]
    name = (
        re.sub(r'[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff<>:"|?*]', "_", name)
        .strip(" ")
        .rstrip(". ")
        .lstrip(".")
    )
    if not name:
        return instead
    if RESERVED.fullmatch(name):
        name = f"_{name}"
    path = PurePosixPath(name)
    suffix = path.suffix if len(path.suffix.encode()) <= 20 else ""
    stem = name[: len(name) - len(suffix)].encode("utf-8", "replace")[: NAME_BYTES - len(suffix.encode())]
    return stem.decode("utf-8", "ignore") + suffix


@contextmanager
def new_file(folder: Path, name: str) -> Iterator[tuple[Path, Callable[[bytes], object]]]:
    """A path in `folder` that nothing has yet, and a function that writes to it; the file is there once all is written.

    Until then it is called NAME.partial, which a failure removes; a name that is taken gets _2, _3 and so on. Raises
    LongTakeError where the folder cannot be written.
    """
    base = PurePosixPath(clean_name(name))
    number = 1
    while True:
        path = folder / (base.name if number == 1 else f"{base.stem}_{number}{base.suffix}")
        partial = path.with_name(path.name + PARTIAL)
        number += 1
        if os.path.lexists(path):
            continue
        try:
            file = partial.open("xb")
        except FileExistsError:
            continue
        except OSError as error:
            raise LongTakeError(f"{path}: cannot be written ({error.strerror}); choose another folder with -o") from None
        if os.path.lexists(path):  # another run finished this name between the two looks
            file.close()
            partial.unlink()
            continue
        break
    done = False
    try:
        with file:
            yield path, lambda data: _write(file, data, path)
        os.replace(partial, path)
        done = True
    finally:
        if not done:
            partial.unlink(missing_ok=True)


def _write(file: Any, data: bytes, path: Path) -> None:
    try:
        file.write(data)
    except OSError as error:
        raise LongTakeError(f"{path}: cannot be written ({error.strerror}); free some space or choose another folder") from None
