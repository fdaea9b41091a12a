"""Three hundred hostile inputs of every kind, each a result or one line; `python tools/fuzz.py` tries ten thousand."""

import pytest
from comfyui_longtake.tools import fuzz as tool
from comfyui_longtake.tools.fuzz import KINDS, fuzz, here, judge


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_input_ends_in_one_line(kind, monkeypatch):
    monkeypatch.setattr(tool, "HANG", 120)  # tests run side by side
    assert fuzz(1_000_000, 50, [kind], here) == []


def test_what_is_wrong_is_found(tmp_path):
    """The judge of the command itself."""
    assert judge(0, "note: a", set(), {"a.mp4"}) is None and judge(2, "longtake: no", set(), set()) is None
    for code, said, left in (
        (1, "Traceback (most recent call last):", set()),
        (2, "one\ntwo", set()),
        (2, "", set()),
        (3, "one", set()),
        (2, "x" * 400, set()),
        (2, "a\x1b[2Jb", set()),
        (1, "one", {"a.partial.mp4"}),
    ):
        assert judge(code, said, set(), left) is not None
