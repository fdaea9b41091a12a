"""A take node's run: a session with the host's samplers and VAE, watched in the node, and the LATENT that comes of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import comfy.model_management
import comfy.utils
import torch
from torch import Tensor

from ..engine.capability import Capability
from ..engine.frame_order import Window
from ..engine.request import Request
from ..engine.roles import ANCHOR
from ..engine.settings import Settings
from ..engine.state import Progress
from ..engine.take import Chunk
from ..engine.take import plan as plan_windows
from ..errors import UsageError
from ..metrics.meter import Meter
from ..reel.record import retried_lines
from ..take.joins import cut_frames
from ..take.operations import Plan
from ..take.session import Session
from .audio import Track, join_av
from .clip import Start, margins, spans
from .codec import HostCodec
from .decoded import DECODED, DecodedTake
from .denoiser import HostDenoiser, previewer
from .frames import FrameStore
from .guarding import check_texts
from .latents import joins_tag, space_of, space_tag
from .model_report import missing, unguided
from .progress import Watch
from .reels import ReelFile
from .sampling import Conds, Sampling, prompt_name
from .user_conditioning import IMAGE, PREFIX, Guide, check, controls

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
    guides: Sequence[Guide] = (),
) -> Made:
    """Makes a plan and says what was done and, with a VAE, how smooth its joins are and whether it drifts.

    `prompts` is the conditioning of the request's prompts, by default the sampling's own; `texts` what the shots' prompts say,
    for the `reel` folder that keeps all segments. With a VAE, what is finished is shown at `fps` while the rest is sampled. A
    `track` of the sound that is known is shown to the model and filled; the sound comes with the latents. `mask` [1, 1,
    length, h, w], 1 = generate, keeps parts of what the request begins from; `guides` lie beside it. Raises
    UsageError, ReelError or RefusedError before anything is sampled.
    """
    check_texts(texts)
    can, settings, prompts = sampling.capability, sampling.settings(), prompts or [sampling.conds]
    request = replace(plan.request, prompts=[prompt_name(sampling, conds) for conds in prompts])
    windows = _windows(request, settings)
    check(prompts, can, request.length, len(windows), guides)
    sizes = [_size(can, window, request) for window in windows]
    planned = f"{len(windows)} windows of up to {max(sizes)} latents"
    cost = f"{can.family}: {planned}, {_cost(sum(sizes), sum(len(window.new) for window in windows))}"
    log.info("%s", cost)
    codec = None if sampling.vae is None else HostCodec(sampling.vae)
    frames_seen = FrameStore(() if codec is None else _spans(can, windows))
    events = NodeEvents(sampling, codec, fps, request.shape, request.length, len(windows) * settings.steps, frames_seen)
    events.progress.announce(cost)
    sound_track = None if track is None else track.copy()
    take = _start(request, guides)
    spare = {_own(can, window): sum(window.spare) for window in windows if window.spare}
    denoiser = HostDenoiser(sampling, prompts, fps, events.show, sound_track, mask, take, frames_seen, spare)
    session = Session(can, settings, denoiser, events, fps, codec, sampling.retries, None if track is None else track.axis)
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
    lines += [*retried_lines(result.retried), *plan.messages, *_notes(sampling, prompts, request)]
    events.progress.say(lines[0])
    heard = None if denoiser.track is None else denoiser.track.piece(range(made.shape[2]))
    latent = {"samples": join_av(made, heard), **space_tag(space_of(sampling.model, can))}
    latent |= joins_tag(result.join_frames.within(frames), made.shape[2], cut_frames(request, can.timeline))
    if events.decoded is not None and sampling.vae is not None:
        events.decoded.finish(made, sampling.vae)
        latent |= {DECODED: events.decoded}
    return Made(latent, frames, "\n".join(lines), None if reel is None else ReelFile(reel))


def _windows(request: Request, settings: Settings) -> list[Window]:
    """The windows of a request. Raises UsageError where there is nothing to make."""
    windows = plan_windows(request, settings)
    if not windows:
        raise UsageError("every latent frame is kept: nothing is left to make")
    return windows


def _own(can: Capability, window: Window) -> tuple[int, ...]:
    """Latents of a window that are frames of its clip."""
    rows = zip(window.indices, window.roles, strict=True)
    return tuple(index for index, role in rows if role != ANCHOR or not can.windows.beside)


def _size(can: Capability, window: Window, request: Request) -> int:
    """Latents that a window is sampled with: its own, margins, and an anchor that lies beside them."""
    own = _own(can, window)
    size = len(own) + sum(margins(can.timeline, own))
    seen = window.indices[0] == 0 or any(shot.cut and shot.start == window.indices[0] for shot in request.shots)
    return size + (len(window.indices) - len(own) if seen and can.anchor in ("reference", "guide") else 0)


def _start(request: Request, guides: Sequence[Guide]) -> Start:
    """What the take begins with."""
    first = request.known.get(0)
    picture = None if first is None else first[None, :, None].float().cpu()
    return Start(frozenset(shot.start for shot in request.shots if shot.cut and shot.start), picture, tuple(guides))


def _spans(can: Capability, windows: Sequence[Window]) -> list[tuple[int, int]]:
    """Frames of the take that its windows are made with, in a take made forward."""
    found = []
    for window in windows:
        rows = [row for row in zip(window.indices, window.roles, window.keep, strict=True) if row[1] != ANCHOR]
        known = next((at for at, row in enumerate(rows) if not row[2]), len(rows))
        found += [(span[0], span[1]) for span in spans(can, rows[0][0], known) if span]
    return found


def _notes(sampling: Sampling, prompts: Sequence[Conds], request: Request) -> list[str]:
    """What a user should know of how this take was sampled."""
    can = sampling.capability
    entries = [values for conds in prompts for part in conds.values() for _, values in part]
    shown = any(values.get(key) is not None for values in entries for key in (IMAGE, PREFIX, "vace_frames"))
    notes = missing(can, sampling.vae, shown or bool(request.known))
    if can.anchor == "reference" and can.windows.anchors and sampling.anchor and _refers(sampling, entries, request):
        notes.append("The reference image of the conditioning is kept in view; the take's own early frame gives way to it.")
    if sampling.cfg is not None:
        notes.append(unguided(can, len(sampling.sigmas(1.0)) - 1, sampling.cfg))
    return [note for note in notes if note]


def _refers(sampling: Sampling, entries: Sequence[Mapping[str, Any]], request: Request) -> bool:
    """Whether the conditioning has a VACE control with a reference image."""
    like = torch.zeros(1, *request.shape[:1], 1, *request.shape[1:])
    empty = sampling.model.model.process_latent_out(like)
    return any(control.reference.shape[2] for values in entries for control in controls(values, like, empty))


class NodeEvents:
    """`take.backend.Events` of a node: the host's progress bar, the time left, and what is finished as a growing video."""

    def __init__(
        self,
        sampling: Sampling,
        codec: HostCodec | None,
        fps: float,
        shape: tuple[int, int, int],
        length: int,
        steps: int,
        frames: FrameStore,
    ):
        self.frames, self.timeline = frames, sampling.capability.timeline
        self.decoded: DecodedTake | None = None
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
        """Decodes a take of several windows, once: for the windows to come, for whoever looks, and to measure it."""
        self.progress.begin()
        latents = (chunk.latents for chunk in chunks)
        meter = Meter()
        first = next(latents, None)

        def put(frames: Tensor) -> None:
            self.frames.put(frames)
            meter.add(frames)
            if meter.frames == len(frames) and self.codec is not None and self.codec.final:
                count = self.timeline.frames_for(self.length)
                self.decoded = DecodedTake.begin(count, frames.shape[1], frames.shape[2])
            if self.decoded is not None:
                self.decoded.put(frames)

        used = self.progress.seen or bool(self.frames.wanted)
        if first is not None and first.shape[2] < self.length and self.codec is not None and used:
            self.progress.play(_chain(first, latents), self.codec, self.fps, self.shape, self.length, put)
        for _ in latents:
            pass
        return meter if meter.frames else None


def _chain(first: Tensor, rest: Iterator[Tensor]) -> Iterator[Tensor]:
    yield first
    yield from rest


def _cost(latents: int, new: int) -> str:
    return f"{latents / new:.2f} latents sampled for each new one"
