"""Denoisers whose answer is known in closed form, with the signature of the transformer in the box."""

import pytest
import torch
from comfyui_longtake.longtake.sampler import InBoxDenoiser

SHAPE = (3, 2, 2)


class GaussianDit:
    """Exact velocity for frames that are independent Gaussians of mean means[prompt] and deviation `std`.

    Its ODE ends at mean + std * noise. `calls` lists (levels, prompts, roles, positions) of every call.
    """

    def __init__(self, means=(0.5, -2.0), std=0.3):
        self.means, self.std, self.calls = torch.tensor(means), std, []

    def mean(self, x, sigma, prompt, role, position):
        return self.means[prompt][:, None, :, None, None]

    def __call__(self, x, sigma, ctx, prompt, role, position, fps):
        self.calls.append((sigma.clone(), prompt.clone(), role.clone(), position.clone()))
        s = sigma[:, None, :, None, None]
        mean = self.mean(x, sigma, prompt, role, position)
        variance = (1 - s) ** 2 * self.std**2 + s**2 + 1e-12
        return (s - (1 - s) * self.std**2) * (x - (1 - s) * mean) / variance - mean


class LineDit(GaussianDit):
    """Frames lie on straight lines in time between context frames, and on the line through all of them beyond."""

    def __init__(self, std=0.001):
        super().__init__((0.0,), std)

    def mean(self, x, sigma, prompt, role, position):
        place, clean = position[0].tolist(), x / (1 - sigma[:, None, :, None, None]).clamp_min(1e-3)
        context = [k for k, r in enumerate(role[0].tolist()) if r == 1]
        mean = torch.zeros_like(x)
        for k in range(x.shape[2]) if context else ():
            before = [c for c in context if place[c] <= place[k]]
            after = [c for c in context if place[c] >= place[k]]
            a, b = (before[-1], after[0]) if before and after else (context[0], context[-1])
            slope = (clean[:, :, b] - clean[:, :, a]) / max(1.0, place[b] - place[a])
            mean[:, :, k] = clean[:, :, a] + slope * (place[k] - place[a])
        return mean


@pytest.fixture
def shape():
    """(C, h, w) of the latents in these tests."""
    return SHAPE


@pytest.fixture
def gaussian():
    """(dit, denoiser) of independent Gaussian frames."""
    dit = GaussianDit()
    return dit, InBoxDenoiser(dit, None, fps=8, model_id="gaussian")


@pytest.fixture
def line():
    """(dit, denoiser) of frames on a line through their context."""
    dit = LineDit()
    return dit, InBoxDenoiser(dit, None, fps=8, model_id="line")


@pytest.fixture
def make_gaussian():
    """Makes (dit, denoiser) with the options of InBoxDenoiser."""

    def make(means=(0.5, -2.0), std=0.3, **options):
        dit = GaussianDit(means, std)
        return dit, InBoxDenoiser(dit, None, fps=8, model_id="gaussian", **options)

    return make
