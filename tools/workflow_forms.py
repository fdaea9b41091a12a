"""The API form of every graph in workflows/, from its canvas form.

The canvas form is the one that is edited, in ComfyUI's page, which saves the names of widgets with their values: so the API form
follows from it without a running ComfyUI. The other way round only the page could lay out a canvas.
"""

import json
from pathlib import Path
from typing import Any

from .artefacts import ROOT, Artefact

FOLDER = ROOT / "workflows"
NOT_SENT = ("control_after_generate", "upload")  # widgets that only the page uses
ACTIVE = 0  # mode of a node that is neither muted nor bypassed


def canvases() -> list[Path]:
    """The canvas forms."""
    return sorted(FOLDER.glob("longtake_*.json"))


def api_path(canvas: Path) -> Path:
    """Where the API form of a canvas form is kept."""
    return FOLDER / "api" / f"{canvas.stem.removeprefix('longtake_')}.json"


def relative(path: Path) -> str:
    """A path as artefacts name it."""
    return path.relative_to(ROOT).as_posix()


def artefacts() -> list[Artefact]:
    """The API forms."""
    return [Artefact(relative(api_path(canvas)), (relative(canvas),)) for canvas in canvases()]


def make(wanted: list[Artefact]) -> None:
    """Writes those API forms that say something else than their canvas forms. Raises ValueError for a canvas it cannot convert."""
    titles, paths = known_titles(), {artefact.path for artefact in wanted}
    for canvas in canvases():
        path = api_path(canvas)
        if relative(path) not in paths:
            continue
        api = to_api(json.loads(canvas.read_text(encoding="utf-8")), titles)
        if not path.is_file() or json.loads(path.read_text(encoding="utf-8")) != api:
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(api, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def known_titles() -> dict[str, str]:
    """Class of a node -> what it is called where its canvas gives it no title: ours by the English texts, those of ComfyUI as in
    the API forms there are."""
    titles: dict[str, str] = {}
    for canvas in canvases():
        if api_path(canvas).is_file():
            own = {str(node["id"]) for node in json.loads(canvas.read_text(encoding="utf-8"))["nodes"] if node.get("title")}
            api = json.loads(api_path(canvas).read_text(encoding="utf-8"))
            titles |= {node["class_type"]: node["_meta"]["title"] for key, node in api.items() if key not in own}
    texts = json.loads((ROOT / "locales/en/nodeDefs.json").read_text(encoding="utf-8"))
    return titles | {node: entry["display_name"] for node, entry in texts.items()}


def to_api(canvas: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    """A canvas form in API form. Raises ValueError for what these graphs do not use: subgraphs, muted nodes, nodes without names
    of their widgets."""
    if (canvas.get("definitions") or {}).get("subgraphs"):
        raise ValueError("a subgraph: only ComfyUI's page can convert it")
    links = {link[0]: [str(link[1]), link[2]] for link in canvas["links"]}
    return {str(node["id"]): to_api_node(node, links, titles) for node in canvas["nodes"]}


def to_api_node(node: dict[str, Any], links: dict[int, list[Any]], titles: dict[str, str]) -> dict[str, Any]:
    """One node in API form; `links` are number of a link -> [node, output]. Raises ValueError, see `to_api`."""
    kind, named = node["type"], node.get("widgets_values_named") or {}
    if node.get("mode", ACTIVE) != ACTIVE:
        raise ValueError(f"{kind} {node['id']} is muted or bypassed: only ComfyUI's page can convert it")
    if node.get("widgets_values") and not named:
        raise ValueError(f"{kind} {node['id']} does not name its widgets: open the graph in ComfyUI's page and save it again")
    inputs = {name: {"__value__": value} if isinstance(value, list) else value for name, value in named.items()}
    inputs = {name: value for name, value in inputs.items() if name not in NOT_SENT}
    inputs |= {socket["name"]: links[socket["link"]] for socket in node["inputs"] if socket.get("link") is not None}
    title = node.get("title") or titles.get(kind, kind)
    return {"inputs": inputs, "class_type": kind, "_meta": {"title": title}}
