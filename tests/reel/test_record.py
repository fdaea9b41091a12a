"""What a reel says of its take: header and record come back from JSON, and damage is one line that says what to do."""

import json

import pytest
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.errors import ReelError
from comfyui_longtake.metrics.joins import JoinFrames, JoinMetrics
from comfyui_longtake.metrics.meter import Meter
from comfyui_longtake.metrics.report import LISTED, Drift, Report
from comfyui_longtake.reel.record import ReelHeader, ReelRecord, RetriedWindow, ShotRecord, retried_lines
from hypothesis import given
from hypothesis import strategies as st

H3 = Timeline(1, 4, cycle=5, multiple=5, offset=2)
JOIN = JoinMetrics(4, 2.0, 1.0, 1.1, -0.5, 0.2, 0.9)
numbers = st.integers(0, 2**40)
joins = st.lists(numbers, max_size=4)


def there_and_back(plain):
    return json.loads(json.dumps(plain))


@given(
    model=st.text(max_size=20),
    shape=st.tuples(*[st.integers(1, 999)] * 3),
    timeline=st.sampled_from([Timeline(), Timeline(1, 8), H3]),
    sound=st.none() | st.integers(0, 4),
)
def test_a_header_comes_back(model, shape, timeline, sound):
    header = ReelHeader(model, shape, timeline, sound)
    assert ReelHeader.read(there_and_back(header.as_dict()), "reel") == header
    assert ("sound" in header.as_dict()) == (sound is not None)


HEADER = ReelHeader("m", (3, 2, 2), Timeline()).as_dict()


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"model": "m"},
        HEADER | {"shape": [3, 2]},
        HEADER | {"shape": None},
        HEADER | {"shape": [3, 2, 2.5]},
        HEADER | {"timeline": {"first": 0}},
        HEADER | {"timeline": {"first": 4, "later": 1}},
        HEADER | {"timeline": [4, 4]},
        HEADER | {"sound": "left"},
    ],
)
def test_another_header_is_refused_in_one_line(plain):
    with pytest.raises(ReelError) as caught:
        ReelHeader.read(plain, "/reels/dog")
    message = str(caught.value)
    assert message.startswith("/reels/dog: ") and "make the take again" in message and "\n" not in message
    assert ("holds no segment" in message) == (not plain)


def measured(frames):
    meter = Meter()
    meter.lightness = meter.chroma = meter.contrast = meter.sharpness = [1.0] * frames
    meter.distance, meter.bend = [2.0] * (frames - 1), [0.5] * (frames - 2)
    meter.velocity = [(1.0, -1.0)] * (frames - 1)
    return meter


@given(
    fps=st.floats(0.1, 240),
    frames=st.integers(3, 40),
    shots=st.lists(st.tuples(st.text(max_size=20), numbers), max_size=3),
    seeds=joins,
    places=st.tuples(joins, joins),
    retried=st.lists(st.tuples(numbers, numbers, numbers), max_size=3),
    calls=numbers,
    report=st.booleans(),
    whole=st.booleans(),
)
def test_a_record_comes_back(fps, frames, shots, seeds, places, retried, calls, report, whole):
    record = ReelRecord(
        fps,
        frames,
        [ShotRecord(*shot) for shot in shots],
        seeds,
        JoinFrames(*places),
        [RetriedWindow(*window) for window in retried],
        calls,
        Report(frames, [JOIN], {"chroma": Drift(1.0, 2.0, 0.5)}, JOIN, [JOIN]) if report else None,
        measured(frames) if whole else None,
    )
    back = ReelRecord.read(there_and_back(record.as_dict()), "reel")
    assert (back.meter is None) == (not whole) and (back.meter is None or vars(back.meter) == vars(record.meter))
    back.meter = record.meter
    assert back == record
    assert {"join_frames", "retried_windows"} <= set(record.as_dict()) and ("series" in record.as_dict()) == whole


def test_so_much_is_read_as_there_is():
    assert ReelRecord.read({}, "reel") == ReelRecord()
    assert ReelRecord.read({"fps": None, "report": {}, "series": {}, "later": 1}, "reel") == ReelRecord()


@pytest.mark.parametrize(
    "plain",
    [
        {"fps": "fast"},
        {"frames": None},
        {"shots": [{"prompt": "a"}]},
        {"shots": ["a dog"]},
        {"shots": {"a": 1}},
        {"seeds": ["one"]},
        {"seeds": 3},
        {"retried_windows": [[1, 2, 3]]},
        {"calls": []},
        {"report": {"joins": [1]}},
        {"report": [1]},
        {"series": {"lightness": [1.0]}},
        {"series": {**measured(5).series(), "bend": [1.0]}},
    ],
)
def test_a_damaged_record_is_one_line(plain):
    with pytest.raises(ReelError) as caught:
        ReelRecord.read(plain, "/reels/dog/reel.json")
    message = str(caught.value)
    assert message.startswith("/reels/dog/reel.json: ") and "make the take again" in message and "\n" not in message


def test_a_record_in_words():
    assert ReelRecord(retried=[RetriedWindow(8, 2, 5)]).lines() == []  # nothing was measured
    record = ReelRecord(report=Report(9, [JOIN]), retried=[RetriedWindow(8, 2, 5)])
    join, window = record.lines()
    assert join == f"join at frame 4: {JOIN.describe()}"
    assert all(part in window for part in ("frame 8", "2 times", "seed 5"))
    assert ShotRecord("a dog", 7).line() == "shot with seed 7: a dog"


def test_many_windows_are_summed_up():
    windows = [RetriedWindow(4 * number, 1, number) for number in range(LISTED + 3)]
    lines = retried_lines(windows)
    assert lines[:LISTED] == [window.line() for window in windows[:LISTED]]
    assert len(lines) == LISTED + 1 and "3 windows" in lines[-1]
    assert retried_lines(windows[:LISTED]) == lines[:LISTED] and retried_lines([]) == []
