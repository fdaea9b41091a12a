"""Captions: they say what they claim, in the published proportions, and leave the evaluation's words alone."""

import re

import pytest
from comfyui_longtake.models.prompts.captions import (
    COLOUR_WORDS,
    DOES,
    HOURS,
    NAMES,
    PLACES,
    SKIES,
    SYNONYMS,
    VIEWS,
    caption,
    held_out_wording,
)
from comfyui_longtake.models.prompts.scene import ATTRIBUTES, FULL, NATURAL, World

WORDS = {"setting": PLACES, "time": HOURS, "weather": SKIES, "action": DOES, "camera": VIEWS}
EVERY = set(ATTRIBUTES)


@pytest.fixture(scope="module")
def pairs():
    scenes = [FULL.sample(i) for i in range(4000)]
    return [(s, caption(s, i)) for i, s in enumerate(scenes)]


def is_tags(scene, text):
    """Tag lists are the only captions with the bare value of the camera between commas."""
    return bool({scene.camera} & set(text.split(", ")))


def test_every_value_has_words_and_no_phrase_means_two_things():
    tables = {"subject": NAMES, "colour": COLOUR_WORDS, **WORDS}
    for name, table in tables.items():
        assert set(table) == set(ATTRIBUTES[name])
        phrases = [(v, p) for v, options in table.items() for p in options]
        assert len({p for _, p in phrases}) == len(phrases), name
        for value, phrase in phrases:
            inside = [v for v, p in phrases if re.search(rf"\b{re.escape(phrase)}\b", p)]
            assert set(inside) == {value}, (name, phrase)


def test_the_same_seed_gives_the_same_caption_and_others_vary():
    scene = FULL.sample(3)
    assert caption(scene, 7) == caption(scene, 7)
    assert len({caption(scene, i).text for i in range(100)}) > 90


def test_what_a_caption_claims_to_say_is_in_it(pairs):
    for scene, made in pairs:
        text, tags = made.text.lower(), is_tags(scene, made.text)
        for name, table in WORDS.items():
            value = getattr(scene, name)
            phrases = [p.lower() for p in table[value]]
            if tags:
                phrases = [p.split(" ", 1)[1] for p in phrases] if name == "setting" else [value]
            assert any(p in text for p in phrases) == (name in made.said), (name, made)


def test_figures_are_named_with_their_colours_from_left_to_right(pairs):
    for scene, made in pairs:
        text, at = made.text.lower(), 0
        for figure in scene.subjects:
            name, colour = "|".join(NAMES[figure.kind]), "|".join(COLOUR_WORDS[figure.colour])
            coloured = rf"({colour}) ({name})|({name}) with an? ({colour}) "
            found = re.search(rf"\b({coloured if 'colour' in made.said else f'an? ({name})'})", text[at:])
            assert found, (figure, made)
            at += found.end()
        assert "subject" in made.said


def test_lengths_come_in_the_published_proportions(pairs):
    tags = sum(is_tags(s, c.text) for s, c in pairs) / len(pairs)
    short = sum(not EVERY - {"subject", "colour", "action"} <= c.said for _, c in pairs) / len(pairs)
    assert 0.035 < tags < 0.065 and 0.08 < short < 0.12
    assert 0.03 < sum("action" not in c.said for _, c in pairs) / len(pairs) < 0.12  # prompts that leave it open
    figures = [len(s.subjects) for s, _ in pairs]
    assert {1, 2, 3} == set(figures) and figures.count(3) > 200


def test_a_colour_is_left_open_only_where_figures_have_their_natural_one(pairs):
    natural = [c for s, c in pairs if all(f.colour == NATURAL[f.kind] for f in s.subjects)]
    others = [c for s, c in pairs if any(f.colour != NATURAL[f.kind] for f in s.subjects)]
    assert all("colour" in c.said for c in others)
    assert 0.45 < sum("colour" in c.said for c in natural) / len(natural) < 0.55
    assert 0.35 < len(natural) / len(pairs) < 0.5


def test_no_caption_holds_a_word_of_the_evaluation(pairs):
    text = "\n".join(c.text.lower() for _, c in pairs)
    common = {"a", "an", "in", "on", "at", "the", "to", "under", "among", "left", "right", "sand", "sky", "stands"}
    for table in SYNONYMS.values():
        for phrase in table:
            assert not re.search(rf"\b{re.escape(phrase.lower())}\b", text), phrase
            kept = set(phrase.lower().split()) - common
            assert kept, phrase
            for word in kept:
                assert not re.search(rf"\b{word}\b", text), word


def test_synonyms_mean_values_that_exist():
    for name, table in SYNONYMS.items():
        assert set(table.values()) <= set(ATTRIBUTES[name])


def test_articles_fit_the_next_word(pairs):
    for _, made in pairs:
        assert not re.search(r"\b(a [aeio]|an [^aeiou])", made.text.lower()), made.text


def test_held_out_wording_says_everything_and_is_no_caption(pairs):
    world, seen = World(max_subjects=1), {c.text for _, c in pairs}
    for i in range(300):
        scene = world.sample(i, held_out=None)
        text = held_out_wording(scene, i)
        assert text == held_out_wording(scene, i) and text not in seen
        figure = scene.subjects[0]
        assert f"{figure.colour} {NAMES[figure.kind][0]}" in text
        for name, table in WORDS.items():
            assert table[getattr(scene, name)][0].lower() in text.lower()


def test_synonyms_replace_the_usual_words_where_there_are_some():
    world = World(max_subjects=1)
    for i in range(300):
        scene = world.sample(i)
        text = held_out_wording(scene, i, synonyms=True).lower()
        figure = scene.subjects[0]
        values = {"subject": figure.kind, "colour": figure.colour} | {k: getattr(scene, k) for k in WORDS}
        for name, value in values.items():
            options = [w.lower() for w, v in SYNONYMS.get(name, {}).items() if v == value]
            assert not options or any(w in text for w in options), (name, text)


def test_held_out_wording_is_for_one_figure():
    scene = next(s for s in map(FULL.sample, range(100)) if len(s.subjects) == 2)
    with pytest.raises(ValueError, match="one figure"):
        held_out_wording(scene, 0)
