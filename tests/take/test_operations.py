"""Plans of everything that a user can ask for, on every kind of timeline: lengths, what is known and where, prompts, messages."""

import itertools

import pytest
import torch
from comfyui_longtake.engine.capability import Capability
from comfyui_longtake.engine.frame_order import WindowConfig
from comfyui_longtake.engine.request import Mix
from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.engine.take import collect, sample
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.errors import UsageError
from comfyui_longtake.take import operations
from comfyui_longtake.take.operations import Placement
from comfyui_longtake.take.shots import STRENGTHS, ShotText
from comfyui_longtake.take.stills import Clip, Stills
from hypothesis import given, settings
from hypothesis import strategies as st

BOX = Timeline(4, 4)
WAN, LTX = Timeline(1, 4), Timeline(1, 8)
PAIRS = Timeline(1, 4, multiple=2)
H3 = Timeline(1, 4, cycle=5, multiple=5, offset=2)
TIMELINES = [BOX, WAN, LTX, PAIRS, H3, Timeline(8, 8)]
SHAPE = (3, 2, 2)
WINDOWS = WindowConfig(context=3, new=8)


def able(timeline, bridge=1.0):
    """A model of which no more is known than its timeline."""
    return Capability("test", "frame", timeline, 16, 16, SHAPE[0], 8.0, windows=WINDOWS, bridge=bridge)


def clip(timeline, least, value=None, **options):
    """A clip of at least so many latents that the model may have; random, or of one value."""
    length = timeline.legal(least)
    size = (1, SHAPE[0], length, *SHAPE[1:])
    return Clip(torch.randn(size) if value is None else torch.full(size, float(value)), **options)


def stills(timeline):
    """Of a codec whose frames are the latents, held as long as each lasts."""

    def decode(latents):
        spans = [timeline.latent_span(at)[1] for at in range(latents.shape[2])]
        return torch.cat([latents[0, :, at].movedim(0, -1).expand(count, 2, 2, 3) for at, count in enumerate(spans)])

    def encode(frames):
        firsts = [timeline.latent_span(at)[0] for at in range(timeline.latents_for(len(frames)))]
        return frames[firsts].movedim(-1, 0)[None]

    return Stills(decode, encode, timeline, 2)


def drops(timeline):
    """Whether a clip loses its first latent, which stands for fewer frames, where it does not begin the take."""
    return int(timeline.first != timeline.rest and not timeline.cycle)


def values(latents):
    return latents.mean((0, 1, 3, 4))


def check_known(plan, clips):
    """Every clip lies where its placement says, bit for bit, and nothing else is known."""
    expected = {}
    for number, start, drop in plan.placements:
        latents = clips[number].latents[0]
        expected |= {start + at - drop: latents[:, at] for at in range(drop, latents.shape[1])}
    assert set(plan.request.known) <= set(expected)
    assert all(torch.equal(latent, expected[at]) for at, latent in plan.request.known.items())
    return set(expected) - set(plan.request.known)


timelines = st.sampled_from(TIMELINES)
lengths = st.integers(2, 14)


@given(timeline=timelines, least=lengths, frames=st.integers(1, 200), first=st.integers(0, 40), seed=st.integers(0, 99))
def test_an_extension_is_long_enough_and_no_longer(timeline, least, frames, first, seed):
    given_clip = clip(timeline, least, first=first, anchor=torch.ones(SHAPE))
    plan = operations.extend(able(timeline), given_clip, frames, prompt="a dog", seed=seed)
    request = plan.request
    assert plan.placements == (Placement(0, 0),) and not check_known(plan, [given_clip])
    assert plan.length == request.length == timeline.legal(request.length)
    old = timeline.frames_for(given_clip.length)
    assert timeline.frames_for(plan.length) >= old + frames
    assert plan.length == timeline.legal(timeline.latents_for(old + frames))
    (shot,) = request.shots
    assert (shot.seed, shot.first, request.prompts, request.backward) == (seed, first, ("a dog",), False)
    assert request.anchor is given_clip.anchor and request.source is None


