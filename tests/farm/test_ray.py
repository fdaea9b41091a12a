"""`longtake film --ray`: the same film on a Ray cluster, also where an actor is killed at work; nobody is left over."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from comfyui_longtake.farm.folder import FilmFolder
from comfyui_longtake.media.read import read_frames

pytest.importorskip("ray")


def test_actors_killed_at_work_are_replaced(film, keep_killing, tmp_path, tiny_weights):
    (tmp_path / "story.txt").write_text("\n".join(f"cut 8: a dog number {number}" for number in range(4)))
    assert film("-o", "whole.mkv", "--steps", "8")[0] == 0
    words = [
        "film",
        "story.txt",
        "-o",
        "film.mkv",
        "--weights",
        tiny_weights,
        "--size",
        "64x48",
        "--steps",
        "8",
        "--no-sign",
        "--json",
    ]
    finished = {}

    def after():
        now = {chain["folder"]: chain["state"] for chain in FilmFolder(tmp_path / "film.film").listed()}
        assert all(now[folder] == "done" for folder in finished)
        finished.update({folder: state for folder, state in now.items() if state == "done"})

    def anew():
        finished.clear()
        shutil.rmtree(tmp_path / "film.film")

    out = keep_killing([*words, "--no-sign", "--json", "--ray", "--processes", "2"], is_of_ray, after, anew, 1, (12.0, 20.0))
    report = json.loads(out)
    assert report["frames"] == 256 and {one["by"] for one in report["made"]} <= {"actor 1", "actor 2"}
    folders = [FilmFolder(tmp_path / name).listed() for name in ("whole.film", "film.film")]
    for one, two in zip(*folders, strict=True):
        frames = [torch.stack(list(read_frames(Path(chain["folder"]) / "frames.mkv"))) for chain in (one, two)]
        assert two["state"] == "done" and torch.equal(*frames)


def is_of_ray(line):
    """Whether a process is an actor, or makes chains for one."""
    return line.startswith("ray::Studio") or "spawn_main" in line
