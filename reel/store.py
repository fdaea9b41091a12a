"""The store: a take on disk, one safetensors file a finished segment, and `reel.json`, which lists and vouches for them.

A segment is found by a key that hashes everything that shaped it, so a run that was stopped goes on where it stopped,
and a change re-makes only what it touches. Every file is written under a temporary name, synced, and renamed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

import safetensors.torch
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from .. import __version__
from ..errors import ReelError
from .files import INDEX, SCHEMA, BadSegment, parse_index, read_regular, read_segment
from .migrations import SEGMENTS
from .record import ReelHeader, ReelRecord

log = logging.getLogger(__name__)

LOCK, PID = ".lock", ".pid"


@dataclass
class Segment:
    """One finished segment: its key, file name in `segments/`, SHA-256 and size of the file, and notes about it."""

    key: str
    file: str
    sha256: str
    bytes: int
    meta: dict[str, Any] = field(default_factory=dict)


class Reel:
    """A reel that this process holds; use `Reel.open(directory, header)` in a `with` statement."""

    def __init__(self, path: Path, header: dict[str, Any], lock: FileLock):
        self.path, self.header, self._lock = path, header, lock
        self.metrics: dict[str, Any] = {}
        self.order: list[str] = []
        self.finished = False
        self._segments: dict[str, Segment] = {}
        self._begun = False  # whether this run has used a segment; until then `order` is that of the last run
        self._written: bytes | None = None  # the index on disk

    @classmethod
    def open(cls, directory: str | os.PathLike[str], header: ReelHeader | None = None) -> Reel:
        """Opens or begins the reel in `directory`.

        `header` is what all segments share, None that of the reel as it is. Raises ReelError where the reel belongs to
        another header, is in use, is from a later version, or the directory cannot be used.
        """
        path = Path(directory)
        try:
            if path.is_dir() and not (path / INDEX).exists():
                foreign = sorted(entry.name for entry in path.iterdir() if entry.name not in (SEGMENTS, LOCK, PID))
                foreign = [name for name in foreign if not name.startswith(INDEX)]
                if foreign:
                    raise ReelError(f"{path}: not a reel, it holds {foreign[0]}; give a new or empty directory")
            (path / SEGMENTS).mkdir(parents=True, exist_ok=True)
            lock = _acquire(path)
        except OSError as error:
            reason = error.strerror or error
            raise ReelError(f"{path}: cannot be used as a reel ({reason}); give another directory") from error
        reel = cls(path, {} if header is None else header.as_dict(), lock)
        try:
            reel._load()
            reel._tidy()
            if not (path / INDEX).exists():
                reel._save()
        except BaseException:
            reel.close()
            raise
        return reel

    @staticmethod
    def peek(directory: str | os.PathLike[str]) -> dict[str, Any]:
        """What `reel.json` says: schema, longtake (the version that wrote it), header, order, finished, metrics, segments.

        An older format is read as the present one; takes no lock and changes nothing. All of it has the form it should have,
        but for what is in header and metrics. Raises ReelError.
        """
        file = Path(directory) / INDEX
        try:
            return parse_index(Path(directory), read_regular(file))
        except OSError as error:
            raise ReelError(f"{directory}: not a reel ({error.strerror}); give a directory that holds {INDEX}") from error
        except ValueError as error:
            raise ReelError(f"{file}: damaged; make the take again with this reel") from error

    @staticmethod
    def read(
        directory: str | os.PathLike[str], entry: Mapping[str, Any], name: str = "latents", shape: Sequence[int] = ()
    ) -> Tensor:
        """Latents (or another tensor, by its name) of a segment that `peek` lists, checked, also against (C, h, w) `shape` where
        that is given; takes no lock, so that a take can be seen while it grows.

        Raises ReelError where the file is missing or not what was written.
        """
        file = Path(directory) / SEGMENTS / Path(str(entry["file"])).name
        try:
            return read_segment(file, entry, shape)[name]
        except BadSegment as error:
            raise ReelError(f"{file}: {error}; make the take again with this reel, which replaces it") from error
        except (OSError, KeyError) as error:
            raise ReelError(f"{file}: missing or damaged; make the take again with this reel, which replaces it") from error

    @property
    def segments(self) -> list[Segment]:
        """Segments of the take as it was last run, in order."""
        return [self._segments[key] for key in self.order if key in self._segments]

    def get(self, key: str) -> Tensor | None:
        """Latents of the segment `key`; None where there is none, or its file is missing or damaged (then logged)."""
        found = self.tensors(key)
        return None if found is None else found["latents"]

    def tensors(self, key: str) -> dict[str, Tensor] | None:
        """All tensors of the segment `key`, `latents` among them; None as for get."""
        segment = self._segments.get(key)
        if segment is None:
            return None
        file = self.path / SEGMENTS / segment.file
        try:
            tensors = read_segment(file, vars(segment), self.header.get("shape", ()))
        except (OSError, BadSegment) as error:
            log.warning("%s: damaged segment is made again (%s)", file, error)
            del self._segments[key]
            return None
        self._use(key)
        return tensors

    def put(
        self,
        key: str,
        latents: Tensor,
        meta: Mapping[str, Any] | None = None,
        side_tensors: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Writes a finished segment, and `side_tensors` that go with it, before it returns. Raises ReelError."""
        tensors = {name: t.detach().cpu().contiguous() for name, t in {**(side_tensors or {}), "latents": latents}.items()}
        data = safetensors.torch.save(tensors, {"key": key})
        name = f"{key[:32]}.safetensors"
        self._write(self.path / SEGMENTS / name, data)
        digest = hashlib.sha256(data).hexdigest()
        self._segments[key] = Segment(key, name, digest, len(data), json.loads(json.dumps(dict(meta or {}))))
        self._use(key)
        self._save()

    def put_known(self, known: Mapping[int, Tensor]) -> None:
        """Keeps latents [C, h, w] that were given, by their number, so that the reel holds the whole take. Raises ReelError."""
        for _, group in groupby(enumerate(sorted(known)), lambda at: at[1] - at[0]):
            run = [place for _, place in group]
            latents = torch.stack([known[place] for place in run], 1)[None].detach().cpu().contiguous()
            content = json.dumps(["known", run]).encode() + safetensors.torch.save({"latents": latents})
            key = hashlib.sha256(content).hexdigest()
            if self.get(key) is None:
                self.put(key, latents, {"indices": run, "known": True})

    def finish(self) -> None:
        """Says that the run has got to the end of the take: what it did not use is of earlier versions."""
        self.finished = True

    @property
    def record(self) -> ReelRecord:
        """How the take was made and came out. Raises ReelError where that is damaged."""
        return ReelRecord.read(self.metrics, self.path / INDEX)

    @record.setter
    def record(self, record: ReelRecord) -> None:
        """Keeps another record. Raises ReelError where it cannot be written."""
        self.metrics = json.loads(json.dumps(record.as_dict()))
        self._save()

    def leave(self, key: str) -> None:
        """Takes the segment `key` out of the take that is being made; its file stays until `prune`."""
        if self._begun and key in self.order:
            self.order.remove(key)

    def prune(self) -> int:
        """Deletes segments that the last run did not use and gives their number. Raises ReelError where it was not finished,
        as then they may be what it is still to use."""
        if not self.finished:
            raise ReelError(f"{self.path}: the last run did not come to its end; make the take again with this reel first")
        spare = [key for key in self._segments if key not in self.order]
        for key in spare:
            file = self.path / SEGMENTS / self._segments.pop(key).file
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise ReelError(f"{file}: cannot be deleted ({error.strerror})") from error
        self._save()
        return len(spare)

    def close(self) -> None:
        """Saves the order of the segments used and lets go of the lock."""
        if not self._lock.is_locked:
            return
        try:
            if self._begun and self.path.is_dir():
                self._save()
            (self.path / PID).unlink(missing_ok=True)
        finally:
            self._lock.release()

    def __enter__(self) -> Reel:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _use(self, key: str) -> None:
        if not self._begun:
            self.order, self.finished, self._begun = [], False, True
        if key not in self.order:
            self.order.append(key)

    def _load(self) -> None:
        file = self.path / INDEX
        if not file.exists():
            return
        try:
            written = read_regular(file)
            data = parse_index(self.path, written)
        except OSError as error:
            raise ReelError(f"{file}: cannot be read ({error.strerror}); give another reel") from error
        except ValueError as error:
            damaged = self.path / f"{INDEX}.damaged"
            log.warning("%s: damaged, kept as %s; the reel is made again (%s)", file, damaged.name, error)
            os.replace(file, damaged)
            return
        stored = data["header"]
        for name in (
            sorted({*stored, *self.header}) if stored and self.header else ()
        ):  # an empty one is of a reel that holds nothing
            old, new = stored.get(name), self.header.get(name)
            if old != new and not (name == "model" and old == ""):  # earlier versions did not say it
                raise ReelError(f"{self.path}: made with {name} {ascii(old)[:80]}, asked for {ascii(new)[:80]}; give another reel")
        self.header = self.header or stored
        fields = Segment.__dataclass_fields__
        segments = [Segment(**{name: entry[name] for name in fields}) for entry in data["segments"]]
        self._segments = {segment.key: segment for segment in segments if segment.file == Path(segment.file).name}
        self.order, self.metrics, self.finished, self._written = data["order"], data["metrics"], data["finished"], written

    def _tidy(self) -> None:
        """Removes what a stopped run left half written and names files that are not the reel's."""
        for entry in self.path.glob(f"{INDEX}.*.tmp"):
            entry.unlink()
        own = {segment.file for segment in self._segments.values()}
        for entry in sorted((self.path / SEGMENTS).iterdir()):
            if entry.name.endswith(".tmp"):
                entry.unlink()
            elif entry.name not in own:
                log.warning("%s: not listed in %s, ignored", entry, INDEX)
        for key, segment in list(self._segments.items()):
            if not (self.path / SEGMENTS / segment.file).is_file():
                log.warning("%s: missing segment is made again", self.path / SEGMENTS / segment.file)
                del self._segments[key]

    def _save(self) -> None:
        rest = [key for key in self._segments if key not in self.order]
        ordered = [self._segments[key] for key in self.order if key in self._segments]
        entries = [vars(segment) for segment in ordered + [self._segments[key] for key in rest]]
        index = {
            "schema": SCHEMA,
            "longtake": __version__,
            "header": self.header,
            "order": self.order,
            "finished": self.finished,
            "metrics": self.metrics,
            "segments": entries,
        }
        data = json.dumps(index, indent=1).encode()
        if data != self._written:  # its time tells whether anything has changed
            self._write(self.path / INDEX, data)
            self._written = data

    def _write(self, file: Path, data: bytes) -> None:
        temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
        try:
            with open(temporary, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, file)
            _sync_directory(file.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            reason = error.strerror or error
            raise ReelError(f"{file}: cannot write ({reason}); free some space or give another reel") from error


def _acquire(path: Path) -> FileLock:
    lock = FileLock(str(path / LOCK))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        try:
            owner = f"process {int((path / PID).read_text())}"
        except (OSError, ValueError):
            owner = "another process"
        raise ReelError(f"{path}: in use by {owner}; wait until it has ended, or give another reel") from error
    (path / PID).write_text(str(os.getpid()))
    return lock


def _sync_directory(path: Path) -> None:
    """Makes a rename last; systems that cannot open directories need no such thing."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
