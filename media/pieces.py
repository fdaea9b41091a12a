"""Finished pieces of a film that is made piece by piece: a folder beside it, which goes when the film is there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import MediaError
from .codecs import CONTAINERS, TABLE
from .remux import remux
from .sound import Sound
from .write import CODECS, Writer, open_writer

SECONDS = 4
"""What one piece lasts; a run that is killed loses what it has of one."""
LOCK = "lock"
NAME = re.compile(r"[0-9a-f]{16}-[0-9]{7}(\.partial|\.finishing)?\.[a-z0-9]+")
"""What a piece is called; no other file in the folder is touched."""


class Pieces:
    """The pieces of the film `path` of so many `frames`, in the folder `NAME.pieces` beside it; use it as a context manager.

    `facts`, JSON-able, is all that shapes a frame: pieces made of other facts are not used. One run at a time has the folder. What
    is in it stays when the run fails, and is used by the next; `join` makes the film of them and takes the folder away.
    Raises MediaError: folder in use, or not writable.
    """

    def __init__(
        self,
        path: Path,
        frames: int,
        size: tuple[int, int],
        fps: Fraction,
        *,
        codec: str | None,
        crf: int,
        facts: Mapping[str, Any],
        folder: Path | None = None,
    ):
        self.path, self.frames, self.size, self.fps, self.crf = path, frames, size, fps, crf
        self.codec = codec or CODECS[path.suffix.lower()]
        self.folder = folder or path.with_name(f"{path.stem}.pieces")
        self.each = max(1, round(SECONDS * fps))
        shaped = {**facts, "frames": frames, "size": size, "fps": str(fps), "codec": self.codec, "crf": crf, "each": self.each}
        self.key = hashlib.sha256(json.dumps(shaped, sort_keys=True, default=str).encode()).hexdigest()[:16]
        self._lock: FileLock | None = None

    def __enter__(self) -> Pieces:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / LOCK)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise MediaError(f"{self.folder}: another run is finishing this film; wait for it, or give another name") from error
        except OSError as error:
            raise MediaError(f"{self.folder}: cannot be used ({error.strerror or error}); choose another folder") from error
        self._lock = lock
        for left in self._made():  # of a run that was killed
            if left.name.count(".") > 1:
                left.unlink(missing_ok=True)
        return self

    def __exit__(self, *error: object) -> None:
        if self._lock is not None:
            self._lock.release()
        if not any(self._made()):
            self._remove()

    def ranges(self) -> list[range]:
        """The frames of each piece, in order."""
        return [range(first, min(first + self.each, self.frames)) for first in range(0, self.frames, self.each)]

    def file(self, piece: range) -> Path:
        """Where a piece lies."""
        return self.folder / f"{self.key}-{piece.start:07}{self.path.suffix.lower()}"

    def has(self, piece: range) -> bool:
        """Whether a piece is finished and whole; one that is torn is taken away."""
        file = self.file(piece)
        if not file.is_file():
            return False
        if _count(file) == len(piece):
            return True
        file.unlink(missing_ok=True)
        return False

    @contextlib.contextmanager
    def writer(self, piece: range) -> Iterator[Writer]:
        """A writer for a piece, which is there once all of it is written; of one that fails nothing is left. Raises MediaError."""
        writer = open_writer(self.file(piece), *self.size, self.fps, codec=self.codec, crf=self.crf)
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.frames = 0  # nothing of it is of use, so nothing is said of it
            writer.abort()
            raise

    def join(self, metadata: Mapping[str, str], sound: Sequence[Sound]) -> None:
        """Makes the film of all pieces, and takes the folder away. Raises MediaError: one is missing, or it cannot be written."""
        import av

        muxer, tag = CONTAINERS[self.path.suffix.lower()][0], TABLE[self.codec].tag
        files = [self.file(piece) for piece in self.ranges()]
        try:
            remux(files, self.path, muxer, self.frames, self.fps, metadata=metadata, tag=tag, sound=sound)
        except (av.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise MediaError(f"{self.path} could not be finished: {reason}; its pieces are kept in {self.folder}") from error
        self.discard()

    def discard(self) -> None:
        """Takes all pieces away, those of other facts too."""
        for file in self._made():
            file.unlink(missing_ok=True)

    def _made(self) -> Iterator[Path]:
        with contextlib.suppress(OSError):
            yield from [file for file in self.folder.iterdir() if NAME.fullmatch(file.name)]

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            (self.folder / LOCK).unlink(missing_ok=True)
            os.rmdir(self.folder)


def _count(file: Path) -> int:
    """Frames of a piece, 0 where it cannot be read."""
    import av

    try:
        with av.open(str(file.absolute())) as source:
            return sum(bool(packet.size) for packet in source.demux(video=0))
    except (av.FFmpegError, OSError, IndexError):
        return 0
