"""The chains of a film on the terminal: a line for each that is in work, and one for each that is done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..farm.chains import Chain
from .bars import Bars
from .terminal import printable


@contextmanager
def show(chains: int, console: Console) -> "Iterator[Lines]":
    """A line for each chain that is in work, and one for each that is done."""
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"), TimeElapsedColumn()]
    with Bars(
        *columns, TextColumn("left"), TimeRemainingColumn(), console=console, transient=True, disable=console.quiet
    ) as progress:
        yield Lines(chains, progress)


class Lines:
    """`farm.schedule.Board` on the terminal."""

    def __init__(self, chains: int, progress: Progress):
        self.chains, self.progress = chains, progress
        self.tasks: dict[str, TaskID] = {}
        self.made: list[dict[str, Any]] = []
        self.start = time.monotonic()

    def begun(self, chain: Chain, worker: str) -> None:
        """See Board."""
        words = f"chain {chain.number}/{self.chains} on {worker}"
        self.tasks[chain.key] = self.progress.add_task(escape(printable(words)), total=1.0, words="")

    def moved(self, chain: Chain, share: float, words: str) -> None:
        """See Board."""
        if chain.key in self.tasks:
            self.progress.update(self.tasks[chain.key], completed=min(share, 0.999), words=escape(words))

    def done(self, chain: Chain, worker: str, seconds: float) -> None:
        """See Board."""
        self.gave_up(chain)
        began = time.monotonic() - self.start - seconds
        self.made.append({"chain": chain.number, "by": worker, "began": round(began, 3), "seconds": round(seconds, 3)})
        self.progress.console.print(f"chain {chain.number}/{self.chains}: {seconds:.1f} s on {escape(printable(worker))}")

    def gave_up(self, chain: Chain) -> None:
        """See Board."""
        task = self.tasks.pop(chain.key, None)
        if task is not None:
            self.progress.remove_task(task)

    def note(self, text: str) -> None:
        """See Board."""
        self.progress.console.print(f"[yellow]note:[/yellow] {escape(printable(text))}")
