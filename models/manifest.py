"""The manifest of a weights folder: read once, every field of known type and range, so that nobody else has to look again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WeightsError
from .prompts.scene import NEWEST, WORLDS

WEIGHTS = Path(__file__).parent / "weights"
MANIFEST = "manifest.json"
BYTES_MAX = 4 * 2**20
"""Of a manifest; the one in the box has 2 kB."""
SHARD_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,120}\.safetensors")
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`, a whole one where `whole`."""

    low: float
    high: float
    whole: bool = True

    def fits(self, value: Any) -> bool:
        """Whether `value` is one."""
        kinds = (int,) if self.whole else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"a {'whole ' if self.whole else ''}number, {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Several:
    """A list of `count` such values."""

    each: Number
    count: int

    def fits(self, value: Any) -> bool:
        """Whether `value` is one."""
        return isinstance(value, list) and len(value) == self.count and all(map(self.each.fits, value))

    def __str__(self) -> str:
        return f"{self.count} numbers, each {self.each}"


@dataclass(frozen=True)
class OneOf:
    """One of a few values."""

    values: tuple[Any, ...]

    def fits(self, value: Any) -> bool:
        """Whether `value` is one."""
        return any(type(value) is type(one) and value == one for one in self.values)

    def __str__(self) -> str:
        return f"one of {', '.join(json.dumps(one) for one in self.values)}"


Field = Number | Several | OneOf

CHANNELS, SIDE = Number(1, 4096), Number(1, 8192)
EDITION = Number(1, NEWEST)
NETS: dict[str, dict[str, Field]] = {
    "vae": {
        "channels": CHANNELS,
        "frames": Number(1, 64),
        "spatial": Number(8, 256),
        "encoder": Several(SIDE, 3),
        "decoder": Several(SIDE, 4),
        "blocks": Several(Number(0, 64), 4),
    },
    "dit": {
        "channels": CHANNELS,
        "fold": Number(1, 16),
        "width": SIDE,
        "depth": Number(1, 256),
        "head": Number(16, 1024),
        "text": SIDE,
        "edition": EDITION,
    },
    "text": {"edition": EDITION},
    "reader": {"world": OneOf(tuple(WORLDS)), "edition": EDITION},
}
"""What the configurations of nets may say."""
INFO: dict[str, Field] = {
    "fps": Number(0.1, 240, whole=False),
    "steps": Number(1, 1000),
    "shift": Number(0.01, 100, whole=False),
    "cfg": Number(0, 100, whole=False),
    "adain": Number(0, 1, whole=False),
    "bridge": Number(0, 1, whole=False),
    "world": OneOf(tuple(WORLDS)),
}
WINDOW: dict[str, Field] = {
    "anchors": Number(0, 64),
    "context": Number(0, 256),
    "new": Number(1, 1024),
    "ahead": Number(0, 256),
    "reach": Number(1, 1024),
    "least": Number(1, 1024),
    "endpoints": OneOf((True, False)),
}
"""What the card of the weights may say."""


class Unfit(ValueError):
    """What does not fit, in words."""


def parse_manifest(data: bytes) -> dict[str, Any]:
    """The manifest in `data`: version, nets (config and files of each) and info. Raises Unfit, ValueError, RecursionError."""
    manifest = json.loads(data)
    version = _object(manifest, "it").get("version")
    if type(version) is not int or version != 1:
        raise Unfit(f"version is {_short(version)}, this LongTake reads 1")
    for name, net in _object(manifest.get("nets"), "nets").items():
        what = name if name in NETS else _short(name)
        config, files = (_object(_object(net, what).get(part), f"{what} {part}") for part in ("config", "files"))
        _check(config, NETS.get(name, {}), what)
        if name == "reader" and "world" not in config:
            raise Unfit("reader world is missing")
        for file, digest in files.items():
            if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
                raise Unfit(f"the hash of {_short(file)} is {_short(digest)}, allowed are 64 digits of a SHA-256")
    info = _object(manifest.get("info"), "info")
    _check(info, INFO, "info")
    window = _object(info.get("window", {}), "window")
    _check(window, WINDOW, "window")
    unknown = sorted(set(window) - set(WINDOW))
    if unknown:
        raise Unfit(f"window has {_short(unknown[0])}, known are {', '.join(WINDOW)}")
    if window.get("anchors", 1) > 1 and window.get("context") == 0:
        raise Unfit("window has several anchors and no context")
    return manifest


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unfit(f"{what} is {_short(value)}, allowed is an object")
    return value


def _check(values: Mapping[str, Any], fields: Mapping[str, Field], what: str) -> None:
    for name, field in fields.items():
        if name in values and not field.fits(values[name]):
            raise Unfit(f"{what} {name} is {_short(values[name])}, allowed is {field}")


def _short(value: Any) -> str:
    """What was given, for a message."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and abs(value) >= 10**18:
        return "a number of more than 18 digits"
    text = ascii(value)
    return text if len(text) <= 40 else text[:39] + "…"


def read_regular(path: Path, limit: int | None = None) -> bytes:
    """The bytes of a regular file; a pipe or a device would be waited for. Raises WeightsError, FileNotFoundError, OSError."""
    try:
        if path.exists() and not path.is_file():
            raise WeightsError(f"{path} is not a file that can be read to its end: reinstall LongTake")
        if limit is not None and path.stat().st_size > limit:
            raise WeightsError(f"{path} has more than {limit:,} bytes: reinstall LongTake")
        return path.read_bytes()
    except ValueError as error:  # a name that no system has
        raise WeightsError(f"{ascii(str(path))[:120]} cannot be the name of a file: give another folder") from error


def read_manifest(folder: Path = WEIGHTS) -> dict[str, Any]:
    """The manifest of a weights folder, checked; raises WeightsError where there is none or it cannot be read."""
    path = folder / MANIFEST
    try:
        return parse_manifest(read_regular(path, BYTES_MAX))
    except FileNotFoundError as e:
        raise WeightsError(f"no weights in {folder}: {MANIFEST} is missing, reinstall LongTake or give another folder") from e
    except Unfit as e:
        raise WeightsError(f"{path} is not a manifest this version can read: {e}; reinstall LongTake") from e
    except (OSError, ValueError, RecursionError) as e:
        raise WeightsError(f"{path} is not a manifest this version can read: reinstall LongTake") from e
