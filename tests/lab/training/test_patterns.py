"""Noise patterns: always something to learn, context never noisier than the targets, all kinds in their shares."""

import random

import torch
from comfyui_longtake.lab.training.patterns import context_level, draw, logit_normal
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None, max_examples=300)
@given(frames=st.integers(1, 24), seed=st.integers(0, 2**32), shift=st.floats(0.5, 8))
def test_every_pattern_can_be_learnt_from(frames, seed, shift):
    p = draw(frames, random.Random(seed), shift)
    assert p.sigma.shape == p.context.shape == (frames,) and p.context.dtype == torch.bool
    assert p.sigma.min() >= 0 and p.sigma.max() <= 1
    assert not p.context.all()
    if p.context.any():
        assert p.sigma[p.context].max() <= p.sigma[~p.context].min()
        assert p.sigma[p.context].max() <= 0.5


def test_a_pattern_is_reproducible():
    a, b = draw(8, random.Random(3)), draw(8, random.Random(3))
    assert torch.equal(a.sigma, b.sigma) and torch.equal(a.context, b.context)


def test_all_kinds_come_in_their_shares():
    rng = random.Random(0)
    rows = [draw(8, rng) for _ in range(4000)]
    even = [bool((p.sigma == p.sigma[0]).all()) for p in rows]
    context = [bool(p.context.any()) for p in rows]
    steps = [p.sigma.diff() for p in rows]
    assert 0.32 < sum(even) / len(rows) < 0.40
    assert 0.35 < sum(context) / len(rows) < 0.50
    first = sum(bool(p.context[0]) for p in rows)
    last = sum(bool(p.context[-1]) for p in rows)
    assert first > 1.2 * last > 0
    assert sum(bool((d > -0.15).all() and (d > 0.02).sum() >= 3) for d in steps) > 300
    clean = [p for p in rows if p.context.any() and p.sigma[p.context].max() == 0]
    assert len(clean) > 0.35 * sum(context)


def test_levels_lean_towards_noise_with_the_shift():
    rng = random.Random(0)
    medians = [sorted(logit_normal(rng, s) for _ in range(2001))[1000] for s in (1.0, 2.5)]
    assert abs(medians[0] - 0.5) < 0.04 and abs(medians[1] - 2.5 / 3.5) < 0.04
    levels = [context_level(rng) for _ in range(2000)]
    assert 0.45 < levels.count(0.0) / 2000 < 0.55 and 0.11 < sum(v > 0.1 for v in levels) / 2000 < 0.19
