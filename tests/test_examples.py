"""Every program of docs/examples/ runs, on a small untrained model, and is as short as an example should be."""

import ast
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "docs/examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))
SAID = {
    "read_reel": "latent frames 0 to 11: (1, 24, 12, 3, 4)",
    "render": "32 frames in a.mp4",
    "extend": "48 frames in b.mp4",
}
"""Part of what each prints."""


@pytest.fixture
def arguments(longtake, tiny_weights, tmp_path):
    """What each program is given on its command line."""
    words = ("--weights", tiny_weights, "--size", "64x48", "--frames", "16", "--steps", "1", "--reel", "reel", "-o", "film.mp4")
    code, _, said = longtake("render", "a red dog runs", *words)
    assert code == 0, said
    return {
        "read_reel": [str(tmp_path / "reel")],
        "render": ["a red dog runs", "a.mp4", str(tiny_weights)],
        "extend": ["film.mp4", "b.mp4", "backward", str(tiny_weights)],
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(path), *arguments[path.stem]])
    runpy.run_path(str(path), run_name="__main__")
    assert SAID[path.stem] in capsys.readouterr().out


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short_and_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len([line for line in text.splitlines()[1:] if line.strip()]) <= 20
