"""`longtake film`: a list of shots in, split at its hard cuts; the parts made side by side, here or on many machines."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from ..engine.parts import PARTS_MAX
from ..errors import UsageError, shorten
from ..farm.chains import Chain
from ..farm.comfy import START_SECONDS
from ..farm.folder import FilmFolder
from ..farm.graph_job import GraphJob
from ..farm.schedule import Schedule, Worker
from ..guard.watch import Guard
from ..take.shots import SECONDS_MAX
from .bars import Bars, share_of
from .box_worker import BoxJob, box_worker
from .film_board import Lines, show
from .film_jobs import write_jobs
from .film_plan import FilmPlan, make_film_plan
from .options import add_disclosure_options, add_guard_option, add_output_options, add_sampler_options
from .render import note_all
from .run import DAY, Stop
from .terminal import say
from .values import FPS_MAX, number, size, whole

EXAMPLES = """examples:
  longtake film story.txt -o story.mp4 --processes 2
  longtake film story.txt -o story.mp4 --graph wan.api.json --server http://gpu1:8188 --server http://gpu2:8188
  longtake film story.txt -o story.mp4 --plan jobs.json
"""
WAIT_SECONDS = 60.0
"""For a server to come back where none is left."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Options of `longtake film`."""
    parser = subparsers.add_parser(
        "film",
        help="make a film of shots side by side, on several machines or processes",
        usage="longtake film [options] [shots]",
        allow_abbrev=False,
        description="Splits a list of shots at its hard cuts (lines that begin with cut) and makes\n"
        "the parts, called chains, side by side. What is finished stays in the film's\n"
        "folder: the same command goes on from there.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
    )
    parser.add_argument("shots", nargs="?", type=Path, help="text, one shot a line, or JSON; left out: the shots in --graph")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=".mp4, .mov, .webm or .mkv (film.mp4)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where chains are made and kept (OUTPUT.film)")
    shape = parser.add_argument_group("shape")
    shape.add_argument("--seconds", type=number(0, SECONDS_MAX, above=True), metavar="S", help="of a shot that does not say (4)")
    shape.add_argument("--size", type=size, metavar="WxH", help="256x160")
    shape.add_argument("--fps", type=number(1, FPS_MAX), metavar="F", help="8")
    where = parser.add_argument_group("who makes it: the model in the box here, unless a graph, a server or --local is given")
    where.add_argument("--processes", type=whole(1, 64), metavar="N", help="make N chains at a time on this machine (1)")
    where.add_argument("--graph", type=Path, metavar="GRAPH", help="a graph in API format with Long Take and Video from Latent")
    where.add_argument(
        "--set", action="append", default=[], metavar="NODE.INPUT=VALUE", dest="settings", help="change an input of the graph"
    )
    where.add_argument("--server", action="append", default=[], metavar="URL", help="a ComfyUI that is running; give several")
    where.add_argument("--local", type=whole(1, 64), metavar="N", help="start N ComfyUIs here, one a graphics card")
    where.add_argument(
        "--ray", nargs="?", const="", metavar="ADDRESS", help="make chains on a Ray cluster; without an address one of its own"
    )
    where.add_argument("--comfyui", type=Path, metavar="DIR", help="the ComfyUI to start")
    where.add_argument("--cpu", action="store_true", help="start it on the CPU, even where there is a GPU")
    seconds = number(0, 365 * DAY, above=True)
    where.add_argument("--patience", type=seconds, default=900.0, metavar="S", help="leave a server that is silent so long (900)")
    where.add_argument("--start-timeout", type=seconds, default=START_SECONDS, metavar="S", help="give up starting after S seconds")
    where.add_argument("--chain", type=whole(1, 1000), metavar="N", help="make this chain only, and no film of it")
    where.add_argument("--plan", type=Path, metavar="FILE", help="make nothing: write a command for each chain, as JSON")
    where.add_argument(
        "--parts",
        type=whole(1, PARTS_MAX),
        default=1,
        metavar="N",
        help="split what lies between two cuts in N parts; frames where they meet are made first (1)",
    )
    add_sampler_options(parser, seed=None)
    result = parser.add_argument_group("result")
    add_output_options(result)
    add_guard_option(result)
    add_disclosure_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Makes the film and reports; raises LongTakeError, and KeyboardInterrupt once all is stopped."""
    plan = make_film_plan(arguments)
    console = Console(stderr=True, quiet=arguments.quiet, soft_wrap=True, highlight=False)
    note_all(console, plan.notes)
    if plan.jobs is not None:
        write_jobs(plan, sys.argv[1:] if arguments.argv is None else arguments.argv)
        return 0
    begin = time.perf_counter()
    guard = Guard(plan.guard)
    guard.check_prompts(plan.prompts)
    with ExitStack() as stack:
        stop = stack.enter_context(Stop())
        if plan.only is None:
            stack.enter_context(plan.folder.hold())
            plan.folder.write(plan.chains)
        else:
            plan.folder.prepare()
        made = make_chains(plan, stop, console)
        if plan.only is not None:
            say_chain(plan, arguments)
            return 0
        report = assembled(plan, guard, console)
    report |= {"seconds_taken": round(time.perf_counter() - begin, 3), "made": made}
    if plan.shots_file is not None and changed_since(plan):
        note_all(console, [f"{plan.shots_file} was changed meanwhile: the same command makes what has changed"])
    if arguments.json:
        print(json.dumps(report))
    elif not arguments.quiet:
        say(summary(report, plan))
    return 0


def make_chains(plan: FilmPlan, stop: Stop, console: Console) -> list[dict[str, Any]]:
    """Makes what is missing, and gives who made which chain in how many seconds. Raises LongTakeError."""
    wanted = plan.chains if plan.only is None else [plan.chains[plan.only - 1]]
    missing = plan.folder.missing(wanted)
    if len(missing) < len(wanted) and missing:
        note_all(console, [f"{len(wanted) - len(missing)} of {len(wanted)} chains are there already"])
    if not missing:
        return []
    with show(len(plan.chains), console) as board:
        alone = isinstance(plan.job, BoxJob) and plan.processes == 1 and plan.ray is None
        if alone:
            make_here(plan, missing, board)
        else:
            with workers_of(plan, len(missing)) as workers:
                stop.run(Schedule(workers, plan.folder, board, WAIT_SECONDS).run(missing), kept(plan))
    return board.made


def make_here(plan: FilmPlan, missing: Sequence[Chain], board: Lines) -> None:
    """One chain after the other in this process. Raises LongTakeError, KeyboardInterrupt."""
    assert isinstance(plan.job, BoxJob)
    quiet = Console(stderr=True, quiet=True)
    for chain in missing:
        begin = time.monotonic()
        with plan.folder.hold_chain(chain) as place:
            board.begun(chain, "this process")
            try:
                plan.job.make(chain, place, lambda step, chain=chain: board.moved(chain, *share_of(step)), quiet)  # type: ignore[misc]
            except KeyboardInterrupt:
                raise KeyboardInterrupt(kept(plan)) from None
        board.done(chain, "this process", time.monotonic() - begin)


@contextmanager
def workers_of(plan: FilmPlan, chains: int) -> Iterator[Sequence[Worker]]:
    """Who makes so many chains. Raises UsageError where Ray is asked for and not there."""
    from ..farm.servers import ComfyWorker, started_worker

    job = plan.job
    if isinstance(job, GraphJob) and plan.servers:
        yield [ComfyWorker(url, job, plan.patience) for url in plan.servers]
        return
    count = min(chains, plan.processes if isinstance(job, BoxJob) else plan.local)
    build: Callable[[FilmFolder, int, int], Worker]
    if isinstance(job, BoxJob):
        build = partial(box_worker, job=job)
    else:
        allowed = plan.start_seconds, plan.patience
        build = partial(started_worker, job=job, comfy=plan.comfy, cpu=plan.cpu, timeout=allowed[0], patience=allowed[1])
    if plan.ray is not None:
        from ..farm.ray_farm import ray_workers

        with ray_workers(plan.ray, count, build, plan.folder.path) as workers:
            yield workers
    else:
        yield [build(plan.folder, number, count) for number in range(1, count + 1)]


def kept(plan: FilmPlan) -> str:
    """What is left of a film that was stopped."""
    return f"interrupted: finished chains are kept in {plan.folder.path}, the same command goes on from there"


def assembled(plan: FilmPlan, guard: Guard, console: Console) -> dict[str, Any]:
    """Puts the film together and gives the report on it. Raises LongTakeError."""
    from ..farm.assembly import Watcher, assemble, parts_of

    parts = parts_of(plan.folder, plan.chains)
    info, total = parts[0].info, parts[-1].frames.stop
    guard.begin_film(float(info.fps))
    seeds = [shot.seed for chain in plan.chains if chain.begins for shot in chain.shots]
    with Bars(console=console, transient=True, disable=console.quiet) as bars:
        task = bars.add_task("putting the chains together", total=total)
        watcher = Watcher(guard.check_frames, lambda done: bars.update(task, completed=done))
        signed = assemble(
            parts,
            plan.output,
            plan.disclosure,
            watcher,
            seed=plan.seed,
            facts={"seeds": seeds, "chains": len(parts)},
        )
    late = [*guard.warnings, *([signed.note] if signed.note else [])]
    note_all(console, late)
    chains = []
    for part in parts:
        report = part.record.report
        chains.append(
            {
                "chain": part.chain.number,
                "folder": str(plan.folder.chain(part.chain).path),
                "frames": len(part.frames),
                "begins": part.frames.start,
                "part": part.chain.part,
                "prompts": [shot.prompt for shot in part.chain.shots],
                "report": None if report is None else report.as_dict(),
                "lines": part.record.lines(),
            }
        )
    return {
        "file": str(plan.output),
        "width": info.width,
        "height": info.height,
        "frames": total,
        "fps": float(info.fps),
        "seconds": round(total / float(info.fps), 3),
        "seed": plan.seed,
        "chains": chains,
        "signed_by": signed.by if signed.files and not signed.note else None,
        "notes": plan.notes + late,
    }


def summary(report: dict[str, Any], plan: FilmPlan) -> str:
    """The lines printed at the end."""
    lines = [
        f"size     {report['width']}x{report['height']}",
        f"frames   {report['frames']} at {report['fps']:g} fps, {report['seconds']:g} s, in {len(report['chains'])} chains",
        f"time     {report['seconds_taken']:.1f} s",
    ]
    for chain in report["chains"]:
        words = shorten(" / ".join(chain["prompts"]), 60)
        words += "" if chain["part"][1] == 1 else f" (part {chain['part'][0]} of {chain['part'][1]})"
        lines.append(f"chain {chain['chain']:<3}frames {chain['begins']} to {chain['begins'] + chain['frames'] - 1}: {words}")
        lines += [f"         {line}" for line in chain["lines"]]
    if report["signed_by"]:
        lines.append(f"signed   by {report['signed_by']}")
    return "\n".join([*lines, f"chains   {plan.folder.path}", f"file     {plan.output.resolve()}"])


def say_chain(plan: FilmPlan, arguments: argparse.Namespace) -> None:
    """What is said of `--chain N`."""
    assert plan.only is not None
    chain = plan.chains[plan.only - 1]
    place = plan.folder.chain(chain)
    if arguments.json:
        print(json.dumps({"chain": chain.number, "folder": str(place.path), "file": str(place.frames)}))
    elif not arguments.quiet:
        say(f"chain {chain.number} of {len(plan.chains)} is done: {place.path}")


def changed_since(plan: FilmPlan) -> bool:
    """Whether the list of shots is another now than when it was read."""
    from ..take.shots import read_shot_file

    assert plan.shots_file is not None
    prompts = [shot.prompt for chain in plan.chains if chain.begins for shot in chain.shots]
    try:
        return [" ".join(shot.prompt.split()) for shot in read_shot_file(plan.shots_file, "")] != prompts
    except UsageError:
        return True
