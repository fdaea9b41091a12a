"""`longtake render`: a prompt, a picture, clips or a list of shots in; a film out."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .options import add_render_options
from .plan import RenderPlan, make_plan

if TYPE_CHECKING:
    from torch import Tensor

    from ..engine.retry import Lookup
    from ..engine.take import Progress as Step
    from ..engine.take import Settings
    from ..metrics.meter import Join, Meter
    from ..models.load import Bundle
    from ..reel.store import Reel
    from .clips import Stage
    from .film import Film

MARK_KEY = "longtake"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Options of `longtake render`."""
    parser = subparsers.add_parser("render", help="make a film from a prompt, a picture, clips or a list of shots")
    add_render_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Renders and reports; raises LongTakeError, and KeyboardInterrupt that says what is kept."""
    begin = time.perf_counter()
    plan = make_plan(arguments)
    console = Console(stderr=True, quiet=arguments.quiet, soft_wrap=True, highlight=False)
    note_all(console, plan.notes)

    import torch

    from ..models.load import load_bundle, manifest_id, pick_device, read_manifest
    from ..reel.store import header

    device = pick_device(arguments.device)
    bundle = load_bundle(device, arguments.weights)
    manifest = read_manifest(arguments.weights) if arguments.weights else read_manifest()
    model = "longtake-" + manifest_id(manifest)
    model += "-as-written" * arguments.as_written
    note_all(console, length_notes(plan, bundle))
    if not arguments.as_written:
        note_all(console, [r.note() for r in bundle.recaption(list(dict.fromkeys(filter(None, plan.prompts))))])
    loaded = time.perf_counter()

    from .clips import Stage
    from .film import make_film

    stage = Stage(bundle.vae, device, plan.fps, plan.size, plan.canvas)
    film = make_film(
        plan,
        stage,
        seed=arguments.seed,
        backward=arguments.backward,
        loop=arguments.loop,
        strength=arguments.strength,
    )
    note_all(console, film.notes)
    settings, cfg = sampler_settings(arguments, bundle)
    record = {"steps": settings.steps, "order": arguments.order, "cfg": cfg, "fps": plan.fps, "seeds": film.seeds}
    record |= {"joins": film.joins, "windows": film.windows(settings), "loop": film.closing}
    with open_reel(arguments.reel, header(model, stage.shape, stage.timeline)) as reel:
        if reel is not None:
            prompts = [shot.prompt for shot in plan.shots]
            shots = [{"prompt": p, "seed": s} for p, s in zip(prompts, film.seeds, strict=True)]
            reel.set_metrics({"fps": plan.fps, "shots": shots})
            reel.put_known(film.request.known)
        sampler = Sampler(bundle, stage, settings, cfg, arguments.order, model, reel, arguments.as_written, arguments.retries)
        meter = write(plan, film, sampler, console, arguments, model, record)
        if reel is not None:
            loop = film.closing and meter.frames >= 3
            measured = meter.report(record["joins"], plan.fps, windows=record["windows"], loop=loop).as_dict()
            reel.set_metrics({**reel.metrics, **measured, "series": meter.series(), "again": again(film, sampler)})
    done = time.perf_counter()
    report = {
        "file": str(plan.output),
        "width": plan.size[0],
        "height": plan.size[1],
        "frames": film.total,
        "fps": plan.fps,
        "seconds": round(film.total / plan.fps, 3),
        "seed": arguments.seed,
        "seeds": film.seeds,
        "model": model,
        "load_seconds": round(loaded - begin, 3),
        "render_seconds": round(done - loaded, 3),
        "seconds_per_frame": round((done - loaded) / max(1, film.new), 4),
        "peak_mb": peak_memory(),
        "threads": torch.get_num_threads(),
        "device": str(device),
        "steps": settings.steps,
        "notes": plan.notes + film.notes,
        "again": again(film, sampler),
    }
    if arguments.json:
        print(json.dumps(report))
    elif not arguments.quiet:
        print(summary(report, plan))
    return 0


class Sampler:
    """Gives a request's latents chunk by chunk, and tells `on_step` about every model call."""

    def __init__(
        self,
        bundle: "Bundle",
        stage: "Stage",
        settings: "Settings",
        cfg: float,
        order: int,
        model: str,
        reel: "Reel | None",
        as_written: bool,
        retries: int,
    ):
        self.bundle, self.stage, self.settings, self.cfg = bundle, stage, settings, cfg
        self.order, self.model, self.reel, self.as_written = order, model, reel, as_written
        self.retries = retries
        self.again: dict[int, tuple[int, int]] = {}
        self.on_step: Any = None

    def __call__(self, request: Any) -> "Iterator[Tensor]":
        import torch

        from ..engine.denoiser import InBoxDenoiser
        from ..engine.retry import Retry, judge
        from ..engine.take import sample, seams

        prompts = [*request.prompts, *([""] if self.cfg != 1.0 else [])]
        with torch.no_grad():
            context = self.bundle.dit.context(*self.bundle.encode(prompts, as_written=self.as_written))
        denoiser = InBoxDenoiser(
            self.bundle.dit,
            context,
            fps=self.stage.fps,
            cfg=self.cfg,
            order=self.order,
            uncond=len(prompts) - 1 if self.cfg != 1.0 else None,
            device=self.stage.device,
            model_id=self.model,
        )
        retry = Retry(self.retries, judge((seam.at for seam in seams(request, self.settings)), self._join), made=self.again)
        more = {"reel": self.reel, "progress": self.on_step, "retry": retry if self.retries else None}
        for chunk in sample(request, denoiser, self.settings, **more):
            yield chunk.latents

    def _join(self, latent: "Lookup", join: int) -> "Join | None":
        """How visible the join before latent `join` is."""
        import torch

        from ..engine.retry import join_around
        from ..models.vae import WARM

        with torch.no_grad():
            show = lambda latents: self.bundle.vae.decode(latents.to(self.stage.device)).float().cpu()  # noqa: E731
            return join_around(latent, join, self.stage.timeline, WARM, show)