@given(timeline=timelines, least=lengths, frames=st.integers(1, 200))
def test_an_extension_backward_ends_in_the_clip(timeline, least, frames):
    given_clip, drop = clip(timeline, least), drops(timeline)
    plan = operations.extend(able(timeline), given_clip, frames, backward=True)
    (place,) = plan.placements
    assert place == Placement(0, place.start, drop) and not check_known(plan, [given_clip])
    assert plan.length == plan.request.length == place.start + given_clip.length - drop == timeline.legal(plan.length)
    made = timeline.frames_for(place.start) - drop * timeline.first  # the clip's first frame is made again, as the last one
    assert frames <= made < frames + timeline.rest * max(timeline.multiple, timeline.cycle or 1)
    assert timeline.frames_for(plan.length) == made + timeline.frames_for(given_clip.length)
    assert plan.request.shots[0].first == drop - place.start and plan.request.backward
    if timeline.cycle:
        assert place.start % timeline.cycle == 0


@given(
    timeline=timelines,
    sizes=st.lists(lengths, min_size=2, max_size=4),
    frames=st.integers(1, 120),
    strength=st.sampled_from([None, 0.3, 1.0]),
    bridge=st.sampled_from([0.5, 1.0]),
)
def test_stitched_clips_come_in_order_with_ways_between(timeline, sizes, frames, strength, bridge):
    clips, drop = [clip(timeline, size, name=f"clip {number}") for number, size in enumerate(sizes)], drops(timeline)
    plan = operations.stitch(
        able(timeline, bridge), clips, frames, prompts=("a",), seed=5, strength=strength, stills=stills(timeline)
    )
    request = plan.request
    assert not check_known(plan, clips) and [place.clip for place in plan.placements] == list(range(len(clips)))
    assert plan.placements[0] == Placement(0, 0) and all(place.drop == drop for place in plan.placements[1:])
    ends = [place.start + one.length - place.drop for place, one in zip(plan.placements, clips, strict=True)]
    for end, place in zip(ends, plan.placements[1:], strict=False):
        made = timeline.frames_for(place.start) - timeline.frames_for(end) - drop * timeline.first
        assert frames <= made < frames + timeline.rest * max(timeline.multiple, timeline.cycle or 1)
        assert not set(range(end, place.start)) & set(request.known)
    assert ends[-1] == plan.length == request.length == timeline.legal(plan.length)
    level = bridge if strength is None else strength
    assert request.strength == level and (request.source is None) == (level == 1)
    assert request.track is None and request.shots[0].seed == 5
    if request.source is not None:
        for before, after, end, place in zip(clips, clips[1:], ends, plan.placements[1:], strict=False):
            last, first = before.latents[0, :, -1], after.latents[0, :, 0]
            for at in range(end, place.start):
                assert torch.equal(request.source(at), torch.lerp(last, first, (at - end + 1) / (place.start - end + 1)))


@given(
    timeline=timelines,
    least=lengths,
    frames=st.integers(1, 120),
    ahead=st.integers(1, 4),
    strength=st.sampled_from([None, 0.3]),
)
def test_a_loop_leads_from_the_end_of_the_clip_to_its_beginning(timeline, least, frames, ahead, strength):
    given_clip, drop = clip(timeline, least), drops(timeline)
    plan = operations.loop(able(timeline), given_clip, frames, seed=2, strength=strength, stills=stills(timeline), ahead=ahead)
    request, end = plan.request, plan.placements[1].start
    assert plan.placements == (Placement(0, 0), Placement(0, end, drop))
    check_known(plan, [given_clip, given_clip])
    assert set(request.known) == {*range(given_clip.length), *range(end, request.length)}
    made = timeline.frames_for(end) - timeline.frames_for(given_clip.length) - drop * timeline.first
    assert frames <= made < frames + timeline.rest * max(timeline.multiple, timeline.cycle or 1)
    assert plan.length == timeline.legal(end) <= request.length
    assert request.length - end == min(given_clip.length - drop, max(plan.length - end, ahead))
    assert plan.again == timeline.frames_for(plan.length) - timeline.frames_for(end) + drop * timeline.first
    assert timeline.frames_for(plan.length) - plan.again == timeline.frames_for(given_clip.length) + made
    assert bool(plan.messages) == bool(plan.again) and all("\n" not in text for text in plan.messages)
    if plan.again > 1:
        assert f"{plan.again} frames" in plan.messages[0]
    assert not request.loop and (request.source is None) == (strength is None)


