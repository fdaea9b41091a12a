"""The learned autoencoder: shapes, refusals, streaming that equals the whole, and a linear code that is whitened."""

import pytest
import torch
from comfyui_longtake.errors import UsageError
from comfyui_longtake.models.vae import VAEConfig, VideoVAE
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import settle, wave

pieces = st.lists(st.integers(1, 3), min_size=1, max_size=4)
TINY = {"encoder": (8, 8, 8), "decoder": (16, 8, 8, 8), "blocks": (1, 1, 1, 1)}


@pytest.fixture(scope="module", params=[{}, {"frames": 4}, {"spatial": 32}], ids=["1x16x16", "4x16x16", "1x32x32"])
def net(request):
    return settle(VideoVAE(VAEConfig(channels=12, **TINY, **request.param)))


def picture(net, b, t, h, w):
    """Pixels of so many latents."""
    return wave(b, net.frames_per_latent * t, net.spatial * h, net.spatial * w, 3).sigmoid()


def test_shapes_both_ways(net):
    for b, t, h, w in ((1, 1, 1, 1), (2, 3, 2, 1)):
        pixels = picture(net, b, t, h, w)
        z = net.encode(pixels)
        assert z.shape == (b, net.channels, t, h, w) and z.isfinite().all()
        y = net.decode(z)
        assert y.shape == pixels.shape and y.min() >= 0 and y.max() <= 1


def test_sizes_that_do_not_fit_are_refused(net):
    per, side = net.frames_per_latent, net.spatial
    for t, h, w in ((per - 1, side, side), (0, side, side), (per, side + 8, side), (per, side, 3 * side - 4)):
        with pytest.raises(ValueError, match=f"{t} frames of {w}x{h}: frames go by {per}, width and height by {side}"):
            net.encode(torch.zeros(1, t, h, w, 3))


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (1, 13, 1, 1, 1), (12, 1, 1, 1), (1, 12, 0, 1, 1)])
def test_latents_of_another_shape_are_refused(net, shape):
    with pytest.raises(UsageError, match=r"wants \(batch, 12, time"):
        net.decode(torch.zeros(shape))


@settings(deadline=None, max_examples=10)
@given(sizes=pieces)
def test_pieces_equal_the_whole_both_ways(net, sizes):
    pixels = picture(net, 2, sum(sizes), 1, 2)
    stream = net.encoder_stream()
    parts = torch.cat([stream(p) for p in pixels.split([net.frames_per_latent * n for n in sizes], 1)], 2)
    z = net.encode(pixels)
    assert torch.allclose(parts, z, atol=1e-5)
    stream = net.decoder_stream()
    whole = net.decode(z)
    assert torch.allclose(torch.cat([stream(p) for p in z.split(sizes, 2)], 1), whole, atol=1e-5)
    assert whole.std() > 0.05


def test_a_decoder_that_begins_a_latent_earlier_shows_the_same(net):
    z = wave(1, 12, 5, 1, 1)
    late = net.decode(z[:, :, 2:])
    per = net.frames_per_latent
    whole = net.decode(z)
    assert torch.allclose(late[:, net.warm * per :], whole[:, (2 + net.warm) * per :], atol=1e-6)
    assert (late[:, :per] - whole[:, 2 * per : 3 * per]).abs().max() > 1e-4  # it does see the latent before


def test_a_latent_depends_on_its_own_frames_alone(net):
    pixels = picture(net, 1, 4, 1, 1)
    per = net.frames_per_latent
    moved = torch.cat([pixels[:, 2 * per :], pixels[:, : 2 * per]], 1)
    z = net.encode(pixels)
    assert torch.allclose(net.encode(moved), torch.cat([z[:, :, 2:], z[:, :, :2]], 2), atol=1e-5)


def test_two_streams_do_not_share_memory(net):
    a, b = wave(1, 12, 2, 1, 1), wave(1, 12, 2, 1, 1, phase=1.0)
    one, two = net.decoder_stream(), net.decoder_stream()
    mixed = [one(a[:, :, :1]), two(b[:, :, :1]), one(a[:, :, 1:]), two(b[:, :, 1:])]
    assert torch.allclose(torch.cat(mixed[::2], 1), net.decode(a), atol=1e-6)
    assert torch.allclose(torch.cat(mixed[1::2], 1), net.decode(b), atol=1e-6)


