"""Shot lists as they are written in a graph."""

import pytest
from comfyui_longtake.errors import UsageError
from comfyui_longtake.host.shots import ShotText, read_shots, read_spans


def test_lines_are_shots():
    text = "5: a dog runs\n\n# a remark\ncut 2.5 s: a cat, at 5: the clock\n3 seed 7 | a bird\nCUT 1s SEED 0: night"
    assert read_shots(text) == [
        ShotText(5.0, "a dog runs", False),
        ShotText(2.5, "a cat, at 5: the clock", True),
        ShotText(3.0, "a bird", False, 7),
        ShotText(1.0, "night", True, 0),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 shots"), ("a dog", "line 1.*no shot"), ("1: a\n0: b", "line 2: 0 s"), ("-1: b", "line 1: -1 s"),
        ("9999: a", "up to 3600"), ("1: a\n1 seed -1: b", "line 2"), (f"1 seed {2**63}: a", "line 1: seed"),
        ("\n".join(["1: a"] * 501), "501 shots"),
    ],
)  # fmt: skip
def test_what_is_no_shot_is_named_by_its_line(text, says):
    with pytest.raises(UsageError, match=says) as caught:
        read_shots(text)
    assert "\n" not in str(caught.value)


def test_spans():
    assert read_spans("0-2, 5 - 7.5;") == [(0.0, 2.0), (5.0, 7.5)]
    for text in ("2-1", "soon", "1", "-1-2"):
        with pytest.raises(UsageError, match="give spans"):
            read_spans(text)
