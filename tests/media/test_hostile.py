"""Files that were made to do harm, or were damaged: one MediaError, soon, without gigabytes."""

import random
import struct
import time
import zlib

import av
import numpy as np
import pytest
import torch
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media.read import GAP_MAX, probe, read_frames, read_image
from comfyui_longtake.media.write import open_writer


def test_a_drawing_without_pixels_is_no_video(tmp_path):
    (tmp_path / "a.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    )
    with pytest.raises(MediaError, match=r"a\.svg"):
        probe(tmp_path / "a.svg")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [16384, 60_000])
def test_a_picture_that_is_all_pixels(tmp_path, side):
    squeeze, row = zlib.compressobj(1), bytes(1 + side // 8)
    rows = b"".join(squeeze.compress(row) for _ in range(min(side, 16384))) + squeeze.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(data)
    begin = time.monotonic()
    with pytest.raises(MediaError, match=r"bomb\.png"):
        read_image(tmp_path / "bomb.png")
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize("times", [(1, 2, GAP_MAX + 60), (1, 2, 27_000), (200, 400, 700)], ids=["long", "very long", "many"])
def test_huge_gaps_between_frames(tmp_path, times):
    with av.open(str(tmp_path / "gap.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for at in (0, *(25 * second for second in times)):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            frame.pts = at
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    begin = time.monotonic()
    with pytest.raises(MediaError, match=r"gap\.mkv: some frames would be shown for"):
        for _ in read_frames(tmp_path / "gap.mkv", fps=8):
            pass
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize("ending", ["mp4", "webm", "png"])
def test_flipped_bytes(tmp_path, ending):
    """60 damaged copies, the same every time: frames, or one MediaError."""
    with open_writer(tmp_path / f"a.{ending}", 32, 32, 8) as writer:
        writer.write(torch.rand(1 if ending == "png" else 6, 32, 32, 3))
    whole, dice = (tmp_path / f"a.{ending}").read_bytes(), random.Random(7)
    for number in range(60):
        data = bytearray(whole)
        for _ in range(dice.choice((1, 4, 40))):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if number % 5 == 0:
            data = data[: dice.randrange(len(data))]
        path = tmp_path / f"b{number}.{ending}"
        path.write_bytes(data)
        begin = time.monotonic()
        try:
            for count, _ in enumerate(read_frames(path, fps=8, size=(32, 32))):
                if count > 200:
                    break
        except MediaError as error:
            assert "\n" not in str(error)
        assert time.monotonic() - begin < 10
