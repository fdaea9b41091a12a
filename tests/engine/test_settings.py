"""How a take is sampled: what a model says of itself, and what the user wants otherwise."""

from dataclasses import replace

import pytest
from comfyui_longtake.engine.capability import Capability
from comfyui_longtake.engine.frame_order import WindowConfig
from comfyui_longtake.engine.settings import Settings, windows_of
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

BOX = Capability("box", "frame", Timeline(4, 4), 16, 16, 128, 8.0, steps=12, shift=2.5, adain=0.75)
WAN = replace(BOX, timeline=Timeline(1, 4))
H3 = replace(BOX, timeline=Timeline(1, 4, cycle=5, multiple=5, offset=2))
MODELS = [BOX, WAN, H3]


@pytest.mark.parametrize("model", MODELS)
def test_a_model_says_how_it_is_sampled(model):
    made = Settings.of(model)
    assert (made.steps, made.shift, made.adain, made.levels, made.rolling) == (12, 2.5, 0.75, None, False)
    usual = model.windows
    assert (made.windows.anchors, made.windows.context) == (usual.anchors, usual.context)
    assert made.windows.new == (usual.new if model is not H3 else usual.new // 5 * 5)


def test_what_the_user_wants_comes_first():
    made = Settings.of(BOX, steps=3, adain=0.0, rolling=True)
    assert (made.steps, made.adain, made.rolling) == (3, 0.0, True)
    levels = Settings.of(BOX, levels=[1.0, 0.6, 0.2, 0.0])
    assert (levels.steps, levels.levels) == (3, (1.0, 0.6, 0.2, 0.0))


@given(
    model=st.sampled_from(MODELS),
    usual=st.builds(WindowConfig, st.integers(0, 1), st.integers(1, 4), st.integers(1, 12), st.integers(0, 4)),
    window=st.integers(0, 40),
    overlap=st.integers(0, 12),
    anchor=st.booleans(),
)
def test_a_window_has_the_length_that_was_asked_for(model, usual, window, overlap, anchor):
    can = replace(model, windows=usual)
    try:
        made = windows_of(can, window, overlap, anchor)
    except UsageError as error:
        size = window or usual.size + can.margin
        kept = (overlap or usual.context + (usual.anchors if not anchor else 0)) + (usual.anchors if anchor else 0)
        assert size <= kept + can.margin and "longer window" in str(error) and str(size) in str(error)
        return
    assert made.anchors == (usual.anchors if anchor else 0)
    assert made.new >= 1 and made.least <= made.new
    if overlap:
        assert made.context == made.ahead == overlap
    else:
        assert made.context + made.anchors == usual.context + usual.anchors and made.ahead == usual.ahead
    if can.timeline.cycle:
        assert made.new % can.timeline.cycle == 0 or made.new == 1
    elif window:
        assert made.size + can.margin == window
    else:
        assert made.size == usual.size or overlap


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Settings(steps=0), "steps 0"),
        (lambda: Settings(shift=0), "shift 0"),
        (lambda: Settings(context_sigma=1.0), "context_sigma 1.0"),
        (lambda: Settings(anchor_sigma=-0.1), "anchor_sigma -0.1"),
        (lambda: Settings(adain=1.5), "adain 1.5"),
        (lambda: Settings(levels=(1.0,)), "two or more"),
        (lambda: Settings(levels=(0.5, 0.6, 0.0)), "falling"),
        (lambda: Settings(levels=(1.5, 0.0)), "at most 1"),
        (lambda: Settings(levels=(1.0, -0.5)), "at least 0"),
        (lambda: Settings.of(BOX, window=4), "longer window"),
        (lambda: Settings.of(BOX, window=5, overlap=5), "overlap of 5"),
    ],
)
def test_what_is_not_allowed_is_named_in_one_line(call, named):
    with pytest.raises(UsageError) as caught:
        call()
    assert named in str(caught.value) and "\n" not in str(caught.value)


def test_a_causal_vae_has_a_margin_unless_its_pattern_comes_back():
    assert [model.margin for model in MODELS] == [0, 1, 0]
