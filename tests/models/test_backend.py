"""The model in the box as a back-end: its capability, what names its takes, prompts on their own, and pictures as a stream."""

from types import SimpleNamespace

import pytest
import torch
from comfyui_longtake.engine.flow import FlowDenoiser
from comfyui_longtake.engine.noise_matrix import schedule, sync_matrix
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.models.box import (
    ADAIN,
    AREA,
    BRIDGE,
    BoxCodec,
    BoxVelocity,
    box_denoiser,
    capability_of,
    context_of,
    decode_stream,
    fingerprint,
    identity,
    latents_at_once,
    model_name,
)
from comfyui_longtake.models.load import load_bundle, manifest_id, read_manifest


@pytest.fixture(scope="module")
def states(wave):
    """Token states of three prompts of different length."""
    return [wave(1, length, 384, phase=length) for length in (3, 5, 2)]


def test_the_card_of_the_weights_says_what_they_can_do():
    plain = capability_of({}, 128, 4, 16)
    assert (plain.timeline, plain.spatial, plain.multiple, plain.channels) == (Timeline(4, 4), 16, 16, 128)
    assert (plain.steps, plain.shift, plain.cfg, plain.fps, plain.adain, plain.bridge) == (16, 1.0, 1.0, 8.0, ADAIN, BRIDGE)
    assert plain.frame_inputs and plain.strength_is_level and plain.kind == "frame" and plain.margin == 0 and plain.known
    info = {"steps": 4, "shift": 2.5, "cfg": 3, "fps": 12, "window": {"context": 2, "new": 6}, "adain": 0.5, "bridge": 1}
    made = capability_of(info, 12, 8, 8, "longtake-1")
    assert (made.steps, made.shift, made.cfg, made.fps, made.adain, made.bridge) == (4, 2.5, 3.0, 12.0, 0.5, 1.0)
    assert (made.model, made.windows.context, made.windows.new, made.timeline) == ("longtake-1", 2, 6, Timeline(8, 8))


def test_a_bundle_is_named_by_its_weights_and_encodes_each_prompt_on_its_own(tiny_weights):
    bundle = load_bundle("cpu", tiny_weights)
    assert bundle.name == bundle.capability.model == model_name(manifest_id(read_manifest(tiny_weights)))
    assert (bundle.capability.steps, bundle.capability.shift, bundle.capability.channels) == (4, 2.0, bundle.vae.channels)
    prompts = ["a blue cat in the city at night, it is raining", "a red dog", ""]
    for as_written in (False, True):
        (alone,), among = bundle.states(prompts[1:2], as_written=as_written), bundle.states(prompts, as_written=as_written)
        assert torch.equal(alone, among[1]) and all(one.ndim == 3 and one.shape[0] == 1 for one in among)
    assert len({one.shape[1] for one in among}) == 3  # each of its own length
    assert fingerprint(bundle.states(prompts[1:2])[0]) != fingerprint(alone)


def test_what_shapes_a_sample_is_in_its_name(states):
    names = {
        identity("m", "euler", 1.0, 8.0),
        identity("m", "multistep", 1.0, 8.0),
        identity("n", "euler", 1.0, 8.0),
        identity("m", "euler", 2.0, 8.0, states[0]),
        identity("m", "euler", 2.0, 8.0, states[1]),
        identity("m", "euler", 1.0, 12.0),
    }
    assert len(names) == 6 and all("\n" not in name for name in names)
    assert identity("m", "euler", 1.0, 8.0, states[0]) == identity("m", "euler", 1, 8)  # without guidance it has no say
    assert len({fingerprint(one) for one in states}) == 3 and fingerprint(states[0]) == fingerprint(states[0].clone())


@pytest.fixture
def seen(states):
    """Inputs of the transformer but for the prompts: latents, levels, roles, positions, frame rate."""
    noise = torch.Generator().manual_seed(1)
    return (
        torch.randn(1, 6, 4, 2, 2, generator=noise),
        torch.full((1, 4), 0.7),
        torch.zeros(1, 4, dtype=torch.long),
        torch.arange(4.0)[None],
        torch.full((1,), 8.0),
    )


