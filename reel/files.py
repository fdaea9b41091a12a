"""The files of a reel as they are read: whatever somebody else has put there is of the right form, or is called damaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from ..errors import ReelError, UsageError
from .migrations import MIGRATIONS

SCHEMA = 4
INDEX = "reel.json"
NUMBER_MAX = 2**48
"""More than any size of a file or number of a latent."""


class BadSegment(Exception):
    """A segment's file that is not what was written, in words."""


def read_regular(file: Path) -> bytes:
    """The bytes of a regular file; a pipe or a device would be waited for. Raises OSError."""
    if file.exists() and not file.is_file():
        raise OSError(22, "not a regular file", str(file))
    return file.read_bytes()


def parse_index(path: Path, data: bytes) -> dict[str, Any]:
    """The index of the reel in `path` in the present format. Raises ReelError as `_migrated` does, ValueError where damaged."""
    try:
        index = _migrated(path, json.loads(data))
        kinds = {"longtake": str, "header": dict, "order": list, "finished": bool, "metrics": dict, "segments": list}
        right = all(isinstance(index[name], kind) for name, kind in kinds.items())
        right = right and all(map(_is_entry, index["segments"]))
        right = right and all(isinstance(key, str) and key.isprintable() for key in index["order"])
    except (KeyError, TypeError, AttributeError, RecursionError, OverflowError, UsageError) as error:
        raise ValueError(f"not the form of an index: {error}") from error
    if not right:
        raise ValueError("not the form of an index")
    return index


def _is_entry(entry: Any) -> bool:
    """Whether this is what an index says of a segment."""
    names = all(isinstance(entry[name], str) and entry[name].isprintable() for name in ("key", "file", "sha256"))
    return names and _numbers([entry["bytes"]]) and isinstance(entry["meta"], dict) and _numbers(entry["meta"].get("indices", []))


def _numbers(values: Any) -> bool:
    """Whether these are numbers of latents, or of bytes."""
    return isinstance(values, list) and all(type(value) is int and 0 <= value < NUMBER_MAX for value in values)


def _migrated(path: Path, index: Any) -> dict[str, Any]:
    """The index of the reel in `path` in the present format. Raises ReelError for none, and for one of a later version."""
    schema = index.get("schema") if isinstance(index, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        made = f", written by LongTake {str(index['longtake'])[:20]}" if "longtake" in index else ""
        said = schema if schema < NUMBER_MAX else "of many digits"
        raise ReelError(f"{path}: reel of format {said}{made}, this version reads up to {SCHEMA}; update, or give another reel")
    while schema != SCHEMA:
        if type(schema) is not int or schema not in MIGRATIONS:
            raise ReelError(f"{path}: {INDEX} is not that of a reel; give another directory")
        index = MIGRATIONS[schema](index, path)
        schema = index["schema"]
    return dict(index)


def read_segment(file: Path, entry: Mapping[str, Any], shape: Sequence[int]) -> dict[str, Tensor]:
    """All tensors of the segment that the index lists as `entry`; latents are of (C, h, w) `shape`, where that is given.

    Raises BadSegment where the file is not what was written for this entry, OSError where it cannot be read.
    """
    try:
        data = read_regular(file)
    except ValueError as error:
        raise BadSegment("has a name that no file has") from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise BadSegment(f"{len(data)} bytes where {entry['bytes']} were written, or altered")
    try:
        tensors = safetensors.torch.load(data)
        key = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {}).get("key", entry["key"])
    except (SafetensorError, ValueError, KeyError, RecursionError, AttributeError) as error:
        raise BadSegment("damaged, it is no safetensors file") from error
    if key != entry["key"]:
        raise BadSegment("is that of another segment")
    latents, indices = tensors.get("latents"), entry["meta"].get("indices")
    if latents is None:
        raise BadSegment("holds no latents")
    right = latents.ndim == 5 and latents.shape[0] == 1 and latents.is_floating_point()
    right = right and (not shape or [latents.shape[1], *latents.shape[3:]] == list(shape))
    if not right or (indices is not None and latents.shape[2] != len(indices)):
        raise BadSegment(f"holds latents of another shape, {list(latents.shape)}")
    return tensors
