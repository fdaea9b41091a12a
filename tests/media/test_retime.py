"""The time map of a finished film: the right frame at the right time, never two of different shots; and how cuts are found."""

from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from comfyui_longtake.media.cuts import Changes, known
from comfyui_longtake.media.footage import thumb
from comfyui_longtake.media.retime import JITTER, SNAP, Place, TimeMap, frames_at, regular
from hypothesis import given, settings
from hypothesis import strategies as st

RATES = st.sampled_from([Fraction(1, 2), 1, 8, 12, 15, Fraction(24000, 1001), 24, 25, 30, Fraction(60000, 1001), 60, 120, 240])


@st.composite
def films(draw):
    """Times, end, cuts of a film of a constant or of a varying rate."""
    count = draw(st.integers(1, 40))
    if draw(st.booleans()):
        rate = Fraction(draw(RATES))
        times, end = [number / rate for number in range(count)], count / rate
    else:
        steps = draw(st.lists(st.integers(1, 4000), min_size=count, max_size=count))
        times = [Fraction(sum(steps[:number]), 1000) for number in range(count)]
        end = Fraction(sum(steps), 1000)
    cuts = draw(st.sets(st.integers(1, count - 1))) if count > 1 else set()
    return times, end, cuts


@settings(max_examples=300, deadline=None)
@given(films(), RATES)
def test_every_frame_is_made_of_the_right_ones(film, fps):
    times, end, cuts = film
    fps = min(Fraction(fps), Fraction(3000) / end)
    made = TimeMap(times, end, fps, cuts)
    places = [made.at(number) for number in range(made.frames)]
    assert abs(made.frames / fps - end) <= 1 / (2 * fps) or made.frames == 1
    assert places[0] == Place(0, 0.0)
    assert places == sorted(places)  # nothing goes back in time
    for number, (frame, weight) in enumerate(places):
        assert 0 <= frame < len(times) and (weight == 0 or SNAP <= weight <= 1 - SNAP)
        if weight:
            assert frame + 1 < len(times) and frame + 1 not in cuts
            shown = times[frame] + Fraction(weight) * (times[frame + 1] - times[frame])
            assert abs(shown - number / fps) < Fraction(1, 10**6)
        else:
            time, until = number / fps, times[frame + 1] if frame + 1 < len(times) else None
            step = times[frame] - times[frame - 1] if frame else 0
            assert time >= times[frame] - SNAP * step and (until is None or time < until)
    last = number / fps
    assert end - last <= Fraction(3, 2) / fps or made.frames == 1
    if last >= times[-1]:
        assert places[-1].frame == len(times) - 1
    for cut in cuts:
        first = made.number(cut)
        assert first == made.frames or places[first].frame >= cut
        assert not first or places[first - 1].frame < cut


@given(st.integers(1, 500), RATES)
def test_the_same_rate_gives_the_same_frames(count, fps):
    times = [number / Fraction(fps) for number in range(count)]
    made = TimeMap(times, count / Fraction(fps), Fraction(fps), {count // 2} - {0})
    assert [made.at(number) for number in range(made.frames)] == [Place(number) for number in range(count)]


@pytest.mark.parametrize(("count", "before", "after", "expected"), [(48, 8, 24, 144), (10, 24, 25, 10), (240, 16, 24, 360)])
def test_count_of_frames(count, before, after, expected):
    assert frames_at(Fraction(count, before), Fraction(after)) == expected


def test_times_of_milliseconds_are_those_of_the_rate():
    rate = Fraction(24000, 1001)
    rounded = [Fraction(round(number / rate * 1000), 1000) for number in range(200)]
    assert regular(rounded, rate) == [number / rate for number in range(200)]
    average = regular(rounded, Fraction(25))  # a rate that the container has wrong
    assert len({after - before for before, after in pairwise(average)}) == 1 and abs(average[-1] - rounded[-1]) <= JITTER
    late = [*rounded[:5], rounded[5] + 3 * JITTER, *rounded[6:]]
    assert regular(late, rate) == late


@pytest.mark.parametrize("times", [[], [Fraction(1)], [Fraction(0), Fraction(2), Fraction(1)]])
def test_times_that_are_none(times):
    with pytest.raises(ValueError, match="rise from 0"):
        TimeMap(times, Fraction(3), Fraction(24))


def test_cuts_are_seen_and_motion_is_none(textured):
    shots = [textured(9, 48, 64, seed, 1.2, 2) for seed in range(4)]
    changes = Changes()
    for frame in torch.cat(shots):
        changes.add(thumb(frame))
    assert changes.cuts() == [9, 18, 27]


def test_cuts_of_a_record():
    times = [number / Fraction(8) for number in range(16)]
    assert known({"cuts": [4, 9, 40, -1, "x", True], "fps": 8.0}, times) == [4, 9]
    assert known({"cuts": [4, 9]}, times) == known({"cuts": 4, "fps": 8}, times) == known({}, times) == []
    assert known({"cuts": [9], "fps": 8.0}, times, Fraction(1, 2)) == [5]  # a part that begins after half a second
