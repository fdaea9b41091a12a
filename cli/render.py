"""`longtake render`: a prompt, a picture, clips or a list of shots in; a film out."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..errors import RefusedError
from ..farm.client import nothing
from ..guard.watch import Guard
from .bars import Bars, share_of
from .options import add_render_options
from .plan import RenderPlan, make_plan
from .terminal import printable, say, waiting

if TYPE_CHECKING:
    from ..engine.state import Progress as Step
    from ..engine.take import Chunk
    from ..media.disclosure import Film as DisclosedFilm
    from ..media.sign import Signed
    from ..metrics.meter import Meter
    from ..models.load import Bundle
    from ..take.session import TakeResult
    from .take_frames import Film


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Options of `longtake render`."""
    what = "make a film from a prompt, a picture, clips or a list of shots"
    parser = subparsers.add_parser("render", help=what, usage="longtake render [options] [prompt]")
    add_render_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Renders and reports; raises LongTakeError, and KeyboardInterrupt that says what is kept."""
    plan = make_plan(arguments)
    report = render(plan, Console(stderr=True, quiet=arguments.quiet, soft_wrap=True, highlight=False))
    if arguments.json:
        print(json.dumps(report))
    elif not arguments.quiet:
        say(summary(report, plan))
    return 0


def render(plan: RenderPlan, console: Console, watch: "Callable[[Step], object]" = nothing) -> dict[str, Any]:
    """Makes the film of a plan and gives the report on it; `watch` sees every step of sampling. Raises LongTakeError."""
    begin = time.perf_counter()
    note_all(console, plan.notes)

    with waiting(console, "loading the model"):
        import torch

        from ..models.load import load_bundle, pick_device

        device = pick_device(plan.sampler.device)
        bundle = load_bundle(device, plan.sampler.weights)
    guard = Guard(plan.guard, lambda: bundle.text)
    guard.check_prompts(plan.prompts)
    note_all(console, prompt_notes(plan, bundle))
    loaded = time.perf_counter()

    from .clips import Stage
    from .take_frames import make_film

    stage = Stage(bundle.vae, bundle.capability, device, plan.fps, plan.size, plan.canvas)
    with waiting(console, "reading the clips" if plan.clips else "planning"):
        film = make_film(plan, stage)
    note_all(console, film.messages)
    made, signed = make(plan, film, bundle, console, guard, watch)
    late = [*guard.warnings, *([signed.note] if signed.note else [])]
    note_all(console, late)
    seconds = time.perf_counter() - loaded
    return {
        "file": str(plan.output),
        "width": plan.size[0],
        "height": plan.size[1],
        "frames": film.total,
        "fps": plan.fps,
        "seconds": round(film.total / plan.fps, 3),
        "seed": plan.seed,
        "seeds": film.seeds,
        "model": bundle.name,
        "load_seconds": round(loaded - begin, 3),
        "render_seconds": round(seconds, 3),
        "seconds_per_frame": round(seconds / max(1, film.new), 4),
        "peak_mb": peak_memory(),
        "threads": torch.get_num_threads(),
        "device": str(device),
        "steps": plan.sampler.steps or bundle.capability.steps,
        "signed_by": signed.by if signed.files and not signed.note else None,
        "notes": plan.notes + film.messages + late,
        "retried": [window._replace(frame=window.frame + film.offset)._asdict() for window in made.retried],
    }


def make(
    plan: RenderPlan, film: "Film", bundle: "Bundle", console: Console, guard: Guard, watch: "Callable[[Step], object]"
) -> "tuple[TakeResult, Signed]":
    """Samples the film's take in a session, writes its frames and signs the finished file."""
    from ..engine.take import joins_of, span_of
    from ..metrics.joins import JoinFrames
    from ..models.box import BoxCodec, box_denoiser, fingerprint
    from ..take.joins import cut_frames, join_frames
    from ..take.session import Session
    from .take_frames import settings_of

    options, request = plan.sampler, film.take.request
    cfg = bundle.capability.cfg if options.cfg is None else options.cfg
    settings = settings_of(plan, bundle.capability)
    states = bundle.states(request.prompts, as_written=options.as_written)
    denoiser = box_denoiser(
        bundle, states, bundle.states([""])[0], fps=plan.fps, cfg=cfg, order=options.order, device=film.stage.device
    )
    start = span_of(request, settings).start
    joins = film.join_frames(join_frames(joins_of(request, settings), film.stage.timeline, start))
    cuts = film.join_frames(JoinFrames(cut_frames(request, film.stage.timeline), [])).joins
    record = {"steps": settings.steps, "order": options.order, "cfg": cfg, "fps": plan.fps, "seeds": film.seeds}
    events = FilmEvents(
        plan, film, console, bundle.name, record | {**joins._asdict(), "cuts": cuts, "loop": film.closing}, guard, watch
    )
    events.disclosed  # noqa: B018  a label that does not fit is said before the work
    codec = BoxCodec(bundle.vae, film.stage.device)
    session = Session(bundle.capability, settings, denoiser, events, plan.fps, codec, options.retries)
    named = replace(request, prompts=[fingerprint(one) for one in states])
    result = session.make(named, reel=plan.reel, prompts=[request.prompts[shot.prompt] for shot in request.shots])
    return result, events.finish()


