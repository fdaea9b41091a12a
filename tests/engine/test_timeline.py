"""Frames and latents: round trips over every timeline, and one-line refusals."""

import pytest
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

H3 = Timeline(1, 4, cycle=5, multiple=5, offset=2)
PAIRS = Timeline(1, 4, multiple=2)


@st.composite
def _timelines(draw):
    multiple = draw(st.integers(1, 6))
    return Timeline(
        draw(st.integers(1, 20)),
        draw(st.integers(1, 20)),
        draw(st.none() | st.integers(1, 9)),
        multiple,
        draw(st.integers(0, multiple - 1)),
    )


timelines = _timelines()


@given(timelines, st.integers(1, 100_000))
def test_latents_hold_the_frames_and_no_fewer_would(timeline, frames):
    latents = timeline.latents_for(frames)
    assert timeline.frames_for(latents) >= frames > timeline.frames_for(latents - 1)


@given(timelines, st.integers(1, 10_000))
def test_legal_lengths_are_left_alone(timeline, latents):
    assert timeline.latents_for(timeline.frames_for(latents)) == latents
    legal = timeline.legal(latents)
    assert timeline.snap(timeline.frames_for(legal)) == (timeline.frames_for(legal), None)


@given(timelines, st.integers(1, 10_000))
def test_legal_counts_go_up_to_the_next_one(timeline, latents):
    legal = timeline.legal(latents)
    assert legal % timeline.multiple == timeline.offset and latents <= legal < latents + timeline.multiple
    assert timeline.legal(legal) == legal


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 9), st.integers(0, 200))
def test_a_cycle_repeats_its_first_latents(first, rest, cycle, latent):
    timeline, once = Timeline(first, rest, cycle), Timeline(first, rest)
    assert timeline.latent_span(latent)[1] == once.latent_span(latent % cycle)[1]
    assert timeline.frames_for(latent + cycle) == timeline.frames_for(latent) + once.frames_for(cycle)


@given(st.integers(0, 500))
def test_seventeen_frames_are_five_latents(k):
    assert H3.frames_for(5 * k + 2) == 17 * k + 5
    legal, note = H3.snap(17 * k + 6)
    assert legal == 17 * k + 22 and all(f"{number} " in note for number in (17 * k + 6, 17 * k + 22, 5 * k + 7))


@given(timelines, st.integers(1, 10_000))
def test_snapping_goes_up_and_says_so(timeline, frames):
    legal, note = timeline.snap(frames)
    assert legal >= frames and timeline.snap(legal)[0] == legal
    assert timeline.legal(timeline.latents_for(legal)) == timeline.latents_for(legal)
    assert (note is None) == (legal == frames)
    if note:
        assert str(frames) in note and str(legal) in note and "\n" not in note


@given(timelines, st.integers(0, 5_000))
def test_spans_tile_the_frames(timeline, latent):
    first, count = timeline.latent_span(latent)
    assert first == timeline.frames_for(latent) and first + count == timeline.frames_for(latent + 1)
    assert {timeline.latent_at(first), timeline.latent_at(first + count - 1)} == {latent}


@pytest.mark.parametrize(
    ("timeline", "frames", "latents"),
    [
        (Timeline(4, 4), 32, 8),
        (Timeline(1, 4), 81, 21),
        (Timeline(1, 8), 97, 13),
        (Timeline(1, 4), 17, 5),
        (H3, 124, 37),
        (H3, 362, 107),
        (PAIRS, 85, 22),
    ],
)
def test_known_families(timeline, frames, latents):
    assert (timeline.latents_for(frames), timeline.frames_for(latents)) == (latents, frames)


def test_seconds():
    timeline = Timeline()
    assert timeline.latents_in(60, 8) == 120
    assert timeline.frames_for(120) / 8 == 60
    assert timeline.frames_in(0.01, 8) == 1
    assert (H3.latents_in(5, 24), PAIRS.latents_in(5, 16)) == (37, 22)
    assert H3.frames_for(37) == 124


@pytest.mark.parametrize(
    "call",
    [
        lambda: Timeline(0, 4),
        lambda: Timeline(4, True),
        lambda: Timeline(1, 4, cycle=0),
        lambda: Timeline(1, 4, multiple=0),
        lambda: Timeline(1, 4, multiple=2, offset=2),
        lambda: Timeline(1, 4, offset=-1),
        lambda: Timeline().legal(0),
        lambda: Timeline().latents_for(0),
        lambda: Timeline().latents_for(2.5),
        lambda: Timeline().frames_for(-1),
        lambda: Timeline().latent_span(-1),
        lambda: Timeline().frames_in(float("nan"), 8),
        lambda: Timeline().frames_in(4, 0),
        lambda: Timeline().frames_in(4, float("inf")),
        lambda: Timeline().latents_in(4, float("inf")),
    ],
)
def test_refuses_in_one_line(call):
    with pytest.raises(UsageError, match="give a") as error:
        call()
    assert "\n" not in str(error.value)
