"""Metrics on videos whose joins, drift and motion are known."""

import json
import math

import pytest
import torch
from comfyui_longtake.errors import UsageError
from comfyui_longtake.metrics.joins import PASS, JoinFrames, JoinMetrics, summarise
from comfyui_longtake.metrics.meter import Meter, measure, phase_shift
from comfyui_longtake.metrics.report import LISTED, Report
from hypothesis import given
from hypothesis import strategies as st


def scene(count, speed=1.0, size=32, start=0.0):
    """A smooth coloured pattern that moves right by `speed` pixels a frame."""
    y, x = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    frames = []
    for k in range(count):
        u = x - start - speed * k
        frames.append(
            torch.stack(
                [
                    0.5 + 0.3 * torch.sin(u / 3 + y / 5),
                    0.5 + 0.3 * torch.sin(u / 4),
                    0.5 + 0.2 * torch.cos(u / 5 - y / 4),
                ],
                -1,
            )
        )
    return torch.stack(frames)


def test_hidden_join_scores_one():
    join = measure(scene(40), [20]).joins[0]
    assert join.passes and join.ratio == pytest.approx(1, abs=0.1) and abs(join.luma_step) < 1
    assert join.velocity_jump < 0.2


def test_jump_is_seen_and_ranks_last():
    frames = torch.cat([scene(20), scene(20, start=40.0)])
    join = measure(frames, [20]).joins[0]
    assert not join.passes and join.ratio > 3 and join.rank == 1


def test_turn_is_seen_by_velocity_and_acceleration():
    forward = scene(20)
    join = measure(torch.cat([forward, scene(20, -1.0, start=18.0)]), [20]).joins[0]
    assert join.velocity_jump > 0.8 and join.acceleration > 1.5 and join.ratio < 1.5


def test_luma_step():
    frames = scene(20)
    frames[10:] += 0.1
    assert measure(frames, [10]).joins[0].luma_step > 5


def test_still_video_with_a_still_join_passes():
    assert measure(torch.full((20, 16, 16, 3), 0.5), [10], loop=True).joins[0].passes


