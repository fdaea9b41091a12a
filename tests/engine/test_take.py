"""Whole takes: lengths, known latents, joins, shots, seeds, memory, and every capability as a request."""

import itertools

import numpy as np
import pytest
import torch
from comfyui_longtake.engine import request as requests
from comfyui_longtake.engine.denoiser import frame_noise, take_noise
from comfyui_longtake.engine.request import Mix, Shot
from comfyui_longtake.engine.roles import ANCHOR
from comfyui_longtake.engine.state import SEED_STEP
from comfyui_longtake.engine.take import Retry, Settings, collect, plan, sample, seams
from comfyui_longtake.errors import UsageError
from comfyui_longtake.reel.store import Reel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MODES = [Settings(steps=4), Settings(steps=4, rolling=True, queue=3)]


def clip(frames, start=0.0, step=0.0):
    """Latents [1, 3, frames, 2, 2] of constant value start + step * index."""
    return (start + step * torch.arange(frames).float()).view(1, 1, -1, 1, 1).expand(1, 3, -1, 2, 2).clone()


def values(latents):
    return latents.mean((0, 1, 3, 4))


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.integers(1, 45), mode=st.sampled_from(MODES), backward=st.booleans(), known=st.integers(0, 6))
def test_chunks_tile_the_take(gaussian, shape, length, mode, backward, known):
    _, denoiser = gaussian
    given_clip = torch.randn(1, *shape[:1], max(1, known), *shape[1:])
    request = requests.text_to_video(length, shape, ["a"])
    if known:
        request = requests.extend(given_clip, length, "a", backward=backward)
    done = 0
    for chunk in sample(request, denoiser, mode):
        assert chunk.start == done and chunk.latents.shape[:2] == (1, 3)
        done += chunk.latents.shape[2]
    assert done == request.length


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backward", [False, True])
def test_independent_frames_come_out_right_whatever_the_windowing(make_gaussian, shape, mode, backward):
    """With frames that do not depend on each other, windows, queue and direction must not change anything."""
    _, denoiser = make_gaussian(order=2)
    request = requests.text_to_video(37, shape, ["a"], [Shot(seed=3)])
    request.backward = backward
    out = collect(sample(request, denoiser, Settings(64, windows=mode.windows, rolling=mode.rolling)))
    assert torch.allclose(out, 0.5 + 0.3 * take_noise(3, range(37), shape), atol=0.01)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backward", [False, True])
def test_extension_keeps_the_clip_and_goes_on_from_it(line, mode, backward):
    _, denoiser = line
    known = clip(5, 2.0, 0.1)
    request = requests.extend(known, 30, "a", backward=backward)
    out = collect(sample(request, denoiser, Settings(12, context_sigma=0.0, rolling=mode.rolling)))
    kept, new = (out[:, :, 30:], out[:, :, :30]) if backward else (out[:, :, :5], out[:, :, 5:])
    assert torch.equal(kept, known)
    near = values(new).flip(0) if backward else values(new)
    want = 2.0 - 0.1 * torch.arange(1, 31) if backward else 2.4 + 0.1 * torch.arange(1, 31)
    assert torch.allclose(near[:6], want[:6].float(), atol=0.05)
    assert torch.allclose(near, want.float(), atol=0.6)


def test_extension_uses_the_noise_of_its_place_in_the_clip(gaussian, shape):
    _, denoiser = gaussian
    whole = collect(sample(requests.text_to_video(20, shape, ["a"], [Shot(seed=5)]), denoiser))
    forward = requests.extend(whole[:, :, 7:12], 8, "a", 5, first=7)
    assert torch.allclose(collect(sample(forward, denoiser))[:, :, 5:], whole[:, :, 12:20], atol=1e-5)
    before = collect(sample(requests.extend(whole[:, :, :5], 3, "a", 5, backward=True), denoiser, Settings(64)))
    assert torch.allclose(before[:, :, :3], 0.5 + 0.3 * take_noise(5, range(-3, 0), shape), atol=0.05)


def test_given_anchor_is_shown(gaussian, shape):
    dit, denoiser = gaussian
    request = requests.extend(clip(3), 20, "a", anchor=torch.full(shape, 9.0))
    collect(sample(request, denoiser, Settings(2)))
    for sigma, _, role, position in dit.calls:
        assert role[0, 0] == ANCHOR and position[0, 0] == -16 and sigma[0, 0] == 0


