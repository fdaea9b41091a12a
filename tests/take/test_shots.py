"""Shot lists and spans as they are written on the command line and in a graph."""

import pytest
from comfyui_longtake.errors import UsageError
from comfyui_longtake.take.shots import SECONDS_MAX, SEED_MAX, ShotText, parse_shots, read_spans
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
