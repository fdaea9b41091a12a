"""Making what a take node asks for: windows sampled, joins measured, and a join that shows made again with other seeds."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import comfy.model_management
import comfy.utils
import torch
from torch import Tensor

from ..errors import UsageError
from ..longtake.metrics import Join, Meter
from ..longtake.reel import Reel, header
from ..longtake.request import Request
from ..longtake.take import Chunk, Progress, plan, sample
from .decode import LEAD, decode
from .reels import ReelFile
from .sampling import Conds, Sampling, fingerprint
from .sound import Track, together
from .take import HostDenoiser, margins, previewer
from .watch import Watch

log = logging.getLogger(__name__)
NEAR = 6
"""Latents on either side of a join that are decoded to measure it."""
SEED_STEP = 1_000_003
"""From the seed of a shot to the one it is made again with."""


class Made(NamedTuple):
    """A finished take: LATENT, frames, report in words, and its reel where it has one."""

    latent: dict[str, Any]
    frames: int
    report: str
    reel: ReelFile | None = None


@dataclass
class Attempt:
    """One sampling of a whole request: its latents and their sound, how its joins (by latent) came out, windows from the reel."""

    request: Request
    latents: Tensor
    track: Track | None
    resumed: int
    joins: dict[int, Join] = field(default_factory=dict)

    @property
    def worst(self) -> float:
        """Ratio or acceleration of the most visible join."""
        return max((max(join.ratio, join.acceleration) for join in self.joins.values()), default=0.0)

    @property
    def failed(self) -> list[int]:
        """Joins that may be seen."""
        return [place for place, join in self.joins.items() if not join.passes]


def run(
    request: Request, sampling: Sampling, prompts: Sequence[Conds] | None = None, *, joins: Sequence[int] = (),
    fps: float | None = None, reel: Path | None = None, length: int | None = None, about: Mapping[str, Any] | None = None,
    track: Track | None = None,
) -> Made:  # fmt: skip
    """Sample a request window by window, hand out its first `length` latents, and say what was done and how smooth the
    `joins` are. The sampling's `retries` make shots again whose join may be seen; the attempt with the least visible joins
    is kept. A `reel` keeps all segments and what is known `about` the take. With a VAE, what is finished is shown at `fps`
    (the model's own where None) while the rest is sampled. A `track` of the sound that is known is shown to the model and
    filled; the sound comes with the latents. Raises UsageError or ReelError before anything
    is sampled."""
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
    log.info("%s: %s, %s", found.family, planned, _cost(sum(sizes), sum(len(window.new) for window in windows)))
    work = _Work(sampling, prompts, len(windows), joins if sampling.vae is not None else (), fps or found.fps, track)
    with ExitStack() as stack:
        folder = reel
        if folder is None and sampling.retries and joins:  # so that what stays the same is not sampled again
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="longtake-")))
        best = work.attempt(named, folder)
        first, last, tried = best, best, 1
        while last.failed and tried <= sampling.retries:
            last = work.attempt(_with_other_seeds(last.request, last.failed), folder)
            tried += 1
            best = last if last.worst < best.worst else best
        if reel is not None:
            if best is not last:  # the reel lists the segments of what was made last
                work.attempt(best.request, reel, judged=False)
            _note(reel, work.header(named), {**(about or {}), **_metrics(best, work, timeline.frames_for(best.request.length))})
    made = best.latents[:, :, :length]
    frames = timeline.frames_for(made.shape[2])
    parts = [f"{made.shape[2]} latents, {frames} frames", planned, f"{work.denoiser.calls} model calls"]
    parts += [f"{first.resumed} windows from the reel"] if reel is not None and first.resumed else []
    parts += [_cost(work.denoiser.tokens, work.denoiser.new)] if work.denoiser.new else []
    lines = [f"{found.family}: {'; '.join(parts)}"]
    lines += [_words(timeline.frames_for(place), join) for place, join in best.joins.items()]
    if tried > 1:
        seeds = ", ".join(str(shot.seed) for shot in best.request.shots)
        lines.append(f"Made {tried} times because a join may be seen; kept is the smoothest, seed {seeds}.")
    report = "\n".join(lines)
    work.watch.say(report)
    sound = None if best.track is None else best.track.piece(range(made.shape[2]))
    return Made({"samples": together(made, sound)}, frames, report, None if reel is None else ReelFile(reel))


@dataclass
class _Work:
    """What all attempts at one take share."""

    sampling: Sampling
    prompts: Sequence[Conds]
    windows: int
    joins: Sequence[int]
    fps: float
    track: Track | None

    def __post_init__(self) -> None:
        self.done: dict[int, Tensor] = {}
        self.request: Request | None = None
        self.picture: list[Any] = [None]
        self.watch = Watch()
        show = previewer(self.sampling.model)
        self.denoiser = HostDenoiser(
            self.sampling, self.prompts, lambda clean: self.picture.__setitem__(0, show(clean)), self._past, self.track
        )

    def header(self, request: Request) -> dict[str, Any]:
        """What all segments of the take's reel share."""
        found = self.sampling.capability
        return header(found.family, request.shape, found.timeline, None if self.track is None else self.track.axis)

    def attempt(self, request: Request, folder: Path | None, *, judged: bool = True) -> Attempt:
        """All latents of a request, and its joins measured where it is `judged`."""
        settings, resumed = self.sampling.settings(), set()
        bar = comfy.utils.ProgressBar(self.windows * settings.steps)
        self.done, self.request = {}, request
        self.denoiser.track = None if self.track is None else self.track.copy()

        def progress(at: Progress) -> None:
            comfy.model_management.throw_exception_if_processing_interrupted()
            if at.resumed:
                resumed.add(at.window)
            self.watch.step(at)
            bar.update_absolute(
                round(settings.steps * (at.window - 1 + min(1.0, at.step / at.steps))), preview=self.picture[0]
            )

        with nullcontext() if folder is None else Reel.open(folder, self.header(request)) as opened:
            self.watch.begin()
            chunks = self._finished(sample(request, self.denoiser, settings, reel=opened, progress=progress))
            if judged and self.windows > 1 and self.sampling.vae is not None and self.watch.seen:
                self.watch.play(chunks, self.sampling.vae, self.fps, request.shape, request.length)
            else:
                for _ in chunks:
                    pass
        latents = torch.stack([self.done.pop(index) for index in range(request.length)], 1)[None]
        made = Attempt(request, latents, self.denoiser.track, len(resumed))
        for join in self.joins if judged else ():
            measured = measure_join(self.sampling, latents, join)
            if measured is not None:
                made.joins[join] = measured
        return made

    def _finished(self, chunks: Iterable[Chunk]) -> Iterator[Tensor]:
        """The latents of the chunks, which are kept in `done`."""
        for chunk in chunks:
            self.done |= {chunk.start + place: latent for place, latent in enumerate(torch.unbind(chunk.latents[0], 1))}
            yield chunk.latents

    def _past(self, index: int) -> Tensor | None:
        """Latents [1, C, n, h, w] right before `index`, as many as a VAE needs to decode the last of them, up to a cut."""
        request = self.request
        assert request is not None
        cut = max((shot.start for shot in request.shots if shot.cut and shot.start <= index), default=0)
        found: list[Tensor] = []
        for place in range(index - 1, max(cut, index - LEAD) - 1, -1):
            latent = request.known.get(place, self.done.get(place))
            if latent is None:
                break
            found.insert(0, latent)
        return torch.stack(found, 1)[None] if found else None


def measure_join(sampling: Sampling, latents: Tensor, join: int) -> Join | None:
    """The join before latent `join`, measured on the decoded frames around it; None at an end of the take."""
    timeline, meter = sampling.capability.timeline, Meter()
    begin = max(0, join - NEAR)
    begin -= begin % (timeline.cycle or 1)
    around = latents[:, :, begin : begin + timeline.legal(join - begin + NEAR)]
    decode(sampling.vae, [around], around.shape[2], meter.add, lambda done: None)
    frame = timeline.frames_for(join - begin)
    return meter.join(frame) if 1 <= frame < meter.frames else None


def _words(frame: int, at: Join) -> str:
    """A line on the join at frame `frame` of the take: seam ratio (1 is invisible), acceleration, change of luma."""
    words = f"seam {at.ratio:.2f}, acceleration {at.acceleration:.2f}, luma {at.luma_step:+.2f}"
    return f"join at frame {frame}: {words} ({'smooth' if at.passes else 'may be seen'})"


def _with_other_seeds(request: Request, failed: Collection[int]) -> Request:
    """The request with other seeds for the shots that begin at the joins that failed, or for all where none does."""
    guilty = [shot for shot in request.shots if shot.start in failed] or request.shots
    shots = [replace(shot, seed=shot.seed + SEED_STEP) if shot in guilty else shot for shot in request.shots]
    return replace(request, shots=shots)


def _metrics(best: Attempt, work: _Work, frames: int) -> dict[str, Any]:
    frame = work.sampling.capability.timeline.frames_for
    joins = [{**asdict(join), "frame": frame(place), "passes": join.passes} for place, join in best.joins.items()]
    return {"frames": frames, "calls": work.denoiser.calls, "joins": joins, "seeds": [shot.seed for shot in best.request.shots]}


def _note(folder: Path, head: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    with Reel.open(folder, head) as reel:
        calls = metrics["calls"] or reel.metrics.get("calls", 0)  # a run that only read the reel leaves it as it was
        reel.set_metrics({**metrics, "calls": calls})


def _cost(latents: int, new: int) -> str:
    return f"{latents / new:.2f} latents sampled for each new one"