@pytest.mark.parametrize("gap", [1, 6, 20])
def test_connect_meets_both_clips(line, gap):
    _, denoiser = line
    a, b = clip(3, 0.0), clip(3, 1.0)
    out = collect(sample(requests.connect(a, b, gap, ["a"]), denoiser, Settings(12, context_sigma=0.0)))
    assert torch.equal(out[:, :, :3], a) and torch.equal(out[:, :, -3:], b) and out.shape[2] == gap + 6
    assert values(out).diff().abs().max() < 2.5 / min(gap + 1, 8)


def test_connect_mixes_or_switches_prompts(make_gaussian):
    _, denoiser = make_gaussian(means=(0.0, 1.0), std=0.0)
    a, b = clip(3, 0.0), clip(3, 1.0)
    faded = values(collect(sample(requests.connect(a, b, 7, ["a", "b"]), denoiser)))[3:10]
    assert torch.allclose(faded, torch.arange(1, 8) / 8, atol=1e-4)
    hard = values(collect(sample(requests.connect(a, b, 7, ["a", "b"], fade=False), denoiser)))[3:10]
    assert torch.allclose(hard, torch.tensor([0.0, 0, 0, 1, 1, 1, 1]), atol=1e-4)


@given(
    ends=st.lists(st.tuples(st.integers(0, 60), st.floats(-1, 1)), min_size=2, max_size=6, unique_by=lambda end: end[0]),
    data=st.data(),
)
def test_dissolve_goes_evenly_from_one_known_latent_to_the_next(ends, data):
    ends.sort()
    mixed = requests.dissolve({place: torch.full((2, 3, 3), value) for place, value in ends})
    index = data.draw(st.integers(ends[0][0], ends[-1][0]))
    expected = np.interp(index, *zip(*ends, strict=True))
    assert torch.allclose(mixed(index), torch.tensor(expected, dtype=torch.float32), atol=1e-5)


def test_connect_from_a_dissolve(make_gaussian):
    _, denoiser = make_gaussian(means=(5.0,), std=0.0)
    a, b = clip(3, 0.0), clip(3, 1.0)
    out = [collect(sample(requests.connect(a, b, 7, strength=strength), denoiser, Settings(8))) for strength in (0.02, 0.5, 1.0)]
    for made in out:
        assert torch.equal(made[:, :, :3], a) and torch.equal(made[:, :, -3:], b)
    assert torch.allclose(values(out[2])[3:10], torch.full((7,), 5.0), atol=1e-4)
    _, still = make_gaussian(means=(0.5,), std=1.0)
    near = values(collect(sample(requests.connect(a, b, 7, strength=0.02), still, Settings(8))))[3:10]
    assert torch.allclose(near, torch.arange(1, 8) / 8, atol=0.05)


def test_loop_of_a_clip_leads_from_its_end_to_its_beginning(line):
    _, denoiser = line
    tail, head = clip(3, 1.0), clip(3, 0.0)
    out = collect(sample(requests.close_loop(tail, head, 6, "a"), denoiser, Settings(12, context_sigma=0.0)))
    assert torch.equal(out[:, :, :3], tail) and torch.equal(out[:, :, -3:], head)
    assert (values(out)[2:10].diff() < 0).all()


@pytest.mark.parametrize("length", [6, 12, 13, 30])
def test_loop_from_nothing(gaussian, shape, length):
    _, denoiser = gaussian
    request = requests.text_to_video(length, shape, ["a"], [Shot(seed=2)], loop=True)
    out = collect(sample(request, denoiser, Settings(64)))
    assert torch.allclose(out, 0.5 + 0.3 * take_noise(2, range(length), shape), atol=0.05)


def test_long_loop_closes(line, shape):
    _, denoiser = line
    image = {0: torch.full(shape, 1.0), 10: torch.full(shape, 3.0)}
    out = collect(
        sample(
            requests.text_to_video(26, shape, ["a"], keyframes=image, loop=True),
            denoiser,
            Settings(12, context_sigma=0.0),
        )
    )
    assert out.shape[2] == 26 and abs(float(values(out)[-1] - values(out)[0])) < 0.5


def test_image_to_video_keeps_the_image(line, shape):
    _, denoiser = line
    image = torch.randn(1, 3, 1, 2, 2, generator=torch.Generator().manual_seed(4))
    for mode in (Settings(8, context_sigma=0.0), Settings(8, context_sigma=0.0, rolling=True)):
        out = collect(sample(requests.image_to_video(image, 25, ["a"]), denoiser, mode))
        assert torch.equal(out[:, :, :1], image) and out.shape[2] == 25
        assert torch.allclose(out[:, :, 1:6], image.expand(-1, -1, 5, -1, -1), atol=0.3)


