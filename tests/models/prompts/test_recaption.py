"""Scenes completed from what was read: what is said stays, the rest is usual, nothing the weights never saw is left."""

import pytest
from comfyui_longtake.models.adapter import SLOTS
from comfyui_longtake.models.prompts.captions import caption, plain_caption
from comfyui_longtake.models.prompts.completion import KIN, USUAL, complete
from comfyui_longtake.models.prompts.scene import ATTRIBUTES, COLOURS, FULL, NATURAL, SETTINGS, SMALL, SUBJECTS, TRAVEL
from hypothesis import given
from hypothesis import strategies as st

readings = st.fixed_dictionaries(
    {slot: st.sampled_from([None, *ATTRIBUTES[slot.rstrip("123")]]) for slot in SLOTS},
)


@given(readings, st.sampled_from([SMALL, FULL]))
def test_every_reading_becomes_a_scene_of_the_world(read, world):
    made = complete(read, world)
    known = world.values()
    for figure in made.scene.subjects:
        assert figure.kind in known["subject"] and figure.colour in known["colour"]
    assert len(made.scene.subjects) <= world.max_subjects
    for name in ("setting", "time", "weather", "action", "camera"):
        assert getattr(made.scene, name) in known[name]
    assert not (made.scene.action in TRAVEL and made.scene.camera.startswith("pan"))


@given(readings)
def test_what_is_said_and_known_stays_and_all_else_is_named(read):
    made = complete(read, FULL)
    for name in ("setting", "time", "weather", "action", "camera"):
        value = getattr(made.scene, name)
        if read[name] is None:
            assert value in made.added
        elif value != read[name]:
            assert (read[name], value) in made.replaced
    if all(read[f"subject{k}"] for k in (1, 2, 3)):
        assert [s.kind for s in made.scene.subjects] == [read[f"subject{k}"] for k in (1, 2, 3)]


def test_every_value_has_kin_in_the_small_world_and_every_figure_its_usual_looks():
    small = SMALL.values()
    for name, values in ATTRIBUTES.items():
        for value in values:
            assert value in small[name] or KIN[value] in small[name], value
    assert set(USUAL) == set(SUBJECTS)
    assert all(c in COLOURS and s in SETTINGS for c, s in USUAL.values())


@pytest.mark.parametrize(
    ("read", "camera"),
    [
        ({"action": "walk left"}, "follow"),
        ({"action": "run right", "camera": "static"}, "static"),
        ({"action": "walk right", "camera": "pan left"}, "follow"),
        ({"action": "dance", "camera": "follow"}, "static"),
        ({}, "static"),
    ],
)
def test_the_camera_follows_who_goes_somewhere_unless_told_otherwise(read, camera):
    made = complete(dict.fromkeys(SLOTS) | {"subject1": "dog"} | read, FULL)
    assert made.scene.camera == camera
    assert made.replaced == ((read["camera"], camera),) if read.get("camera") not in (None, camera) else not made.replaced
    assert complete(dict.fromkeys(SLOTS) | {"subject1": "dog"} | read, SMALL).scene.camera in SMALL.cameras


def test_a_figure_without_a_colour_has_its_natural_one():
    for kind, colour in NATURAL.items():
        assert complete(dict.fromkeys(SLOTS) | {"subject1": kind}, FULL).scene.subjects[0].colour == colour
    assert complete(dict.fromkeys(SLOTS) | {"subject1": "dog"}, SMALL).scene.subjects[0].colour == "yellow"


def test_snow_with_no_place_falls_on_snow():
    read = dict.fromkeys(SLOTS) | {"subject1": "dog", "weather": "snow"}
    assert complete(read, SMALL).scene.setting == "snowfield"


def test_a_second_figure_is_left_out_and_named_where_the_world_has_one():
    read = dict.fromkeys(SLOTS) | {"subject1": "dog", "subject2": "cat", "colour1": "red"}
    made = complete(read, SMALL)
    assert len(made.scene.subjects) == 1 and made.scene.subjects[0].kind == "dog"
    assert any("cat" in old for old, _ in made.replaced)
    assert len(complete(read, FULL).scene.subjects) == 2


@pytest.mark.parametrize("number", range(40))
def test_the_plain_caption_says_everything_in_words_that_captions_have(number):
    scene = FULL.sample(number)
    made = plain_caption(scene)
    assert made == plain_caption(scene) and made.said == set(ATTRIBUTES)
    words = {w for i in range(400) for w in caption(FULL.sample(i), i).text.lower().replace(",", " ").replace(".", " ").split()}
    assert set(made.text.lower().replace(",", " ").replace(".", " ").split()) <= words | {"and"}
