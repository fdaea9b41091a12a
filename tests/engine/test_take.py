"""Whole takes: lengths, known latents, joins, shots, seeds and memory of requests of every kind."""

import itertools
from dataclasses import replace

import pytest
import torch
from comfyui_longtake.engine.denoiser import frame_noise, take_noise
from comfyui_longtake.engine.frame_order import WindowConfig
from comfyui_longtake.engine.request import Mix, Request, Shot
from comfyui_longtake.engine.retry import Retry
from comfyui_longtake.engine.roles import ANCHOR
from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.engine.state import SEED_STEP
from comfyui_longtake.engine.take import collect, joins_of, plan, sample
from comfyui_longtake.errors import UsageError
from comfyui_longtake.reel.store import Reel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MODES = [Settings(steps=4), Settings(steps=4, rolling=True, queue=3)]
GOOD = 1.5


def clip(frames, start=0.0, step=0.0):
    """Latents [1, 3, frames, 2, 2] of constant value start + step * index."""
    return (start + step * torch.arange(frames).float()).view(1, 1, -1, 1, 1).expand(1, 3, -1, 2, 2).clone()


def values(latents):
    return latents.mean((0, 1, 3, 4))


def numbered(latents, start=0):
    """Latents [C, h, w] by their number in a take in which the first of `latents` is number `start`."""
    return {start + place: latent for place, latent in enumerate(latents[0].unbind(1))}


def extension(known, new, seed=0, *, backward=False, first=0, anchor=None):
    """`new` latents after (or before) those known, whose first one is number `first` of its clip."""
    start = new if backward else 0
    shot, shape = Shot(seed=seed, first=first - start), (known.shape[1], *known.shape[3:])
    return Request(known.shape[2] + new, shape, [shot], ["a"], numbered(known, start), anchor, backward=backward)


def connection(a, b, gap, **options):
    """`gap` latents between those of two clips."""
    before = a.shape[2]
    known = numbered(a) | numbered(b, before + gap)
    return Request(before + gap + b.shape[2], (a.shape[1], *a.shape[3:]), known=known, **options)


def remix(source, strength):
    return Request(source.shape[2], (source.shape[1], *source.shape[3:]), [Shot(seed=3)], ["a"], source=source, strength=strength)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.integers(1, 45), mode=st.sampled_from(MODES), backward=st.booleans(), known=st.integers(0, 6))
def test_chunks_tile_the_take(gaussian, shape, length, mode, backward, known):
    _, denoiser = gaussian
    given_clip = torch.randn(1, *shape[:1], max(1, known), *shape[1:])
    request = Request(length, shape, backward=backward)
    if known:
        request = extension(given_clip, length, backward=backward)
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
    request = Request(37, shape, [Shot(seed=3)], backward=backward)
    out = collect(sample(request, denoiser, Settings(64, windows=mode.windows, rolling=mode.rolling)))
    assert torch.allclose(out, 0.5 + 0.3 * take_noise(3, range(37), shape), atol=0.01)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backward", [False, True])
def test_extension_keeps_the_clip_and_goes_on_from_it(line, mode, backward):
    _, denoiser = line
    known = clip(5, 2.0, 0.1)
    request = extension(known, 30, backward=backward)
    out = collect(sample(request, denoiser, Settings(12, context_sigma=0.0, rolling=mode.rolling)))
    kept, new = (out[:, :, 30:], out[:, :, :30]) if backward else (out[:, :, :5], out[:, :, 5:])
    assert torch.equal(kept, known)
    near = values(new).flip(0) if backward else values(new)
    want = 2.0 - 0.1 * torch.arange(1, 31) if backward else 2.4 + 0.1 * torch.arange(1, 31)
    assert torch.allclose(near[:6], want[:6].float(), atol=0.05)
    assert torch.allclose(near, want.float(), atol=0.6)


def test_extension_uses_the_noise_of_its_place_in_the_clip(gaussian, shape):
    _, denoiser = gaussian
    whole = collect(sample(Request(20, shape, [Shot(seed=5)]), denoiser))
    forward = extension(whole[:, :, 7:12], 8, 5, first=7)
    assert torch.allclose(collect(sample(forward, denoiser))[:, :, 5:], whole[:, :, 12:20], atol=1e-5)
    before = collect(sample(extension(whole[:, :, :5], 3, 5, backward=True), denoiser, Settings(64)))
    assert torch.allclose(before[:, :, :3], 0.5 + 0.3 * take_noise(5, range(-3, 0), shape), atol=0.05)


def test_given_anchor_is_shown(gaussian, shape):
    dit, denoiser = gaussian
    request = extension(clip(3), 20, anchor=torch.full(shape, 9.0))
    collect(sample(request, denoiser, Settings(2)))
    for sigma, _, role, position in dit.calls:
        assert role[0, 0] == ANCHOR and position[0, 0] == -16 and sigma[0, 0] == 0


@pytest.mark.parametrize("gap", [1, 6, 20])
def test_connect_meets_both_clips(line, gap):
    _, denoiser = line
    a, b = clip(3, 0.0), clip(3, 1.0)
    out = collect(sample(connection(a, b, gap), denoiser, Settings(12, context_sigma=0.0)))
    assert torch.equal(out[:, :, :3], a) and torch.equal(out[:, :, -3:], b) and out.shape[2] == gap + 6
    assert values(out).diff().abs().max() < 2.5 / min(gap + 1, 8)


FAR = Settings(12, windows=WindowConfig(0, 2, 10, 2, 1, endpoints=True))
"""Windows that cannot be told how far away a frame is."""


def test_a_long_way_leads_to_its_end_from_the_beginning(line):
    """By way of endpoints every part of it is on its way; made in order, all but the last window know nothing of the end."""
    _, denoiser = line
    request = connection(clip(3, 0.0), clip(3, 1.0), 50)
    by_endpoints = values(collect(sample(request, denoiser, FAR)))
    in_order = values(collect(sample(request, denoiser, replace(FAR, windows=replace(FAR.windows, endpoints=False)))))
    straight = torch.linspace(0, 1, 56)
    assert (by_endpoints - straight).abs().max() < 0.5 * (in_order - straight).abs().max()
    assert by_endpoints.diff().abs().max() < in_order.diff().abs().max()


@pytest.mark.parametrize("backward", [False, True])
def test_a_long_way_resumes_on_its_reel(gaussian, shape, backward, tmp_path):
    _, denoiser = gaussian
    known = {0: torch.zeros(shape), 59: torch.ones(shape)}
    request = Request(60, shape, [Shot(seed=3)], ["a"], known, backward=backward)
    whole = collect(sample(request, denoiser, FAR))
    with Reel.open(tmp_path) as reel:
        steps = []
        assert torch.equal(collect(sample(request, denoiser, FAR, segments=reel)), whole)
        assert torch.equal(collect(sample(request, denoiser, FAR, segments=reel, progress=steps.append)), whole)
        assert steps and all(step.resumed for step in steps)


@pytest.mark.parametrize("mixed", [True, False])
def test_a_track_mixes_or_switches_prompts(make_gaussian, mixed):
    _, denoiser = make_gaussian(means=(0.0, 1.0), std=0.0)
    want = torch.arange(1, 8) / 8 if mixed else torch.tensor([0.0, 0, 0, 1, 1, 1, 1])
    track = [Mix(0)] * 3 + [Mix(0, 1, float(weight)) for weight in want] + [Mix(1)] * 3
    out = collect(sample(connection(clip(3, 0.0), clip(3, 1.0), 7, prompts=["a", "b"], track=track), denoiser))
    assert torch.allclose(values(out)[3:10], want, atol=1e-5)


def test_connect_from_what_is_given_as_its_source(make_gaussian):
    """At strength 1 the source has no say, at one near 0 everything; the ends stay as they are."""
    _, denoiser = make_gaussian(means=(5.0,), std=0.0)
    a, b = clip(3, 0.0), clip(3, 1.0)

    def source(index):
        return torch.full((3, 2, 2), (index - 2) / 8)

    def ways(by, *strengths):
        return [collect(sample(connection(a, b, 7, source=source, strength=one), by, Settings(8))) for one in strengths]

    out = ways(denoiser, 0.02, 0.5, 1.0)
    for made in out:
        assert torch.equal(made[:, :, :3], a) and torch.equal(made[:, :, -3:], b)
    assert torch.allclose(values(out[2])[3:10], torch.full((7,), 5.0), atol=1e-4)
    _, still = make_gaussian(means=(0.5,), std=1.0)
    near = values(ways(still, 0.02)[0])[3:10]
    assert torch.allclose(near, torch.arange(1, 8) / 8, atol=0.05)


