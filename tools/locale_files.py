"""The English texts of the nodes from their schemas as ComfyUI serves them, and what translations lack or have too much."""

import asyncio
import json
from pathlib import Path
from typing import Any

from ..errors import LongTakeError
from ..farm.client import Client
from .artefacts import ROOT, Artefact, face
from .host import comfy

ENGLISH = ROOT / "locales/en/nodeDefs.json"


def artefacts() -> list[Artefact]:
    """English follows the schemas, which the help pages describe; the others follow English."""
    nodes = sorted(path.stem for path in (ROOT / "js/docs").glob("*.md"))
    english = Artefact("locales/en/nodeDefs.json", settings=json.dumps([face(node) for node in nodes]))
    return [english, *(Artefact(path.relative_to(ROOT).as_posix(), ("locales/en/nodeDefs.json",)) for path in translations())]


def translations() -> list[Path]:
    """The files of the other languages."""
    return sorted(path for path in ROOT.glob("locales/*/nodeDefs.json") if path != ENGLISH)


def make(wanted: list[Artefact]) -> None:
    """Writes English anew; takes out of a translation what English has no more, and names what it lacks.

    Raises LongTakeError where a text is lacking: a person has to write it. All files are written before.
    """
    paths = {ROOT / artefact.path for artefact in wanted}
    if ENGLISH in paths:
        write(ENGLISH, from_schemas(asyncio.run(object_info()), read(ENGLISH)))
    lacking = [f"en {place}" for place in blanks(read(ENGLISH))] if ENGLISH in paths else []
    for path in translations():
        if path in paths:
            texts = kept(read(path), read(ENGLISH))
            write(path, texts)
            lacking += [f"{path.parent.name} {place}" for place in sorted(set(places(read(ENGLISH))) - set(places(texts)))]
    if lacking:
        raise LongTakeError(f"texts to write in locales/: {', '.join(lacking)}")


async def object_info() -> dict[str, Any]:
    """/object_info of our nodes."""
    with comfy() as server:
        async with Client(server.url, server.alive) as client:
            infos = await client.object_info(None)
    return {node: info for node, info in infos.items() if node.startswith("LongTake")}


def from_schemas(infos: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The English texts; where a schema has none, the one there was before stays, else it is empty and to be written."""
    return {
        node: from_schema(info, before.get(node, {})) for node, info in sorted(infos.items(), key=lambda one: order(one, before))
    }


def order(one: tuple[str, Any], before: dict[str, Any]) -> tuple[int, str]:
    """Nodes stay in the order they had; new ones come last."""
    names = list(before)
    return (names.index(one[0]) if one[0] in names else len(names), one[0])


def from_schema(info: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The English texts of one node; outputs that are called after their type need none."""
    inputs = {name: spec for group in ("required", "optional") for name, spec in info["input"].get(group, {}).items()}
    texts: dict[str, Any] = {
        "display_name": info["display_name"],
        "description": info["description"] or before.get("description", ""),
        "inputs": {},
    }
    for name, spec in inputs.items():
        said = spec[1].get("tooltip") if len(spec) > 1 else None
        texts["inputs"][name] = {"name": name, "tooltip": said or before.get("inputs", {}).get(name, {}).get("tooltip", "")}
    outputs = {}
    for place, (name, kind) in enumerate(zip(info["output_name"], info["output"], strict=True)):
        if name != kind:
            old = before.get("outputs", {}).get(str(place), {}).get("tooltip", "")
            said = (info.get("output_tooltips") or [None] * (place + 1))[place]
            outputs[str(place)] = {"name": name, "tooltip": said or old}
    return {**texts, "outputs": outputs} if outputs else texts


def places(texts: Any, above: str = "") -> dict[str, str]:
    """Dotted place -> text, of all texts of a file."""
    if isinstance(texts, str):
        return {above.lstrip("."): texts}
    return {place: text for key, value in texts.items() for place, text in places(value, f"{above}.{key}").items()}


def blanks(texts: dict[str, Any]) -> list[str]:
    """Places of empty texts."""
    return sorted(place for place, text in places(texts).items() if not text.strip())


def kept(texts: Any, wanted: Any) -> Any:
    """What of `texts` has a place in `wanted`, in its order."""
    if isinstance(wanted, str):
        return texts
    return {key: kept(texts[key], value) for key, value in wanted.items() if key in texts}


def read(path: Path) -> dict[str, Any]:
    """The texts of a file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, texts: dict[str, Any]) -> None:
    """Writes texts as the files here are written; a file that says the same stays as it is."""
    if json.dumps(read(path)) != json.dumps(texts):
        path.write_text(json.dumps(texts, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
