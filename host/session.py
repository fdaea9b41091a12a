"""A take node's run: a session with the host's samplers and VAE, watched in the node, and the LATENT that comes of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import comfy.model_management
import comfy.utils
from torch import Tensor

from ..engine.state import Progress
from ..engine.take import Chunk
from ..engine.take import plan as plan_windows
from ..errors import UsageError
from ..metrics.meter import Meter
from ..reel.record import retried_lines
from ..take.operations import Plan
from ..take.session import Session
from .audio import Track, join_av
from .codec import HostCodec
from .denoiser import HostDenoiser, margins, previewer
from .guarding import check_texts
from .latents import joins_tag, space_of, space_tag
from .progress import Watch
from .reels import ReelFile
from .sampling import Conds, Sampling, prompt_name

log = logging.getLogger(__name__)


class Made(NamedTuple):
    """A finished take: LATENT, frames, report in words, and its reel where it has one."""

    latent: dict[str, Any]
    frames: int
    report: str
    reel: ReelFile | None = None


def run(
    plan: Plan,
    sampling: Sampling,
    prompts: Sequence[Conds] | None = None,
    *,
    fps: float,
    reel: Path | None = None,
    texts: Sequence[str] = (),
    track: Track | None = None,
    mask: Tensor | None = None,
) -> Made:
    """Makes a plan and says what was done and, with a VAE, how smooth its joins are and whether it drifts.

    `prompts` is the conditioning of the request's prompts, by default the sampling's own; `texts` what the shots' prompts say,
    for the `reel` folder that keeps all segments. With a VAE, what is finished is shown at `fps` while the rest is sampled. A
    `track` of the sound that is known is shown to the model and filled; the sound comes with the latents. `mask` [1, 1,
    length, h, w], 1 = generate, keeps parts of what the request begins from. Raises UsageError, ReelError or RefusedError before
    anything is sampled.
    """
    check_texts(texts)
    can, settings, prompts = sampling.capability, sampling.settings(), prompts or [sampling.conds]
    request = replace(plan.request, prompts=[prompt_name(sampling, conds) for conds in prompts])
    windows = plan_windows(request, settings)
    if not windows:
        raise UsageError("every latent frame is kept: nothing is left to make")
    sizes = [len(window.indices) + sum(margins(can.timeline, window.indices)) for window in windows]
    planned = f"{len(windows)} windows of up to {max(sizes)} latents"
    cost = f"{can.family}: {planned}, {_cost(sum(sizes), sum(len(window.new) for window in windows))}"
    log.info("%s", cost)
    codec = None if sampling.vae is None else HostCodec(sampling.vae)
    events = NodeEvents(sampling, codec, fps, request.shape, request.length, len(windows) * settings.steps)
    events.progress.announce(cost)
    denoiser = HostDenoiser(sampling, prompts, fps, events.show, None if track is None else track.copy(), mask)
    sound = None if track is None else track.axis
    session = Session(can, settings, denoiser, events, fps, codec, sampling.retries, sound)
    try:
        result = session.make(request, reel=reel, prompts=texts, keep_latents=True)
    except BaseException:
        events.progress.say("stopped" if reel is None else f"stopped; what is finished is on the reel {reel.name}")
        raise
    assert result.latents is not None  # they were asked for
    made = result.latents[:, :, : plan.length]
    frames = can.timeline.frames_for(made.shape[2])
    parts = [f"{made.shape[2]} latents, {frames} frames", planned, f"{denoiser.calls} model calls"]
    parts += [f"{len(result.resumed)} windows from the reel"] if reel is not None and result.resumed else []
    parts += [_cost(denoiser.tokens, denoiser.new)] if denoiser.new else []
    lines = [f"{can.family}: {'; '.join(parts)}", *(result.report.lines() if result.report else [])]
    report = "\n".join([*lines, *retried_lines(result.retried), *plan.messages])
    events.progress.say(lines[0])
    heard = None if denoiser.track is None else denoiser.track.piece(range(made.shape[2]))
    latent = {"samples": join_av(made, heard), **space_tag(space_of(sampling.model, can))}
    latent |= joins_tag(result.join_frames.within(frames), made.shape[2])
    return Made(latent, frames, report, None if reel is None else ReelFile(reel))


class NodeEvents:
    """`take.backend.Events` of a node: the host's progress bar, the time left, and what is finished as a growing video."""

    def __init__(
        self, sampling: Sampling, codec: HostCodec | None, fps: float, shape: tuple[int, int, int], length: int, steps: int
    ):
        self.codec, self.fps, self.shape, self.length = codec, fps, shape, length
        self.progress, self.bar, self.steps = Watch(), comfy.utils.ProgressBar(steps), steps
        self._preview = previewer(sampling.model)
        self._picture: Any = None

    def show(self, clean: Tensor) -> None:
        """Takes a clean latent frame for the preview beside the progress bar."""
        self._picture = self._preview(clean)

    def step(self, at: Progress) -> None:
        """Moves the bar. Raises what the host raises when the user interrupts."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        self.progress.step(at)
        done = (at.window - 1 + min(1.0, at.step / at.steps)) / at.windows
        self.bar.update_absolute(round(self.steps * done), preview=self._picture)

    def watch(self, chunks: Iterator[Chunk]) -> Meter | None:
        """Shows the finished part of a take of several windows where somebody looks, and measures it."""
        self.progress.begin()
        latents = (chunk.latents for chunk in chunks)
        meter = Meter()
        first = next(latents, None)
        if first is not None and first.shape[2] < self.length and self.codec is not None and self.progress.seen:
            self.progress.play(_chain(first, latents), self.codec, self.fps, self.shape, self.length, meter.add)
        for _ in latents:
            pass
        return meter if meter.frames else None


def _chain(first: Tensor, rest: Iterator[Tensor]) -> Iterator[Tensor]:
    yield first
    yield from rest


def _cost(latents: int, new: int) -> str:
    return f"{latents / new:.2f} latents sampled for each new one"
