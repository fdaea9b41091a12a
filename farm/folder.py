"""The folder of a film that is made in chains: `film.json`, which lists them, and a folder each with a reel and its frames.

A chain is done when its frames are there under their final name and as many as its reel says; everything before that is put down
under other names, so that a process killed at any moment leaves nothing that could be taken for done.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .. import __version__
from ..errors import LongTakeError, MediaError, ReelError, UsageError
from ..media.read import VideoInfo, probe
from ..reel.files import INDEX
from ..reel.record import ReelHeader, ReelRecord
from ..reel.store import Reel
from .chains import Chain

SCHEMA = 1
FILM, CHAINS, LOCK, FRAMES = "film.json", "chains", ".lock", "frames.mkv"
OWN = (FILM, CHAINS, LOCK, "servers")
"""What lies in such a folder."""


class ChainHeld(UsageError):
    """Another command makes the chain."""


@dataclass(frozen=True)
class ChainFolder:
    """Where one chain is made: a reel, and beside it its frames, kept to the last bit."""

    path: Path

    @property
    def frames(self) -> Path:
        """The file of its frames."""
        return self.path / FRAMES

    def check(self) -> tuple[ReelRecord, VideoInfo, str]:
        """Its record, what its frames are, and the model that made it. Raises ReelError or MediaError where it is not done."""
        index = Reel.peek(self.path)
        if not index["finished"]:
            raise ReelError(f"{self.path}: its take is not finished")
        record, info = ReelRecord.read(index["metrics"], self.path / INDEX), probe(self.frames)
        timeline = ReelHeader.read(index["header"], self.path / INDEX).timeline
        whole = timeline.latents_for(max(1, record.frames))  # its last latent may hold more frames than were asked for
        if info.frames > record.frames or timeline.latents_for(info.frames) != whole:
            raise MediaError(f"{self.frames}: {info.frames} frames where its reel says {record.frames}")
        return record, info, str(index["header"].get("model", ""))

    @property
    def done(self) -> bool:
        """Whether nothing is left to be made."""
        if not self.frames.is_file():
            return False
        try:
            self.check()
        except LongTakeError:
            return False
        return True


class FilmFolder:
    """The folder of a film; `hold` it while it is made as a whole."""

    def __init__(self, path: Path):
        self.path = path

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keeps other commands out of the film. Raises UsageError for a folder that is in use or holds something else, and
        LongTakeError where it cannot be written."""
        self.prepare()
        message = f"{self.path}: another command is making this film; wait for it, or give another --folder"
        with _locked(self.path / LOCK, UsageError(message)):
            yield

    def prepare(self) -> None:
        """Makes the folder. Raises as `hold`."""
        try:
            if self.path.is_dir() and not (self.path / FILM).exists():
                names = [entry.name for entry in self.path.iterdir() if entry.name not in OWN]
                foreign = sorted(name for name in names if not name.startswith(FILM))
                if foreign:
                    raise UsageError(f"{self.path}: holds {foreign[0]}, which is no film's; give a new or empty --folder")
            (self.path / CHAINS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LongTakeError(f"{self.path}: cannot be used ({error.strerror}); give another --folder") from None

    @contextmanager
    def hold_chain(self, chain: Chain) -> Iterator[ChainFolder]:
        """Keeps other commands, on other machines too, from making this chain. Raises ChainHeld where one is."""
        lock = self.path / CHAINS / f"{chain.name}{LOCK}"
        with _locked(lock, ChainHeld(f"chain {chain.number}: another command is making it; wait for that one")):
            yield self.chain(chain)

    def chain(self, chain: Chain) -> ChainFolder:
        """Where a chain is made."""
        return ChainFolder(self.path / CHAINS / chain.name)

    def missing(self, chains: Sequence[Chain]) -> list[Chain]:
        """Those that are still to be made, each once."""
        return list({chain.key: chain for chain in chains if not self.chain(chain).done}.values())

    def write(self, chains: Sequence[Chain]) -> None:
        """Lists the chains of the film as it is to be. Raises LongTakeError."""
        listed = [{"key": chain.key, "shots": [shot._asdict() for shot in chain.shots], "part": chain.part} for chain in chains]
        content = {"schema": SCHEMA, "longtake": __version__, "chains": listed}
        temporary = self.path / f"{FILM}.{os.getpid()}.tmp"
        try:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
            os.replace(temporary, self.path / FILM)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise LongTakeError(f"{self.path / FILM}: cannot be written ({error.strerror}); free some space") from None

    def listed(self) -> list[dict[str, Any]]:
        """The chains that `film.json` lists: number, prompts, seconds, folder, and what each is like by now. Raises UsageError."""
        file = self.path / FILM
        try:
            content = json.loads(file.read_bytes())
            chains = [(str(one["key"]), one["shots"], one.get("part", [1, 1])) for one in content["chains"]]
            parts = [(int(number), int(count)) for _, _, (number, count) in chains]
            shots = [[(str(shot["prompt"]), float(shot["seconds"])) for shot in some] for _, some, _ in chains]
            if content["schema"] != SCHEMA:
                raise ValueError("another schema")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(f"{file}: is not that of a film ({str(error)[:60]}); make the film again with this folder") from None
        found = []
        for number, ((key, *_), some, part) in enumerate(zip(chains, shots, parts, strict=True), 1):
            folder = self.chain(Chain(number, (), key))
            found.append(
                {
                    "chain": number,
                    "folder": str(folder.path),
                    "prompts": [prompt for prompt, _ in some],
                    "part": part,
                    "seconds": round(sum(seconds for _, seconds in some) / part[1], 3),
                    "state": state_of(folder),
                }
            )
        return found


def state_of(folder: ChainFolder) -> str:
    """A word on a chain: done, begun or missing."""
    if folder.done:
        return "done"
    try:
        return "begun" if Reel.peek(folder.path)["segments"] else "missing"
    except ReelError:
        return "missing"


@contextmanager
def _locked(path: Path, taken: UsageError) -> Iterator[None]:
    lock = FileLock(str(path))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise taken from None
    except OSError as error:
        raise LongTakeError(f"{path}: cannot be written ({error.strerror}); give another --folder") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def whole_file(temporary: Path, final: Path, sha256: str | None = None) -> Iterator[Callable[[bytes], object]]:
    """A function that writes to a file, which gets its final name once it is whole, and where its hash is the one asked for. Raises
    UsageError where it cannot be written, MediaError for another hash."""
    digest = hashlib.sha256()

    def write(data: bytes) -> None:
        digest.update(data)
        with writing(final):
            file.write(data)

    try:
        with writing(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            file = temporary.open("wb")
        with file:
            yield write
            with writing(final):
                file.flush()
                os.fsync(file.fileno())
        if sha256 is not None and digest.hexdigest() != sha256:
            raise MediaError(f"{final.name}: is not what its reel lists")
        with writing(final):
            os.replace(temporary, final)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Says what went wrong in a folder of this machine, so that nobody else is blamed for it. Raises UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); free some space or give another --folder") from None
