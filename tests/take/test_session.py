"""A session on a codec whose pictures are its latents' means: what is measured, retried, recorded, and what a reel keeps of it."""

from dataclasses import replace

import pytest
import torch
from comfyui_longtake.engine.capability import Capability
from comfyui_longtake.engine.frame_order import WindowConfig
from comfyui_longtake.engine.request import Request, Shot
from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.engine.state import SEED_STEP
from comfyui_longtake.engine.take import Join, joins_of
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.errors import ReelError, UsageError
from comfyui_longtake.metrics.joins import JoinFrames
from comfyui_longtake.metrics.meter import Meter
from comfyui_longtake.reel.record import ShotRecord
from comfyui_longtake.reel.store import Reel
from comfyui_longtake.take.joins import join_frames, judge, lookup, measure_join
from comfyui_longtake.take.session import Session

SHAPE = (3, 2, 2)
BOX = Capability("box", "frame", Timeline(4, 4), 4, 4, 3, 8.0, model="box-1", windows=WindowConfig(1, 2, 5), steps=2)
WAN = replace(BOX, timeline=Timeline(1, 4), model="wan-1")
H3 = replace(BOX, timeline=Timeline(1, 4, cycle=5, multiple=5, offset=2), model="h3-1", windows=WindowConfig(1, 2, 5))
SHOTS = [Shot(0, 0, 1), Shot(12, 1, 2)]


class Codec:
    """Frames of 8x8 pixels whose grey is the mean of their latent; `decoded` lists how many latents were decoded at a time."""

    lead = 2

    def __init__(self, timeline=BOX.timeline):
        self.timeline, self.decoded = timeline, []

    def decode(self, chunks, length, put, *, early=False):
        latents = torch.cat(list(chunks), 2)
        assert latents.shape[2] == length
        self.decoded.append(length)
        for index, value in enumerate(latents.mean((0, 1, 3, 4))):
            put(value.sigmoid().expand(self.timeline.latent_span(index)[1], 8, 8, 3))


class Events:
    """Somebody who sees every chunk; `codec` decodes them for it, and what it measured is handed on."""

    def __init__(self, codec=None, stop=None):
        self.codec, self.stop, self.steps, self.seen = codec, stop, [], 0

    def step(self, progress):
        self.steps.append(progress)
        if len(self.steps) == self.stop:
            raise KeyboardInterrupt

    def watch(self, chunks):
        latents = []
        for chunk in chunks:
            assert chunk.start == self.seen
            self.seen += chunk.latents.shape[2]
            latents.append(chunk.latents)
        if self.codec is None:
            return None
        meter = Meter()
        self.codec.decode(latents, self.seen, meter.add)
        return meter


def session(denoiser, events=None, codec=None, retries=0, can=BOX):
    return Session(can, Settings.of(can), denoiser, events or Events(), 8.0, codec, retries)


def film(**options):
    return Request(20, SHAPE, SHOTS, ["a", "b"], **options)


def test_without_a_codec_nothing_is_measured(gaussian, tmp_path):
    _, denoiser = gaussian
    made = session(denoiser).make(film())
    assert made.report is None and made.latents is None and made.retried == [] and made.resumed == set()
    assert made.join_frames == JoinFrames([48], [32, 68])
    with pytest.raises(UsageError, match="retries"):
        session(denoiser, retries=1).make(film(), reel=tmp_path / "reel")
    assert not (tmp_path / "reel").exists()


def test_joins_are_measured_on_the_latents_around_them(gaussian):
    _, denoiser = gaussian
    codec = Codec()
    made = session(denoiser, codec=codec).make(film(), keep_latents=True)
    assert made.latents.shape == (1, 3, 20, 2, 2) and made.report.drift == {} and made.report.frames == 80
    assert [join.frame for join in made.report.joins] == made.join_frames.joins
    assert [join.frame for join in made.report.windows] == made.join_frames.windows
    assert codec.decoded and max(codec.decoded) <= 4  # two latents before, two after


@pytest.mark.parametrize("watched", [False, True])
def test_with_a_reel_the_whole_take_is_measured_and_kept(gaussian, tmp_path, watched):
    dit, denoiser = gaussian
    codec = Codec()
    events = Events(codec if watched else None)
    made = session(denoiser, events, codec).make(film(), reel=tmp_path, prompts=["one", "two"], keep_latents=True)
    assert codec.decoded == [20]
    with Reel.open(tmp_path) as reel:
        record = reel.record
        assert reel.finished and reel.header["model"] == "box-1"
    assert record.report == made.report and made.report.drift == {}  # shots of two prompts differ because they are meant to
    assert record.meter.frames == record.frames == record.report.frames == 80 and record.fps == 8.0
    assert record.shots == [ShotRecord("one", 1), ShotRecord("two", 2)] and record.seeds == [1, 2]
    assert record.join_frames == made.join_frames and record.calls == len(dit.calls)


