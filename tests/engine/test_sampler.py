"""The sampler against an ODE with a known end: convergence, order, kept frames, guidance, blends, rings."""

import itertools

import pytest
import torch
from comfyui_longtake.engine.denoiser import Blend, frame_noise, take_noise
from comfyui_longtake.engine.flow import FlowDenoiser
from comfyui_longtake.engine.noise_matrix import keep_known, schedule, sync_matrix
from comfyui_longtake.errors import LongTakeError, UsageError
from hypothesis import given, settings
from hypothesis import strategies as st

FRAMES = 6


def mask(frames, kept=()):
    """[frames] bool, True where a frame is kept."""
    return torch.tensor([frame in kept for frame in range(frames)])


def run(denoiser, sigma, keep=None, latents=None, prompt=None, **options):
    frames = sigma.shape[1]
    keep = mask(frames) if keep is None else keep
    latents = torch.zeros(1, 3, frames, 2, 2) if latents is None else latents
    prompt = torch.zeros(frames, dtype=torch.long) if prompt is None else prompt
    options = {"role": keep.long(), "position": torch.arange(frames).float(), **options}
    return denoiser.denoise(latents, sigma, keep, prompt, 7, **options)


def error(denoiser, steps, shape):
    noise = take_noise(7, range(FRAMES), shape)
    return float((run(denoiser, sync_matrix(schedule(steps), FRAMES)) - (0.5 + 0.3 * noise)).abs().max())


def test_euler_converges_with_order_one(make_gaussian, shape):
    _, denoiser = make_gaussian()
    coarse, fine = error(denoiser, 64, shape), error(denoiser, 256, shape)
    assert fine < 0.02 and 3 < coarse / fine < 5.5


def test_multistep_converges_with_order_two_and_beats_euler(make_gaussian, shape):
    _, euler = make_gaussian()
    _, multistep = make_gaussian(order=2)
    coarse, fine = error(multistep, 64, shape), error(multistep, 256, shape)
    assert 11 < coarse / fine < 22
    for steps in (16, 32, 64):
        assert error(multistep, steps, shape) < 0.5 * error(euler, steps, shape)


@pytest.mark.parametrize("cfg", [1.0, 3.0])
def test_euler_is_that_of_k_diffusion_bit_for_bit(make_gaussian, shape, cfg):
    """The operations of its sample_euler, of a CONST model and of classifier-free guidance, in their order."""
    dit, denoiser = make_gaussian(cfg=cfg, uncond=1)
    levels, noise = schedule(7, 2.5), take_noise(7, range(FRAMES), shape)
    rows = torch.zeros(1, FRAMES, dtype=torch.long)

    def denoised(x, sigma, prompt):
        return x - dit(x, sigma.expand(1, FRAMES), None, prompt, rows, torch.arange(FRAMES)[None], None) * sigma

    x = noise
    for sigma, after in itertools.pairwise(levels):
        clean = denoised(x, sigma, rows)
        if cfg != 1:
            uncond = denoised(x, sigma, rows + 1)
            clean = uncond + (clean - uncond) * cfg
        x = x + (x - clean) / sigma * (after - sigma)
    assert torch.equal(run(denoiser, sync_matrix(levels, FRAMES)), x)


@pytest.mark.parametrize("order", [1, 2])
def test_one_model_call_a_step(make_gaussian, order):
    dit, denoiser = make_gaussian(order=order)
    run(denoiser, sync_matrix(schedule(5), 3))
    assert len(dit.calls) == 5


@pytest.mark.parametrize("order", [1, 2])
def test_point_target_is_hit_by_any_schedule(make_gaussian, ramp, order):
    _, denoiser = make_gaussian(std=0.0, order=order)
    for sigma in (sync_matrix(schedule(1), 4), sync_matrix(schedule(7, 3.0), 4), ramp(schedule(6), 4, 2)):
        assert torch.allclose(run(denoiser, sigma), torch.full((1, 3, 4, 2, 2), 0.5), atol=1e-5)


