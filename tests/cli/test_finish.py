"""`longtake finish`: what it makes and says, and every bad word in one line."""

import json

import pytest
import torch
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.media.verify import verify
from comfyui_longtake.media.write import open_writer


@pytest.fixture
def film(tmp_path):
    """film.mp4 in the folder where commands run: two shots of half a second, 8 frames a second, 64x48."""
    with open_writer(tmp_path / "film.mp4", 64, 48, 8, crf=4) as writer:
        writer.write(torch.full((4, 48, 64, 3), 0.2))
        writer.write(torch.full((4, 48, 64, 3), 0.8))
    return tmp_path / "film.mp4"


def test_a_film_is_finished(longtake, film, tmp_path):
    code, out, err = longtake("finish", film, "--fps", "24", "--size", "96x0", "--motion", "blend", "--json")
    assert code == 0, err
    said = json.loads(out)
    path = tmp_path / "film_finished.mp4"
    assert (said["file"], said["frames"], said["fps"], said["width"], said["height"]) == (str(path), 24, 24.0, 96, 72)
    assert said["pieces"] == 1 and said["pieces_reused"] == 0 and said["signed_by"] is None
    assert "note: 8 fps become 24 without an interpolation model: those between are blends of two" in " ".join(err.split())
    assert [round(float(frame.mean()), 1) for frame in read_frames(path)] == [0.2] * 12 + [0.8] * 12
    assert sorted(file.name for file in tmp_path.iterdir()) == ["film.mp4", "film_finished.mp4"]


def test_the_summary_is_short(longtake, film, tmp_path):
    code, out, _ = longtake("finish", film, "--fps", "16", "-o", "b.webm", "--quiet")
    assert (code, out) == (0, "")
    code, out, _ = longtake("finish", film, "--fps", "16", "-o", "b.webm")
    assert code == 0 and out.splitlines()[:2] == ["size     64x48", "frames   16 at 16 fps, 1.000 s"]
    assert probe(tmp_path / "b.webm").codec == "vp9"


def test_what_was_rendered_knows_its_cuts_and_is_not_marked_again(render, longtake, tmp_path):
    """The model in these tests is untrained, so its two shots look alike: the record alone tells where one ends."""
    (tmp_path / "story.txt").write_text("1s: a red dog runs\ncut 1s: a blue cat rests\n")
    render("--shots", "story.txt", "-o", "story.mp4")
    made = verify(tmp_path / "story.mp4").said.longtake
    assert len(made["cuts"]) == 1
    code, out, err = longtake("finish", "story.mp4", "--fps", "24", "-o", "b.mp4", "--json")
    assert code == 0, err
    said = verify(tmp_path / "b.mp4").said.longtake
    assert said["prompt"] == made["prompt"] and said["finished_from"] == made["id"] != said["id"]
    assert set(said["cuts"]) >= {round(made["cuts"][0] * 24 / made["fps"])}
    assert "neither marked nor signed" not in out


BAD = {
    "fps 0: give 0.1 to 240": ("--fps", "0"),
    "fps 241: give 0.1 to 240": ("--fps", "241"),
    "invalid float value: 'fast'": ("--fps", "fast"),
    "width 65 is odd": ("--size", "65x48"),
    "height 9000: give 2 to 8192": ("--size", "64x9000"),
    "is not a size: write WIDTHxHEIGHT": ("--size", "big"),
    "motion 'fly': give repeat or blend": ("--motion", "fly"),
    "is the film itself": ("-o", "film.mp4"),
    "a finished film is .mp4": ("-o", "b.gif"),
    "-o b: give a file, such as b.mp4": ("-o", "b"),
    "none.wav: no such file": ("--audio", "none.wav"),
    "film.mp4 holds no sound": ("--audio", "film.mp4"),
    "there is no audio": ("--audio-delay", "1"),
    "codec 'divx'": ("--codec", "divx"),
    "vp9 goes into .webm": ("--codec", "vp9"),
    "--label-whole needs --label": ("--label-whole",),
    "label: too long": ("--label", "x" * 70),
}


@pytest.mark.parametrize(("message", "words"), BAD.items())
def test_bad_words_are_one_line(longtake, film, tmp_path, message, words):
    code, _, err = longtake("finish", film, *words)
    last = err.strip().splitlines()[-1]
    assert code in (1, 2) and message in last and "Traceback" not in err
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]


@pytest.mark.parametrize(("name", "content"), [("none.mp4", None), ("text.mp4", b"no film"), ("empty.mp4", b"")])
def test_bad_films_are_one_line(longtake, tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, _, err = longtake("finish", name)
    assert code == 1 and err.strip().splitlines()[-1].startswith("longtake: ") and name in err and "Traceback" not in err


def test_sound_alone_is_no_film(longtake, tmp_path):
    import av
    import numpy as np

    with av.open(str(tmp_path / "song.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    code, _, err = longtake("finish", "song.mp4")
    assert code == 1 and "song.mp4 holds no video" in err
