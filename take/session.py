"""A session: the only place where takes are sampled, retried, measured and recorded, for the command line and the graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ..engine.capability import Capability
from ..engine.denoiser import Denoiser
from ..engine.request import Request
from ..engine.retry import Lookup, Retry
from ..engine.settings import Settings
from ..engine.state import Progress
from ..engine.take import Chunk, joins_of, sample, span_of
from ..errors import ReelError, UsageError
from ..metrics.joins import PASS, JoinFrames
from ..metrics.meter import Meter
from ..metrics.report import Report
from ..reel.record import ReelHeader, ReelRecord, RetriedWindow, ShotRecord
from ..reel.store import Reel
from .backend import Events, VideoCodec
from .joins import join_frames, judge, lookup, measure_join


@dataclass
class TakeResult:
    """A finished take: how it came out, where its joins are, windows that were sampled again, the numbers of those that were
    on the reel; `latents` [1, C, T, h, w] where they were asked for."""

    report: Report | None
    join_frames: JoinFrames
    retried: list[RetriedWindow]
    resumed: set[int]
    latents: Tensor | None = None


@dataclass
class Session:
    """How takes are made: by which `denoiser` of a model with which `capability`, with which `settings`, shown at `fps`.

    `codec` gives pictures to judge by; without one nothing is measured but what `events` has decoded. `retries`: how often a
    window is sampled again with another seed where its joins may be seen. `sound` is the axis of time of sound latents, where
    the denoiser makes some.
    """

    capability: Capability
    settings: Settings
    denoiser: Denoiser
    events: Events
    fps: float
    codec: VideoCodec | None = None
    retries: int = 0
    sound: int | None = None

    def make(
        self,
        request: Request,
        *,
        reel: Path | None = None,
        prompts: Sequence[str] = (),
        keep_latents: bool = False,
    ) -> TakeResult:
        """Samples the request window by window and measures it.

        `reel` is a folder that keeps every finished window, what was measured, and the `prompts` of the shots as a user wrote
        them, so that a run that was stopped goes on where it stopped. Raises UsageError or ReelError before anything is sampled.
        """
        if self.retries and self.codec is None:
            raise UsageError("retries: a join is judged by its pictures; connect the VAE to Take Sampling, or give retries 0")
        with self._reel(request, reel) as opened:
            return _Run(self, request, opened, prompts, keep_latents).make()

    def _reel(self, request: Request, folder: Path | None) -> AbstractContextManager[Reel | None]:
        if folder is None:
            return nullcontext()
        header = ReelHeader(self.capability.model, request.shape, self.capability.timeline, self.sound)
        return Reel.open(folder, header)


@dataclass
class _Run:
    """One take while it is made."""

    session: Session
    request: Request
    reel: Reel | None
    prompts: Sequence[str]
    keep_latents: bool
    resumed: set[int] = field(default_factory=set)
    chunks: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        session, timeline = self.session, self.session.capability.timeline
        self.joins = joins_of(self.request, session.settings)
        _, start, stop = span_of(self.request, session.settings)
        self.frames = timeline.frames_for(stop) - timeline.frames_for(start)
        self.places = join_frames(self.joins, timeline, start).within(self.frames)
        self.retry: Retry | None = None
        if session.retries and session.codec is not None:
            measure = partial(measure_join, timeline=timeline, codec=session.codec)
            self.retry = Retry(session.retries, judge(self.joins, measure), PASS)

    def make(self) -> TakeResult:
        reel, denoiser = self.reel, self.session.denoiser
        before = reel.order[:] if reel is not None and reel.finished else None
        old = self._old_record()
        if reel is not None:
            reel.put_known(self.request.known)
            if old.report is None:  # a run that is stopped leaves a reel that says what it was to be
                reel.record = self._record(old.calls)
        chunks = sample(self.request, denoiser, self.session.settings, segments=reel, progress=self._progress, retry=self.retry)
        meter = self.session.events.watch(self._kept(chunks))
        latents = torch.cat(self.chunks, 2) if self.chunks else None
        record = self._record(denoiser.calls or old.calls)
        if reel is not None and reel.order == before and old.report is not None and old.meter is not None:
            record.report, record.meter = old.report, old.meter  # nothing has changed since it was measured
        elif reel is not None:
            reel.record = record  # a run that is stopped while it measures leaves no figures of an earlier one
        if record.report is None:
            record.report, record.meter = self._measured(meter, latents)
        if reel is not None:
            reel.record = record
        return TakeResult(record.report, self.places, record.retried, self.resumed, latents)

    def _old_record(self) -> ReelRecord:
        """What the reel says of an earlier run; nothing where that is damaged, as it is written anew."""
        try:
            return ReelRecord() if self.reel is None else self.reel.record
        except ReelError:
            return ReelRecord()

    def _progress(self, progress: Progress) -> None:
        if progress.resumed:
            self.resumed.add(progress.window)
        self.session.events.step(progress)

    def _kept(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        for chunk in chunks:
            if self.keep_latents:
                self.chunks.append(chunk.latents)
            yield chunk

    def _record(self, calls: int) -> ReelRecord:
        frame, retried = self.session.capability.timeline.frames_for, self.retry.retried if self.retry else {}
        seeds = [retried.get(shot.start, (0, shot.seed))[1] for shot in self.request.shots]
        shots = [ShotRecord(prompt, seed) for prompt, seed in zip(self.prompts, seeds, strict=False)]
        windows = [RetriedWindow(frame(at), times, seed) for at, (times, seed) in sorted(retried.items())]
        return ReelRecord(self.session.fps, self.frames, shots, seeds, self.places, windows, calls)

    def _measured(self, meter: Meter | None, latents: Tensor | None) -> tuple[Report | None, Meter | None]:
        """How the take came out: by the frames that were decoded while it was made, else by all of them where there is a reel
        to keep that, else by those around its joins."""
        session, codec = self.session, self.session.codec
        whole = meter if meter is not None and meter.frames == self.frames else None
        if whole is None and codec is not None and latents is not None and self.reel is not None:
            whole = Meter()
            with torch.random.fork_rng():  # some decoders draw random numbers
                codec.decode(iter(latents.split(1, 2)), latents.shape[2], whole.add, early=True)
        if whole is not None:
            report = whole.report(self.places.joins, session.fps, windows=self.places.windows, loop=self._closes(whole))
            return self._of_one_prompt(report), whole
        if codec is not None and latents is not None:
            return self._around_joins(codec, lookup(latents)), None
        if meter is None:
            return None, None
        places = self.places.within(meter.frames)
        return self._of_one_prompt(meter.report(places.joins, session.fps, windows=places.windows)), None

    def _of_one_prompt(self, report: Report) -> Report:
        """The report, without drift where shots of several prompts differ from each other because they are meant to."""
        several = len({shot.prompt for shot in self.request.shots}) > 1 or self.request.track is not None
        return replace(report, drift={}) if several else report

    def _closes(self, meter: Meter) -> bool:
        return self.request.loop and meter.frames >= 3

    def _around_joins(self, codec: VideoCodec, latent: Lookup) -> Report:
        """Joins, each measured on the latents around it alone."""
        report = Report(self.frames)
        for join in self.joins:
            found = measure_join(latent, join.at, self.session.capability.timeline, codec)
            if found is not None:
                (report.windows if join.kind == "window" else report.joins).append(found)
        return report
