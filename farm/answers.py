"""Answers of a server as the shapes they should have: what is of another shape is read as empty, what is too much is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import LongTakeError

if TYPE_CHECKING:
    import aiohttp

ANSWER_BYTES = 64 * 2**20
ANSWER_SECONDS = 60.0
"""For all of one answer: one that drips would be waited for as long as it likes."""


def mapping(value: Any) -> dict[str, Any]:
    """An object, empty where `value` is none."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """A list, empty where `value` is none."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """A text, empty where `value` is none; half characters in it become whole ones."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def number(value: Any, otherwise: float) -> float:
    """A number that can be counted with, else `otherwise`."""
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15
    return float(value) if fine else otherwise


def parsed(content: str) -> Any:
    """JSON. Raises ValueError for anything else, and where it is too deep."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("too deep") from None


async def body(response: aiohttp.ClientResponse, url: str) -> str:
    """All of an answer as text. Raises LongTakeError where it is too long."""
    parts = bytearray()
    async for part in response.content.iter_any():
        parts += part
        if len(parts) > ANSWER_BYTES:
            raise LongTakeError(f"{url}: an answer of more than {ANSWER_BYTES >> 20} MiB; give the address of a ComfyUI")
    return parts.decode("utf-8", "replace")
