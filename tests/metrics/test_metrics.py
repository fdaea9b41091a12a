"""Metrics on videos whose joins, drift and motion are known."""

import json
import math

import pytest
import torch
from comfyui_longtake.errors import UsageError
from comfyui_longtake.metrics.meter import LISTED, Meter, Report, measure, phase_shift, summarise


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
    lines = measure(frames, [10, 20], loop=True).words()
    assert lines[0].startswith("join 10  ratio 0.9") and lines[0].endswith(": smooth")
    assert lines[1].startswith("join 20  ratio ") and lines[1].endswith(": visible")
    assert lines[2].startswith("loop     ratio ")
    assert [line.split()[1] for line in lines[3:]] == ["lightness", "chroma", "contrast", "sharpness", "motion"]
    assert all(line.startswith("drift") and line.endswith("%)") for line in lines[3:])


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


def test_many_joins_are_summed_up_in_a_line():
    meter = Meter()
    meter.add(torch.cat([scene(60), scene(60, start=40.0)]))
    report = meter.report(range(1, 100), 8.0, windows=[10, 60, 110])
    lines = report.words()
    assert sum(line.startswith("join ") for line in lines) == LISTED
    assert sum(line.startswith(("more ", "windows ")) for line in lines) == 2
    assert summarise(report.windows).startswith("3 joins, median ratio 1.0") and summarise(report.windows).endswith(
        " at frame 60; 1 visible"
    )
    assert summarise(report.windows[:1]).startswith("1 join, ") and summarise(report.windows[:1]).endswith("; none visible")
