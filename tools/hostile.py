"""Input that is right, and the same spoilt at random: texts, JSON, bytes, films, reels, weights."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.models.manifest import MANIFEST, WEIGHTS
from comfyui_longtake.reel.migrations import SEGMENTS
from comfyui_longtake.reel.record import ReelHeader, ReelRecord, ShotRecord
from comfyui_longtake.reel.store import INDEX, Reel
from PIL import Image

SHOTS = "4: a red dog runs\n# a line that is skipped\ncut 3.5s seed 9: a blue cat walks\na bird\n"
GRAPH = {"1": {"class_type": "Save", "inputs": {"text": "a"}}}
INFO = {"input": {"required": {"text": ["STRING", {}], "many": ["COMFY_AUTOGROW_V3", {"template": {}}]}}, "output_node": True}
ENTRY = {
    "outputs": {"1": {"images": [{"filename": "x.png", "subfolder": "s", "type": "output"}], "text": ["a"]}},
    "status": {
        "status_str": "error",
        "messages": [
            ["execution_error", {"node_id": "1", "node_type": "Save", "exception_type": "a.B", "exception_message": "no"}]
        ],
    },
}
REFUSAL = {
    "node_errors": {"1": {"errors": [{"message": "Value too small", "details": "width"}]}},
    "error": {"message": "m", "details": "d", "extra_info": {"class_type": "c"}},
}
ODD: list[Any] = [
    None, True, -1, 0, 7, 1e308, float("nan"), float("inf"), 10**400, "", "x", "\0", "\ud800", "\x1b[2J", "x" * 100_000, [], {},
    [[]], [None], {"a": None}, [[[[[]]]]],
]  # fmt: skip
WORDS = [
    "", "-", "--", "-1", "--seed", "--size", "0x0", "1e400", "nan", "9" * 400, "\x1b[31m", "\ud800", "x" * 5000, "/dev/null", "/",
    ".", "..", "a/b/c", "*", "%s%n", "--help", "16x16", "1", "²", "–5", "\u202e", "http://[::1", "a=b=c", "--frames", "--loop",
    "--json",
]  # fmt: skip
PIECES = [
    "\0", "\ud800", "\x1b[2J", "\u202e", "9" * 500, " " * 5000, "1" * 3000 + " ", "::", "\n" * 50, "cut ", "seed ", "-", "{",
    "[" * 2000, '"', "1e999", "²", "\ufeff", "\r", "#",
]  # fmt: skip
EXTREMES = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\x01", b"\xff", b"\0" * 64]


def text(random: random.Random, good: str) -> str:
    """A text with pieces put in, taken out or doubled."""
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(good))
        end = min(len(good), at + random.randint(0, 20))
        good = (
            good[:at] + random.choice([random.choice(PIECES), good[at:end] * 2, ""]) + good[end if random.random() < 0.5 else at :]
        )
    return good


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all that is inside a JSON value."""
    found: list[tuple[Any, ...]] = []
    for name in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        found += [(*path, name), *spots(value[name], (*path, name))]
    return found


def value(random: random.Random, good: Any) -> Any:
    """A JSON value with one to three of its parts replaced or taken out."""
    good = copy.deepcopy(good)
    for _ in range(random.randint(1, 3)):
        paths = spots(good)
        if not paths:
            return random.choice(ODD)
        *way, last = random.choice(paths)
        inner = good
        for name in way:
            inner = inner[name]
        if random.random() < 0.2:
            del inner[last]
        else:
            inner[last] = copy.deepcopy(random.choice(ODD))
    return good


def data(random: random.Random, good: bytes) -> bytes:
    """Bytes with some flipped, overwritten, doubled, or cut off."""
    found = bytearray(good)
    for _ in range(random.randint(1, 8)):
        at = random.randrange(len(found)) if found else 0
        if random.random() < 0.5:
            at = min(at, random.randint(0, 400))  # headers hold what is read first
        spoil = random.random()
        if spoil < 0.4 and found:
            found[at] ^= 1 << random.randrange(8)
        elif spoil < 0.75:
            new = random.choice(EXTREMES)
            found[at : at + len(new)] = new
        elif spoil < 0.85:
            found[at:at] = found[at : at + random.randint(1, 500)]
        elif spoil < 0.95:
            del found[at : at + random.randint(1, 500)]
        else:
            del found[at:]
    return bytes(found)


