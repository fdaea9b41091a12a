"""Names of films: nothing is overwritten unasked, and a name that cannot be is refused before any work."""

import argparse
import os

import pytest
import torch
from comfyui_longtake.cli.options import add_render_options
from comfyui_longtake.cli.plan import make_plan
from comfyui_longtake.errors import UsageError
from comfyui_longtake.media.file_names import BYTES_MAX
from comfyui_longtake.media.write import open_writer


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """make_plan of a command line, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    add_render_options(parser)
    return lambda *line: make_plan(parser.parse_args(line))


def test_the_usual_name_is_numbered_where_a_film_lies(plan, tmp_path):
    (tmp_path / "longtake.mp4").write_text("mine")
    made = plan("a dog")
    assert made.output.name == "longtake_2.mp4"
    assert made.notes == ["longtake.mp4 is there already: writing longtake_2.mp4 (-o FILE gives another name)"]
    (tmp_path / "longtake_2.mp4").write_text("mine too")
    assert plan("a dog").output.name == "longtake_3.mp4"
    assert plan("a dog", "--frames", "1").output.name == "longtake.png"
    (tmp_path / "longtake.png").write_text("")
    assert plan("a dog", "--frames", "1").output.name == "longtake_2.png"
    assert plan("a dog", "-o", "longtake.mp4").output.name == "longtake.mp4", "what is asked for by name is replaced"


def test_two_runs_keep_both_films(render, tmp_path):
    first = render("a dog", "--frames", 4)
    before = (tmp_path / "longtake.mp4").read_bytes()
    second = render("a cat", "--frames", 4)
    assert (first["file"], second["file"]) == ("longtake.mp4", "longtake_2.mp4")
    assert (tmp_path / "longtake.mp4").read_bytes() == before and (tmp_path / "longtake_2.mp4").exists()


@pytest.mark.parametrize("name", [".mp4", ".WEBM", "sub/.mov", ".png"])
def test_an_ending_alone_is_no_name(plan, tmp_path, name):
    with pytest.raises(UsageError, match="no name before its ending"):
        plan("a dog", "-o", name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("letter", ["a", "é", "🐕"])
def test_the_longest_name_can_be_written_and_a_longer_is_refused(plan, tmp_path, letter):
    room = BYTES_MAX - len(".mp4")
    width = len(letter.encode())
    stem = letter * (room // width) + "a" * (room % width)
    with open_writer(plan("a dog", "-o", f"{stem}.mp4").output, 32, 32, 8) as writer:
        writer.write(torch.rand(2, 32, 32, 3))
    assert os.listdir(tmp_path) == [f"{stem}.mp4"]
    with pytest.raises(UsageError, match="246 bytes"):
        plan("a dog", "-o", f"{stem}a.mp4")


@pytest.mark.parametrize("name", ["a:b.mp4", "what?.mp4", "a*.webm", 'a"b.mp4', "a|b.mp4", "<a>.mp4", "a\tb.mp4", "a\\b.mp4"])
@pytest.mark.skipif(os.name == "nt", reason="these are paths of other kinds there")
def test_characters_that_windows_forbids(plan, name):
    with pytest.raises(UsageError, match="Windows") as error:
        plan("a dog", "-o", name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["con.mp4", "NUL.webm", "Com1.mp4", "lpt9.x.mp4", "aux", "new/prn/a.mp4", "dots./a.mp4", "space "])
def test_names_that_windows_forbids(plan, tmp_path, name):
    with pytest.raises(UsageError, match="Windows"):
        plan("a dog", "-o", name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["console.mp4", "com10.mp4", "a.b.mp4", ".hidden/a.mp4", "frames_%05d.png", "../up.mp4", ".", "ünï 犬.mp4"]
)
def test_names_that_may_be(plan, name):
    assert plan("a dog", "-o", name).output.name == name.rpartition("/")[2].strip(".") or name == "."
