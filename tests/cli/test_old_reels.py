"""Reels that an earlier version's command line and node have made, on today's command line."""

import json
import shutil
from pathlib import Path

import pytest
from comfyui_longtake.media.read import read_frames
from comfyui_longtake.models.load import manifest_id, read_manifest
from comfyui_longtake.reel.store import SCHEMA

REELS = Path(__file__).parents[1] / "reel" / "reels"
KINDS = {"command_line": (56, 44, 5), "node": (32, 20, 5)}  # a join of shots, one of windows, segments


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def reel(kind, tmp_path):
    return Path(shutil.copytree(REELS / kind, tmp_path / "reel"))


def test_an_old_reel_is_inspected(longtake, kind, reel):
    join, window, segments = KINDS[kind]
    before = (reel / "reel.json").read_bytes()
    code, out, _ = longtake("inspect", "reel", "--json")
    found = json.loads(out)
    assert code == 0 and found["record"]["join_frames"] == {"joins": [join], "windows": [window]}
    assert [one["frame"] for one in found["record"]["retried_windows"]] == [window, join] and "series" not in found["record"]
    assert len(found["segments"]) == segments and all(segment["present"] for segment in found["segments"])
    code, out, _ = longtake("inspect", "reel", "--plot", "p.png")
    assert code == 0 and next(iter(read_frames("p.png"))).shape == (700, 900, 3)
    for part in (f"join at frame {join}: ratio ", "between windows: 1 join", "red dog runs", "blue cat sleeps", "earlier  2 of"):
        assert part in out
    assert sum("kept is seed" in line for line in out.splitlines()) == 2
    assert (reel / "reel.json").read_bytes() == before
    code, out, _ = longtake("inspect", "reel", "--prune", "--json")
    assert code == 0 and len(json.loads(out)["segments"]) == segments - 2 and json.loads(out)["record"] == found["record"]


def test_an_old_reel_goes_on(longtake, kind, reel, weights_of_then):
    """By the weights it was made with; its segments stay until it is pruned."""
    name = f"longtake-{manifest_id(read_manifest(weights_of_then))}"
    index = json.loads((reel / "reel.json").read_text())
    if kind == "command_line":
        index["header"]["model"] = f"{name}-as-written"
        (reel / "reel.json").write_text(json.dumps(index))
    words = ("render", "a dog", "--frames", 8, "--size", "32x16", "--weights", weights_of_then, "--quiet", "--json", "--no-mark")
    code, _, err = longtake(*words, "--reel", "reel", "-o", "a.mp4")
    assert code == 0, err
    longtake(*words, "-o", "fresh.mp4")
    assert Path("a.mp4").read_bytes() == Path("fresh.mp4").read_bytes()
    after = json.loads((reel / "reel.json").read_text())
    assert after["schema"] == SCHEMA and after["header"]["model"] == name and after["metrics"]["frames"] == 8
    assert [entry["key"] for entry in after["segments"]][1:] == [entry["key"] for entry in index["segments"]]
    segments = reel / "segments"
    before = {path: path.stat().st_mtime_ns for path in segments.iterdir()}
    assert longtake(*words, "--reel", "reel", "-o", "b.mp4")[0] == 0
    assert before == {path: path.stat().st_mtime_ns for path in segments.iterdir()}
    assert longtake("inspect", "reel", "--prune")[0] == 0 and len(list(segments.iterdir())) == 1


def test_an_old_reel_of_another_size_is_refused(longtake, reel, tiny_weights):
    words = ("render", "a dog", "--frames", 8, "--size", "64x48", "--weights", tiny_weights, "--quiet")
    code, out, err = longtake(*words, "--reel", "reel", "-o", "a.mp4")
    assert (code, out, len(err.splitlines())) == (1, "", 1) and "another reel" in err and not Path("a.mp4").exists()
