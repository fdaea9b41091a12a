"""Workers that are ComfyUI servers: one that runs somewhere, or one started here for a film."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import LongTakeError, UsageError
from ..reel.files import INDEX, parse_index
from ..reel.migrations import SEGMENTS
from ..reel.record import ReelRecord
from ..take.shots import shot_lengths
from . import answers
from .chains import Chain
from .client import Client, GraphFailed, GraphRefused, nothing
from .comfy import Server, copy_inputs, find_comfy, launch
from .folder import ChainFolder, FilmFolder, whole_file, writing
from .graph_job import REELS, GraphJob
from .graph_outputs import Saved
from .schedule import Board, Lost, Unfit

INDEX_BYTES, FRAME_BYTES = 256 * 2**20, 128 * 2**20
"""Most that a reel's index and one frame of a chain are taken to have."""
SEGMENT = re.compile(r"[0-9a-f]{1,64}\.safetensors")


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
        """Runs the graph of a chain and fetches its reel and its frames. Raises Lost, Unfit, UsageError for a setting that does not
        fit or a folder here that cannot be written, GraphFailed where the graph fails."""
        place = folder.chain(chain)
        try:
            async with Client(self.url, self.alive) as client:
                graph = await self.job.graph_for(client, chain, self.infos)
                watch = _Watch(chain, self.job.take, board)
                running = asyncio.create_task(client.run(graph, watch.on_event))
                entry = await self._patiently(client, running, watch)
                await self._fetch(client, chain, place, self.job.frames_in(entry))
            self._check(chain, place)
        except (Lost, Unfit, UsageError, GraphFailed):
            raise
        except GraphRefused as error:
            raise Unfit(f"{self.url}: {error}") from None
        except LongTakeError as error:
            text = str(error)
            raise Lost(text if self.url in text else f"{self.url}: {text}") from None
        except (TypeError, ValueError, KeyError, AttributeError, OSError) as error:
            raise Lost(f"{self.url}: answers in another shape ({type(error).__name__})") from None

    async def _patiently(self, client: Client, running: asyncio.Task[dict[str, Any]], watch: _Watch) -> dict[str, Any]:
        """What the graph gives, for as long as the websocket tells of it now and then, or it waits behind others; where there is no
        websocket, without end."""
        try:
            while not running.done():
                await asyncio.wait([running], timeout=1)
                if not client.listening:
                    watch.heard = time.monotonic()
                if not running.done() and time.monotonic() - watch.heard > self.patience:
                    if not await client.pending():
                        raise Lost(f"{self.url}: nothing has moved for {self.patience:g} s; allow more with --patience")
                    watch.heard = time.monotonic()
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError, LongTakeError):
                await running
        return running.result()

    async def _fetch(self, client: Client, chain: Chain, place: ChainFolder, frames: Saved) -> None:
        """The reel, its segments first, then the frames, under their final names when they are whole."""
        below, fetched = f"{REELS}/{self.job.reel(chain)}", place.path / f"{INDEX}.fetched"
        with whole_file(place.path / f"{INDEX}.{os.getpid()}.tmp", fetched) as write:
            await client.download(Saved(INDEX, below, "output"), write, INDEX_BYTES, self.patience)
        index = _index(place.path)
        for entry in index["segments"]:
            file = place.path / SEGMENTS / entry["file"]
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != entry["sha256"]:
                with whole_file(file.with_suffix(f".{os.getpid()}.tmp"), file, entry["sha256"]) as write:
                    saved = Saved(file.name, f"{below}/{SEGMENTS}", "output")
                    await client.download(saved, write, entry["bytes"], self.patience)
        with writing(place.path):
            os.replace(fetched, place.path / INDEX)
        most = ReelRecord.read(index["metrics"], INDEX).frames * FRAME_BYTES
        with whole_file(place.frames.with_suffix(f".{os.getpid()}.tmp"), place.frames) as write:
            await client.download(frames, write, most, self.patience)

    def _check(self, chain: Chain, place: ChainFolder) -> None:
        """Raises LongTakeError where what was fetched is not the chain."""
        _, info, _ = place.check()
        asked = sum(shot_lengths(chain.shots, float(info.fps), 0.0))
        if info.frames < asked:
            raise LongTakeError(f"it gave {info.frames} frames where the shots ask for {asked}")

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
            await asyncio.to_thread(shutil.rmtree, server.folder, ignore_errors=True)


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
    cards = graphics_cards()
    extra = ["--cuda-device", cards[(number - 1) % len(cards)]] if len(cards) > 1 and count > 1 and not cpu else []
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count))} if count > 1 and not cards else {}
    root = folder.path.absolute() / "servers"

    def start() -> Server:
        """Several commands may start theirs at once, on several machines."""
        place, found = root / f"{socket.gethostname()}-{os.getpid()}-{number}", find_comfy(comfy)
        with writing(place):
            place.mkdir(parents=True, exist_ok=True)
        copy_inputs(found / "input", place / "input", job.files())
        return launch(found, place, cpu=cpu, extra=extra, timeout=timeout, output=root / "output", environment=threads)

    return StartedWorker(f"ComfyUI {number}", job, patience, start)


def graphics_cards() -> list[str]:
    """Names by which CUDA knows the cards that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    found = len(list(Path("/dev").glob("nvidia[0-9]*")))
    if not found and shutil.which("nvidia-smi"):
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
        found = len(re.findall(r"^GPU \d+", listed, re.MULTILINE))
    return [str(number) for number in range(found)]


class _Watch:
    """The events of a graph as the progress of its chain."""

    def __init__(self, chain: Chain, node: str, board: Board):
        self.chain, self.node, self.board, self.heard = chain, node, board, time.monotonic()

    def on_event(self, kind: str, data: dict[str, Any]) -> None:
        """Takes one message of the server."""
        if data.get("prompt_id"):  # others tell of themselves too
            self.heard = time.monotonic()
        if kind != "progress_state":
            return
        state = answers.mapping(answers.mapping(data.get("nodes")).get(self.node))
        value, most = answers.number(state.get("value"), 0.0), answers.number(state.get("max"), 1.0)
        if state.get("state") == "running" and most > 1:
            self.board.moved(self.chain, max(0.0, min(1.0, value / most)), f"{value:g}/{most:g}")


def _index(path: Path) -> dict[str, Any]:
    """The index that was fetched into a folder. Raises LongTakeError for one that is damaged, or of a take that is not finished."""
    try:
        index = parse_index(path, (path / f"{INDEX}.fetched").read_bytes())
    except ValueError:
        raise LongTakeError(f"the {INDEX} that it gave is damaged") from None
    if not index["finished"]:
        raise LongTakeError("its reel is not finished")
    if not all(SEGMENT.fullmatch(entry["file"]) for entry in index["segments"]):
        raise LongTakeError(f"the {INDEX} that it gave names files that no reel has")
    return index
