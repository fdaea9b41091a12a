"""A long take in parts that are made side by side, each by itself.

One window goes over the whole take first, as if it were so short; of it the frames are kept where parts meet, and those at the
beginning, so that every part leads from something known to something known (as NUWA-XL, arXiv 2303.12346, makes long videos).
Everybody who makes a part makes that window too: it costs less than waiting for it.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import UsageError
from .frame_order import FrameOrder, Window, WindowConfig
from .roles import TARGET
from .window_plan import plan_windows, shares

PARTS_MAX = 6
"""So many parts a take may have."""


class Span(NamedTuple):
    """What of a take is handed out: latents `lead` to `stop`; those before `start` only lead a decoder in, as the part before has
    them too."""

    lead: int
    start: int
    stop: int


class Part(NamedTuple):
    """The windows of one part, in order, and what of the take it hands out."""

    windows: list[Window]
    span: Span


def plan_part(order: FrameOrder, config: WindowConfig, number: int, parts: int) -> Part:
    """Part `number`, from 1, of a take of which nothing is known. Raises UsageError where it is too short for so many parts."""
    group = max(config.context, config.ahead)
    first, meets = _first_window(order, config, parts, group)
    order = order.copy()
    order.known |= {order.time(index) for index in first.new}
    begin, end = meets[number - 1], meets[number]
    windows = [window for window in plan_windows(order.begun(begin), config, late=True) if begin <= window.new[0] < end]
    own = group // 2
    return Part([first, *windows], Span(begin, begin + own * (number > 1), end + own * (number < parts)))


def _first_window(order: FrameOrder, config: WindowConfig, parts: int, group: int) -> tuple[Window, list[int]]:
    """The window over the whole take, and the latents where parts meet, with both ends of the take among them."""
    length, room = order.length, config.size + config.margin
    spread = room - config.context - (parts - 1) * group
    if spread < parts or length < 2 * parts * room:
        most = max(1, min(length // (2 * room), (room - config.context + group) // (group + 1), PARTS_MAX))
        raise UsageError(f"{parts} parts of a take of {length} latents: give at most {most}")
    # the last part leads to nothing known, which spares it a window or so
    ways = [*shares(length - config.new, parts)]
    ways[-1] += config.new
    made: list[int] = []
    meets, fresh = [0], set[int]()
    for number, (way, slots) in enumerate(zip(ways, shares(spread, parts), strict=True)):
        begin, kept = meets[-1], group if number else config.context
        fresh |= set(range(begin, begin + kept))
        made += range(begin, begin + kept)
        made += [begin + kept + (2 * slot + 1) * (way - kept) // (2 * slots) for slot in range(slots)]
        meets.append(begin + way)
    return Window(
        order.shot(0), tuple(made), (TARGET,) * len(made), (False,) * len(made), tuple(index not in fresh for index in made)
    ), meets