def test_loop_join():
    period = 32
    turns = torch.arange(period) * 2 * math.pi / period
    ramp = torch.linspace(0, 2 * math.pi, 17)[:-1]
    closed = (0.5 + 0.3 * torch.sin(turns[:, None] + ramp))[:, None, :, None].expand(-1, 16, -1, 3)
    assert measure(closed, loop=True).loop.passes
    opened = measure(closed[: period // 2], loop=True).loop
    assert not opened.passes and opened.frame == 0 and opened.rank == 1


@pytest.mark.parametrize("count", range(3, 12))
def test_loop_of_any_length_compares_the_right_frames(count):
    frames = torch.rand(count, 8, 8, 3, generator=torch.Generator().manual_seed(count))
    meter = Meter()
    meter.add(frames)
    ring = torch.cat([frames[count // 2 :], frames[: count // 2 + 1]])
    want = measure(ring, [count - count // 2]).joins[0]
    found = meter.loop_join()
    assert found.distance == pytest.approx(want.distance) and found.ratio == pytest.approx(want.ratio)
    assert found.acceleration == pytest.approx(want.acceleration)
    assert found.velocity_jump == pytest.approx(want.velocity_jump, abs=1e-4)
    assert found.luma_step == pytest.approx(want.luma_step)


def test_drift_finds_fading_colour_and_blur():
    frames = scene(80)
    grey = frames.mean(-1, keepdim=True)
    fade = torch.linspace(0, 0.8, 80).view(-1, 1, 1, 1)
    faded = measure(frames * (1 - fade) + grey * fade, fps=8).drift
    assert faded["chroma"].change < -0.5 and faded["chroma"].per_minute < 0 and abs(faded["motion"].change) < 0.6
    steady = measure(frames, fps=8).drift
    assert all(abs(value.change) < 0.2 for value in steady.values())
    soft = measure(frames * (1 - fade) + frames.mean((1, 2), keepdim=True) * fade, fps=8).drift
    assert soft["sharpness"].change < -0.5 and soft["contrast"].change < -0.5


def test_brightening_by_the_minute():
    level = torch.linspace(0.2, 0.8, 480).view(-1, 1, 1, 1).expand(-1, 8, 8, 3)
    lightness = measure(level, fps=8).drift["lightness"]
    assert lightness.per_minute == pytest.approx(60, rel=0.15)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.0, -1.0), (-3.0, 2.0)])
def test_phase_shift(shift):
    image = torch.rand(64, 64, generator=torch.Generator().manual_seed(1))
    moved = image.roll((int(shift[1]), int(shift[0])), (0, 1))
    assert phase_shift(image, moved) == pytest.approx(shift, abs=0.3)


def test_chunks_and_frames_give_the_same_report():
    frames = scene(25)
    whole = measure(frames, [8, 16], loop=True)
    for parts in (list(frames), [frames[:7], frames[7:8], frames[8:]]):
        report = measure(iter(parts), [8, 16], loop=True)
        for one, other in zip([*report.joins, report.loop], [*whole.joins, whole.loop], strict=True):
            assert vars(one) == pytest.approx(vars(other), abs=1e-3)
        for name, drift in report.drift.items():
            assert vars(drift) == pytest.approx(vars(whole.drift[name]), abs=1e-3)
    assert json.loads(json.dumps(whole.as_dict()))["frames"] == 25


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_videos(count):
    report = measure(scene(count), list(range(1, count)), loop=count > 2)
    assert report.frames == count and len(report.joins) == count - 1
    assert all(math.isfinite(number) for join in report.joins for number in (join.ratio, join.acceleration, join.rank))


@pytest.mark.parametrize(
    "call",
    [
        lambda: measure(torch.rand(4, 8, 8, 3), [0]),
        lambda: measure(torch.rand(4, 8, 8, 3), [4]),
        lambda: measure(torch.rand(4, 8, 8)),
        lambda: measure(torch.rand(2, 8, 8, 3), loop=True),
    ],
)
def test_refuses(call):
    with pytest.raises(UsageError):
        call()


def test_report_in_words():
    frames = torch.cat([scene(20), scene(20, start=40.0)])
    report = measure(frames, [10, 20], loop=True)
    lines = report.lines()
    assert len(lines) == 4 and not any("\n" in line for line in lines)
    assert lines[0].startswith("join at frame 10: ratio 0.9") and lines[0].endswith("(smooth)")
    assert lines[1].startswith("join at frame 20: ratio ") and lines[1].endswith("(may be seen)")
    for line, join in zip(lines, [*report.joins, report.loop], strict=False):
        figures = (f"ratio {join.ratio:.2f}", f"acceleration {join.acceleration:.2f}", f"lightness {join.luma_step:+.2f}")
        assert all(figure in line for figure in figures)
    assert lines[2].startswith("from the last frame to the first: ratio ")
    drift = lines[3].removeprefix("drift, last 15 % against first: ").split(", ")
    assert [part.split()[0] for part in drift] == ["lightness", "chroma", "contrast", "sharpness", "motion"]
    assert [part.split()[1] for part in drift] == [f"{value.change:+.1%}" for value in report.drift.values()]
    assert Report(0).lines() == [] and Report(9, report.joins).lines() == lines[:2]


numbers = st.floats(0, 4)


@given(st.builds(JoinMetrics, st.integers(0, 999), *[numbers] * 3, st.floats(-9, 9), numbers, st.floats(0, 1)))
def test_a_join_comes_back_from_numbers_and_says_whether_it_passes(join):
    assert JoinMetrics.of(json.loads(json.dumps(join.as_dict()))) == join
    assert join.passes == (max(join.ratio, join.acceleration) <= PASS) == (join.worst <= PASS) == join.as_dict()["passes"]
    assert join.describe().endswith("(smooth)" if join.passes else "(may be seen)")


@given(st.lists(st.integers(-3, 60)), st.lists(st.integers(-3, 60)), st.integers(0, 50))
def test_frames_of_joins_are_read_and_kept_inside_a_video(joins, windows, frames):
    found = JoinFrames.read({"joins": joins, "windows": windows, "other": 1})
    assert found == JoinFrames(joins, windows) == JoinFrames.read(json.loads(json.dumps(found._asdict())))
    inside = found.within(frames)
    assert inside.joins == [at for at in joins if 0 < at < frames] and all(0 < at < frames for at in inside.windows)


@pytest.mark.parametrize("record", [None, 3, "joins", [], {}, {"joins": 3, "windows": None}, {"joins": ["4", None, 1.5, True]}])
def test_a_record_without_joins_has_none(record):
    assert JoinFrames.read(record) == JoinFrames([], [])


def test_a_report_and_its_series_come_back_from_numbers():
    meter = Meter()
    meter.add(torch.cat([scene(20), scene(20, start=9.0)]))
    report = meter.report([20], 8.0, windows=[10, 30], loop=True)
    assert Report.of(json.loads(json.dumps(report.as_dict()))) == report
    assert Report.of({}) == Report(0)
    again = Meter.of(json.loads(json.dumps(meter.series()))).report([20], 8.0, windows=[10, 30])
    for one, other in zip(again.joins + again.windows, report.joins + report.windows, strict=True):
        assert one.frame == other.frame and one.ratio == pytest.approx(other.ratio, rel=1e-3) and one.passes == other.passes
    assert again.drift["chroma"].change == pytest.approx(report.drift["chroma"].change, abs=1e-3)
    for wrong in ({}, {**meter.series(), "bend": [1.0]}, {**meter.series(), "chroma": None}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            Meter.of(wrong)
    for broken in ({"joins": [1]}, {"joins": [{"frame": 1}]}, {"drift": {"chroma": {}}}, {"drift": []}, {"frames": "many"}):
        with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
            Report.of(broken)


def test_many_joins_are_summed_up_in_a_line():
    meter = Meter()
    meter.add(torch.cat([scene(60), scene(60, start=40.0)]))
    report = meter.report(range(1, 100), 8.0, windows=[10, 60, 110])
    lines = report.lines()
    assert sum(line.startswith("join at frame ") for line in lines) == LISTED
    further, between = lines[LISTED : LISTED + 2]
    assert further == f"joins further on: {summarise(report.joins[LISTED:])}" and "59 joins" in further
    assert between == f"between windows: {summarise(report.windows)}"
    many, one = summarise(report.windows), summarise(report.windows[:1])
    assert many.startswith("3 joins, median ratio 1.0") and many.endswith(" at frame 60; 1 visible")
    assert one.startswith("1 join, ") and one.endswith("; none visible")
