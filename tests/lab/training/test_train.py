"""Every net trains for a moment at its smallest size, leaves a checkpoint, and goes on from it."""

import functools
import json
import random

import pytest
import torch
from comfyui_longtake.errors import UsageError
from comfyui_longtake.lab.training import clips as clips_module
from comfyui_longtake.lab.training import jobs
from comfyui_longtake.lab.training import latents as latents_module
from comfyui_longtake.lab.training import reader as reader_module
from comfyui_longtake.lab.training.jobs import Job, averaged, load_reader, train
from comfyui_longtake.lab.training.reader import damage, train_reader
from comfyui_longtake.lab.training.text import encode_captions, pad_states, slot_labels, train_text
from comfyui_longtake.lab.world.reader import Reader
from comfyui_longtake.models.adapter import SLOTS, TextAdapter, edition_of
from comfyui_longtake.models.dit import VideoDiT
from comfyui_longtake.models.load import load_dit, load_vae
from comfyui_longtake.models.prompts.captions import caption
from comfyui_longtake.models.prompts.scene import ATTRIBUTES, FULL, SMALL
from comfyui_longtake.models.recaption import read_prompts
from comfyui_longtake.models.vae import VAEConfig, VideoVAE

CPU = torch.device("cpu")
SECOND = {"minutes": 0.8 / 60, "total": 60.0, "device": CPU}


def resumed(out, segment):
    """Run two segments; the checkpoint must go on where it was. Returns the nets of both."""
    nets, steps = [], []
    for _ in range(2):
        nets.append(segment())
        steps.append(json.loads((out / "state.json").read_text(encoding="utf-8")))
    assert 0 < steps[0]["step"] < steps[1]["step"] and steps[0]["spent"] < steps[1]["spent"]
    assert steps[1]["ema_steps"] == steps[1]["step"]
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows[0]["step"] == 0 and all(r["loss"] == r["loss"] for r in rows)
    assert not nets[0].training and (out / "loss.png").exists()
    pairs = list(zip(nets[0].state_dict().values(), nets[1].state_dict().values(), strict=True))
    assert all(b.isfinite().all() for _, b in pairs) and any(not torch.equal(a, b) for a, b in pairs)
    state = averaged(out.parent, out.name)
    assert all(torch.equal(v, state[k]) for k, v in nets[1].state_dict().items() if k not in ("mean", "std"))
    return nets


def test_text_trains_and_resumes(tmp_path, encoder):
    resumed(tmp_path / "text", lambda: train_text(SMALL, encoder, tmp_path / "text", batch=8, **SECOND))


def test_reader_trains_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr(reader_module, "ASPECTS", ((64, 32), (64, 40), (64, 48), (48, 32)))
    resumed(tmp_path / "reader", lambda: train_reader(SMALL, tmp_path / "reader", batch=2, **SECOND))


def test_slots_name_what_a_caption_says_and_nothing_else():
    for i in range(300):
        scene = FULL.sample(i)
        said = caption(scene, i).said
        row = dict(zip(SLOTS, slot_labels(scene, said), strict=True))
        for k in range(3):
            for name, part in (("subject", "kind"), ("colour", "colour")):
                want = SLOTS[f"{name}{k + 1}"]
                if k < len(scene.subjects) and name in said:
                    want = ATTRIBUTES[name].index(getattr(scene.subjects[k], part))
                assert row[f"{name}{k + 1}"] == want
        for name in ("setting", "time", "weather", "action", "camera"):
            value = ATTRIBUTES[name].index(getattr(scene, name))
            assert row[name] == (value if name in said else len(ATTRIBUTES[name]))


def test_captions_keep_their_order_and_padding_can_be_undone(encoder):
    prompts = ["a long prompt about a red dog in the city", "short", "", "a middle one"]
    states = encode_captions(encoder, prompts, chunk=2)
    padded, mask = pad_states(states, CPU)
    for i, prompt in enumerate(prompts):
        alone, _ = encoder([prompt])
        assert torch.allclose(states[i].float(), alone[0], atol=5e-3) and len(states[i]) == encoder.tokens(prompt)
        assert torch.equal(padded[i][mask[i]], states[i].float()) and not padded[i][~mask[i]].any()