def test_keyframes_anywhere_in_a_long_take(gaussian, shape):
    _, denoiser = gaussian
    frames = {i: torch.randn(shape, generator=torch.Generator().manual_seed(i)) for i in (0, 7, 8, 31, 59)}
    out = collect(sample(requests.text_to_video(60, shape, ["a"], keyframes=frames), denoiser, MODES[0]))
    for index, latent in frames.items():
        assert torch.equal(out[0, :, index], latent)


def test_everything_known_needs_no_model(gaussian, shape):
    dit, denoiser = gaussian
    known = torch.randn(1, 3, 4, 2, 2)
    request = requests.text_to_video(4, shape, ["a"], keyframes=dict(enumerate(known[0].unbind(1))))
    for mode in MODES:
        assert torch.equal(collect(sample(request, denoiser, mode)), known) and not dit.calls


def test_remix_moves_away_with_strength(gaussian, shape):
    dit, denoiser = gaussian
    source = 0.5 + 0.3 * torch.randn(1, 3, 30, 2, 2, generator=torch.Generator().manual_seed(1))
    away, calls = [], []
    for strength in (0.0, "subtle", "mild", "strong", 1.0):
        dit.calls.clear()
        out = collect(sample(requests.remix(source, 30, shape, "a", 3, strength=strength), denoiser, Settings(16)))
        away.append(float((out - source).abs().mean()))
        calls.append(len(dit.calls))
    assert away[0] == 0 and away == sorted(away) and calls == sorted(calls) and calls[0] == 0
    lazy = requests.remix(lambda index: source[0, :, index], 30, shape, "a", 3, strength=1.0)
    assert torch.equal(collect(sample(lazy, denoiser, Settings(16))), out)


def test_strength_may_change_over_time(gaussian, shape):
    _, denoiser = gaussian
    source = 0.5 + 0.3 * torch.randn(1, 3, 30, 2, 2, generator=torch.Generator().manual_seed(1))
    away = []
    for strength in (requests.slope(0.0, 1.0, 30), requests.slope(1.0, 0.0, 30), requests.slope(0.5, 0.5, 30), 0.5):
        out = collect(sample(requests.remix(source, 30, shape, "a", 3, strength=strength), denoiser, Settings(16)))
        away.append((out - source).abs().mean((0, 1, 3, 4)))
    up, down, even, plain = away
    assert up[0] == 0 and down[-1] == 0 and torch.equal(even, plain)
    for way in (up, down.flip(0)):
        assert way[:10].mean() < way[10:20].mean() < way[20:].mean()


def test_shots_have_their_own_prompt_and_seed(make_gaussian, shape):
    _, denoiser = make_gaussian(order=2)
    shots = [Shot(0, 0, 1), Shot(15, 1, 2), Shot(30, 0, 3, cut=True)]
    request = requests.text_to_video(40, shape, ["a", "b"], shots)
    noise = torch.cat([take_noise(seed, range(count), shape) for seed, count in ((1, 15), (2, 15), (3, 10))], 2)
    mean = torch.tensor([0.5] * 15 + [-2.0] * 15 + [0.5] * 10).view(1, 1, -1, 1, 1)
    for rolling in (False, True):
        out = collect(sample(request, denoiser, Settings(64, rolling=rolling)))
        assert torch.allclose(out, mean + 0.3 * noise, atol=0.02)


def test_shots_can_fade_into_each_other(make_gaussian, shape):
    _, denoiser = make_gaussian(means=(0.0, 1.0), std=0.0)
    request = requests.text_to_video(12, shape, ["a", "b"], [Shot(), Shot(6, 1)], fade=3)
    out = values(collect(sample(request, denoiser, Settings(4))))
    assert torch.allclose(out[5:10], torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]), atol=1e-4)


def test_context_continues_across_shots_but_not_across_cuts(line, shape):
    _, denoiser = line
    image = torch.full((1, *shape[:1], 1, *shape[1:]), 4.0)
    for cut, level in ((False, 4.0), (True, 0.0)):
        request = requests.image_to_video(image, 16, ["a"], [Shot(), Shot(8, cut=cut)])
        out = values(collect(sample(request, denoiser, Settings(8, context_sigma=0.0))))
        assert abs(float(out[9]) - level) < 0.6


