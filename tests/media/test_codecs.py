"""Codecs: each one this machine has makes a file that reads back, and wrong pairs are one clear line."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media import codecs as table
from comfyui_longtake.media.codecs import TABLE, choose, codecs
from comfyui_longtake.media.read import probe, read_frames, read_image
from comfyui_longtake.media.write import open_writer
from hypothesis import example, given, settings
from hypothesis import strategies as st

NAMES = {"h264": "h264", "h265": "hevc", "av1": "av1", "prores": "prores", "vp9": "vp9", "ffv1": "ffv1"}
TAGS = {"h264": "avc1", "h265": "hvc1", "av1": "av01", "prores": "apch"}
FORMATS = {"prores": "yuv422p10le", "ffv1": "bgr0"}
MATROSKA = ".webm", ".mkv"
PAIRS = [(name, suffix) for name, codec in TABLE.items() for suffix in codec.suffixes]


def psnr(a, b):
    return float(-10 * torch.log10((a - b).square().mean()))


@pytest.mark.parametrize(("name", "suffix"), PAIRS)
def test_round_trip(tmp_path, clip, name, suffix):
    if name not in codecs():
        pytest.skip(f"no encoder for {name} here")
    shown, packets, tags = clip(12, 48, 64), [], {"prompt": '{"1": {}}', "workflow": '{"nodes": []}'}
    for file in ("a", "b"):
        with open_writer(tmp_path / f"{file}{suffix}", 64, 48, 8, codec=name, metadata=tags) as writer:
            writer.write(shown[:5])
            writer.write(shown[5:])
        with av.open(str(tmp_path / f"{file}{suffix}")) as source:
            packets.append([bytes(packet) for packet in source.demux(video=0)])
    read = torch.stack(list(read_frames(tmp_path / f"a{suffix}")))
    assert read.shape == shown.shape and psnr(read, shown) > 36
    assert (read - shown).mean((0, 1, 2)).abs().max() < 0.6 / 255, "the colours have shifted"
    assert packets[0] == packets[1], "the same frames give the same pictures"
    info = probe(tmp_path / f"a{suffix}")
    assert (info.width, info.height, info.fps, info.frames, info.codec) == (64, 48, 8, 12, NAMES[name])
    assert tags.items() <= info.metadata.items()
    with av.open(str(tmp_path / f"a{suffix}")) as source:
        context = source.streams.video[0].codec_context
        assert context.pix_fmt == FORMATS.get(name, "yuv420p")
        colours = context.colorspace, context.color_primaries, context.color_trc, context.color_range
        assert colours == ((1, 1, 1, 1) if name != "ffv1" else (2, 2, 2, 2))
        assert suffix in MATROSKA or context.codec_tag == TAGS[name]
    if suffix not in MATROSKA:
        data = (tmp_path / f"a{suffix}").read_bytes()
        assert b"moof" not in data and data.index(b"moov") < data.index(b"mdat"), "one index, in front"
    assert sorted(os.listdir(tmp_path)) == [f"a{suffix}", f"b{suffix}"]


@pytest.mark.parametrize("name", ["h265", "av1", "prores", "ffv1"])
def test_what_a_killed_writer_left_plays(tmp_path, name):
    if name not in codecs():
        pytest.skip(f"no encoder for {name} here")
    suffix = codecs()[name][0]
    code = (
        "import os, signal, torch\nfrom comfyui_longtake.media.write import open_writer\n"
        f"w = open_writer('killed{suffix}', 64, 48, 8, codec={name!r}, metadata={{'prompt': 'p', 'workflow': 'w'}})\n"
        "frames = torch.rand(8, 48, 64, 3, generator=torch.Generator().manual_seed(0))\n"
        "for _ in range(12):\n    w.write(frames)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == -signal.SIGKILL
    partial = tmp_path / f"killed.partial{suffix}"
    assert os.listdir(tmp_path) == [partial.name]
    assert sum(1 for _ in read_frames(partial)) >= 96 - 40, "the last five seconds may be lost, at 8 frames a second"
    assert {"prompt": "p", "workflow": "w"}.items() <= probe(partial).metadata.items()


@pytest.mark.parametrize(
    ("name", "suffix", "size", "says"),
    [
        ("prores", ".mp4", (64, 48), r"prores goes into \.mov, not \.mp4; \.mp4 takes h264"),
        ("h264", ".webm", (64, 48), r"\.webm takes .*vp9"),
        ("mpeg1", ".mp4", (64, 48), r"give one of h264"),
        ("png", ".mp4", (64, 48), r"png.*\.png or a folder.*\.mp4"),
        ("h265", ".png", (64, 48), r"\.png.*png.*h265"),
        ("h265", ".mp4", (64, 14), r"64x14.*h265.*16 pixels"),
        ("av1", ".webm", (2, 48), r"2x48.*av1.*4 pixels"),
        ("prores", ".mov", (63, 48), r"63x48.*prores.*64x48"),
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


def test_what_is_offered_can_be_opened(tmp_path):
    assert "h264" in codecs()
    for name, suffix in PAIRS:
        if name in codecs():
            open_writer(tmp_path / f"{name}{suffix}", 64, 48, 8, codec=name).abort()
        else:
            with pytest.raises(MediaError, match="no encoder for it"):
                open_writer(tmp_path / f"{name}{suffix}", 64, 48, 8, codec=name)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "size", "stored"),
    [
        ("h265", (63, 47), "yuv444p"),
        ("av1", (63, 47), "yuv420p"),
        ("prores", (64, 47), FORMATS["prores"]),
        ("vp9", (63, 47), "yuv420p"),
    ],
)
def test_odd_sizes_are_kept(tmp_path, clip, name, size, stored):
    if name not in codecs():
        pytest.skip(f"no encoder for {name} here")
    path, shown = tmp_path / f"odd{codecs()[name][0]}", clip(4, size[1], size[0])
    with open_writer(path, *size, 8, codec=name) as writer:
        writer.write(shown)
    assert psnr(torch.stack(list(read_frames(path))), shown) > 36
    with av.open(str(path)) as source:
        assert source.streams.video[0].codec_context.pix_fmt == stored


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", list(TABLE))
def test_films_shorter_than_an_encoder_looks_ahead(tmp_path, clip, name, count):
    if name not in codecs():
        pytest.skip(f"no encoder for {name} here")
    path, shown = tmp_path / f"short{codecs()[name][0]}", clip(count, 48, 64)
    with open_writer(path, 64, 48, 8, codec=name) as writer:
        writer.write(shown)
    read = torch.stack(list(read_frames(path)))
    assert read.shape == shown.shape and psnr(read, shown) > 36
    with av.open(str(path)) as source:
        times = [(packet.dts, packet.pts) for packet in source.demux(video=0) if packet.size]
    assert all(dts <= pts for dts, pts in times) and sorted(dts for dts, _ in times) == [dts for dts, _ in times]


@pytest.mark.parametrize("name", list(TABLE))
def test_crf_is_one_scale(tmp_path, name):
    if name not in codecs():
        pytest.skip(f"no encoder for {name} here")
    path, sizes = tmp_path / f"a{codecs()[name][0]}", []
    noise = torch.rand(6, 48, 64, 3, generator=torch.Generator().manual_seed(0))
    for crf in (0, 18, 51):
        with open_writer(path, 64, 48, 8, codec=name, crf=crf) as writer:
            writer.write(noise)
        sizes.append(path.stat().st_size)
    assert sizes[0] > sizes[1] > sizes[2] if name not in ("prores", "ffv1") else len(set(sizes)) == 1


@pytest.mark.skipif("prores" not in codecs(), reason="no encoder for prores here")
@pytest.mark.parametrize("level", [0, 128, 255])
def test_deep_film_comes_back_as_light_as_it_was(tmp_path, level):
    with open_writer(tmp_path / "a.mov", 64, 48, 8, codec="prores") as writer:
        writer.write(np.full((2, 48, 64, 3), level, np.uint8))
    assert (read_image(tmp_path / "a.mov") * 255 - level).abs().max() < 0.3


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("h264", ".mp4"), ("h265", ".mp4"), ("av1", ".mp4"), ("prores", ".mov"), ("vp9", ".webm"), ("ffv1", ".mkv")],
)
def test_colours_stay_where_they_are(tmp_path, codec, suffix):
    """An edge of colour alone does not move, however often a film is made of a film."""
    if table.encoder(codec) is None:
        pytest.skip(f"this FFmpeg has no encoder for {codec}")
    picture = torch.full((48, 96, 3), 0.25)
    picture[:, :48, 0] = picture[:, 48:, 2] = 0.8
    for number in range(8):
        with open_writer(tmp_path / f"{number}{suffix}", 96, 48, 8, codec=codec, crf=0) as writer:
            writer.write(picture.expand(3, -1, -1, -1))
        picture = next(iter(read_frames(tmp_path / f"{number}{suffix}")))
    row = (picture[..., 0] - picture[..., 2])[24]
    left = int(((row[:-1] > 0) & (row[1:] <= 0)).nonzero()[0])
    assert left + float(row[left] / (row[left] - row[left + 1])) == pytest.approx(47.5, abs=0.1)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(2, 40), st.integers(2, 40), st.integers(1, 12), st.integers(0, 2**32), st.sampled_from([7.5, 8, 24000 / 1001, 60])
)
@example(16, 720, 2, 0, 24)
def test_ffv1_keeps_every_bit(width, height, frames, seed, fps):
    """Any size and rate: what is read is what was written, as many frames, each as it was."""
    shown = np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        with open_writer(Path(folder, "a.mkv"), width, height, fps) as writer:
            writer.write(shown)
        read = torch.stack(list(read_frames(Path(folder, "a.mkv"))))
    assert torch.equal((read * 255).round().byte(), torch.from_numpy(shown))
