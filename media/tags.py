"""What a file says of its making in plain text, which anyone can write or remove: IPTC, AIGC, ComfyUI and LongTake."""

from __future__ import annotations

import json
import re
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from .mark import read_record

XMP_MAX = 1 << 20
"""Bytes at either end of a file in which an XMP packet is looked for."""
TEXT_MAX = 1 << 24
"""Bytes of a PNG's text that are read at most."""
XMP = re.compile(rb"<x:xmpmeta.{0,200000}?</x:xmpmeta>", re.S)
SOURCE_TYPE = re.compile(r"digitalsourcetype/([A-Za-z]{3,60})")
MODELS = {"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"}
"""IPTC's source types of what a model made, whole or in part."""


@dataclass
class Said:
    """`iptc`: digital source type; `aigc`: the tag of China's rule; `comfyui`: which parts of a graph, and whether one samples;
    `longtake`: our record; `others`: settings of other generators."""

    iptc: str = ""
    aigc: dict[str, Any] = field(default_factory=dict)
    comfyui: list[str] = field(default_factory=list)
    sampled: bool = False
    longtake: dict[str, Any] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)

    @property
    def reasons(self) -> list[str]:
        """What of it says that a model made the file."""
        reasons = ["the record of LongTake"] if self.longtake else []
        reasons += ["its IPTC source type"] if self.iptc in MODELS and not self.longtake else []
        reasons += ["its AIGC tag"] if str(self.aigc.get("Label")) in ("1", "2", "3") else []
        reasons += ["a ComfyUI graph that samples"] if self.sampled else []
        return reasons + self.others

    def lines(self) -> list[str]:
        """The report for reading."""
        lines = [f"IPTC      {self.iptc}"] if self.iptc else []
        lines += [f"AIGC      {json.dumps(self.aigc, ensure_ascii=False)}"] if self.aigc else []
        lines += [f"ComfyUI   {' and '.join(self.comfyui)} in the file"] if self.comfyui else []
        lines += [f"others    {other}" for other in self.others]
        if record := self.longtake:
            prompt = record.get("prompt", "")
            lines += [f"prompt    {shot}" for shot in (prompt if isinstance(prompt, list) else [prompt]) if shot]
            made = f"{record.get('generator')}, model {record.get('model')}, seed {record.get('seed')}"
            lines.append(f"record    {made}, {record.get('time', 'no time')}, {record.get('id', 'no id')}")
        return lines


def read(path: Path, metadata: dict[str, str]) -> Said:
    """What the tags of a container, the texts of a PNG and an XMP packet say; damaged ones say nothing."""
    with open(path, "rb") as file:
        texts = {**metadata, **(_png_texts(file) if file.read(8) == b"\x89PNG\r\n\x1a\n" else {})}
        packets = _xmp(file)
    texts = {key.lower(): value for key, value in texts.items()}
    record = read_record(texts.get("comment", ""))
    said = Said(longtake=record if str(record.get("generator", "")).startswith("LongTake") else {})
    sources = [str(said.longtake.get("digital_source_type", "")), texts.get("digitalsourcetype", ""), *packets]
    said.iptc = next((found[1] for text in sources if (found := SOURCE_TYPE.search(text))), "")
    said.aigc = read_record(texts.get("aigc", ""))
    graphs = {key: read_record(texts.get(key, "")) for key in ("prompt", "workflow")}
    said.comfyui = [key for key, graph in graphs.items() if graph]
    said.sampled = any(map(samples, graphs.values()))
    if "Steps: " in texts.get("parameters", ""):
        said.others.append("settings of a Stable Diffusion program")
    return said


def samples(graph: Any) -> bool:
    """Whether a graph of ComfyUI, in either form, has a node that samples."""
    return isinstance(graph, dict) and any("sampler" in kind.lower() for kind in _kinds(graph))


def _kinds(graph: dict[str, Any]) -> list[str]:
    """Class names of a graph's nodes, in the form of the API or of the canvas."""
    nodes = graph.get("nodes")
    listed = nodes if isinstance(nodes, list) else graph.values()
    return [str(node.get("class_type") or node.get("type") or "") for node in listed if isinstance(node, dict)]


def _xmp(file: BinaryIO) -> list[str]:
    file.seek(0)
    head = file.read(XMP_MAX)
    size = file.seek(0, 2)
    file.seek(max(len(head), size - XMP_MAX))
    return [packet.decode("utf-8", "replace") for data in (head, file.read()) for packet in XMP.findall(data)]


def _png_texts(file: BinaryIO) -> dict[str, str]:
    """tEXt, zTXt and iTXt chunks by key (PNG specification, 11.3.3); from where one is damaged on, no more."""
    texts: dict[str, str] = {}
    read = 0
    while len(head := file.read(8)) == 8 and read < TEXT_MAX:
        length, kind = struct.unpack(">I4s", head)
        if kind not in (b"tEXt", b"zTXt", b"iTXt"):
            file.seek(length + 4, 1)
            continue
        data = file.read(min(length, TEXT_MAX))
        read += len(data)
        file.seek(4, 1)
        key, _, value = data.partition(b"\0")
        try:
            texts[key.decode("latin-1")] = _text(kind, value)
        except (ValueError, zlib.error):
            continue
    return texts


def _text(kind: bytes, value: bytes) -> str:
    """The text of one chunk after its key. Raises ValueError, zlib.error."""
    if kind == b"tEXt":
        return value.decode("latin-1")
    if kind == b"zTXt":
        return zlib.decompressobj().decompress(value[1:], TEXT_MAX).decode("latin-1")
    packed, value = value[:1] == b"\1", value[2:].split(b"\0", 2)[2] if value.count(b"\0", 2) >= 2 else b""
    return (zlib.decompressobj().decompress(value, TEXT_MAX) if packed else value).decode("utf-8")
