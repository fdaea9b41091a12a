"""`longtake run`: a graph in API format in, its outputs as files out, on a running ComfyUI or on one started for it."""

import argparse
import asyncio
import copy
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..errors import LongTakeError, UsageError
from ..farm.answers import listed, mapping
from ..farm.answers import number as number_of
from ..farm.client import Client, Events, GraphRefused, NoAnswer, nothing, server_url
from ..farm.comfy import START_SECONDS, failed_packs, find_comfy, read_log, serve
from ..farm.graph import (
    Graph,
    Setting,
    check_links,
    parse_setting,
    reachable,
    read_graph,
    title,
)
from ..farm.graph_job import apply, file_names
from ..farm.graph_outputs import clean_name, find_outputs, new_file
from .bars import Bars
from .terminal import printable, say_path
from .values import number

EXAMPLES = """examples:
  longtake run take.api.json --set 3.seed=7 --set "Load Image.image=robot.png" -o results
  longtake run take.api.json --server http://127.0.0.1:8188 -o results
"""
DAY = 86400.0


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Options of `longtake run`."""
    parser = subparsers.add_parser(
        "run",
        help="run a ComfyUI graph without opening ComfyUI",
        description="Runs a graph that was exported in API format and downloads what it makes. Without --server it starts "
        "the ComfyUI of --comfyui, of COMFYUI_PATH or of a usual place for this run, and stops it afterwards.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
    )
    parser.add_argument("graph", type=Path, metavar="GRAPH", help="a graph in API format: Workflow > Export (API) in ComfyUI")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NODE.INPUT=VALUE",
        dest="settings",
        help="change an input; NODE is an id, a title or a class; a local file is uploaded where the input takes files",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("output"), metavar="DIR", help="where the results go; overwrites nothing (output)"
    )
    where = parser.add_argument_group("where it runs")
    where.add_argument(
        "--server",
        action="append",
        default=[],
        metavar="URL",
        help="a ComfyUI that is running, such as http://127.0.0.1:8188; of several the least busy that is well",
    )
    where.add_argument("--comfyui", type=Path, metavar="DIR", help="the ComfyUI to start instead")
    where.add_argument("--work", type=Path, metavar="DIR", help="keep the folders of the started ComfyUI here: reels resume there")
    where.add_argument("--cpu", action="store_true", help="start it on the CPU, even where there is a GPU")
    seconds = number(0, 365 * DAY, above=True)
    where.add_argument("--timeout", type=seconds, metavar="S", help="interrupt the graph after S seconds (never)")
    where.add_argument("--start-timeout", type=seconds, default=START_SECONDS, metavar="S", help="give up starting after S seconds")
    result = parser.add_argument_group("result")
    result.add_argument("--quiet", action="store_true", help="print errors and paths only")
    result.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the graph and prints the paths of its outputs; raises LongTakeError, and KeyboardInterrupt once all is stopped."""
    begin = time.perf_counter()
    graph = read_graph(arguments.graph)
    settings = [parse_setting(graph, word) for word in arguments.settings]
    local = [name for name in ("comfyui", "work", "cpu") if getattr(arguments, name)]
    if arguments.server and local:
        raise UsageError(f"--server with --{local[0]}: a server that is running keeps its own settings; leave one out")
    urls = list(dict.fromkeys(map(server_url, arguments.server)))
    comfy = None if urls else find_comfy(arguments.comfyui)
    if arguments.output.exists() and not arguments.output.is_dir():
        raise UsageError(f"-o {arguments.output}: is a file; give a folder")
    arguments.output.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True, quiet=arguments.quiet, soft_wrap=True, highlight=False)
    with ExitStack() as stack:
        stop = stack.enter_context(Stop())
        alive: Callable[[], object] = nothing
        if comfy is not None:
            with console.status(f"starting ComfyUI in {escape(str(comfy))}"):
                server = stack.enter_context(
                    serve(
                        comfy,
                        arguments.work and arguments.work.absolute(),
                        bring=file_names(graph),
                        cpu=arguments.cpu or None,
                        timeout=arguments.start_timeout,
                    )
                )
            urls, alive = [server.url], server.alive
            for pack in failed_packs(read_log(server.log)):
                console.print(
                    f"[yellow]note:[/yellow] the custom node {escape(printable(pack))} failed to import; see {server.log}"
                )
        job = Job(graph, settings, arguments.output, arguments.timeout)
        client, paths = stop.run(drive_one(urls, alive, job, console))
    seconds = round(time.perf_counter() - begin, 3)
    if arguments.json:
        print(json.dumps({"files": [str(path) for path in paths], "prompt_id": client.prompt_id, "seconds": seconds}))
    else:
        for path in paths:
            say_path(path)
    return 0


class Job(NamedTuple):
    """A graph to be run with its settings, the folder of what it makes, and how many seconds it may take."""

    graph: Graph
    settings: list[Setting]
    folder: Path
    timeout: float | None


async def drive_one(urls: Sequence[str], alive: Callable[[], object], job: Job, console: Console) -> tuple[Client, list[Path]]:
    """Runs the job on the least busy server, and on the next where one is not well, refuses it or is lost on the way; gives who
    ran it and the paths of what was made. Raises LongTakeError: with one server its own error, with several the reasons of all."""
    if len(urls) == 1:
        client = Client(urls[0], alive)
        return client, await drive(client, job, console)
    loads = await asyncio.gather(*(waiting_at(url) for url in urls), return_exceptions=True)
    reasons = [str(load) for load in loads if isinstance(load, LongTakeError)]
    well = sorted((load, which) for which, load in enumerate(loads) if isinstance(load, int))
    for _, which in well:
        try:
            client = Client(urls[which])
            return client, await drive(client, job._replace(graph=copy.deepcopy(job.graph)), console)
        except (NoAnswer, GraphRefused) as error:
            reasons.append(str(error))
            console.print(f"[yellow]note:[/yellow] {escape(printable(error))}")
    raise LongTakeError("no server ran the graph: " + "; ".join(reasons))


