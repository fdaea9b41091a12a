"""Chains made by the model in the box: in this process, or in a process of their own that keeps torch loaded between chains."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ..errors import LongTakeError
from ..farm.chains import Chain
from ..farm.comfy import end_with_parent
from ..farm.folder import ChainFolder, FilmFolder
from ..farm.schedule import Board, Lost
from ..media.disclosure import Disclosure
from ..take.shots import shot_lengths
from .bars import share_of
from .plan import RenderPlan, SamplerOptions

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from ..engine.state import Progress as Step

PART_FRAMES = 80
"""A part of a take is so long at least: it takes a window more than it makes."""
START_SECONDS = 120.0
"""For a process to import what it needs."""


@dataclass(frozen=True)
class BoxJob:
    """How the model in the box makes the chains of a film: what a render's plan says of all of them."""

    size: tuple[int, int]
    canvas: tuple[int, int]
    fps: float
    sampler: SamplerOptions
    guard: str

    @property
    def facts(self) -> dict[str, Any]:
        """What of it shapes a chain."""
        from ..models.manifest import WEIGHTS

        sampler = {name: value for name, value in vars(self.sampler).items() if name not in ("device", "weights")}
        weights = (self.sampler.weights or WEIGHTS) / "manifest.json"
        return {"size": self.size, "fps": self.fps, "sampler": sampler, "weights": _text(weights)}

    @property
    def part_seconds(self) -> float:
        """How long a part of a take lasts at least."""
        return PART_FRAMES / self.fps

    def plan(self, chain: Chain, place: ChainFolder) -> RenderPlan:
        """The render that is a chain: its reel and its frames, which are marked only as parts of the film."""
        shots = list(chain.shots)
        return RenderPlan(
            "text",
            shots,
            shot_lengths(shots, self.fps, 0.0),
            self.size,
            self.canvas,
            self.fps,
            place.frames,
            seed=shots[0].seed or 0,
            part=chain.part,
            sampler=self.sampler,
            reel=place.path,
            disclosure=Disclosure(marked=False, signed=False),
            guard=self.guard,
        )

    def make(self, chain: Chain, place: ChainFolder, watch: Callable[[Step], None], console: Console) -> None:
        """Makes a chain here. Raises LongTakeError."""
        from .render import render

        render(self.plan(chain, place), console, watch)


class BoxWorker:
    """A process of its own that makes chains with `threads` threads."""

    def __init__(self, number: int, job: BoxJob, threads: int):
        self.name, self.job, self.threads = f"process {number}", job, threads
        self.process: multiprocessing.process.BaseProcess | None = None
        self.connection: Connection | None = None

    async def busy(self) -> int:
        """Starts the process where it does not run. Raises Lost."""
        if self.process is None or not self.process.is_alive():
            await self.stop()
            context = multiprocessing.get_context("spawn")
            self.connection, theirs = context.Pipe()
            self.process = context.Process(target=_serve, args=(theirs, self.job, self.threads), daemon=True)
            self.process.start()
            theirs.close()
            connection = self.connection
            ready = await asyncio.to_thread(connection.poll, START_SECONDS)
            if not ready or not self._hears(connection):
                await self.stop()
                raise Lost(f"{self.name}: did not start")
        return 0

    async def make(self, chain: Chain, folder: FilmFolder, board: Board) -> None:
        """Hands the chain over and tells what the process says of it. Raises Lost where it ends, LongTakeError where it fails."""
        connection = self.connection
        assert connection is not None
        try:
            connection.send((chain, folder.chain(chain)))
            while True:
                kind, *words = await asyncio.to_thread(connection.recv)
                if kind == "moved":
                    board.moved(chain, *words)
                elif kind == "failed":
                    raise words[0]
                elif kind == "done":
                    return
                else:
                    raise Lost(f"{self.name}: says {kind!r}")
        except (EOFError, OSError):
            raise Lost(f"{self.name}: ended ({self._how()})") from None

    async def stop(self) -> None:
        """Ends the process."""
        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            await asyncio.to_thread(process.join, 5)
            if process.is_alive():
                process.kill()
                await asyncio.to_thread(process.join)
        if self.connection is not None:
            self.connection.close()

    def _how(self) -> str:
        if self.process is None:
            return "stopped"
        self.process.join(5)
        code = self.process.exitcode
        return "killed, as systems do where memory runs out" if code == -9 else f"exit code {code}"

    def _hears(self, connection: Connection) -> bool:
        try:
            return bool(connection.recv() == "ready")
        except (EOFError, OSError):
            return False


def box_worker(folder: FilmFolder, number: int, count: int, *, job: BoxJob) -> BoxWorker:
    """Worker `number` of the `count` on this machine, with its share of the cores."""
    return BoxWorker(number, job, max(1, (os.cpu_count() or 1) // count))


def _serve(connection: Connection, job: BoxJob, threads: int) -> None:
    """The process: makes one chain after the other until the pipe closes."""
    parent = multiprocessing.parent_process()
    begin = end_with_parent(parent.pid if parent else None) if sys.platform.startswith("linux") else None
    if begin is not None:
        begin()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command stops its processes itself
    import torch

    from . import render  # noqa: F401 - what takes long is loaded before the first chain comes

    torch.set_num_threads(threads)
    console = Console(stderr=True, quiet=True)

    def watch(step: Step) -> None:
        connection.send(("moved", *share_of(step)))

    try:
        connection.send("ready")
        while True:
            chain, place = connection.recv()
            try:
                job.make(chain, place, watch, console)
            except LongTakeError as error:
                connection.send(("failed", type(error)(str(error))))
            except (MemoryError, RuntimeError) as error:
                connection.send(("failed", LongTakeError(str(error).splitlines()[0] if str(error) else "out of memory")))
            else:
                connection.send(("done",))
    except (EOFError, OSError):
        pass  # nobody is left to make chains for


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