def test_a_loop_may_be_led_to_a_beginning_that_is_given_apart():
    tail, head = clip(BOX, 3, 1.0, first=20), clip(BOX, 5, 0.0)
    plan = operations.loop(able(BOX), tail, 24, head=head, ahead=3)
    assert plan.length == 9 and plan.request.length == 12 and plan.request.shots[0].first == 20
    assert all(torch.equal(plan.request.known[9 + at], head.latents[0, :, at]) for at in range(3))
    assert plan.again == 0 and plan.messages == []


@pytest.mark.parametrize("timeline", TIMELINES)
def test_plans_are_made_with_their_clips_unchanged(make_gaussian, timeline):
    """Sampled, the clips come out bit for bit at their placements, whatever the timeline."""
    _, denoiser = make_gaussian()
    a, b, can = clip(timeline, 4), clip(timeline, 5), able(timeline)
    for plan, clips in (
        (operations.extend(can, a, 40), [a]),
        (operations.extend(can, a, 40, backward=True), [a]),
        (operations.stitch(can, [a, b, a], 20), [a, b, a]),
        (operations.stitch(able(timeline, 0.5), [a, b], 20, stills=stills(timeline)), [a, b]),
        (operations.loop(can, a, 20), [a, a]),
        (operations.recut(can, a, "0-1", 8.0), [a]),
    ):
        made = collect(sample(plan.request, denoiser, Settings.of(can, steps=2)))
        assert made.shape[2] == plan.request.length and made.isfinite().all()
        for at, latent in plan.request.known.items():
            assert torch.equal(made[0, :, at], latent)
        check_known(plan, clips)


def test_two_prompts_of_a_way_take_over_evenly(make_gaussian):
    _, denoiser = make_gaussian(means=(0.0, 1.0), std=0.0)
    ends = clip(BOX, 3, 0.0), clip(BOX, 3, 1.0)
    plan = operations.stitch(able(BOX), ends, 28, prompts=("a", "b"))
    assert plan.request.track == operations.crossfade(13, 3, 10)
    made = values(collect(sample(plan.request, denoiser)))
    assert torch.allclose(made[3:10], torch.arange(1, 8) / 8, atol=1e-5)


def test_a_loop_goes_from_its_end_to_its_beginning(line):
    _, denoiser = line
    tail, head = clip(BOX, 3, 1.0), clip(BOX, 3, 0.0)
    plan = operations.loop(able(BOX), tail, 24, head=head, ahead=3)
    made = collect(sample(plan.request, denoiser, Settings(12)))
    assert torch.equal(made[:, :, :3], tail.latents) and torch.equal(made[:, :, -3:], head.latents)
    assert (values(made)[2:10].diff() < 0).all()


def test_a_way_without_pictures_is_made_from_nothing_and_a_dissolve_needs_them():
    ends, can = [clip(BOX, 3), clip(BOX, 3)], able(BOX, 0.5)
    assert operations.stitch(can, ends, 28).request.source is None
    assert operations.loop(can, ends[0], 28).request.strength == 1
    for make in (operations.stitch, operations.loop):
        with pytest.raises(UsageError, match=r"^strength 0.3: .*connect the VAE"):
            make(can, ends if make is operations.stitch else ends[0], 28, strength=0.3)


