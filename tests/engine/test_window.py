"""Window plans: every latent is made once, from latents that exist by then, and cuts are never crossed."""

from dataclasses import replace

import pytest
from comfyui_longtake.engine.frame_order import USER_ANCHOR, FrameOrder, Span, WindowConfig, positions
from comfyui_longtake.engine.request import Request
from comfyui_longtake.engine.roles import ANCHOR, CONTEXT, TARGET
from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.engine.take import collect, sample
from comfyui_longtake.engine.window_plan import plan_windows
from comfyui_longtake.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

configs = st.builds(
    WindowConfig,
    anchors=st.integers(0, 2),
    context=st.integers(1, 4),
    new=st.integers(1, 9),
    ahead=st.integers(0, 4),
    reach=st.integers(1, 16),
    least=st.integers(1, 4),
    endpoints=st.booleans(),
)


@st.composite
def takes(draw):
    length = draw(st.integers(1, 60))
    known = draw(st.sets(st.integers(0, length - 1), max_size=12))
    starts = sorted(draw(st.sets(st.integers(1, length - 1), max_size=4))) if length > 1 else []
    spans = [Span(0), *(Span(start, draw(st.booleans())) for start in starts)]
    wrap = draw(st.booleans()) and len(spans) == 1
    backward = draw(st.booleans()) and not wrap
    return FrameOrder(length, known, spans, backward=backward, wrap=wrap, anchor_given=draw(st.booleans())), known, spans


@given(takes(), configs)
def test_plan_makes_every_unknown_latent_once_from_what_exists(take, config):
    walk, known, _ = take
    have = set(known)
    for window in plan_windows(walk, config):
        new = set(window.new)
        assert new and not new & have
        for index, role, keep in zip(window.indices, window.roles, window.keep, strict=True):
            assert keep == (role != TARGET)
            if keep and index != USER_ANCHOR:
                assert index % walk.length in have, "a window is shown a latent that does not exist yet"
        have |= new
    assert have == set(range(walk.length))


@given(takes(), configs)
def test_windows_are_bounded_and_in_time_order(take, config):
    walk, known, _ = take
    for window in plan_windows(walk, config):
        body = [index for index, role in zip(window.indices, window.roles, strict=True) if role != ANCHOR]
        assert body == sorted(set(body))
        assert len(window.new) <= config.size
        assert sum(role == ANCHOR for role in window.roles) <= config.anchors
        assert len(window.indices) <= config.size + config.ahead + len(known)


@given(takes(), configs)
def test_targets_stay_in_one_shot_and_nothing_crosses_a_cut(take, config):
    walk, _, spans = take
    cuts = [span.start for span in spans if span.cut]
    for window in plan_windows(walk, config):
        assert {walk.shot(walk.time(index)) for index in window.new} == {window.shot}
        for index, role in zip(window.indices, window.roles, strict=True):
            if role == CONTEXT:
                low, high = sorted((index, window.new[0]))
                assert not any(low < cut <= high for cut in cuts)


@given(takes(), configs)
def test_positions_are_based_on_the_first_new_latent(take, config):
    for window in plan_windows(take[0], config):
        found = positions(window.times, window.roles)
        for index, role, position in zip(window.indices, window.roles, found, strict=True):
            if role == ANCHOR:
                assert position in (-16, -17)
            elif not window.spare:
                assert position == index - window.new[0]
        if window.spare:  # side by side, whatever lies between them in the take
            body = [position for role, position in zip(window.roles, found, strict=True) if role != ANCHOR]
            assert body == list(range(int(body[0]), int(body[0]) + len(body))) and 0 in body


def shown(length, known=(), config=WindowConfig(), **options):  # noqa: B008
    return [window.indices for window in plan_windows(FrameOrder(length, known, **options), config)]


def test_text_to_video():
    assert shown(8) == [tuple(range(8))]
    assert shown(20) == [tuple(range(12)), (0, *range(9, 20))]


