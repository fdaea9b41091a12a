"""Every net trains for a moment at its smallest size, leaves a checkpoint, and goes on from it."""

import functools
import json
import random

import pytest
import torch
from comfyui_longtake.errors import UsageError
from comfyui_longtake.lab.training import bank as bank_module
from comfyui_longtake.lab.training import clips as clips_module
from comfyui_longtake.lab.training import dit as dit_module
from comfyui_longtake.lab.training import jobs
from comfyui_longtake.lab.training import latents as latents_module
from comfyui_longtake.lab.training import reader as reader_module
from comfyui_longtake.lab.training import vae as vae_module
from comfyui_longtake.lab.training.bank import Bank
from comfyui_longtake.lab.training.dit import train_dit
from comfyui_longtake.lab.training.jobs import Job, averaged, load_reader, train
from comfyui_longtake.lab.training.reader import damage, train_reader
from comfyui_longtake.lab.training.teacher import Teacher
from comfyui_longtake.lab.training.text import encode_captions, pad_states, slot_labels, train_text
from comfyui_longtake.lab.training.vae import reconstruction_loss, train_vae
from comfyui_longtake.lab.world.reader import Reader
from comfyui_longtake.lab.world.render import render
from comfyui_longtake.models.adapter import SLOTS, TextAdapter, edition_of
from comfyui_longtake.models.autoencoder import Autoencoder, AutoencoderConfig
from comfyui_longtake.models.dit import DiTConfig, VideoDiT
from comfyui_longtake.models.prompts.captions import caption
from comfyui_longtake.models.prompts.scene import ATTRIBUTES, FULL, SMALL, is_held_out
from comfyui_longtake.models.recaption import read_prompts
from comfyui_longtake.models.transformer import FoldedDiT
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


@pytest.fixture
def small_renders(monkeypatch):
    """The VAE's training renders at no more than 64x48."""
    monkeypatch.setattr(vae_module, "render", lambda scenes, t, h, w, *a, **k: render(scenes, t, min(h, 48), min(w, 64), *a, **k))


def test_text_trains_and_resumes(tmp_path, encoder):
    resumed(tmp_path / "text", lambda: train_text(SMALL, encoder, tmp_path / "text", batch=8, **SECOND))


@pytest.mark.slow
@pytest.mark.parametrize("net", [False, True])
def test_vae_trains_and_resumes(tmp_path, small_renders, net):
    cfg = VAEConfig(channels=12, linear=8, encoder_net=net, widths=(8, 8, 8), depth=1)

    def segment():
        return train_vae(SMALL, tmp_path / "vae", batch=2, edge=32, cfg=cfg, **SECOND)

    first, last = resumed(tmp_path / "vae", segment)
    assert float(last.std[0]) > 0.05 and float((last.std - last.std[0]).abs().max()) == 0
    x = render([SMALL.sample(i) for i in range(16)], 4, 48, 64)
    z = last.encode(x)
    assert 0.5 < z.std() < 2
    assert (last.decode(z) - x).square().mean() < 0.5 * x.var()
    if not net:
        assert torch.equal(first.encoder.base.weight, last.encoder.base.weight)


def test_vae_can_start_from_given_weights(tmp_path, small_renders, vae):
    torch.manual_seed(5)
    given = VideoVAE(vae.cfg)
    given.mean.fill_(0.25)
    end = train_vae(SMALL, tmp_path, batch=1, edge=16, cfg=vae.cfg, start=given.state_dict(), **{**SECOND, "minutes": 1e-4})
    assert torch.equal(end.mean, given.mean) and torch.equal(end.encoder.base.weight, given.encoder.base.weight)


def test_reader_trains_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr(reader_module, "ASPECTS", ((64, 32), (64, 40), (64, 48), (48, 32)))
    resumed(tmp_path / "reader", lambda: train_reader(SMALL, tmp_path / "reader", batch=2, **SECOND))


