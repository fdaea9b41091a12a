"""For tests of every room: the command line, and weights of a few megabytes, the real nets small and random."""

import pytest


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """Folder of a complete, untrained bundle: the shipped classes at their smallest sizes."""
    import torch
    from comfyui_longtake.models.dit import DiTConfig, VideoDiT
    from comfyui_longtake.models.load import config_of, save_net
    from comfyui_longtake.models.vae import VAEConfig, VideoVAE

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    vae = VideoVAE(VAEConfig(widths=(8, 8, 8), depth=1))
    blobs = torch.nn.functional.interpolate(torch.rand(1, 3, 16, 12, 16), size=(64, 96, 128), mode="trilinear")
    vae.fit_base(blobs.permute(0, 2, 3, 4, 1))  # smooth pictures come back, so that a test can tell them apart
    save_net("vae", vae, config_of(vae), folder=folder)
    dit = VideoDiT(DiTConfig(channels=vae.channels, width=64, depth=1))
    for name, parameter in dit.named_parameters():
        if name.startswith(("out.", "modulate.")):
            torch.nn.init.normal_(parameter, std=0.05)
    info = {"steps": 4, "shift": 2.0}
    save_net("dit", dit, config_of(dit), folder=folder, info=info)
    return folder


@pytest.fixture
def longtake(tmp_path, monkeypatch, capsys):
    """`longtake(*words)` runs in an empty folder and gives (exit code, standard output, standard error)."""
    from comfyui_longtake.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
