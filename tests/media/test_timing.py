"""A finished film begins at 0 and lasts as long as its frames, at every rate, in every codec and container."""

import av
import pytest
import torch
from comfyui_longtake.media.codecs import encoder
from comfyui_longtake.media.write import open_writer

RATES = [8, 24000 / 1001, 24, 30000 / 1001, 60]
FILES = [
    ("h264", ".mp4"),
    ("h264", ".mov"),
    ("h265", ".mp4"),
    ("av1", ".mp4"),
    ("prores", ".mov"),
    ("vp9", ".webm"),
    ("ffv1", ".mkv"),
]
FRAMES = 24


@pytest.mark.parametrize("fps", RATES, ids=lambda fps: f"{fps:.5g}")
@pytest.mark.parametrize(("codec", "suffix"), FILES)
def test_a_film_begins_at_zero(tmp_path, codec, suffix, fps):
    if encoder(codec) is None:
        pytest.skip(f"this FFmpeg has no encoder for {codec}")
    with open_writer(tmp_path / f"a{suffix}", 64, 48, fps, codec=codec) as writer:
        for number in range(FRAMES):
            writer.write(torch.full((1, 48, 64, 3), number / FRAMES))
    with av.open(str(tmp_path / f"a{suffix}")) as file:
        stream = file.streams.video[0]
        start, seconds = float((stream.start_time or 0) * stream.time_base), file.duration / av.time_base
        times = [float(frame.time) * fps for frame in file.decode(video=0)]
    tick = 0.001 if suffix in (".webm", ".mkv") else 1e-6  # Matroska counts in milliseconds
    assert start == 0 and seconds == pytest.approx(FRAMES / fps, abs=max(tick, 1e-4))
    assert times == pytest.approx(list(range(FRAMES)), abs=2 * tick * fps + 1e-3)
