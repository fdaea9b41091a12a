"""A take: one continuous piece of any length, made window by window and handed out as finished chunks of latents.

Memory does not grow with the length: a latent is dropped once it has been handed out and no later window needs it. A
backward take is made last latent first; it is handed out by time when it is complete, from the reel where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import ReelError, UsageError
from .denoiser import Denoiser
from .frame_order import USER_ANCHOR, Window
from .noise_matrix import keep_known, sync_matrix
from .parts import Span, plan_part
from .request import Request
from .retry import Retry, Retrying
from .roles import ANCHOR
from .rolling import queue_pieces
from .settings import DEFAULT_SETTINGS, Settings
from .state import Progress, Segments, TakeState, WindowResult, make_key
from .statistics import ChannelStatistics, ShotStatistics, adain
from .window_plan import plan_windows


class Chunk(NamedTuple):
    """Finished latents [1, C, n, h, w], the first of them latent number `start` of the take."""

    start: int
    latents: Tensor


class Join(NamedTuple):
    """A join: latent `at` of the take was not made together with the one before. `kind` is what meets there: "known" a
    known latent and a new one, "shot" two shots, "window" two windows of one shot."""

    at: int
    kind: str


def sample(
    request: Request,
    denoiser: Denoiser,
    settings: Settings = DEFAULT_SETTINGS,
    *,
    segments: Segments | None = None,
    progress: Callable[[Progress], None] | None = None,
    retry: Retry | None = None,
) -> Iterator[Chunk]:
    """Chunks of the take in time order, without gaps, known latents among them bit for bit.

    Windows that `segments` (a reel) has are read from there, others are put there as soon as they are finished, so whatever
    `progress` raises to stop the take leaves something to resume from. `retry` samples windows again whose joins may be seen;
    a rolling queue has none. Raises UsageError before the first chunk where the request cannot be met.
    """
    work = TakeState(request, denoiser, settings, segments, progress)
    lead, _, stop = span_of(request, settings)
    pieces = queue_pieces(work) if settings.rolling else window_pieces(work, retry)
    if request.backward:
        pieces = _turned(work, list(_collected(work, pieces)))
    done = lead
    if denoiser.lead and not request.backward:  # frames of what is known show what comes before the first window
        while done < request.length and done in request.known:
            done += 1
        if 0 < done < request.length:
            yield Chunk(0, _span(work, 0, done))
    for piece in pieces:
        for place, index in enumerate(piece.indices):
            work.store[index] = piece.latents[0, :, place]
        ready = done
        while ready < stop and (ready in request.known or ready in work.store):
            ready += 1
        if ready > done:
            if ready == stop and segments is not None:
                segments.finish()
            yield Chunk(done, _span(work, done, ready))
            done = ready
        for index in [index for index in work.store if index < done and not piece.needed(index)]:
            del work.store[index]
    if done < stop:  # what was known after the last new latent, or everything
        if segments is not None:
            segments.finish()
        yield Chunk(done, _span(work, done, stop))


def collect(chunks: Iterable[Chunk]) -> Tensor:
    """All latents [1, C, T, h, w] of a short take."""
    return torch.cat([chunk.latents for chunk in chunks], 2)


def plan(request: Request, settings: Settings = DEFAULT_SETTINGS) -> list[Window]:
    """The synchronous windows of a request; a loop that fits into one window is one ring."""
    windows = settings.windows
    if request.loop and request.length <= windows.size:
        keep = tuple(index in request.known for index in range(request.length))
        if all(keep):
            return []
        return [Window(0, tuple(range(request.length)), tuple(int(kept) for kept in keep), keep)]
    if request.part[1] > 1:
        return plan_part(request.order(), windows, *request.part).windows
    return plan_windows(request.order(), windows)


def span_of(request: Request, settings: Settings = DEFAULT_SETTINGS) -> Span:
    """All of the take, or the part of it that is made. Raises UsageError where it cannot be made in parts."""
    if request.part[1] == 1:
        return Span(0, 0, request.length)
    if settings.rolling:
        raise UsageError("a rolling queue makes no parts: leave out one of both")
    return plan_part(request.order(), settings.windows, *request.part).span


def joins_of(request: Request, settings: Settings = DEFAULT_SETTINGS) -> list[Join]:
    """Joins of a take, or of the part that is made, by their latents in the whole take: where latents meet that were not made
    together; a hard cut is none."""
    made = dict.fromkeys(request.known, -1)
    for number, window in enumerate(() if settings.rolling else plan(request, settings)):
        made |= dict.fromkeys(window.new, number)
    cuts = {shot.start: shot.cut for shot in request.shots}
    found = []
    _, start, stop = span_of(request, settings)
    for index in range(start + 1, stop):
        before, after = made.get(index - 1), made.get(index)
        if cuts.get(index) or before == after == -1:
            continue
        if -1 in (before, after):
            found.append(Join(index, "known"))
        elif index in cuts:
            found.append(Join(index, "shot"))
        elif before != after:
            found.append(Join(index, "window"))
    return found


def window_pieces(work: TakeState, retry: Retry | None = None) -> Iterator[WindowResult]:
    """Samples one window after another."""
    request, settings = work.request, work.settings
    windows = plan(request, settings)
    last_use: dict[int, int] = {}
    for number, window in enumerate(windows):
        last_use.update((index % request.length, number) for index in window.indices if index != USER_ANCHOR)
    statistics = ShotStatistics(work)
    retrying = None if retry is None else Retrying(work, retry)
    for number, window in enumerate(windows):
        attempt = partial(sample_window, work, window, number + 1, len(windows), statistics.goal(window))
        latents, key = attempt() if retrying is None else retrying.make(window, attempt)
        statistics.learn(window, latents)
        work.remember(window.new, latents)
        for place, index in enumerate(window.new):
            work.store[index] = latents[0, :, place]
        yield WindowResult(window.new, latents, key, _used_after(last_use, number))


def _used_after(last_use: Mapping[int, int], number: int) -> Callable[[int], bool]:
    return lambda index: last_use.get(index, -1) > number


def sample_window(
    work: TakeState, window: Window, number: int, count: int, goal: ChannelStatistics | None = None
) -> tuple[Tensor, str]:
    """New latents [1, C, n, h, w] of one window, from the reel or the denoiser, and their key."""
    request = work.request
    ring = request.loop and request.length <= work.settings.windows.size
    keep, times = torch.tensor(window.keep), window.indices if ring else window.times
    sigma = sync_matrix(work.levels(), len(window.indices), _starts(request, window))
    sigma = keep_known(sigma, keep, work.known_sigma(window.roles))
    latents = work.stack(window.indices, window.keep)
    what: dict[str, Any] = {"kind": "ring" if ring else "window", "keep": list(window.keep)}
    what |= {"spare": list(window.spare)} if window.spare else {}
    what |= work.describe(window.indices, window.roles, window.origin, times)
    if goal is not None:
        ramp = work.settings.adain_ramp
        what |= {"adain": [work.settings.adain, ramp] if ramp else work.settings.adain}
    key = make_key(what, [sigma, latents, *(goal or ())])
    steps = sigma.shape[0] - 1
    found = work.recall(key)
    if found is not None:
        work.denoiser.restore(window.new, found)
        work.report(number, count, steps, steps, resumed=True)
        return found["latents"], key
    sampled = work.denoiser.denoise(
        latents,
        sigma,
        keep,
        seed=work.seeds(window.new)[0][0],
        noise=work.noise(window.indices),
        ring=ring,
        indices=window.indices,
        before=work.before(_first(window)) if work.denoiser.lead else None,
        on_step=lambda step, steps: work.report(number, count, step, steps),
        **work.conditioning(window.indices, window.roles, window.origin, times),
    )
    new = sampled[:, :, ~keep].contiguous()
    if goal is not None:
        new = adain(new, goal, work.settings.adain, work.settings.adain_ramp)
    new = new[:, :, torch.tensor(window.fresh)[~keep]]
    work.keep(key, new, {"indices": list(window.new)}, work.denoiser.side_tensors(window.new))
    return new, key


def _first(window: Window) -> int:
    """Number of the first latent of a window that is no anchor."""
    return next(index for index, role in zip(window.indices, window.roles, strict=True) if role != ANCHOR)


def _starts(request: Request, window: Window) -> Tensor:
    """Noise levels [T] that a window's frames start from; those of kept frames, which have no say, are 0."""
    return torch.where(torch.tensor(window.keep), 0.0, request.strengths(window.indices))


def _collected(work: TakeState, pieces: Iterable[WindowResult]) -> Iterator[WindowResult]:
    """Pieces of a backward take, without their latents where the reel has them; drops what is not needed any more."""
    for piece in pieces:
        for index in [index for index in work.store if not piece.needed(index)]:
            del work.store[index]
        yield piece if work.segments is None else piece._replace(latents=torch.empty(0))


def _turned(work: TakeState, pieces: list[WindowResult]) -> Iterator[WindowResult]:
    """The pieces of a backward take by time."""
    work.store.clear()
    for piece in reversed(pieces):
        latents = piece.latents
        if work.segments is not None:
            found = work.segments.tensors(piece.key)
            if found is None:
                raise ReelError("a segment of the reel vanished while in use; run again to make it anew")
            latents = found["latents"]
        yield piece._replace(latents=latents, needed=lambda index: False)


def _span(work: TakeState, start: int, stop: int) -> Tensor:
    return torch.stack([work.latent(index) for index in range(start, stop)], 1)[None]