@pytest.mark.parametrize("length", [6, 12, 13, 30])
def test_loop_from_nothing(gaussian, shape, length):
    _, denoiser = gaussian
    request = Request(length, shape, [Shot(seed=2)], loop=True)
    out = collect(sample(request, denoiser, Settings(64)))
    assert torch.allclose(out, 0.5 + 0.3 * take_noise(2, range(length), shape), atol=0.05)


def test_long_loop_closes(line, shape):
    _, denoiser = line
    image = {0: torch.full(shape, 1.0), 10: torch.full(shape, 3.0)}
    out = collect(
        sample(
            Request(26, shape, known=image, loop=True),
            denoiser,
            Settings(12, context_sigma=0.0),
        )
    )
    assert out.shape[2] == 26 and abs(float(values(out)[-1] - values(out)[0])) < 0.5


def test_image_to_video_keeps_the_image(line, shape):
    _, denoiser = line
    image = torch.randn(1, 3, 1, 2, 2, generator=torch.Generator().manual_seed(4))
    for mode in (Settings(8, context_sigma=0.0), Settings(8, context_sigma=0.0, rolling=True)):
        out = collect(sample(Request(25, shape, known=numbered(image)), denoiser, mode))
        assert torch.equal(out[:, :, :1], image) and out.shape[2] == 25
        assert torch.allclose(out[:, :, 1:6], image.expand(-1, -1, 5, -1, -1), atol=0.3)


def test_keyframes_anywhere_in_a_long_take(gaussian, shape):
    _, denoiser = gaussian
    frames = {i: torch.randn(shape, generator=torch.Generator().manual_seed(i)) for i in (0, 7, 8, 31, 59)}
    out = collect(sample(Request(60, shape, known=frames), denoiser, MODES[0]))
    for index, latent in frames.items():
        assert torch.equal(out[0, :, index], latent)


def test_everything_known_needs_no_model(gaussian, shape):
    dit, denoiser = gaussian
    known = torch.randn(1, 3, 4, 2, 2)
    request = Request(4, shape, known=numbered(known))
    for mode in MODES:
        assert torch.equal(collect(sample(request, denoiser, mode)), known) and not dit.calls


def test_remix_moves_away_with_strength(gaussian):
    dit, denoiser = gaussian
    source = 0.5 + 0.3 * torch.randn(1, 3, 30, 2, 2, generator=torch.Generator().manual_seed(1))
    away, calls = [], []
    for strength in (0.0, 0.35, 0.55, 0.75, 1.0):
        dit.calls.clear()
        out = collect(sample(remix(source, strength), denoiser, Settings(16)))
        away.append(float((out - source).abs().mean()))
        calls.append(len(dit.calls))
    assert away[0] == 0 and away == sorted(away) and calls == sorted(calls) and calls[0] == 0
    lazy = Request(30, source.shape[1:2] + source.shape[3:], [Shot(seed=3)], source=lambda index: source[0, :, index])
    assert torch.equal(collect(sample(lazy, denoiser, Settings(16))), out)


def test_strength_may_change_over_time(gaussian):
    _, denoiser = gaussian
    source = 0.5 + 0.3 * torch.randn(1, 3, 30, 2, 2, generator=torch.Generator().manual_seed(1))
    away = []
    for strength in ([at / 29 for at in range(30)], [1 - at / 29 for at in range(30)], [0.5] * 30, 0.5):
        out = collect(sample(remix(source, strength), denoiser, Settings(16)))
        away.append((out - source).abs().mean((0, 1, 3, 4)))
    up, down, even, plain = away
    assert up[0] == 0 and down[-1] == 0 and torch.equal(even, plain)
    for way in (up, down.flip(0)):
        assert way[:10].mean() < way[10:20].mean() < way[20:].mean()


def test_shots_have_their_own_prompt_and_seed(make_gaussian, shape):
    _, denoiser = make_gaussian(order=2)
    shots = [Shot(0, 0, 1), Shot(15, 1, 2), Shot(30, 0, 3, cut=True)]
    request = Request(40, shape, shots, ["a", "b"])
    noise = torch.cat([take_noise(seed, range(count), shape) for seed, count in ((1, 15), (2, 15), (3, 10))], 2)
    mean = torch.tensor([0.5] * 15 + [-2.0] * 15 + [0.5] * 10).view(1, 1, -1, 1, 1)
    for rolling in (False, True):
        out = collect(sample(request, denoiser, Settings(64, rolling=rolling)))
        assert torch.allclose(out, mean + 0.3 * noise, atol=0.02)


