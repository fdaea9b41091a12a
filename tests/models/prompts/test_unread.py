"""Words of a prompt that went into nothing that was read in it."""

from collections.abc import Mapping, Sequence

from comfyui_longtake.models.prompts.unread import TRIED_MAX, stem, unread_words
from hypothesis import given
from hypothesis import strategies as st

KNIGHT = "A knight with two swords under the moon"
READ = {"subject1": "spaceman", "time": "night", "weather": None}


def keyed(words: Mapping[str, str]):
    """A reader that knows a value by one word: sure of it where the word stands, of nothing else."""

    def sureness(texts: Sequence[str]) -> list[dict[str, float]]:
        return [{slot: 0.9 if word in text.casefold() else 0.02 for slot, word in words.items()} for text in texts]

    return sureness


def test_words_that_carry_a_value_are_read_and_the_others_are_named():
    assert unread_words(KNIGHT, READ, keyed({"subject1": "knight", "time": "moon"})) == ("two", "swords")


def test_a_word_that_captions_say_a_value_with_is_read_without_being_tried():
    assert unread_words("by moonlight and stars", {"time": "night"}, keyed({"time": "moonlight"})) == ()


def test_a_word_that_names_a_value_is_read_though_another_one_carries_it_too():
    def both(texts: Sequence[str]) -> list[dict[str, float]]:
        return [{"subject1": 0.9 if "pooch" in t or "mutt" in t else 0.0} for t in texts]

    assert unread_words("a pooch, a mutt, a vase", {"subject1": "dog"}, both) == ("vase",)


def test_function_words_and_words_of_the_medium_are_never_named():
    assert unread_words("a cinematic video of what it is, with the camera", {}, keyed({})) == ()


def test_each_word_is_named_once_as_it_was_written():
    assert unread_words("Vase vase VASE 7", {}, keyed({})) == ("Vase", "7")


@given(st.text(max_size=200))
def test_every_word_named_stands_in_the_prompt(prompt):
    found = unread_words(prompt, {"subject1": "dog"}, keyed({"subject1": "dog"}))
    assert len(found) <= TRIED_MAX and all(word in prompt for word in found)


def test_endings_are_taken_off_words_but_not_off_short_ones():
    assert [stem(w) for w in ("walking", "dogs", "bus", "ponies", "sings")] == ["walk", "dog", "bus", "pony", "sing"]
