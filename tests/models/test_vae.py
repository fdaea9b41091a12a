"""The video VAE: shapes, refusals, streaming that equals the whole, and the exact linear code."""

import pytest
import torch
from comfyui_longtake.models import vae as module
from comfyui_longtake.models.vae import Memory, VAEConfig, VideoVAE
from hypothesis import given, settings
from hypothesis import strategies as st

pieces = st.lists(st.integers(1, 3), min_size=1, max_size=4)


def test_shapes_both_ways(vae, wave):
    for b, t, h, w in ((1, 1, 1, 1), (2, 3, 2, 5)):
        pixels = wave(b, 4 * t, 16 * h, 16 * w, 3).sigmoid()
        z = vae.encode(pixels)
        assert z.shape == (b, 12, t, h, w) and z.isfinite().all()
        y = vae.decode(z)
        assert y.shape == pixels.shape and y.min() >= 0 and y.max() <= 1


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        ((1, 3, 16, 16, 3), "3 frames"),
        ((1, 0, 16, 16, 3), "0 frames"),
        ((1, 4, 24, 16, 3), "16x24"),
        ((1, 4, 16, 40, 3), "40x16"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(vae, shape, given):
    with pytest.raises(ValueError, match=f"{given}.*frames by|{given}.*by 16") as e:
        vae.encode(torch.zeros(shape))
    assert all(part in str(e.value) for part in (given, "by 4", "by 16")) and "\n" not in str(e.value)


@settings(deadline=None, max_examples=15)
@given(sizes=pieces)
def test_encoding_in_pieces_equals_the_whole(vae, wave, sizes):
    pixels = wave(2, 4 * sum(sizes), 32, 16, 3).sigmoid()
    stream = vae.encoder_stream()
    parts = torch.cat([stream(p) for p in pixels.split([4 * n for n in sizes], 1)], 2)
    assert torch.allclose(parts, vae.encode(pixels), atol=1e-5)


@settings(deadline=None, max_examples=15)
@given(sizes=pieces)
def test_decoding_in_pieces_equals_the_whole(vae, wave, sizes):
    z = 0.3 * wave(2, 12, sum(sizes), 1, 2)
    stream = vae.decoder_stream()
    parts = torch.cat([stream(p) for p in z.split(sizes, 2)], 1)
    whole = vae.decode(z)
    assert torch.allclose(parts, whole, atol=1e-5)
    assert ((whole > 0) & (whole < 1)).float().mean() > 0.02 and whole.std() > 0.05


def test_decoding_without_memory_differs(vae, wave):
    """Else the tests above would prove nothing."""
    z = 0.3 * wave(1, 12, 4, 1, 1)
    fresh = torch.cat([vae.decode(p) for p in z.split(1, 2)], 1)
    assert (fresh - vae.decode(z)).abs().max() > 1e-3


def test_two_streams_do_not_share_memory(vae, wave):
    a, b = 0.3 * wave(1, 12, 2, 1, 1), 0.3 * wave(1, 12, 2, 1, 1, phase=1.0)
    one, two = vae.decoder_stream(), vae.decoder_stream()
    mixed = [one(a[:, :, :1]), two(b[:, :, :1]), one(a[:, :, 1:]), two(b[:, :, 1:])]
    assert torch.allclose(torch.cat(mixed[::2], 1), vae.decode(a), atol=1e-6)
    assert torch.allclose(torch.cat(mixed[1::2], 1), vae.decode(b), atol=1e-6)


def test_batch_equals_single(vae, wave):
    pixels = wave(3, 8, 16, 32, 3).sigmoid()
    z = vae.encode(pixels)
    assert torch.allclose(z, torch.cat([vae.encode(p[None]) for p in pixels]), atol=1e-5)
    assert torch.allclose(vae.decode(z), torch.cat([vae.decode(c[None]) for c in z]), atol=1e-5)


def test_the_future_does_not_change_the_past(vae, wave):
    z = 0.3 * wave(1, 12, 4, 1, 1)
    other = z.clone()
    other[:, :, 2:] += 1
    assert torch.equal(vae.decode(z)[:, :8], vae.decode(other)[:, :8])


def test_latent_statistics_normalise_and_come_back(wave):
    vae = VideoVAE(VAEConfig(channels=12, linear=8, widths=(8, 8, 8), depth=1)).eval()
    pixels = wave(1, 4, 16, 16, 3).sigmoid()
    z, y = vae.encode(pixels), vae.decode(0.2 * wave(1, 12, 1, 1, 1))
    vae.mean.fill_(0.5)
    vae.std.fill_(2.0)
    assert torch.allclose(vae.encode(pixels), (z - 0.5) / 2, atol=1e-5)
    assert torch.allclose(vae.decode((0.2 * wave(1, 12, 1, 1, 1) - 0.5) / 2), y, atol=1e-5)


def test_a_memory_block_starts_as_identity_and_looks_one_frame_back(wave):
    block = Memory(8)
    x = wave(1, 4, 8, 3, 3)
    assert torch.equal(block(x, None), x)
    torch.nn.init.normal_(block.conv3.weight)
    other = x.clone()
    other[:, 1] += 1
    moved = (block(x, None) - block(other, None)).abs().amax((0, 2, 3, 4)) > 1e-4
    assert moved.tolist() == [False, True, True, False]


@pytest.fixture
def no_smoothing(monkeypatch):
    """Tiles as the decoder makes them."""
    monkeypatch.setattr(module, "smooth_tiles", lambda frames, cell: frames)


@pytest.fixture(scope="module")
def patches():
    """Pixels [6, 8, 32, 32, 3] around 0.5 whose 4x16x16 patches span 5 dimensions."""
    g = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(3072, 5, generator=g)).Q.T
    rows = torch.randn(48, 5, generator=g) * torch.tensor([5.0, 3.0, 2.0, 1.0, 0.5]) @ basis
    x = torch.pixel_shuffle(rows.view(6, 2, 2, 2, 3072).permute(0, 1, 4, 2, 3).reshape(12, 3072, 2, 2), 16)
    return (x.reshape(6, 8, 3, 32, 32).permute(0, 1, 3, 4, 2) * 0.2 + 0.5).clamp(0, 1)


