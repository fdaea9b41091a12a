"""What is written can be read back, carries its metadata, and survives a kill, a full disk and a bad folder."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media.read import probe, read_frames, read_image
from comfyui_longtake.media.write import open_writer


def psnr(a, b):
    return float(-10 * torch.log10((a - b).square().mean()))


def atoms(path):
    """Names of the top-level boxes of an MP4, in order."""
    data, at, names = Path(path).read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        names.append(data[at + 4 : at + 8].decode())
        at += size
    return names


@pytest.mark.parametrize(
    ("name", "width", "height", "fps", "codec"),
    [
        ("a.mp4", 128, 80, 8, "h264"),
        ("a.mp4", 127, 80, 8, "h264"),
        ("a.mp4", 128, 81, 24, "h264"),
        ("a.mp4", 127, 81, 23.976, "h264"),
        ("a.mov", 64, 48, 30, "h264"),
        ("a.webm", 128, 80, 29.97, "vp9"),
        ("a.webm", 127, 81, 8, "vp9"),
    ],
)
def test_round_trip(tmp_path, clip, name, width, height, fps, codec):
    frames = clip(20, height, width)
    with open_writer(tmp_path / name, width, height, fps) as writer:
        writer.write(frames[:7])
        writer.write(frames[7:])
    info = probe(tmp_path / name)
    assert (info.width, info.height, info.frames, info.codec) == (width, height, 20, codec)
    assert abs(float(info.fps) - fps) < 0.01 and abs(info.duration - 20 / fps) < 0.02
    back = torch.stack(list(read_frames(tmp_path / name)))
    assert back.shape == frames.shape and psnr(back, frames) > 37
    assert (back - frames).mean((0, 1, 2)).abs().max() < 0.6 / 255, "the colours have shifted"
    assert os.listdir(tmp_path) == [name], "no temporary file is left"


@pytest.mark.parametrize(("name", "size"), [("a.mp4", (2, 2)), ("a.mp4", (3, 2)), ("a.webm", (2, 2)), ("a.png", (2, 3))])
def test_smallest_sizes_and_one_frame(tmp_path, name, size):
    with open_writer(tmp_path / name, *size, 8) as writer:
        writer.write(torch.full((1, size[1], size[0], 3), 0.5))
    info = probe(tmp_path / name)
    assert (info.width, info.height, info.frames) == (*size, 1)
    (frame,) = read_frames(tmp_path / name)
    assert (frame - 0.5).abs().max() < 0.02


def test_kinds_of_frames(tmp_path, clip):
    frames = clip(4, 32, 48)
    spoilt = frames[3].clone()
    spoilt[0, 0] = float("nan")
    spoilt[0, 1] = 7.0
    with open_writer(tmp_path / "%d.png", 48, 32, 8) as writer:
        writer.write(frames[0])
        writer.write((frames[1:2] * 255).round().to(torch.uint8))
        writer.write(frames[2:3].numpy().astype(np.float16))
        writer.write(spoilt)
    for number in range(3):
        assert (read_image(tmp_path / f"{number}.png") - frames[number]).abs().max() < 0.003
    last = read_image(tmp_path / "3.png")
    assert last[0, 0].tolist() == [0, 0, 0] and last[0, 1].tolist() == [1, 1, 1]


def test_mp4_metadata_is_where_the_canvas_looks(tmp_path, clip):
    tags = {"workflow": {"nodes": ["é", "雪"]}, "prompt": json.dumps({"1": {}}), "title": "a take", "none": None}
    with open_writer(tmp_path / "a.mp4", 64, 48, 8, metadata=tags) as writer:
        writer.write(clip(9, 48, 64))
        held = (tmp_path / "a.partial.mp4").read_bytes()
    found = probe(tmp_path / "a.mp4").metadata
    assert json.loads(found["workflow"]) == tags["workflow"]
    assert found["prompt"] == '{"1": {}}' and found["title"] == "a take" and "none" not in found
    names = atoms(tmp_path / "a.mp4")
    assert names.index("moov") < names.index("mdat") and "moof" not in names
    assert b"workflow" in held, "a killed run keeps its graph too"


def test_webm_metadata_comes_before_the_pictures(tmp_path, clip):
    with open_writer(tmp_path / "a.webm", 64, 48, 8, metadata={"workflow": {"a": 1}}) as writer:
        writer.write(clip(9, 48, 64))
    data = (tmp_path / "a.webm").read_bytes()
    assert probe(tmp_path / "a.webm").metadata["workflow"] == '{"a": 1}'
    assert data.index(b"WORKFLOW") < data.index(b"\x1f\x43\xb6\x75")  # the first cluster


def test_png_carries_metadata(tmp_path, clip):
    from PIL import Image

    with open_writer(tmp_path / "seq", 48, 32, 8, metadata={"workflow": {"a": 1}, "title": "雪"}) as writer:
        writer.write(clip(3, 32, 48))
    assert sorted(os.listdir(tmp_path / "seq")) == [f"frame_{i:05d}.png" for i in range(3)]
    text = Image.open(tmp_path / "seq" / "frame_00001.png").text
    assert text == {"workflow": '{"a": 1}', "title": "雪"}


def test_one_picture_takes_one_frame(tmp_path, clip):
    with pytest.raises(MediaError, match=r"one picture"), open_writer(tmp_path / "a.png", 48, 32, 8) as writer:
        writer.write(clip(2, 32, 48))
    assert os.listdir(tmp_path) == ["a.png"]


def test_older_frames_in_the_folder_are_named(tmp_path, clip, caplog):
    for count in (4, 2):
        with open_writer(tmp_path, 48, 32, 8) as writer:
            writer.write(clip(count, 32, 48))
    assert "frame_00002.png" in caplog.text and (tmp_path / "frame_00003.png").exists()


def test_an_error_keeps_what_was_made(tmp_path, clip):
    (tmp_path / "a.mp4").write_bytes(b"an earlier take")
    with pytest.raises(RuntimeError, match="boom"), open_writer(tmp_path / "a.mp4", 64, 48, 8) as writer:
        writer.write(clip(11, 48, 64))
        raise RuntimeError("boom")
    assert (tmp_path / "a.mp4").read_bytes() == b"an earlier take"
    assert len(list(read_frames(tmp_path / "a.partial.mp4"))) == 11


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "seq", "a.png"])
def test_no_frames_is_an_error_and_leaves_nothing(tmp_path, name):
    with pytest.raises(MediaError, match="no frames"), open_writer(tmp_path / "sub" / name, 64, 48, 8):
        pass
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_a_killed_run_leaves_a_playable_file(tmp_path, name):
    code = f"""
        import torch
        from comfyui_longtake.media.write import open_writer
        writer = open_writer({str(tmp_path / name)!r}, 64, 48, 8, metadata={{"title": "killed"}})
        frame, noise = torch.rand(48, 64, 3), torch.Generator().manual_seed(0)
        for count in range(10_000):
            writer.write((frame + 0.1 * torch.rand(48, 64, 3, generator=noise)).clamp(0, 1))
            if count == 160:
                print("written", flush=True)
                import time; time.sleep(60)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "written\n"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert child.returncode == -signal.SIGKILL and not (tmp_path / name).exists()
    partial = tmp_path / name.replace(".", ".partial.")
    played = len(list(read_frames(partial)))
    assert 160 - 3 * 8 - 3 <= played <= 161, "about three seconds may be lost, at 8 frames a second"
    info = probe(partial)
    assert info.fps == 8 and abs(info.frames - played) <= 1 and info.metadata["title"] == "killed"


