"""Making what a take node asks for: windows sampled, joins measured, and a window whose join shows made again with other seeds."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import comfy.model_management
import comfy.utils
import torch
from torch import Tensor

from ..engine.request import Request
from ..engine.retry import Retry, judge
from ..engine.take import Chunk, Progress, Join, plan, sample, seams
from ..errors import UsageError
from ..metrics.meter import LISTED, Meter, Report
from ..reel.store import Reel, header
from .audio import Track, together
from .codec import LEAD
from .denoiser import HostDenoiser, margins, previewer
from .latents import space_of, told
from .measure import JoinFrames, measure_all, measure_join, measure_joins, told_joins, words
from .progress import Watch
from .reels import ReelFile
from .sampling import Conds, Sampling, fingerprint

log = logging.getLogger(__name__)


class Made(NamedTuple):
    """A finished take: LATENT, frames, report in words, and its reel where it has one."""

    latent: dict[str, Any]
    frames: int
    report: str
    reel: ReelFile | None = None


def run(
    request: Request,
    sampling: Sampling,
    prompts: Sequence[Conds] | None = None,
    *,
    fps: float | None = None,
    reel: Path | None = None,
    length: int | None = None,
    about: Mapping[str, Any] | None = None,
    track: Track | None = None,
    mask: Tensor | None = None,
) -> Made:
    """Sample a request window by window, hand out its first `length` latents, and say what was done and, with a VAE, how
    smooth its joins are and whether it drifts. The sampling's `retries` make windows again whose joins may be seen; the attempt
    with the least visible ones is kept. A `reel` keeps all segments, what is known `about` the take, and what was measured.
    With a VAE, what is finished is shown at `fps` (the model's own where None) while the rest is sampled. A `track` of the
    sound that is known is shown to the model and filled; the sound comes with the latents. `mask` [1, 1, length, h, w], 1 =
    generate, keeps parts of what the request begins from. Raises UsageError or ReelError before anything is sampled."""
    found, settings = sampling.capability, sampling.settings()
    timeline, prompts = found.timeline, prompts or [sampling.conds]
    if sampling.retries and sampling.vae is None:
        raise UsageError("retries: a join is judged by its pictures; connect the VAE to Take Sampling, or give retries 0")
    named = replace(request, prompts=[fingerprint(conds) for conds in prompts])
    windows = plan(named, settings)
    if not windows:
        raise UsageError("every latent frame is kept: nothing is left to make")
    sizes = [len(window.indices) + sum(margins(timeline, window.indices)) for window in windows]
    planned = f"{len(windows)} windows of up to {max(sizes)} latents"
    cost = f"{found.family}: {planned}, {_cost(sum(sizes), sum(len(window.new) for window in windows))}"
    log.info("%s", cost)
    work = _Work(sampling, prompts, named, len(windows), fps or found.fps, track, mask)
    work.watch.announce(cost)
    best = work.make(reel, about or {})
    made = best.latents[:, :, :length]
    frames = timeline.frames_for(made.shape[2])
    parts = [f"{made.shape[2]} latents, {frames} frames", planned, f"{work.denoiser.calls} model calls"]
    parts += [f"{best.resumed} windows from the reel"] if reel is not None and best.resumed else []
    parts += [_cost(work.denoiser.tokens, work.denoiser.new)] if work.denoiser.new else []
    lines = [f"{found.family}: {'; '.join(parts)}", *words(best.report), *_again(work.again())]
    report = "\n".join(lines)
    work.watch.say(report)
    sound = None if work.denoiser.track is None else work.denoiser.track.piece(range(made.shape[2]))
    latent = {"samples": together(made, sound), **told(space_of(sampling.model, found))}
    latent |= told_joins(work.places.within(frames), made.shape[2])
    return Made(latent, frames, report, None if reel is None else ReelFile(reel))


@dataclass
class Attempt:
    """A sampled request: its latents, how it came out, and the number of its windows that were on the reel."""

    latents: Tensor
    report: Report
    resumed: int


@dataclass
class _Work:
    """One take while it is made."""

    sampling: Sampling
    prompts: Sequence[Conds]
    request: Request
    windows: int
    fps: float
    track: Track | None
    mask: Tensor | None

    def __post_init__(self) -> None:
        self.done: dict[int, Tensor] = {}
        self.picture: list[Any] = [None]
        self.watch = Watch()
        self.seams: list[Join] = seams(self.request, self.sampling.settings())
        self.places = JoinFrames.of(self.seams, self.sampling.capability.timeline)
        self.retry = Retry(self.sampling.retries, judge((seam.at for seam in self.seams), partial(measure_join, self.sampling)))
        show = previewer(self.sampling.model)
        self.denoiser = HostDenoiser(
            self.sampling,
            self.prompts,
            lambda clean: self.picture.__setitem__(0, show(clean)),
            self._past,
            None if self.track is None else self.track.copy(),
            self.mask,
        )

    def header(self) -> dict[str, Any]:
        """What all segments of the take's reel share."""
        found = self.sampling.capability
        return header(found.family, self.request.shape, found.timeline, None if self.track is None else self.track.axis)

    def make(self, folder: Path | None, about: Mapping[str, Any]) -> Attempt:
        """All latents of the request, measured where there is a VAE, and all of it kept on the reel in `folder`."""
        request, settings, resumed = self.request, self.sampling.settings(), set()
        bar = comfy.utils.ProgressBar(self.windows * settings.steps)

        def progress(at: Progress) -> None:
            comfy.model_management.throw_exception_if_processing_interrupted()
            if at.resumed:
                resumed.add(at.window)
            self.watch.step(at)
            bar.update_absolute(round(settings.steps * (at.window - 1 + min(1.0, at.step / at.steps))), preview=self.picture[0])

        meter, retry = Meter(), self.retry if self.retry.times else None
        with nullcontext() if folder is None else Reel.open(folder, self.header()) as opened:
            calls = 0 if opened is None else opened.metrics.get("calls", 0)
            before = opened.order[:] if opened is not None and opened.finished else None
            self.watch.begin()
            chunks = self._finished(sample(request, self.denoiser, settings, reel=opened, progress=progress, retry=retry))
            if self.windows > 1 and self.sampling.vae is not None and self.watch.seen:
                self.watch.play(chunks, self.sampling.vae, self.fps, request.shape, request.length, lambda x: meter.add(x[..., :3]))
            else:
                for _ in chunks:
                    pass
            latents = torch.stack([self.done.pop(index) for index in range(request.length)], 1)[None]
            report = None
            if opened is not None:
                about = self._about(about)
                if opened.order == before:  # nothing has changed since it was measured
                    report = _report_in(opened.metrics)
                else:  # a run that is stopped while it measures leaves no figures of an earlier one
                    opened.set_metrics(about)
            if report is None:
                report, numbers = self._measured(latents, meter, whole=folder is not None)
                if opened is not None:
                    opened.set_metrics({**about, **numbers, "calls": self.denoiser.calls or calls})
            elif opened is not None:
                opened.set_metrics({**opened.metrics, **about})
        return Attempt(latents, report, len(resumed))

    def again(self) -> list[dict[str, int]]:
        """Windows that were made again: the frame they begin at, how often, and the seed they were kept with."""
        frame = self.sampling.capability.timeline.frames_for
        return [{"frame": frame(at), "times": times, "seed": seed} for at, (times, seed) in sorted(self.retry.made.items())]

    def _about(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """What a reel says of its take beside what was measured: its shots with the seeds they were kept with."""
        seeds = [self.retry.made.get(shot.start, (0, shot.seed))[1] for shot in self.request.shots]
        shots = [{**shot, "seed": seed} for shot, seed in zip(about.get("shots", []), seeds, strict=False)]
        frames = self.sampling.capability.timeline.frames_for(self.request.length)
        found = {**about, **({"shots": shots} if shots else {}), "frames": frames, "seeds": seeds}
        return found | {"places": self.places._asdict(), "again": self.again()}

    def _measured(self, latents: Tensor, meter: Meter, *, whole: bool) -> tuple[Report, dict[str, Any]]:
        """How the take came out, and that as numbers for its reel. `meter` has seen all its frames where they were shown;
        else they are decoded for it where the `whole` take is asked for, and the neighbours of the joins where not."""
        timeline, vae = self.sampling.capability.timeline, self.sampling.vae
        frames = timeline.frames_for(latents.shape[2])
        if vae is None:
            return Report(frames), Report(frames).as_dict()
        if meter.frames != frames and whole:
            meter = Meter()
            measure_all(self.sampling, latents, meter)
        elif meter.frames != frames:
            report = measure_joins(self.sampling, latents, self.seams)
            return report, report.as_dict()
        places = self.places.within(meter.frames)
        report = meter.report(places.joins, self.fps, windows=places.windows)
        return report, {**report.as_dict(), "series": meter.series()}

    def _finished(self, chunks: Iterable[Chunk]) -> Iterator[Tensor]:
        """The latents of the chunks, which are kept in `done`."""
        for chunk in chunks:
            self.done |= {chunk.start + place: latent for place, latent in enumerate(torch.unbind(chunk.latents[0], 1))}
            yield chunk.latents

    def _past(self, index: int) -> Tensor | None:
        """Latents [1, C, n, h, w] right before `index`, as many as a VAE needs to decode the last of them, up to a cut."""
        cut = max((shot.start for shot in self.request.shots if shot.cut and shot.start <= index), default=0)
        found: list[Tensor] = []
        for place in range(index - 1, max(cut, index - LEAD) - 1, -1):
            latent = self.request.known.get(place, self.done.get(place))
            if latent is None:
                break
            found.insert(0, latent)
        return torch.stack(found, 1)[None] if found else None


def _report_in(metrics: Mapping[str, Any]) -> Report | None:
    """What was measured of a whole take, from its reel's metrics; None where that is not there."""
    try:
        return Report.of(metrics) if metrics.get("series") else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _again(windows: Sequence[Mapping[str, int]]) -> list[str]:
    """A line on the windows that were made again."""
    if not windows:
        return []
    parts = [f"frame {one['frame']} ({one['times']} more, kept is seed {one['seed']})" for one in windows[:LISTED]]
    parts += [f"{len(windows) - LISTED} windows further on"] if len(windows) > LISTED else []
    return [f"Made again because a join may be seen: from {', '.join(parts)}."]


def _cost(latents: int, new: int) -> str:
    return f"{latents / new:.2f} latents sampled for each new one"