def test_drift_of_a_take_after_one_prompt(gaussian, tmp_path):
    made = session(gaussian[1], codec=Codec()).make(Request(20, SHAPE, [Shot(seed=1)]), reel=tmp_path, keep_latents=True)
    assert set(made.report.drift) == {"lightness", "chroma", "contrast", "sharpness", "motion"}


def test_what_has_not_changed_is_not_measured_again(gaussian, tmp_path):
    dit, denoiser = gaussian
    first, codec = Codec(), Codec()
    made = session(denoiser, codec=first).make(film(), reel=tmp_path, prompts=["one", "two"], keep_latents=True)
    calls = len(dit.calls)
    index = (tmp_path / "reel.json").read_bytes()
    denoiser.calls = 0
    again = session(denoiser, codec=codec).make(film(), reel=tmp_path, prompts=["one", "two"], keep_latents=True)
    assert torch.equal(again.latents, made.latents) and len(dit.calls) == calls and codec.decoded == []
    assert again.report == made.report and again.resumed == {1, 2, 3, 4}
    assert (tmp_path / "reel.json").read_bytes() == index
    changed = session(denoiser, codec=codec).make(
        replace(film(), prompts=["a", "c"]), reel=tmp_path, prompts=["one", "three"], keep_latents=True
    )
    assert codec.decoded == [20] and changed.resumed == {1, 2}
    with Reel.open(tmp_path) as reel:
        assert reel.record.shots[1].prompt == "three" and reel.record.report == changed.report


def test_a_stopped_take_goes_on_and_leaves_no_figures_of_an_earlier_one(gaussian, tmp_path):
    dit, denoiser = gaussian
    whole = session(denoiser).make(film(), keep_latents=True).latents
    session(denoiser, codec=Codec()).make(replace(film(), prompts=["x", "y"]), reel=tmp_path, keep_latents=True)
    dit.calls.clear()
    with pytest.raises(KeyboardInterrupt):
        session(denoiser, Events(stop=5), Codec()).make(film(), reel=tmp_path, keep_latents=True)
    with Reel.open(tmp_path) as reel:
        assert not reel.finished and len(reel.order) == 2
    made = session(denoiser, codec=Codec()).make(film(), reel=tmp_path, keep_latents=True)
    assert torch.equal(made.latents, whole) and made.resumed == {1, 2} and len(dit.calls) == 5 + 4
    broken = Codec()
    broken.decode = lambda *given, **more: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        session(denoiser, codec=broken).make(replace(film(), prompts=["a", "z"]), reel=tmp_path, keep_latents=True)
    with Reel.open(tmp_path) as reel:
        assert reel.finished and reel.record.report is None and reel.record.meter is None


def test_a_damaged_record_is_written_anew(gaussian, tmp_path):
    dit, denoiser = gaussian
    made = session(denoiser, codec=Codec()).make(film(), reel=tmp_path, keep_latents=True)
    with Reel.open(tmp_path) as reel:
        reel.metrics["report"] = {"joins": [1]}
        reel.get(reel.order[0])  # so that it is saved
    with Reel.open(tmp_path) as reel, pytest.raises(ReelError, match="make the take again"):
        _ = reel.record
    calls = len(dit.calls)
    again = session(denoiser, codec=Codec()).make(film(), reel=tmp_path, keep_latents=True)
    assert len(dit.calls) == calls and again.report == made.report
    with Reel.open(tmp_path) as reel:
        assert reel.record.report == made.report


def test_known_latents_are_on_the_reel_and_their_joins_measured(gaussian, tmp_path):
    _, denoiser = gaussian
    known = {at: torch.full(SHAPE, 0.5) for at in range(4)}
    made = session(denoiser, codec=Codec()).make(Request(12, SHAPE, known=known), reel=tmp_path, keep_latents=True)
    assert made.join_frames.joins == [16] and made.report.joins[0].frame == 16
    index = Reel.peek(tmp_path)
    listed = [entry for entry in index["segments"] if entry["key"] in index["order"]]
    assert sorted(at for entry in listed for at in entry["meta"]["indices"]) == list(range(12))


