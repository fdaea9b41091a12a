"""What a VIDEO of the host proves and says about where it came from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import folder_paths

from ..media.verify import MADE, Findings, verify


def examine(video: Any) -> tuple[str, bool]:
    """The report on a VIDEO, and whether something says that a model made it. Raises MediaError."""
    source = video.get_stream_source()
    if isinstance(source, str):
        return _report(verify(Path(source)))
    folder = folder_paths.get_temp_directory()
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="longtake-verify-", suffix=".mp4", delete=False) as file:
        file.write(source.getvalue())
    try:
        return _report(verify(Path(file.name)))
    finally:
        Path(file.name).unlink(missing_ok=True)


def _report(found: Findings) -> tuple[str, bool]:
    return "\n".join(found.lines()), found.verdict == MADE