def test_dit_trains_and_resumes_with_its_adapter_untouched(tmp_path, encoder, vae):
    torch.manual_seed(1)
    adapter = TextAdapter().eval()
    cfg = DiTConfig(channels=12, width=64, depth=1)

    def segment():
        sizes = {(32, 48): 2.0, (48, 32): 1.0}
        return train_dit(SMALL, vae, encoder, adapter, tmp_path / "dit", cfg=cfg, sizes=sizes, tokens=48, fill=0.2, **SECOND)

    first, last = resumed(tmp_path / "dit", segment)
    for net in (first, last):
        assert all(torch.equal(a, b) for a, b in zip(net.adapter.parameters(), adapter.parameters(), strict=True))
    assert last.out.weight.abs().max() > 0


def test_loss_of_an_untrained_net_is_that_of_predicting_nothing(encoder, vae, monkeypatch):
    """With a clean prediction of 0 the error is x0 / sigma, so the loss can be computed by hand."""
    torch.manual_seed(0)
    bank = Bank(SMALL, vae, encoder, TextAdapter().eval(), CPU, sizes={(32, 32): 1.0}, latents=2)
    bank.fill(0.0, least=4)
    model = VideoDiT(DiTConfig(channels=12, width=64, depth=1))
    pattern = dit_module.draw(1, random.Random(0))
    pattern.sigma = torch.tensor([0.5])
    monkeypatch.setattr(dit_module, "draw", lambda frames, rng, shift: pattern)
    picked = []
    draw = bank.draw

    def spy(*args):
        picked.append(draw(*args))
        return picked[-1]

    monkeypatch.setattr(bank, "draw", spy)
    for _ in range(4):
        loss = dit_module.batch_loss(model, bank, random.Random(1), 16, 1, torch.float32)
        clips, windows, _ = picked[-1]
        x0 = torch.stack([c.latents[:, w] for c, w in zip(clips, windows, strict=True)]).float()
        figures = torch.stack([c.figures[w] for c, w in zip(clips, windows, strict=True)]).float()
        assert figures.min() >= 0 and figures.max() <= 1
        weight = 1 + dit_module.FIGURE * figures
        error = (x0 / 0.5).square().mean(1) * weight
        assert float(loss.detach()) == pytest.approx(float(error.sum() / weight.sum()), rel=1e-4)


def test_baked_guidance_is_learnt_from_the_teacher(encoder, vae):
    """A net that answers as the guided teacher has no loss; the teacher itself has one unless its guidance is 1."""
    torch.manual_seed(0)
    bank = Bank(SMALL, vae, encoder, TextAdapter().eval(), CPU, sizes={(32, 32): 1.0}, latents=4)
    bank.fill(0.0, least=4)
    model = VideoDiT(DiTConfig(channels=12, width=64, depth=1))
    torch.nn.init.normal_(model.out.weight, std=0.1)
    torch.nn.init.normal_(model.blocks[0].proj_text.weight, std=0.1)

    def loss(guidance):
        teacher = Teacher(model, guidance)
        torch.manual_seed(3)
        bank.rng = random.Random(2)
        return float(dit_module.batch_loss(model, bank, random.Random(1), 64, 4, torch.float32, teacher).detach())

    losses = [loss(g) for g in (1.0, 2.0, 3.0)]
    assert losses[0] < 1e-9 < 1e-6 < losses[1]
    assert losses[2] == pytest.approx(4 * losses[1], rel=1e-3)


def test_baking_needs_weights_to_start_from(tmp_path, encoder, vae):
    cfg = DiTConfig(channels=12, width=64, depth=1)
    for options in ({"bake": 3.0}, {"distill": 8}):
        with pytest.raises(UsageError, match="start from"):
            train_dit(SMALL, vae, encoder, TextAdapter().eval(), tmp_path, cfg=cfg, **options, **SECOND)


