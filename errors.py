"""Errors a user can cause or meet, each one line: what was given, what is allowed, what to do."""

from __future__ import annotations

from collections.abc import Callable


class LongTakeError(Exception):
    """Any failure LongTake can explain; the command line prints its message and ends with `exit_code`."""

    exit_code = 1

    def __init_subclass__(cls) -> None:
        cls.__module__ = "longtake"  # ComfyUI shows it to users, and a pack's real one is the path of its folder

    def __reduce__(self) -> tuple[Callable[[str, str], LongTakeError], tuple[str, str]]:
        """For another process, which could not find the class under that name."""
        return _made_again, (type(self).__name__, str(self))


LongTakeError.__module__ = "longtake"


def _made_again(name: str, message: str) -> LongTakeError:
    """The error of the class of that name, a plain one where this process does not know it."""
    kinds, waiting = {"LongTakeError": LongTakeError}, [LongTakeError]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            kinds[kind.__name__] = kind
            waiting.append(kind)
    return kinds.get(name, LongTakeError)(message)


class UsageError(LongTakeError):
    """A value, option or combination of options that is not allowed."""

    exit_code = 2


class WeightsError(LongTakeError):
    """Model weights that are missing, truncated, altered or of another kind."""


class MediaError(LongTakeError):
    """A video or image that cannot be read or written."""


class ReelError(LongTakeError):
    """A reel that is locked, belongs to another model, or cannot be read or written."""


class SignError(LongTakeError):
    """A film that cannot be signed: no certificate, a bad one, or a container that carries no signature."""


class RefusedError(LongTakeError):
    """A prompt or a film of a kind that the guard was told to refuse."""


def shorten(text: str, limit: int = 40) -> str:
    """`text` on one line and short enough for a message."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
