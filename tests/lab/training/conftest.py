"""A text encoder of one random layer with the real tokenizer, a small VAE, and a clock that only tests move."""

from types import SimpleNamespace

import pytest
import torch
from comfyui_longtake.lab.training import run as run_module
from comfyui_longtake.lab.world.render import render
from comfyui_longtake.models.prompts.scene import FULL
from comfyui_longtake.models.text import TextEncoder, folder
from comfyui_longtake.models.vae import VAEConfig, VideoVAE

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def encoder():
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    tokenizer = Tokenizer.from_file(str(folder() / "tokenizer.json"))
    cfg = BertConfig(hidden_size=384, num_hidden_layers=1, num_attention_heads=6, intermediate_size=64)
    bert = BertModel(cfg, add_pooling_layer=False)
    return TextEncoder(bert.eval().requires_grad_(False), tokenizer)


@pytest.fixture
def vae():
    torch.manual_seed(0)
    vae = (
        VideoVAE(VAEConfig(channels=12, encoder=(8, 8, 8), decoder=(16, 8, 8, 8), blocks=(1, 1, 1, 1))).eval().requires_grad_(False)
    )
    vae.fit_base([render([FULL.sample(i) for i in range(4)], 4, 32, 48)])
    return vae


@pytest.fixture
def clock(monkeypatch):
    """Training time passes only by `clock.now += seconds`."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(run_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock
