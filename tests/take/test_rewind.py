"""Ways between clips with the nets in the box: time never goes back, and a join is no larger a step than those beside it."""

import pytest
import torch
from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.engine.take import collect, sample
from comfyui_longtake.models.box import BoxCodec, box_denoiser
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.take import operations
from comfyui_longtake.take.stills import Clip, Stills

pytestmark = pytest.mark.slow

HEIGHT, WIDTH, BARS, GIVEN, WAY = 96, 160, 8, 4, 4
STEP = 1.3  # how much larger the step of a join may be than the larger one beside it


def barcode(number):
    """A frame [H, W, 3] whose grey bars are those of its number alone: film as fast as can be."""
    bars = torch.rand(BARS, generator=torch.Generator().manual_seed(number))
    return bars.repeat_interleave(WIDTH // BARS)[None, :, None].expand(HEIGHT, WIDTH, 3)


@pytest.fixture(scope="module")
def box():
    """Makes a plan's frames [T, H, W, 3] and the latents of frames, with the nets in the box."""
    bundle = load_bundle("cpu")
    state = bundle.states([""])[0]
    codec = BoxCodec(bundle.vae, "cpu")

    @torch.no_grad()
    def encode(frames):
        return bundle.vae.encode(frames[None])

    def decode(latents):
        frames = []
        codec.decode([latents], latents.shape[2], frames.append)
        return torch.cat(frames)

    def make(request):
        denoiser = box_denoiser(bundle, [state], state, fps=8.0, cfg=1.0, order=1, device="cpu")
        return decode(collect(sample(request, denoiser, Settings.of(bundle.capability, steps=16))))

    return bundle.capability, encode, Stills(decode, encode, bundle.capability.timeline, codec.lead), make


def frames_of(first, count):
    return torch.stack([barcode(number) for number in range(first, first + count)])


def distance(one, other):
    return float((one - other).abs().mean())


def rewinds(frames, begin, end):
    """Frames begin..end of a film that are nearer to a frame further back than to the one before them."""
    step = [distance(frames[at], frames[at - 1]) for at in range(begin, end)]
    back = [min(distance(frames[at], frames[before]) for before in range(at - 1)) for at in range(begin, end)]
    return [at for at, (one, other) in enumerate(zip(step, back, strict=True), begin) if one > other]


def check(frames, begin, end):
    """Frames begin..end of a film are the way: it plays nothing again, nor anything that is to come, and the steps into it and
    out of it are no larger than those beside."""
    assert not rewinds(frames, begin, end)
    assert not rewinds(frames.flip(0), len(frames) - end, len(frames) - begin)
    for join in (begin, end):
        beside = [distance(frames[at], frames[at - 1]) for at in (join - 1, join + 1)]
        assert distance(frames[join], frames[join - 1]) <= STEP * max(beside)


@pytest.mark.parametrize("seed", [0, 1])
def test_connecting_fast_film_plays_nothing_twice(box, seed):
    can, encode, stills, make = box
    unit = can.timeline.rest
    a, b = frames_of(100 * seed, GIVEN * unit), frames_of(100 * seed + 50, GIVEN * unit)
    plan = operations.stitch(can, [Clip(encode(a)), Clip(encode(b))], WAY * unit, seed=seed, stills=stills)
    check(make(plan.request), GIVEN * unit, (GIVEN + WAY) * unit)


def test_looping_fast_film_plays_nothing_twice(box):
    can, encode, stills, make = box
    unit = can.timeline.rest
    plan = operations.loop(can, Clip(encode(frames_of(0, GIVEN * unit))), WAY * unit, seed=3, stills=stills)
    frames = make(plan.request)
    check(frames[unit:], (GIVEN - 1) * unit, (GIVEN + WAY - 1) * unit)  # without the frames that the way leads back to
