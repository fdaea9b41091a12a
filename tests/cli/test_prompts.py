"""Shot lists from text and JSON, and the warnings about prompts the text encoder will not understand."""

import json

import pytest
from comfyui_longtake.cli.prompts import language_note
from comfyui_longtake.errors import UsageError
from comfyui_longtake.take.shots import ShotText, read_shot_file


def test_text_shots(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text("\ufeff# a story\n\n4s: a dog runs\ncut 2.5 seed 7 | a dog rests\na cat, at 5: the clock\n", encoding="utf-8")
    assert read_shot_file(path) == [
        ShotText("a dog runs", 4.0),
        ShotText("a dog rests", 2.5, 7, True),
        ShotText("a cat, at 5: the clock"),
    ]


@pytest.mark.parametrize("wrap", [lambda shots: shots, lambda shots: {"shots": shots}])
def test_json_shots(tmp_path, wrap):
    path = tmp_path / "story.json"
    path.write_text(json.dumps(wrap(["a dog runs", {"prompt": "a dog rests", "seconds": 2, "seed": 7}])))
    assert read_shot_file(path) == [ShotText("a dog runs"), ShotText("a dog rests", 2.0, 7)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "[3]",
        "{",
        '[{"seconds": 2}]',
        '[{"prompt": ""}]',
        '[{"prompt": "a", "seconds": NaN}]',
        '[{"prompt": "a", "seconds": -1}]',
        '[{"prompt": "a", "seconds": true}]',
        '[{"prompt": "a", "seed": -1}]',
        '[{"prompt": "a", "seconds": 1e999}]',
        '[{"prompt": "a", "sed": 1}]',
        "[" * 100_000,
        '[{"prompt": "a", "seed": ' + "9" * 5000 + "}]",
        '[{"prompt": "a", "seconds": ' + "9" * 400 + "}]",
    ],
)
def test_bad_json_is_one_line(tmp_path, text):
    path = tmp_path / "story.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_shot_file(path)
    assert "story.json" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_unreadable_shots(tmp_path):
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00\x81")
    for name in ("binary.txt", "missing.txt"):
        with pytest.raises(UsageError, match=name):
            read_shot_file(tmp_path / name)
    with pytest.raises(UsageError):
        read_shot_file(tmp_path)


@pytest.mark.parametrize(
    "prompt",
    [
        "a red dog runs through snow",
        "crimson elephant, dusk",
        "a café by the lake",
        "robot dances",
        "a spaceman in a red knitted helmet walks on a salt desert under a blue sky",
        "no people, as dark as it gets",
    ],
)
def test_english_is_not_warned_about(prompt):
    assert language_note(prompt) is None


@pytest.mark.parametrize(
    "prompt",
    [
        "ein roter Hund läuft durch den Wald und die Sonne scheint auf dem See",
        "un chien rouge court dans la neige",
        "el perro rojo corre por la nieve",
        "一只红色的狗在雪地里奔跑",
        "красная собака бежит по снегу",
        "🐕🏃",
        "... 42 !",
    ],
)
def test_other_languages_and_no_words_are_warned_about(prompt):
    assert language_note(prompt)