def test_short_remainder_is_shared_with_the_window_before():
    assert [len(window.new) for window in plan_windows(FrameOrder(13, ()))] == [10, 3]


def test_extension_is_the_same_in_the_mirror():
    forward = plan_windows(FrameOrder(40, range(5)))
    backward = plan_windows(FrameOrder(40, range(35, 40), backward=True))
    assert len(forward) == len(backward)
    for one, other in zip(forward, backward, strict=True):
        mirrored = {(39 - index, role) for index, role in zip(other.indices, other.roles, strict=True)}
        assert mirrored == set(zip(one.indices, one.roles, strict=True))
    first = backward[0]
    assert positions(first.times, first.roles) == (-16.0, *map(float, range(11)))


def test_connect_ends_in_a_full_window_that_sees_both_sides():
    last = plan_windows(FrameOrder(26, [0, 1, 2, 23, 24, 25]))[-1]
    assert last.indices == (0, *range(12, 26)) and len(last.new) == 8


def test_loop_ends_in_a_window_that_sees_the_beginning():
    assert shown(30, wrap=True)[-1] == (0, *range(19, 33))
    with pytest.raises(UsageError, match="forward"):
        FrameOrder(30, (), wrap=True, backward=True)


def test_keyframe_is_kept_inside_one_window_and_seen_before_it_is_reached():
    assert shown(9, [5]) == [tuple(range(9))]
    first = plan_windows(FrameOrder(40, [12]))[0]
    assert first.new == tuple(range(12)) and 12 in first.indices


def test_anchor_is_reset_at_every_shot():
    walk = FrameOrder(60, (), [Span(0), Span(20), Span(40, cut=True)])
    for window in plan_windows(walk):
        for index, role in zip(window.indices, window.roles, strict=True):
            if role == ANCHOR:
                assert index == 20 * window.shot
    first_of_cut = next(window for window in plan_windows(walk) if window.shot == 2)
    assert CONTEXT not in first_of_cut.roles and ANCHOR not in first_of_cut.roles


def test_given_anchor_belongs_to_the_first_shot():
    windows = plan_windows(FrameOrder(40, range(3), [Span(0), Span(20)], anchor_given=True))
    assert all((window.indices[0] == USER_ANCHOR) == (window.shot == 0) for window in windows)


@pytest.mark.parametrize(("rolling", "calls"), [(False, 16 * 15), (True, 16 + 119 * 2)])
def test_cost_of_a_minute(gaussian, rolling, calls):
    """One minute at 8 frames a second: synchronous and rolling both near 24 latent forwards a latent (16 steps)."""
    dit, denoiser = gaussian
    collect(sample(Request(120, (1, 1, 1)), denoiser, Settings(16, rolling=rolling, queue=8)))
    frames = sum(role.numel() for _, _, role, _ in dit.calls)
    assert 22 < frames / 120 < 26 and len(dit.calls) == denoiser.calls == calls


def test_ten_minutes_is_planned_at_constant_window_size():
    windows = plan_windows(FrameOrder(1200, ()))
    assert max(len(window.indices) for window in windows) == 12 and len(windows) == 150


@pytest.mark.parametrize("options", [{"new": 0}, {"context": -1}, {"anchors": 2, "context": 0}, {"reach": 0}])
def test_refuses(options):
    with pytest.raises(UsageError, match="window"):
        WindowConfig(**options)


TRAINED = WindowConfig(0, 2, 18, 2, 1, beside=True, margin=1, full=True)
"""Windows of a model trained on 21 latents, which spends one on a head in all but the first."""


@given(st.integers(21, 200))
def test_all_windows_are_of_the_trained_length(length):
    """One latent that would be left over is made along; all but the first have a head of their own beside these frames."""
    sizes = [len(window.indices) for window in plan_windows(FrameOrder(length, ()), TRAINED)]
    assert sizes[0] in (21, 22) and all(size in (20, 21) for size in sizes[1:])
    assert sum(size != 20 for size in sizes[1:]) <= 1 and (sizes[0] == 21 or len(sizes) == 1)


