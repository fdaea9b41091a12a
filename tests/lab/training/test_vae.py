"""Training of the autoencoder: it learns, resumes with its critic, and ends with latents of even spread."""

import json
from itertools import count, pairwise
from types import SimpleNamespace

import pytest
import torch
from comfyui_longtake.lab.training import run as run_module
from comfyui_longtake.lab.training import vae as module
from comfyui_longtake.lab.training.clips import Shelves, draw_shelf
from comfyui_longtake.lab.training.critic import Critic, alike, hinge
from comfyui_longtake.lab.training.vae import (
    CALM,
    COOL,
    FEATURES,
    FIGURE,
    OPINION,
    VAERun,
    crop_loss,
    train_vae,
    trained_vae,
    unevenness,
)
from comfyui_longtake.models.prompts.scene import FULL
from comfyui_longtake.models.vae import VAEConfig, VideoVAE

CPU = torch.device("cpu")
CFG = VAEConfig(channels=12, encoder=(8, 8, 8), decoder=(32, 16, 16, 8), blocks=(1, 1, 1, 1))


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    draw_shelf(folder / "train-64x48", FULL, (48, 64), 12, seed=0)
    draw_shelf(folder / "test-64x48", FULL, (48, 64), 2, seed=0, test=True)
    return folder


def train(clips, out, seconds, total=60.0):
    options = {"cfg": CFG, "pixels": 20_000, "frames": 4, "dtype": torch.float32}
    return train_vae(clips, out, minutes=seconds / 60, total=total / 60, device=CPU, **options)


