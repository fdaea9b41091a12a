"""Names of files to be made: what every system takes."""

from __future__ import annotations

import os
import re

BYTES_MAX = 255 - len(".finishing")
"""File systems take 255 bytes, and a name grows while the file is written."""
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10))}
"""Names of devices on Windows, with any ending."""


def objection(name: str, more: int = 0) -> str | None:
    """What is wrong with the name of a file or folder to be made, and what to do; None where every system takes it. `more` bytes
    will be added to it."""
    size = len(os.fsencode(name)) + more
    if size > BYTES_MAX:
        return f"a name of {size} bytes; give one of {BYTES_MAX} at most"
    forbidden = "".join(dict.fromkeys(FORBIDDEN.findall(name)))
    if forbidden:
        return f"Windows allows no {forbidden!r} in a name; give another"
    if name.partition(".")[0].rstrip().upper() in RESERVED:
        return f"Windows keeps the name {name.partition('.')[0]} to itself; give another"
    if name != ".." and name[-1] in ". ":
        return "Windows allows no dot or space at the end of a name; give another"
    return None
