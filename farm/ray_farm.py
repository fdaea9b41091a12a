"""Workers that are actors of a Ray cluster (Moritz et al. 2018, arXiv 1712.05889), one each, on any machine, restarted by Ray.

An actor makes a chain in a folder of its own machine; what it made is fetched in pieces through Ray's object store, so that no
folder has to be shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import io
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import LongTakeError, UsageError, shorten
from ..media.certificate import user_folder
from ..reel.files import INDEX
from .chains import Chain
from .folder import CHAINS, FRAMES, ChainFolder, FilmFolder, whole_file
from .schedule import Board, Lost, Unfit, Worker

PIECE = 8 << 20
"""Bytes fetched at once."""
KNOCK_SECONDS = 5.0
LOOK = 1.0
"""Seconds between looks at how far an actor is."""
RESTARTS = 20
HINT = "--ray needs the extra: pip install 'comfyui-longtake[ray]'"

Build = Callable[[FilmFolder, int, int], Worker]
"""Makes worker number n of the count on one machine."""


class Studio:
    """What runs in an actor: a worker, the folder it makes chains in, and how far it is."""

    def __init__(self, build: Build, cores: int, name: str):
        os.environ["OMP_NUM_THREADS"] = str(cores)
        self.folder = FilmFolder(user_folder() / "ray" / name)  # found again after a restart
        self.folder.prepare()
        self.worker = build(self.folder, 1, max(1, (os.cpu_count() or 1) // cores))
        self.share, self.words = 0.0, ""

    async def busy(self) -> int:
        """See Worker."""
        return await self.worker.busy()

    async def make(self, chain: Chain) -> list[tuple[str, int]]:
        """Makes a chain and gives names and sizes of its files, the frames last."""
        self.share, self.words = 0.0, ""
        place = self.folder.chain(chain)
        if not place.done:
            await self.worker.make(chain, self.folder, self)
        files = [file for file in place.path.rglob("*") if file.is_file() and not file.name.startswith(".")]
        last = {INDEX: 1, FRAMES: 2}
        return [
            (file.relative_to(place.path).as_posix(), file.stat().st_size)
            for file in sorted(files, key=lambda file: (last.get(file.name, 0), file.name))
        ]

    async def progress(self) -> tuple[float, str]:
        """How far the chain in work is."""
        return self.share, self.words

    async def read(self, chain: Chain, name: str, begin: int) -> bytes:
        """A piece of a file."""
        with (self.folder.chain(chain).path / name).open("rb") as file:
            file.seek(begin)
            return file.read(PIECE)

    async def forget(self, chain: Chain) -> None:
        """Takes away what has been fetched."""
        shutil.rmtree(self.folder.chain(chain).path, ignore_errors=True)

    async def stop(self) -> None:
        """See Worker."""
        await self.worker.stop()
        if not any(entry.is_dir() for entry in (self.folder.path / CHAINS).iterdir()):  # a chain in work is gone on with
            shutil.rmtree(self.folder.path, ignore_errors=True)

    def begun(self, chain: Chain, worker: str) -> None:
        """See Board."""

    def moved(self, chain: Chain, share: float, words: str) -> None:
        """See Board."""
        self.share, self.words = share, words

    def done(self, chain: Chain, worker: str, seconds: float) -> None:
        """See Board."""

    def gave_up(self, chain: Chain) -> None:
        """See Board."""

    def note(self, text: str) -> None:
        """See Board."""


class RayWorker:
    """An actor as a worker."""

    def __init__(self, number: int, actor: Any):
        self.name, self.actor = f"actor {number}", actor
        self.begun: list[tuple[Chain, ChainFolder]] = []  # what may still lie with it

    async def busy(self) -> int:
        """See Worker. Raises Lost, Unfit."""
        return int(await self._ask(self.actor.busy.remote()))

    async def make(self, chain: Chain, folder: FilmFolder, board: Board) -> None:
        """See Worker."""
        place = folder.chain(chain)
        self.begun.append((chain, place))
        making = asyncio.ensure_future(self._ask(self.actor.make.remote(chain)))
        try:
            while not making.done():
                await asyncio.wait([making], timeout=LOOK)
                if not making.done():
                    board.moved(chain, *await self._ask(self.actor.progress.remote()))
        finally:
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
        for name, size in making.result():
            target = place.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(target.with_name(f"{target.name}.{os.getpid()}.tmp"), target) as write:
                for begin in range(0, size, PIECE):
                    write(await self._ask(self.actor.read.remote(chain, name, begin)))
        place.check()

    async def stop(self) -> None:
        """Ends the actor, and what it has started; what it has of chains that are done, here or elsewhere, goes."""
        import ray

        try:
            for chain, place in self.begun:
                if place.done:
                    await asyncio.wait_for(self._ask(self.actor.forget.remote(chain)), 15)
            await asyncio.wait_for(self._ask(self.actor.stop.remote()), 15)
        except (LongTakeError, asyncio.TimeoutError):
            pass
        finally:
            ray.kill(self.actor)

    async def _ask(self, answer: Any) -> Any:
        """What an actor answers; its errors are raised as they were, its death as Lost."""
        from ray.exceptions import RayActorError, RayError, RayTaskError

        try:
            return await answer
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, (Lost, Unfit)):
                raise type(cause)(f"{self.name}: {cause}") from None
            if isinstance(cause, LongTakeError):
                raise cause from None
            raise LongTakeError(f"{self.name}: {type(cause).__name__}: {cause}") from None
        except RayActorError as error:
            last = [line for line in str(error).splitlines() if line.strip()]
            raise Lost(f"{self.name}: its process ended ({shorten(last[-1], 160) if last else 'killed'})") from None
        except RayError as error:
            raise Lost(f"{self.name}: {str(error).splitlines()[0]}") from None


@contextmanager
def ray_workers(address: str, count: int, build: Build, film: Path) -> Iterator[Sequence[RayWorker]]:
    """Actors of the cluster at `address`, "" for one that is started here and ends here: `count` of them, by default one a graphics
    card, or one a machine where there are none; what they have begun of the `film` is gone on with. Raises UsageError where Ray is
    not there or does not answer."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray: Any = importlib.import_module("ray")  # typed otherwise where it is installed
    except ImportError:
        raise UsageError(HINT) from None
    if address:
        _knock(address)
    try:
        ray.init(address or "local", include_dashboard=False if not address else None, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise UsageError(
            f"--ray {address}: no cluster answers ({str(error).splitlines()[0]}); give HOST:PORT of its head"
        ) from None
    try:
        resources = ray.cluster_resources()
        cards, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
        count = count or cards or len([node for node in ray.nodes() if node["Alive"]])
        share = {"num_gpus": 1} if cards else {"num_cpus": max(1, cores // count)}
        actor = ray.remote(max_restarts=RESTARTS, max_concurrency=8, **share)(Studio)
        with contextlib.redirect_stdout(io.StringIO()):  # Ray tells there of every death, which the schedule tells too
            name = hashlib.sha256(f"{socket.gethostname()} {film.absolute()}".encode()).hexdigest()[:12]
            actors = [actor.remote(build, max(1, cores // count), f"{name}-{number}") for number in range(1, count + 1)]
            yield [RayWorker(number, one) for number, one in enumerate(actors, 1)]
            ray.shutdown()
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raises UsageError where nobody listens at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UsageError(f"--ray {shorten(address)}: give HOST:PORT of its head, such as 10.0.0.1:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS).close()
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"--ray {address}: no cluster answers ({reason}); give HOST:PORT of its head") from None
