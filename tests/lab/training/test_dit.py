"""Training of the transformer: clips are encoded once, and it trains, resumes, keeps its adapter and learns from a teacher."""

import json
import random

import pytest
import torch
from comfyui_longtake.errors import UsageError, WeightsError
from comfyui_longtake.lab.training import dit as dit_module
from comfyui_longtake.lab.training import latents as latents_module
from comfyui_longtake.lab.training.dit import HalfRun, train_dit
from comfyui_longtake.lab.training.latents import LatentShelves, draw_latents, weights_id
from comfyui_longtake.lab.training.muon import Muon
from comfyui_longtake.lab.training.patterns import Pattern
from comfyui_longtake.lab.training.teacher import Teacher
from comfyui_longtake.lab.world.render import render_parts
from comfyui_longtake.models.adapter import NAMES, TextAdapter
from comfyui_longtake.models.dit import DiTConfig, VideoDiT
from comfyui_longtake.models.prompts.scene import FULL, is_held_out
from comfyui_longtake.models.vae import VAEConfig, VideoVAE

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def nets():
    torch.manual_seed(0)
    cfg = VAEConfig(channels=8, encoder=(8, 8, 8), decoder=(8, 8, 8, 8), blocks=(1, 1, 1, 1))
    return VideoVAE(cfg).eval().requires_grad_(False), TextAdapter().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def bank(nets, encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("latents")
    seen = []
    draw = latents_module.draw_source

    def spy(*args, **options):
        seen.append(draw(*args, **options))
        return seen[-1]

    latents_module.draw_source = spy
    for size, clips in (((32, 48), 6), ((48, 32), 2)):
        draw_latents(folder / f"{size[1]}x{size[0]}", FULL, nets[0], encoder, nets[1], size, clips, latents=4)
    latents_module.draw_source = draw
    return folder, seen


def test_a_shelf_holds_encoded_clips_with_captions_anchors_and_figures(bank, nets):
    folder, seen = bank
    assert not any(is_held_out(s.scene) for s in seen)
    shelf = LatentShelves(folder, *nets, CPU).shelves[1]
    for k, source in enumerate(seen[:3]):
        clip = shelf.clip(k)
        pixels, mask = render_parts([source.scene], 4, 32, 48, source.fps, start=source.start)
        assert (clip.latents.float() - nets[0].encode(pixels)[0]).abs().max() < 0.01
        share = torch.nn.functional.avg_pool3d(mask[:, None].float(), (1, 16, 16))[0, 0]
        assert (clip.figures.float() - share).abs().max() < 0.005
        assert clip.anchor.shape == (8, 1, 2, 3) and clip.fps == source.fps
        assert [s.shape for s in clip.captions] == [(len(NAMES), nets[1].width)] * 2


def test_draws_are_of_one_size_and_length_and_mostly_show_someone(bank, nets):
    shelves = LatentShelves(bank[0], *nets, CPU, seed=1)
    assert shelves.latents == 4
    nobody = empty = total = 0
    for _ in range(200):
        clips, windows, words = shelves.draw(24, 4)
        length = windows[0].stop - windows[0].start
        assert {w.stop - w.start for w in windows} == {length} and len({c.latents.shape for c in clips}) == 1
        assert abs(len(clips) * length * 6 - 24) <= 6 * length
        nobody += sum(not c.figures[w].any() for c, w in zip(clips, windows, strict=True))
        empty += sum(w is shelves.empty for w in words)
        total += len(clips)
    assert nobody < 0.02 * total and 0.05 * total < empty < 0.2 * total


def test_latents_of_another_vae_are_refused(bank, nets, tmp_path):
    other = VideoVAE(nets[0].cfg)
    assert weights_id(other) != weights_id(nets[0])
    with pytest.raises(WeightsError, match="other nets"):
        LatentShelves(bank[0], other, nets[1], CPU)
    with pytest.raises(FileNotFoundError):
        LatentShelves(tmp_path, *nets, CPU)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_trains_and_resumes_with_its_adapter_untouched(bank, nets, encoder, tmp_path, dtype):
    cfg = DiTConfig(channels=8, width=64, depth=2)

    def segment():
        options = {"cfg": cfg, "tokens": 12, "dtype": dtype, "minutes": 1.2 / 60, "total": 60.0, "device": CPU}
        return train_dit(nets[0], encoder, nets[1], bank[0], tmp_path, **options)

    first, steps = segment(), json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))["step"]
    last = segment()
    assert json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))["step"] > steps > 0
    assert not last.training and last.out.weight.abs().max() > 0 and last.out.weight.dtype == torch.float32
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), last.parameters(), strict=True))
    for net in (first, last):
        assert all(torch.equal(a, b) for a, b in zip(net.adapter.parameters(), nets[1].parameters(), strict=True))
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(r["loss"] == r["loss"] and r["longest"] == 1 for r in rows) and rows[-1]["tokens"] > 0


