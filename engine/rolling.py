"""The rolling queue: latents in flight at rising noise levels, one finished after every few model calls.

FIFO-Diffusion (arXiv 2405.11473) and Rolling Forcing (arXiv 2509.25161) with context and anchor before the queue. Every
shot fills the queue anew and drains it, so a changed shot leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..errors import UsageError
from .denoiser import OnStep, Slope, add_noise, check_finite
from .frame_order import USER_ANCHOR, FrameOrder
from .noise_matrix import keep_known, queue_shape, ramp_rows
from .roles import ANCHOR, CONTEXT, TARGET
from .state import TakeState, WindowResult, make_key


class Queue:
    """Latents in flight by step: noisy `state` [C, h, w], last `velocity` [C, h, w], last step `size`."""

    def __init__(self) -> None:
        self.state: dict[int, Tensor] = {}
        self.velocity: dict[int, Tensor] = {}
        self.size: dict[int, Tensor] = {}

    def pack(self, like: Tensor) -> dict[str, Tensor]:
        """Tensors to put on the reel; `like` [C, h, w] shapes an empty queue."""
        steps = sorted(self.state)
        if not steps:
            return {"state": like.new_zeros(0, *like.shape)}
        return {
            "steps": torch.tensor(steps),
            "state": torch.stack([self.state[step] for step in steps]),
            "velocity": torch.stack([self.velocity[step] for step in steps]),
            "size": torch.stack([self.size[step] for step in steps]),
        }

    @classmethod
    def unpack(cls, tensors: dict[str, Tensor]) -> Queue:
        """The queue that was packed."""
        queue = cls()
        steps = tensors["steps"].tolist() if "steps" in tensors else []
        for place, step in enumerate(steps):
            queue.state[step] = tensors["state"][place]
            queue.velocity[step], queue.size[step] = tensors["velocity"][place], tensors["size"][place]
        return queue


def queue_pieces(work: TakeState) -> Iterator[WindowResult]:
    """Finished latents of a take in the order they are made. Raises UsageError for what a queue cannot do."""
    if work.request.loop or work.request.source is not None:
        raise UsageError("rolling makes takes from nothing or from a beginning: use windows for a loop or a remix")
    order = work.request.order()
    stretches, step = [], 0
    while step < order.length:
        end = order.shot_end(step)
        begin = next((place for place in range(step, end) if place not in order.known), end)
        if any(place in order.known for place in range(begin, end)):
            raise UsageError("rolling cannot meet a known latent inside or at the end of a take: use windows instead")
        stretches.append((begin, end))
        step = end
    length = work.settings.windows.new
    segments = [(begin, first, min(first + length, end), end) for begin, end in stretches for first in range(begin, end, length)]
    queue, key = Queue(), ""
    for number, (begin, first, last, end) in enumerate(segments):
        if first == begin:
            queue, key = Queue(), ""
        segment = Segment(work, order, begin, first, last, end)
        key = segment.key(key)
        found = work.recall(key)
        if found is not None:
            queue, latents = Queue.unpack(found), found["latents"]
            segment.finish(latents)
            work.report(number + 1, len(segments), segment.calls, segment.calls, resumed=True)
        else:
            latents = segment.run(queue, number + 1, len(segments))
            work.keep(key, latents, {"indices": segment.indices}, queue.pack(latents[0, :, 0]))
        yield WindowResult(segment.indices, latents, key, segment.needed)


class Segment:
    """Steps `first` to `last` of a stretch that begins at step `begin` and ends before step `end`."""

    def __init__(self, work: TakeState, order: FrameOrder, begin: int, first: int, last: int, end: int):
        self.work, self.order, self.begin, self.first, self.last, self.end = work, order, begin, first, last, end
        self.levels = work.levels()
        self.steps = len(self.levels) - 1
        self.every, self.flight = queue_shape(self.steps, work.settings.queue)
        self.indices = sorted(order.time(step) for step in range(first, last))
        self.calls = self.every * (last - first) + (self.steps - self.every if first == begin else 0)
        config = work.settings.windows
        stay = [*order.context(last, config.context), *order.anchors(last - 1, last, config.anchors)]
        self._stay = {order.time(step) for step in stay if step != USER_ANCHOR}

    def needed(self, index: int) -> bool:
        """Whether latent `index` is context or anchor of the next segment."""
        return index in self._stay

    def before(self, step: int) -> list[tuple[int, int]]:
        """(latent number, role) of context and anchors shown while `step` is the next to finish; anchors first."""
        config = self.work.settings.windows
        context = self.order.context(step, config.context)
        anchors = self.order.anchors(step, step - len(context), config.anchors)
        found = [(USER_ANCHOR if anchor == USER_ANCHOR else self.order.time(anchor), ANCHOR) for anchor in anchors]
        return found + [(self.order.time(place), CONTEXT) for place in context]

    def key(self, previous: str) -> str:
        """Reel key: the segment before, what is kept at its beginning, and every latent that comes into sight."""
        shown = range(self.first, min(self.last - 1 + self.flight, self.end))
        kept = self.before(self.first)
        numbers = [number for number, _ in kept] + [self.order.time(step) for step in shown]
        roles = [role for _, role in kept] + [TARGET] * len(shown)
        origin = self.order.time(self.first)
        what = self.work.describe(numbers, roles, origin, [number - origin for number in numbers])
        config = self.work.settings.windows
        what |= {
            "kind": "queue",
            "previous": previous,
            "count": self.last - self.first,
            "from": self.first - self.begin,
            "backward": self.order.backward,
            "every": self.every,
            "windows": [config.anchors, config.context],
        }
        return make_key(what, [self.levels, *(self.work.latent(number) for number, _ in kept)])

    def finish(self, latents: Tensor) -> None:
        """Makes finished latents [1, C, n, h, w] available as context."""
        for place, index in enumerate(self.indices):
            self.work.store[index] = latents[0, :, place]

    def run(self, queue: Queue, number: int, count: int) -> Tensor:
        """Samples the segment and gives its latents [1, C, n, h, w]; `queue` is moved on."""
        done = 0
        for step in range(self.first, self.last):
            base = done

            def told(call: int, _: int, base: int = base) -> None:
                self.work.report(number, count, base + call, self.calls)

            done += self.finish_one(queue, step, told)
        return torch.stack([self.work.store[index] for index in self.indices], 1)[None]

    def finish_one(self, queue: Queue, step: int, on_step: OnStep) -> int:
        """Advances the queue until `step` is clean; gives the model calls that took."""
        work, order, age = self.work, self.order, step - self.begin
        row = self.steps + self.every * age
        rows = range(row - self.every if age else 0, row + 1)
        flight = range(step, min(step + self.flight, self.end))
        kept = self.before(step)
        anchors = [frame for frame in kept if frame[1] == ANCHOR]
        frames = sorted([frame for frame in kept if frame[1] != ANCHOR] + [(order.time(s), TARGET) for s in flight])
        frames = anchors + frames
        indices, roles = [index for index, _ in frames], [role for _, role in frames]
        keep = torch.tensor([role != TARGET for role in roles])
        steps = [None if role != TARGET else order.time(index) for index, role in frames]
        levels = ramp_rows(self.levels, rows, [0 if s is None else s - self.begin for s in steps], self.every)
        sigma = keep_known(levels, keep, work.known_sigma(roles))
        noise = work.noise(indices)
        x = add_noise(work.stack(indices, keep.tolist()), noise, sigma[0])
        slope = None
        if queue.state:
            slope = Slope(torch.zeros_like(x), torch.zeros(len(frames)))
            for place, s in enumerate(steps):
                if s in queue.state:
                    x[0, :, place] = queue.state[s]
                    slope.velocity[0, :, place], slope.size[place] = queue.velocity[s], queue.size[s]
        origin = min(order.time(s) for s in flight)
        inputs = work.conditioning(indices, roles, origin, [index - origin for index in indices])
        x, slope = work.denoiser.advance(x, sigma, keep, slope=slope, on_step=on_step, **inputs)
        for place, s in enumerate(steps):
            if s is not None:
                queue.state[s] = x[0, :, place].clone()
                queue.velocity[s], queue.size[s] = slope.velocity[0, :, place].clone(), slope.size[place].clone()
        finished = queue.state.pop(step)
        del queue.velocity[step], queue.size[step]
        check_finite(finished)
        work.store[order.time(step)] = finished
        return len(rows) - 1
