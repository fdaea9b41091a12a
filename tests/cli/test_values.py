"""Argument types: what they accept, and that everything else ends in one line naming what is allowed."""

import argparse
import math
from pathlib import Path

import pytest
from comfyui_longtake.cli import values
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("text", ["nan", "-nan", "inf", "-inf", "-1", "0", "1e9", "four", "", "٤x"])
def test_number_refuses(text):
    with pytest.raises(argparse.ArgumentTypeError, match="more than 0 and at most 10"):
        values.number(0, 10, above=True)(text)


@given(st.floats(0, 10, exclude_min=True))
def test_number_accepts_what_it_names(value):
    assert values.number(0, 10, above=True)(repr(value)) == value


@pytest.mark.parametrize("text", ["-1", "1.5", "nan", "9" * 29, "1" * 5000, "", "0x10"])
def test_whole_refuses(text):
    with pytest.raises(argparse.ArgumentTypeError, match="whole number, 0 to 100"):
        values.whole(0, 100)(text)


@pytest.mark.parametrize(("text", "expected"), [("256x160", (256, 160)), ("16X4096", (16, 4096)), (" 250 × 130 ", (250, 130))])
def test_size_accepts(text, expected):
    assert values.size(text) == expected


@pytest.mark.parametrize(
    "text", ["0", "0x0", "17x3", "99999", "99999x99999", "-256x160", "256x", "nanxnan", "4096x4096", "a" * 999]
)
def test_size_refuses(text):
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        values.size(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 160


@given(st.text())
def test_every_type_ends_in_a_value_or_one_short_line(text):
    for parse in (values.size, values.strength, values.keyframe, values.whole(0, 9), values.number(0, 9)):
        try:
            parse(text)
        except argparse.ArgumentTypeError as error:
            assert len(str(error).splitlines()) == 1


def test_strength_names_and_numbers():
    assert [values.strength(name) for name in ("subtle", "mild", "strong", "0.2")] == [(s, s) for s in (0.35, 0.55, 0.75, 0.2)]
    assert values.strength("0.2:strong") == (0.2, 0.75)
    for text in ("1.1", "-0.1", "nan", "much"):
        with pytest.raises(argparse.ArgumentTypeError, match="subtle, mild, strong or a number"):
            values.strength(text)


def test_keyframe_keeps_an_equals_sign_in_the_path():
    assert values.keyframe("2.5=a=b.png") == (2.5, Path("a=b.png"))
    assert not math.isnan(values.keyframe("0=x.png")[0])
    for text in ("door.png", "=door.png", "2=", "nan=door.png", "-1=door.png"):
        with pytest.raises(argparse.ArgumentTypeError):
            values.keyframe(text)
