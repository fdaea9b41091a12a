"""Prompts as people type them: they say what they claim, and leave the evaluation's words alone."""

import re

from comfyui_longtake.lab.world import prompt_grammar as speech
from comfyui_longtake.models.prompts.scene import ATTRIBUTES, FULL, SMALL
from comfyui_longtake.models.prompts.vocabulary import COLOUR_WORDS, DOES, HOURS, NAMES, PLACES, SKIES, SYNONYMS, VIEWS

TABLES = {
    "subject": (speech.FIGURES, NAMES),
    "colour": (speech.COLOURS, COLOUR_WORDS),
    "setting": (speech.SCENES, PLACES),
    "time": (speech.WHEN, HOURS),
    "weather": (speech.WEATHER, SKIES),
    "action": (speech.DOING, DOES),
    "camera": (speech.SHOTS, VIEWS),
}


def test_every_value_has_words_and_none_means_two_things():
    for name, (table, usual) in TABLES.items():
        assert set(table) == set(ATTRIBUTES[name])
        phrases = [p for options in table.values() for p in options]
        assert len(set(phrases)) == len(phrases), name
        for value, options in table.items():
            others = {p for v, ways in usual.items() if v != value for p in ways}
            assert not others & set(options), (name, value)


def test_the_same_seed_gives_the_same_prompt_and_others_vary():
    scene = FULL.sample(3)
    assert speech.prompt(scene, 7) == speech.prompt(scene, 7)
    assert len({speech.prompt(scene, i).text for i in range(200)}) > 190


def test_what_a_prompt_claims_to_say_is_in_it():
    for i in range(1500):
        scene = SMALL.sample(i)
        made = speech.prompt(scene, i)
        text = made.text.lower()
        values = {"subject": scene.subjects[0].kind, "colour": scene.subjects[0].colour}
        values |= {k: getattr(scene, k) for k in ("setting", "time", "weather", "camera")}
        for name, value in values.items():
            ways = [p.lower() for table in TABLES[name] for p in table[value]]
            if name in made.said:
                assert any(re.search(rf"\b{re.escape(p)}\b", text) for p in ways), (name, made)


def test_something_is_often_left_open_and_nothing_always():
    made = [speech.prompt(SMALL.sample(i), i) for i in range(1500)]
    for name in set(ATTRIBUTES) - {"subject"}:
        assert 0.1 < sum(name in m.said for m in made) / len(made) < 0.9, name
    assert 0.9 < sum("subject" in m.said for m in made) / len(made) < 0.99


def test_no_word_of_the_evaluation_is_known():
    from comfyui_longtake.lab.training.text import colour_names

    tables = [*(t for pair in TABLES.values() for t in pair), colour_names()]
    phrases = [p.lower() for table in tables for ways in table.values() for p in ways]
    text = "\n".join([*phrases, *speech.STYLES, *speech.EXTRAS, *speech.OTHERS, *speech.ADJECTIVES]).lower()
    for table in SYNONYMS.values():
        for phrase in table:
            assert not re.search(rf"\b{re.escape(phrase.lower())}\b", text), phrase
    rare = "periwinkle chartreuse flaxen garnet pachyderm mutt hound coupe hare cosmonaut pigeon paddock outback manhattan siberia"
    rare += " gloaming noontide witching deluge monsoon whiteout balmy ambles rigid"
    assert not set(rare.split()) & set(re.findall(r"[a-z]+", text))


def test_colour_names_are_of_the_colour_they_look_like():
    from comfyui_longtake.lab.training.text import colour_names

    names = colour_names()
    assert set(names) == set(ATTRIBUTES["colour"]) and all(len(v) > 4 for v in names.values())
    assert "tomato red" in names["red"] or "brick" in names["red"]
    for colour, found in names.items():
        for other in ("red", "green", "yellow", "purple"):
            assert other == colour or not any(other in n.split() for n in found), (colour, other)
