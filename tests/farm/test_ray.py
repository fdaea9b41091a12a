"""`longtake film --ray`: the same film on a Ray cluster, also where an actor is killed at work; nobody is left over."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from comfyui_longtake.farm.folder import FilmFolder
from comfyui_longtake.media.read import read_frames

pytest.importorskip("ray")


def processes():
    """Ids and command lines of all processes."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
def test_an_actor_killed_at_work_is_replaced(film, tmp_path, tiny_weights):
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
    command = [sys.executable, "-m", "comfyui_longtake", *map(str, words), "--ray", "--processes", "2"]
    before = set(processes())
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        victim, deadline = None, time.monotonic() + 120
        while victim is None and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
            at_work = [pid for pid, line in processes().items() if pid not in before and line.startswith("ray::Studio.make")]
            victim = at_work[0] if at_work else None
        assert victim is not None, process.communicate(timeout=5)
        time.sleep(0.5)
        os.kill(victim, signal.SIGKILL)
        out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert report["frames"] == 256 and "its process ended" in err
    assert {one["by"] for one in report["made"]} <= {"actor 1", "actor 2"} and len(report["made"]) == 4
    folders = [FilmFolder(tmp_path / name).listed() for name in ("whole.film", "film.film")]
    for one, two in zip(*folders, strict=True):
        assert two["state"] == "done"
        frames = [torch.stack(list(read_frames(Path(chain["folder"]) / "frames.mkv"))) for chain in (one, two)]
        assert torch.equal(*frames)
    deadline = time.monotonic() + 20
    while left := [line for pid, line in processes().items() if pid not in before and ("ray" in line or "spawn_main" in line)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
