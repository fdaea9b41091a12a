"""Muon: orthogonal updates for matrices and kernels, Adam for the rest."""

import pytest
import torch
from comfyui_longtake.lab.training.muon import Muon, orthogonalise
from torch import nn


@pytest.mark.parametrize("shape", [(16, 16), (24, 10), (10, 40), (64, 9)])
def test_orthogonalise_keeps_directions_and_evens_their_sizes(shape):
    torch.manual_seed(0)
    g = torch.randn(shape)
    x = orthogonalise(g)
    values = torch.linalg.svdvals(x)
    assert x.shape == shape and values.min() > 0.6 and values.max() < 1.25
    u, _, v = torch.linalg.svd(g, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(x.flatten(), (u @ v).flatten(), dim=0) > 0.97
    assert torch.allclose(orthogonalise(1000 * g), x, atol=1e-3)
    assert orthogonalise(torch.zeros(shape)).abs().max() == 0


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(12, 16, 3), nn.Flatten(), nn.Linear(16, 24), nn.Linear(24, 2))


def test_matrices_and_kernels_are_told_from_the_rest():
    model = net()
    matrix, other = Muon(model, 0.1, 0.05, adamw_names=("2.",)).param_groups
    assert [tuple(p.shape) for p in matrix["params"]] == [(16, 12, 3, 3)]
    assert len(other["params"]) == 5 and (matrix["lr"], other["lr"]) == (0.1, 0.05)
    model[0].weight.requires_grad_(False)
    assert [tuple(p.shape) for p in Muon(model, 0.1, 0.05).param_groups[0]["params"]] == [(24, 16)]


def test_a_quadratic_goes_down():
    torch.manual_seed(0)
    model = nn.Linear(20, 30)
    goal, x = nn.Linear(20, 30), torch.randn(256, 20)
    want = goal(x).detach()
    optimizer, losses = Muon(model, 0.02, 0.02), []
    for k in range(150):
        for group in optimizer.param_groups:
            group["lr"] = 0.02 * (1 - k / 150)
        loss = (model(x) - want).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.01 * losses[0] and losses[75] < losses[0]


def test_parameters_without_a_gradient_stay_and_steps_have_their_size():
    model = net()
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = Muon(model, 0.01, 0.01)
    model[2].weight.grad = torch.randn(24, 16)
    model[2].bias.grad = torch.randn(24)
    optimizer.step()
    moved = [bool((a != b).any()) for a, b in zip(before, model.parameters(), strict=True)]
    assert moved == [False, False, True, True, False, False]
    size = (model[2].weight - before[2]).square().mean().sqrt()
    assert 0.15 < float(size.detach()) / 0.01 < 0.25  # 0.2, like Adam's usual root mean square (Moonlight)
    assert torch.allclose((model[2].bias - before[3]).abs(), torch.full((24,), 0.01), atol=1e-5)


def test_first_update_points_down_the_gradient():
    model = nn.Linear(16, 16)
    before, g = model.weight.detach().clone(), torch.randn(16, 16)
    model.weight.grad = g
    Muon(model, 0.01, 0.01, decay=0.0).step()
    assert ((model.weight.detach() - before) * g).sum() < 0