def fitted(channels, linear, pixels):
    torch.manual_seed(0)
    vae = VideoVAE(VAEConfig(channels=channels, linear=linear, widths=(8, 8, 8), depth=1)).eval()
    vae.fit_base(pixels)
    return vae


def squared(vae, pixels):
    apart = [vae.decode(latent) for latent in vae.encode(pixels).split(1, 2)]  # one by one, so that no boundary is smoothed
    return float((torch.cat(apart, 1) - pixels).square().mean().detach())


def test_linear_code_is_exact_where_patches_span_no_more_than_its_channels(patches, no_smoothing):
    assert squared(fitted(8, 5, patches), patches) < 1e-9


def test_linear_code_is_the_best_of_its_rank(patches, no_smoothing):
    rows = patches.view(6, 2, 4, 2, 16, 2, 16, 3).permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(48, -1).double()
    energy = torch.linalg.svdvals(rows - rows.mean(0)).square() / rows.numel()
    for n in range(1, 5):
        best = float(energy[n:].sum())
        assert squared(fitted(8, n, patches), patches) == pytest.approx(best, rel=1e-3)
        assert best < energy.sum()


def test_linear_code_leaves_other_channels_empty_and_learns_nothing(patches):
    vae = fitted(8, 3, patches)
    z = vae.encode(patches)
    assert z[:, 3:].abs().max() == 0 and z[:, :3].std((0, 2, 3, 4)).min() > 0.3
    spread = z[:, :3].std((0, 2, 3, 4))
    assert spread[0] > spread[1] > spread[2]  # half whitened
    assert not any(p.requires_grad for n, p in vae.named_parameters() if ".base." in n)


def test_golden_values(vae, wave):
    """Numbers of this very architecture: a change here means that published weights no longer mean the same."""
    z = vae.encode(wave(1, 8, 16, 32, 3).sigmoid())
    y = vae.decode(0.3 * wave(1, 12, 2, 1, 2))
    made = torch.cat([z[0, ::5, 1, 0, 1], y[0, ::3, 5, 7, 0]])
    assert torch.allclose(made, torch.tensor(GOLDEN[vae.cfg.encoder_net]), atol=1e-4), made.tolist()


GOLDEN = {
    False: [-0.36692, -0.28400, 0.01296, 0.67066, 0.26357, 0.35804],
    True: [-0.46681, -0.29642, -0.36067, 0.43998, 0.16814, 0.71855],
}
