"""What made an input of a node, in one hash: for reels, which outlive the run and its node numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from comfy_execution.graph_utils import is_link

from .loader import file_ids, weights_id

LOADER = "LongTakeLoader"
"""The node of our own models, whose files are known by their manifest."""


def origin(graph: Any, node: Any, *names: str) -> str:
    """Hash of all that is above the inputs `names` of a node: classes and values, link by link, and what tells the weight files
    they name from others of these names; "" without a graph.

    `graph` is the host's DynamicPrompt, `node` the number of the node in it.
    """
    if graph is None or node is None:
        return ""
    known: dict[str, str] = {}

    def inputs(number: str, wanted: tuple[str, ...] = ()) -> dict[str, Any]:
        given = graph.get_node(number)["inputs"]
        return {name: [above(v[0]), v[1]] if is_link(v) else v for name, v in given.items() if not wanted or name in wanted}

    def above(number: str) -> str:
        if number not in known:
            kind, given = graph.get_node(number)["class_type"], inputs(number)
            known[number] = digest([kind, given, _weights(kind, given)])
        return known[number]

    return digest(inputs(str(node), names))


def _weights(kind: str, given: Mapping[str, Any]) -> list[str]:
    """What tells the weight files that a node of class `kind` names from others of these names, as far as it can be known."""
    if kind == LOADER:
        return [weights_id(given.get("model"))]
    return [stamp for _, value in sorted(given.items()) if isinstance(value, str) for stamp in file_ids(value)]


def digest(value: Any) -> str:
    """SHA-256, shortened, of plain values; anything else in them counts by its class."""
    text = json.dumps(value, sort_keys=True, default=lambda one: type(one).__name__)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