def test_noise_is_the_same_whatever_comes_before(gaussian, shape):
    """Changing how long a take is, or how it is cut into windows, leaves each frame's noise alone."""
    assert torch.equal(take_noise(9, range(40), shape)[0, :, 33], frame_noise(9, 33, shape))
    _, denoiser = gaussian
    short = collect(sample(requests.text_to_video(12, shape, ["a"]), denoiser))
    long = collect(sample(requests.text_to_video(60, shape, ["a"]), denoiser))
    assert torch.allclose(short, long[:, :, :12], atol=1e-5)


def test_two_runs_are_bit_identical(gaussian, shape):
    _, denoiser = gaussian
    for mode in MODES:
        runs = [collect(sample(requests.text_to_video(30, shape, ["a"]), denoiser, mode)) for _ in range(2)]
        assert torch.equal(*runs)


def test_progress_counts_every_call_once(gaussian, shape):
    dit, denoiser = gaussian
    for mode in MODES:
        dit.calls.clear()
        seen = []
        collect(sample(requests.text_to_video(30, shape, ["a"]), denoiser, mode, progress=seen.append))
        assert len(seen) == len(dit.calls)
        assert [p.window for p in seen] == sorted(p.window for p in seen) and seen[-1].window == seen[-1].windows
        for _, group in itertools.groupby(seen, lambda p: p.window):
            group = list(group)
            assert [p.step for p in group] == list(range(1, group[0].steps + 1))


@pytest.mark.parametrize("mode", MODES)
def test_memory_does_not_grow_with_length(gaussian, mode):
    """A ten minute take holds no more latents than one of a minute: they are dropped once handed out."""
    dit, denoiser = gaussian
    shape = (3, 2, 2)

    def held(length):
        dit.calls = _Forget()
        most = 0
        request = requests.text_to_video(length, shape, ["a"])
        chunks = sample(request, denoiser, Settings(1, rolling=mode.rolling, queue=1))
        for number, _ in enumerate(chunks):
            if number % 10 == 9:
                store = chunks.gi_frame.f_locals["work"].store
                most = max(most, len(store))
        return most

    assert held(1200) <= held(120) + 1 <= 14


class _Forget(list):
    def append(self, item):
        """Keeps nothing."""


def test_window_plan_is_available_before_sampling(shape):
    windows = plan(requests.text_to_video(480, shape, ["a"]))
    assert sum(len(window.new) for window in windows) == 480
    assert len(plan(requests.text_to_video(12, shape, ["a"], loop=True))) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda s: requests.text_to_video(0, s, ["a"]),
        lambda s: requests.text_to_video(5, (3, 0, 2), ["a"]),
        lambda s: requests.text_to_video(5, s, ["a"], [Shot(1)]),
        lambda s: requests.text_to_video(5, s, ["a"], [Shot(), Shot(5)]),
        lambda s: requests.text_to_video(5, s, ["a"], [Shot(prompt=1)]),
        lambda s: requests.text_to_video(5, s, ["a"], keyframes={5: torch.zeros(s)}),
        lambda s: requests.text_to_video(5, s, ["a"], keyframes={0: torch.zeros(3, 9, 9)}),
        lambda s: requests.remix(torch.zeros(1, *s[:1], 4, *s[1:]), 5, s),
        lambda s: requests.remix(torch.zeros(1, *s[:1], 5, *s[1:]), 5, s, strength="wild"),
        lambda s: requests.remix(torch.zeros(1, *s[:1], 5, *s[1:]), 5, s, strength=1.5),
        lambda s: requests.remix(torch.zeros(1, *s[:1], 5, *s[1:]), 5, s, strength=[0.5] * 4),
        lambda s: requests.remix(torch.zeros(1, *s[:1], 5, *s[1:]), 5, s, strength=requests.slope(0.5, 1.5, 5)),
        lambda s: requests.connect(clip(3), torch.zeros(1, 3, 3, 4, 4), 5),
        lambda s: requests.connect(clip(3), clip(3), 0),
        lambda s: requests.crossfade(5, 4, 2),
        lambda s: requests.extend(torch.zeros(3, 2, 2), 4),
        lambda s: requests.Request(4, s, track=[Mix(0)] * 3),
        lambda s: requests.Request(4, s, strength=0.5),
        lambda s: requests.Request(4, s, loop=True, backward=True),
        lambda s: Settings(steps=0),
        lambda s: Settings(context_sigma=1.0),
    ],
)
def test_refuses_in_one_line(make, shape):
    with pytest.raises(UsageError) as error:
        make(shape)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "request_of",
    [
        lambda s: requests.text_to_video(20, s, ["a"], loop=True),
        lambda s: requests.text_to_video(20, s, ["a"], keyframes={9: torch.zeros(s)}),
        lambda s: requests.remix(torch.zeros(1, *s[:1], 5, *s[1:]), 5, s),
    ],
)
def test_rolling_says_what_it_cannot_do(gaussian, shape, request_of):
    with pytest.raises(UsageError, match="windows"):
        collect(sample(request_of(shape), gaussian[1], MODES[1]))


