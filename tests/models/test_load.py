"""Weights on disk: what was saved comes back, and anything missing or changed is one clear line."""

import hashlib
import json

import pytest
import torch
from comfyui_longtake.errors import UsageError, WeightsError
from comfyui_longtake.models import load
from comfyui_longtake.models.dit import DiTConfig, VideoDiT
from comfyui_longtake.models.load import (
    MANIFEST,
    config_of,
    load_dit,
    load_state,
    load_vae,
    pick_device,
    read_manifest,
    save_net,
)
from comfyui_longtake.models.vae import VAEConfig, VideoVAE
from safetensors.torch import save

CFG = VAEConfig(channels=12, encoder=(8, 8, 8), decoder=(16, 8, 8, 8), blocks=(1, 1, 1, 1))


@pytest.fixture
def saved(tmp_path):
    """A folder with a small VAE."""
    torch.manual_seed(0)
    vae = VideoVAE(CFG)
    save_net("vae", vae, config_of(vae), folder=tmp_path)
    return tmp_path


def edit(folder, change):
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def refused(folder, *words, loader=load_vae):
    """The loader raises one line that has all the words."""
    with pytest.raises(WeightsError) as e:
        loader(folder)
    message = str(e.value)
    assert "\n" not in message and all(w in message for w in words), message
    return message


def test_a_net_comes_back_frozen_and_equal_to_half_precision(saved):
    torch.manual_seed(0)
    vae, back = VideoVAE(CFG), load_vae(saved)
    assert back.cfg == CFG and not back.training and not any(p.requires_grad for p in back.parameters())
    for (name, a), b in zip(vae.state_dict().items(), back.state_dict().values(), strict=True):
        assert b.dtype == torch.float32 and torch.equal(a.half().float(), b), name


def test_two_nets_share_a_folder_and_notes_add_up(saved):
    dit = VideoDiT(DiTConfig(channels=12, width=64, depth=1, head=32, text=16))
    save_net("dit", dit, config_of(dit), folder=saved, info={"steps": 4})
    save_net("dit", dit, config_of(dit), folder=saved, info={"shift": 2.0}, dtype=torch.float32)
    back = load_dit(saved)
    assert all(torch.equal(a, b) for a, b in zip(dit.state_dict().values(), back.state_dict().values(), strict=True))
    assert read_manifest(saved)["info"] == {"steps": 4, "shift": 2.0} and load_vae(saved).cfg == CFG
    assert not list(saved.glob("*.tmp"))


def test_large_nets_go_into_shards_and_old_shards_go_away(saved, monkeypatch):
    monkeypatch.setattr(load, "SHARD", 20_000)
    vae = VideoVAE(CFG)
    paths = save_net("vae", vae, config_of(vae), folder=saved)
    assert len(paths) > 3
    largest = max(v.nbytes // 2 for v in vae.state_dict().values())
    assert all(p.stat().st_size <= max(20_000, largest) + 8_000 for p in paths)
    back = load_vae(saved)
    assert torch.equal(back.decoder.net[0].weight, vae.decoder.net[0].weight.half().float())
    monkeypatch.undo()
    assert [p.name for p in save_net("vae", vae, config_of(vae), folder=saved)] == ["vae-1.safetensors"]
    assert [p.name for p in saved.glob("*.safetensors")] == ["vae-1.safetensors"]


def test_no_folder_no_manifest_no_net(tmp_path, saved):
    refused(tmp_path / "nowhere", "nowhere", MANIFEST)
    refused(saved, "'dit'", loader=load_dit)
    with pytest.raises(WeightsError, match="'other'"):
        load_state("other", saved)


def test_a_missing_file_is_named(saved):
    (saved / "vae-1.safetensors").unlink()
    refused(saved, "vae-1.safetensors", "missing", "reinstall")


@pytest.mark.parametrize("place", [0, 40, 5000, -1])
def test_one_altered_byte_is_noticed(saved, place):
    path = saved / "vae-1.safetensors"
    blob = bytearray(path.read_bytes())
    blob[place] ^= 1
    path.write_bytes(blob)
    refused(saved, "vae-1.safetensors", "SHA-256")


@pytest.mark.parametrize("length", [0, 7, 1000, -1])
def test_a_truncated_file_is_noticed(saved, length):
    path = saved / "vae-1.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    refused(saved, "vae-1.safetensors", "damaged")


def put(folder, blob, name="vae-1.safetensors"):
    """Place a file with its right digest, as someone would who edits the manifest too."""
    (folder / name).write_bytes(blob)
    digest = hashlib.sha256(blob).hexdigest()
    edit(folder, lambda m: m["nets"]["vae"].update(files={name: digest}))


@pytest.mark.parametrize("blob", [b"", b"not safetensors at all", b"\x80\x04pickle."])
def test_a_file_of_another_kind_is_refused(saved, blob):
    put(saved, blob)
    refused(saved, "vae-1.safetensors", "no safetensors file")


@pytest.mark.parametrize("name", ["../vae-1.safetensors", "/etc/passwd", "sub/x.safetensors", "vae.pt", "..", ""])
def test_the_manifest_cannot_name_files_elsewhere(saved, name):
    blob = (saved / "vae-1.safetensors").read_bytes()
    inner = saved / "inner"
    inner.mkdir()
    (inner / MANIFEST).write_bytes((saved / MANIFEST).read_bytes())
    digest = hashlib.sha256(blob).hexdigest()
    edit(inner, lambda m: m["nets"]["vae"].update(files={name: digest}))
    refused(inner, MANIFEST, "not a weight file of its own folder")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"version": 2, "nets": {}, "info": {}}',
        b'{"version": 1, "nets": [], "info": {}}',
        b'{"version": 1, "nets": {}}',
        b'{"version": 1, "nets": {"vae": {}}, "info": {}}',
        b'{"version": 1, "nets": {"vae": []}, "info": {}}',
        b'{"version": 1, "nets": {"vae": {"files": [], "config": {}}}, "info": {}}',
    ],
)
def test_a_manifest_that_cannot_be_read_is_named(saved, content):
    (saved / MANIFEST).write_bytes(content)
    refused(saved, MANIFEST, "reinstall")


@pytest.mark.parametrize("config", [{"encoder": None}, {"decoder": [8, 8]}, {"widths": [8, 8, 8]}, {"encoder": [8, 8, -8]}])
def test_a_config_of_another_version_is_refused(saved, config):
    edit(saved, lambda m: m["nets"]["vae"].update(config=config))
    refused(saved, MANIFEST, "reinstall")


def test_tensors_of_another_shape_or_name_are_refused(saved):
    torch.manual_seed(0)
    state = {k: v.contiguous() for k, v in VideoVAE(CFG).state_dict().items()}
    put(saved, save({**state, "mean": torch.zeros(5)}))
    refused(saved, "'vae'", "do not fit")
    put(saved, save({k: v for k, v in state.items() if k != "mean"}))
    refused(saved, "'vae'", "do not fit")
    put(saved, save(state))
    assert load_vae(saved).cfg == CFG


def test_a_device_is_named_or_found_and_an_unknown_one_is_refused():
    assert pick_device("cpu") == torch.device("cpu") and pick_device(None) == pick_device("auto")
    for name in ("gpu", "cuda:99", "meta/x"):
        with pytest.raises(UsageError, match="use auto or cpu"):
            pick_device(name)
