"""Workers that are ComfyUI servers: one that runs somewhere, or one started here for a film."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import LongTakeError, UsageError
from ..reel.files import INDEX
from ..reel.migrations import SEGMENTS
from . import answers
from .chains import Chain
from .client import Client, GraphFailed, GraphRefused, nothing
from .comfy import Server, find_comfy, launch
from .folder import ChainFolder, FilmFolder, whole_file
from .graph_job import REELS, GraphJob, apply
from .graph_outputs import Saved
from .schedule import Board, Lost, Unfit

INDEX_BYTES, FRAMES_BYTES = 256 * 2**20, 2**40
"""Most that a reel's index and a chain's frames are taken to have."""
SEGMENT_SPARE = 2**20


class ComfyWorker:
    """A ComfyUI at `url`. One that says nothing of a chain for `patience` seconds is given up."""

    def __init__(self, url: str, job: GraphJob, patience: float, alive: Callable[[], object] = nothing):
        self.name, self.url, self.job, self.patience, self.alive = url, url, job, patience, alive
        self.infos: dict[str, dict[str, Any]] = {}

    async def busy(self) -> int:
        """How many graphs wait there; looks at what it can do the first time. Raises Lost, Unfit."""
        try:
            async with Client(self.url, self.alive) as client:
                await client.check()
                if not self.infos:
                    await self._learn(client)
                return await client.waiting()
        except (Lost, Unfit):
            raise
        except LongTakeError as error:
            raise Lost(str(error)) from None

    async def _learn(self, client: Client) -> None:
        infos = {kind: await client.object_info(kind) for kind in self.job.kinds}
        lacking = self.job.lacking(infos)
        if lacking:
            raise Unfit(f"{self.url}: {lacking}")
        self.infos = infos

    async def make(self, chain: Chain, folder: FilmFolder, board: Board) -> None:
        """Runs the graph of a chain and fetches its reel and its frames. Raises Lost, Unfit, or UsageError for a setting that does
        not fit, GraphFailed where the graph fails."""
        place = folder.chain(chain)
        try:
            async with Client(self.url, self.alive) as client:
                graph = self.job.graph_for(chain)
                for setting in self.job.settings:
                    await apply(client, graph, setting, self.infos)
                watch = _Watch(chain, self.job.take, board)
                running = asyncio.create_task(client.run(graph, watch.on_event))
                entry = await self._patiently(client, running, watch)
                await self._fetch(client, chain, place, self.job.frames_in(entry))
            place.check()
        except (Lost, Unfit, UsageError, GraphFailed):
            raise
        except GraphRefused as error:
            raise Unfit(f"{self.url}: {error}") from None
        except LongTakeError as error:
            text = str(error)
            raise Lost(text if self.url in text else f"{self.url}: {text}") from None

    async def _patiently(self, client: Client, running: asyncio.Task[dict[str, Any]], watch: _Watch) -> dict[str, Any]:
        """What the graph gives, for as long as the websocket tells of something now and then; where there is none, without end."""
        try:
            while not running.done():
                await asyncio.wait([running], timeout=1)
                if not client.listening:
                    watch.heard = time.monotonic()
                if not running.done() and time.monotonic() - watch.heard > self.patience:
                    raise Lost(f"{self.url}: nothing has moved for {self.patience:g} s; allow more with --patience")
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError, LongTakeError):
                await running
        return running.result()

    async def _fetch(self, client: Client, chain: Chain, place: ChainFolder, frames: Saved) -> None:
        """The reel, its segments first, then the frames, under their final names when they are whole."""
        below = f"{REELS}/{self.job.reel(chain)}"
        (place.path / SEGMENTS).mkdir(parents=True, exist_ok=True)
        with whole_file(place.path / f"{INDEX}.{os.getpid()}.fetched", place.path / f"{INDEX}.fetched") as write:
            await client.download(Saved(INDEX, below, "output"), write, INDEX_BYTES)
        index = _index(place.path)
        for entry in index["segments"]:
            file = place.path / SEGMENTS / Path(entry["file"]).name
            if not file.is_file():
                with whole_file(file.with_suffix(f".{os.getpid()}.tmp"), file) as write:
                    saved = Saved(file.name, f"{below}/{SEGMENTS}", "output")
                    await client.download(saved, write, entry["bytes"] + SEGMENT_SPARE)
        os.replace(place.path / f"{INDEX}.fetched", place.path / INDEX)
        with whole_file(place.frames.with_suffix(f".{os.getpid()}.tmp"), place.frames) as write:
            await client.download(frames, write, FRAMES_BYTES)

    async def stop(self) -> None:
        """A server that somebody else started runs on."""


class StartedWorker:
    """A ComfyUI that `start` starts here, and again where it has ended."""

    def __init__(self, name: str, job: GraphJob, patience: float, start: Callable[[], Server]):
        self.name, self.job, self.patience, self.start = name, job, patience, start
        self.server: Server | None = None
        self.worker: ComfyWorker | None = None

    async def busy(self) -> int:
        """Starts it where it does not run. Raises Lost, Unfit."""
        if self.server is None or self.server.process.poll() is not None:
            await self.stop()
            starting = asyncio.create_task(asyncio.to_thread(self.start))
            try:
                self.server = await asyncio.shield(starting)
            except asyncio.CancelledError:
                with contextlib.suppress(LongTakeError):
                    self.server = await starting
                await self.stop()
                raise
            except LongTakeError as error:
                raise Lost(f"{self.name}: {error}") from None
            self.worker = ComfyWorker(self.server.url, self.job, self.patience, self.server.alive)
        assert self.worker is not None
        return await self.worker.busy()

    async def make(self, chain: Chain, folder: FilmFolder, board: Board) -> None:
        """See ComfyWorker. One that is lost is ended, so that nothing of it goes on in the folder that others share."""
        assert self.worker is not None
        try:
            await self.worker.make(chain, folder, board)
        except Lost:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ends the server."""
        server, self.server, self.worker = self.server, None, None
        if server is not None:
            await asyncio.to_thread(server.stop)