@given(st.integers(1, 200), st.integers(1, 60))
def test_an_extension_is_of_the_trained_length_too(new, given_latents):
    windows = plan_windows(FrameOrder(given_latents + new, range(given_latents)), TRAINED)
    full = min(21, given_latents + new)
    for window in windows:
        first = window.indices[0] == 0
        size = len(window.indices) + (not first)
        assert size in (21, 22) or (size == full + (not first) and given_latents + new < 22)
        assert len(window.new) <= 19 + first * 3


def test_an_anchor_beside_takes_no_room_and_is_that_of_the_chain():
    config = WindowConfig(1, 2, 18, 2, 1, beside=True, margin=1, full=True)
    order = FrameOrder(120, (), [Span(0), Span(30), Span(60, cut=True), Span(90)])
    windows = plan_windows(order, config)
    anchors = [[index for index, role in zip(w.indices, w.roles, strict=True) if role == ANCHOR] for w in windows]
    assert anchors[0] == [] and {at for w, found in zip(windows, anchors, strict=True) for at in found if w.new[0] < 60} == {0}
    later = [found for w, found in zip(windows, anchors, strict=True) if w.new[0] >= 60]
    assert later[0] == [] and {at for found in later for at in found} == {60}
    assert max(len(w.indices) - len(found) for w, found in zip(windows, anchors, strict=True)) <= 21


WAY = WindowConfig(0, 2, 18, 2, 1, beside=True, margin=1, full=True, endpoints=True)


@given(st.integers(2, 30), st.integers(19, 400), st.integers(1, 30), st.booleans())
def test_of_a_long_way_the_frames_where_its_windows_meet_are_made_first(before, gap, after, backward):
    """Every window leads from something known to something known, and hardly more are needed than without."""
    length = before + gap + after
    known = {*range(before), *range(before + gap, length)}
    windows = plan_windows(FrameOrder(length, known, backward=backward), WAY)
    plain = plan_windows(FrameOrder(length, known, backward=backward), replace(WAY, endpoints=False))
    have = set(known)
    for window in windows:
        ends = (min(window.indices), max(window.indices))
        assert {*ends} <= have, "a window whose end is open"
        assert len(window.indices) <= 22
        have |= set(window.new)
    assert have == set(range(length))
    assert 17 < gap < 21 or bool(windows[0].spare) == (gap > 20)
    assert len(windows) <= (len(plain) + 2 if gap <= 80 else 1.75 * len(plain) + 1)


def test_an_endpoints_window_goes_all_the_way_as_if_it_were_short():
    first, *others = plan_windows(FrameOrder(64, [*range(4), *range(60, 64)]), WAY)
    assert first.indices[:2] == (2, 3) and first.indices[-2:] == (60, 61)
    assert first.new == (17, 18, 32, 33, 46, 47) and [len(window.new) for window in others] == [13, 13, 12, 12]
    assert len(first.indices) == 20 and not any(window.spare for window in others)
    assert first.times == tuple(range(-2, 18))


def test_what_begins_or_ends_at_nothing_known_is_made_in_order():
    assert not any(window.spare for window in plan_windows(FrameOrder(100, range(4)), WAY))
    assert [bool(window.spare) for window in plan_windows(FrameOrder(100, [99]), WAY)] == [False, True, *[False] * 5]
    assert not any(window.spare for window in plan_windows(FrameOrder(80, [*range(4), 50], [Span(0), Span(50, cut=True)]), WAY))


def test_a_loop_comes_back_by_way_of_endpoints():
    windows = plan_windows(FrameOrder(80, (), wrap=True), WAY)
    assert [bool(window.spare) for window in windows] == [False, True, *[False] * (len(windows) - 2)]
    assert windows[1].indices[-2:] == (80, 81)
