"""Command lines checked against each other, sizes and lengths snapped with a note, outputs checked early."""

import argparse
import time

import pytest
import torch
from comfyui_longtake.cli.options import add_render_options
from comfyui_longtake.cli.plan import make_plan
from comfyui_longtake.errors import LongTakeError, MediaError, UsageError
from comfyui_longtake.media.mark import make_record
from comfyui_longtake.media.mark import tags as container_tags
from comfyui_longtake.media.write import open_writer


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """make_plan of a command line, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    add_render_options(parser)
    return lambda *line: make_plan(parser.parse_args(line))


def clip(path, frames=10, width=64, height=48, fps=8, prompt=None):
    tags = None if prompt is None else container_tags(make_record(prompt, 1, "model"))
    with open_writer(path, width, height, fps, metadata=tags) as writer:
        writer.write(torch.rand(frames, height, width, 3))
    return str(path)


def test_defaults(plan):
    made = plan("a dog")
    assert (made.mode, made.frames, made.size, made.canvas, made.fps) == ("text", 32, (256, 160), (256, 160), 8.0)
    assert made.output.name == "longtake.mp4"
    assert made.notes == []


@pytest.mark.parametrize(
    ("size", "written", "canvas", "notes"),
    [
        ("160x256", (160, 256), (160, 256), 0),
        ("250x130", (250, 130), (256, 144), 1),
        ("251x131", (250, 130), (256, 144), 2),
        ("17x16", (16, 16), (16, 16), 1),
    ],
)
def test_sizes_are_snapped_with_a_note(plan, size, written, canvas, notes):
    made = plan("a dog", "--size", size)
    assert (made.size, made.canvas, len(made.notes)) == (written, canvas, notes)


def test_lengths(plan):
    assert plan("a dog", "--seconds", "60", "--fps", "12").frames == 720
    assert plan("a dog", "--seconds", "0.01").frames == 1
    assert any("1.1 s" in note for note in plan("a dog", "--seconds", "1.1").notes)


def test_one_frame_is_a_png(plan):
    made = plan("a dog", "--frames", "1", "-o", "dog.mp4")
    assert made.output.name == "dog.png"
    assert any("dog.png" in note for note in made.notes)
    assert plan("a dog", "--frames", "9", "-o", "dog.png").output.name == "dog_%05d.png"


@pytest.mark.parametrize(
    "line",
    [
        [],
        [""],
        ["  \n "],
        ["a", "--backward"],
        ["a", "--strength", "mild"],
        ["a", "--loop", "--image", "a.png"],
        ["--connect", "a.mp4", "b.mp4", "--strength", "0.2:0.5"],
        ["--connect", "a.mp4", "b.mp4", "--strength", "0"],
        ["--extend", "a.mp4", "--strength", "0.5"],
        ["a", "--extend", "a.mp4", "--remix", "b.mp4"],
        ["a", "--extend", "a.mp4", "--loop", "--backward"],
        ["a", "--shots", "missing.txt"],
        ["--shots", "missing.txt"],
        ["--loop"],
        ["--remix", "a.mp4"],
        ["a", "--loop", "--keyframe", "1=a.png"],
        ["a", "--loop", "--rolling"],
        ["a", "--retries", "1", "--rolling"],
        ["a", "-o", "out.gif"],
        ["a", "-o", "x%05d"],
    ],
)
def test_wrong_use(plan, line):
    with pytest.raises(UsageError) as caught:
        plan(*line)
    assert len(str(caught.value).splitlines()) == 1


def test_clip_gives_size_and_rate(plan, tmp_path):
    made = plan("--extend", clip(tmp_path / "a.mp4", fps=10))
    assert (made.size, made.fps, made.frames, made.mode) == ((64, 48), 10.0, 40, "extend")
    big = plan("--extend", clip(tmp_path / "b.mp4", width=640, height=360, fps=30, frames=3))
    assert big.fps == 8.0 and big.size[0] * big.size[1] < 300 * 180 and len(big.notes) == 1
    assert plan("a dog", "--remix", str(tmp_path / "a.mp4")).frames == 0


@pytest.mark.parametrize("name", ["missing.mp4", "text.mp4", "folder.mp4"])
def test_no_video(plan, tmp_path, name):
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(MediaError, match=name):
        plan("--extend", name)


def test_keyframes_lie_inside_the_clip(plan, tmp_path):
    with open_writer(tmp_path / "k.png", 32, 32, 8) as writer:
        writer.write(torch.rand(1, 32, 32, 3))
    assert [frame for frame, _ in plan("a", "--keyframe", "3=k.png", "--keyframe", "1.5=k.png").keyframes] == [12, 24]
    with pytest.raises(UsageError, match="after the end"):
        plan("a", "--keyframe", "4=k.png")


def test_output_is_checked_before_any_work(plan, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "dir.mp4").mkdir()
    for output in ("file/out.mp4", "/proc/out.mp4", "dir.mp4", "file"):
        with pytest.raises(LongTakeError, match="-o"):
            plan("a dog", "-o", output)
    source = clip(tmp_path / "a.mp4")
    with pytest.raises(UsageError, match="also an input"):
        plan("--extend", source, "-o", "a.mp4")


def test_full_disk_is_seen_early(plan, monkeypatch):
    usage = argparse.Namespace(free=1000)
    monkeypatch.setattr("comfyui_longtake.cli.video_file.shutil.disk_usage", lambda folder: usage)
    with pytest.raises(MediaError, match="MiB left"):
        plan("a dog")


def test_language_is_warned_about_once(plan):
    assert len(plan("ein roter Hund und eine Katze").notes) == 1
    assert plan("🐕").notes


def test_without_a_prompt_clips_go_on_with_their_own(plan, tmp_path):
    dog, film = clip(tmp_path / "a.mp4", prompt="a dog"), clip(tmp_path / "b.mp4", prompt=["a cat", "a bird"])
    bare = clip(tmp_path / "c.mp4")
    for line, prompts in (
        (("--extend", dog), ["a dog"]),
        (("--extend", film), ["a bird"]),
        (("--extend", film, "--backward"), ["a cat"]),
        (("--connect", dog, film), ["a dog", "a cat"]),
        (("--connect", dog, dog), ["a dog"]),
        (("--connect", bare, dog), ["", "a dog"]),
        (("--extend", bare), [""]),
        (("a fox", "--connect", dog, film), ["a fox"]),
        (("", "--extend", dog), [""]),
    ):
        made = plan(*line)
        assert made.prompts == prompts and len(made.shot_frames) == len(made.shots) == 1, line
        assert any("a dog" in note for note in made.notes) == ("a dog" in prompts), line


def test_more_frames_than_can_be_planned_are_refused_at_once(plan, tmp_path):
    (tmp_path / "shots.txt").write_text("3600: a dog\n" * 1000)
    begin = time.monotonic()
    with pytest.raises(UsageError, match="28,800,000 frames; give at most"):
        plan("--shots", "shots.txt")
    assert time.monotonic() - begin < 2
