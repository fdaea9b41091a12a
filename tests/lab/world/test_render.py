"""Frames: the same world at any time, size, rate and batch, and every attribute visible."""

from dataclasses import replace

import pytest
import torch
from comfyui_longtake.lab.world.render import render, render_parts
from comfyui_longtake.models.prompts.scene import ATTRIBUTES, FULL, SMALL, Subject
from hypothesis import given, settings
from hypothesis import strategies as st

FPS = 8.0
SIZE = (32, 48)


def worst(a, b):
    return float((a - b).abs().max())


def test_pixels_are_finite_and_in_range():
    x = render([FULL.sample(i) for i in range(12)], 3, *SIZE)
    assert x.shape == (12, 3, *SIZE, 3) and x.dtype == torch.float32
    assert x.isfinite().all() and x.min() >= 0 and x.max() <= 1 and x.std() > 0.1


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 2**31))
def test_a_scene_renders_the_same_twice_and_its_seed_changes_it(seed):
    scene = FULL.sample(seed)
    a = render([scene], 2, *SIZE)
    assert torch.equal(a, render([scene], 2, *SIZE))
    assert worst(a, render([replace(scene, seed=scene.seed + 1)], 2, *SIZE)) > 0.1


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), first=st.integers(-80, 400), skip=st.integers(1, 5))
def test_a_later_start_is_the_tail_of_an_earlier_render(seed, first, skip):
    scene = FULL.sample(seed, held_out=None)
    whole = render([scene], skip + 2, *SIZE, FPS, start=first / FPS)
    tail = render([scene], 2, *SIZE, FPS, start=(first + skip) / FPS)
    assert worst(whole[:, skip:], tail) < 1e-5


@pytest.mark.parametrize("weather", ["clear", "rain", "snow"])
def test_the_continuation_after_forty_seconds_is_the_long_take_itself(make_scene, weather):
    scene = make_scene(weather=weather, action="run right", camera="handheld")
    whole = render([scene], 328, 16, 24, FPS)
    assert worst(whole[:, 320:], render([scene], 8, 16, 24, FPS, start=40.0)) < 1e-5


def test_what_happened_before_joins_without_a_seam(make_scene):
    scene = make_scene(action="walk left", weather="rain")
    whole = render([scene], 24, *SIZE, FPS, start=-2.0)
    assert worst(whole[:, 16:], render([scene], 8, *SIZE, FPS)) < 1e-5
    assert worst(whole[:, 0], whole[:, 16]) > 0.1
    steps = (whole[:, 1:] - whole[:, :-1]).abs().mean((0, 2, 3, 4))
    assert steps.max() < 3 * steps.median()


def test_another_frame_rate_shows_the_same_moments(make_scene):
    scene = make_scene(action="jump")
    slow, fast = render([scene], 8, *SIZE, 8.0), render([scene], 16, *SIZE, 16.0)
    assert worst(fast[:, ::2], slow) < 1e-5


def test_another_size_shows_the_same_picture():
    for i in range(4):
        scene = FULL.sample(i)
        large, small = render([scene], 1, 128, 192), render([scene], 1, 64, 96)
        pooled = torch.nn.functional.avg_pool2d(large[0].permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        assert (pooled - small[0]).abs().mean() < 0.02


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (97, 31), (16, 301), (64, 36), (5, 3)])
def test_any_size_renders(size):
    scenes = [FULL.sample(i) for i in range(6)]
    x = render(scenes, 2, *size)
    assert x.shape == (6, 2, *size, 3) and x.isfinite().all()


def test_a_vertical_frame_holds_every_figure(make_scene):
    """Each of three figures must be there: taking its colour away changes pixels."""
    figures = (Subject("dog", "red"), Subject("cat", "blue"), Subject("car", "green"))
    for size in ((64, 36), (64, 112)):
        scene = make_scene(subjects=figures)
        x = render([scene], 1, *size)
        centres = []
        for k in range(3):
            other = tuple(Subject(s.kind, "pink" if i == k else s.colour) for i, s in enumerate(figures))
            changed = (x - render([replace(scene, subjects=other)], 1, *size)).abs().amax((0, 1, 2, 4)) > 0.1
            assert changed.any()
            centres.append(float(changed.nonzero().float().mean()))
        assert centres == sorted(centres)


@settings(deadline=None, max_examples=8)
@given(seeds=st.lists(st.integers(0, 2**31), min_size=2, max_size=5))
def test_a_batch_equals_its_scenes_one_by_one(seeds):
    scenes = [FULL.sample(s, held_out=None) for s in seeds]
    batch = render(scenes, 3, *SIZE, start=1.0)
    assert worst(batch, torch.cat([render([s], 3, *SIZE, start=1.0) for s in scenes])) < 1e-5


@pytest.mark.parametrize("name", list(ATTRIBUTES))
def test_every_value_looks_different_from_every_other(make_scene, name):
    action = "walk right" if name == "camera" else "stand"  # a camera that follows needs someone to follow
    clips = torch.cat([render([make_scene(**{"action": action, name: v})], 12, *SIZE) for v in ATTRIBUTES[name]])
    for i in range(len(clips)):
        for j in range(i):
            changed = ((clips[i] - clips[j]).abs().amax(-1) > 0.1).float().mean()
            assert changed > 0.04, (ATTRIBUTES[name][i], ATTRIBUTES[name][j])


