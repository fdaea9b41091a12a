"""The video transformer: shapes, its zero start, text a frame, relative positions, and fixed numbers."""

import pytest
import torch
from comfyui_longtake.engine.roles import ANCHOR, CONTEXT, TARGET
from comfyui_longtake.models.adapter import SLOTS, TextAdapter
from comfyui_longtake.models.dit import SIGMA_MIN, DiTConfig, VideoDiT

T, H, W = 3, 2, 3


@pytest.fixture
def call(dit, wave):
    """Velocity [B, 6, 3, 2, 3] of a fixed window; every input can be replaced."""

    def run(net=dit, b=1, **changes):
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


def test_shape_follows_the_latents(dit, wave):
    ctx = dit.context(wave(2, 4, 16), torch.ones(2, 4, dtype=torch.bool))
    for b, t, h, w in ((1, 1, 1, 1), (2, 5, 4, 1), (3, 2, 1, 7)):
        rows = torch.zeros(b, t, dtype=torch.long)
        v = dit(wave(b, 6, t, h, w), torch.full((b, t), 0.5), ctx, rows, rows, rows.float(), torch.full((b,), 8.0))
        assert v.shape == (b, 6, t, h, w) and v.isfinite().all()


def test_an_untrained_net_predicts_clean_latents_of_zero(call, wave):
    torch.manual_seed(0)
    net = VideoDiT(DiTConfig(channels=6, width=64, depth=1, head=32, text=16)).eval()
    x, sigma = wave(1, 6, T, H, W), torch.tensor([[0.9, SIGMA_MIN, 0.01]])
    v = call(net, x=x, sigma=sigma)
    assert torch.equal(v, x / torch.tensor([0.9, SIGMA_MIN, SIGMA_MIN]).view(1, 1, T, 1, 1))
    assert call(net, sigma=torch.zeros(1, T)).isfinite().all()


def test_every_part_learns_from_the_first_steps(wave):
    torch.manual_seed(0)
    net = VideoDiT(DiTConfig(channels=6, width=64, depth=2, head=32, text=16))
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(3):
        ctx = net.context(wave(1, 4, 16), torch.ones(1, 4, dtype=torch.bool))
        zero = torch.zeros(1, T, dtype=torch.long)
        v = net(wave(1, 6, T, H, W), torch.full((1, T), 0.5), ctx, zero, zero, zero.float(), torch.full((1,), 8.0))
        optimizer.zero_grad()
        v.square().mean().backward()
        optimizer.step()
    still = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert all("adapter.heads" in n or n == "blocks.0.mix" for n in still), still


def test_batch_equals_single(call, wave):
    x, sigma = wave(3, 6, T, H, W), wave(3, T).sigmoid()
    rows = torch.tensor([[0, 0, 1], [1, 1, 1], [0, 1, 0]])
    options = {"x": x, "sigma": sigma, "prompt_index": rows, "fps": torch.tensor([8.0, 16.0, 12.0])}
    together = call(b=3, **options)
    alone = [call(**{k: v[i : i + 1] for k, v in options.items()}) for i in range(3)]
    assert differ(together, torch.cat(alone)) < 1e-4


def test_the_prompt_of_one_frame_matters(call):
    base = call()
    other = call(prompt_index=torch.tensor([[0, 1, 0]]))
    assert differ(base[:, :, 1], other[:, :, 1]) > 1e-2
    assert differ(base, call(prompt_index=torch.ones(1, T, dtype=torch.long))) > 1e-2


def test_the_order_of_prompt_rows_does_not_matter(call, wave):
    states = wave(3, 4, 16, phase=2.0)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]]).bool()
    rows, order = torch.tensor([[0, 1, 2]]), torch.tensor([2, 0, 1])
    moved = order.argsort()[rows]
    assert not torch.equal(moved, rows)
    a = call(states=states, mask=mask, prompt_index=rows)
    assert differ(a, call(states=states[order], mask=mask[order], prompt_index=moved)) < 1e-5


def test_padding_of_text_does_not_matter(call, wave):
    states = wave(2, 4, 16, phase=2.0)
    padded = torch.cat([states, 50 * wave(2, 5, 16)], 1)
    mask = torch.arange(9).expand(2, -1) < 4
    assert differ(call(states=states), call(states=padded, mask=mask)) < 1e-5
    assert differ(call(states=states), call(states=padded)) > 1e-2


def test_slots_known_before_are_used_as_they_are(dit, wave):
    states, mask = wave(2, 4, 16), torch.ones(2, 4, dtype=torch.bool)
    a, b = dit.context(states, mask), dit.context(states, mask, dit.adapter(states, mask))
    assert torch.equal(a.pooled, b.pooled) and all(map(torch.equal, a.keys, b.keys))
    c = dit.context(states, mask, torch.zeros(2, len(SLOTS), dit.adapter.width))
    assert differ(a.pooled, c.pooled) > 1e-3
    assert a.bias.shape == (2, 1, 1, len(SLOTS) + 4) and len(a.keys) == dit.cfg.depth


def test_only_relative_time_matters(call):
    base = torch.arange(T).float()[None]
    assert differ(call(position=base), call(position=base + 5)) < 1e-3
    assert differ(call(position=base), call(position=base * 2)) > 1e-3


@pytest.mark.parametrize(
    "change",
    [
        {"role": torch.tensor([[CONTEXT, TARGET, TARGET]])},
        {"role": torch.tensor([[ANCHOR, TARGET, TARGET]])},
        {"sigma": torch.tensor([[0.6, 0.5, 0.2]])},
        {"fps": torch.tensor([16.0])},
    ],
    ids=["context", "anchor", "sigma", "fps"],
)
def test_what_is_said_about_one_frame_reaches_the_others(call, change):
    a, b = call(), call(**change)
    assert differ(a[:, :, 1:], b[:, :, 1:]) > 1e-3


def test_a_frame_at_another_noise_level_sees_the_others(call, wave):
    x = wave(1, 6, T, H, W)
    other = x.clone()
    other[:, :, 0] += 1
    assert differ(call(x=x)[:, :, 2], call(x=other)[:, :, 2]) > 1e-3


def test_place_in_the_picture_matters(call, wave):
    x = wave(1, 6, T, H, W)
    assert differ(call(x=x.flip(4)), call(x=x).flip(4)) > 1e-3


def test_adapter_slots_and_scores(wave):
    torch.manual_seed(0)
    adapter = TextAdapter(16, 32, 1).eval()
    states, mask = wave(3, 5, 16), torch.arange(5).expand(3, -1) < torch.tensor([[5], [3], [1]])
    slots = adapter(states, mask)
    assert slots.shape == (3, len(SLOTS), 32)
    scores = adapter.logits(slots)
    assert {k: tuple(s.shape) for k, s in scores.items()} == {k: (3, n + 1) for k, n in SLOTS.items()}
    assert differ(slots[1:2], adapter(states[1:2, :3], mask[1:2, :3])) < 1e-5
    assert differ(slots[0, 0], slots[0, 1]) > 0.1


def test_golden_values(call):
    """Numbers of this very architecture: a change here means that published weights no longer mean the same."""
    v = call(prompt_index=torch.tensor([[0, 1, 1]]), role=torch.tensor([[CONTEXT, TARGET, TARGET]]), fps=torch.tensor([12.0]))
    made = v[0, ::2, :, 1, 2].flatten()
    assert torch.allclose(made, torch.tensor(GOLDEN), atol=1e-4), made.tolist()


GOLDEN = [-2.3830, -2.5438, -8.1474, 0.5218, -1.0567, -0.0523, -1.1310, 2.6529, 5.0424]
