"""Which worker makes which chain: the least busy first, elsewhere what one could not make, until all are there."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..errors import LongTakeError, UsageError
from .chains import Chain
from .folder import ChainHeld, FilmFolder

AGAIN = 5.0
"""Seconds between looks at a worker that does not answer."""
FIRST_LOOK = 2.0
"""Seconds that the first chains wait for all workers to say how busy they are."""
LOSSES = 3
"""So many times in a row a worker may lose a chain before it gets no other."""


class Lost(LongTakeError):
    """A worker that cannot go on now; its chain goes elsewhere, and it is looked at again."""


class Unfit(LongTakeError):
    """A worker that can make no chain of this film, whatever one waits for."""


class Worker(Protocol):
    """Something that makes chains, one at a time."""

    name: str

    async def busy(self) -> int:
        """How many other things wait there. Raises Lost or Unfit."""

    async def make(self, chain: Chain, folder: FilmFolder, board: Board) -> None:
        """Makes a chain until it is done in the folder. Raises Lost, Unfit, or another LongTakeError where the chain fails."""

    async def stop(self) -> None:
        """Ends what was started for it."""


class Board(Protocol):
    """Who is told how far everything is."""

    def begun(self, chain: Chain, worker: str) -> None:
        """A chain was given to a worker."""

    def moved(self, chain: Chain, share: float, words: str) -> None:
        """So much of it, 0..1, is made."""

    def done(self, chain: Chain, worker: str, seconds: float) -> None:
        """It is finished."""

    def gave_up(self, chain: Chain) -> None:
        """It waits again."""

    def note(self, text: str) -> None:
        """Something that the user should know."""


@dataclass
class _Desk:
    """One worker as the schedule sees it: `load` where it is free and well, the `reason` where it is not well, since when; whether
    it is `looking` whether it is well, or starting; `losses` in a row, and why chains, by their keys, `failed` there."""

    worker: Worker
    load: int | None = None
    reason: str = ""
    since: float = field(default_factory=time.monotonic)
    looked: float = 0.0
    looking: bool = False
    losses: int = 0
    retired: bool = False
    failed: dict[str, str] = field(default_factory=dict)

    def may_take(self, chain: Chain, patience: float) -> bool:
        """Whether this worker may come to make a chain."""
        hoped = not self.reason or self.looking or time.monotonic() - self.since < patience
        return not self.retired and hoped and chain.key not in self.failed


class Schedule:
    """Makes chains on workers. `patience`: seconds that it waits for a worker to come back where none is left."""

    def __init__(self, workers: Sequence[Worker], folder: FilmFolder, board: Board, patience: float):
        self.desks = [_Desk(worker) for worker in workers]
        self.folder, self.board, self.patience = folder, board, patience
        self.waiting: list[Chain] = []
        self.tasks: dict[asyncio.Task[None], tuple[_Desk, Chain | None]] = {}
        self.held: set[str] = set()

    async def run(self, chains: Sequence[Chain]) -> None:
        """Makes all of them. Raises the error of a chain that failed on two workers, or on all there are; LongTakeError where no
        worker is left; UsageError at once. However it ends, nothing that was begun runs on."""
        self.waiting = list(chains)
        begin = time.monotonic()
        try:
            for desk in self.desks:
                self._look(desk)
            while self.waiting or any(chain for _, chain in self.tasks.values()):
                looking = any(chain is None for _, chain in self.tasks.values())
                if not looking or time.monotonic() - begin > FIRST_LOOK:
                    self._assign()
                self._check_left()
                for desk in self.desks:  # one that others keep busy may be free by now
                    if desk.load and time.monotonic() - desk.looked > AGAIN:
                        self._look(desk)
                if self.tasks:
                    done, _ = await asyncio.wait(self.tasks, timeout=1, return_when=asyncio.FIRST_COMPLETED)
                else:
                    done = set()
                    await asyncio.sleep(min(1, AGAIN))
                for task in done:
                    self._take_back(task)
        finally:
            ending = asyncio.ensure_future(self._end())
            while not ending.done():  # a second Ctrl-C leaves nobody at work either
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.shield(ending)

    async def _end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.gather(*(desk.worker.stop() for desk in self.desks), return_exceptions=True)

    def _look(self, desk: _Desk, pause: float = 0.0) -> None:
        async def look() -> None:
            await asyncio.sleep(pause)
            desk.looking = True
            try:
                desk.load = await desk.worker.busy()
            finally:
                desk.looking = False
            desk.reason, desk.looked = "", time.monotonic()

        desk.load = None
        self.tasks[asyncio.create_task(look())] = desk, None

    def _assign(self) -> None:
        """Gives waiting chains to free workers, the least busy first. One with other work in its queue gets a chain only where
        those that have none cannot take all that wait."""
        free = sorted((desk for desk in self.desks if desk.load is not None), key=lambda desk: desk.load or 0)
        for desk in free:
            fitting = [chain for chain in self.waiting if chain.key not in desk.failed]
            if fitting:
                idle = sum(one.may_take(fitting[0], 0.0) and not one.load for one in self.desks if one is not desk)
                if not desk.load or len(fitting) > idle:
                    self._give(desk, fitting[0])

    def _give(self, desk: _Desk, chain: Chain) -> None:
        async def make() -> None:
            begin = time.monotonic()
            with self.folder.hold_chain(chain) as place:
                if not place.done:
                    await desk.worker.make(chain, self.folder, self.board)
                    if not place.done:
                        raise Lost(f"{desk.worker.name}: says that the chain is done, and it is not")
            self.board.done(chain, desk.worker.name, time.monotonic() - begin)

        self.waiting.remove(chain)
        desk.load = None
        self.board.begun(chain, desk.worker.name)
        self.tasks[asyncio.create_task(make())] = desk, chain

    def _take_back(self, task: asyncio.Task[None]) -> None:
        """Reads how a look or a chain ended."""
        desk, chain = self.tasks.pop(task)
        error = Lost(f"{desk.worker.name}: stopped") if task.cancelled() else task.exception()
        if error is None:
            if chain is not None:
                desk.losses = 0
                self._look(desk)
            return
        if chain is not None:
            self.waiting.insert(0, chain)
            self.board.gave_up(chain)
        if isinstance(error, ChainHeld) and chain is not None:
            self._hold(desk, chain, error)
        elif isinstance(error, (Lost, Unfit)):
            self._lose(desk, chain, error)
        elif isinstance(error, LongTakeError) and not isinstance(error, UsageError) and chain is not None:
            self._fail(desk, chain, error)
        else:
            raise error

    def _hold(self, desk: _Desk, chain: Chain, error: ChainHeld) -> None:
        """Another command makes the chain: it is looked at again when others have been."""
        self.waiting.append(self.waiting.pop(0))
        if chain.key not in self.held:
            self.held.add(chain.key)
            self.board.note(str(error))
        self._look(desk, AGAIN)

    def _lose(self, desk: _Desk, chain: Chain | None, error: Lost | Unfit) -> None:
        desk.losses += chain is not None
        new = not desk.reason or desk.reason != str(error)
        desk.reason, desk.load = str(error), None
        desk.retired = isinstance(error, Unfit) or desk.losses >= LOSSES
        if new or desk.retired:
            what = f"{error}" if chain is None else f"chain {chain.number} goes elsewhere: {error}"
            self.board.note(f"{what}; nothing more is given to {desk.worker.name}" if desk.retired else what)
        if not desk.retired:
            desk.since = time.monotonic() if new else desk.since
            self._look(desk, AGAIN if chain is None else 0.0)

    def _fail(self, desk: _Desk, chain: Chain, error: LongTakeError) -> None:
        """The chain itself failed: another worker may have what this one lacked, memory say; two are enough to know."""
        desk.failed[chain.key] = str(error)
        tried = sum(chain.key in one.failed for one in self.desks)
        if tried >= 2 or not any(one.may_take(chain, self.patience) for one in self.desks):
            raise type(error)(f"chain {chain.number}: {error}") from None
        self.board.note(f"chain {chain.number} failed on {desk.worker.name} and is tried elsewhere: {error}")
        self._look(desk)

    def _check_left(self) -> None:
        """Raises LongTakeError where nobody is left who could make what waits."""
        if any(chain for _, chain in self.tasks.values()):
            return
        for chain in self.waiting:
            if any(desk.may_take(chain, self.patience) for desk in self.desks):
                continue
            failed = [desk.failed[chain.key] for desk in self.desks if chain.key in desk.failed]
            if failed:
                raise LongTakeError(f"chain {chain.number}: {failed[0]}; nobody else is left to try it")
            reasons, left = "; ".join(dict.fromkeys(desk.reason for desk in self.desks)), len(self.waiting)
            raise LongTakeError(f"chains left: {left}, and nobody to make them: {reasons}; the same command goes on from here")
