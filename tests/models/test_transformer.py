"""The folded transformer: the same answers to the same questions as the other one, at any size, and fixed numbers."""

import pytest
import torch
from comfyui_longtake.engine.roles import ANCHOR, CONTEXT, TARGET
from comfyui_longtake.models import transformer as module
from comfyui_longtake.models.adapter import NAMES
from comfyui_longtake.models.dit import SIGMA_MIN
from comfyui_longtake.models.transformer import FoldedConfig, FoldedDiT, attend

from .conftest import settle, wave

T, H, W = 3, 4, 6
CFG = FoldedConfig(channels=6, width=64, depth=4, head=32, text=16)


@pytest.fixture(scope="module")
def net():
    return settle(FoldedDiT(CFG))


@pytest.fixture
def call(net):
    """Velocity [B, 6, 3, 4, 6] of a fixed window; every input can be replaced."""

    def run(net=net, b=1, **changes):
        x = changes.pop("x", wave(b, 6, T, H, W))
        states = changes.pop("states", wave(2, 4, 16, phase=2.0))
        mask = changes.pop("mask", torch.ones(states.shape[:2], dtype=torch.bool))
        options = {
            "sigma": torch.tensor([[0.9, 0.5, 0.2]]).expand(b, -1),
            "prompt_index": torch.zeros(b, T, dtype=torch.long),
            "role": torch.full((b, T), TARGET),
            "position": torch.arange(T).float().expand(b, -1),
            "fps": torch.full((b,), 8.0),
            **changes,
        }
        with torch.no_grad():
            return net(x, ctx=net.context(states, mask), **options)

    return run


def differ(a, b):
    return float((a - b).abs().max())


@pytest.mark.parametrize("shape", [(1, 6, 1, 1, 1), (2, 6, 5, 4, 1), (3, 6, 2, 9, 7)])
def test_any_size_goes_in_and_comes_out(net, shape):
    b, _, t, _, _ = shape
    ctx = net.context(wave(2, 4, 16), torch.ones(2, 4, dtype=torch.bool))
    rows = torch.zeros(b, t, dtype=torch.long)
    v = net(wave(*shape), torch.full((b, t), 0.5), ctx, rows, rows, rows.float(), torch.full((b,), 8.0))
    assert v.shape == shape and v.isfinite().all()


def test_an_untrained_net_predicts_clean_latents_of_zero(call):
    torch.manual_seed(0)
    x, sigma = wave(1, 6, T, H, W), torch.tensor([[0.9, SIGMA_MIN, 0.01]])
    v = call(FoldedDiT(CFG).eval(), x=x, sigma=sigma)
    assert torch.equal(v, x / torch.tensor([0.9, SIGMA_MIN, SIGMA_MIN]).view(1, 1, T, 1, 1))


def test_every_part_learns_from_the_first_steps():
    torch.manual_seed(0)
    net = FoldedDiT(CFG)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(4):
        ctx = net.context(wave(1, 4, 16), torch.ones(1, 4, dtype=torch.bool))
        zero = torch.zeros(1, T, dtype=torch.long)
        v = net(wave(1, 6, T, H, W), torch.full((1, T), 0.5), ctx, zero, zero, zero.float(), torch.full((1,), 8.0))
        optimizer.zero_grad()
        v.square().mean().backward()
        optimizer.step()
    still = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert all("adapter.heads" in n for n in still), still


def test_batch_equals_single(call):
    x, sigma = wave(3, 6, T, H, W), wave(3, T).sigmoid()
    rows = torch.tensor([[0, 0, 1], [1, 1, 1], [0, 1, 0]])
    options = {"x": x, "sigma": sigma, "prompt_index": rows, "fps": torch.tensor([8.0, 16.0, 12.0])}
    together = call(b=3, **options)
    alone = [call(**{k: v[i : i + 1] for k, v in options.items()}) for i in range(3)]
    assert differ(together, torch.cat(alone)) < 1e-4


@pytest.mark.parametrize(
    "change",
    [
        {"prompt_index": torch.tensor([[0, 1, 0]])},
        {"role": torch.tensor([[CONTEXT, TARGET, TARGET]])},
        {"role": torch.tensor([[ANCHOR, TARGET, TARGET]])},
        {"position": torch.tensor([[0.0, 1.0, 5.0]])},
        {"fps": torch.tensor([16.0])},
        {"sigma": torch.tensor([[0.9, 0.5, 0.4]])},
    ],
)
def test_everything_it_is_told_matters(call, change):
    assert differ(call(), call(**change)) > 1e-3


def test_only_distances_in_time_matter(call):
    moved = call(position=torch.arange(T)[None].float() + 7)
    assert differ(call(), moved) < 1e-4


def test_text_is_seen_through_its_slots_alone(net):
    states, mask = wave(2, 4, 16), torch.ones(2, 4, dtype=torch.bool)
    slots = net.adapter(states, mask)
    a, b = net.context(states, mask), net.context(50 * wave(2, 9, 16), torch.ones(2, 9, dtype=torch.bool), slots)
    assert torch.equal(a.pooled, b.pooled) and all(map(torch.equal, a.keys, b.keys))
    assert len(a.keys) == 2 and a.bias.shape == (2, 1, 1, len(NAMES)) and not a.bias.any()


def test_fused_attention_gives_the_same(monkeypatch):
    q, k, v = (wave(2, 3, 5, 8, phase=p) for p in (0.0, 1.0, 2.0))
    parts = attend(q, k, v)
    monkeypatch.setattr(module, "WIDE", 1)
    assert torch.allclose(parts, attend(q, k, v), atol=1e-5) and parts.shape == (2, 5, 24)


def test_a_copy_in_half_precision_answers_nearly_the_same(net, call):
    torch.manual_seed(0)
    half = FoldedDiT(CFG).eval()
    half.load_state_dict(net.state_dict())
    a, b = call(), call(half.bfloat16(), states=wave(2, 4, 16, phase=2.0).bfloat16())
    assert b.dtype == torch.float32 and (a - b).norm() < 0.1 * a.norm()


def test_golden_values(call):
    """Numbers of this very architecture: a change here means that published weights no longer mean the same."""
    made = call()[0, ::2, 1, 1, 2::3].flatten()
    assert torch.allclose(made, torch.tensor(GOLDEN), atol=1e-3), made.tolist()


GOLDEN = [-5.75718, 4.0028, 3.39038, 7.17771, -0.76502, 2.98555]