def test_a_way_from_a_dissolve(make_gaussian):
    _, denoiser = make_gaussian(means=(5.0,), std=0.0)
    ends = clip(BOX, 3, 0.0), clip(BOX, 3, 1.0)

    def ways(by, *strengths):
        plans = [operations.stitch(able(BOX), ends, 28, strength=one, stills=stills(BOX)) for one in strengths]
        return [collect(sample(plan.request, by, Settings(8))) for plan in plans]

    out = ways(denoiser, 0.02, 0.5, 1.0)
    for made in out:
        assert torch.equal(made[:, :, :3], ends[0].latents) and torch.equal(made[:, :, -3:], ends[1].latents)
    assert torch.allclose(values(out[2])[3:10], torch.full((7,), 5.0), atol=1e-4)
    _, still = make_gaussian(means=(0.5,), std=1.0)
    assert torch.allclose(values(ways(still, 0.02)[0])[3:10], torch.arange(1, 8) / 8, atol=0.05)


@given(length=st.integers(1, 40), data=st.data())
def test_a_crossfade_begins_and_ends_where_it_should(length, data):
    begin, end = sorted(data.draw(st.tuples(st.integers(0, length), st.integers(0, length))))
    track = operations.crossfade(length, begin, end)
    shares = [mix.weight if mix.other else float(mix.prompt) for mix in track]
    assert len(track) == length and shares[:begin] == [0.0] * begin and shares[end:] == [1.0] * (length - end)
    steps = [after - before for before, after in itertools.pairwise([0.0, *shares[begin:end], 1.0])]
    assert steps == pytest.approx([1 / (end - begin + 1)] * (end - begin + 1))
    assert operations.crossfade(3, 1, 1, 4, 2) == [Mix(4), Mix(2), Mix(2)]


def test_remix_moves_away_with_strength_and_words_name_some(make_gaussian):
    dit, denoiser = make_gaussian()
    source = Clip(0.5 + 0.3 * torch.randn(1, 3, 30, 2, 2, generator=torch.Generator().manual_seed(1)), first=4)
    away, calls = [], []
    for strength in (0.0, "subtle", "mild", "strong", 1.0):
        dit.calls.clear()
        request = operations.remix(source, strength, prompt="a", seed=3).request
        assert request.strength == STRENGTHS.get(strength, strength) and request.shots[0].first == 4
        made = collect(sample(request, denoiser, Settings(16)))
        away.append(float((made - source.latents).abs().mean()))
        calls.append(len(dit.calls))
    assert away[0] == 0 and away == sorted(away) and calls == sorted(calls) and calls[0] == 0


def test_strength_may_change_evenly_over_time(gaussian):
    _, denoiser = gaussian
    source = Clip(0.5 + 0.3 * torch.randn(1, 3, 30, 2, 2, generator=torch.Generator().manual_seed(1)))
    away = []
    for begin, end in ((0.0, 1.0), (1.0, 0.0), (0.5, 0.5), (0.5, None)):
        request = operations.remix(source, begin, end, seed=3).request
        if end is not None:
            assert request.strength == pytest.approx([begin + (end - begin) * at / 29 for at in range(30)])
        away.append((collect(sample(request, denoiser, Settings(16))) - source.latents).abs().mean((0, 1, 3, 4)))
    up, down, even, plain = away
    assert up[0] == 0 and down[-1] == 0 and torch.equal(even, plain)
    for way in (up, down.flip(0)):
        assert way[:10].mean() < way[10:20].mean() < way[20:].mean()


@given(keep=st.sets(st.integers(0, 9)))
def test_a_remix_leaves_what_it_is_to_keep(keep):
    source = clip(BOX, 10)
    plan = operations.remix(source, "mild", keep=keep)
    assert set(plan.request.known) == keep and plan.length == 10 and plan.placements == (Placement(0, 0),)
    assert len(check_known(plan, [source])) == 10 - len(keep)