def again(film: "Film", sampler: Sampler) -> list[dict[str, int]]:
    """Windows that were made again: the frame they begin at, how often, and the seed they were kept with."""
    made = sorted(sampler.again.items())
    return [{"frame": film.frame_of(at), "times": times, "seed": seed} for at, (times, seed) in made]


def write(
    plan: RenderPlan,
    film: "Film",
    sampler: Sampler,
    console: Console,
    arguments: argparse.Namespace,
    model: str,
    record: dict[str, Any],
) -> "Meter":
    """Frames from the film to the writer, marked, with progress; an interruption says what is kept. Gives what was measured
    of them, where there is a reel to put it on."""
    from ..media import mark
    from ..media.write import open_writer
    from ..metrics.meter import Meter

    tags = None
    if not arguments.no_mark:
        tags = mark.metadata(plan.prompts[0] if len(plan.prompts) == 1 else plan.prompts, arguments.seed, model, **record)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    meter = Meter()
    writer = open_writer(plan.output, *plan.size, plan.fps, metadata=tags)
    with Progress(*columns, console=console, disable=arguments.quiet) as progress:
        task = progress.add_task("sampling", total=1.0)

        def on_step(step: "Step") -> None:
            share = (step.window - 1 + step.step / max(1, step.steps)) / max(1, step.windows)
            which = f"window {step.window}/{step.windows} step {step.step}/{step.steps}"
            progress.update(task, completed=share, description=which + (" (from the reel)" if step.resumed else ""))

        sampler.on_step = on_step
        try:
            with writer:
                for frames in film.frames(sampler):
                    writer.write(frames if arguments.no_mark else mark.embed(frames, MARK_KEY))
                    if sampler.reel is not None:
                        meter.add(frames)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(kept(plan, writer, arguments.reel)) from None
        progress.update(task, completed=1.0, description="done")
    return meter


def kept(plan: RenderPlan, writer: Any, reel: Path | None) -> str:
    """What is left of a render that was stopped."""
    where = getattr(writer, "partial", writer.path)
    parts = [f"{writer.frames} frames are in {where}" if writer.frames else "no frame was finished"]
    if reel is not None:
        parts.append(f"the same command goes on from the reel {reel}")
    return "interrupted: " + ", ".join(parts)


def sampler_settings(arguments: argparse.Namespace, bundle: "Bundle") -> "tuple[Settings, float]":
    """Steps, shift and guidance: from the options, else what the model card says."""
    from ..engine.take import Settings

    settings = Settings.of(bundle.info, steps=arguments.steps, rolling=arguments.rolling)
    return settings, float(bundle.info.get("cfg", 1.0)) if arguments.cfg is None else arguments.cfg


def open_reel(path: Path | None, header: dict[str, Any]) -> Any:
    """The reel in `path`, or a context of None. Raises ReelError."""
    from ..reel.store import Reel

    return nullcontext() if path is None else Reel.open(path, header)


def length_notes(plan: RenderPlan, bundle: "Bundle") -> list[str]:
    """Warnings about prompts longer than what the text encoder reads."""
    from ..models.text import MAX_TOKENS

    counts = [bundle.text.tokens(prompt) for prompt in plan.prompts]
    long = [count for count in counts if count > MAX_TOKENS]
    return [f"the prompt has {max(long)} tokens: only the first {MAX_TOKENS} are read"] if long else []


def note_all(console: Console, notes: list[str]) -> None:
    """Notes, one a line, on standard error."""
    for text in notes:
        console.print(f"[yellow]note:[/yellow] {escape(text)}")


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
    seeds = report["seeds"]
    seed = str(seeds[0]) if len(seeds) == 1 else f"{report['seed']} (shots: {', '.join(map(str, seeds))})"
    return "\n".join(
        [
            f"size     {report['width']}x{report['height']}",
            f"frames   {report['frames']} at {report['fps']:g} fps, {report['seconds']:g} s",
            f"time     {report['render_seconds']:.1f} s, {report['seconds_per_frame']:.3f} s a frame",
            f"seed     {seed}",
            *(f"again    frame {one['frame']}, {one['times']} times; kept is seed {one['seed']}" for one in report["again"]),
            f"file     {plan.output.resolve()}",
        ]
    )
