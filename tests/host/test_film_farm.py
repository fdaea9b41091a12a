"""`longtake film` on real ComfyUIs: one that runs beside one that does not, and two started here of which one is killed."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from comfyui_longtake.farm.comfy import free_port
from comfyui_longtake.farm.folder import FilmFolder
from comfyui_longtake.media.mark import read_record
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.reel.store import Reel

ROOT = Path(__file__).resolve().parent.parent.parent
SHOTS = "1: a white rabbit jumps in snow\ncut 1: a brown dog walks in the desert\n1: a brown dog runs\ncut 1 seed 9: a red car\n"
SET = ["--set", "Size and Duration.aspect=custom", "--set", "Size and Duration.width=96", "--set", "Size and Duration.height=64"]
SET += ["--set", "Take Sampling.steps=3"]


def frames_of(folder):
    return [torch.stack(list(read_frames(Path(chain["folder"]) / "frames.mkv"))) for chain in FilmFolder(folder).listed()]


@pytest.fixture
def words(tmp_path):
    """The command of a small film, to be run in `tmp_path`."""
    (tmp_path / "story.txt").write_text(SHOTS)
    return ["film", "story.txt", "--graph", str(ROOT / "workflows/api/film.json"), *SET, "--json", "--no-sign"]


def test_a_film_on_a_server(comfy, longtake, words, tmp_path):
    """One of two servers is not there; the film is whole, and its reels are those of the graph."""
    away = f"http://127.0.0.1:{free_port()}"
    code, out, err = longtake(*words, "--server", away, "--server", comfy.url, "-o", "a.mp4")
    assert code == 0, err
    report = json.loads(out)
    assert report["frames"] == 32 and away in err and {one["by"] for one in report["made"]} == {comfy.url}
    record = read_record(probe(tmp_path / "a.mp4").metadata["comment"])
    assert record["cuts"] == [8, 24] and record["seeds"] == [1, 2, 3, 9] and record["joins"] == [16]
    for chain in FilmFolder(tmp_path / "a.film").listed():
        with Reel.open(chain["folder"]) as reel:
            assert reel.finished and all(reel.tensors(segment.key) for segment in reel.segments)
    one = frames_of(tmp_path / "a.film")
    assert longtake(*words, "--server", comfy.url, "-o", "b.mp4", "--folder", "b.film")[0] == 0
    assert all(map(torch.equal, one, frames_of(tmp_path / "b.film"))), "made again, the same to the last bit"


@pytest.mark.slow
def test_servers_killed_at_work_are_started_again(longtake, keep_killing, words, tmp_path):
    finished = {}

    def after():
        listed = FilmFolder(tmp_path / "a.film").listed() if (tmp_path / "a.film/film.json").exists() else []
        files = [Path(chain["folder"]) / "frames.mkv" for chain in listed if chain["state"] == "done"]
        now = {file: file.stat().st_mtime_ns for file in files}
        assert finished.items() <= now.items(), "a chain that was done was made again"
        finished.update(now)

    def anew():
        finished.clear()
        shutil.rmtree(tmp_path / "a.film")

    words = [*words, "--local", "2", "-o", "a.mp4"]
    out = keep_killing([*words, "--cpu"], lambda line: "main.py --listen" in line, after, anew, 1, (8.0, 20.0))
    assert json.loads(out)["frames"] == 32 and len(finished) == 3
    again = longtake(*words)
    assert again[0] == 0 and json.loads(again[1])["made"] == []
