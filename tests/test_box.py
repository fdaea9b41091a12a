"""The weights in the repository, end to end: they load, fit together, and do what the model card says of them."""

import json

import pytest
import torch
from comfyui_longtake.cli import main
from comfyui_longtake.lab.world.render import render
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.models.load import MANIFEST, WEIGHTS, load_bundle, read_manifest
from comfyui_longtake.models.prompts.scene import WORLDS
from comfyui_longtake.models.recaption import read_prompts


@pytest.fixture(scope="module")
def bundle():
    """The box as a render loads it."""
    return load_bundle()


def test_weights_are_listed_and_small():
    """Every file is in the manifest, shards are at most 16 MiB, all together under 60 MB."""
    listed = {name for net in read_manifest()["nets"].values() for name in net["files"]}
    files = {path.name: path.stat().st_size for path in WEIGHTS.glob("*.safetensors")}
    assert files.keys() == listed
    assert max(files.values()) <= 16 * 2**20
    assert sum(files.values()) < 60_000_000
    assert (WEIGHTS / MANIFEST).exists()


def test_vae_keeps_held_out_renders(bundle):
    """Mean PSNR over scenes that training never drew."""
    ratios = []
    for number in range(4):
        world = WORLDS[bundle.info["world"]]
        clip = render([world.sample(40_000_000 + number, held_out=None)], 8, 128, 192, start=number)
        with torch.no_grad():
            again = bundle.vae.decode(bundle.vae.encode(clip))
        ratios.append(float(-10 * (clip - again).square().mean().log10()))
    assert sum(ratios) / len(ratios) > 28


def test_prompts_are_read(bundle):
    """Attributes in everyday prompts land in their slots; an empty prompt says nothing."""
    prompts = ["a red dog walks to the right in a green meadow at noon", "a blue car in the city at night, it is raining", ""]
    first, second, empty = read_prompts(bundle.dit.adapter, bundle.text, prompts)
    assert (first["colour1"], first["subject1"], first["action"]) == ("red", "dog", "walk right")
    assert (first["setting"], first["time"]) == ("meadow", "noon")
    assert (second["colour1"], second["subject1"], second["setting"]) == ("blue", "car", "city")
    assert (second["time"], second["weather"]) == ("night", "rain")
    assert not any(empty.values())


def test_render_from_the_box(tmp_path, capsys):
    """One second of video from a prompt by the command line, the same twice."""
    reports = []
    for name in ("a.mp4", "b.mp4"):
        path = tmp_path / name
        command = ["render", "a red dog in the desert at noon", "--seconds", "1", "--size", "96x64", "--steps", "4"]
        assert main([*command, "-o", str(path), "--quiet", "--json"]) == 0
        reports.append(json.loads(capsys.readouterr().out))
        assert probe(path).frames == 8
    assert reports[0]["model"] == reports[1]["model"]
    first, second = (list(read_frames(tmp_path / name)) for name in ("a.mp4", "b.mp4"))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