def test_read_prompts_names_every_slot(encoder):
    adapter = TextAdapter().eval()
    with torch.no_grad():
        for name, head in adapter.heads.items():
            head.weight.zero_()
            head.bias.zero_()
            head.bias[2 if name == "subject1" else SLOTS[name]] = 1.0
    rows = read_prompts(adapter, encoder, ["a dog", "anything"])
    assert rows == [{k: "dog" if k == "subject1" else None for k in SLOTS}] * 2


def test_damage_keeps_shape_and_range():
    x, rng = torch.rand(2, 3, 16, 24, 3), random.Random(0)
    for _ in range(20):
        y = damage(x, rng)
        assert y.shape == x.shape and y.min() >= 0 and y.max() <= 1
        assert 1e-3 < (y - x).abs().mean() < 0.3


def test_the_edition_of_an_adapter_is_seen_in_its_weights():
    for edition in (1, 2):
        assert edition_of(TextAdapter(edition=edition).state_dict()) == edition


@pytest.mark.slow
def test_the_model_trains_from_nothing_by_its_jobs(tmp_path, monkeypatch, encoder):
    """Clips, VAE, adapter, latents and transformer, at their smallest, each on what came before."""
    monkeypatch.setattr(clips_module, "SIZES", {(32, 48): 1.0})
    monkeypatch.setattr(latents_module, "SIZES", {(32, 48): 1.0})
    monkeypatch.setattr(jobs, "load_text", lambda *device: encoder)
    for name, value in (("CLIPS", 4), ("TESTS", 1), ("ENCODED", 4)):
        monkeypatch.setattr(jobs, name, value)
    tiny = VAEConfig(channels=12, encoder=(8, 8, 8), decoder=(8, 8, 8, 8), blocks=(1, 1, 1, 1))
    monkeypatch.setattr(jobs, "train_vae", functools.partial(jobs.train_vae, cfg=tiny, pixels=12_000))
    for net in ("vae", "text", "dit"):
        options = {"width": 64, "depth": 1, "tokens": 12, "export": tmp_path / "box"}
        made = train(Job(net, tmp_path, 0.5 / 60, 1.0, device="cpu", **options))
        assert [p.name for p in made] == [f"{net}-1.safetensors"]
    nets = json.loads((tmp_path / "box" / "manifest.json").read_text(encoding="utf-8"))["nets"]
    assert nets["dit"]["config"]["channels"] == 12 and nets["text"]["config"] == {"edition": 2}
    assert load_vae(tmp_path / "box").cfg == tiny and load_dit(tmp_path / "box").cfg.width == 64


def test_nets_go_on_from_those_in_the_box(tmp_path, monkeypatch):
    given = {}
    monkeypatch.setattr(jobs, "draw_bank", lambda *a, **k: None)
    monkeypatch.setattr(jobs, "draw_latent_bank", lambda *a, **k: None)
    monkeypatch.setattr(jobs, "train_vae", lambda *a, **k: given.update(vae=k) or VideoVAE(k["cfg"]))
    monkeypatch.setattr(jobs, "train_dit", lambda *a, **k: given.update(dit=k) or VideoDiT(k["cfg"]))
    for net in ("vae", "dit"):
        train(Job(net, tmp_path, 0.5 / 60, 1.0, device="cpu", from_box=True, bake=2.0 if net == "dit" else None))
    VideoVAE(given["vae"]["cfg"]).load_state_dict(given["vae"]["start"])
    VideoDiT(given["dit"]["cfg"]).load_state_dict(given["dit"]["start"])
    assert given["dit"]["bake"] == 2.0


def test_an_unknown_net_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\'gan\'.*vae, text, reader or dit"):
        train(Job("gan", tmp_path, 1.0, 1.0, device="cpu"))
    assert averaged(tmp_path, "vae") is None


def test_a_job_exports_what_can_be_loaded(tmp_path, monkeypatch):
    torch.manual_seed(0)
    made = Reader()
    monkeypatch.setattr(jobs, "train_reader", lambda *args, **options: made)
    job = Job("reader", tmp_path / "runs", 1.0, 1.0, world="small", device="cpu", export=tmp_path / "box")
    assert [p.name for p in train(job)] == ["reader-1.safetensors"]
    back = load_reader(tmp_path / "box")
    assert torch.equal(back.heads["subject"].weight, made.heads["subject"].weight.half().float())