@dataclass
class FilmEvents:
    """`take.backend.Events` of a render: a progress bar, and who is told `also`; the film's frames to its file, marked."""

    plan: RenderPlan
    film: "Film"
    console: Console
    model: str
    record: dict[str, Any]
    guard: Guard = field(default_factory=Guard)
    also: Callable[["Step"], object] = nothing
    tell: Callable[["Step"], None] = field(default=lambda step: None)
    files: list[Path] = field(default_factory=list)

    @cached_property
    def disclosed(self) -> "DisclosedFilm":
        """How the film says that a model made it. Raises UsageError for a label that does not fit."""
        from ..media import disclosure, mark

        plan = self.plan
        prompts = plan.prompts[0] if len(plan.prompts) == 1 else plan.prompts
        record = mark.make_record(prompts, plan.seed, self.model, **self.record)
        return disclosure.Film(plan.disclosure, record, *plan.size, plan.fps)

    def step(self, progress: "Step") -> None:
        """Moves the bar."""
        self.tell(progress)
        self.also(progress)

    def watch(self, chunks: "Iterator[Chunk]") -> "Meter | None":
        """Writes the film; an interruption says what is kept."""
        from ..media.disclosure import discard
        from ..media.write import open_writer
        from ..metrics.meter import Meter

        plan, said = self.plan, self.disclosed
        meter = Meter()
        seen = None if plan.reel is None else meter.add
        self.guard.begin_film(plan.fps)
        film = self.film
        given = said.given(film.given)
        writer = open_writer(plan.output, *plan.size, plan.fps, metadata=said.tags, sound=film.sound, given=given)
        with self.bar():
            try:
                with writer:
                    for frames in film.frames((chunk.latents for chunk in chunks), seen, said.mark):
                        self.guard.check_frames(frames)
                        writer.write(said.label(frames))
                    for _ in chunks:  # what is sampled beyond the last frame that is written
                        pass
            except RefusedError:
                discard(writer)
                raise
            except KeyboardInterrupt:
                raise KeyboardInterrupt(kept(plan, writer)) from None
        self.files = writer.files
        return meter if plan.reel is not None else None

    def finish(self) -> "Signed":
        """Signs what was written, with the given clips and pictures as its ingredients."""
        plan, said = self.plan, self.disclosed
        said.operation, said.sources = plan.mode, [*plan.clips, *(path for _, path in plan.keyframes)]
        return said.finish(self.files)

    def bar(self) -> Bars:
        """A progress bar that `step` moves."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        progress = Bars(*columns, console=self.console, disable=self.console.quiet)
        task = progress.add_task("sampling", total=1.0)

        def tell(step: "Step") -> None:
            share, which = share_of(step)
            progress.update(task, completed=share, description=which + (" (from the reel)" if step.resumed else ""))

        self.tell = tell
        return progress


def kept(plan: RenderPlan, writer: Any) -> str:
    """What is left of a render that was stopped."""
    where = getattr(writer, "partial", writer.path)
    parts = [f"{writer.frames} frames are in {where}" if writer.frames else "no frame was finished"]
    if plan.reel is not None:
        parts.append(f"the same command goes on from the reel {plan.reel}")
    return "interrupted: " + ", ".join(parts)


def prompt_notes(plan: RenderPlan, bundle: "Bundle") -> list[str]:
    """Warnings about prompts longer than what the text encoder reads, and how they are re-captioned."""
    from ..models.text import MAX_TOKENS

    long = [count for prompt in plan.prompts if (count := bundle.text.tokens(prompt)) > MAX_TOKENS]
    notes = [f"the prompt has {max(long)} tokens: only the first {MAX_TOKENS} are read"] if long else []
    if not plan.sampler.as_written:
        notes += [one.note() for one in bundle.recaption(list(dict.fromkeys(filter(None, plan.prompts))))]
    return notes


def note_all(console: Console, notes: list[str]) -> None:
    """Notes, one a line, on standard error."""
    for text in notes:
        console.print(f"[yellow]note:[/yellow] {escape(printable(text))}")


def peak_memory() -> float | None:
    """Most memory this process has held so far, in MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def summary(report: dict[str, Any], plan: RenderPlan) -> str:
    """The lines printed at the end."""
    from ..reel.record import RetriedWindow

    seeds = report["seeds"]
    seed = str(seeds[0]) if len(seeds) == 1 else f"{report['seed']} (shots: {', '.join(map(str, seeds))})"
    return "\n".join(
        [
            f"size     {report['width']}x{report['height']}",
            f"frames   {report['frames']} at {report['fps']:g} fps, {report['seconds']:g} s",
            f"time     {report['render_seconds']:.1f} s, {report['seconds_per_frame']:.3f} s a frame",
            f"seed     {seed}",
            *(f"again    {RetriedWindow(**window).line()}" for window in report["retried"]),
            *([f"signed   by {report['signed_by']}"] if report["signed_by"] else []),
            f"file     {plan.output.resolve()}",
        ]
    )
