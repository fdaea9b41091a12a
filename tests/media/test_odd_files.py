"""Files that FFmpeg cannot wind back, or cannot read alone: frames, or one true line with the name."""

from fractions import Fraction

import av
import numpy as np
import pytest
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media.read import FPS_MAX, probe, read_frames, read_image
from PIL import Image

SHADES = [0, 60, 120, 180]


def pictures(mode="RGB"):
    return [Image.new(mode, (32, 24), (shade,) * 3 if mode == "RGB" else (shade, shade, shade, 255)) for shade in SHADES]


def levels(frames):
    return [round(float(frame.mean()) * 255) for frame in frames]


def raw(path, codec):
    with av.open(str(path), "w", format=path.suffix[1:]) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for picture in pictures():
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())


def test_animated_webp(tmp_path):
    first, *rest = pictures()
    first.save(tmp_path / "a.webp", save_all=True, append_images=rest, duration=125, lossless=True)
    info = probe(tmp_path / "a.webp")
    assert (info.frames, info.fps, info.duration, info.width, info.height) == (4, 8, 0.5, 32, 24)
    assert levels(read_frames(tmp_path / "a.webp")) == SHADES
    assert levels(read_frames(tmp_path / "a.webp", fps=16)) == [0, 60, 60, 120, 120, 180, 180, 180]
    assert levels(read_frames(tmp_path / "a.webp", start=0.25)) == SHADES[2:]


@pytest.mark.parametrize("canvas", [b"\xff\x5f\x00\xff\x7f\x00", b"\x3f\x00\x00\x2f\x00\x10"], ids=["24576x32768", "64x1048624"])
def test_animated_webp_that_says_it_is_huge(tmp_path, canvas):
    first, *rest = pictures()
    first.save(tmp_path / "a.webp", save_all=True, append_images=rest, duration=125, lossless=True)
    data = bytearray((tmp_path / "a.webp").read_bytes())
    data[24:30] = canvas
    (tmp_path / "a.webp").write_bytes(data)
    with pytest.raises(MediaError, match=r"a\.webp"):
        probe(tmp_path / "a.webp")


@pytest.mark.parametrize("size", [0, 11, 16, 20])
def test_a_webp_of_a_header_alone(tmp_path, size):
    (tmp_path / "a.webp").write_bytes(b"RIFF\x40\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02"[:size])
    with pytest.raises(MediaError, match=r"a\.webp"):
        probe(tmp_path / "a.webp")


def test_frames_a_microsecond_apart(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w", options={"default_mode": "infer"}) as container:
        stream = container.add_stream("ffv1", rate=1_000_000)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0"
        for number, shade in enumerate(pictures()):
            frame = av.VideoFrame.from_image(shade)
            frame.pts, frame.time_base = number, Fraction(1, 1_000_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    info = probe(tmp_path / "a.mkv")
    assert info.fps <= FPS_MAX and len(list(read_frames(tmp_path / "a.mkv"))) < 100


def test_animated_webp_of_uneven_times_and_alpha(tmp_path):
    films = [Image.new("RGBA", (32, 24), (200, 200, 200, alpha)) for alpha in (255, 0, 255)]
    films[0].save(tmp_path / "a.webp", save_all=True, append_images=films[1:], duration=[100, 300, 100], lossless=True)
    info = probe(tmp_path / "a.webp")
    assert (info.frames, info.duration, info.has_alpha) == (3, 0.5, True)
    assert levels(read_frames(tmp_path / "a.webp", fps=10)) == [200, 0, 0, 200, 200], "each the nearest in time"


def test_damaged_animated_webp_is_one_line(tmp_path):
    first, *rest = pictures()
    first.save(tmp_path / "a.webp", save_all=True, append_images=rest, duration=125, lossless=True)
    (tmp_path / "a.webp").write_bytes((tmp_path / "a.webp").read_bytes()[:60])
    with pytest.raises(MediaError, match=r"a\.webp") as error:
        probe(tmp_path / "a.webp")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("frames", [1, 4])
@pytest.mark.parametrize("duration", [0, 125])
@pytest.mark.parametrize("name", ["a.png", "a.apng"])
def test_small_apng(tmp_path, name, frames, duration):
    first, *rest = pictures()[:frames]
    first.save(tmp_path / name, format="PNG", save_all=True, append_images=rest, duration=duration, default_image=False)
    info = probe(tmp_path / name)
    assert info.frames == frames and info.fps <= FPS_MAX
    assert levels(read_frames(tmp_path / name)) == SHADES[:frames]


@pytest.mark.parametrize("side", [16, 48, 256])
def test_icon(tmp_path, side):
    Image.new("RGBA", (side, side), (120, 120, 120, 255)).save(tmp_path / "a.ico", sizes=[(side, side)])
    info = probe(tmp_path / "a.ico")
    assert (info.width, info.height, info.frames) == (side, side, 1)
    assert levels([read_image(tmp_path / "a.ico")]) == [120]


@pytest.mark.parametrize(("name", "codec"), [("a.h264", "libx264"), ("a.hevc", "libx265"), ("a.m4v", "mpeg4")])
def test_raw_film(tmp_path, name, codec):
    raw(tmp_path / name, codec)
    info = probe(tmp_path / name)
    assert (info.frames, info.fps) == (4, Fraction(25))
    found = levels(read_frames(tmp_path / name))
    assert np.abs(np.subtract(found, SHADES)).max() <= 3


def test_sound_is_told(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream, sound = container.add_stream("ffv1", rate=8), container.add_stream("pcm_s16le", rate=8000, layout="mono")
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0"
        container.mux(stream.encode(av.VideoFrame.from_image(pictures()[1])))
        noise = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.int16), format="s16", layout="mono")
        noise.rate = 8000
        container.mux(sound.encode(noise))
        container.mux(stream.encode())
    assert probe(tmp_path / "a.mkv").sound == "pcm_s16le, 8000 Hz, mono"
