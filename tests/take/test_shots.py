"""Shot lists and spans as they are written on the command line and in a graph."""

import os
import time

import pytest
from comfyui_longtake.engine.request import Shot
from comfyui_longtake.errors import UsageError
from comfyui_longtake.take.shots import SECONDS_MAX, SEED_MAX, ShotText, parse_shots, read_shot_file, read_spans
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("timed", [False, True])
def test_lines_are_shots(timed):
    text = "5: a dog runs\n\n# a remark\ncut 2.5 s: a cat, at 5: the clock\n3 seed 7 | a bird\nCUT 1s SEED 0: night"
    assert parse_shots(text, timed=timed) == [
        ShotText("a dog runs", 5.0),
        ShotText("a cat, at 5: the clock", 2.5, cut=True),
        ShotText("a bird", 3.0, 7),
        ShotText("night", 1.0, 0, True),
    ]


def test_a_shot_is_placed_with_its_own_seed_or_the_one_given():
    assert ShotText("a dog", 5.0, 7, True).placed(8, 1, 3, 2) == Shot(8, 1, 7, True, 2)
    assert ShotText("a dog").placed(8, 1, 3, 2) == Shot(8, 1, 3, False, 2)


def test_seconds_may_be_left_out():
    text = "a dog runs\ncut: a cat\nseed 7: a bird\ncut seed 8 | rain: a lot of it\ncut flowers: red ones\n: a colon"
    assert parse_shots(text) == [
        ShotText("a dog runs"),
        ShotText("a cat", cut=True),
        ShotText("a bird", seed=7),
        ShotText("rain: a lot of it", seed=8, cut=True),
        ShotText("cut flowers: red ones"),
        ShotText(": a colon"),
    ]


@given(
    st.lists(
        st.builds(
            ShotText,
            st.sampled_from(["a dog runs", "a cat, at 5: the clock", "cut flowers", "5: five", "seed 7: a plant"]),
            st.integers(1, int(SECONDS_MAX) * 10).map(lambda tenth: tenth / 10),
            st.none() | st.integers(0, SEED_MAX),
            st.booleans(),
        ),
        min_size=1,
    )
)
def test_written_shots_are_read_again(shots):
    lines = [
        f"{'cut ' * shot.cut}{shot.seconds}s{'' if shot.seed is None else f' seed {shot.seed}'}: {shot.prompt}" for shot in shots
    ]
    assert parse_shots("\n".join(lines), timed=True) == parse_shots("\n".join(lines)) == shots


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 shots"),
        ("a dog", "line 1.*no shot"),
        ("cut: a dog", "line 1.*no shot"),
        ("1: a\n0: b", "line 2: 0 s"),
        ("-1: b", "line 1: -1 s"),
        ("9999: a", "up to 3600"),
        ("1: a\n1 seed -1: b", "line 2"),
        (f"1 seed {2**63}: a", "line 1: seed"),
        ("\n".join(["1: a"] * 1001), "1001 shots"),
    ],
)
def test_what_is_no_shot_is_named_by_its_line(text, says):
    with pytest.raises(UsageError, match=says) as caught:
        parse_shots(text, timed=True)
    assert "\n" not in str(caught.value)


def test_spans():
    assert read_spans("0-2, 5 - 7.5;") == [(0.0, 2.0), (5.0, 7.5)]
    for text in ("2-1", "soon", "1", "-1-2"):
        with pytest.raises(UsageError, match="give spans"):
            read_spans(text)


@pytest.mark.parametrize(
    "line",
    ["1" * 200_000, " " * 200_000 + "x", "1" + " " * 200_000 + "x", "cut" + " " * 200_000 + ".", "1." + "1" * 200_000 + "s",
     "seed " + "1" * 200_000, "1 s" + "\t \t" * 60_000, "cut 5 seed" + " " * 200_000],
    ids=range(8),
)  # fmt: skip
def test_long_lines_of_digits_and_blanks_are_read_at_once(line):
    begin = time.monotonic()
    try:
        parse_shots(f"a{line}\n{line}x")
    except UsageError as error:
        assert len(str(error)) < 200
    assert time.monotonic() - begin < 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "shots.txt")
    with pytest.raises(UsageError, match="is no file"):
        read_shot_file(tmp_path / "shots.txt")


MANY = "0" * 400


@pytest.mark.parametrize(
    "content",
    [
        f'[{{"prompt": "a", "seconds": -1{MANY}}}]',
        f'[{{"prompt": "a", "seconds": 1{MANY}}}]',
        '[{"prompt": "a", "seconds": NaN}]',
        f'[{{"prompt": "a", "seed": -1{MANY}}}]',
        f'[{{"prompt": "a", "seed": 1{MANY * 20}}}]',
        f'[{{"prompt": "a", "seconds": ["{MANY}"]}}]',
        "[" * 100_000,
        f'["{MANY * 50}"]',
        '[{"\\ud800": 1, "prompt": "a"}]',
        '{"shots": 5}',
        '[{"prompt": []}]',
    ],
    ids=range(11),
)
def test_json_with_hostile_values_is_one_line(tmp_path, content):
    (tmp_path / "shots.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_shot_file(tmp_path / "shots.json")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300 + len(str(tmp_path))


def test_half_characters_become_whole_ones(tmp_path):
    (tmp_path / "shots.json").write_text('["a \\ud800 dog"]', encoding="utf-8")
    assert read_shot_file(tmp_path / "shots.json") == [ShotText("a ? dog")]
    (tmp_path / "long.txt").write_bytes(b"a dog\n" * 2_000_000)
    with pytest.raises(UsageError, match="MiB"):
        read_shot_file(tmp_path / "long.txt")
