"""The guard in the host: texts of a graph before anything is made of them, frames before they are shown."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache

from ..guard.watch import Guard
from ..models.text import load_text
from .progress import Watch

log = logging.getLogger(__name__)
_load = cache(load_text)


def guard(asked: str | None = None) -> Guard:
    """A guard by the policy asked for or this machine's; its encoder is loaded once. Raises UsageError for no policy."""
    return Guard(asked, _load)


def check_texts(texts: Iterable[str], asked: str | None = None) -> list[str]:
    """Says and gives the warnings about texts. Raises RefusedError where the policy is to refuse."""
    watching = guard(asked)
    watching.check_prompts(texts)
    tell(watching)
    return watching.warnings


def checked(text: str, asked: str) -> tuple[str, str]:
    """The text, and what the guard has to say of it. Raises RefusedError."""
    if not guard(asked).on:
        return text, "not looked at: the guard is off"
    return text, "\n".join(check_texts([text], asked)) or "nothing prohibited found"


def tell(watching: Guard) -> None:
    """Warnings, in the log and on the node that runs."""
    for warning in watching.warnings:
        log.warning("%s", warning)
    if watching.warnings:
        Watch().say("\n".join(watching.warnings))
