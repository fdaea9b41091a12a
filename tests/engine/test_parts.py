"""A take in parts: each is made by itself, all begin with the same window, and laid one after the other they are the take."""

import itertools

import pytest
import torch
from comfyui_longtake.engine.frame_order import FrameOrder, Span, WindowConfig
from comfyui_longtake.engine.parts import PARTS_MAX, plan_part
from comfyui_longtake.engine.request import Request, Shot
from comfyui_longtake.engine.roles import TARGET
from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.engine.take import collect, joins_of, plan, sample, span_of
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.errors import UsageError
from comfyui_longtake.reel.record import ReelHeader
from comfyui_longtake.reel.store import Reel
from hypothesis import given, settings
from hypothesis import strategies as st

BOX = WindowConfig(anchors=1, context=4, new=27, ahead=4, reach=32, endpoints=True)
SMALL = Settings(steps=2, windows=WindowConfig(anchors=1, context=2, new=9, ahead=2, reach=12, endpoints=True))

configs = st.builds(
    WindowConfig,
    anchors=st.integers(0, 1),
    context=st.integers(1, 5),
    new=st.integers(8, 30),
    ahead=st.integers(1, 5),
    reach=st.integers(1, 32),
    margin=st.integers(0, 1),
    beside=st.booleans(),
    full=st.booleans(),
    endpoints=st.booleans(),
)


@st.composite
def takes(draw):
    config, parts = draw(configs), draw(st.integers(2, PARTS_MAX))
    length = 2 * parts * (config.size + config.margin) + draw(st.integers(0, 200))
    starts = sorted(draw(st.sets(st.integers(1, length - 1), max_size=3)))
    return FrameOrder(length, (), [Span(0), *map(Span, starts)]), config, parts


def planned(order, config, parts):
    try:
        return [plan_part(order, config, number, parts) for number in range(1, parts + 1)]
    except UsageError as error:
        assert "give at most" in str(error)
        return None


@settings(deadline=None)
@given(takes())
def test_each_part_makes_its_latents_once_from_what_exists(take):
    order, config, parts = take
    found = planned(order, config, parts)
    if found is None:
        return
    assert len({part.windows[0] for part in found}) == 1, "all of them make the same window first"
    everything = []
    for part in found:
        have = set()
        for window in part.windows:
            assert window.new and not have & set(window.new)
            for index, role, keep in zip(window.indices, window.roles, window.keep, strict=True):
                assert keep == (role != TARGET)
                assert not keep or index in have, "a window is shown a latent that does not exist yet"
            have |= set(window.new)
        assert have >= set(range(part.span.lead, part.span.stop)), "a part makes all that it hands out"
        everything += [window.new for window in part.windows[1:]]
    first = found[0].windows[0].new
    assert sorted([*first, *(index for new in everything for index in new)]) == list(range(order.length))


@settings(deadline=None)
@given(takes())
def test_parts_lie_one_after_the_other(take):
    order, config, parts = take
    found = planned(order, config, parts)
    if found is None:
        return
    spans = [part.span for part in found]
    assert spans[0].lead == spans[0].start == 0 and spans[-1].stop == order.length
    for before, after in itertools.pairwise(spans):
        assert before.stop == after.start
        assert after.start - after.lead == max(config.context, config.ahead) // 2
    assert all(span.start < span.stop for span in spans)


def test_two_parts_of_a_minute_cost_little_more():
    """The work of each of two workers, in frames that a model is shown, against that of one."""
    alone = sum(len(window.indices) for window in plan(Request(480, (1, 1, 1)), Settings(windows=BOX)))
    each = [sum(len(window.indices) for window in plan_part(FrameOrder(480, ()), BOX, number, 2).windows) for number in (1, 2)]
    assert max(each) < 0.6 * alone


@pytest.mark.parametrize("parts", [2, 3])
def test_parts_meet_in_the_same_latents(make_gaussian, parts):
    """The latents at the end of one part and those that lead the next in are the same bits, and of the take's own noise."""
    shots = [Shot(0, 0, 5), Shot(70, 1, 9)]
    made = []
    for number in range(1, parts + 1):
        request = Request(90, (3, 2, 2), shots, ("a", "b"), part=(number, parts))
        _, denoiser = make_gaussian()
        chunks = list(sample(request, denoiser, SMALL))
        span = span_of(request, SMALL)
        assert chunks[0].start == span.lead and sum(chunk.latents.shape[2] for chunk in chunks) == span.stop - span.lead
        made.append((span, torch.cat([chunk.latents for chunk in chunks], 2)))
    for (before, one), (after, other) in itertools.pairwise(made):
        assert torch.equal(one[:, :, after.lead - before.lead :], other[:, :, : before.stop - after.lead])
    whole = torch.cat([latents[:, :, span.start - span.lead :] for span, latents in made], 2)
    assert whole.shape[2] == 90
    means = whole.mean((0, 1, 3, 4))
    assert means[:68].mean() > 0 > means[72:].mean(), "every latent has its own shot's prompt"


def test_a_part_resumes_on_its_reel(make_gaussian, tmp_path):
    request = Request(90, (3, 2, 2), part=(2, 2))
    header = ReelHeader("m", request.shape, Timeline(1, 1))
    with Reel.open(tmp_path / "r", header) as reel:
        first = collect(sample(request, make_gaussian()[1], SMALL, segments=reel))
    dit, denoiser = make_gaussian()
    with Reel.open(tmp_path / "r", header) as reel:
        assert reel.finished
        assert torch.equal(collect(sample(request, denoiser, SMALL, segments=reel)), first)
    assert not dit.calls


def test_joins_of_parts_are_those_of_their_latents():
    found = []
    for number in (1, 2):
        request = Request(90, (3, 2, 2), part=(number, 2))
        span, joins = span_of(request, SMALL), joins_of(request, SMALL)
        assert all(span.start < join.at < span.stop for join in joins)
        found += [join.at for join in joins]
    assert found == sorted(set(found))
    meeting = plan(Request(90, (3, 2, 2), part=(1, 2)), SMALL)[0].new[2:]
    assert meeting[0] in found and meeting[-1] + 1 in found, "where a part meets what was made first, and where the next leaves it"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Request(90, (3, 2, 2), part=(3, 2)), "part 3 of 2"),
        (lambda: Request(90, (3, 2, 2), part=(1, 2), loop=True), "prompts alone"),
        (lambda: Request(90, (3, 2, 2), part=(1, 2), known={0: torch.zeros(3, 2, 2)}), "prompts alone"),
        (lambda: Request(90, (3, 2, 2), part=(1, 2), backward=True), "prompts alone"),
        (lambda: plan(Request(40, (3, 2, 2), part=(1, 2)), SMALL), "2 parts of a take of 40 latents: give at most 1"),
        (lambda: plan(Request(9000, (3, 2, 2), part=(1, 7)), SMALL), "7 parts of a take of 9000 latents: give at most 4"),
        (lambda: span_of(Request(90, (3, 2, 2), part=(1, 2)), Settings(rolling=True)), "rolling"),
    ],
)
def test_parts_that_cannot_be_are_one_line(make, said):
    with pytest.raises(UsageError, match=said) as error:
        make()
    assert "\n" not in str(error.value)
