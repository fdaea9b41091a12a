"""Scenes: reproducible, inside their world, and the held-out combinations never seen in training."""

import hashlib
from itertools import product

import pytest
from comfyui_longtake.models.prompts.scene import (
    ACTIONS,
    ATTRIBUTES,
    CAMERAS,
    COLOURS,
    FULL,
    NATURAL,
    NEWEST,
    SETTINGS,
    SMALL,
    SUBJECTS,
    TIMES,
    TRAVEL,
    WEATHERS,
    Scene,
    Subject,
    World,
    is_held_out,
    known_values,
)
from hypothesis import given, settings
from hypothesis import strategies as st

seeds = st.integers(0, 2**40)


def test_the_world_is_as_large_as_the_design_says():
    sizes = [len(v) for v in (SUBJECTS, COLOURS, SETTINGS, TIMES, WEATHERS, ACTIONS, CAMERAS)]
    assert all(n >= least for n, least in zip(sizes, (12, 8, 8, 4, 4, 8, 6), strict=True))
    assert {"mammoth", "spaceman"} <= set(SUBJECTS)
    assert all(len(set(v)) == len(v) for v in ATTRIBUTES.values())


@settings(deadline=None, max_examples=200)
@given(seed=seeds, world=st.sampled_from([FULL, SMALL]))
def test_a_sample_is_reproducible_and_stays_inside_its_world(seed, world):
    scene = world.sample(seed)
    assert scene == world.sample(seed)
    values = world.values()
    assert 1 <= len(scene.subjects) <= world.max_subjects
    assert all(s.kind in values["subject"] and s.colour in values["colour"] for s in scene.subjects)
    assert len({s.kind for s in scene.subjects}) == len(scene.subjects)
    assert all(getattr(scene, k) in v for k, v in values.items() if k not in ("subject", "colour"))
    assert not (scene.action in TRAVEL and scene.camera.startswith("pan"))


@settings(deadline=None, max_examples=300)
@given(seed=seeds, world=st.sampled_from([FULL, SMALL]))
def test_training_never_sees_a_held_out_combination(seed, world):
    assert not is_held_out(world.sample(seed, held_out=False))
    assert is_held_out(world.sample(seed, held_out=True))


def test_many_figures_have_their_natural_colours_and_the_usual_camera_follows():
    scenes = [FULL.sample(i) for i in range(2000)]
    natural = [all(f.colour == NATURAL[f.kind] for f in s.subjects) for s in scenes]
    assert 0.4 < sum(natural) / len(scenes) < 0.5
    going = [s for s in scenes if s.action in TRAVEL]
    assert 0.55 < sum(s.camera == "follow" for s in going) / len(going) < 0.65
    assert not any(s.camera == "follow" for s in scenes if s.action not in TRAVEL)
    assert set(NATURAL) == set(SUBJECTS) and set(NATURAL.values()) <= set(COLOURS)


def test_the_first_edition_of_the_vocabulary_never_changes():
    """The classes of the first published nets are places in these lists."""
    assert known_values(1) == {
        "subject": ("spaceman", "mammoth", "dog", "car", "bird", "rabbit", "cat", "robot", "turtle", "balloon", "snowman", "horse"),
        "colour": ("red", "yellow", "green", "blue", "purple", "white", "orange", "pink"),
        "setting": ("meadow", "desert", "snowfield", "city", "beach", "forest", "mountains", "farm"),
        "time": ("noon", "sunset", "night", "morning"),
        "weather": ("clear", "rain", "snow", "fog"),
        "action": ("stand", "walk left", "walk right", "jump", "run left", "run right", "dance", "float"),
        "camera": ("static", "pan left", "pan right", "zoom in", "zoom out", "handheld"),
    }
    assert known_values(NEWEST) == ATTRIBUTES
    for edition in (0, NEWEST + 1):
        with pytest.raises(ValueError, match="edition"):
            known_values(edition)


def test_scenes_of_the_small_world_never_change():
    """The first published weights are measured on them."""
    drawn = "/".join(str(SMALL.sample(i, held_out=None)) for i in range(20))
    assert hashlib.sha256(drawn.replace(", tracked=True", "").encode()).hexdigest()[:12] == "5bd29c9977ff"


def test_about_one_combination_in_twenty_is_held_out():
    def share(world):
        rows = [
            is_held_out(Scene((Subject(k, c),), s, "noon", "clear", "stand", "static", 0))
            for k, c, s in product(world.subjects, world.colours, world.settings)
        ]
        return sum(rows) / len(rows)

    assert 0.03 < share(FULL) < 0.07 and 0.02 < share(SMALL) < 0.08
    drawn = [is_held_out(FULL.sample(i, held_out=None)) for i in range(3000)]
    assert 0.03 < sum(drawn) / len(drawn) < 0.08


def test_whether_a_scene_is_held_out_depends_on_kind_colour_and_setting_alone():
    for i in range(200):
        scene = FULL.sample(i, held_out=None)
        other = Scene(scene.subjects, scene.setting, "night", "fog", "jump", "handheld", scene.seed + 1)
        assert is_held_out(scene) == is_held_out(other)


def test_every_value_and_one_to_three_figures_are_drawn_in_their_shares():
    scenes = [FULL.sample(i) for i in range(3000)]
    counts = [sum(len(s.subjects) == n for s in scenes) / len(scenes) for n in (1, 2, 3)]
    assert 0.66 < counts[0] < 0.76 and 0.16 < counts[1] < 0.24 and 0.06 < counts[2] < 0.13
    for name, values in ATTRIBUTES.items():
        seen = {values[s.labels()[name]] for s in scenes}
        assert seen == set(values), name
    assert len({s.seed for s in scenes}) == len(scenes)


def test_labels_are_those_of_the_leftmost_figure():
    scene = Scene((Subject("car", "pink"), Subject("dog", "red")), "farm", "morning", "fog", "float", "handheld", 1).labels()
    values = {k: ATTRIBUTES[k][v] for k, v in scene.items()}
    assert values == {
        "subject": "car",
        "colour": "pink",
        "setting": "farm",
        "time": "morning",
        "weather": "fog",
        "action": "float",
        "camera": "handheld",
    }


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"subjects": ()}, "1 to 3"),
        ({"subjects": (Subject("dog", "red"),) * 4}, "1 to 3"),
        ({"subjects": (Subject("dragon", "red"),)}, "dragon"),
        ({"subjects": (Subject("dog", "beige"),)}, "beige"),
        ({"setting": "moon"}, "meadow"),
        ({"camera": "orbit"}, "static"),
    ],
)
def test_an_unknown_value_is_refused_by_name(make_scene, change, word):
    with pytest.raises(ValueError, match=word):
        make_scene(**change)


def test_a_world_of_one_figure_has_one():
    world = World(max_subjects=1)
    assert {len(world.sample(i).subjects) for i in range(100)} == {1}
