"""Whether a path stays inside one of the host's folders."""

from __future__ import annotations

from pathlib import Path


def inside(root: Path, path: Path) -> bool:
    """Whether `path` is `root` or below it once links and dots are followed; False for what no path can be."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # too long, a ring of links, a NUL
        return False
