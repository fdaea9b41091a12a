"""A render that is killed again and again ends in the film that an undisturbed one makes."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from comfyui_longtake.media.read import read_frames


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_kill_anywhere_and_go_on(tmp_path, tiny_weights, longtake):
    words = ["render", "a dog", "--seconds", "60", "--size", "64x48", "--steps", "30", "--weights", str(tiny_weights), "--quiet"]
    assert longtake(*words, "-o", "whole.mp4")[0] == 0
    reel = tmp_path / "reel"
    words += ["--reel", str(reel), "-o", "film.mp4"]
    command = [sys.executable, "-m", "comfyui_longtake", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    rng, kept = random.Random(0), {}

    def listed():
        """Files of the segments that the index names, by the time they were written."""
        index = json.loads((reel / "reel.json").read_text()) if (reel / "reel.json").exists() else {"segments": []}
        return {entry["file"]: (reel / "segments" / entry["file"]).stat().st_mtime_ns for entry in index["segments"]}

    for more in (1, 3, 2):
        with subprocess.Popen(command, cwd=tmp_path, env=environment) as process:
            deadline = time.monotonic() + 120
            while len(listed()) < len(kept) + more and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL and not (tmp_path / "film.mp4").exists()
        now = listed()
        assert len(now) >= len(kept) + more and kept.items() <= now.items()  # what was finished was not sampled again
        kept = now
    assert longtake(*words)[0] == 0
    assert kept.items() <= listed().items()
    whole, film = (torch.stack(list(read_frames(tmp_path / name))) for name in ("whole.mp4", "film.mp4"))
    assert len(whole) == 480 and torch.equal(whole, film)
    assert not list(reel.glob("**/*.partial*")) and not list(tmp_path.glob("*.partial*"))