def test_a_colour_changes_the_figure_and_nothing_else(make_scene):
    a, b = (render([make_scene(colour=c)], 1, 64, 96) for c in ("red", "blue"))
    changed = (a - b).abs().amax((0, 1, 4)) > 0.02
    assert 0.02 < changed.float().mean() < 0.3
    assert not changed[:8].any() and not changed[:, :8].any()
    assert a[0, 0][changed].mean(0).argmax() == 0 and b[0, 0][changed].mean(0).argmax() == 2


def test_night_is_darker_than_noon(make_scene):
    noon, night = (render([make_scene(time=t)], 1, *SIZE).mean() for t in ("noon", "night"))
    assert night < 0.6 * noon


@pytest.mark.parametrize(("camera", "still"), [("static", True), ("pan left", False), ("zoom out", False)])
def test_the_camera_moves_the_background(make_scene, camera, still):
    x = render([make_scene(camera=camera)], 16, 64, 96)[0, :, 20:60, :10]
    moved = (x[0] - x[-1]).abs().mean()
    assert moved < 0.01 if still else moved > 0.02


def centre(mask):
    """Mean column of a mask [T, H, W] in every frame, in frame widths; nan where it is empty."""
    columns = torch.arange(mask.shape[-1]).float() / mask.shape[-1]
    return (mask * columns).sum((1, 2)) / mask.sum((1, 2))


@pytest.mark.parametrize(("action", "way"), [("walk left", -1), ("run left", -1), ("walk right", 1), ("run right", 1)])
def test_figures_cross_a_picture_that_stands_still(make_scene, action, way):
    scene = make_scene(action=action)
    pixels, mask = render_parts([scene], 12, 64, 96)
    path = centre(mask[0].float())
    assert (way * path.diff() > 0.004).all() and way * (path[0] - 0.5) < -0.1
    assert (pixels[0, 0, :10] - pixels[0, -1, :10])[:, :48].abs().mean() < 0.02  # clouds alone move


def test_the_camera_that_follows_keeps_its_figure_and_the_ground_goes_by(make_scene):
    scene = make_scene(action="walk right", camera="follow")
    pixels, mask = render_parts([scene], 12, 64, 96)
    path = centre(mask[0].float())
    assert (path - path.mean()).abs().max() < 0.04 and abs(path.mean() - 0.5) < 0.1
    assert (pixels[0, 0, 30:38] - pixels[0, -1, 30:38])[:, :20].abs().mean() > 0.02


@pytest.mark.parametrize("camera", ["static", "zoom in", "zoom out", "handheld"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_who_leaves_the_picture_comes_in_again_on_the_other_side(make_scene, camera, count):
    """In a long take nobody jumps, and nobody stays away for long."""
    figures = tuple(Subject(k, "red") for k in ("dog", "mammoth", "horse")[:count])
    scene = make_scene(subjects=figures, action="run right", camera=camera, setting="desert")
    mask = render_parts([scene], 160, 32, 48, 16.0)[1][0].float()
    share = mask.mean((1, 2))
    assert share.diff().abs().max() < 0.5 * share.max()
    seen = share > 0.1 * share.max()
    assert 0.5 < seen.float().mean() < 1 and seen[:16].all()
    left, right = mask[:, :, :4].mean((1, 2)), mask[:, :, -4:].mean((1, 2))
    assert left.max() > 0.1 and right.max() > 0.1
    away = mask.sum((1, 2)) == 0
    change = away.diff()
    beside = torch.cat([mask[1:][change & ~away[1:]], mask[:-1][change & ~away[:-1]]])  # just come in or about to leave
    assert len(beside) and not beside[:, :, 12:-12].any()  # nobody appears in the middle


def test_in_the_small_world_the_camera_goes_along_without_a_word():
    scene = next(s for s in map(SMALL.sample, range(100)) if s.action == "walk right" and s.camera == "static")
    assert scene.tracked
    mask = render_parts([scene], 12, 64, 96)[1][0].float()
    assert (centre(mask) - 0.5).abs().max() < 0.12
    told = replace(scene, camera="follow", tracked=False)
    assert torch.equal(render([scene], 3, *SIZE), render([told], 3, *SIZE))


@pytest.mark.parametrize(("weather", "most"), [("rain", 20), ("snow", 45)])
def test_weather_is_a_handful_of_large_things(make_scene, weather, most):
    """Connected patches that come and go over the sky of an overcast scene."""
    drawn = render([make_scene(weather=weather, time="night")], 1, 96, 144)[0, 0].mean(-1)
    found = (drawn - torch.nn.functional.avg_pool2d(drawn[None, None], 9, 1, 4)[0, 0]) > 0.05
    labels = torch.arange(1.0, found.numel() + 1).view_as(found) * found
    for _ in range(200):
        labels = torch.nn.functional.max_pool2d(labels[None, None], 3, 1, 1)[0, 0] * found
    patches = [int((labels == k).sum()) for k in labels.unique() if k]
    large = [n for n in patches if n > 12]
    assert 3 <= len(large) <= most and sum(large) > 0.6 * sum(patches)


def test_the_figures_mask_is_where_the_picture_changes_with_the_figure(make_scene):
    scene = make_scene(weather="clear", camera="static", action="stand")
    pixels, mask = render_parts([scene], 2, 64, 96)
    assert torch.equal(pixels, render([scene], 2, 64, 96)) and mask.shape == (1, 2, 64, 96)
    other = scene.subjects[0].__class__(scene.subjects[0].kind, "white" if scene.subjects[0].colour != "white" else "red")
    changed = (pixels - render([replace(scene, subjects=(other,))], 2, 64, 96)).abs().amax(-1) > 0.05
    assert changed.any() and (mask | ~changed).all() and 0.02 < mask.float().mean() < 0.5