@settings(max_examples=50)
@given(timeline=timelines, least=st.integers(2, 20), begin=st.integers(0, 30), length=st.integers(4, 60))
def test_a_recut_keeps_the_whole_latents_in_its_spans(timeline, least, begin, length):
    given_clip, fps = clip(timeline, least), 8.0
    begin, end = begin / 4, (begin + length) / 4
    spans = f"{begin:g}-{end:g}"
    expected = set()
    for index in range(given_clip.length):
        first, count = timeline.latent_span(index)
        if begin * fps <= first and first + count <= end * fps:
            expected.add(index)
    if not expected:
        with pytest.raises(UsageError, match="keep"):
            operations.recut(able(timeline), given_clip, spans, fps)
        return
    plan = operations.recut(able(timeline), given_clip, f"{spans}, {spans}", fps, prompt="a", seed=3)
    assert set(plan.request.known) == expected and plan.length == plan.request.length == given_clip.length
    check_known(plan, [given_clip])


def test_a_recut_names_the_span_that_is_not_there():
    for keep, named in (("9-10", "9-10"), ("0-0.1", "0-0.1"), ("2-1", "2-1"), ("", "")):
        with pytest.raises(UsageError) as caught:
            operations.recut(able(BOX), clip(BOX, 4), keep, 8.0)
        assert str(caught.value).startswith("keep ") and named in str(caught.value) and "\n" not in str(caught.value)


@given(
    timeline=timelines,
    least=st.integers(2, 20),
    begin=st.integers(0, 20).map(lambda tenth: tenth / 10),
    length=st.integers(1, 30).map(lambda tenth: tenth / 10),
)
def test_a_blend_begins_as_the_first_and_ends_as_the_second(timeline, least, begin, length):
    first, second, end = clip(timeline, least, 0.0), clip(timeline, least, 1.0), begin + length
    plan = operations.blend(able(timeline), first, second, begin, end, 8.0, strength=0.7, seed=3)
    request = plan.request
    shares, late = values(request.source), []
    assert plan.length == request.length == first.length and request.strength == 0.7
    assert (shares.diff() >= 0).all() and shares.min() >= 0 and shares.max() <= 1
    for index in range(request.length):
        at, count = timeline.latent_span(index)
        middle = (at + count / 2) / 8.0
        late += [index] if (middle - begin) / (end - begin) > 0.5 else []
        if middle <= begin or middle >= end:
            assert values(request.known[index][None, :, None]) == shares[index] == float(middle >= end)
        else:
            assert index not in request.known and shares[index] == pytest.approx(smooth((middle - begin) / length), abs=1e-5)
    assert plan.placements[0] == Placement(0, 0)
    assert [place.start for place in plan.placements[1:]] == late[:1]
    assert all(place == Placement(1, place.start, place.start) for place in plan.placements[1:])


def smooth(share):
    return share * share * (3 - 2 * share)


