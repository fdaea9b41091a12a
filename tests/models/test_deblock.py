"""Steps between latents become even, motion and cuts stay, and chunks equal the whole."""

import pytest
import torch
from comfyui_longtake.models.deblock import MOTION, deblock, smooth_tiles
from hypothesis import given, settings
from hypothesis import strategies as st


def changes(frames):
    return [float((b - a).abs().mean()) for a, b in zip(frames[0, :-1], frames[0, 1:], strict=True)]


def still(levels, size=16):
    """A grey clip of 4 frames at each level."""
    return torch.tensor([level for level in levels for _ in range(4)]).view(1, -1, 1, 1, 1).expand(1, -1, 3, size, size)


def test_a_step_in_a_still_picture_is_spread_over_the_later_latent():
    given = still([0.5, 0.54, 0.5])
    made = changes(deblock(given, 4))
    assert made[:3] == [0, 0, 0] and max(made) < 0.4 * 0.04
    assert sum(made[3:7]) == pytest.approx(0.04, rel=1e-3)  # nothing is lost: the last frame is what it was
    assert torch.equal(deblock(given, 4)[:, 3::4], given[:, 3::4])


def test_a_cut_and_what_moves_stay_as_they_are():
    cut = still([0.1, 0.9])
    assert torch.equal(deblock(cut, 4), cut)
    half = cut.clone()
    half[:, 4:, :, :, :8] = 0.15  # as much of the picture is nearly the same on both sides of the cut
    assert torch.equal(deblock(half, 4), half)
    ramp = torch.linspace(0.2, 0.9, 16).view(1, 16, 1, 1, 1).expand(1, 16, 3, 16, 16)  # changes as much everywhere
    assert (deblock(ramp, 4) - ramp).abs().max() < (1.01 - MOTION) * 0.75 * 0.7 / 15


@settings(deadline=None, max_examples=25)
@given(parts=st.lists(st.integers(1, 3), min_size=1, max_size=4), seed=st.integers(0, 99), scale=st.sampled_from((0.02, 0.2, 1)))
def test_chunks_equal_the_whole(parts, seed, scale):
    torch.manual_seed(seed)
    frames = (0.5 + scale * (torch.rand(2, 4 * sum(parts), 3, 12, 20) - 0.5)).clamp(0, 1)
    whole = deblock(frames, 4)
    past, made = None, []
    for chunk in frames.split([4 * n for n in parts], 1):
        made.append(deblock(chunk, 4, past))
        past = chunk[:, -2:]
    assert torch.allclose(torch.cat(made, 1), whole, atol=1e-6) and whole.min() >= 0 and whole.max() <= 1


def tiled(levels, high=16):
    """A grey frame of tiles side by side, each 16 pixels wide at its own level."""
    row = torch.tensor(levels).repeat_interleave(16)
    return row.view(1, 1, 1, 1, -1).expand(1, 1, 3, high, -1)


def test_small_steps_between_tiles_become_a_ramp():
    made = smooth_tiles(tiled([0.5, 0.53, 0.5]), 16)
    steps = (made[..., 1:] - made[..., :-1]).abs()
    assert float(steps.max()) < 0.03 / 4
    assert torch.allclose(made[..., :10], torch.tensor(0.5)) and torch.allclose(made[..., 22:26], torch.tensor(0.53))
    upright = smooth_tiles(tiled([0.5, 0.53, 0.5]).transpose(-1, -2), 16)
    assert torch.allclose(upright, made.transpose(-1, -2), atol=1e-6)


def test_edges_and_slopes_of_the_picture_stay():
    edge = tiled([0.2, 0.6, 0.9])
    assert torch.equal(smooth_tiles(edge, 16), edge)
    slope = torch.linspace(0.1, 0.9, 48).view(1, 1, 1, 1, -1).expand(1, 1, 3, 32, -1)
    assert torch.allclose(smooth_tiles(slope, 16), slope, atol=1e-6)
    between = tiled([0.5, 0.5]).roll(5, -1).clone()  # a step that is not where tiles meet
    between[..., :5] = 0.53
    assert torch.allclose(smooth_tiles(between, 16), between, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(w=st.integers(1, 4), h=st.integers(1, 3), seed=st.integers(0, 99))
def test_any_size_of_frame_keeps_its_shape_and_range(w, h, seed):
    torch.manual_seed(seed)
    frames = torch.rand(1, 2, 3, 16 * h, 16 * w)
    made = smooth_tiles(frames, 16)
    assert made.shape == frames.shape and made.min() >= 0 and made.max() <= 1
    if w == h == 1:
        assert torch.equal(made, frames)