def limited(path, frames, limit):
    """Write noise in a child whose files may not pass `limit` bytes; its message."""
    code = f"""
        import torch
        from comfyui_longtake.errors import MediaError
        from comfyui_longtake.media.write import open_writer
        try:
            with open_writer({str(path)!r}, 128, 96, 8, crf=5) as writer:
                for _ in range({frames}):
                    writer.write(torch.rand(1, 96, 128, 3))
        except MediaError as error:
            print(error)
    """
    hold = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # noqa: E731
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, preexec_fn=hold, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_disk_full_keeps_a_playable_part(tmp_path, name):
    message = limited(tmp_path / name, 80, 400_000)
    assert "larger than this disk" in message and "\n" not in message
    partial = tmp_path / name.replace(".", ".partial.")
    assert partial.name in message and not (tmp_path / name).exists()
    assert len(list(read_frames(partial))) >= 4


def test_disk_full_while_finishing_keeps_the_whole_part(tmp_path, clip, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("comfyui_longtake.media.remux.sync", full)
    writer = open_writer(tmp_path / "a.mp4", 64, 48, 8)
    writer.write(clip(10, 48, 64))
    with pytest.raises(MediaError, match=r"disk is full.*a\.partial\.mp4"):
        writer.close()
    assert os.listdir(tmp_path) == ["a.partial.mp4"] and len(list(read_frames(tmp_path / "a.partial.mp4"))) == 10


@pytest.mark.parametrize("name", ["a.mp4", "seq/a_%03d.png"])
def test_folder_that_cannot_be_made(tmp_path, name):
    (tmp_path / "file").write_text("x")
    with pytest.raises(MediaError, match="is a file, not a folder"):
        open_writer(tmp_path / "file" / name, 64, 48, 8)


@pytest.fixture
def ordinary_user():
    """Root may write anywhere, so a test run by root takes another name for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "new/a.mp4", "seq"])
def test_read_only_folder(tmp_path, name, ordinary_user):
    if os.access(tmp_path, os.W_OK, effective_ids=True):
        tmp_path.chmod(0o500)
    with pytest.raises(MediaError, match="not writable"):
        open_writer(tmp_path / name, 64, 48, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "a.avi"}, r"\.avi.*use \.mp4"),
        ({"codec": "vp9"}, r"vp9.*\.webm.*\.mp4"),
        ({"width": 1}, "1x48.*2 to 8192"),
        ({"width": 64.0}, "whole pixels"),
        ({"fps": 0}, "0.1 to 240"),
        ({"fps": float("nan")}, "0.1 to 240"),
        ({"fps": float("inf")}, "0.1 to 240"),
        ({"crf": 52}, "0 .best. to 51"),
        ({"path": "a_%d_%d.png"}, "written once"),
    ],
)
def test_wrong_values_are_explained(tmp_path, change, message):
    values = {"path": "a.mp4", "width": 64, "height": 48, "fps": 8} | change
    path = tmp_path / values.pop("path")
    with pytest.raises(MediaError, match=message):
        open_writer(path, **values)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("frames", [torch.rand(1, 48, 63, 3), torch.rand(48, 64), torch.ones(1, 48, 64, 3).long()])
def test_wrong_frames_are_explained(tmp_path, frames):
    with pytest.raises(MediaError, match="cannot be written"), open_writer(tmp_path / "a.mp4", 64, 48, 8) as writer:
        writer.write(frames)
    assert not os.listdir(tmp_path)


def test_closed_writer(tmp_path, clip):
    writer = open_writer(tmp_path / "a.mp4", 64, 48, Fraction(8))
    writer.write(clip(2, 48, 64))
    writer.close()
    writer.close()
    with pytest.raises(MediaError, match="already closed"):
        writer.write(clip(2, 48, 64))


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_same_frames_give_the_same_pictures(tmp_path, clip, name):
    streams = set()
    for _ in range(12):
        with open_writer(tmp_path / name, 64, 48, 8) as writer:
            writer.write(clip(20, 48, 64))
        with av.open(str(tmp_path / name)) as container:
            streams.add(b"".join(bytes(packet) for packet in container.demux(video=0)))
    assert len(streams) == 1


def test_any_player_can_read_it(tmp_path, clip):
    with open_writer(tmp_path / "a.mp4", 64, 48, 8) as writer:
        writer.write(clip(9, 48, 64))
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.pix_fmt == "yuv420p" and stream.codec_context.colorspace == 1
        assert sum(1 for _ in container.decode(stream)) == stream.frames == 9


@pytest.mark.slow
def test_memory_does_not_grow_with_length(tmp_path):
    code = f"""
        import resource, torch
        from comfyui_longtake.media.read import read_frames
        from comfyui_longtake.media.write import open_writer
        torch.set_num_threads(1)
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        frame = torch.rand(8, 1, 1, 3).expand(8, 180, 320, 3)
        marks = []
        with open_writer({str(tmp_path / "a.mp4")!r}, 320, 180, 24) as writer:
            for step in range(120):
                writer.write(frame)
                if step in (24, 119):
                    marks.append(peak())
        for _ in read_frames({str(tmp_path / "a.mp4")!r}):
            pass
        marks.append(peak())
        print(*marks)
    """
    begun = time.monotonic()
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    early, late, after = map(int, out.stdout.split())
    assert late - early < 40 and after - late < 60, f"{out.stdout} MB in {time.monotonic() - begun:.0f} s"


@pytest.mark.parametrize("ending", ["webm", "mp4"])
def test_a_tag_that_the_container_cannot_hold_is_left_out_with_a_note(tmp_path, caplog, ending):
    path = tmp_path / f"a.{ending}"
    with open_writer(path, 32, 32, 8, metadata={"workflow": "x" * 2**24, "prompt": "y" * 2**20}) as writer:
        writer.write(torch.rand(4, 32, 32, 3))
    tags = probe(path).metadata
    assert len(tags["prompt"]) == 2**20
    if ending == "webm":
        assert "workflow" not in tags and "its tag workflow is left out" in caplog.text
    else:
        assert len(tags["workflow"]) == 2**24 and not caplog.text
