"""Words on the command line that are easily taken for something else, or that ask for what cannot be."""

import os

import pytest


def one_line(done, code, *words):
    assert done[0] == code and done[1] == ""
    assert len(done[2].splitlines()) == 1 and len(done[2]) <= 301 and all(word in done[2] for word in words), done[2]


@pytest.mark.parametrize("words", [["-dog"], ["--dog"], ["a dog", "-o", "-a.mp4"], ["-x"]])
def test_what_begins_with_a_dash_is_told_how_to_be_written(longtake, words):
    one_line(longtake("render", *words), 2, "begins with a dash", "after --")


def test_prompts_and_files_may_begin_with_a_dash(longtake, tiny_weights, tmp_path):
    words = ("--frames", 4, "--size", "32x32", "--weights", tiny_weights, "--quiet", "-o=-a.mp4")
    code, _, err = longtake("render", *words, "--", "-a dog")
    assert code == 0, err
    assert (tmp_path / "-a.mp4").is_file()


@pytest.mark.parametrize("device", ["meta", "hpu", "privateuseone", "\x1b[2J", "x" * 9999])
def test_devices_that_hold_no_pictures(longtake, tiny_weights, device):
    one_line(longtake("render", "a dog", "--device", device, "--weights", tiny_weights), 2, "use auto or cpu")
    one_line(longtake("evaluate", "--device", device, "--weights", tiny_weights), 2, "use auto or cpu")


@pytest.mark.parametrize("name", ["world", "world.txt", "world.mp4", "."])
def test_a_world_without_the_ending_of_a_picture(longtake, name):
    one_line(longtake("world", "-o", name), 2, ".png")


@pytest.mark.parametrize("words", [["dit", "--minutes", "0.01"], ["vae", "--minutes", "5", "--total", "1"]])
def test_training_that_cannot_be(longtake, tmp_path, words):
    one_line(longtake("train", *words), 2, "--minutes")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
def test_pipes_for_files(longtake, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    one_line(longtake("render", "--shots", "pipe"), 2, "is no file")
    one_line(longtake("run", "pipe"), 2, "is no file")