@pytest.mark.parametrize("order", [1, 2])
def test_ramp_gives_the_same_as_synchronous_where_frames_are_independent(make_gaussian, ramp, order):
    _, denoiser = make_gaussian(order=order)
    together = run(denoiser, sync_matrix(schedule(8), 5))
    for reverse in (False, True):
        assert torch.allclose(run(denoiser, ramp(schedule(8), 5, 2, reverse)), together, atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(
    kept=st.lists(st.booleans(), min_size=1, max_size=8),
    level=st.sampled_from([0.0, 0.02, 0.3]),
    order=st.sampled_from([1, 2]),
)
def test_kept_frames_come_back_bit_for_bit(kept, level, order):
    def dit(x, sigma, ctx, prompt, role, position, fps):
        return x.roll(1, 2) * 3 - 1

    keep = torch.tensor(kept)
    latents = torch.randn(2, 3, len(kept), 2, 2, generator=torch.Generator().manual_seed(1))
    sigma = keep_known(sync_matrix(schedule(3), len(kept)), keep, level)
    out = run(FlowDenoiser(dit, None, fps=8, order=order), sigma, keep, latents)
    assert torch.equal(out[:, :, keep], latents[:, :, keep])
    assert out.shape == latents.shape


def test_context_is_told_and_shown_at_its_noise_level(shape):
    seen = []

    def dit(x, sigma, ctx, prompt, role, position, fps):
        seen.append((x[:, :, 0].clone(), sigma[:, 0].clone()))
        return torch.zeros_like(x)

    keep, latents = mask(3, [0]), torch.full((1, 3, 3, 2, 2), 4.0)
    run(FlowDenoiser(dit, None, fps=8), keep_known(sync_matrix(schedule(4), 3), keep, 0.02), keep, latents)
    want = 0.98 * 4 + 0.02 * frame_noise(7, 0, shape)[None]
    for x, sigma in seen:
        assert torch.allclose(x, want) and sigma.item() == pytest.approx(0.02)


def test_remix_starts_from_the_given_latents(make_gaussian, shape):
    _, denoiser = make_gaussian(std=0.3)
    source = 0.5 + 0.3 * torch.randn(1, 3, 4, 2, 2, generator=torch.Generator().manual_seed(2))
    out = {s: run(denoiser, sync_matrix(schedule(32), 4, s), latents=source) for s in (0.0, 0.2, 0.5, 1.0)}
    away = [float((out[s] - source).abs().mean()) for s in out]
    assert torch.equal(out[0.0], source) and away == sorted(away) and away[1] < away[3] / 2


def test_noise_depends_on_seed_and_frame_alone(shape):
    assert torch.equal(frame_noise(3, -5, shape), frame_noise(3, -5, shape))
    assert not torch.equal(frame_noise(3, -5, shape), frame_noise(3, 5, shape))
    assert torch.equal(take_noise(1, range(4, 8), shape), take_noise(1, range(12), shape)[:, :, 4:8])
    many = take_noise(2**63, range(2000), shape)
    assert abs(float(many.mean())) < 0.02 and abs(float(many.std()) - 1) < 0.02


def test_batch_rows_have_their_own_seeds(make_gaussian):
    _, denoiser = make_gaussian()
    prompt, position = torch.tensor([[0, 0], [1, 1]]), torch.arange(2).float()
    both = denoiser.denoise(
        torch.zeros(2, 3, 2, 2, 2),
        sync_matrix(schedule(4), 2),
        mask(2),
        prompt,
        [5, 6],
        role=torch.zeros(2).long(),
        position=position,
    )
    alone = denoiser.denoise(
        torch.zeros(1, 3, 2, 2, 2),
        sync_matrix(schedule(4), 2),
        mask(2),
        prompt[1],
        6,
        role=torch.zeros(2).long(),
        position=position,
    )
    assert torch.allclose(both[1:], alone, atol=1e-6) and both[0].mean() > 0 > both[1].mean()


def test_guidance_moves_away_from_the_empty_prompt(make_gaussian):
    dit, guided = make_gaussian(means=(0.5, 0.0), std=0.0, cfg=3.0, uncond=1)
    assert torch.allclose(run(guided, sync_matrix(schedule(4), 2)), torch.full((1, 3, 2, 2, 2), 1.5), atol=1e-5)
    assert len(dit.calls) == 8
    with pytest.raises(UsageError, match="uncond"):
        make_gaussian(cfg=3.0)


def test_blend_mixes_prompts_and_switching_costs_nothing(make_gaussian):
    dit, denoiser = make_gaussian(means=(0.0, 1.0), std=0.0)
    other = torch.ones(3, dtype=torch.long)
    out = run(denoiser, sync_matrix(schedule(4), 3), blend=Blend(other, torch.tensor([0.0, 0.25, 1.0])))
    assert torch.allclose(out.mean((0, 1, 3, 4)), torch.tensor([0.0, 0.25, 1.0]), atol=1e-5)
    assert len(dit.calls) == 8
    dit.calls.clear()
    out = run(denoiser, sync_matrix(schedule(4), 3), blend=Blend(other, torch.tensor([0.0, 1.0, 1.0])))
    assert torch.allclose(out.mean((0, 1, 3, 4)), torch.tensor([0.0, 1.0, 1.0]), atol=1e-5)
    assert len(dit.calls) == 4


def test_ring_shows_every_frame_at_changing_places_with_its_own_prompt(shape):
    places = []

    def dit(x, sigma, ctx, prompt, role, position, fps):
        places.append(int(prompt[0].argmax()))
        return x - prompt[:, None, :, None, None].float()

    prompt = torch.tensor([0, 0, 5, 0, 0])
    run(FlowDenoiser(dit, None, fps=8), sync_matrix(schedule(20), 5), prompt=prompt, ring=True)
    assert set(places) == set(range(5))


def test_ring_makes_no_difference_to_independent_frames(make_gaussian):
    _, denoiser = make_gaussian()
    sigma = sync_matrix(schedule(6), 5)
    assert torch.allclose(run(denoiser, sigma, ring=True), run(denoiser, sigma), atol=1e-5)


def test_progress_and_cancellation(gaussian):
    dit, denoiser = gaussian
    seen = []

    def stop(step, steps):
        seen.append((step, steps))
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(denoiser, sync_matrix(schedule(9), 2), on_step=stop)
    assert seen == [(1, 9), (2, 9)] and len(dit.calls) == 2


def test_broken_model_is_reported():
    denoiser = FlowDenoiser(lambda x, *rest: x * float("nan"), None, fps=8)
    with pytest.raises(LongTakeError, match="weights"):
        run(denoiser, sync_matrix(schedule(2), 2))


def test_refuses():
    with pytest.raises(UsageError, match="order"):
        FlowDenoiser(lambda *a: None, None, fps=8, order=3)
