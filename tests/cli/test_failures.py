"""Everything that can go wrong ends in one line, the right exit code, and nothing under the final name."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from comfyui_longtake.media.read import read_frames
from comfyui_longtake.media.write import open_writer

SMALL = ("render", "a dog", "--size", "32x32", "--frames", "8", "--quiet")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["paint"],
        ["render"],
        ["render", ""],
        ["render", "a", "--size", "0"],
        ["render", "a", "--size", "17x3"],
        ["render", "a", "--size", "99999"],
        ["render", "a", "--seconds", "-4"],
        ["render", "a", "--seconds", "nan"],
        ["render", "a", "--fps", "inf"],
        ["render", "a", "--seed", "-1"],
        ["render", "a", "--steps", "0"],
        ["render", "a", "--cfg", "nan"],
        ["render", "a", "--order", "3"],
        ["render", "a", "--frames", "0"],
        ["render", "a", "--seconds", "4", "--frames", "4"],
        ["render", "a", "--nonsense"],
        ["inspect"],
        ["render", "a", "--device", "nonsense"],
        ["bench", "--seconds", "0"],
    ],
)
def test_wrong_use_is_one_line_and_exit_2(longtake, tmp_path, words):
    code, out, err = longtake(*words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1 and err.startswith("longtake: ")
    assert not list(tmp_path.iterdir())


def broken(folder, how):
    shards = sorted(folder.glob("dit-*.safetensors"))
    if how == "missing":
        shards[0].unlink()
    elif how == "truncated":
        shards[0].write_bytes(shards[0].read_bytes()[:1000])
    elif how == "altered":
        data = bytearray(shards[0].read_bytes())
        data[-1] ^= 1
        shards[0].write_bytes(bytes(data))
    elif how == "no manifest":
        (folder / "manifest.json").unlink()
    else:
        (folder / "manifest.json").write_text("{")


@pytest.mark.parametrize("how", ["missing", "truncated", "altered", "no manifest", "bad manifest"])
def test_bad_weights(longtake, tiny_weights, tmp_path, how):
    folder = tmp_path / "weights"
    shutil.copytree(tiny_weights, folder)
    broken(folder, how)
    code, out, err = longtake("render", "a dog", "--weights", folder, "-o", "a.mp4", "--quiet")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert str(folder) in err and not Path("a.mp4").exists()


@pytest.mark.parametrize("option", ["--extend", "--remix", "--image"])
@pytest.mark.parametrize("content", [None, b"", b"not a video", b"\x00" * 5000])
def test_input_that_is_no_video(longtake, tmp_path, option, content):
    if content is not None:
        (tmp_path / "in.mp4").write_bytes(content)
    code, _, err = longtake("render", "a dog", option, "in.mp4", "-o", "a.mp4")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "in.mp4" in err and not (tmp_path / "a.mp4").exists()


def test_inspect_of_no_video_and_no_reel(longtake, tmp_path):
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "folder").mkdir()
    for name in ("a.txt", "missing.mp4", "folder"):
        code, _, err = longtake("inspect", name)
        assert (code, len(err.splitlines())) == (1, 1)


def test_reel_of_another_size_is_refused(longtake, render, tiny_weights):
    render("a dog", "--frames", 4, "--reel", "reel", "-o", "a.mp4")
    code, _, err = longtake("render", "a dog", "--size", "32x32", "--weights", tiny_weights, "--reel", "reel", "--quiet")
    assert (code, len(err.splitlines())) == (1, 1) and "reel" in err


def test_damaged_reel_segment_is_made_again(render, tmp_path):
    render("a dog", "--frames", 4, "--no-mark", "--reel", "reel", "-o", "a.mp4")
    segment = next((tmp_path / "reel/segments").iterdir())
    good = segment.read_bytes()
    segment.write_bytes(good[:-1])
    render("a dog", "--frames", 4, "--no-mark", "--reel", "reel", "-o", "b.mp4")
    assert segment.read_bytes() == good
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_failing_writer_leaves_no_final_file(longtake, tiny_weights, monkeypatch, tmp_path):
    from comfyui_longtake.media import write

    def full(self, frame):
        with self._explained("stopped while it was written"):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(write.VideoWriter, "_put", full)
    code, _, err = longtake(*SMALL, "--weights", tiny_weights, "-o", "a.mp4")
    assert (code, len(err.splitlines())) == (1, 1) and "disk is full" in err
    assert not (tmp_path / "a.mp4").exists()


def test_an_older_file_survives_a_failed_render(longtake, tiny_weights, monkeypatch, tmp_path):
    with open_writer(tmp_path / "a.mp4", 32, 32, 8) as writer:
        writer.write(torch.rand(3, 32, 32, 3))
    before = (tmp_path / "a.mp4").read_bytes()
    monkeypatch.setattr("comfyui_longtake.engine.flow.check_finite", lambda x: (_ for _ in ()).throw(MemoryError()))
    code, _, err = longtake(*SMALL, "--weights", tiny_weights, "-o", "a.mp4")
    assert (code, len(err.splitlines())) == (1, 1) and "out of memory" in err
    assert (tmp_path / "a.mp4").read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_keeps_a_playable_part_and_the_reel(tmp_path, tiny_weights):
    words = ["render", "a dog", "--seconds", "600", "--size", "32x32", "--steps", "8", "--weights", tiny_weights]
    words += ["--reel", "reel", "-o", "a.mp4"]
    command = [sys.executable, "-m", "comfyui_longtake", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # a shell's background job starts with interrupts ignored, and would hand that on
    heed = functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heed) as process:
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("reel/segments/*.safetensors"))) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
    assert process.returncode == 130, err
    assert [line for line in err.splitlines() if line.startswith("longtake: ")] == err.splitlines()[-1:]
    assert "interrupted" in err and "Traceback" not in err
    assert not (tmp_path / "a.mp4").exists()
    assert len(list(read_frames(tmp_path / "a.partial.mp4"))) >= 8
    index = json.loads((tmp_path / "reel/reel.json").read_text())
    assert len(index["segments"]) >= 4  # the fifth file may stand before its line in the index


def test_version_and_help(capsys):
    from comfyui_longtake.cli import main

    for words in (["--version"], ["--help"], ["render", "--help"], ["inspect", "--help"], ["bench", "--help"]):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 0
    assert "longtake" in capsys.readouterr().out
