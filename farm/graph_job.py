"""A user's graph as what makes the chains of a film: its Long Take gets the shots of one chain, its Video from Latent keeps the
frames to the last bit, and nothing else in it runs."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import LongTakeError, UsageError, shorten
from ..take.shots import SEED_MAX
from .answers import mapping
from .chains import Chain
from .graph import Graph, Setting, input_specs, label, parse_value, reachable, spec_of, takes_upload
from .graph_outputs import Saved, find_outputs

TAKE, VIDEO, SAMPLING = "LongTakeFilm", "LongTakeVideo", ("LongTakeSampling", "LongTakeGuiderSampling")
REELS = "longtake/reels"
"""Where a server keeps reels, below its output folder."""
PREFIX = "longtake/chains"
KEPT = {"codec": "ffv1", "mark": False, "sign": False, "label": "", "aigc": "", "sidecar": False}
"""How the frames of a chain are saved: the whole film is marked and signed, once."""


@dataclass(frozen=True)
class GraphJob:
    """A graph in API format with the ids of its Long Take and Video from Latent; `settings` are set on every server, as some of
    them are files to be uploaded."""

    graph: Graph
    take: str
    video: str
    settings: tuple[Setting, ...] = ()

    @classmethod
    def of(cls, graph: Graph, where: object, settings: tuple[Setting, ...] = ()) -> GraphJob:
        """Raises UsageError for a graph without one of both blocks, or with several."""
        video = _only(graph, VIDEO, "Video from Latent", where)
        needed = reachable(graph, {video})
        kept = {node: content for node, content in graph.items() if node in needed}
        take = _only(kept, TAKE, "Long Take", where)
        own = {(take, "shots"), (take, "reel"), *((video, name) for name in (*KEPT, "filename_prefix", "crf"))}
        for setting in settings:
            words = f"--set {setting.node}.{setting.name}"
            if setting.node not in kept:
                raise UsageError(f"{words}: {label(graph, setting.node)} has no part in the video")
            if (setting.node, setting.name) in own:
                raise UsageError(f"{words}: a film sets that itself, for each chain; leave it out")
        if isinstance(graph[video]["inputs"].get("audio"), list):
            raise UsageError(
                f"{where}: the audio of {label(graph, video)} would begin anew with each chain; take it out, and lay it over the "
                "film with longtake finish --audio"
            )
        return cls(kept, take, video, settings)

    @property
    def shots(self) -> str:
        """The list of shots in the graph itself."""
        text = self.graph[self.take]["inputs"].get("shots")
        return text if isinstance(text, str) else ""

    @property
    def seed(self) -> int:
        """The seed of its sampling, as set; 1 where that comes from elsewhere."""
        source = self.graph[self.take]["inputs"].get("sampling")
        name = source[0] if isinstance(source, list) and source else ""
        node = self.graph.get(name, {})
        if node.get("class_type") not in SAMPLING:
            return 1
        said = [setting.text for setting in self.settings if (setting.node, setting.name) == (name, "seed")]
        seed = node["inputs"].get("seed") if not said else int(said[-1]) if said[-1].isdecimal() else None
        return seed if type(seed) is int and 0 <= seed <= SEED_MAX else 1

    @property
    def facts(self) -> dict[str, Any]:
        """What of it shapes a chain: all but the shots, and what the frames are saved as."""
        graph = {node: {"class_type": one["class_type"], "inputs": dict(one["inputs"])} for node, one in self.graph.items()}
        graph[self.take]["inputs"] |= {"shots": "", "reel": ""}
        graph[self.video]["inputs"] |= KEPT | {"filename_prefix": "", "crf": 0}
        files = [(s.node, s.name, s.text, _stamp(s.text)) for s in self.settings]
        return {"graph": graph, "settings": files}

    def reel(self, chain: Chain) -> str:
        """The name of a chain's reel on a server."""
        return f"film-{chain.name}"

    def files(self) -> list[str]:
        """All texts in its inputs: those that name a file of a ComfyUI's input folder are brought to one that is started."""
        return file_names(self.graph)

    async def graph_for(self, client: Any, chain: Chain, infos: Mapping[str, dict[str, Any]]) -> Graph:
        """The graph that makes a chain on a server, which tells `infos` of its classes. Its file gets a name that no other run has,
        so that the server saves it again even where it remembers all before. Raises UsageError, LongTakeError."""
        graph = copy.deepcopy(self.graph)
        for setting in self.settings:
            await apply(client, graph, setting, infos)
        graph[self.take]["inputs"] |= {"shots": chain.text(), "reel": self.reel(chain)}
        graph[self.video]["inputs"] |= KEPT | {"filename_prefix": f"{PREFIX}/{chain.name}-{uuid.uuid4().hex[:8]}"}
        return graph

    def lacking(self, infos: Mapping[str, Mapping[str, Any]]) -> str | None:
        """Why a server that tells this of the graph's classes cannot make chains; None where it can."""
        missing = sorted(kind for kind in self.kinds if not infos.get(kind))
        if missing:
            return f"has no class {', '.join(missing)}"
        offered = input_specs(infos[VIDEO]).get("codec")
        if KEPT["codec"] not in _options(offered):
            return f"has another version of LongTake, whose Video from Latent does not write {KEPT['codec']}"
        return None

    @property
    def kinds(self) -> set[str]:
        """Classes of its blocks."""
        return {content["class_type"] for content in self.graph.values()}

    def frames_in(self, entry: Mapping[str, Any]) -> Saved:
        """The file of frames that a history entry lists. Raises LongTakeError."""
        files, _ = find_outputs({"outputs": {self.video: mapping(entry.get("outputs")).get(self.video)}})
        found = [file for file in files if file.filename.endswith(".mkv")]
        if not found:
            raise LongTakeError("it ran the graph and lists no frames")
        return found[0]


def file_names(graph: Graph) -> list[str]:
    """All texts in the inputs of a graph, each once."""
    return list(dict.fromkeys(v for node in graph.values() for v in node["inputs"].values() if isinstance(v, str) and v))


async def apply(client: Any, graph: Graph, setting: Setting, infos: Mapping[str, dict[str, Any]]) -> None:
    """Sets one input, uploading the local file that it names. Raises UsageError, LongTakeError."""
    node = graph[setting.node]
    spec = spec_of(graph, setting, input_specs(infos[node["class_type"]]))
    path = Path(setting.text).expanduser()
    if takes_upload(spec) and path.is_file():
        node["inputs"][setting.name] = await client.upload(path)
    else:
        node["inputs"][setting.name] = parse_value(graph, setting.text, spec)


def _only(graph: Graph, kind: str, name: str, where: object) -> str:
    found = [node for node, content in graph.items() if content["class_type"] == kind]
    if len(found) != 1:
        has = "none" if not found else ", ".join(shorten(label(graph, node)) for node in found[:4])
        raise UsageError(f"{where}: a film's graph has one {name} block on its way to the video, this has {has}")
    return found[0]


def _options(spec: Any) -> list[Any]:
    """What a combo input offers, in either form that ComfyUI tells it."""
    if not isinstance(spec, list) or not spec:
        return []
    if isinstance(spec[0], list):
        return spec[0]
    more = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
    options = more.get("options")
    return options if isinstance(options, list) else []


def _stamp(text: str) -> list[int]:
    """Size and time of the file that a setting names, so that another file under its name makes other chains."""
    path = Path(text).expanduser()
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return []
    return [stat.st_size, stat.st_mtime_ns] if path.is_file() else []
