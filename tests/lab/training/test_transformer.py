"""Training of the folded transformer: clips are encoded once, and it trains, resumes and keeps its adapter."""

import json

import pytest
import torch
from comfyui_longtake.errors import WeightsError
from comfyui_longtake.lab.training import latents as latents_module
from comfyui_longtake.lab.training.latents import LatentShelves, draw_latents, visibility, weights_id
from comfyui_longtake.lab.training.muon import Muon
from comfyui_longtake.lab.training.transformer import HalfRun, train_transformer
from comfyui_longtake.lab.world.render import render_parts
from comfyui_longtake.models.adapter import NAMES, TextAdapter
from comfyui_longtake.models.autoencoder import Autoencoder, AutoencoderConfig
from comfyui_longtake.models.prompts.scene import FULL, is_held_out
from comfyui_longtake.models.transformer import FoldedConfig, FoldedDiT

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def nets():
    torch.manual_seed(0)
    cfg = AutoencoderConfig(channels=8, encoder=(8, 8, 8), decoder=(8, 8, 8, 8), blocks=(1, 1, 1, 1))
    return Autoencoder(cfg).eval().requires_grad_(False), TextAdapter().eval().requires_grad_(False)


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
        pixels, mask = render_parts([source.scene], 16, 32, 48, source.fps, start=source.start)
        assert (clip.latents.float() - nets[0].encode(pixels)[0]).abs().max() < 0.01
        share = torch.nn.functional.avg_pool3d(mask[:, None].float(), (4, 16, 16))[0, 0]
        assert (clip.figures.float() - share).abs().max() < 0.005
        assert clip.anchor.shape == (8, 1, 2, 3) and clip.fps == source.fps
        assert [s.shape for _, s in clip.captions] == [(len(NAMES), nets[1].width)] * 2


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


def test_channels_that_show_nothing_weigh_nothing(bank, nets):
    clips = [LatentShelves(bank[0], *nets, CPU).shelves[1].clip(k) for k in range(3)]
    blind = Autoencoder(nets[0].cfg).eval().requires_grad_(False)
    blind.load_state_dict(nets[0].state_dict())
    for half in (2, 8 + 2):  # of the latent and of the one before
        blind.decoder.net[0].weight[:, half] = 0
    blind.decoder.net[0].weight[:, 5] *= 10
    found = visibility(blind, clips)
    assert found.shape == (8,) and found[2] == 0 and found.argmax() == 5
    assert found.mean() == pytest.approx(1)


def test_weights_of_channels_and_a_start_are_taken(bank, nets, encoder, tmp_path, clock):
    cfg = FoldedConfig(channels=8, width=64, depth=2)
    begun = FoldedDiT(cfg)
    begun.adapter.load_state_dict(nets[1].state_dict())
    options = {"cfg": cfg, "tokens": 48, "dtype": torch.float32, "minutes": 0.0, "total": 60.0, "device": CPU}
    made = train_transformer(nets[0], encoder, nets[1], bank[0], tmp_path, start=begun.state_dict(), **options)
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), begun.parameters(), strict=True))


def test_latents_of_another_vae_are_refused(bank, nets, tmp_path):
    torch.manual_seed(5)
    other = Autoencoder(nets[0].cfg)
    assert weights_id(other) != weights_id(nets[0])
    with pytest.raises(WeightsError, match="other nets"):
        LatentShelves(bank[0], other, nets[1], CPU)
    with pytest.raises(FileNotFoundError):
        LatentShelves(tmp_path, *nets, CPU)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_trains_and_resumes_with_its_adapter_untouched(bank, nets, encoder, tmp_path, dtype):
    cfg = FoldedConfig(channels=8, width=64, depth=2)

    def segment():
        options = {"cfg": cfg, "tokens": 48, "dtype": dtype, "minutes": 1.2 / 60, "total": 60.0, "device": CPU}
        return train_transformer(nets[0], encoder, nets[1], bank[0], tmp_path, **options)

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
    net = FoldedDiT(FoldedConfig(channels=8, width=64, depth=1))
    before = net.embed.weight.detach().clone()
    run = HalfRun(tmp_path, net, Muon(net, 1e-5, 1e-5), torch.bfloat16, minutes=1.0, total=1.0)
    run.warmup = 1
    for _ in range(30):
        run.update(run.work.embed.weight.float().square().sum() * 1e-3)
        run.refresh()
    moved = (net.embed.weight - before).abs().mean()
    assert 0 < moved < 3e-3
    assert torch.equal(run.work.embed.weight, net.embed.weight.bfloat16())
