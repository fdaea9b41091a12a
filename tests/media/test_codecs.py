"""Codecs: each one this machine has makes a file that reads back, and wrong pairs are one clear line."""

import os
import shutil
import subprocess
import sys

import av
import pytest
import torch
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media import codecs as table
from comfyui_longtake.media.codecs import TABLE, choose, codecs
from comfyui_longtake.media.read import read_frames
from comfyui_longtake.media.write import open_writer

NAMES = {"h264": "h264", "h265": "hevc", "av1": "av1", "prores": "prores", "vp9": "vp9"}
PAIRS = [(name, suffix) for name, codec in TABLE.items() for suffix in codec.suffixes]


def frames(count=12, height=48, width=64):
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([torch.stack([(x + 0.05 * i) % 1 * 0.5 + 0.25, y, 0.5 + 0 * x], -1) for i in range(count)])


@pytest.mark.parametrize(("name", "suffix"), PAIRS)
def test_round_trip(tmp_path, name, suffix):
    if name not in codecs():
        pytest.skip(f"no encoder for {name} here")
    shown, packets = frames(), []
    for file in ("a", "b"):
        tags = {"prompt": "{}", "workflow": "{}"}
        with open_writer(tmp_path / f"{file}{suffix}", 64, 48, 8, codec=name, metadata=tags) as writer:
            writer.write(shown[:5])
            writer.write(shown[5:])
        with av.open(str(tmp_path / f"{file}{suffix}")) as source:
            packets.append([bytes(packet) for packet in source.demux(video=0)])
    read = torch.stack([torch.as_tensor(frame) for frame in read_frames(tmp_path / f"a{suffix}")]).float()
    assert read.shape == shown.shape and -10 * torch.log10((read - shown).square().mean()) > 30
    assert packets[0] == packets[1]
    with av.open(str(tmp_path / f"a{suffix}")) as source:
        stream = source.streams.video[0]
        assert NAMES[name] in stream.codec_context.codec.name or NAMES[name] in stream.codec_context.name
        assert stream.average_rate == 8 and (stream.width, stream.height) == (64, 48)
        assert {"prompt", "workflow"} <= {key.lower() for key in source.metadata}
        assert suffix == ".webm" or stream.codec_context.codec_tag == (TABLE[name].tag or stream.codec_context.codec_tag)
    assert sorted(os.listdir(tmp_path)) == [f"a{suffix}", f"b{suffix}"]


@pytest.mark.parametrize("name", ["h265", "av1", "prores"])
def test_what_a_killed_writer_left_plays(tmp_path, name):
    if name not in codecs():
        pytest.skip(f"no encoder for {name} here")
    suffix = codecs()[name][0]
    code = (
        "import os, torch\nfrom comfyui_longtake.media.write import open_writer\n"
        f"w = open_writer('killed{suffix}', 64, 48, 8, codec={name!r})\n"
        "for _ in range(12):\n    w.write(torch.rand(8, 48, 64, 3))\nos._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 9
    assert os.listdir(tmp_path) == [f"killed.partial{suffix}"]
    assert sum(1 for _ in read_frames(tmp_path / f"killed.partial{suffix}")) >= 40
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(
    ("name", "suffix", "size", "says"),
    [
        ("prores", ".mp4", (64, 48), r"prores goes into \.mov, not \.mp4; \.mp4 takes h264"),
        ("h264", ".webm", (64, 48), r"\.webm takes .*vp9"),
        ("mpeg1", ".mp4", (64, 48), r"give one of h264"),
        ("av1", ".mp4", (63, 48), r"av1 needs even sides"),
    ],
)
def test_wrong_pairs(tmp_path, name, suffix, size, says):
    with pytest.raises(MediaError, match=says) as caught:
        open_writer(tmp_path / f"x{suffix}", *size, 8, codec=name)
    assert "\n" not in str(caught.value) and not os.listdir(tmp_path)


def test_a_codec_this_machine_lacks_is_not_offered(monkeypatch):
    monkeypatch.setattr(table, "encoder", lambda name: None if name == "av1" else TABLE[name].encoders[0])
    assert "av1" not in codecs() and "h264" in codecs()
    with pytest.raises(MediaError, match="no encoder for it"):
        choose("av1", ".mp4", 64, 48)


def test_odd_sizes_are_kept_where_the_codec_can(tmp_path):
    with open_writer(tmp_path / "odd.mp4", 63, 47, 8, codec="h265") as writer:
        writer.write(frames(4, 47, 63))
    with av.open(str(tmp_path / "odd.mp4")) as source:
        assert source.streams.video[0].codec_context.pix_fmt == "yuv444p" and source.streams.video[0].width == 63
