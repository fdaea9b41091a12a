"""Which windows make a take, in which order.

Windows follow each other in the order of the take. Of a way to something known that takes several of them, only the last
would see where it leads. With `WindowConfig.endpoints` one window goes all the way first, as if it were so short; of it the
frames are kept where the windows will meet, spread over the way, and every window then leads from something known to something
known: coarse to fine, as NUWA-XL (arXiv 2303.12346) makes long videos, with nothing but what a model does for a short way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from .frame_order import DEFAULT_WINDOWS, USER_ANCHOR, FrameOrder, Window, WindowConfig
from .roles import ANCHOR, CONTEXT, TARGET


def plan_windows(order: FrameOrder, config: WindowConfig = DEFAULT_WINDOWS, *, late: bool = False) -> list[Window]:
    """Windows that make every latent of the take that is not known, in the order they are to be sampled. With `late` a long way to
    something known is made in order until one window's endpoints do for what is left, and no window makes anything beyond it."""
    order, windows, step = order.copy(), [], 0
    while step < order.length:
        if step in order.known:
            step += 1
            continue
        context = order.context(step, config.context)
        anchors = order.anchors(step, step - len(context), config.anchors, chain=config.beside)
        first = not order.backward and step == len(context)
        room = config.size - len(context) - (0 if config.beside else len(anchors)) + first * config.margin
        far = late and _far(order, step, room, config)
        endpoints = _endpoints(order, step, room, context, anchors, config) if config.endpoints and context and not far else None
        if endpoints is not None:
            windows.append(endpoints)
            order.known |= {order.time(index) for index in endpoints.new}
            continue
        end = step + room if far else _end(order, step, room, config, merge=not late)
        ahead = order.ahead(step, end, config)
        if config.full and end - step + len(ahead) < room:
            context = order.context(step, config.context + room - len(ahead) - (end - step))
            anchors = [anchor for anchor in anchors if anchor not in context]
        windows.append(_window(order, order.shot(step), anchors, context, range(step, end), ahead))
        step = end
    return windows


def _end(order: FrameOrder, step: int, room: int, config: WindowConfig, merge: bool) -> int:
    """Step after the last new one of a window that begins at `step` and has room for `room` new frames. With `merge` it goes on
    over known frames while the next stretch of new ones still fits whole."""
    end = order.stretch_end(step)
    rest, last = end - step, _last(order, end, room, config)
    if rest > last and rest <= last + config.more:
        return end
    if rest > last:
        least = min(config.least, room)
        if order.meets(end):  # the last window, which meets what is known, is a full one
            before = -(-(rest - last) // room)
            return step + max(least, rest - last - room * (before - 1))
        return step + (room if config.full or rest - room >= least else max(1, rest - least))
    stop = order.shot_end(step)
    while merge:
        begin = end
        while begin < stop and begin in order.known:
            begin += 1
        if begin in (end, stop):
            return end
        further = order.stretch_end(begin)
        if further - step > _last(order, further, room, config):
            return end
        end = further
    return end


def _last(order: FrameOrder, end: int, room: int, config: WindowConfig) -> int:
    """New frames that fit into a window with room for `room` of them where it ends at `end`: with `full` what is shown ahead
    takes up room too."""
    return max(1, room - len(order.ahead(end - 1, end, config))) if config.full and order.meets(end) else room


def _window(
    order: FrameOrder, shot: int, anchors: Sequence[int], context: Sequence[int], body: Sequence[int], ahead: Sequence[int]
) -> Window:
    frames = [(order.time(step), CONTEXT, True) for step in [*context, *ahead]]
    frames += [(order.time(s), CONTEXT, True) if s in order.known else (order.time(s), TARGET, False) for s in body]
    frames.sort()
    first = [(USER_ANCHOR if step == USER_ANCHOR else order.time(step), ANCHOR, True) for step in anchors]
    indices, roles, keep = zip(*(first + frames), strict=True)
    return Window(shot, indices, roles, keep)


def _endpoints(
    order: FrameOrder, step: int, room: int, context: Sequence[int], anchors: Sequence[int], config: WindowConfig
) -> Window | None:
    """A window over all of the way from `step` to something known, which makes the frames where the windows of the way meet;
    None where one window does, nothing known ends it, or these frames leave no room for others between them."""
    end = order.stretch_end(step)
    rest, last, group = end - step, _last(order, end, room, config), max(config.context, config.ahead)
    if rest <= last + config.more or not order.meets(end):
        return None
    count = min(_cost(rest, config).endpoints, (last - 1) // (group + 1))
    if not count:
        return None
    made, fresh = [], set()
    for way, slots in zip(shares(rest - count * group, count + 1), shares(last - count * group, count + 1), strict=True):
        made += [step + (2 * slot + 1) * way // (2 * slots) for slot in range(slots)]
        step += way
        if step < end:
            fresh |= set(range(step, step + group))
            made += range(step, step + group)
            step += group
    ahead = order.ahead(end - 1, end, config)
    window = _window(order, order.shot(end - 1), anchors, context, made, ahead)
    spare = tuple(not keep and order.time(index) not in fresh for index, keep in zip(window.indices, window.keep, strict=True))
    return replace(window, spare=spare)


def _far(order: FrameOrder, step: int, room: int, config: WindowConfig) -> bool:
    """Whether the way from `step` leads to something known, but takes more than one window's endpoints."""
    end = order.stretch_end(step)
    if not order.meets(end) or end - step <= _last(order, end, room, config) + config.more:
        return False
    cost = _cost(end - step, config)
    return cost.windows != cost.endpoints + 2 and end - step > room


class _Cost(NamedTuple):
    """How many windows a way takes, and how many endpoints are made first where one window does not do; 0 where the windows
    are too short for that."""

    windows: int
    endpoints: int


def _cost(rest: int, config: WindowConfig) -> _Cost:
    """What a way of `rest` frames to something known takes."""
    each = config.new - (config.ahead if config.full else 0)
    return _windows(rest, each, each + config.more, max(config.context, config.ahead)) if each > 0 else _Cost(0, 0)


@cache
def _windows(rest: int, room: int, most: int, group: int) -> _Cost:
    """The fewest windows of `room` new frames, `most` where that ends a way, for one of `rest`, by way of endpoints of `group`
    frames each."""
    if rest <= most:
        return _Cost(1, 0)
    found = []
    for count in range(1, (room - 1) // (group + 1) + 1):
        parts = shares(rest - count * group, count + 1)
        found.append(_Cost(1 + sum(_windows(part, room, most, group).windows for part in parts), count))
    return min(found, default=_Cost(-(-rest // room), 0))


def shares(total: int, parts: int) -> list[int]:
    """`total` in so many parts, as even as can be; a larger total has no smaller part."""
    return [total // parts + (part < total % parts) for part in range(parts)]