@cache
def films() -> dict[str, bytes]:
    """Small films and pictures of many kinds, by name."""
    field = np.linspace(0, 255, 48 * 64 * 3).astype(np.uint8).reshape(48, 64, 3)
    frames = [np.roll(field, 3 * number, 1) for number in range(8)]
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for file, codec, pixels in (
            ("h264.mp4", "libx264", "yuv420p"),
            ("h264.mkv", "libx264", "yuv420p"),
            ("h264.ts", "libx264", "yuv420p"),
            ("h265.mov", "libx265", "yuv420p"),
            ("vp9.webm", "libvpx-vp9", "yuv420p"),
            ("mjpeg.avi", "mjpeg", "yuvj420p"),
            ("mpeg4.mp4", "mpeg4", "yuv420p"),
            ("film.gif", "gif", "rgb8"),
            ("film.apng", "apng", "rgb24"),
        ):
            path = Path(name) / file
            with av.open(str(path), "w") as container:
                stream = container.add_stream(codec, rate=8, options={"x265-params": "log-level=none"} if "265" in codec else {})
                stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
                for frame in frames:
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
                container.mux(stream.encode())
            found[file] = path.read_bytes()
        for file in ("a.png", "a.jpg", "a.webp", "a.bmp", "a.tiff", "a.ico"):
            Image.fromarray(field).save(Path(name) / file)
            found[file] = (Path(name) / file).read_bytes()
        first, *rest = map(Image.fromarray, frames)
        first.save(Path(name) / "film.webp", save_all=True, append_images=rest, duration=125)
        found["film.webp"] = (Path(name) / "film.webp").read_bytes()
    return found


def film(folder: Path, name: str) -> Path:
    """One of `films` as a file."""
    path = folder / name
    path.write_bytes(films()[name])
    return path


def spoilt_film(random: random.Random, folder: Path) -> Path:
    """One of `films`, spoilt, under a name that may be that of another kind."""
    name = random.choice(sorted(films()))
    path = folder / (name if random.random() < 0.9 else f"a.{random.choice(['mp4', 'png', 'txt', 'svg', ''])}")
    path.write_bytes(data(random, films()[name]))
    return path


@cache
def _good_reel() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="longtake-fuzz-")) / "reel"
    with Reel.open(folder, ReelHeader("m", (3, 2, 2), Timeline(4, 4))) as made:
        made.put("a", torch.zeros(1, 3, 2, 2, 2), {"indices": [0, 1]})
        made.put("b", torch.ones(1, 3, 2, 2, 2), {"indices": [2, 3]})
        made.record = ReelRecord(8.0, 16, [ShotRecord("a dog", 1)], [1], calls=4)
        made.finish()
    return folder


def reel(random: random.Random, folder: Path) -> Path:
    """A reel with its index or a segment spoilt."""
    shutil.copytree(_good_reel(), folder)
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    if random.random() < 0.6:
        (folder / INDEX).write_text(json.dumps(value(random, index)), encoding="utf-8")
    elif random.random() < 0.5:
        (folder / INDEX).write_bytes(data(random, (folder / INDEX).read_bytes()))
    else:
        entry = random.choice(index["segments"])
        path = folder / SEGMENTS / Path(entry["file"]).name
        path.write_bytes(data(random, path.read_bytes()))
        if random.random() < 0.5:
            entry |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
            (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
    return folder


def weights(random: random.Random, folder: Path) -> Path:
    """A folder of weights that ends before its first net: a spoilt manifest, and files that are not there."""
    folder.mkdir()
    good = (WEIGHTS / MANIFEST).read_bytes()
    spoilt = value(random, json.loads(good))
    content = data(random, good) if random.random() < 0.4 else json.dumps(spoilt).encode("utf-8", "surrogatepass")
    (folder / MANIFEST).write_bytes(content)
    if random.random() < 0.2:
        for name in json.loads(good):
            (folder / f"{name}.safetensors").write_bytes(b"")
    return folder
