"""Reels below the host's output folder: found by name, opened as a take, shown segment by segment."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import folder_paths
import torch
from torch import Tensor

from ..errors import LongTakeError, ReelError, UsageError
from ..metrics.joins import JoinFrames
from ..reel.migrations import SEGMENTS
from ..reel.record import ReelHeader, ReelRecord
from ..reel.store import INDEX, Reel
from .audio import join_av
from .cache_key import digest
from .paths import inside

REELS = "longtake/reels"


def reel_path(name: str) -> Path:
    """Folder of the reel `name` below the output folder. Raises UsageError for a name that leads elsewhere."""
    root = Path(folder_paths.get_output_directory()) / REELS
    path = root / name.strip()
    plain = re.fullmatch(r"[\w\- .]{1,100}", name) and name.strip(" .") and inside(root, path)
    if not plain:
        raise UsageError(f"reel {name[:60]!r}: give a plain name of letters, digits, - and _")
    return path


def reel_state(name: str | None) -> Any:
    """What changes whenever the reel `name` does, or any reel where None stands for a name that comes by a link: the host runs
    a node again where this is another than the last time. Always another where there is no such reel. Never raises, and reads no
    file."""
    try:
        if name is not None:
            return digest(_files(reel_path(name)))
        root = Path(folder_paths.get_output_directory()) / REELS
        return digest([[str(index.parent), _files(index.parent)] for index in sorted(root.glob(f"*/{INDEX}"))])
    except (LongTakeError, OSError, TypeError, AttributeError):
        return f"none {time.monotonic_ns()}"  # NaN, which the host would take for that too, is no JSON and spoils the prompt tag


def _files(path: Path) -> list[list[Any]]:
    """Name, size and time of the index and the segments of a reel. Raises OSError where it has no index."""
    found = [(file, file.stat()) for file in (path / INDEX, *sorted((path / SEGMENTS).glob("*.safetensors")))]
    return [[file.name, stat.st_size, stat.st_mtime_ns] for file, stat in found]


@dataclass(frozen=True)
class ReelFile:
    """A take on disk: the LONGTAKE_REEL socket. Holds no latents; reads them as they are asked for."""

    path: Path

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Latents (C, T, h, w) of the take so far, from its first on without a gap. Raises ReelError."""
        channels, height, width = self.header.shape
        return channels, sum(len(part.indices) for part in self._parts()), height, width

    @property
    def frames(self) -> int:
        """Frames of these latents."""
        return self.header.timeline.frames_for(self.shape[1])

    def chunks(self) -> Iterator[Tensor]:
        """Latents [1, C, n, h, w] in order. Raises ReelError for a missing or damaged segment."""
        shape = self.header.shape
        for part in self._parts():
            yield Reel.read(self.path, part.entry, shape=shape)[:, :, part.begin : part.begin + len(part.indices)]

    def sound(self) -> Tensor | None:
        """Sound latents of the take so far, where its model made some. Raises ReelError."""
        axis = self.header.sound
        if axis is None:
            return None
        pieces = []
        for part in self._parts():
            sound, sizes = (Reel.read(self.path, part.entry, name) for name in ("sound", "sizes"))
            pieces += sound.split(sizes.tolist(), axis)[part.begin :][: len(part.indices)]
        return torch.cat(pieces, axis)

    def report(self) -> str:
        """A line on the reel, one on each segment, and those on how the take came out. Raises ReelError."""
        data, head, parts, record = self._index(), self.header, self._parts(), self.record
        size = sum(entry["bytes"] for entry in data["segments"])
        spare = [entry for entry in data["segments"] if entry["key"] not in data["order"]]
        lines = [f"{self.path.name}: {head.model}, {len(data['segments'])} segments, {size / 1e6:.1f} MB on disk"]
        if spare:
            size = sum(entry["bytes"] for entry in spare)
            lines[0] += f", of which {len(spare)} with {size / 1e6:.1f} MB are not in the last version"
        for number, part in enumerate(parts, 1):
            begin, end = head.timeline.frames_for(part.indices[0]), head.timeline.frames_for(part.indices[-1] + 1)
            when = f", {begin / record.fps:.2f} to {end / record.fps:.2f} s" if record.fps else ""
            lines.append(f"{number}: frames {begin} to {end - 1}{when}, {part.entry['bytes'] / 1e3:.0f} kB")
        return "\n".join([*lines, *record.lines()])

    def middles(self) -> Iterator[Tensor]:
        """The middle latent [1, C, 1, h, w] of each segment. Raises ReelError."""
        for chunk in self.chunks():
            yield chunk[:, :, chunk.shape[2] // 2][:, :, None]

    @property
    def header(self) -> ReelHeader:
        """What all segments share. Raises ReelError for a reel that does not say it."""
        return ReelHeader.read(self._index()["header"], self.path / INDEX)

    @property
    def record(self) -> ReelRecord:
        """How the take was made and came out. Raises ReelError where that is damaged."""
        return ReelRecord.read(self._index()["metrics"], self.path / INDEX)

    @property
    def join_frames(self) -> JoinFrames:
        """Where its joins are; none where the last run did not come to its end."""
        return self.record.join_frames if self._index()["finished"] else JoinFrames([], [])

    def _index(self) -> dict[str, Any]:
        return Reel.peek(self.path)

    def _parts(self) -> list[_Part]:
        """What segments hold of the take as it was last run, by time, up to the first gap."""
        data = self._index()
        by_key = {entry["key"]: entry for entry in data["segments"]}
        listed = [by_key[key] for key in data["order"] if key in by_key]
        parts, done = [], 0
        for part in sorted((part for entry in listed for part in _runs(entry)), key=lambda part: part.indices[0]):
            if part.indices[0] == done:
                parts.append(part)
                done = part.indices[-1] + 1
        if not parts:
            what = "the beginning of the take is not on this reel" if listed else "this reel holds no finished segment yet"
            raise ReelError(f"{self.path.name}: {what}; make the take with it first")
        return parts


class _Part(NamedTuple):
    """Latents of a segment that follow each other in the take as `indices`, from number `begin` of the segment on."""

    entry: dict[str, Any]
    indices: list[int]
    begin: int


def _runs(entry: dict[str, Any]) -> Iterator[_Part]:
    """The parts of a segment: its window may have gone on after frames that were known, or made frames far apart."""
    for _, group in groupby(enumerate(entry["meta"].get("indices", [])), lambda at: at[1] - at[0]):
        run = list(group)
        yield _Part(entry, [index for _, index in run], run[0][0])


def open_reel(name: str) -> ReelFile:
    """The reel `name`. Raises UsageError, or ReelError where there is none."""
    path = reel_path(name)
    if not path.is_dir():
        root = path.parent
        known = sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []
        hint = f"there are {', '.join(known[:20])}" if known else "give its name to Long Take first"
        raise ReelError(f"reel {name!r}: there is none; {hint}")
    found = ReelFile(path)
    found.shape  # noqa: B018 - so that an unfinished or damaged reel is named here
    return found


def as_latent(reel: ReelFile) -> dict[str, Any]:
    """The whole take as a LATENT, with its sound where it has one. Raises ReelError."""
    sound = reel.sound()
    return {"samples": join_av(torch.cat(list(reel.chunks()), 2), sound)}


def thumbnails(reel: ReelFile, vae: Any) -> Tensor:
    """The middle of every segment as pictures [N, H, W, 3] of 0..1. Raises ReelError, and UsageError for a wrong VAE."""
    if getattr(vae, "latent_dim", None) != 3:
        raise UsageError("this VAE decodes pictures, not video: connect the VAE that belongs to the video model")
    pictures = []
    for latent in reel.middles():
        if getattr(vae, "latent_channels", latent.shape[1]) != latent.shape[1]:
            raise UsageError(f"vae: {vae.latent_channels} channels, this reel has {latent.shape[1]}; connect its own VAE")
        frames = vae.decode(latent)[0]
        pictures.append(frames[frames.shape[0] // 2].float().cpu())
    return torch.stack(pictures)