def small(dit_class, config):
    torch.manual_seed(0)
    net = dit_class(config).eval().requires_grad_(False)
    torch.nn.init.normal_(net.out.weight, std=0.1)
    torch.nn.init.normal_(net.blocks[0].proj_text.weight, std=0.1)
    return net


@pytest.fixture(scope="module")
def net():
    from comfyui_longtake.models.dit import DiTConfig, VideoDiT

    return small(VideoDiT, DiTConfig(channels=6, width=64, depth=1))


def test_a_frame_sees_its_own_prompt_whatever_others_there_are(net, states, seen):
    """Bit for bit: the prompts that a call does not use are not in it."""
    x, sigma, role, position, fps = seen
    among = BoxVelocity(net, states)
    for number, one in enumerate(states):
        prompts = torch.full((1, 4), number)
        alone = net(x, sigma, context_of(net, [one]), torch.zeros_like(prompts), role, position, fps)
        assert torch.equal(among(x, sigma, None, prompts, role, position, fps), alone)
        assert torch.equal(BoxVelocity(net, [one])(x, sigma, None, torch.zeros_like(prompts), role, position, fps), alone)
    mixed = torch.tensor([[0, 2, 2, 0]])
    both = net(x, sigma, context_of(net, [states[0], states[2]]), mixed // 2, role, position, fps)
    assert torch.equal(among(x, sigma, None, mixed, role, position, fps), both)


@pytest.mark.parametrize(("cfg", "order"), [(1.0, 1), (3.0, 1), (1.0, 2)])
def test_the_denoiser_samples_the_transformer(net, states, cfg, order):
    bundle = SimpleNamespace(dit=net, name="longtake-1")
    denoiser = box_denoiser(bundle, states[:2], states[2], fps=8.0, cfg=cfg, order=order, device="cpu")
    given = {"role": torch.zeros(4, dtype=torch.long), "position": torch.arange(4.0)}
    sigma, keep, prompts = sync_matrix(schedule(3), 4), torch.zeros(4, dtype=torch.bool), torch.tensor([0, 0, 1, 1])
    made = denoiser.denoise(torch.zeros(1, 6, 4, 2, 2), sigma, keep, prompts, 7, **given)
    context = context_of(net, states)
    plain = FlowDenoiser(net, context, fps=8.0, cfg=cfg, order=order, uncond=2)
    want = plain.denoise(torch.zeros(1, 6, 4, 2, 2), sigma, keep, prompts, 7, **given)
    assert torch.allclose(made, want, atol=1e-5) and made.isfinite().all()
    assert denoiser.identity == identity("longtake-1", ("euler", "multistep")[order - 1], cfg, 8.0, states[2])
    assert denoiser.calls == 3 * (1 if cfg == 1 else 2)


@pytest.mark.parametrize("sizes", [[5], [1, 4], [2, 1, 2]])
def test_pictures_come_as_their_latents_do_and_are_those_of_the_whole(vae, wave, sizes):
    z = wave(1, 12, 5, 2, 3)
    with torch.no_grad():
        whole = vae.decode(z)[0]
    told, parts = [], []
    for part in decode_stream(vae, z.split(sizes, 2), ready=told.append):
        parts.append(part)
        assert sum(len(frames) for frames in parts) == vae.frames_per_latent * sum(latents.shape[2] for latents in told)
    assert torch.allclose(torch.cat(parts), whole, atol=1e-5)
    put = []
    BoxCodec(vae, torch.device("cpu")).decode(z.split(sizes, 2), 5, put.append)
    assert torch.equal(torch.cat(put), torch.cat(parts))


def test_large_pictures_are_decoded_a_latent_at_a_time(vae):
    def cells(height, width):
        return torch.empty(1, 12, 6, height, width, device="meta")

    side = vae.spatial
    assert latents_at_once(vae, cells(1, 1)) == AREA // side**2 and latents_at_once(vae, cells(999, 999)) == 1
    assert latents_at_once(vae, cells(4, 4)) * 16 * side**2 <= AREA
