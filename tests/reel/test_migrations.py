"""Reels of earlier versions: real ones of the command line and of the node, both of format 3, are read and go on.

`reels/command_line` was made by `longtake render --shots FILE --as-written --retries 1 --size 32x16` (7 and 4 seconds),
`reels/node` by a film node with retries 1 (4 and 2 seconds), both with untrained nets.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch
from comfyui_longtake.engine.capability import Capability
from comfyui_longtake.engine.request import Request, Shot
from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.errors import ReelError
from comfyui_longtake.metrics.joins import JoinFrames
from comfyui_longtake.metrics.report import Report
from comfyui_longtake.reel.record import ReelHeader, ReelRecord, RetriedWindow, ShotRecord
from comfyui_longtake.reel.store import SCHEMA, Reel
from comfyui_longtake.take.session import Session

REELS = Path(__file__).with_name("reels")
SHAPE, TIMELINE = (128, 1, 2), Timeline(4, 4)
PROMPTS = ["a red dog runs", "a blue cat sleeps"]
MODEL = "longtake-4202c1b41bf7"
FOUND = {  # model, frames, seeds, join frames, retried windows, calls of the model
    "command_line": (MODEL, 88, [3, 4], JoinFrames([56], [44]), [RetriedWindow(44, 1, 3), RetriedWindow(56, 1, 4)], 0),
    "node": ("", 48, [4, 1000008], JoinFrames([32], [20]), [RetriedWindow(20, 1, 4), RetriedWindow(32, 1, 1000008)], 10),
}
KINDS = list(FOUND)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def reel(kind, tmp_path):
    """A copy of a real reel of format 3."""
    return Path(shutil.copytree(REELS / kind, tmp_path / kind))


def index_of(reel):
    return json.loads((reel / "reel.json").read_text(encoding="utf-8"))


def changed(reel, **metrics):
    index = index_of(reel)
    (reel / "reel.json").write_text(json.dumps({**index, "metrics": {**index["metrics"], **metrics}}), encoding="utf-8")


def test_the_samples_are_what_those_versions_wrote(kind, reel):
    index = index_of(reel)
    names = {"command_line": set(), "node": {"calls", "places", "seeds"}}[kind]
    assert index["schema"] == 3 and index["finished"]
    assert set(index["metrics"]) == names | {"again", "drift", "fps", "frames", "joins", "loop", "series", "shots", "windows"}
    assert index["header"]["model"] == {"command_line": f"{MODEL}-as-written", "node": "LongTake"}[kind]


def test_an_old_reel_is_read_as_one_of_now_and_left_as_it_is(kind, reel):
    old, before = index_of(reel), (reel / "reel.json").read_bytes()
    model, frames, seeds, places, retried, calls = FOUND[kind]
    index = Reel.peek(reel)
    assert index["schema"] == SCHEMA == 4 and (reel / "reel.json").read_bytes() == before
    assert ReelHeader.read(index["header"], reel) == ReelHeader(model, SHAPE, TIMELINE)
    record = ReelRecord.read(index["metrics"], reel)
    assert (record.fps, record.frames, record.join_frames, record.retried, record.calls) == (8.0, frames, places, retried, calls)
    assert record.shots == [ShotRecord(prompt, seed) for prompt, seed in zip(PROMPTS, seeds, strict=True)]
    assert record.seeds == (seeds if kind == "node" else [])
    assert record.report == Report.of(old["metrics"]) and record.report.frames == frames
    assert [join.frame for join in record.report.joins] == places.joins
    assert [join.frame for join in record.report.windows] == places.windows
    assert len(record.report.drift) == 5 and record.meter.series() == old["metrics"]["series"]
    for name in ("longtake", "order", "finished", "segments"):
        assert index[name] == old[name]
    assert ReelRecord.read(record.as_dict(), reel).report == record.report


def test_every_segment_of_an_old_reel_is_read(kind, reel):
    index = Reel.peek(reel)
    latents = {entry["key"]: Reel.read(reel, entry) for entry in index["segments"]}
    with Reel.open(reel) as opened:
        assert opened.order == index["order"]
        for key, tensor in latents.items():
            assert torch.equal(opened.get(key), tensor) and tensor.shape[1] == SHAPE[0] and tensor.shape[3:] == SHAPE[1:]
    frames = [place for segment in index["segments"] if segment["key"] in index["order"] for place in segment["meta"]["indices"]]
    assert TIMELINE.frames_for(len(frames)) == FOUND[kind][1] and sorted(frames) == list(range(len(frames)))


def test_opening_and_pruning_keeps_what_was_measured(reel):
    before = Reel.peek(reel)
    with Reel.open(reel) as opened:
        record = opened.record
        assert opened.prune() == len(before["segments"]) - len(before["order"]) == 2
    after = index_of(reel)
    assert after["schema"] == SCHEMA and after["header"] == before["header"] and after["metrics"] == before["metrics"]
    assert ReelRecord.read(after["metrics"], reel).report == record.report
    assert [entry["key"] for entry in after["segments"]] == before["order"]


def test_another_model_or_size_does_not_go_on(kind, reel):
    with pytest.raises(ReelError, match="made with shape"):
        Reel.open(reel, ReelHeader(MODEL, (128, 2, 2), TIMELINE))
    other = ReelHeader("Wan 2.1 T2V", SHAPE, TIMELINE)
    if kind == "command_line":
        with pytest.raises(ReelError, match="made with model"):
            Reel.open(reel, other)
    else:  # the node called every LongTake by one name, so that its reels do not say which it was
        with Reel.open(reel, ReelHeader(MODEL, SHAPE, TIMELINE)) as opened:
            opened.get(opened.order[0])
        assert index_of(reel)["header"]["model"] == MODEL
        with pytest.raises(ReelError, match="made with model"):
            Reel.open(reel, other)


def test_an_old_reel_goes_on(kind, reel, gaussian):
    """Keys hold more than they did, so that the take is made anew, beside what there was, and then measured anew."""
    before = Reel.peek(reel)
    dit, denoiser = gaussian

    class Events:
        """Nobody who watches."""

        def step(self, progress):
            """Hears nothing."""

        def watch(self, chunks):
            """Measures nothing."""
            for _ in chunks:
                pass

    capability = Capability("LongTake", "frame", TIMELINE, 16, 16, 128, 8.0, model=MODEL)
    session = Session(capability, Settings.of(capability, steps=2), denoiser, Events(), 8.0)
    request = Request(12, SHAPE, [Shot(0, 0, 4), Shot(8, 1, 5)], ["x", "y"])
    first = session.make(request, reel=reel, prompts=PROMPTS, keep_latents=True)
    calls = len(dit.calls)
    assert calls and not first.resumed
    index = index_of(reel)
    assert index["schema"] == SCHEMA and index["finished"] and not set(index["order"]) & set(before["order"])
    assert {entry["key"] for entry in before["segments"]} <= {entry["key"] for entry in index["segments"]}
    record = ReelRecord.read(index["metrics"], reel)
    assert (record.frames, record.seeds, record.calls, record.report) == (48, [4, 5], calls, None)
    again = session.make(request, reel=reel, prompts=PROMPTS, keep_latents=True)
    assert len(dit.calls) == calls and torch.equal(again.latents, first.latents)
    with Reel.open(reel) as opened:
        assert opened.prune() == len(before["segments"])


def test_a_stopped_node_left_a_reel_of_no_more_than_segments(reel):
    index = index_of(reel) | {"metrics": {}, "finished": False}
    (reel / "reel.json").write_text(json.dumps(index), encoding="utf-8")
    record = ReelRecord.read(Reel.peek(reel)["metrics"], reel)
    assert record == ReelRecord() and not Reel.peek(reel)["finished"]


@pytest.mark.parametrize(
    "metrics",
    [
        {"joins": [1]},
        {"joins": 3},
        {"joins": None, "windows": None},
        {"joins": [{"ratio": 1.0}]},
        {"windows": [None]},
        {"places": [3]},
        {"again": None},
        {"again": [3]},
        {"drift": []},
        {"series": {"lightness": [1.0]}},
    ],
)
def test_figures_that_are_damaged_cost_no_segment(reel, metrics):
    """A take may have taken hours: what was measured of it has no say in whether its segments can be used."""
    changed(reel, **metrics)
    index = Reel.peek(reel)
    with Reel.open(reel) as opened:
        assert [segment.key for segment in opened.segments] == index["order"] and len(index["order"]) == 3
    assert not (reel / "reel.json.damaged").exists()
