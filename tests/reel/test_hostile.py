"""Reels that somebody else wrote, hashes that fit included: read as they are, made again, or one line; never a traceback."""

import hashlib
import json
import os

import pytest
import torch
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.errors import ReelError
from comfyui_longtake.reel.record import ReelHeader, ReelRecord, ShotRecord
from comfyui_longtake.reel.store import INDEX, Reel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

HEADER = ReelHeader("m", (3, 2, 2), Timeline(4, 4))
ODD = [None, "x", "", [], {}, -1, 10**400, 1e308, float("nan"), float("inf"), True, "\0", "\ud800", "\x1b[2J", [[[]]], {"a": {}}]


@pytest.fixture
def reel(tmp_path):
    with Reel.open(tmp_path / "reel", HEADER) as made:
        made.put("a", torch.zeros(1, 3, 2, 2, 2), {"indices": [0, 1]})
        made.put("b", torch.ones(1, 3, 2, 2, 2), {"indices": [2, 3]})
        made.record = ReelRecord(8.0, 16, [ShotRecord("a dog", 1)], [1], calls=4)
    return tmp_path / "reel"


def changed(reel, change):
    index = json.loads((reel / INDEX).read_text(encoding="utf-8"))
    change(index)
    (reel / INDEX).write_text(json.dumps(index), encoding="utf-8")


def replaced(reel, blob):
    """The first segment's file with another content and the hash that fits."""
    (reel / "segments/a.safetensors").write_bytes(blob)
    changed(reel, lambda index: index["segments"][0].update(sha256=hashlib.sha256(blob).hexdigest(), bytes=len(blob)))


def refused_when_read_and_made_again(reel, reason, caplog):
    entry = Reel.peek(reel)["segments"][0]
    with pytest.raises(ReelError, match=reason):
        Reel.read(reel, entry)
    with Reel.open(reel, HEADER) as opened:
        assert opened.get("a") is None and opened.get("b") is not None
    assert reason in caplog.text


@pytest.mark.parametrize("shape", [(1, 3, 3, 2, 2), (2, 3, 2, 2, 2), (3, 2, 2), (12,), ()])
def test_latents_of_another_shape_with_a_fitting_hash(reel, caplog, shape):
    replaced(reel, save({"latents": torch.zeros(shape)}))
    refused_when_read_and_made_again(reel, "another shape", caplog)


def test_latents_of_another_header_with_a_fitting_hash(reel):
    replaced(reel, save({"latents": torch.zeros(1, 4, 2, 2, 2)}))
    with Reel.open(reel, HEADER) as opened:
        assert opened.get("a") is None


@pytest.mark.parametrize("tensors", [{}, {"other": torch.zeros(1)}, {"latents": torch.zeros(1, 3, 2, 2, 2, dtype=torch.int32)}])
def test_no_latents_with_a_fitting_hash(reel, caplog, tensors):
    replaced(reel, save(tensors))
    refused_when_read_and_made_again(reel, "holds", caplog)


@pytest.mark.parametrize("blob", [b"", b"\xff" * 8, b"\0" * 64, (10**6).to_bytes(8, "little") + b"[" * 10**6])
def test_no_safetensors_with_a_fitting_hash(reel, caplog, blob):
    replaced(reel, blob)
    refused_when_read_and_made_again(reel, "damaged", caplog)


def test_segments_swapped_with_fitting_hashes(reel, caplog):
    def swap(index):
        first, second = index["segments"]
        for name in ("file", "sha256", "bytes"):
            first[name], second[name] = second[name], first[name]

    changed(reel, swap)
    with pytest.raises(ReelError, match="another segment"):
        Reel.read(reel, Reel.peek(reel)["segments"][0])
    with Reel.open(reel, HEADER) as opened:
        assert opened.get("a") is None and opened.get("b") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
def test_pipes_are_not_waited_for(reel):
    entry = Reel.peek(reel)["segments"][0]
    for name in ("segments/a.safetensors", INDEX):
        (reel / name).unlink()
        os.mkfifo(reel / name)
    with pytest.raises(ReelError):
        Reel.read(reel, entry)
    with pytest.raises(ReelError):
        Reel.peek(reel)
    with pytest.raises(ReelError):
        Reel.open(reel, HEADER)


def spots(value, path=()):
    """Paths of all that is inside a JSON value."""
    for name in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, name)
        yield from spots(value[name], (*path, name))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(0, 10**6), value=st.sampled_from(ODD) | st.integers() | st.floats() | st.text(), kind=st.sampled_from("abc")
)
def test_any_value_anywhere(reel, place, value, kind):
    """One spot of the index is another value, is gone, or is 100,000 lists deep."""
    before = (reel / INDEX).read_text(encoding="utf-8")
    index = json.loads(before)
    paths = sorted(spots(index), key=str)
    path = paths[place % len(paths)]
    inner = index
    for name in path[:-1]:
        inner = inner[name]
    if kind == "a":
        del inner[path[-1]]
    else:
        inner[path[-1]] = value if kind == "b" else "DEEP"
    (reel / INDEX).write_text(json.dumps(index).replace('"DEEP"', "[" * 100_000 + "]" * 100_000), encoding="utf-8")
    try:
        for use in (use_peeked, use_opened):
            try:
                use(reel)
            except ReelError as error:
                assert "\n" not in str(error)
    finally:
        (reel / INDEX).write_text(before, encoding="utf-8")
        (reel / f"{INDEX}.damaged").unlink(missing_ok=True)


def use_peeked(reel):
    from comfyui_longtake.cli.inspect import read_reel, reel_lines

    reel_lines(read_reel(reel))
    index = Reel.peek(reel)
    ReelHeader.read(index["header"], reel)
    for entry in index["segments"]:
        Reel.read(reel, entry)


def use_opened(reel):
    with Reel.open(reel, HEADER) as opened:
        opened.get("a"), opened.get("b")
        assert opened.record is not None
