"""Measures of pictures: each sees its own fault and no other."""

import pytest
import torch
import torch.nn.functional as F
from comfyui_longtake.lab.training.quality import detail, psnr, sharpness, tile_ratio
from comfyui_longtake.lab.world.render import render
from comfyui_longtake.models.prompts.scene import FULL


@pytest.fixture(scope="module")
def clips():
    return render([FULL.sample(i) for i in range(6)], 2, 96, 128)


def blurred(x):
    b, t, h, w, _ = x.shape
    flat = x.flatten(0, 1).permute(0, 3, 1, 2)
    soft = F.avg_pool2d(F.pad(flat, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return soft.permute(0, 2, 3, 1).view(b, t, h, w, 3)


def tiled(x, cell=16):
    """A checkerboard of slightly lighter tiles."""
    y, z = (torch.arange(n) // cell for n in x.shape[2:4])
    return x + 0.03 * ((y[:, None] + z) % 2)[..., None]


def test_psnr_is_that_of_the_squared_error_of_each_clip():
    x = torch.zeros(2, 1, 4, 4, 3)
    y = x.clone()
    y[1] += 0.1
    assert psnr(y, x).tolist() == pytest.approx([100.0, 20.0], abs=1e-3)


def test_sharpness_falls_with_blur_and_not_with_noise(clips):
    torch.manual_seed(0)
    assert sharpness(clips, clips) == pytest.approx(1.0, abs=1e-6)
    assert sharpness(blurred(clips), clips) < 0.6
    assert sharpness(clips + 0.02 * torch.randn_like(clips), clips) == pytest.approx(1.0, abs=0.02)
    contrast = (clips - 0.5) * 1.2 + 0.5
    assert sharpness(contrast, clips) == pytest.approx(1.2, abs=1e-4)


def test_detail_falls_with_blur_and_grows_with_noise(clips):
    torch.manual_seed(0)
    assert detail(blurred(clips)) < 0.85 * detail(clips) < detail(clips) < detail(clips + 0.05 * torch.randn_like(clips))


def test_sharpness_can_be_asked_for_in_a_part_of_the_picture(clips):
    half = torch.zeros(clips.shape[:4], dtype=torch.bool)
    half[:, :, :, :64] = True
    mixed = torch.where(half[..., None], clips, blurred(clips))
    assert sharpness(mixed, clips, half) > 0.97 > 0.6 > sharpness(mixed, clips, ~half)


def test_tiles_leave_a_trace_and_blur_or_noise_do_not(clips):
    torch.manual_seed(0)
    base = tile_ratio(clips)
    assert 0.9 < base < 1.1
    assert tile_ratio(tiled(clips)) > base + 0.2
    assert abs(tile_ratio(clips + 0.05 * torch.randn_like(clips)) - 1) < 0.05
    assert abs(tile_ratio(blurred(clips)) - base) < 0.1
