"""Drift held back: what a shot began with, which windows are drawn to it, and that nothing known moves."""

import pytest
import torch
from comfyui_longtake.engine.request import Mix, Request, Shot
from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.engine.statistics import ChannelStatistics, adain
from comfyui_longtake.engine.take import collect, plan, sample
from comfyui_longtake.errors import UsageError
from comfyui_longtake.reel.store import Reel
from hypothesis import given, settings
from hypothesis import strategies as st


def clip(frames, mean=0.0, std=1.0):
    torch.manual_seed(frames)
    noise = torch.randn(1, 3, frames, 2, 2)
    found = ChannelStatistics.of(noise)
    return (noise - found.mean) / found.std * std + mean


def numbered(latents, start=0):
    """Latents [C, h, w] by their number in a take in which the first of `latents` is number `start`."""
    return {start + place: latent for place, latent in enumerate(latents[0].unbind(1))}


def moved(request, denoiser, strength, **options):
    return collect(sample(request, denoiser, Settings(steps=3, adain=strength, **options)))


@given(seed=st.integers(0, 99), strength=st.floats(0, 1), mean=st.floats(-3, 3), std=st.floats(0.1, 3))
@settings(deadline=None, max_examples=25)
def test_moments_move_by_the_strength(seed, strength, mean, std):
    torch.manual_seed(seed)
    given_latents = 2 * torch.randn(1, 4, 3, 4, 4) + 1
    goal = ChannelStatistics(torch.full((1, 4, 1, 1, 1), mean), torch.full((1, 4, 1, 1, 1), std))
    before, after = ChannelStatistics.of(given_latents), ChannelStatistics.of(adain(given_latents, goal, strength))
    assert torch.allclose(after.mean, torch.lerp(before.mean, goal.mean, strength), atol=1e-4)
    assert torch.allclose(after.std, torch.lerp(before.std, goal.std, strength), atol=1e-4)


def test_a_still_channel_stays_finite():
    made = adain(torch.ones(1, 3, 2, 2, 2), ChannelStatistics(torch.zeros(1, 3, 1, 1, 1), torch.ones(1, 3, 1, 1, 1)), 1.0)
    assert torch.equal(made, torch.zeros_like(made))


@pytest.mark.parametrize("backward", [False, True])
def test_an_extension_is_held_to_its_clip(gaussian, shape, backward):
    _, denoiser = gaussian
    known = clip(3, mean=4.0, std=0.3)
    request = Request(27, shape, known=numbered(known, 24 if backward else 0), backward=backward)
    windows = plan(request, Settings(steps=3))
    free, held = (moved(request, denoiser, strength) for strength in (0.0, 1.0))
    assert len(windows) > 1 and torch.equal(held[:, :, -3:] if backward else held[:, :, :3], known)
    for window in windows:
        places = list(window.new)
        found, without = ChannelStatistics.of(held[:, :, places]), ChannelStatistics.of(free[:, :, places])
        for here, begun in zip(found, ChannelStatistics.of(known), strict=True):
            assert torch.allclose(here, begun, atol=1e-3)
        assert (without.mean - 4).abs().min() > 1


def test_every_shot_is_held_to_its_own_beginning(make_gaussian, shape):
    _, denoiser = make_gaussian(means=(0.0, 3.0))
    request = Request(48, shape, [Shot(), Shot(24, 1, 2)], ["a", "b"])
    windows, made = plan(request, Settings(steps=3)), moved(request, denoiser, 1.0)
    first = {}
    for window in windows:
        found = ChannelStatistics.of(made[:, :, list(window.new)])
        begun = first.setdefault(window.shot, found)
        assert torch.allclose(found.mean, begun.mean, atol=1e-3) and torch.allclose(found.std, begun.std, atol=1e-3)
    assert len(first) == 2 and len(windows) > 4
    assert (first[0].mean - first[1].mean).abs().mean() > 1


def test_what_leads_somewhere_is_left_alone(gaussian, shape):
    _, denoiser = gaussian
    a, b = clip(3, mean=2.0), clip(3, mean=-2.0)
    track = [Mix(0)] * 18 + [Mix(1)] * 18
    for request in (
        Request(36, shape, known=numbered(a) | numbered(b, 33)),
        Request(36, shape, known=numbered(a) | numbered(b, 33), source=clip(36), strength=0.5),
        Request(36, shape, prompts=["a", "b"], known=numbered(a) | numbered(b, 33), track=track),
        Request(36, shape, prompts=["a", "b"], track=track),
        Request(30, shape, source=clip(30), strength=0.55),
    ):
        assert len(plan(request, Settings(steps=3))) > 1
        assert torch.equal(moved(request, denoiser, 0.0), moved(request, denoiser, 1.0))


def test_a_reel_goes_on_the_same_and_knows_the_strength(gaussian, shape, tmp_path):
    dit, denoiser = gaussian
    request = Request(40, shape)
    whole = moved(request, denoiser, 1.0)

    def kept(strength):
        dit.calls.clear()
        with Reel.open(tmp_path) as reel:
            return collect(sample(request, denoiser, Settings(steps=3, adain=strength), segments=reel)), len(dit.calls)

    assert torch.equal(kept(1.0)[0], whole)
    again, calls = kept(1.0)
    assert torch.equal(again, whole) and calls == 0
    other, calls = kept(0.5)
    assert not torch.equal(other, whole) and calls > 0


def test_strengths_outside_are_refused():
    with pytest.raises(UsageError, match="adain"):
        Settings(adain=1.5)


def test_drift_is_held_back_from_none_where_finished_frames_are_joined():
    torch.manual_seed(0)
    latents = torch.randn(1, 3, 8, 2, 2)
    goal = ChannelStatistics(torch.full((1, 3, 1, 1, 1), 2.0), torch.full((1, 3, 1, 1, 1), 0.5))
    whole, ramped = adain(latents, goal, 0.3), adain(latents, goal, 0.3, 4)
    assert torch.equal(ramped[:, :, 0], latents[:, :, 0]) and torch.allclose(ramped[:, :, 4:], whole[:, :, 4:])
    share = (ramped - latents)[:, :, 1:4] / (whole - latents)[:, :, 1:4]
    assert torch.allclose(share, torch.tensor([0.25, 0.5, 0.75]).view(1, 1, 3, 1, 1).expand_as(share), atol=1e-3)
