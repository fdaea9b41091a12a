"""What the diffusion model receives in the windows of a take beside what the host's own node builds from the same pixels."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODES = {
    "WanImageToVideo, 2.1": ("Wan 2.1 I2V", "Wan 2.1"),
    "WanImageToVideo, 2.2 A14B": ("Wan 2.2 A14B I2V", "Wan 2.1"),
    "WanFirstLastFrameToVideo": ("Wan 2.2 A14B I2V", "Wan 2.1"),
    "WanVaceToVideo": ("Wan VACE", "Wan 2.1"),
    "WanVaceToVideo, reference and control": ("Wan VACE", "Wan 2.1"),
    "Wan22ImageToVideoLatent": ("Wan 2.2 TI2V 5B", "Wan 2.2"),
    "LTXVImgToVideo": ("LTXV", "LTXV"),
    "LTXVAddGuide": ("LTXV", "LTXV"),
    "HunyuanImageToVideo, v1": ("HunyuanVideo I2V", "HunyuanVideo 1.0"),
    "HunyuanImageToVideo, v2": ("HunyuanVideo 1.0", "HunyuanVideo 1.0"),
    "HunyuanVideo15ImageToVideo": ("HunyuanVideo 1.5", "HunyuanVideo 1.5"),
    "CosmosImageToVideoLatent": ("Cosmos 1 I2V", "Cosmos"),
    "CosmosPredict2ImageToVideoLatent": ("Cosmos Predict2", "Wan 2.1"),
    "Kandinsky5ImageToVideo": ("Kandinsky 5", "HunyuanVideo 1.0"),
    "CogVideoX I2V": ("CogVideoX I2V", "CogVideoX"),
}
"""A node of the host, and the tiny model and VAE that it is used with."""


def watch_models(room, folder, nodes):
    """Runs each node's own graph for one window, and Long Take of three windows and a cut with what the node gives, and says
    how far what the model receives in the first window is from the node's, and what the later windows see; runs in the host."""
    import sys

    import comfy.samplers
    import torch

    sys.path.append(folder)
    import families
    import shown
    import vaes

    torch.set_num_threads(1)
    film, sampling = room("host.operations"), room("host.sampling")
    found, made = {}, {}
    with torch.inference_mode():
        for node, (model, vae) in nodes.items():
            if vae not in made:
                made[vae] = vaes.build(vae)
            found[node] = shown.compare(node, families.build(model, room), made[vae], film, sampling, comfy.samplers)
    return found


@pytest.fixture(scope="module")
def shown(in_host):
    return in_host(watch_models, folder=str(HERE), nodes=NODES, timeout=1500)


@pytest.mark.parametrize("node", NODES)
def test_a_first_window_is_what_the_node_builds(shown, node):
    """x at the first step, channels and masks of known frames, controls, guides and timesteps."""
    found = shown[node]
    assert found["same"], "nothing was compared"
    assert found["keys"][0] == found["keys"][1]
    assert max(found["same"].values()) < 1e-4, found["same"]


@pytest.mark.parametrize("node", NODES)
def test_the_picture_is_seen_again_after_a_cut_and_a_take_of_several_windows_runs(shown, node):
    found = shown[node]
    assert found["finite"] and len(found["lengths"]) >= 3
    assert found["picture"] < 1e-4, "the window after the cut does not begin with the picture"


@pytest.mark.parametrize("node", [node for node in NODES if "Latent" in node or "LTXVImg" in node or "v2" in node])
def test_frames_kept_in_the_latent_come_out(shown, node):
    assert shown[node]["kept"] == 0