def test_small_steps_add_up_although_half_precision_would_lose_them(tmp_path, clock):
    torch.manual_seed(0)
    net = VideoDiT(DiTConfig(channels=8, width=64, depth=1))
    before = net.embed.weight.detach().clone()
    run = HalfRun(tmp_path, net, Muon(net, 1e-5, 1e-5), torch.bfloat16, minutes=1.0, total=1.0)
    run.warmup = 1
    for _ in range(30):
        run.update(run.work.embed.weight.float().square().sum() * 1e-3)
        run.refresh()
    moved = (net.embed.weight - before).abs().mean()
    assert 0 < moved < 3e-3
    assert torch.equal(run.work.embed.weight, net.embed.weight.bfloat16())


@pytest.fixture
def model():
    torch.manual_seed(0)
    net = VideoDiT(DiTConfig(channels=8, width=64, depth=1))
    torch.nn.init.normal_(net.out.weight, std=0.1)
    for layer in (net.blocks[0].proj, net.blocks[0].proj_text):
        torch.nn.init.normal_(layer.weight, std=0.1)
    return net


def test_loss_of_an_untrained_net_is_that_of_predicting_nothing(bank, nets, monkeypatch):
    """With a clean prediction of 0 the error is x0 / sigma, so the loss can be computed by hand."""
    shelves, net = LatentShelves(bank[0], *nets, CPU), VideoDiT(DiTConfig(channels=8, width=64, depth=1))
    monkeypatch.setattr(dit_module, "draw", lambda frames, rng, shift: Pattern(torch.tensor([0.5]), torch.tensor([False])))
    picked, draw = [], shelves.draw
    monkeypatch.setattr(shelves, "draw", lambda *args: picked.append(draw(*args)) or picked[-1])
    for _ in range(4):
        loss = dit_module.batch_loss(net, shelves, random.Random(1), 16, 1, torch.float32)
        clips, windows, _ = picked[-1]
        x0 = torch.stack([c.latents[:, w] for c, w in zip(clips, windows, strict=True)]).float()
        figures = torch.stack([c.figures[w] for c, w in zip(clips, windows, strict=True)]).float()
        weight = 1 + dit_module.FIGURE * figures
        error = (x0 / 0.5).square().mean(1) * weight
        assert float(loss.detach()) == pytest.approx(float(error.sum() / weight.sum()), rel=1e-4)


def test_baked_guidance_is_learnt_from_the_teacher(bank, nets, model):
    """A net that answers as the guided teacher has no loss; the teacher itself has one unless its guidance is 1."""
    shelves = LatentShelves(bank[0], *nets, CPU)

    def loss(guidance):
        torch.manual_seed(3)
        shelves.rng = random.Random(2)
        return float(
            dit_module.batch_loss(model, shelves, random.Random(1), 64, 4, torch.float32, Teacher(model, guidance)).detach()
        )

    losses = [loss(g) for g in (1.0, 2.0, 3.0)]
    assert losses[0] < 1e-9 < 1e-6 < losses[1]
    assert losses[2] == pytest.approx(4 * losses[1], rel=1e-3)


def test_a_net_learns_what_follows_the_clean_clip_from_what_it_makes_of_it(bank, nets, model, monkeypatch):
    shelves = LatentShelves(bank[0], *nets, CPU)

    def draw(frames, rng, shift):
        context = (torch.arange(frames) == 0) & (frames > 1)
        return Pattern(torch.where(context, 0.0, 0.5), context)

    monkeypatch.setattr(dit_module, "draw", draw)
    monkeypatch.setattr(dit_module, "SHORT", 4)

    def loss(own):
        torch.manual_seed(3)
        shelves.rng, rng = random.Random(2), random.Random(1)
        rng.random = lambda: 0.6  # no untold damage, no anchor
        batches = [dit_module.batch_loss(model, shelves, rng, 64, 4, torch.float32, Teacher(model), own) for _ in range(6)]
        return float(sum(batches).detach())

    assert loss(0.0) < 1e-9 < 1e-6 < loss(1.0)


@pytest.mark.parametrize("task", [{"bake": 2.0}, {"distill": 8}])
def test_finished_weights_learn_from_themselves_and_stay_near(bank, nets, encoder, model, tmp_path, task):
    options = {"cfg": model.cfg, "tokens": 12, "minutes": 1.2 / 60, "total": 60.0, "device": CPU}
    with pytest.raises(UsageError, match="start from"):
        train_dit(nets[0], encoder, nets[1], bank[0], tmp_path, **task, **options)
    begun = {k: v.clone() for k, v in model.state_dict().items()}
    made = train_dit(nets[0], encoder, nets[1], bank[0], tmp_path, start=model.state_dict(), **task, **options)
    moved = (made.out.weight - begun["out.weight"]).norm() / begun["out.weight"].norm()
    assert 0 < moved < 0.5
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows[0]["longest"] == 4  # a net that can draw goes on with how things move