def started_worker(
    folder: FilmFolder,
    number: int,
    count: int,
    *,
    job: GraphJob,
    comfy: Path | None,
    cpu: bool | None,
    timeout: float,
    patience: float,
) -> StartedWorker:
    """Worker `number`, from 1, of the `count` on this machine: a ComfyUI of the install `comfy`, or of the usual one, on a graphics
    card of its own where there are several, or on its share of the cores."""
    cards = len(list(Path("/dev").glob("nvidia[0-9]*")))
    extra = ["--cuda-device", str((number - 1) % cards)] if cards > 1 and count > 1 and not cpu else []
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count))} if count > 1 and not cards else {}
    root = folder.path.absolute() / "servers"

    def start() -> Server:
        place, found = root / str(number), find_comfy(comfy)
        place.mkdir(parents=True, exist_ok=True)
        return launch(found, place, cpu=cpu, extra=extra, timeout=timeout, output=root / "output", environment=threads)

    return StartedWorker(f"ComfyUI {number}", job, patience, start)


class _Watch:
    """The events of a graph as the progress of its chain."""

    def __init__(self, chain: Chain, node: str, board: Board):
        self.chain, self.node, self.board, self.heard = chain, node, board, time.monotonic()

    def on_event(self, kind: str, data: dict[str, Any]) -> None:
        """Takes one message of the server."""
        self.heard = time.monotonic()
        if kind != "progress_state":
            return
        state = answers.mapping(answers.mapping(data.get("nodes")).get(self.node))
        value, most = answers.number(state.get("value"), 0.0), answers.number(state.get("max"), 1.0)
        if state.get("state") == "running" and most > 1:
            self.board.moved(self.chain, max(0.0, min(1.0, value / most)), f"{value:g}/{most:g}")


def _index(path: Path) -> dict[str, Any]:
    """The index that was fetched into a folder. Raises LongTakeError for one that is damaged, or of a take that is not finished."""
    from ..reel.files import parse_index

    try:
        index = parse_index(path, (path / f"{INDEX}.fetched").read_bytes())
    except ValueError:
        raise LongTakeError(f"the {INDEX} that it gave is damaged") from None
    if not index["finished"]:
        raise LongTakeError("its reel is not finished")
    return index