def test_batch_equals_single(net):
    pixels = picture(net, 3, 2, 1, 2)
    z = net.encode(pixels)
    assert torch.allclose(z, torch.cat([net.encode(p[None]) for p in pixels]), atol=1e-5)
    assert torch.allclose(net.decode(z), torch.cat([net.decode(c[None]) for c in z]), atol=1e-5)


def test_a_tile_is_painted_by_its_neighbours_too():
    net = settle(VideoVAE(VAEConfig(channels=12, **TINY)))
    z = wave(1, 12, 1, 1, 3)
    other = z.clone()
    other[..., 0] += 1
    change = (net.decode(z) - net.decode(other)).abs().amax((0, 1, 2, 4))
    assert change[16:24].max() > 1e-4


def test_latent_statistics_normalise_and_come_back():
    net = settle(VideoVAE(VAEConfig(channels=12, **TINY)))
    pixels = picture(net, 1, 2, 1, 1)
    z, y = net.encode(pixels), net.decode(wave(1, 12, 2, 1, 1))
    net.mean.copy_(torch.linspace(-1, 1, 12))
    net.std.copy_(torch.linspace(0.5, 2, 12))
    mean, std = net.mean.view(1, -1, 1, 1, 1), net.std.view(1, -1, 1, 1, 1)
    assert torch.allclose(net.encode(pixels), (z - mean) / std, atol=1e-5)
    assert torch.allclose(net.decode((wave(1, 12, 2, 1, 1) - mean) / std), y, atol=1e-5)


def test_the_linear_code_is_white_and_keeps_the_strongest_components():
    g = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(3072, 6, generator=g)).Q.T
    rows = torch.randn(400, 6, generator=g) * torch.tensor([5.0, 4.0, 3.0, 2.0, 0.1, 0.1]) @ basis
    x = torch.pixel_shuffle(rows.view(100, 2, 2, 3072).permute(0, 3, 1, 2), 16).view(100, 4, 3, 32, 32)
    torch.manual_seed(0)
    net = VideoVAE(VAEConfig(channels=4, frames=4, **TINY)).eval()
    pixels = x.permute(0, 1, 3, 4, 2) * 0.5 + 0.5
    net.fit_base([pixels])
    z = net.encode(pixels).detach().transpose(0, 1).flatten(1)
    assert z.mean(1).abs().max() < 1e-3
    assert torch.allclose(z @ z.T / z.shape[1], torch.eye(4), atol=1e-3)
    assert all(not p.requires_grad for n, p in net.named_parameters() if ".base." in n)
    kept = torch.linalg.lstsq(z.T, rows.view(100, 2, 2, 6 * 512).flatten(0, 2)).solution
    left = rows - z.T @ kept
    assert left.square().sum() < 0.01 * rows.square().sum()


def test_an_untrained_net_is_its_linear_code_and_paints_nothing_odd():
    torch.manual_seed(0)
    net = VideoVAE(VAEConfig(channels=12, **TINY)).eval()
    net.fit_base([wave(40, 4, 32, 32, 3).sigmoid()])
    y = net.decode(torch.zeros(1, 12, 1, 1, 1))
    assert y.isfinite().all()


def test_golden_values():
    """Numbers of this very architecture: a change here means that published weights no longer mean the same."""
    net = settle(VideoVAE(VAEConfig(channels=12, **TINY)))
    z = net.encode(wave(1, 8, 16, 32, 3).sigmoid())
    y = net.decode(wave(1, 12, 2, 1, 2))
    made = torch.cat([z[0, ::5, 1, 0, 1], y[0, 1, 5, 7]])
    assert torch.allclose(made, torch.tensor(GOLDEN), atol=1e-4), made.tolist()


GOLDEN = [0.40431, 0.44826, -0.28509, 0.4583, 0.552, 0.3974]
