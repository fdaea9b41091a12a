"""Any local video or picture becomes upright frames at a constant rate, or one line that says why not."""

import logging
import os
import socket
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media.read import nearest, probe, read_frames, read_image
from comfyui_longtake.media.write import open_writer
from hypothesis import given
from hypothesis import strategies as st


def store(path, arrays, *, codec, pix_fmt, source="rgb24", times=None, fps=10, rotate=0, options=None, aspect=None):
    """Write `arrays` [H, W, C] uint8 with any codec; `times` in milliseconds make the rate variable."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options or {})
        stream.height, stream.width = arrays[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        stream.codec_context.time_base = Fraction(1, 1000) if times else Fraction(1, fps)
        if rotate:
            stream.set_display_rotation(rotate)
        for number, array in enumerate(arrays):
            frame = av.VideoFrame.from_ndarray(array, format=source)
            frame.pts = times[number] if times else number
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def greys(levels, height=32, width=48):
    return [np.full((height, width, 3), level, np.uint8) for level in levels]


def levels(frames):
    return [round(float(frame.mean()) * 255) for frame in frames]


@pytest.mark.parametrize(("name", "fps"), [("a.webm", 30), ("a.webm", 24000 / 1001), ("a.mp4", 24000 / 1001)])
def test_constant_rate_gives_every_frame_once(tmp_path, name, fps):
    shades = [(37 * i) % 200 + 20 for i in range(150)]
    with open_writer(tmp_path / name, 16, 16, fps) as writer:
        writer.write(torch.stack([torch.full((16, 16, 3), shade / 255) for shade in shades]))
    found = levels(read_frames(tmp_path / name))
    assert len(found) == 150 and max(abs(a - b) for a, b in zip(found, shades, strict=True)) <= 3


def test_variable_rate_becomes_constant(tmp_path):
    path = store(tmp_path / "a.mkv", greys([0, 60, 120, 180]), codec="ffv1", pix_fmt="bgr0", times=[0, 100, 520, 1000], fps=1000)
    assert levels(read_frames(path, fps=10, seconds=1.1)) == [0, 60, 60, 60, 120, 120, 120, 120, 180, 180]


def test_rate_up_and_down_keep_the_length(tmp_path):
    path = store(tmp_path / "a.mkv", greys(range(0, 200, 10)), codec="ffv1", pix_fmt="bgr0")
    assert levels(read_frames(path, fps=5)) == list(range(0, 200, 20))
    assert len(list(read_frames(path, fps=30))) == 60
    assert len(list(read_frames(path, fps=0.1))) == 1


def test_start_and_seconds(tmp_path):
    shades = [10 + 2 * i for i in range(100)]
    with open_writer(tmp_path / "a.mp4", 16, 16, 10, crf=5) as writer:
        writer.write(torch.stack([torch.full((16, 16, 3), shade / 255) for shade in shades]))
    found = levels(read_frames(tmp_path / "a.mp4", start=4.2, seconds=1.5))
    assert len(found) == 15 and max(abs(a - b) for a, b in zip(found, shades[42:57], strict=True)) <= 1
    assert len(list(read_frames(tmp_path / "a.mp4", start=9.0))) == 10
    assert len(list(read_frames(tmp_path / "a.mp4", seconds=1000))) == 100


def test_a_late_first_frame_is_time_zero(tmp_path):
    path = store(tmp_path / "a.mkv", greys([10, 20, 30]), codec="ffv1", pix_fmt="bgr0", times=[5000, 5100, 5200])
    assert levels(read_frames(path, fps=10))[:3] == [10, 20, 30]


def rgba(height=32, width=48):
    picture = np.full((height, width, 4), 200, np.uint8)
    picture[:, : width // 2, 3] = 0
    picture[:, width // 2 :, 3] = 255
    return picture


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mov", "png", "rgba"),
        ("a.mkv", "ffv1", "bgra"),
        ("a.webm", "libvpx-vp9", "yuva420p"),
        ("a.png", "png", "rgba"),
    ],
)
def test_alpha_is_composited_over_black(tmp_path, name, codec, pix_fmt):
    path = store(tmp_path / name, [rgba()] * (1 if name == "a.png" else 3), codec=codec, pix_fmt=pix_fmt, source="rgba")
    assert probe(path).has_alpha
    frame = read_image(path)
    assert frame.shape == (32, 48, 3)
    assert frame[:, :20].max() < 0.05 and (frame[:, 28:] - 200 / 255).abs().max() < 0.05


def test_no_alpha(tmp_path):
    assert not probe(store(tmp_path / "a.mkv", greys([9]), codec="ffv1", pix_fmt="bgr0")).has_alpha


def test_deep_colour_keeps_its_steps(tmp_path):
    ramp = np.broadcast_to(np.linspace(0, 65535, 512).astype(np.uint16)[None, :, None], (16, 512, 3)).copy()
    path = store(tmp_path / "a.png", [ramp], codec="png", pix_fmt="rgb48be", source="rgb48le")
    frame = read_image(path)
    assert len(frame[0, :, 0].unique()) == 512 and (frame[0, -1] == 1).all()


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_rotation_is_undone(tmp_path, turn):
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:8, :8, 0] = 255
    path = store(tmp_path / "a.mp4", [picture] * 2, codec="libx264", pix_fmt="yuv444p", rotate=turn)
    info, frame = probe(path), read_image(path)
    assert tuple(frame.shape[:2]) == (info.height, info.width) == ((48, 32) if turn % 180 else (32, 48))
    corners = {90: frame[-4, 4], 180: frame[-4, -4], -90: frame[4, -4]}
    assert corners[turn][0] > 0.8


def test_wide_pixels_become_square(tmp_path):
    path = store(tmp_path / "a.mp4", greys([9]), codec="libx264", pix_fmt="yuv420p", aspect=Fraction(2, 1))
    assert (probe(path).width, probe(path).height) == (96, 32)
    assert read_image(path).shape == (32, 96, 3)


def test_size_crops_the_centre_and_smooths(tmp_path):
    board = np.indices((64, 96)).sum(0) % 2 * 255
    board[:, :16], board[:, 80:] = 0, 0
    path = store(tmp_path / "a.png", [np.repeat(board[..., None], 3, 2).astype(np.uint8)], codec="png", pix_fmt="rgb24")
    small = read_image(path, size=(16, 16))
    assert small.shape == (16, 16, 3) and (small[2:-2, 2:-2] - 0.5).abs().max() < 0.05, "no moire, no black sides"
    assert read_image(path, size=(31, 201)).shape == (201, 31, 3)


def test_reading_is_lazy_and_frames_are_the_callers(tmp_path):
    path = store(tmp_path / "a.mkv", greys([100] * 3), codec="ffv1", pix_fmt="bgr0")
    frames = read_frames(path, fps=20)
    next(frames).zero_()
    assert levels(frames) == [100] * 5
    assert os.listdir(tmp_path) == ["a.mkv"]


def audio(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())


def no_frames(path):
    with av.open(str(path), "w", format="mp4", options={"movflags": "empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.start_encoding()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("empty.mp4", lambda path: path.write_bytes(b"")),
        ("text.mp4", lambda path: path.write_text("this is not a video\n" * 50)),
        ("text.txt", lambda path: path.write_text("this is not a video\n" * 50)),
        ("noise.webm", lambda path: path.write_bytes(os.urandom(5000))),
        ("sound.wav", audio),
        ("none.mp4", no_frames),
        ("folder.mp4", lambda path: path.mkdir()),
        ("absent.mp4", lambda path: None),
    ],
)
@pytest.mark.parametrize("reader", [probe, read_frames, read_image])
def test_not_a_video_is_one_line(tmp_path, name, make, reader):
    make(tmp_path / name)
    with pytest.raises(MediaError) as error:
        reader(tmp_path / name)
    assert name in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "values",
    [
        {"fps": 0},
        {"fps": float("nan")},
        {"seconds": -1},
        {"start": -1},
        {"start": 99},
        {"size": (0, 5)},
        {"size": (5,)},
    ],
)
def test_wrong_values_are_explained(tmp_path, values):
    path = store(tmp_path / "a.mkv", greys([9]), codec="ffv1", pix_fmt="bgr0")
    with pytest.raises(MediaError):
        read_frames(path, **values)


@pytest.mark.parametrize("kind", ["m3u8", "address"])
def test_the_network_is_never_touched(tmp_path, kind):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        playlist = tmp_path / "list.m3u8"
        playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n")
        with pytest.raises(MediaError):
            probe(address if kind == "address" else playlist)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_truncated_file_gives_what_it_holds(tmp_path, clip, caplog):
    with open_writer(tmp_path / "a.mp4", 64, 48, 8) as writer:
        writer.write(clip(40, 48, 64))
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    with caplog.at_level(logging.WARNING):
        assert 10 <= len(list(read_frames(tmp_path / "cut.mp4"))) <= 40


def test_damage_in_the_middle_is_skipped(tmp_path, clip, caplog):
    with open_writer(tmp_path / "a.mp4", 64, 48, 8) as writer:
        writer.write(clip(40, 48, 64))
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[middle : middle + 200] = os.urandom(200)
    (tmp_path / "a.mp4").write_bytes(data)
    assert 30 <= len(list(read_frames(tmp_path / "a.mp4"))) <= 41


milliseconds = st.integers(1, 400).map(lambda ms: Fraction(ms, 1000))
rates = st.sampled_from([Fraction(1), Fraction(8), Fraction(24000, 1001), Fraction(30), Fraction(60)])


@given(st.lists(milliseconds, min_size=1, max_size=40), rates)
def test_nearest_takes_the_nearest_and_keeps_the_length(durations, fps):
    times = [sum(durations[:i], Fraction(0)) for i in range(len(durations))]
    out = list(nearest(zip(times, durations, times, strict=True), fps))
    assert abs(len(out) - sum(durations) * fps) <= 1 or len(out) == 1
    for number, picked in enumerate(out):
        assert abs(picked - number / fps) == min(abs(time - number / fps) for time in times)


@given(st.integers(1, 60), rates)
def test_nearest_leaves_a_constant_rate_alone(count, fps):
    items = [(number / fps, 1 / fps, number) for number in range(count)]
    assert list(nearest(items, fps)) == list(range(count))


@given(st.integers(1, 60), rates, rates, st.integers(0, 59), st.integers(1, 40))
def test_nearest_part_is_a_part_of_the_whole(count, source, fps, skip, take):
    items = [(number / source, 1 / source, number) for number in range(count)]
    whole = list(nearest(items, fps))
    skip = min(skip, len(whole) - 1)
    assert list(nearest(items, fps, start=skip / fps, seconds=take / fps)) == whole[skip : skip + take]