def test_a_loop_is_measured_where_it_closes(gaussian, tmp_path):
    _, denoiser = gaussian
    made = session(denoiser, codec=Codec()).make(Request(6, SHAPE, loop=True), reel=tmp_path, keep_latents=True)
    assert made.report.loop is not None and made.report.loop.frame == 0
    open_end = session(denoiser, codec=Codec()).make(Request(6, SHAPE), reel=tmp_path / "b", keep_latents=True)
    assert open_end.report.loop is None


def test_windows_whose_joins_show_are_sampled_again(make_gaussian, tmp_path):
    """The second shot shows something else, so that no seed hides its join; of the others none shows."""
    _, denoiser = make_gaussian(means=(0.5, -2.0), std=0.001)
    made = session(denoiser, codec=Codec(), retries=2).make(
        Request(20, SHAPE, [Shot(0, 0, 1), Shot(12, 1, 2)], ["a", "b"]), reel=tmp_path, prompts=["one", "two"], keep_latents=True
    )
    (window,) = [window for window in made.retried if window.frame == 48]
    assert window.times == 2 and window.seed in (2, 2 + SEED_STEP, 2 + 2 * SEED_STEP)
    with Reel.open(tmp_path) as reel:
        record = reel.record
    assert record.retried == made.retried and record.shots[1].seed == record.seeds[1] == window.seed
    assert all(window.frame % 4 == 0 and 1 <= window.times <= 2 for window in made.retried)


def test_joins_lie_where_the_timeline_puts_their_latents():
    joins = [Join(3, "known"), Join(5, "window"), Join(10, "shot")]
    for can, found in ((BOX, [12, 40]), (WAN, [9, 37]), (H3, [9, 34])):
        placed = join_frames(joins, can.timeline)
        assert placed.joins == found and placed.windows == [can.timeline.frames_for(5)]


@pytest.mark.parametrize("can", [BOX, WAN, H3])
def test_a_join_is_measured_as_in_the_whole_film(can):
    """A decoder without memory: the latents around a join say of it what the whole film does, but for its far neighbours."""
    torch.manual_seed(0)
    length = can.timeline.legal(22)
    latents = torch.randn(1, 3, length, 2, 2).cumsum(2) * 0.1
    codec = Codec(can.timeline)
    whole = Meter()
    codec.decode([latents], length, whole.add)
    for at in (6, 10, 15):
        found = measure_join(lookup(latents), at, can.timeline, codec)
        same = whole.join(can.timeline.frames_for(at))
        assert found.frame == same.frame and found.distance == pytest.approx(same.distance, abs=1e-4)
        assert found.luma_step == pytest.approx(same.luma_step, abs=1e-4)
        assert can.timeline.legal(codec.decoded[-1]) == codec.decoded[-1] <= 12
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    measure_join(lookup(latents), 6, can.timeline, codec)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_where_too_few_latents_are_at_hand_nothing_is_measured():
    latents = torch.randn(1, 3, 6, 2, 2)
    for at in (0, 6):
        assert measure_join(lookup(latents), at, BOX.timeline, Codec()) is None
    assert measure_join(lambda index: latents[0, :, 3] if index == 3 else None, 3, BOX.timeline, Codec()) is None


def test_the_worst_join_that_touches_what_was_made_is_judged():
    class Found:
        def __init__(self, worst):
            self.worst = worst

    asked = []

    def measure(latent, at):
        asked.append(at)
        return None if at == 8 else Found(at / 10)

    there = lambda index: torch.zeros(1) if index < 12 else None  # noqa: E731
    worst = judge([Join(12, "window"), Join(4, "known"), Join(8, "window"), Join(2, "shot")], measure)
    assert worst(range(4, 8), there) == 0.4 and asked == [4, 8]
    assert worst(range(8, 12), there) == 0.0 and asked == [4, 8, 8]  # 12 is not there yet
    assert worst([3], there) == 0.4 and worst([20], there) == 0.0


def test_joins_of_a_request_are_those_of_its_session(gaussian):
    _, denoiser = gaussian
    made = session(denoiser).make(film())
    placed = join_frames(joins_of(film(), Settings.of(BOX)), BOX.timeline)
    assert made.join_frames == placed


def test_a_run_that_is_stopped_leaves_a_reel_that_says_what_it_was_to_be(gaussian, tmp_path):
    class Stopped(Events):
        def step(self, progress):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session(gaussian[1], Stopped(None)).make(film(), reel=tmp_path, prompts=["one", "two"])
    with Reel.open(tmp_path) as reel:
        record = reel.record
        assert record.shots == [ShotRecord("one", 1), ShotRecord("two", 2)] and record.fps == 8.0
        assert record.report is None and not reel.finished
