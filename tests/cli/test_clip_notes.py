"""What happens to the clips that are given is said, each in one line: rate, length, size, cropping, HDR, sound."""

import argparse
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from comfyui_longtake.cli.clip_notes import clip_notes
from comfyui_longtake.cli.options import add_render_options
from comfyui_longtake.cli.plan import make_plan
from comfyui_longtake.media.read import VideoInfo
from comfyui_longtake.media.write import open_writer
from PIL import Image


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """Notes on a command line, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    add_render_options(parser)
    return lambda *line: make_plan(parser.parse_args(line)).notes


def film(name, width=64, height=48, fps=8, frames=10, sound=False):
    with av.open(name, "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "bgr0"
        track = container.add_stream("pcm_s16le", rate=8000, layout="stereo") if sound else None
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8))))
        container.mux(stream.encode())
        if track:
            noise = av.AudioFrame.from_ndarray(np.zeros((1, 2000), np.int16), format="s16", layout="stereo")
            noise.rate = 8000
            container.mux(track.encode(noise))
    return name


def still(name, width, height):
    with open_writer(name, width, height, 8) as writer:
        writer.write(torch.zeros(1, height, width, 3))
    return name


def test_a_clip_that_fits_needs_no_words(notes):
    assert notes("--extend", film("a.mkv")) == []
    assert notes("--extend", film("b.mkv", frames=13)) == [], "an odd count of frames stays as it is"


@pytest.mark.parametrize(
    ("fps", "said", "frames"), [(23.976, "23.976", 4), (24, "24", 4), (29.97, "29.97", 3), (30, "30", 3), (60, "60", 2)]
)
def test_a_rate_that_is_changed(notes, fps, said, frames):
    line = f"a.mkv: {said} fps become 8, about 12 frames become {frames} (--fps sets another rate)"
    assert notes("--extend", film("a.mkv", fps=fps, frames=12)) == [line]
    assert notes("a", "--remix", "a.mkv") == [line]


def test_a_rate_that_the_model_did_not_learn(notes):
    words = "fps: the model in the box learned 8 to 16, what moves may be too slow or too fast"
    assert notes("a dog", "--fps", "30") == [f"30 {words}"]
    assert notes("--extend", film("a.mkv", fps=30), "--fps", "30") == [f"30 {words}"]
    assert notes("--extend", film("b.mkv", fps=2)) == [f"2 {words}"]
    assert notes("a dog", "--fps", "12") == notes("a dog", "--fps", "16") == []


def test_16_to_9_is_cropped_with_a_word(notes):
    (note,) = notes("--extend", film("a.mkv", 640, 360, 30, 3))
    assert note == (
        "a.mkv: 30 fps become 8, about 3 frames become 1 (--fps sets another rate), 640x360 becomes 272x144, "
        "6 % of its height is cut off to fit 272x144"
    )


def test_a_second_clip_that_differs(notes):
    (note,) = notes("--connect", film("a.mkv"), film("b.mkv", 64, 64, 12, 24))
    assert note == (
        "b.mkv: 12 fps become 8, about 24 frames become 16 (--fps sets another rate), 64x64 becomes 64x48, "
        "25 % of its height is cut off to fit 64x48"
    )


def test_pictures(notes):
    assert notes("a", "--image", still("a.png", 512, 320)) == []
    assert notes("a", "--image", still("b.png", 64, 64)) == ["b.png: 38 % of its height is cut off to fit 256x160"]
    assert notes("a", "--keyframe", "1=b.png") == ["b.png: 38 % of its height is cut off to fit 256x160"]


def test_sound_that_is_not_carried_over_is_said_once(notes):
    for name in ("a.mkv", "b.mkv"):
        film(name, sound=True)
    assert notes("a", "--remix", "a.mkv") == ["the sound of a.mkv is not carried over: the film is silent"]
    assert notes("--connect", "a.mkv", "b.mkv", "-o", "pictures") == [
        "the sound of a.mkv and b.mkv is not carried over: the film is silent"
    ]
    assert notes("--connect", "a.mkv", "a.mkv") == notes("--extend", "a.mkv", "--backward") == []


def test_hdr_is_said():
    info = VideoInfo(64, 48, Fraction(8), 10, 1.25, False, hdr="PQ")
    (note,) = clip_notes([(Path("a.mp4"), info)], (64, 48), 8.0, "clip", False)
    assert note.startswith("a.mp4 is HDR (PQ)")


def test_inspect_tells_of_sound(longtake):
    film("a.mkv", sound=True)
    film("b.mkv")
    assert "sound    pcm_s16le, 8000 Hz, stereo" in longtake("inspect", "a.mkv", "--quiet")[1].splitlines()
    assert "sound    none" in longtake("inspect", "b.mkv", "--quiet")[1].splitlines()
    assert '"sound": "pcm_s16le, 8000 Hz, stereo"' in longtake("inspect", "a.mkv", "--quiet", "--json")[1]


def test_frames_of_a_clip_are_counted_as_they_are(render, longtake, tmp_path):
    """An odd count of frames stays odd; a clip that FFmpeg cannot read alone is extended like any other."""
    report = render("--extend", film("a.mkv", frames=13, sound=True), "--frames", 4, "-o", "a.mp4")
    assert report["frames"] == 17 and report["notes"] == []
    first, *rest = [Image.new("RGB", (64, 48), (shade, 0, 0)) for shade in range(0, 250, 50)]
    first.save("b.webp", save_all=True, append_images=rest, duration=125, lossless=True)
    report = render("--extend", "b.webp", "--frames", 4, "-o", "b.mp4")
    assert (report["frames"], report["fps"], report["notes"]) == (9, 8.0, [])