def test_shots_can_fade_into_each_other(make_gaussian, shape):
    _, denoiser = make_gaussian(means=(0.0, 1.0), std=0.0)
    request = Request(12, shape, [Shot(), Shot(6, 1)], ["a", "b"], fade=3)
    out = values(collect(sample(request, denoiser, Settings(4))))
    assert torch.allclose(out[5:10], torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]), atol=1e-5)


def test_context_continues_across_shots_but_not_across_cuts(line, shape):
    _, denoiser = line
    image = torch.full((1, *shape[:1], 1, *shape[1:]), 4.0)
    for cut, level in ((False, 4.0), (True, 0.0)):
        request = Request(16, shape, [Shot(), Shot(8, cut=cut)], known=numbered(image))
        out = values(collect(sample(request, denoiser, Settings(8, context_sigma=0.0))))
        assert abs(float(out[9]) - level) < 0.6


def test_noise_is_the_same_whatever_comes_before(gaussian, shape):
    """Changing how long a take is, or how it is cut into windows, leaves each frame's noise alone."""
    assert torch.equal(take_noise(9, range(40), shape)[0, :, 33], frame_noise(9, 33, shape))
    _, denoiser = gaussian
    short = collect(sample(Request(12, shape), denoiser))
    long = collect(sample(Request(60, shape), denoiser))
    assert torch.allclose(short, long[:, :, :12], atol=1e-5)


def test_two_runs_are_bit_identical(gaussian, shape):
    _, denoiser = gaussian
    for mode in MODES:
        runs = [collect(sample(Request(30, shape), denoiser, mode)) for _ in range(2)]
        assert torch.equal(*runs)


def test_progress_counts_every_call_once(gaussian, shape):
    dit, denoiser = gaussian
    for mode in MODES:
        dit.calls.clear()
        seen = []
        collect(sample(Request(30, shape), denoiser, mode, progress=seen.append))
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
        request = Request(length, shape)
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
    windows = plan(Request(480, shape))
    assert sum(len(window.new) for window in windows) == 480
    assert len(plan(Request(12, shape, loop=True))) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda s: Request(0, s),
        lambda s: Request(5, (3, 0, 2)),
        lambda s: Request(5, s, []),
        lambda s: Request(5, s, [Shot(1)]),
        lambda s: Request(5, s, [Shot(), Shot(5)]),
        lambda s: Request(5, s, [Shot(), Shot(3), Shot(3)]),
        lambda s: Request(5, s, [Shot(prompt=1)]),
        lambda s: Request(5, s, [Shot(prompt=-1)]),
        lambda s: Request(5, s, known={5: torch.zeros(s)}),
        lambda s: Request(5, s, known={0: torch.zeros(3, 9, 9)}),
        lambda s: Request(5, s, anchor=torch.zeros(3, 9, 9)),
        lambda s: Request(5, s, source=torch.zeros(1, *s[:1], 4, *s[1:])),
        lambda s: Request(5, s, noise=torch.zeros(1, *s[:1], 4, *s[1:])),
        lambda s: remix(clip(5), 1.5),
        lambda s: remix(clip(5), [0.5] * 4),
        lambda s: remix(clip(5), [0.5, 0.75, 1.0, 1.25, 1.5]),
        lambda s: Request(4, s, track=[Mix(0)] * 3),
        lambda s: Request(4, s, track=[Mix(0, 1, 0.5)] * 4),
        lambda s: Request(4, s, strength=0.5),
        lambda s: Request(4, s, loop=True, backward=True),
        lambda s: Request(5, s, loop=True, source=clip(5)),
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
        lambda s: Request(20, s, loop=True),
        lambda s: Request(20, s, known={9: torch.zeros(s)}),
        lambda s: remix(clip(5), 0.55),
    ],
)
def test_rolling_says_what_it_cannot_do(gaussian, shape, request_of):
    with pytest.raises(UsageError, match="windows"):
        collect(sample(request_of(shape), gaussian[1], MODES[1]))


SHOTS = [Shot(0, seed=1), Shot(12, seed=2), Shot(24, seed=3, cut=True)]


