"""What a teacher answers, by what the sampler makes of it; and histories of the net's own making."""

import random

import pytest
import torch
from comfyui_longtake.engine.flow import FlowDenoiser
from comfyui_longtake.engine.noise_matrix import schedule, sync_matrix
from comfyui_longtake.engine.roles import CONTEXT, TARGET
from comfyui_longtake.lab.training.patterns import SHIFT
from comfyui_longtake.lab.training.teacher import Teacher, later, own_history
from comfyui_longtake.models.dit import DiTConfig, VideoDiT
from hypothesis import given
from hypothesis import strategies as st

CFG = DiTConfig(channels=12, width=64, depth=1)


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = VideoDiT(CFG).eval()
    torch.nn.init.normal_(model.out.weight, std=0.1)
    torch.nn.init.normal_(model.blocks[0].proj_text.weight, std=0.1)
    return model


@pytest.fixture
def words(model, encoder):
    return model.context(*encoder(["a red dog stands in the desert", ""]))


@given(st.integers(1, 40), st.sampled_from([1.0, SHIFT, 5.0]))
def test_levels_follow_each_other_as_in_a_schedule(steps, shift):
    levels = schedule(steps, shift)
    assert torch.allclose(later(levels[:-1], 1 / steps, shift), levels[1:], atol=1e-5)
    assert float(later(levels[-1:], 1 / steps, shift)) == 0


@pytest.mark.parametrize("ramped", [False, True])
def test_a_net_that_learnt_two_steps_in_one_makes_the_same_in_half_the_steps(model, words, ramp, ramped):
    x = torch.randn(1, 12, 3, 2, 2)
    still = torch.tensor([True, False, False])
    role = torch.where(still, CONTEXT, TARGET)
    shown = {"role": role, "position": torch.arange(3).float()}
    teacher = Teacher(model, steps=8)

    def student(x, sigma, ctx, rows, role, position, fps):
        return teacher.velocity(x, sigma, ctx, role, position, fps)

    made = []
    for net, steps in ((model, 16), (student, 8)):
        levels = schedule(steps, SHIFT)
        matrix = ramp(levels, 3, steps // 8) if ramped else sync_matrix(levels, 3)
        matrix = torch.where(still, 0.02, matrix)
        denoiser = FlowDenoiser(net, words, fps=8)
        made.append(denoiser.advance(x, matrix, still, torch.zeros(3, dtype=torch.long), **shown)[0])
    assert torch.allclose(*made, atol=1e-4) and not torch.allclose(made[0], x, atol=0.1)


def test_own_history_is_what_the_net_makes_of_the_clip(model, words):
    """A net that knows the clip gives it back; one that predicts nothing leaves nothing of it."""
    clean = torch.randn(1, 12, 4, 2, 2)

    def knows(x, sigma, *_):
        return (x - clean) / sigma[:, None, :, None, None]

    def nothing(x, sigma, *_):
        return x / sigma[:, None, :, None, None]

    rest = (words, torch.arange(4).float()[None], torch.tensor([8.0]))
    assert torch.allclose(own_history(knows, clean, random.Random(0), *rest), clean, atol=1e-5)
    assert own_history(nothing, clean, random.Random(0), *rest).abs().max() < 1e-5
    other = own_history(model, clean, random.Random(0), *rest)
    assert other.shape == clean.shape and not torch.allclose(other, clean, atol=1e-2)
