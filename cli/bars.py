"""Progress bars that also speak where nobody sees a line that moves: in a pipe, a file, a build log."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, Task, TextColumn

from . import terminal

if TYPE_CHECKING:
    from ..engine.state import Progress as Step


class Bars(Progress):
    """Rich's progress bars; where they are no terminal's, a line every `terminal.SILENCE` seconds says where the work stands."""

    _speaker: terminal.Speaker | None = None

    def start(self) -> None:
        """Shows the bars, or begins to speak."""
        if self.disable or self.console.is_terminal:
            super().start()
        else:
            self._speaker = terminal.Speaker(self.console, self._words, terminal.SILENCE)
            self._speaker.start()

    def stop(self) -> None:
        """Takes the bars away, or falls silent."""
        if self._speaker is None:
            super().stop()
        else:
            self._speaker.stop()
            self._speaker = None

    def _words(self) -> str:
        return "; ".join(state(task) for task in self.tasks if task.visible and not task.finished)


def state(task: Task) -> str:
    """Where a task stands, in words."""
    words = escape(task.description)
    if task.total:
        words += f", {task.percentage:.0f} %"
    if (left := task.time_remaining) is not None:
        words += f", about {left:.0f} s left"
    return words


@contextlib.contextmanager
def working(console: Console, what: str) -> Iterator[Callable[[str], None]]:
    """Says what is done while it is done; the function given takes other words for it."""
    with Bars(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True, disable=console.quiet) as bars:
        task = bars.add_task(escape(what), total=None)
        yield lambda words: bars.update(task, description=escape(words))


def share_of(step: Step) -> tuple[float, str]:
    """How much of a take is made, 0..1, and in words."""
    share = (step.window - 1 + step.step / max(1, step.steps)) / max(1, step.windows)
    return share, f"window {step.window}/{step.windows} step {step.step}/{step.steps}"