async def waiting_at(url: str) -> int:
    """How many graphs wait on a server. Raises LongTakeError."""
    async with Client(url) as client:
        await client.check()
        return await client.waiting()


async def drive(client: Client, job: Job, console: Console) -> list[Path]:
    """Sets, runs and downloads; the paths of what was made. Raises LongTakeError."""
    graph = job.graph
    async with client:
        await client.check()
        infos = {kind: await client.object_info(kind) for kind in {node["class_type"] for node in graph.values()}}
        missing = [kind for kind in infos if not infos[kind]]
        if missing:
            raise GraphRefused(f"{client.url}: the graph is refused: the server has no class {', '.join(sorted(missing))}")
        for setting in job.settings:
            await apply(client, graph, setting, infos)
        check_links(graph, "--set")
        outputs = {node for node, content in graph.items() if infos[content["class_type"]].get("output_node")}
        with show(graph, reachable(graph, outputs), console) as on_event:
            entry = await client.run(graph, on_event, job.timeout)
        return await collect(client, graph, entry, job.folder)


async def collect(client: Client, graph: Graph, entry: dict[str, Any], folder: Path) -> list[Path]:
    """Downloads what a history entry lists into `folder`. Raises LongTakeError where there is nothing."""
    files, texts = find_outputs(entry)
    paths = []
    for saved in files:
        with new_file(folder, saved.filename) as (path, write):
            await client.download(saved, write)
        paths.append(path)
    for node, parts in texts.items():
        with new_file(folder, f"{clean_name(title(graph, node), node)}.txt") as (path, write):
            write("\n".join(parts).encode())
        paths.append(path)
    if not paths:
        raise LongTakeError("the graph ran, but made no file or text; give it a node that saves, such as Save Video")
    return paths


@contextmanager
def show(graph: Graph, wanted: set[str], console: Console) -> Iterator[Events]:
    """Shows the events of a run: a bar over all nodes, one for each that is running, and a line for each that is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[steps]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True, disable=console.quiet) as progress:
        yield Board(graph, wanted, progress).on_event


class Board:
    """What is running, by the events of the websocket."""

    def __init__(self, graph: Graph, wanted: set[str], progress: Progress):
        self.graph, self.wanted, self.progress = graph, wanted, progress
        self.bars: dict[str, TaskID] = {}
        self.begun: dict[str, float] = {}
        self.done: set[str] = set()
        self.whole = progress.add_task("waiting in the queue", total=len(wanted) or None, steps="")

    def on_event(self, kind: str, data: dict[str, Any]) -> None:
        """Takes one message of the server; those it does not know change nothing."""
        if kind == "left_out":
            self.progress.console.print(
                f"[yellow]note:[/yellow] some outputs are left out: {escape(printable(data.get('reason')))}"
            )
        elif kind == "execution_start":
            self.progress.update(self.whole, description="nodes")
        elif kind == "execution_cached":
            self.done |= self.wanted.intersection(node for node in listed(data.get("nodes")) if isinstance(node, str))
        elif kind == "progress_state":
            for node, state in mapping(data.get("nodes")).items():
                self._node(node, mapping(state))
        self.progress.update(self.whole, completed=len(self.done), steps=f"{len(self.done)}/{len(self.wanted)}")

    def _node(self, node: str, state: dict[str, Any]) -> None:
        name = printable(title(self.graph, str(state.get("display_node_id") or node)), 60)
        if state.get("state") == "running":
            if node not in self.bars:
                self.bars[node] = self.progress.add_task(escape(name), total=None, steps="")
                self.begun[node] = time.monotonic()
            value, most = number_of(state.get("value"), 0.0), number_of(state.get("max"), 1.0)
            if most > 1:
                self.progress.update(self.bars[node], completed=value, total=most, steps=f"{value:g}/{most:g}")
        elif state.get("state") == "finished" and node in self.bars:
            self.progress.remove_task(self.bars.pop(node))
            self.progress.console.print(f"{escape(name)}: {time.monotonic() - self.begun[node]:.1f} s")
        if state.get("state") == "finished" and node in self.wanted:
            self.done.add(node)


class Stop:
    """Turns Ctrl-C and requests to end into one cancellation that is cleaned up after, then KeyboardInterrupt."""

    def __init__(self) -> None:
        self.task: asyncio.Task[Any] | None = None
        self.before: dict[int, Any] = {}
        self.stopping = False

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                if hasattr(signal, name):
                    self.before[getattr(signal, name)] = signal.signal(getattr(signal, name), self._hit)
        return self

    def __exit__(self, *_: object) -> None:
        for number_, handler in self.before.items():
            signal.signal(number_, handler)

    def _hit(self, *_: object) -> None:
        if self.stopping:
            return  # all that is still waited for ends by itself
        self.stopping = True
        if self.task is None or self.task.done():
            raise KeyboardInterrupt
        self.task.get_loop().call_soon_threadsafe(self.task.cancel)

    def run(self, work: Any, stopped: str = "interrupted: the graph was stopped") -> Any:
        """The result of the coroutine `work`; KeyboardInterrupt with the words `stopped` where a signal cancelled it."""

        async def main() -> Any:
            self.task = asyncio.create_task(work)
            return await self.task

        try:
            return asyncio.run(main())
        except asyncio.CancelledError:
            raise KeyboardInterrupt(stopped) from None
