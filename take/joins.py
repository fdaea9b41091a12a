"""The joins of a take: where they lie in its frames, and how one is judged on the few latents around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..engine.request import Request
from ..engine.retry import Lookup
from ..engine.take import Join
from ..engine.timeline import Timeline
from ..metrics.joins import JoinFrames, JoinMetrics
from ..metrics.meter import NEAR, Meter
from .backend import VideoCodec


def join_frames(joins: Iterable[Join], timeline: Timeline, start: int = 0) -> JoinFrames:
    """The frames of a take's joins, counted from its latent `start` on."""
    found = JoinFrames([], [])
    for join in joins:
        (found.windows if join.kind == "window" else found.joins).append(timeline.frames_for(join.at) - timeline.frames_for(start))
    return found


def cut_frames(request: Request, timeline: Timeline) -> list[int]:
    """The frames of a take that begin a shot after a hard cut."""
    return [timeline.frames_for(shot.start) for shot in request.shots if shot.cut and shot.start]


def judge(joins: Iterable[Join], measure: Callable[[Lookup, int], JoinMetrics | None]) -> Callable[[Sequence[int], Lookup], float]:
    """A judge for `engine.retry.Retry`: ratio or acceleration of the worst of the `joins` that touch what was made, as
    `measure` finds it."""
    places = sorted(join.at for join in joins)

    def worst(new: Sequence[int], latent: Lookup) -> float:
        touched = set(new) | {index + 1 for index in new}
        there = [at for at in places if at in touched and latent(at - 1) is not None and latent(at) is not None]
        found = [measure(latent, at) for at in there]
        return max((join.worst for join in found if join is not None), default=0.0)

    return worst


def measure_join(latent: Lookup, join: int, timeline: Timeline, codec: VideoCodec) -> JoinMetrics | None:
    """The join before latent `join`, measured on the few latents around it that `latent` gives; None where there are too few."""
    begin, end = join, join
    while join - begin < codec.lead and _is_there(latent, begin - 1):
        begin -= 1
    while timeline.cycle and begin % timeline.cycle and _is_there(latent, begin - 1):
        begin -= 1
    begin += -begin % (timeline.cycle or 1)
    while end - join < -(-NEAR // timeline.rest) and _is_there(latent, end):
        end += 1
    while end > begin and timeline.legal(end - begin) != end - begin and _is_there(latent, end):
        end += 1
    if not begin < join < end:
        return None
    around = torch.stack([found for at in range(begin, end) if (found := latent(at)) is not None], 1)[None]
    meter = Meter()
    with torch.random.fork_rng():  # some decoders draw random numbers, and so do some samplers
        torch.manual_seed(join)
        codec.decode([around], around.shape[2], meter.add)
    frame = timeline.frames_for(join - begin)
    return replace(meter.join(frame), frame=timeline.frames_for(join)) if 1 <= frame < meter.frames else None


def _is_there(latent: Lookup, index: int) -> bool:
    return index >= 0 and latent(index) is not None


def lookup(latents: Tensor) -> Lookup:
    """Latents [1, C, T, h, w] of a whole take by number."""
    return lambda index: latents[0, :, index] if index < latents.shape[2] else None