@given(
    timeline=timelines,
    shots=st.lists(
        st.tuples(st.sampled_from(["a dog", "a cat", "a bird"]), st.integers(1, 60), st.none() | st.integers(0, 99), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    seed=st.integers(0, 99),
    fade=st.integers(0, 3),
    ring=st.booleans(),
)
def test_a_film_has_its_shots_in_order(timeline, shots, seed, fade, ring):
    texts = [ShotText(prompt, None, own, cut) for prompt, _, own, cut in shots]
    frames = [count for _, count, _, _ in shots]
    plan = operations.film(able(timeline), texts, frames, SHAPE, seed=seed, fade=fade, ring=ring)
    request = plan.request
    assert plan.length == request.length == timeline.legal(plan.length) and plan.placements == ()
    assert timeline.frames_for(plan.length) >= sum(frames)
    assert (request.loop, request.fade, request.shape, dict(request.known)) == (ring, fade, SHAPE, {})
    assert len(set(request.prompts)) == len(request.prompts) <= len(texts)
    ends = [0, *itertools.accumulate(frames)]
    for number, (shot, text) in enumerate(zip(request.shots, texts, strict=True)):
        assert (request.prompts[shot.prompt], shot.cut) == (text.prompt, text.cut)
        assert shot.seed == (seed + number if text.seed is None else text.seed)
        least = timeline.latents_for(max(1, ends[number])) if number else 0
        assert shot.start >= least and (number == 0 or shot.start > request.shots[number - 1].start)
        if all(count >= timeline.rest for count in frames):  # no shot is shorter than a latent: none is pushed on
            assert shot.start == least
    assert request.shots[0].first == 0


@pytest.mark.parametrize("timeline", TIMELINES)
def test_a_shot_has_the_same_noise_whatever_comes_before(timeline):
    """The number of a shot's first latent, which its noise is made from, says how a window begins there and nothing else."""
    can, shots = able(timeline), [ShotText("a"), ShotText("b", cut=True)]
    firsts = {}
    for frames in range(20, 120):
        shot = operations.film(can, shots, [frames, 40], SHAPE).request.shots[1]
        firsts.setdefault(shot.start % timeline.cycle if timeline.cycle else 0, set()).add(shot.first)
    assert all(len(found) == 1 for found in firsts.values())
    assert len(firsts) == (timeline.cycle or 1)


def test_a_film_goes_through_what_is_known():
    known = {0: torch.ones(SHAPE), 7: torch.zeros(SHAPE)}
    request = operations.film(able(BOX), [ShotText("a")], [40], SHAPE, known=known).request
    assert request.known == known and request.length == 10


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Clip(torch.zeros(3, 2, 2), "door"), "door"),
        (lambda: Clip(torch.zeros(1, 3, 0, 2, 2), "door"), "door"),
        (lambda: Clip(torch.zeros(2, 3, 4, 2, 2), "door"), "door"),
        (lambda: operations.stitch(able(BOX), [clip(BOX, 3)], 8), "at least 2"),
        (lambda: operations.stitch(able(BOX), [clip(BOX, 3), clip(BOX, 3)], 0), "0"),
        (lambda: operations.loop(able(BOX), clip(BOX, 3), 0), "0"),
        (lambda: operations.extend(able(BOX), clip(BOX, 3), 0, backward=True), "0"),
        (
            lambda: operations.stitch(able(BOX), [clip(BOX, 3, name="a"), Clip(torch.zeros(1, 3, 3, 4, 4), "b")], 8),
            "b: 4x4 latent cells, a has 2x2",
        ),
        (lambda: operations.stitch(able(WAN), [clip(WAN, 3), clip(WAN, 1, name="still")], 8), "still"),
        (lambda: operations.loop(able(WAN), clip(WAN, 1, name="still"), 8), "still"),
        (lambda: operations.extend(able(LTX), clip(LTX, 1, name="still"), 8, backward=True), "still"),
        (lambda: operations.stitch(able(BOX), [clip(BOX, 3), clip(BOX, 3)], 8, strength=1.5), "1.5"),
        (lambda: operations.remix(clip(BOX, 5), "wild"), "subtle, mild, strong"),
        (lambda: operations.remix(clip(BOX, 5), 1.5), "from 0 (keep) to 1 (all new)"),
        (lambda: operations.remix(clip(BOX, 5), 0.5, 1.5), "from 0 (keep) to 1 (all new)"),
        (lambda: operations.crossfade(5, 4, 2), "from 4 to 2"),
        (lambda: operations.blend(able(BOX), clip(BOX, 5), clip(BOX, 4), 0, 1, 8.0, strength=0.5), "one size"),
        (lambda: operations.blend(able(BOX), clip(BOX, 5), clip(BOX, 5), 2, 1, 8.0, strength=0.5), "from 2 to 1"),
        (lambda: operations.blend(able(BOX), clip(BOX, 5), clip(BOX, 5), 1, 2, 8.0, strength=1.5), "1.5"),
    ],
)
def test_what_cannot_be_is_named_in_one_line(call, named):
    with pytest.raises(UsageError) as caught:
        call()
    assert named in str(caught.value) and "\n" not in str(caught.value)
