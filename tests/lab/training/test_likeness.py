"""Measures of likeness: renders are like renders, and every fault a sample can have is seen by the measure that is for it."""

import pytest
import torch
import torch.nn.functional as F
from comfyui_longtake.lab.training import likeness
from comfyui_longtake.lab.training.likeness import compare, frechet, steepness, told_apart
from comfyui_longtake.lab.world.reader import Reader
from comfyui_longtake.lab.world.render import render
from comfyui_longtake.models.prompts.scene import FULL


@pytest.fixture(scope="module")
def renders():
    """Two sets of clips [8, 48, 80, 3] of different scenes."""
    clips = [render([FULL.sample(k)], 8, 48, 80)[0] for k in range(24)]
    return clips[:12], clips[12:]


@pytest.fixture(scope="module")
def reader():
    torch.manual_seed(0)
    return Reader(width=8).eval()


def blurred(clip):
    return F.avg_pool2d(F.pad(clip.permute(0, 3, 1, 2), (1, 1, 1, 1), mode="replicate"), 3, 1).permute(0, 2, 3, 1)


def test_a_net_tells_blurred_pictures_but_not_renders_from_renders(renders):
    whole = [*renders[0], *renders[1]]
    assert told_apart([blurred(clip) for clip in whole], whole) > 0.85
    assert abs(told_apart(*renders) - 0.5) < 0.25


def test_it_leaves_the_random_numbers_of_others_alone(renders, monkeypatch):
    monkeypatch.setattr(likeness, "ROUNDS", 2)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = told_apart(*renders)
    assert torch.equal(torch.rand(3), expected) and told_apart(*renders) == first


def test_the_distance_of_gaussians_is_that_of_their_parameters():
    torch.manual_seed(0)
    a = torch.randn(4000, 3)
    assert frechet(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet(a, a + torch.tensor([3.0, 0, 0])) == pytest.approx(9, rel=1e-3)
    assert frechet(torch.randn(20000, 3), 2 * torch.randn(20000, 3)) == pytest.approx(3, rel=0.05)  # (2 - 1)^2 a dimension


def test_every_fault_is_seen_by_the_measure_for_it(renders, reader, monkeypatch):
    monkeypatch.setattr(likeness, "ROUNDS", 2)
    real = renders[0]
    same = compare(real, real, reader)
    assert (same.edges, same.detail, same.motion, same.flicker) == pytest.approx((1, 1, 1, 1))
    assert same.frechet == pytest.approx(0, abs=1e-3) and same.tiles == same.tiles_of_renders
    soft = compare([blurred(clip) for clip in real], real, reader)
    assert soft.edges < 0.85 and soft.detail < 0.9
    tiled = [clip + 0.04 * ((torch.arange(80) // 16) % 2).view(1, 1, 80, 1) for clip in real]
    assert compare(tiled, real, reader).tiles > same.tiles + 0.05
    still = compare([clip[:1].expand(8, -1, -1, -1) for clip in real], real, reader)
    assert still.motion < 0.05
    flicker = torch.tensor([0.0, 0.04]).repeat(4).view(8, 1, 1, 1)
    assert compare([clip + flicker for clip in real], real, reader).flicker > 1.3
    other = compare([1 - clip for clip in real], real, reader)
    assert other.frechet > 1 > soft.frechet


def test_edges_are_the_steepest_steps():
    step = (torch.arange(100) // 5 % 2).float().view(1, 1, 100, 1).expand(1, 8, 100, 3)
    assert steepness(step) > steepness(blurred(step)) > 0


def test_too_few_clips_are_refused(renders, reader):
    with pytest.raises(ValueError, match="at least 4"):
        compare(renders[0][:3], renders[1], reader)
