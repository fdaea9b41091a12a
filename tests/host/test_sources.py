"""A film goes in and comes out: Load Video, Latent from Video, take nodes, Video from Latent keep its frames, sound and rate."""

import io
import json

import av
import numpy as np
import pytest
import torch
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.media.sound import RATE, FileSound, WaveSound
from comfyui_longtake.media.write import open_writer

H264 = {"codec": "h264", "crf": 8, "mark": True}
FPS, FRAMES = 12, 13  # not the model's rate


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


@pytest.fixture(scope="module")
def clip(comfy, tmp_path_factory):
    """(name on the server, frames) of a film with a tone, its picture a field that moves."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 96), indexing="ij")
    frames = torch.stack(
        [
            torch.stack([0.5 + 0.4 * torch.sin(9 * x + 0.4 * t), y, 0.5 + 0.3 * torch.cos(7 * y - 0.3 * t)], -1)
            for t in range(FRAMES)
        ]
    )
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    tone = np.sin(np.arange(round(RATE * FRAMES / FPS)) / 20)[None].astype(np.float32)
    with open_writer(path, 96, 64, FPS, crf=8, sound=[WaveSound(tone, RATE)]) as writer:
        writer.write(frames)
    return comfy.upload(path), torch.stack(list(read_frames(path)))


def graph(take, name, fps=0.0, more=(), **encode):
    """Take node `take` on the film "41" at node 11; the film made goes to node 13."""
    ends = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0]}
    how = {"steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
    file = {"filename_prefix": "%date:yyyy%/%Sampling.seed%_source", **H264}
    take["inputs"]["sampling"] = ["10", 0]
    return {
        "1": node("LongTakeLoader", model="in the box"),
        "2": node("CLIPTextEncode", clip=["1", 1], text="a red dog walks in the desert"),
        "40": node("LoadVideo", file=name),
        "41": node("LongTakeEncode", video=["40", 0], vae=["1", 2], **{"fps": 0.0, "width": 0, "height": 0, **encode}),
        "10": node("LongTakeSampling", seed=3, window=6, overlap=0, anchor=True, vae=["1", 2], **ends, **how)
        | {"_meta": {"title": "Sampling"}},
        "11": take,
        "13": node("LongTakeVideo", latent=["11", 0], vae=["1", 2], fps=fps, **file),
        **dict(more),
    }


@pytest.fixture
def shown(comfy, tmp_path):
    """Runs a graph and gives the file of node 13, and its history entry."""

    def run(prompt):
        entry = comfy.run(prompt)
        (found,) = entry["outputs"]["13"]["images"]
        path = tmp_path / found["filename"]
        path.write_bytes(comfy.fetch(found))
        return path, entry, found

    return run


def psnr(one, other):
    return float(-10 * (one - other).square().mean().log10())


def loud(path):
    """Seconds from and to which a film can be heard."""
    wave = np.abs(np.concatenate(list(FileSound(path).samples()), 1)[0]) > 0.05
    found = np.flatnonzero(wave) / RATE
    return found[0], found[-1]


def test_a_film_extended_keeps_its_frames_sound_and_rate(shown, clip):
    name, frames = clip
    path, entry, found = shown(graph(node("LongTakeExtend", latent=["41", 0], direction="forward", seconds=1.0, fps=0.0), name))
    made, info = torch.stack(list(read_frames(path))), probe(path)
    assert (info.fps, info.width, info.height) == (FPS, 96, 64)
    assert len(made) == FRAMES + 12 and "25 frames" in entry["outputs"]["11"]["text"][0]
    assert torch.equal(made[:FRAMES], frames), "a clip of LongTake's is not encoded again"
    assert loud(path) == pytest.approx((0, FRAMES / FPS), abs=0.03)
    assert json.loads(info.metadata["comment"])["joins"] == [FRAMES]
    assert "the last one stands for" not in entry["outputs"]["41"]["text"][0]
    assert found["filename"].startswith("3_source") and len(found["subfolder"]) == 4


def test_a_film_extended_on_both_sides_is_heard_where_it_is_seen(shown, clip):
    name, frames = clip
    after = node("LongTakeExtend", latent=["41", 0], sampling=["10", 0], direction="forward", seconds=0.5, fps=0.0)
    before = node("LongTakeExtend", latent=["14", 0], direction="backward", seconds=1.0, fps=0.0)
    path, _, _ = shown(graph(before, name, more={"14": after}.items()))
    made = torch.stack(list(read_frames(path)))
    assert len(made) == 12 + FRAMES + 6
    assert min(psnr(one, other) for one, other in zip(made[12:], frames, strict=False)) > 38
    assert loud(path) == pytest.approx((1.0, 1.0 + FRAMES / FPS), abs=0.03)


def test_connected_films_and_audio_of_their_own(shown, clip):
    name, frames = clip
    take = node("LongTakeConnect", a=["41", 0], b=["41", 0], gap=0.5, fps=0.0)
    path, _, _ = shown(graph(take, name))
    made = torch.stack(list(read_frames(path)))
    assert len(made) == FRAMES + 6 + FRAMES
    for part in (made[:FRAMES], made[FRAMES + 6 :]):
        assert torch.equal(part, frames)
    prompt = graph(take, name, more={"15": node("GetVideoComponents", video=["40", 0])}.items())
    prompt["13"]["inputs"]["audio"] = ["15", 1]
    path, _, _ = shown(prompt)
    assert loud(path) == pytest.approx((0, FRAMES / FPS), abs=0.03)


def test_another_rate_and_size_are_said(shown, clip):
    name, _ = clip
    take = node("LongTakeExtend", latent=["41", 0], direction="forward", seconds=1.0, fps=0.0)
    path, entry, _ = shown(graph(take, name, fps=0.0, width=64, height=48) | {})
    said = entry["outputs"]["41"]["text"][0]
    assert "96x64 becomes 64x48: scaled" in said
    prompt = graph(node("LongTakeExtend", latent=["41", 0], direction="forward", seconds=1.0, fps=8.0), name)
    path, entry, _ = shown(prompt)
    assert probe(path).fps == 8 and not probe(path).sound
    assert "A clip of 12 fps in a take of 8" in entry["outputs"]["11"]["text"][0]


def test_a_prefix_that_names_nothing_or_is_forbidden(comfy, clip):
    name, _ = clip
    for prefix, said in (
        ("%Nobody.seed%", "no node 'Nobody'"),
        ("a:b", "Windows allows no ':'"),
        ("nul", "Windows keeps the name"),
    ):
        prompt = graph(node("LongTakeRecut", latent=["41", 0], keep="0-0.5", fps=0.0), name)
        prompt["13"]["inputs"]["filename_prefix"] = prefix
        with pytest.raises(comfy.Error, match=said):
            comfy.run(prompt)


def test_the_graph_in_a_film_is_json(comfy, shown):
    """Take nodes with a reel are run anew by what they tell the host, which it keeps in the graph."""
    size = {"aspect": "custom", "size": "256x160", "width": 96, "height": 64, "seconds": 1.0, "fps": 0.0}
    ends = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0]}
    how = {"steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
    path, _, _ = shown(
        {
            "1": node("LongTakeLoader", model="in the box"),
            "2": node("CLIPTextEncode", clip=["1", 1], text="a dog"),
            "3": node("LongTakePlanner", model=["1", 0], **size),
            "10": node("LongTakeSampling", seed=3, window=0, overlap=0, anchor=True, **ends, **how),
            "11": node(
                "LongTakeFilm", sampling=["10", 0], clip=["1", 1], latent=["3", 0], shots="1: a dog", fps=0.0, fade=0, reel="json"
            ),
            "13": node(
                "LongTakeVideo", latent=["11", 3], vae=["1", 2], fps=0.0, filename_prefix="json", codec="h264", crf=18, mark=False
            ),
        }
    )
    with av.open(io.BytesIO(path.read_bytes())) as file:
        text = file.metadata["prompt"]

    def refuse(word):
        raise ValueError(word)

    assert json.loads(text, parse_constant=refuse)["11"]["class_type"] == "LongTakeFilm"
    assert probe(path).fps == 8
