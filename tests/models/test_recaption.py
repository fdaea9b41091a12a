"""Prompts rewritten as captions by the nets in the box."""

import pytest
from comfyui_longtake.models.load import load_recaptioner
from comfyui_longtake.models.prompts.scene import SMALL
from comfyui_longtake.models.recaption import Recaptioner


@pytest.fixture(scope="module")
def recaption(encoder):
    return load_recaptioner(encoder)


EVERYDAY = {
    "a woolly mammoth walks through snow at sunset": {"subject1": "mammoth", "action": "walk right", "time": "sunset"},
    "a spaceman in a red knitted helmet walks in the desert": {"subject1": "spaceman", "colour1": "red", "setting": "desert"},
    "a crimson elephant stands at dusk in the rain": {"colour1": "red", "subject1": "mammoth", "time": "sunset", "weather": "rain"},
    "golden retriever puppy playing in the snow": {"subject1": "dog", "setting": "snowfield", "action": "jump"},
    "blue taxi driving downtown at midnight": {"subject1": "car", "colour1": "blue", "setting": "city", "time": "night"},
    "a white bunny hops on grassland, heavy rain": {"subject1": "rabbit", "colour1": "white", "action": "jump", "weather": "rain"},
}


@pytest.mark.parametrize("prompt", EVERYDAY)
def test_everyday_prompts_are_read(recaption, prompt):
    (made,) = recaption([prompt])
    assert {k: made.read[k] for k in EVERYDAY[prompt]} == EVERYDAY[prompt]
    assert made.completed is not None and made.note().startswith("read as: ") and "\n" not in made.note()


def test_a_caption_stays_what_it_says(recaption):
    (made,) = recaption(["A red dog walks to the left in the city at night, it is raining, the camera does not move."])
    assert made.text == "A red dog walks to the left in the city at night, it is raining, the camera does not move."
    assert not made.completed.added and not made.completed.replaced


def test_its_own_words_are_read_the_same_again(recaption):
    from comfyui_longtake.models.prompts.captions import plain_caption

    texts = [plain_caption(SMALL.sample(i, held_out=None)).text for i in range(60)]
    assert [m.text for m in recaption(texts)] == texts


@pytest.mark.parametrize("prompt", ["", "   "])
def test_an_empty_prompt_stays_empty(recaption, prompt):
    (made,) = recaption([prompt])
    assert made.text == prompt and made.completed is None


def test_what_the_weights_never_saw_is_told(encoder, recaption):
    (made,) = Recaptioner(encoder, recaption.net, SMALL)(["a cat walks through a forest in the morning"])
    assert "cat" not in made.text and "forest" not in made.text
    assert "never seen by these weights" in made.note() and "cat (instead: rabbit)" in made.note()


def test_no_prompts_no_captions(recaption):
    assert recaption([]) == []


@pytest.mark.parametrize(
    ("prompt", "unread"),
    [
        ("A knight with two swords rides a red horse under the moon", {"two", "swords"}),
        ("two dogs and a cat play chess in the rain", {"two", "chess"}),
        ("a ginger kitten sleeps on a windowsill next to a vase of tulips", {"windowsill", "vase", "tulips"}),
    ],
)
def test_words_that_went_into_nothing_are_named(recaption, prompt, unread):
    (made,) = recaption([prompt])
    assert unread <= set(made.unread) and "; not read: " in made.note()


@pytest.mark.parametrize("prompt", EVERYDAY)
def test_everyday_prompts_leave_nothing_unread(recaption, prompt):
    (made,) = recaption([prompt])
    assert set(made.unread) <= {"heavy"}  # of the rain nothing but that it falls is read


def test_a_long_list_of_words_is_cut_short(recaption):
    things = "vase, pan, violin, teapot, anvil, ledger, abacus, easel, quill, sextant, tulip, ladder, hammer and a candle"
    (made,) = recaption([f"a dog beside a {things}"])
    assert made.note().endswith("more") and len(made.unread) > 8