SHOTS = [Shot(0, seed=1), Shot(12, seed=2), Shot(24, seed=3, cut=True)]


def test_joins_are_where_latents_meet_that_were_not_made_together(shape):
    request = requests.text_to_video(40, shape, ["a"], SHOTS)
    starts = [window.new[0] for window in plan(request)[1:]]
    assert [seam.at for seam in seams(request)] == [at for at in starts if at != 24]
    assert [seam.at for seam in seams(request) if seam.kind == "shot"] == [12]
    assert [tuple(seam) for seam in seams(request, Settings(rolling=True))] == [(12, "shot")]
    connected = requests.connect(clip(3), clip(3), 6)
    assert [tuple(seam) for seam in seams(connected)] == [(3, "known"), (9, "known")]
    backward = requests.extend(clip(4), 20, backward=True)
    assert seams(backward)[-1] == (20, "known") and all(seam.kind == "window" for seam in seams(backward)[:-1])
    assert seams(requests.text_to_video(8, shape, ["a"])) == []


@pytest.mark.parametrize("backward", [False, True])
def test_a_window_is_made_again_until_its_join_is_smooth_or_the_best_kept(gaussian, shape, backward, tmp_path):
    """The third window is never smooth, the fourth at its second attempt; the others are from the beginning on."""
    dit, denoiser = gaussian
    request = requests.text_to_video(40, shape, ["a"], [Shot(seed=7)])
    request.backward = backward
    windows = [window.new for window in plan(request)]
    plain = collect(sample(request, denoiser, Settings(4)))
    given = {windows[2]: [5.0, 2.0, 3.0], windows[3]: [9.0, 1.0]}

    def run(times, reel=None):
        scores = {new: list(row) for new, row in given.items()}

        def judge(new, latent):
            before = new[-1] + 1 if backward else new[0] - 1
            assert latent(new[0]) is not None and (new == windows[0]) == (latent(before) is None)
            return scores[new].pop(0) if new in scores else 1.0

        retry = Retry(times, judge)
        before = len(dit.calls)
        made = collect(sample(request, denoiser, Settings(4), reel=reel, retry=retry))
        return made, retry.made, len(dit.calls) - before

    judged, again, calls = run(0)
    assert torch.equal(judged, plain) and again == {} and calls == 4 * len(windows)
    with Reel.open(tmp_path / "reel", {}) as reel:
        made, again, calls = run(2, reel)
        kept, order = [reel.get(key) for key in list(reel.order)], list(reel.order)
    assert calls == 4 * (len(windows) + 3)
    assert again == {windows[2][0]: (2, 7 + SEED_STEP), windows[3][0]: (1, 7 + 2 * SEED_STEP)}
    same = [torch.equal(made[:, :, list(new)], plain[:, :, list(new)]) for new in windows]
    assert same[:4] == [True, True, False, False]
    assert len(order) == len(windows) and all(
        torch.equal(one, made[:, :, list(new)]) for one, new in zip(kept, windows, strict=True)
    )
    with Reel.open(tmp_path / "reel", {}) as reel:
        found, resumed, calls = run(2, reel)
        assert torch.equal(found, made) and resumed == again and calls == 0 and reel.order == order


def test_a_shot_made_again_is_the_one_its_new_seed_gives(gaussian, shape):
    _, denoiser = gaussian
    rows = [4.0]
    retry = Retry(3, lambda new, latent: rows.pop() if new[0] == 12 and rows else 1.0)
    made = collect(sample(requests.text_to_video(40, shape, ["a"], SHOTS), denoiser, Settings(4), retry=retry))
    typed = [SHOTS[0], Shot(12, seed=2 + SEED_STEP), SHOTS[2]]
    assert retry.made == {12: (1, 2 + SEED_STEP)}
    assert torch.equal(made, collect(sample(requests.text_to_video(40, shape, ["a"], typed), denoiser, Settings(4))))


def test_noise_that_was_given_is_not_made_again(gaussian, shape):
    _, denoiser = gaussian
    request = requests.text_to_video(20, shape, ["a"])
    request.noise = take_noise(1, range(20), shape)
    retry = Retry(3, lambda new, latent: 9.0)
    assert torch.equal(collect(sample(request, denoiser, retry=retry)), collect(sample(request, denoiser))) and not retry.made
