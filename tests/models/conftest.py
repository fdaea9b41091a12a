"""Tiny nets with weights that no random generator, and so no version of PyTorch, can change."""

import math

import pytest
import torch
from comfyui_longtake.models.dit import DiTConfig, VideoDiT
from comfyui_longtake.models.text import load_text
from comfyui_longtake.models.vae import VAEConfig, VideoVAE

torch.set_num_threads(1)


def wave(*shape, phase=0.0):
    """Fixed irregular numbers of mean 0 and deviation 1."""
    i = torch.arange(math.prod(shape), dtype=torch.float64)
    return (math.sqrt(2) * torch.sin(0.7 * i + 0.013 * i * (i % 97) + phase)).float().view(shape)


def settle(net):
    """Fill every parameter with fixed numbers of about its usual size."""
    with torch.no_grad():
        for k, (name, p) in enumerate(net.named_parameters()):
            fan = p[0].numel() if p.ndim > 1 else 1
            size = fan**-0.5 if p.ndim > 1 else 0.1
            p.copy_(size * wave(*p.shape, phase=k) + (1.0 if p.ndim == 1 and "norm" in name.lower() else 0.0))
    return net.eval().requires_grad_(False)


@pytest.fixture(scope="session", name="wave")
def wave_fixture():
    return wave


@pytest.fixture(scope="session")
def dit():
    return settle(VideoDiT(DiTConfig(channels=6, width=64, depth=2, head=32, text=16)))


@pytest.fixture(scope="session")
def vae():
    return settle(VideoVAE(VAEConfig(channels=12, encoder=(8, 8, 8), decoder=(16, 8, 8, 8), blocks=(1, 1, 1, 1))))


@pytest.fixture(scope="session")
def encoder():
    """The text encoder in the box, with its published weights."""
    return load_text()
