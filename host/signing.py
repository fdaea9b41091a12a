"""The VIDEO of a finished film: whatever node of the host saves it, the file that comes of it is signed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from comfy_api.latest import InputImpl

from ..errors import UsageError
from ..media.disclosure import Film
from ..media.sign import Signed
from .progress import Watch

log = logging.getLogger(__name__)


class SignedVideo(InputImpl.VideoFromFile):
    """A video file whose copies are signed like itself. The host copies packets and encodes again, and either loses a manifest:
    so the new file gets one, after it is written."""

    def __init__(self, file: str, film: Film, **window: float):
        super().__init__(file, **window)
        self.film, self.said = film, False

    def save_to(self, path: Any, *positional: Any, **options: Any) -> None:
        """As the host's own; then signs a file at `path`. A failure to sign is said once and costs nothing."""
        super().save_to(path, *positional, **options)
        if isinstance(path, str | Path):  # what is sent on from memory is no file yet
            tell(self.film.finish([Path(path)], sidecar=False), quiet=self.said)
            self.said = True

    def as_trimmed(self, start_time: float = 0, duration: float = 0, strict_duration: bool = True) -> Any:
        """A part of the video, which says the same of itself; None where there is not so much."""
        begin, _ = self.get_active_trim_window()
        source = self.get_stream_source()
        if not isinstance(source, str):
            raise UsageError("this video lies in memory; save it first")
        part = SignedVideo(source, self.film, start_time=begin + start_time, duration=duration)
        return None if strict_duration and part.get_duration() < duration else part


def tell(signed: Signed, quiet: bool = False) -> None:
    """Says in the log and on the node what was not signed, and why."""
    if signed.note and not quiet:
        log.warning("%s", signed.note)
        Watch().say(signed.note)


def sources(prompt: Any, node: str | None) -> list[Path]:
    """Clips and pictures that the graph loads for `node`, from the host's input folder: the ingredients of its film."""
    import folder_paths

    if not isinstance(prompt, dict) or node is None:
        return []
    found: list[Path] = []
    waiting, seen = [node], set[str]()
    while waiting:
        name = waiting.pop()
        entry = prompt.get(name)
        if name in seen or not isinstance(entry, dict):
            continue
        seen.add(name)
        for key, value in entry.get("inputs", {}).items():
            if isinstance(value, list) and value and isinstance(value[0], str):
                waiting.append(value[0])
            elif (
                key in ("image", "file", "video") and str(entry.get("class_type", "")).startswith("Load") and isinstance(value, str)
            ):
                path = Path(folder_paths.get_annotated_filepath(value))
                found += [path] if path.is_file() else []
    return sorted(set(found))
