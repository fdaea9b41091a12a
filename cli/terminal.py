"""What is said on a terminal: names, prompts and errors of others may hold anything, and none of it may steer the terminal."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

LINE = 300
"""Printable characters of a line at most."""
PATIENCE, SILENCE = 5.0, 9.0
"""Seconds without a word where nobody sees a line that moves: before the first, and between two."""
NOT_SHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Kinds of characters that steer a terminal, turn the direction of writing, or are none."""


def printable(text: object, limit: int | None = LINE) -> str:
    """`text` as one line that steers nothing: its blanks are single, what cannot be shown is "?", and where it is longer than
    `limit` its middle is left out, so that what was given and what to do both stay."""
    line = " ".join(str(text).split())
    if limit is not None and len(line) > 8 * limit:
        line = line[: 4 * limit] + line[-4 * limit :]
    line = "".join("?" if unicodedata.category(letter) in NOT_SHOWN else letter for letter in line)
    if limit is None or len(line) <= limit:
        return line
    end = limit // 3
    return f"{line[: limit - end - 3]} … {line[-end:]}"


def say(text: object, file: TextIO | None = None) -> None:
    """Prints `text` with every line made printable; blanks at a line's beginning and between columns stay."""
    for line in str(text).split("\n"):
        words = line.split(" ")
        shown = " ".join("".join("?" if unicodedata.category(a) in NOT_SHOWN else a for a in word) for word in words)
        print(shown if len(shown) <= LINE else printable(shown), file=file)


def say_path(path: object) -> None:
    """Prints the whole path, however long: it is what scripts read."""
    print("".join("?" if unicodedata.category(letter) in {"Cc", "Cs"} else letter for letter in str(path)))


@contextlib.contextmanager
def waiting(console: Console, what: str) -> Iterator[None]:
    """Says what is waited for: at once on a terminal, elsewhere once it takes longer than PATIENCE, and again every SILENCE."""
    if console.is_terminal:
        with console.status(what):
            yield
        return
    speaker = Speaker(console, lambda: f"{what} …", PATIENCE)
    speaker.start()
    try:
        yield
    finally:
        speaker.stop()


class Speaker:
    """Says `words()` where nobody sees a line that moves: after `patience` seconds, and again every SILENCE; nothing for ""."""

    def __init__(self, console: Console, words: Callable[[], str], patience: float):
        self.console, self.words, self.patience = console, words, patience
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._speak, name="what is waited for", daemon=True)

    def start(self) -> None:
        """Begins to count the seconds."""
        self._thread.start()

    def stop(self) -> None:
        """Falls silent."""
        self._over.set()
        self._thread.join()

    def _speak(self) -> None:
        pause = self.patience
        while not self._over.wait(pause):
            if said := self.words():
                self.console.print(said)
            pause = SILENCE


def forgive(*streams: TextIO) -> None:
    """Lets streams take characters that their encoding lacks, escaped."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


class Teller(logging.StreamHandler):
    """Log records as printable lines on standard error. Those of `later` wait for `tell`: where the command fails, its error says
    the same, and one line is enough."""

    def __init__(self, later: str | None = None):
        super().__init__(sys.stderr)
        self.later, self.held = later, list[logging.LogRecord]()

    def emit(self, record: logging.LogRecord) -> None:
        """Says the record, or keeps it."""
        if record.name == self.later:
            if record.getMessage() not in (held.getMessage() for held in self.held):  # a film is read more than once
                self.held.append(record)
        else:
            super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line; a traceback, which only --verbose shows, as it is."""
        return super().format(record) if record.exc_info else printable(super().format(record))

    def tell(self) -> None:
        """Says what was kept."""
        for record in self.held:
            super().emit(record)
        self.held.clear()