def test_it_trains_resumes_and_draws_what_it_saw(clips, tmp_path, monkeypatch):
    looks = count()
    monkeypatch.setattr(run_module, "time", SimpleNamespace(monotonic=lambda: 0.01 * next(looks)))  # as many steps on any machine
    first = train(clips, tmp_path, 4)
    before = json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))
    last = train(clips, tmp_path, 4)
    after = json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))
    assert before["step"] < after["step"] and not last.training
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), last.parameters(), strict=True))
    assert torch.equal(first.encoder.base.weight, last.encoder.base.weight)
    x = torch.stack([s.clip(0) for s in Shelves(clips, "train").shelves])
    z = last.encode(x).detach()
    assert (last.decode(z) - x).square().mean() < 0.5 * x.var()
    assert 0.3 < z.std() < 2
    rows = [json.loads(line) for line in (tmp_path / "held_out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [r["step"] for r in rows] == [before["step"], after["step"]]
    assert rows[1]["psnr"] > 5 and 0 < rows[1]["least spread"] <= rows[1]["most spread"]
    assert (tmp_path / f"strip_{after['step']:06d}.png").exists()
    back = trained_vae(tmp_path)
    assert back.cfg == CFG and torch.equal(back.encode(x), z)
    assert trained_vae(tmp_path / "nothing") is None


def test_the_critic_comes_in_late_and_is_saved_with_the_run(tmp_path, clock):
    torch.manual_seed(0)
    words = []
    run = VAERun(tmp_path, VideoVAE(CFG), 1e-3, torch.float32, minutes=9.0, total=100 / 60)
    start = [p.clone() for p in run.critic.parameters()]
    made, wanted = torch.rand(1, 4, 16, 16, 3, requires_grad=True), torch.rand(1, 4, 16, 16, 3)
    plain = 2 * (made - wanted).detach()
    learnt = []
    for _ in run.steps():
        pull = run.pull((made - wanted).square().sum(), made, wanted, torch.float32)
        words.append(float((pull - plain).norm() / plain.norm()))
        run.teach_critic(made, wanted, torch.float32)
        learnt.append(any(not torch.equal(a, b) for a, b in zip(run.critic.parameters(), start, strict=True)))
        clock.now += 1
        if run.step == 80:
            break
    assert max(words[:60]) < 1e-6 and words[61] < words[63] and learnt.index(True) == 56
    assert all(0.1 < w <= FEATURES + OPINION + 1e-6 for w in words[65:])
    again = VAERun(tmp_path, VideoVAE(CFG), 1e-3, torch.float32, minutes=1.0, total=100 / 60)
    assert again.step == 80
    assert all(torch.equal(a, b) for a, b in zip(run.critic.parameters(), again.critic.parameters(), strict=True))
    states = (r.critic_optimizer.state_dict()["state"] for r in (run, again))
    assert all(torch.equal(a["exp_avg"], b["exp_avg"]) for a, b in zip(*(s.values() for s in states), strict=True))


def test_the_learning_rate_falls_early_and_ends_at_nothing(tmp_path, clock):
    run = VAERun(tmp_path, VideoVAE(CFG), 1e-3, torch.float32, minutes=100.0, total=100.0, every=1e9)
    rates = []
    for _ in run.steps():
        rates.append(run.optimizer.param_groups[0]["lr"])
        clock.now += 60
    assert rates[15] == pytest.approx(1e-3 * 16 / 30 * (1 + 15 / CALM) ** -0.5)
    assert all(b < a for a, b in pairwise(rates[29:])) and rates[60] > 2e-4
    assert rates[-1] == pytest.approx(1e-3 * (1 + 99 / CALM) ** -0.5 * 0.01 / COOL)


def test_the_loss_sees_every_fault_and_figures_more():
    torch.manual_seed(0)
    x, figures = torch.rand(1, 4, 32, 32, 3) * 0.5 + 0.25, torch.zeros(1, 4, 2, 2)
    figures[..., 0] = 1
    assert float(crop_loss(x, x, figures)) == 0
    left, right = x.clone(), x.clone()
    left[..., :16, :] += 0.1
    right[..., 16:, :] += 0.1
    assert 0.8 < crop_loss(left, x, figures) / crop_loss(right, x, figures) / (1 + FIGURE) < 1.05
    steady, flicker = x + 0.1, x + torch.tensor([0.1, -0.1, 0.1, -0.1]).view(1, 4, 1, 1, 1)
    assert crop_loss(flicker, x, figures) > 1.5 * crop_loss(steady, x, figures)
    stripes = x + 0.1 * (torch.arange(32) % 2 * 2 - 1).view(1, 1, 1, 32, 1)
    assert crop_loss(stripes, x, figures) > 1.5 * crop_loss(steady, x, figures)


def test_unevenness_is_nothing_for_white_channels():
    torch.manual_seed(0)
    code = torch.randn(50, 2, 6, 8, 8)
    assert unevenness(code) < 1e-3
    assert unevenness(2 * code) == pytest.approx(0.48, abs=0.02) and unevenness(code + 1) == pytest.approx(1, abs=0.02)


def test_a_critic_learns_to_tell_two_kinds_of_pictures_apart():
    torch.manual_seed(0)
    critic = Critic(3, 8)
    optimizer = torch.optim.AdamW(critic.parameters(), 3e-3)
    smooth, rough = torch.rand(4, 3, 1, 1).expand(-1, -1, 16, 16), torch.rand(4, 3, 16, 16)
    score, features = critic(rough)
    assert score.shape == (4, 1, 4, 4) and [f.shape[-1] for f in features] == [16, 8, 4]
    assert alike(features, features) == 0
    for _ in range(60):
        loss = hinge(critic(rough)[0], critic(smooth)[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.3


def test_every_pixel_weighs_alike_in_the_critics_word():
    """A gradient that repeats with a period of 2 pixels would be learnt as a grid of dots."""
    critic = Critic(3, 8)
    with torch.no_grad():
        for p in critic.parameters():
            p.fill_(0.01)
    x = torch.full((1, 3, 32, 32), 0.5, requires_grad=True)
    critic(x)[0].sum().backward()
    inner = x.grad[0, 0, 12:20, 12:20]
    assert (inner - inner.mean()).abs().max() < 1e-6 * inner.mean() + 1e-9


def test_figures_that_go_somewhere_are_measured_first(clips, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(module, "save_strip", lambda path, rows: shown.append((path.name, [tuple(r.shape) for r in rows])))
    figures = module.measure(VideoVAE(CFG), Shelves(clips, "test"), torch.float32, tmp_path / "strip.png")
    assert {"psnr", "sharpness", "tile edges", "least spread", "most spread"} <= set(figures)
    assert shown == [("strip.png", [(6, 96, 64, 3)])]