def test_a_bank_full_of_one_size_takes_in_another(encoder, vae, monkeypatch):
    bank = Bank(FULL, vae, encoder, TextAdapter().eval(), CPU, sizes={(32, 48): 1.0, (48, 32): 1.0}, latents=1, capacity=4)
    sizes = iter([(32, 48), (48, 32), (48, 32)])
    monkeypatch.setattr(bank.rng, "choices", lambda options, *weights: [next(sizes)] if (32, 48) in options else [8.0])
    for _ in range(3):
        bank.add(4)
    assert {size: len(clips) for size, clips in bank.clips.items()} == {(32, 48): 2, (48, 32): 2}


def test_bank_draws_what_training_needs(encoder, vae):
    bank = Bank(FULL, vae, encoder, TextAdapter().eval(), CPU, sizes={(32, 48): 1.0, (48, 32): 1.0}, latents=3, capacity=9)
    bank.fill(0.0, least=2)
    bank.add(6)
    assert sum(len(c) for c in bank.clips.values()) <= 9 + 4
    for (h, w), clips in bank.clips.items():
        for c in clips:
            assert c.latents.shape == (12, 3, h // 16, w // 16) and c.anchor.shape == (12, 1, h // 16, w // 16)
            assert c.latents.dtype == torch.float16 and len(c.captions) == 2 and c.fps in (8.0, 12.0, 16.0)
            assert c.captions[0][1].shape == (len(SLOTS), bank.adapter.width)
    empty = 0
    for _ in range(300):
        clips, windows, words = bank.draw(24, 3)
        length = windows[0].stop - windows[0].start
        assert {w.stop - w.start for w in windows} == {length} and 1 <= length <= 3
        assert len({c.latents.shape for c in clips}) == 1 and len(clips) == len(windows) == len(words)
        assert abs(len(clips) * length * 6 - 24) <= 6 * length
        assert all(w.start >= 0 and w.stop <= 3 for w in windows)
        empty += sum(w is bank.empty for w in words) / len(words)
    assert 10 < empty < 60


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


def test_reconstruction_loss_is_zero_for_equal_frames_and_sees_flicker():
    x = torch.rand(1, 4, 8, 8, 3)
    loss, error = reconstruction_loss(x, x)
    assert float(loss) == float(error) == 0
    steady, flicker = x + 0.1, x + torch.tensor([0.1, -0.1, 0.1, -0.1]).view(1, 4, 1, 1, 1)
    (a, ea), (b, eb) = reconstruction_loss(steady, x), reconstruction_loss(flicker, x)
    assert float(ea) == pytest.approx(float(eb)) and b > 1.2 * a


def test_damage_keeps_shape_and_range():
    x, rng = torch.rand(2, 3, 16, 24, 3), random.Random(0)
    for _ in range(20):
        y = damage(x, rng)
        assert y.shape == x.shape and y.min() >= 0 and y.max() <= 1
        assert 1e-3 < (y - x).abs().mean() < 0.3


def test_scenes_rendered_for_training_are_not_held_out(monkeypatch, encoder, vae):
    seen = []
    for name in ("render", "render_parts"):  # anchors, and clips with their figures
        draw = getattr(bank_module, name)
        monkeypatch.setattr(bank_module, name, lambda scenes, *a, draw=draw, **k: seen.extend(scenes) or draw(scenes, *a, **k))
    bank = Bank(FULL, vae, encoder, TextAdapter().eval(), CPU, sizes={(16, 16): 1.0}, latents=1)
    for _ in range(4):
        bank.add(20)
    assert len(seen) == 160 and not any(map(is_held_out, seen))


def test_the_edition_of_an_adapter_is_seen_in_its_weights():
    for edition in (1, 2):
        assert edition_of(TextAdapter(edition=edition).state_dict()) == edition


def test_a_transformer_needs_an_autoencoder_and_an_adapter(tmp_path):
    with pytest.raises(UsageError, match="train autoencoder` and `text` come first"):
        train(Job("transformer", tmp_path, 1.0, 1.0, device="cpu"))


@pytest.mark.slow
def test_the_next_model_trains_from_nothing_by_its_jobs(tmp_path, monkeypatch, encoder):
    """Clips, autoencoder, adapter, latents and transformer, at their smallest, each on what came before."""
    monkeypatch.setattr(clips_module, "SIZES", {(32, 48): 1.0})
    monkeypatch.setattr(latents_module, "SIZES", {(32, 48): 1.0})
    monkeypatch.setattr(jobs, "load_text", lambda *device: encoder)
    for name, value in (("CLIPS", 4), ("TESTS", 1), ("ENCODED", 4)):
        monkeypatch.setattr(jobs, name, value)
    tiny = AutoencoderConfig(channels=12, encoder=(8, 8, 8), decoder=(8, 8, 8, 8), blocks=(1, 1, 1, 1))
    small = functools.partial(jobs.train_autoencoder, cfg=tiny, pixels=12_000)
    monkeypatch.setattr(jobs, "train_autoencoder", small)
    for net in ("autoencoder", "text", "transformer"):
        options = {"width": 64, "depth": 1, "tokens": 48, "export": tmp_path / "box"}
        made = train(Job(net, tmp_path, 0.5 / 60, 1.0, device="cpu", **options))
        assert [p.name for p in made] == [f"{net}-1.safetensors"]
    nets = json.loads((tmp_path / "box" / "manifest.json").read_text(encoding="utf-8"))["nets"]
    assert nets["transformer"]["config"]["channels"] == 12 and nets["text"]["config"] == {"edition": 2}


@pytest.mark.slow
def test_the_autoencoder_goes_on_from_the_one_in_the_repository(tmp_path, monkeypatch):
    monkeypatch.setattr(clips_module, "SIZES", {(32, 48): 1.0})
    for name, value in (("CLIPS", 4), ("TESTS", 1)):
        monkeypatch.setattr(jobs, name, value)
    given = []
    monkeypatch.setattr(jobs, "train_autoencoder", lambda *a, **options: given.append(options) or Autoencoder(options["cfg"]))
    train(Job("autoencoder", tmp_path, 0.5 / 60, 1.0, device="cpu", from_box=True))
    model = Autoencoder(given[0]["cfg"])
    model.load_state_dict(given[0]["start"])
    with torch.no_grad():
        x = render([FULL.sample(40_000_001, held_out=None)], 8, 128, 192)
        assert float(-10 * (model.decode(model.encode(x)) - x).square().mean().log10()) > 24


@pytest.mark.slow
def test_the_transformer_goes_on_from_the_one_in_the_repository(tmp_path, monkeypatch, encoder):
    """With the autoencoder and the adapter that it was trained on, on clips that they encode."""
    monkeypatch.setattr(latents_module, "SIZES", {(32, 48): 1.0})
    monkeypatch.setattr(jobs, "load_text", lambda *device: encoder)
    monkeypatch.setattr(jobs, "ENCODED", 2)
    given = []
    monkeypatch.setattr(jobs, "train_transformer", lambda *a, **options: given.append((a, options)) or FoldedDiT(options["cfg"]))
    train(Job("transformer", tmp_path, 0.5 / 60, 1.0, device="cpu", from_box=True))
    (vae, _, adapter, latents, _), options = given[0]
    net = FoldedDiT(options["cfg"])
    net.load_state_dict(options["start"])
    assert all(torch.equal(a, b) for a, b in zip(net.adapter.parameters(), adapter.parameters(), strict=True))
    shelves = latents_module.LatentShelves(latents, vae, adapter, torch.device("cpu"))
    assert shelves.latents == 16 and vae.frames_per_latent == 1
    assert shelves.shelves[0].clip(0).latents.shape[0] == options["cfg"].channels == vae.channels


def test_an_unknown_net_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\'gan\'.*vae, text, reader, dit, autoencoder or transformer"):
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
