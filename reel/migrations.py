"""Indexes of earlier formats, made into the present one. Segments are never rewritten: their hashes hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ..engine.timeline import Timeline
from .record import ReelHeader

SEGMENTS = "segments"
REPORTED = ("joins", "windows", "drift", "loop")
"""Measurements that formats before 4 kept beside everything else."""


def _with_maker(index: dict[str, Any], path: Path) -> dict[str, Any]:
    """2 says which LongTake wrote it last; before, 0.1.0 was the only one."""
    return {**index, "schema": 2, "longtake": "0.1.0"}


def _with_one_header(index: dict[str, Any], path: Path) -> dict[str, Any]:
    """3 has one header for the nodes and the command line, which had pixels and fps in its own; and whether the last run got
    to its end, which before was not kept."""
    head, metrics = dict(index["header"]), dict(index["metrics"])
    if "size" in head:
        metrics.setdefault("fps", head["fps"])
        first, rest = head["timeline"]
        shape = _stored_shape(path, index["segments"])
        head = {} if shape is None else ReelHeader(head["model"], shape, Timeline(first, rest)).as_dict()
    elif isinstance(head.get("timeline"), dict):
        head["timeline"] = asdict(Timeline(**head["timeline"]))
    return {**index, "schema": 3, "header": head, "metrics": metrics, "finished": False}


def _with_one_record(index: dict[str, Any], path: Path) -> dict[str, Any]:
    """4 has one record for the nodes and the command line. The nodes called the model in the box by its name, which is that
    of any weights; the command line added how prompts are taken, and knew joins by what was measured of them alone."""
    head, old = dict(index["header"]), dict(index["metrics"])
    if head.get("model") == "LongTake":
        head["model"] = ""
    elif isinstance(head.get("model"), str):
        head["model"] = head["model"].removesuffix("-as-written")
    measured = {name: old.pop(name) for name in REPORTED if name in old}
    places, retried = old.pop("places", None), old.pop("again", [])
    if places is None:
        places = {name: _frames(measured.get(name)) for name in ("joins", "windows")}
    record = {**old, "join_frames": places, "retried_windows": retried}
    if {"joins", "drift"} & set(measured):
        record["report"] = {"frames": old.get("frames", 0), **measured}
    return {**index, "schema": 4, "header": head, "metrics": record}


def _frames(joins: Any) -> list[Any]:
    """The frames of joins that were measured. Where that is damaged there are none: it has no say in whether segments hold."""
    return [join["frame"] for join in joins if isinstance(join, dict) and "frame" in join] if isinstance(joins, list) else []


def _stored_shape(path: Path, segments: Sequence[Mapping[str, Any]]) -> tuple[int, int, int] | None:
    """(C, h, w) of the first segment that can be read."""
    for entry in segments:
        stored = path / SEGMENTS / Path(entry["file"]).name
        if not stored.is_file():
            continue
        try:
            with safe_open(str(stored), "pt") as file:
                _, channels, _, height, width = file.get_slice("latents").get_shape()
                return channels, height, width
        except (OSError, ValueError, SafetensorError):
            continue
    return None


MIGRATIONS: dict[int, Callable[[dict[str, Any], Path], dict[str, Any]]] = {
    1: _with_maker,
    2: _with_one_header,
    3: _with_one_record,
}
"""What makes an index of one format, in the folder of its reel, into one of the next."""
