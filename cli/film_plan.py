"""What a `longtake film` command line asks for, checked before anything is loaded or started."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..farm.chains import Chain, split
from ..farm.client import server_url
from ..farm.comfy import PACK, find_comfy
from ..farm.folder import FilmFolder
from ..farm.graph import parse_setting, read_graph
from ..farm.graph_job import GraphJob
from ..guard.policy import OFF, policy
from ..media.codecs import CONTAINERS
from ..media.disclosure import Disclosure
from ..take.shots import FRAMES_MAX, ShotText, parse_shots, read_shot_file, shot_lengths
from .box_worker import BoxJob
from .options import disclosure_of
from .plan import DEFAULT_FPS, DEFAULT_SECONDS, DEFAULT_SIZE, GRID, SamplerOptions
from .prompts import language_note
from .video_file import check_output

GRAPH = PACK / "workflows" / "api" / "film.json"
"""What servers run where no other graph is given: the model in the box."""
BOX_ALONE = {"size": "--size", "fps": "--fps", "steps": "--steps", "cfg": "--cfg", "weights": "--weights", "rolling": "--rolling"}


@dataclass
class FilmPlan:
    """A film in chains: where it is made (`folder`), what of it (`chains`; `only` this number of them), and by whom: a `job` of the
    model in the box in so many `processes`, or one of a graph on `servers`, on `local` ComfyUIs of the install `comfy`, or on
    actors of the Ray cluster `ray` ("" for one of its own), as many as it has graphics cards, or machines, where that is 0."""

    chains: list[Chain]
    folder: FilmFolder
    output: Path
    seed: int
    job: BoxJob | GraphJob
    processes: int = 1
    servers: list[str] = field(default_factory=list)
    local: int = 0
    comfy: Path | None = None
    cpu: bool | None = None
    ray: str | None = None
    start_seconds: float = 300.0
    patience: float = 900.0
    only: int | None = None
    jobs: Path | None = None
    disclosure: Disclosure = field(default_factory=Disclosure)
    guard: str = OFF
    shots_file: Path | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def prompts(self) -> list[str]:
        """All prompts, each once."""
        return list(dict.fromkeys(shot.prompt for chain in self.chains for shot in chain.shots))


def make_film_plan(arguments: argparse.Namespace) -> FilmPlan:
    """Checks the options against each other and the files. Raises UsageError or MediaError."""
    output = _output(arguments.output)
    on_comfy = bool(arguments.server or arguments.local or arguments.graph)
    notes: list[str] = []
    job = _graph_job(arguments) if on_comfy else _box_job(arguments, notes)
    shots = _shots(arguments, job)
    notes += [note for note in dict.fromkeys(language_note(shot.prompt) for shot in shots if shot.prompt) if note]
    seconds = arguments.seconds or DEFAULT_SECONDS
    seed = arguments.seed if arguments.seed is not None else job.seed if isinstance(job, GraphJob) else 1
    if arguments.parts > 1 and arguments.rolling:
        raise UsageError("--parts are made of windows: leave out --rolling")
    if arguments.parts > 1 and isinstance(job, GraphJob):
        raise UsageError(
            "--parts: a graph makes what lies between two cuts as a whole; leave it out, or --graph, --server and --local"
        )
    chains = split(
        shots,
        seconds=seconds,
        seed=seed,
        facts=job.facts,
        parts=arguments.parts,
        least=job.part_seconds if isinstance(job, BoxJob) else 1.0,
    )
    if arguments.chain is not None and arguments.chain > len(chains):
        raise UsageError(f"--chain {arguments.chain}: the film has {len(chains)}, numbered from 1")
    frames = 0
    if isinstance(job, BoxJob):
        frames = sum(sum(shot_lengths(chain.shots, job.fps, 0.0)) for chain in chains if chain.begins)
        if frames > FRAMES_MAX:
            raise UsageError(f"{frames:,} frames; give at most {FRAMES_MAX:,} in one film")
    check_output(output, [arguments.shots] if arguments.shots else [], frames, *(job.size if isinstance(job, BoxJob) else (0, 0)))
    servers = list(dict.fromkeys(map(server_url, arguments.server)))
    if len(servers) < len(arguments.server):
        notes.append("a server is given twice; it counts once")
    plan = FilmPlan(
        chains,
        FilmFolder(arguments.folder or output.with_suffix(".film")),
        output,
        seed,
        job,
        arguments.processes or 1,
        servers,
        arguments.local or 0,
        cpu=arguments.cpu or None,
        ray=arguments.ray,
        start_seconds=arguments.start_timeout,
        patience=arguments.patience,
        only=arguments.chain,
        jobs=arguments.plan,
        disclosure=disclosure_of(arguments),
        guard=policy(arguments.guard),
        shots_file=arguments.shots,
        notes=notes,
    )
    _check_workers(plan, arguments)
    return plan


def _check_workers(plan: FilmPlan, arguments: argparse.Namespace) -> None:
    """Who makes the chains: fitting options, and a note where there are more workers than chains."""
    if plan.servers and (plan.local or arguments.comfyui or arguments.cpu or plan.ray is not None):
        raise UsageError("--server runs already: leave out --local, --comfyui, --cpu and --ray, or leave out --server")
    local = [setting for setting in getattr(plan.job, "settings", ()) if Path(setting.text).expanduser().is_file()]
    if plan.ray and local:
        raise UsageError(f"--set {local[0].node}.{local[0].name}: actors on other machines have no {local[0].text}; put it there")
    if arguments.processes and isinstance(plan.job, GraphJob):
        raise UsageError("--processes is for the model in the box without ComfyUI; with a graph give --local N or --server URL")
    if isinstance(plan.job, GraphJob) and not plan.servers:
        plan.comfy = arguments.comfyui if plan.ray is not None else find_comfy(arguments.comfyui)
        plan.local = plan.local or (0 if plan.ray is not None else 1)
    elif arguments.comfyui or arguments.cpu:
        raise UsageError("--comfyui and --cpu need --local N, or --graph GRAPH: the model in the box runs without ComfyUI")
    if plan.ray is not None and isinstance(plan.job, BoxJob) and not arguments.processes:
        plan.processes = 0
    workers = len(plan.servers) or plan.local or plan.processes
    if plan.only is None and workers > len(plan.chains):
        one, idle = "one chain" if len(plan.chains) == 1 else f"{len(plan.chains)} chains", workers - len(plan.chains)
        plan.notes.append(
            f"the film is {one}, {idle} of {workers} workers have nothing to do; shots that begin with cut make chains"
        )


def _output(path: Path | None) -> Path:
    output = path or Path("film.mp4")
    if output.suffix.lower() not in CONTAINERS or output.name.lower() in CONTAINERS:
        raise UsageError(f"-o {output}: a film is {', '.join(CONTAINERS)}; give a name with one of these endings")
    return output


def _shots(arguments: argparse.Namespace, job: BoxJob | GraphJob) -> list[ShotText]:
    if arguments.shots is not None:
        return read_shot_file(arguments.shots, "")
    if isinstance(job, GraphJob) and arguments.graph is not None:
        return parse_shots(job.shots, f"the shots of {arguments.graph}", timed=True)
    raise UsageError("no shots: give a file with one shot a line, such as `5: a dog runs` and `cut 5: a rabbit in snow`")


def _graph_job(arguments: argparse.Namespace) -> GraphJob:
    given = [option for name, option in BOX_ALONE.items() if getattr(arguments, name)]
    given += ["--retries"] if arguments.retries else []
    given += ["--as-written"] if arguments.as_written else []
    if given:
        raise UsageError(f"{given[0]} is for the model in the box without ComfyUI; with a graph set it there, or with --set")
    graph = read_graph(arguments.graph or GRAPH)
    settings = tuple(parse_setting(graph, word) for word in arguments.settings)
    return GraphJob.of(graph, arguments.graph or GRAPH.name, settings)


def _box_job(arguments: argparse.Namespace, notes: list[str]) -> BoxJob:
    if arguments.settings:
        raise UsageError("--set changes a graph: give --graph, --server or --local too")
    size, fps = arguments.size or DEFAULT_SIZE, float(arguments.fps or DEFAULT_FPS)
    even = (size[0] // 2 * 2, size[1] // 2 * 2)
    if even != size:
        notes.append(f"size {size[0]}x{size[1]}: video needs even sides, writing {even[0]}x{even[1]}")
    canvas = (-(-even[0] // GRID) * GRID, -(-even[1] // GRID) * GRID)
    sampler = SamplerOptions(**_named(arguments, SamplerOptions.__dataclass_fields__))
    return BoxJob(even, canvas, fps, sampler, policy(arguments.guard))


def _named(arguments: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in names}
