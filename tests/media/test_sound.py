"""Sound of a film: at its place to the millisecond, in every container, after minutes, from files and waveforms."""

import wave
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media.read import probe
from comfyui_longtake.media.sound import RATE, FileSound, WaveSound, track
from comfyui_longtake.media.soundtrack import open_audio
from comfyui_longtake.media.write import open_writer

SYNC = 0.02  # seconds


def film(path, seconds, fps=8, sound=(), codec=None):
    with open_writer(path, 32, 32, fps, sound=sound, codec=codec) as writer:
        for number in range(round(seconds * fps)):
            writer.write(torch.full((1, 32, 32, 3), (number % 8) / 8))
    return path


FILES = [
    (".mp4", "h264"),
    (".mp4", "h265"),
    (".mov", "h264"),
    (".mp4", "av1"),
    (".mov", "prores"),
    (".webm", "vp9"),
    (".mkv", "ffv1"),
]


@pytest.mark.parametrize("fps", [8, 24000 / 1001, 60])
@pytest.mark.parametrize(("suffix", "codec"), FILES)
def test_sound_is_where_it_was_put(tmp_path, suffix, codec, fps, beeps, heard):
    path = film(tmp_path / f"a{suffix}", 3, fps, [WaveSound(beeps(2), RATE, Fraction(1, 4))], codec)
    assert heard(path) == pytest.approx([0.25, 1.25], abs=SYNC)
    info = probe(path)
    assert info.sound.endswith("48000 Hz, stereo") and info.origin == 0
    assert abs(info.duration - round(3 * fps) / fps) < 1 / fps
    with av.open(str(path)) as file:
        assert float((file.streams.video[0].start_time or 0) * file.streams.video[0].time_base) == 0


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_the_sound_of_a_film_comes_through_at_its_place(tmp_path, suffix, beeps, heard):
    source = film(tmp_path / f"source{suffix}", 4, sound=[WaveSound(beeps(4, 44_100, channels=2), 44_100)])
    path = film(tmp_path / "long.mp4", 12, sound=[FileSound(source, Fraction(5, 2)), FileSound(source, Fraction(8))])
    assert heard(path) == pytest.approx([2.5, 3.5, 4.5, 5.5, 8, 9, 10, 11], abs=SYNC)


def test_one_channel_goes_to_both_sides_as_loud_as_it_is(tmp_path):
    tone = np.sin(np.arange(RATE) * 0.05).astype(np.float32)[None] / 2
    with wave.open(str(tmp_path / "mono.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((tone * 32767).astype("<i2").tobytes())
    for sound in (WaveSound(tone, RATE), open_audio(tmp_path / "mono.wav")):
        both = np.concatenate(list(sound.samples()), 1)
        assert both.shape == (2, RATE) and np.array_equal(both[0], both[1]) and np.abs(both[0] - tone[0]).max() < 1e-3


def test_sound_is_in_time_after_five_minutes(tmp_path, beeps, heard):
    source = film(tmp_path / "source.mp4", 300, 1, [WaveSound(beeps(300, 44_100, every=60.0), 44_100)])
    path = film(tmp_path / "long.mp4", 304, 1, [FileSound(source, Fraction(4))])
    assert heard(path) == pytest.approx([4, 64, 124, 184, 244], abs=SYNC)


def test_sound_that_begins_beside_its_video(tmp_path, beeps, heard):
    """Sound of a file whose first sample is heard 0.5 s after, or whose first 0.5 s lie before, the first frame."""
    for shift in (0.5, -0.5):
        path = tmp_path / f"{shift}.mkv"
        with av.open(str(path), "w") as file:
            video, audio = file.add_stream("libx264", rate=8), file.add_stream("pcm_s16le", rate=RATE)
            video.width = video.height = 32
            audio.layout = "mono"
            for number in range(16):
                frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                frame.pts, frame.time_base = number + 8, Fraction(1, 8)
                file.mux(video.encode(frame))
            file.mux(video.encode())
            wave = (beeps(2.0) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, round((1 + shift) * RATE), Fraction(1, RATE)
            file.mux(audio.encode(frame))
            file.mux(audio.encode())
        clicks = [0.5, 1.5] if shift > 0 else [0.5]
        assert heard(film(tmp_path / "out.mp4", 3, sound=[FileSound(path)])) == pytest.approx(clicks, abs=SYNC)


def test_pieces_lie_in_order_with_silence_between():
    ones = np.ones((1, RATE), np.float32)
    pieces = [WaveSound(ones, RATE, Fraction(3), Fraction(1, 2)), WaveSound(ones, RATE, Fraction(1))]
    whole = np.concatenate(list(track(pieces, Fraction(5))), 1)
    assert whole.shape == (2, 5 * RATE)
    halves = [float(np.abs(part).mean()) for part in np.split(whole[0], 10)]
    assert [half > 0.5 for half in halves] == [False, False, True, True, False, False, True, False, False, False]
    assert sorted(halves)[:7] == [0] * 7


def test_a_film_that_stops_leaves_no_other_file(tmp_path):
    with pytest.raises(MediaError), open_writer(tmp_path / "a.mp4", 32, 32, 8, sound=[FileSound(tmp_path / "no.mp4")]) as writer:
        writer.write(torch.zeros(8, 32, 32, 3))
    assert {path.name for path in tmp_path.iterdir()} <= {"a.partial.mp4"}
