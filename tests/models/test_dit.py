"""The video transformer: any size, its zero start, text a frame, relative positions, half precision, and fixed numbers."""

import pytest
import torch
from comfyui_longtake.engine.roles import ANCHOR, CONTEXT, TARGET
from comfyui_longtake.models import dit as module
from comfyui_longtake.models.adapter import SLOTS, TextAdapter
from comfyui_longtake.models.dit import SIGMA_MIN, DiTConfig, VideoDiT, attend

from .conftest import settle, wave

T, H, W = 3, 4, 6
CFG = DiTConfig(channels=6, width=64, depth=4, head=32, text=16)


@pytest.fixture(scope="module")
def net():
    return settle(VideoDiT(CFG))


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
    return float((a - b).detach().abs().max())


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
    v = call(VideoDiT(CFG).eval(), x=x, sigma=sigma)
    assert torch.equal(v, x / torch.tensor([0.9, SIGMA_MIN, SIGMA_MIN]).view(1, 1, T, 1, 1))


def test_every_part_learns_from_the_first_steps():
    torch.manual_seed(0)
    net = VideoDiT(CFG)
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
    a, b = net.context(states, mask), net.context_of(net.adapter(states, mask))
    assert torch.equal(a.pooled, b.pooled) and all(map(torch.equal, a.keys, b.keys)) and len(a.keys) == 2
    c = net.context_of(torch.zeros(2, len(SLOTS), net.adapter.width))
    assert differ(a.pooled, c.pooled) > 1e-3


def test_the_order_of_prompt_rows_does_not_matter(call):
    states = wave(3, 4, 16, phase=2.0)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]]).bool()
    rows, order = torch.tensor([[0, 1, 2]]), torch.tensor([2, 0, 1])
    moved = order.argsort()[rows]
    assert not torch.equal(moved, rows)
    a = call(states=states, mask=mask, prompt_index=rows)
    assert differ(a, call(states=states[order], mask=mask[order], prompt_index=moved)) < 1e-5


def test_padding_of_text_does_not_matter(call):
    states = wave(2, 4, 16, phase=2.0)
    padded = torch.cat([states, 50 * wave(2, 5, 16)], 1)
    mask = torch.arange(9).expand(2, -1) < 4
    assert differ(call(states=states), call(states=padded, mask=mask)) < 1e-4
    assert differ(call(states=states), call(states=padded)) > 1e-2


def test_a_frame_at_another_noise_level_sees_the_others(call):
    x = wave(1, 6, T, H, W)
    other = x.clone()
    other[:, :, 0] += 1
    assert differ(call(x=x)[:, :, 2], call(x=other)[:, :, 2]) > 1e-3


def test_place_in_the_picture_matters(call):
    x = wave(1, 6, T, H, W)
    assert differ(call(x=x.flip(4)), call(x=x).flip(4)) > 1e-3


def test_adapter_slots_and_scores():
    torch.manual_seed(0)
    adapter = TextAdapter(16, 32, 1).eval()
    states, mask = wave(3, 5, 16), torch.arange(5).expand(3, -1) < torch.tensor([[5], [3], [1]])
    slots = adapter(states, mask)
    assert slots.shape == (3, len(SLOTS), 32)
    scores = adapter.logits(slots)
    assert {k: tuple(s.shape) for k, s in scores.items()} == {k: (3, n + 1) for k, n in SLOTS.items()}
    assert differ(slots[1:2], adapter(states[1:2, :3], mask[1:2, :3])) < 1e-5
    assert differ(slots[0, 0], slots[0, 1]) > 0.1


def test_fused_attention_gives_the_same(monkeypatch):
    q, k, v = (wave(2, 3, 5, 8, phase=p) for p in (0.0, 1.0, 2.0))
    parts = attend(q, k, v)
    monkeypatch.setattr(module, "WIDE", 1)
    assert torch.allclose(parts, attend(q, k, v), atol=1e-5) and parts.shape == (2, 5, 24)


def test_a_copy_in_half_precision_answers_nearly_the_same(net, call):
    torch.manual_seed(0)
    half = VideoDiT(CFG).eval()
    half.load_state_dict(net.state_dict())
    a, b = call(), call(half.bfloat16(), states=wave(2, 4, 16, phase=2.0).bfloat16())
    assert b.dtype == torch.float32 and (a - b).norm() < 0.1 * a.norm()


def test_golden_values(call):
    """Numbers of this very architecture: a change here means that published weights no longer mean the same."""
    made = call()[0, ::2, 1, 1, 2::3].flatten()
    assert torch.allclose(made, torch.tensor(GOLDEN), atol=1e-3), made.tolist()


GOLDEN = [-5.75718, 4.0028, 3.39038, 7.17771, -0.76502, 2.98555]
