"""File name prefixes of nodes: dates and values of other nodes put in, as the front-end does for its own nodes alone."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError

PLACE = re.compile(r"%([^%]+)%")
DATE = re.compile(r"yyyy|yyy|yy|dd?|MM?|hh?|mm?|ss?")
UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
HOST_S_OWN = {"width", "height", "year", "month", "day", "hour", "minute", "second", "batch_num"}


def expand(prefix: str, prompt: Any, extra: Any = None) -> str:
    """A prefix with `%date:yyyy-MM-dd%` and `%Node.widget%` put in; `Node` is a node's title, its "Node name for S&R" or its class
    in the API graph `prompt`, whose workflow `extra` may hold. What the host fills in itself stays. Raises UsageError for a
    value that no node has."""

    def value(match: re.Match[str]) -> str:
        inside = match[1]
        if inside.startswith("date:"):
            return _date(inside[5:])
        name, dot, widget = inside.rpartition(".")
        if not dot:
            return match[0] if inside in HOST_S_OWN else inside.join("%%")
        found = _widget(prompt, extra, name, widget)
        if found is None:
            raise UsageError(
                f"filename_prefix {match[0][:60]}: no node {name[:40]!r} with such a value; give its title and an input"
            )
        return UNSAFE.sub("_", found)

    return PLACE.sub(value, prefix)


def _date(form: str) -> str:
    """Now, in the front-end's letters."""
    now = time.localtime()
    parts = {"d": now.tm_mday, "M": now.tm_mon, "h": now.tm_hour, "m": now.tm_min, "s": now.tm_sec}

    def put(match: re.Match[str]) -> str:
        letters = match[0]
        if letters[0] == "y":
            return str(now.tm_year)[-2 if letters == "yy" else -4 :]
        return str(parts[letters[0]]).zfill(len(letters))

    return DATE.sub(put, form)


def _widget(prompt: Any, extra: Any, name: str, widget: str) -> str | None:
    """The value of an input of the first node of that name, None where there is none or it comes by a link."""
    workflow = extra.get("workflow") if isinstance(extra, Mapping) else None
    listed = workflow.get("nodes") if isinstance(workflow, Mapping) else None
    searched = {}
    for node in listed if isinstance(listed, list) else ():
        if isinstance(node, Mapping) and isinstance(node.get("properties"), Mapping):
            searched[str(node.get("id"))] = node["properties"].get("Node name for S&R")
    for number, node in prompt.items() if isinstance(prompt, Mapping) else ():
        given = node.get("inputs") if isinstance(node, Mapping) else None
        if not isinstance(given, Mapping):
            continue
        meta = node.get("_meta")
        title = meta.get("title") if isinstance(meta, Mapping) else None
        if name in (title, searched.get(str(number)), node.get("class_type")) and isinstance(given.get(widget), str | int | float):
            return str(given[widget])
    return None