def test_joins_are_where_latents_meet_that_were_not_made_together(shape):
    request = Request(40, shape, SHOTS)
    starts = [window.new[0] for window in plan(request)[1:]]
    assert [join.at for join in joins_of(request)] == [at for at in starts if at != 24]
    assert [join.at for join in joins_of(request) if join.kind == "shot"] == [12]
    assert [tuple(join) for join in joins_of(request, Settings(rolling=True))] == [(12, "shot")]
    connected = connection(clip(3), clip(3), 6)
    assert [tuple(join) for join in joins_of(connected)] == [(3, "known"), (9, "known")]
    backward = extension(clip(4), 20, backward=True)
    assert joins_of(backward)[-1] == (20, "known") and all(join.kind == "window" for join in joins_of(backward)[:-1])
    assert joins_of(Request(8, shape)) == []


@pytest.mark.parametrize("backward", [False, True])
def test_a_window_is_made_again_until_its_join_is_smooth_or_the_best_kept(gaussian, shape, backward, tmp_path):
    """The third window is never smooth, the fourth at its second attempt; the others are from the beginning on."""
    dit, denoiser = gaussian
    request = Request(40, shape, [Shot(seed=7)], backward=backward)
    windows = [window.new for window in plan(request)]
    plain = collect(sample(request, denoiser, Settings(4)))
    given = {windows[2]: [5.0, 2.0, 3.0], windows[3]: [9.0, 1.0]}

    def run(times, reel=None):
        scores = {new: list(row) for new, row in given.items()}

        def judge(new, latent):
            before = new[-1] + 1 if backward else new[0] - 1
            assert latent(new[0]) is not None and (new == windows[0]) == (latent(before) is None)
            return scores[new].pop(0) if new in scores else 1.0

        retry = Retry(times, judge, GOOD)
        before = len(dit.calls)
        made = collect(sample(request, denoiser, Settings(4), segments=reel, retry=retry))
        return made, retry.retried, len(dit.calls) - before

    judged, again, calls = run(0)
    assert torch.equal(judged, plain) and again == {} and calls == 4 * len(windows)
    with Reel.open(tmp_path / "reel") as reel:
        made, again, calls = run(2, reel)
        kept, order = [reel.get(key) for key in list(reel.order)], list(reel.order)
    assert calls == 4 * (len(windows) + 3)
    assert again == {windows[2][0]: (2, 7 + SEED_STEP), windows[3][0]: (1, 7 + 2 * SEED_STEP)}
    same = [torch.equal(made[:, :, list(new)], plain[:, :, list(new)]) for new in windows]
    assert same[:4] == [True, True, False, False]
    assert len(order) == len(windows) and all(
        torch.equal(one, made[:, :, list(new)]) for one, new in zip(kept, windows, strict=True)
    )
    with Reel.open(tmp_path / "reel") as reel:
        found, resumed, calls = run(2, reel)
        assert torch.equal(found, made) and resumed == again and calls == 0 and reel.order == order


def test_a_shot_made_again_is_the_one_its_new_seed_gives(gaussian, shape):
    _, denoiser = gaussian
    rows = [4.0]
    retry = Retry(3, lambda new, latent: rows.pop() if new[0] == 12 and rows else 1.0, GOOD)
    made = collect(sample(Request(40, shape, SHOTS), denoiser, Settings(4), retry=retry))
    typed = [SHOTS[0], Shot(12, seed=2 + SEED_STEP), SHOTS[2]]
    assert retry.retried == {12: (1, 2 + SEED_STEP)}
    assert torch.equal(made, collect(sample(Request(40, shape, typed), denoiser, Settings(4))))


def test_an_attempt_that_is_just_good_enough_is_kept(gaussian, shape):
    _, denoiser = gaussian
    for score, times in ((GOOD, 0), (GOOD + 1e-6, 3)):
        retry = Retry(3, lambda new, latent, score=score: score, GOOD)
        collect(sample(Request(8, shape), denoiser, Settings(2), retry=retry))
        assert [kept[0] for kept in retry.retried.values()] == [times] * bool(times)


def test_noise_that_was_given_is_not_made_again(gaussian, shape):
    _, denoiser = gaussian
    request = Request(20, shape, noise=take_noise(1, range(20), shape))
    retry = Retry(3, lambda new, latent: 9.0, GOOD)
    assert torch.equal(collect(sample(request, denoiser, retry=retry)), collect(sample(request, denoiser))) and not retry.retried
