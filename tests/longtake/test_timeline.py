"""Frames and latents: round trips over every timeline, and one-line refusals."""

import pytest
from comfyui_longtake.errors import UsageError
from comfyui_longtake.longtake.timeline import Timeline
from hypothesis import given
from hypothesis import strategies as st

timelines = st.builds(Timeline, st.integers(1, 20), st.integers(1, 20))


@given(timelines, st.integers(1, 100_000))
def test_latents_hold_the_frames_and_no_fewer_would(timeline, frames):
    latents = timeline.latents_for(frames)
    assert timeline.frames_for(latents) >= frames > timeline.frames_for(latents - 1)


@given(timelines, st.integers(1, 10_000))
def test_legal_lengths_are_left_alone(timeline, latents):
    frames = timeline.frames_for(latents)
    assert timeline.latents_for(frames) == latents
    assert timeline.snap(frames) == (frames, None)


@given(timelines, st.integers(1, 10_000))
def test_snapping_goes_up_and_says_so(timeline, frames):
    legal, note = timeline.snap(frames)
    assert legal >= frames and timeline.snap(legal)[0] == legal
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
    [(Timeline(4, 4), 32, 8), (Timeline(1, 4), 81, 21), (Timeline(1, 8), 97, 13), (Timeline(1, 4), 17, 5)],
)
def test_known_families(timeline, frames, latents):
    assert (timeline.latents_for(frames), timeline.frames_for(latents)) == (latents, frames)


def test_seconds():
    timeline = Timeline()
    assert timeline.latents_in(60, 8) == 120
    assert timeline.seconds_for(120, 8) == 60
    assert timeline.frames_in(0.01, 8) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: Timeline(0, 4),
        lambda: Timeline(4, True),
        lambda: Timeline().latents_for(0),
        lambda: Timeline().latents_for(2.5),
        lambda: Timeline().frames_for(-1),
        lambda: Timeline().latent_span(-1),
        lambda: Timeline().frames_in(float("nan"), 8),
        lambda: Timeline().frames_in(4, 0),
        lambda: Timeline().seconds_for(4, float("inf")),
    ],
)
def test_refuses_in_one_line(call):
    with pytest.raises(UsageError, match="give a") as error:
        call()
    assert "\n" not in str(error.value)
