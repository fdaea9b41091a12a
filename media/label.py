"""What people and other programs are told: a visible label, the AIGC tag of China's rule, a record beside the file."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import MediaError, UsageError

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont
    from torch import Tensor

SHARE = 0.05
"""Height of a capital letter, in shares of the shorter side: the least that GB 45438-2025 allows."""
SECONDS = 2.0
"""How long a label is shown that is not there for the whole film."""
LENGTH_MAX = 80
FONTS = ("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "msyh.ttc", "PingFang.ttc", "wqy-zenhei.ttc", "simhei.ttf")
"""Fonts of common systems for what Pillow's own one has no letters for."""


class Label:
    """`text` in the lower right corner of a film's first frames, white on a dark edge; chunks of the film come one after the
    other. Raises UsageError for a text that does not fit, or has letters that no font here has."""

    def __init__(self, text: str, width: int, height: int, frames: int | None):
        self.text, self.left = text, frames
        self._edge, self._letters = _layers(text, width, height)

    def __call__(self, frames: Tensor) -> Tensor:
        """`frames` [T, H, W, 3] 0..1, those that are still to be labelled with the label."""
        count = len(frames) if self.left is None else min(self.left, len(frames))
        if not count:
            return frames
        self.left = None if self.left is None else self.left - count
        labelled = frames.clone()
        edge, letters = self._edge.to(frames), self._letters.to(frames)
        labelled[:count] = labelled[:count] * (1 - 0.7 * edge) * (1 - letters) + 0.95 * letters
        return labelled

    def skip(self, count: int) -> None:
        """Leaves out the next `count` frames, which are labelled already."""
        self.left = None if self.left is None else max(0, self.left - count)


def check_label(text: str) -> str:
    """`text`, fit to be shown. Raises UsageError."""
    if not text.isprintable() or not text.strip():
        raise UsageError("label: give one line of text that can be shown, such as AI-generated")
    if len(text) > LENGTH_MAX:
        raise UsageError(f"label: {len(text)} characters; give at most {LENGTH_MAX}")
    return text.strip()


def aigc(producer: str, identity: str) -> str:
    """The value of the tag `AIGC` (GB 45438-2025, annex E): certainly made by a model, by whom, and the content's own id."""
    said = {"Label": "1", "ContentProducer": producer, "ProduceID": identity, "ReservedCode1": ""}
    return json.dumps(said | {"ContentPropagator": "", "PropagateID": "", "ReservedCode2": ""}, ensure_ascii=False)


def write_sidecar(path: Path, record: dict[str, Any]) -> Path:
    """Writes `NAME.EXT.json` beside a finished file: its record and SHA-256. Raises MediaError: no such file, not writable."""
    sidecar = path.with_name(f"{path.name}.json")
    temporary = sidecar.with_name(f"{sidecar.name}.partial")
    try:
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
        said = {"file": path.name, "sha256": digest.hexdigest(), "written_by": f"LongTake {__version__}", **record}
        temporary.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, sidecar)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise MediaError(f"{sidecar.name} cannot be written: {error.strerror}; choose another folder") from error
    return sidecar


def _layers(text: str, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Cover of the dark edge and of the letters, [H, W, 1] 0..1."""
    import numpy as np
    import torch
    from PIL import Image, ImageDraw

    capital = max(4.0, SHARE * min(width, height))
    font = _font(text, capital)
    size = round(font.size)
    space = size // 2
    room = width - 2 * space
    lines = _wrapped(text, font, room)
    if not lines or len(lines) * size * 1.2 + space > height:
        raise UsageError(f"label: too long for {width}x{height} at {100 * SHARE:g} % of the shorter side; give a shorter one")
    layers = []
    for stroke in (max(1, size // 10), 0):
        layer = Image.new("L", (width, height))
        draw = ImageDraw.Draw(layer)
        for number, line in enumerate(reversed(lines)):
            place = (width - space, height - space - round(number * size * 1.2))
            draw.text(place, line, fill=255, font=font, anchor="rs", stroke_width=stroke)
        layers.append(torch.from_numpy(np.array(layer, np.float32) / 255)[..., None])
    return layers[0], layers[1]


def _font(text: str, capital: float) -> FreeTypeFont:
    """The first font that has all letters of `text`, its capitals `capital` pixels high."""
    from PIL import ImageFont

    for name in (None, *FONTS):

        def sized(size: float, name: str | None = name) -> Any:
            return ImageFont.load_default(size) if name is None else ImageFont.truetype(name, size)

        try:
            probe = sized(100)
        except OSError:
            continue
        absent = bytes(probe.getmask("\U0010fffd"))
        if any(bytes(probe.getmask(letter)) == absent for letter in text if not letter.isspace()):
            continue
        _, top, _, bottom = probe.getbbox("H", anchor="ls")
        return sized(-(-capital * 100 // (bottom - top)))
    raise UsageError(f"label: no font here has all letters of {text!r}; install Noto Sans CJK, or write it in Latin letters")


def _wrapped(text: str, font: FreeTypeFont, room: int) -> list[str]:
    """`text` in lines of at most `room` pixels; [] where a word is longer."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(joined) <= room:
            lines[-1] = joined
        elif font.getlength(word) <= room:
            lines.append(word)
        else:
            return []
    return lines
