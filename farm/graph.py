"""A graph in ComfyUI's API format: reading it, finding nodes in it, and setting their inputs. Nothing here needs a server.

The format is `{node id: {"class_type": str, "inputs": {name: value}, "_meta": {"title": str}}}`; a value that is a list
of a node id and a number is a link to that node's output.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ..errors import UsageError, shorten
from .answers import listed, mapping, number, text

Graph = dict[str, dict[str, Any]]
Specs = dict[str, Any]  # input name -> [type, options], as /object_info gives them

NAMES_SHOWN = 40
GROW_MAX = 1000  # inputs that one input may grow to
EXPORT = "open it in ComfyUI and use Workflow > Export (API)"


def read_graph(path: Path) -> Graph:
    """The graph in the file `path`. Raises UsageError where the file holds none."""
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: is no file; give a graph in API format: {EXPORT}")
        data = json.loads(present(path).read_text(encoding="utf-8-sig"), parse_constant=_refuse)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); give a graph in API format") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is no text; give a graph in API format: {EXPORT}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is no JSON ({error}); give a graph in API format: {EXPORT}") from None
    if not isinstance(data, dict) or not data:
        raise UsageError(f"{path}: holds no nodes; give a graph in API format: {EXPORT}")
    if isinstance(data.get("nodes"), list):
        raise UsageError(f"{path}: is a workflow for the canvas, not a graph in API format: {EXPORT}")
    for node, content in data.items():
        if not isinstance(content, dict) or not isinstance(content.get("class_type"), str):
            raise UsageError(f"{path}: node {shorten(node)!r} has no class_type; give a graph in API format: {EXPORT}")
        if not isinstance(content.setdefault("inputs", {}), dict):
            raise UsageError(f"{path}: the inputs of node {shorten(node)!r} are no object; export the graph again: {EXPORT}")
    check_links(data, str(path))
    return data


def present(path: Path) -> Path:
    """Where a graph of this pack lies that is asked for by its path in 0.1.0: NAME.api.json beside the canvas forms."""
    moved = path.parent / "api" / f"{path.name.removesuffix('.api.json')}.json"
    return moved if path.name.endswith(".api.json") and not path.exists() and moved.is_file() else path


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def check_links(graph: Graph, where: str) -> None:
    """Raises UsageError where an input is linked to a node that is not in the graph."""
    for node, content in graph.items():
        for name, value in content["inputs"].items():
            if _looks_like_link(value) and value[0] not in graph:
                raise UsageError(f"{where}: {label(graph, node)} gets {name} from node {value[0]!r}, which is not in the graph")


def _looks_like_link(value: Any) -> bool:
    is_pair = isinstance(value, list) and len(value) == 2
    return is_pair and isinstance(value[0], str) and isinstance(value[1], int) and not isinstance(value[1], bool)


def title(graph: Mapping[str, Any], node: str) -> str:
    """What the node is called: its title, else its class, else its id."""
    content = graph.get(node, {})
    meta = content.get("_meta")
    name = meta.get("title") if isinstance(meta, dict) else None
    return name if isinstance(name, str) and name else content.get("class_type", node)


def label(graph: Graph, node: str) -> str:
    """Title, class and id on one line, for messages."""
    name, kind = title(graph, node), graph.get(node, {}).get("class_type")
    kinds = "" if kind in (None, name) else f"{kind}, "
    return f"{shorten(name)} ({kinds}node {node})"


def reachable(graph: Graph, outputs: set[str]) -> set[str]:
    """The nodes `outputs` and all that they depend on: what the server will run."""
    found: set[str] = set()
    waiting = [node for node in outputs if node in graph]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [v[0] for v in graph[node]["inputs"].values() if _looks_like_link(v) and v[0] in graph]
    return found


@dataclass(frozen=True)
class Setting:
    """One `--set NODE.input=value`: the id of the node, the name of its input, and the value as it was typed."""

    node: str
    name: str
    text: str


def parse_setting(graph: Graph, word: str) -> Setting:
    """`NODE.input=value`, NODE being an id, a title or a class. Raises UsageError that names the choices.

    Input names may hold dots (`Save.format.codec`); so may titles, where the part before the first dot is no node.
    """
    left, equals, text = word.partition("=")
    dots = [place for place, letter in enumerate(left) if letter == "."]
    if not equals or not dots or dots[0] == 0 or left.endswith("."):
        raise UsageError(f"--set {shorten(word)!r}: write NODE.input=value, such as 3.seed=7")
    for dot in dots:
        node = find_node(graph, left[:dot])
        if node is not None:
            return Setting(node, left[dot + 1 :], text)
    names = _listed(f"{node} ({title(graph, node)})" for node in graph)
    raise UsageError(f"--set {shorten(word)!r}: no node {shorten(left[: dots[0]])!r}; the graph has {names}")


def find_node(graph: Graph, name: str) -> str | None:
    """The id of the node with that id, else that title, else that class; None without one. Raises UsageError for several."""
    if name in graph:
        return name
    for found in (
        [node for node in graph if title(graph, node) == name],
        [node for node in graph if graph[node]["class_type"] == name],
    ):
        if len(found) > 1:
            choices = _listed(f"{node} ({title(graph, node)})" for node in found)
            raise UsageError(f"--set {shorten(name)!r}: {len(found)} nodes are called that; give an id: {choices}")
        if found:
            return found[0]
    return None


def _listed(names: Any) -> str:
    listed = [shorten(str(name)) for name in names]
    more = len(listed) - NAMES_SHOWN
    return ", ".join(listed[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def input_specs(info: Mapping[str, Any]) -> Specs:
    """All inputs a class has by its /object_info, dotted names of dynamic inputs included."""
    return _specs(info.get("input"), "")


def _specs(inputs: Any, prefix: str) -> Specs:
    found: Specs = {}
    groups = inputs if isinstance(inputs, dict) else {}
    for group in ("required", "optional"):
        for name, spec in mapping(groups.get(group)).items():
            if isinstance(spec, (list, tuple)) and spec:
                found.setdefault(prefix + name, spec)
                for inner, inner_spec in _dynamic(spec, f"{prefix}{name}.").items():
                    found.setdefault(inner, inner_spec)
    return found


def _dynamic(spec: Any, prefix: str) -> Specs:
    """What belongs to a dynamic input: inputs of every choice, of a slot, and the numbered or named ones that grow."""
    extra = spec_options(spec)
    found: Specs = {}
    if spec[0] == "COMFY_DYNAMICCOMBO_V3":
        for choice in listed(extra.get("options")):
            found = _specs(mapping(choice).get("inputs"), prefix) | found
    elif spec[0] == "COMFY_DYNAMICSLOT_V3":
        found = _specs(extra.get("inputs"), prefix)
    elif spec[0] == "COMFY_AUTOGROW_V3":
        template = mapping(extra.get("template"))
        count = min(GROW_MAX, max(0, int(number(template.get("max"), 0))))
        given = [name for name in listed(template.get("names")) if isinstance(name, str)]
        names = given or [f"{text(template.get('prefix'))}{i}" for i in range(count)]
        for inner in _specs(template.get("input"), "").values():
            found |= {prefix + name: inner for name in names}
    return found


def spec_options(spec: Any) -> dict[str, Any]:
    """The options of an input: default, min, max, and whether files are uploaded to it."""
    return spec[1] if spec is not None and len(spec) > 1 and isinstance(spec[1], dict) else {}


def takes_upload(spec: Any) -> bool:
    """Whether the input names a file that a user uploads."""
    return any(value is True and (name == "upload" or name.endswith("_upload")) for name, value in spec_options(spec).items())


def spec_of(graph: Graph, setting: Setting, specs: Specs) -> Any:
    """The spec of the input that is set, None where only the graph knows it. Raises UsageError where the node has no such."""
    known = graph[setting.node]["inputs"]
    if setting.name in specs or setting.name in known:
        return specs.get(setting.name)
    names = _listed(dict.fromkeys([*known, *specs])) or "none"
    where = f"{label(graph, setting.node)} has no input {shorten(setting.name)!r}"
    raise UsageError(f"--set {shorten(f'{setting.node}.{setting.name}')}: {where}; it has {names}")


def parse_value(graph: Graph, text: str, spec: Any) -> Any:
    """`text` as JSON where it is JSON, else as text; text inputs keep what was typed, lists become values and not links.

    `spec` is the input's [type, options] or None.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    if _looks_like_link(value) and value[0] in graph:
        return value
    kind = spec[0] if spec else None
    choices = kind if isinstance(kind, list) else spec_options(spec).get("options")
    if not isinstance(value, str):
        if kind == "STRING":
            return text
        if isinstance(choices, list) and text in choices and value not in choices:
            return text
    return {"__value__": value} if isinstance(value, list) else value
