"""The reel: resume, damage, locks, foreign reels, and that changes re-make only what they touch."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from comfyui_longtake import __version__
from comfyui_longtake.engine.frame_order import WindowConfig
from comfyui_longtake.engine.request import Request, Shot
from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.engine.take import collect, sample
from comfyui_longtake.engine.timeline import Timeline
from comfyui_longtake.errors import ReelError
from comfyui_longtake.metrics.joins import JoinFrames
from comfyui_longtake.reel.record import ReelHeader, ReelRecord
from comfyui_longtake.reel.store import SCHEMA, Reel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEADER = ReelHeader("m1", (3, 2, 2), Timeline(4, 4))
OTHER = ReelHeader("m2", (9, 9, 9), Timeline(1, 4), 2)
MODES = [Settings(steps=3), Settings(steps=4, rolling=True, queue=3)]


class Stop(Exception):
    """Raised by a progress callback, as Cancel does."""


def take(denoiser, shape, mode, reel=None, length=40, progress=None, **options):
    request = Request(length, shape, prompts=["a", "b"], **options)
    return collect(sample(request, denoiser, mode, segments=reel, progress=progress))


@pytest.mark.parametrize("mode", MODES)
def test_second_run_samples_nothing_and_is_bit_identical(gaussian, shape, tmp_path, mode):
    dit, denoiser = gaussian
    with Reel.open(tmp_path / "reel", HEADER) as reel:
        first = take(denoiser, shape, mode, reel)
    assert torch.equal(first, take(denoiser, shape, mode))
    dit.calls.clear()
    seen = []
    with Reel.open(tmp_path / "reel", HEADER) as reel:
        assert torch.equal(take(denoiser, shape, mode, reel, progress=seen.append), first)
    assert not dit.calls and all(progress.resumed for progress in seen)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [1, 2])
@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.integers(1, 70), backward=st.booleans())
def test_stopped_run_resumes_where_it_stopped(make_gaussian, shape, tmp_path_factory, mode, order, calls, backward):
    dit, denoiser = make_gaussian(order=order)
    known = {at + 40 * backward: torch.full(shape, 0.3) for at in range(4)}
    request = Request(44, shape, known=known, backward=backward)
    whole = collect(sample(request, denoiser, mode))
    total, directory, seen = len(dit.calls), tmp_path_factory.mktemp("reel"), []

    def stop(progress):
        seen.append(progress)
        if len(seen) == calls:
            raise Stop

    dit.calls.clear()
    lost = 0
    try:
        with Reel.open(directory, HEADER) as reel:
            collect(sample(request, denoiser, mode, segments=reel, progress=stop))
    except Stop:
        lost = seen[-1].step
        assert len(dit.calls) == calls
    with Reel.open(directory, HEADER) as reel:
        assert torch.equal(collect(sample(request, denoiser, mode, segments=reel)), whole)
    assert len(dit.calls) == total + lost, "more than the unfinished window was made again"


@pytest.mark.parametrize("mode", MODES)
def test_changed_shot_remakes_only_itself_and_what_inherits(gaussian, shape, tmp_path, mode):
    _, denoiser = gaussian
    shots = [Shot(0, 0, 1), Shot(10, 0, 2, cut=True), Shot(20, 0, 3), Shot(30, 0, 4, cut=True)]
    with Reel.open(tmp_path, HEADER) as reel:
        first = take(denoiser, shape, mode, reel, shots=shots)
    shots[1] = Shot(10, 1, 2, cut=True)
    seen = []
    with Reel.open(tmp_path, HEADER) as reel:
        second = take(denoiser, shape, mode, reel, shots=shots, progress=seen.append)
        assert reel.prune() == sum(1 for _ in {p.window for p in seen if not p.resumed})
    assert torch.equal(first[:, :, :10], second[:, :, :10]) and torch.equal(first[:, :, 30:], second[:, :, 30:])
    assert not torch.equal(first[:, :, 10:20], second[:, :, 10:20])
    made = {p.window for p in seen if not p.resumed}
    last = max(p.window for p in seen)
    assert 1 not in made and last not in made and len(made) in (2, 4)


def test_shot_after_a_cut_keeps_its_segments_when_it_moves(gaussian, shape, tmp_path):
    dit, denoiser = gaussian
    with Reel.open(tmp_path, HEADER) as reel:
        first = take(denoiser, shape, MODES[0], reel, length=20, shots=[Shot(), Shot(10, 1, 2, cut=True)])
        dit.calls.clear()
        second = take(denoiser, shape, MODES[0], reel, length=18, shots=[Shot(), Shot(8, 1, 2, cut=True)])
    assert torch.equal(first[:, :, 10:], second[:, :, 8:]) and len(dit.calls) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"mode": Settings(steps=5)},
        {"mode": Settings(steps=3, shift=2.0)},
        {"mode": Settings(steps=3, context_sigma=0.1)},
        {"mode": Settings(steps=3, anchor_sigma=0.1)},
        {"mode": Settings(steps=3, levels=(1.0, 0.7, 0.3, 0.0))},
        {"mode": Settings(steps=3, adain=1.0)},
        {"mode": Settings(steps=3, windows=WindowConfig(context=2))},
        {"shots": [Shot(seed=9)]},
        {"shots": [Shot(prompt=1)]},
        {"cfg": 2.0},
        {"order": 2},
    ],
)
def test_whatever_shapes_a_window_is_in_its_key(make_gaussian, shape, tmp_path, change):
    _, plain = make_gaussian()
    options = {"mode": MODES[0], **{name: value for name, value in change.items() if name not in ("cfg", "order")}}
    dit, changed = make_gaussian(cfg=change.get("cfg", 1.0), order=change.get("order", 1), uncond=1)
    with Reel.open(tmp_path, HEADER) as reel:
        take(plain, shape, MODES[0], reel)
        with_reel = take(changed, shape, reel=reel, **options)
    assert dit.calls and torch.equal(with_reel, take(changed, shape, **options))


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "swap"])
def test_damaged_segment_is_named_and_made_again(gaussian, shape, tmp_path, caplog, damage):
    dit, denoiser = gaussian
    with Reel.open(tmp_path, HEADER) as reel:
        first = take(denoiser, shape, MODES[0], reel)
        file, other = (tmp_path / "segments" / reel.segments[place].file for place in (1, 2))
    data = file.read_bytes()
    if damage == "truncate":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "delete":
        file.unlink()
    else:
        file.write_bytes(other.read_bytes())
    dit.calls.clear()
    with Reel.open(tmp_path, HEADER) as reel:
        assert torch.equal(take(denoiser, shape, MODES[0], reel), first)
    assert len(dit.calls) == 3 and file.name in caplog.text
    with Reel.open(tmp_path, HEADER) as reel:
        assert torch.equal(take(denoiser, shape, MODES[0], reel), first)


def test_reel_of_the_first_format_goes_on(gaussian, shape, tmp_path):
    dit, denoiser = gaussian
    with Reel.open(tmp_path, HEADER) as reel:
        first = take(denoiser, shape, MODES[0], reel)
    index = json.loads((tmp_path / "reel.json").read_text())
    assert index.pop("longtake") == __version__
    (tmp_path / "reel.json").write_text(json.dumps({**index, "schema": 1}))
    before = Reel.peek(tmp_path)
    assert (before["schema"], before["longtake"]) == (SCHEMA, "0.1.0")
    assert json.loads((tmp_path / "reel.json").read_text())["schema"] == 1, "looking changed the reel"
    dit.calls.clear()
    with Reel.open(tmp_path, HEADER) as reel:
        assert torch.equal(take(denoiser, shape, MODES[0], reel), first)
    assert not dit.calls
    after = json.loads((tmp_path / "reel.json").read_text())
    assert after["schema"] == SCHEMA and after["segments"] == index["segments"]


def old(tmp_path, fps=8.0):
    """Makes the index of a reel what the command line of format 2 wrote, and gives it."""
    index = json.loads((tmp_path / "reel.json").read_text())
    head = {"model": "m1", "size": [64, 48], "fps": fps, "timeline": [4, 4]}
    index = {**index, "schema": 2, "header": head, "metrics": {"shots": []}}
    index.pop("finished")
    (tmp_path / "reel.json").write_text(json.dumps(index))
    return index


def test_reel_of_an_older_command_line_goes_on(gaussian, shape, tmp_path):
    dit, denoiser = gaussian
    mine = ReelHeader("m1", shape, Timeline(4, 4))
    with Reel.open(tmp_path, mine) as reel:
        first = take(denoiser, shape, MODES[0], reel)
    index = old(tmp_path)
    before = Reel.peek(tmp_path)
    assert (before["schema"], before["header"], before["finished"]) == (SCHEMA, mine.as_dict(), False)
    assert ReelRecord.read(before["metrics"], tmp_path) == ReelRecord(fps=8.0) and before["segments"] == index["segments"]
    with pytest.raises(ReelError, match="made with shape"):
        Reel.open(tmp_path, ReelHeader("m1", (9, 9, 9), Timeline(4, 4)))
    dit.calls.clear()
    with Reel.open(tmp_path, mine) as reel:
        assert torch.equal(take(denoiser, shape, MODES[0], reel), first)
    assert not dit.calls and json.loads((tmp_path / "reel.json").read_text())["header"] == mine.as_dict()


def test_reel_of_an_older_command_line_without_a_segment_is_anybodys(tmp_path):
    with Reel.open(tmp_path):
        pass
    old(tmp_path)
    assert Reel.peek(tmp_path)["header"] == {}
    with Reel.open(tmp_path, HEADER) as reel:
        reel.put("k", torch.zeros(1, 3, 1, 2, 2))
    assert Reel.peek(tmp_path)["header"] == HEADER.as_dict()


def test_older_timeline_of_a_node_gets_what_was_added_since(tmp_path):
    with Reel.open(tmp_path, HEADER):
        pass
    index = json.loads((tmp_path / "reel.json").read_text())
    index = {**index, "schema": 2, "header": HEADER.as_dict() | {"timeline": {"first": 4, "rest": 4}}}
    (tmp_path / "reel.json").write_text(json.dumps(index))
    assert Reel.peek(tmp_path)["header"] == HEADER.as_dict()


ENTRY = {"key": "k", "file": "k.safetensors", "sha256": "0", "bytes": 1, "meta": {"indices": [0]}}
INDEX = {
    "schema": SCHEMA,
    "longtake": "1",
    "header": HEADER.as_dict(),
    "order": ["k"],
    "finished": True,
    "metrics": {},
    "segments": [ENTRY],
}


@pytest.mark.parametrize(
    "index",
    [
        {"schema": 1},
        {"schema": 2},
        {"schema": SCHEMA},
        {"schema": 2, "header": {"size": 1}, "metrics": {}, "segments": []},
        {"schema": 2, "header": {"timeline": {"first": 0}}, "metrics": {}},
        INDEX | {"order": [1]},
        INDEX | {"order": "k"},
        INDEX | {"header": None},
        INDEX | {"finished": 1},
        INDEX | {"metrics": []},
        INDEX | {"segments": {"k": ENTRY}},
        INDEX | {"segments": ["k"]},
        INDEX | {"segments": [{}]},
        INDEX | {"segments": [ENTRY | {"bytes": "1"}]},
        INDEX | {"segments": [ENTRY | {"meta": {"indices": ["0"]}}]},
        INDEX | {"segments": [ENTRY | {"meta": {"indices": 3}}]},
    ],
)
def test_index_of_the_wrong_form_is_one_line_and_kept(tmp_path, index):
    text = json.dumps(index)
    (tmp_path / "reel.json").write_text(text)
    with pytest.raises(ReelError, match=r"reel\.json.*make the take again") as caught:
        Reel.peek(tmp_path)
    assert "\n" not in str(caught.value)
    with Reel.open(tmp_path, HEADER) as reel:
        assert reel.segments == []
    assert (tmp_path / "reel.json.damaged").read_text() == text


@given(length=st.integers(0, 400))
@settings(deadline=None, max_examples=20)
def test_cut_off_index_starts_the_reel_anew(tmp_path_factory, length):
    directory = tmp_path_factory.mktemp("reel")
    with Reel.open(directory, HEADER) as reel:
        reel.put("k", torch.ones(1, 3, 1, 2, 2))
    index = directory / "reel.json"
    data = index.read_bytes()
    index.write_bytes(data[: min(length, len(data) - 2)])
    with Reel.open(directory, HEADER) as reel:
        assert reel.get("k") is None and reel.segments == []
        reel.put("k", torch.zeros(1, 3, 1, 2, 2))
    assert (directory / "reel.json.damaged").exists()
    with Reel.open(directory, HEADER) as reel:
        assert float(reel.get("k").sum()) == 0


def test_foreign_and_half_written_files_are_not_trusted(tmp_path, caplog):
    with Reel.open(tmp_path, HEADER):
        pass
    (tmp_path / "segments" / "stranger.safetensors").write_bytes(b"x")
    (tmp_path / "segments" / "k.safetensors.1.tmp").write_bytes(b"x")
    with Reel.open(tmp_path, HEADER) as reel:
        assert reel.get("stranger") is None
    assert "stranger.safetensors" in caplog.text
    assert not list((tmp_path / "segments").glob("*.tmp"))
    assert (tmp_path / "segments" / "stranger.safetensors").exists()


@pytest.mark.parametrize("name", ["model", "shape", "timeline", "sound"])
def test_reel_of_another_model_or_size_is_refused(tmp_path, name):
    with Reel.open(tmp_path, HEADER):
        pass
    with pytest.raises(ReelError, match=f"made with {name} .* another reel") as caught:
        Reel.open(tmp_path, replace(HEADER, **{name: getattr(OTHER, name)}))
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    with Reel.open(tmp_path, HEADER):
        pass


def test_a_reel_opened_without_a_header_keeps_its_own(tmp_path):
    with Reel.open(tmp_path, HEADER) as reel:
        reel.put("k", torch.zeros(1, 3, 1, 2, 2))
    with Reel.open(tmp_path) as reel:
        assert reel.header == HEADER.as_dict()
        reel.put("l", torch.zeros(1, 3, 1, 2, 2))
    assert Reel.peek(tmp_path)["header"] == HEADER.as_dict()


def test_a_reel_that_does_not_say_its_model_belongs_to_the_one_that_goes_on(tmp_path):
    with Reel.open(tmp_path, replace(HEADER, model="")):
        pass
    with pytest.raises(ReelError, match="made with shape"):
        Reel.open(tmp_path, replace(HEADER, shape=OTHER.shape))
    with Reel.open(tmp_path, HEADER) as reel:
        reel.put("k", torch.zeros(1, 3, 1, 2, 2))
    with pytest.raises(ReelError, match="made with model 'm1'"):
        Reel.open(tmp_path, replace(HEADER, model="m2"))


def test_refusals_leave_files_alone(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(ReelError, match=r"photo\.jpg"):
        Reel.open(tmp_path, HEADER)
    assert [entry.name for entry in tmp_path.iterdir()] == ["photo.jpg"]
    with pytest.raises(ReelError, match="directory"):
        Reel.open(tmp_path / "photo.jpg", HEADER)
    later = tmp_path / "later"
    later.mkdir()
    (later / "reel.json").write_text(json.dumps({"schema": 99, "header": {}, "segments": [], "order": [], "metrics": {}}))
    with pytest.raises(ReelError, match="format 99"):
        Reel.open(later, HEADER)
    (later / "reel.json").write_text("{}")
    for use in (Reel.peek, lambda path: Reel.open(path, HEADER)):
        with pytest.raises(ReelError, match="give another directory"):
            use(later)
    with pytest.raises(ReelError, match=r"reel\.json"):
        Reel.peek(tmp_path)


def test_a_run_that_changes_nothing_writes_nothing(gaussian, shape, tmp_path):
    """So the index's time says whether the reel has changed."""
    _, denoiser = gaussian

    def run(length=40, **more):
        with Reel.open(tmp_path, HEADER) as reel:
            take(denoiser, shape, MODES[0], reel, length=length, **more)
            reel.record = ReelRecord(frames=length)
        return (tmp_path / "reel.json").stat().st_mtime_ns

    first = run()
    assert run() == first and Reel.peek(tmp_path)["finished"]
    assert run(length=20) > first

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        run(progress=stop)
    assert not Reel.peek(tmp_path)["finished"]
    with Reel.open(tmp_path, HEADER) as reel, pytest.raises(ReelError, match="make the take again"):
        reel.prune()


def test_known_latents_are_kept(tmp_path):
    known = {place: torch.full((2, 1, 1), float(place)) for place in (4, 0, 1, 9)}
    for _ in range(2):
        with Reel.open(tmp_path, HEADER) as reel:
            reel.put_known(known)
    entries = Reel.peek(tmp_path)["segments"]
    assert [entry["meta"]["indices"] for entry in entries] == [[0, 1], [4], [9]]
    assert all(torch.equal(Reel.read(tmp_path, e)[0, 0, :, 0, 0], torch.tensor(e["meta"]["indices"]).float()) for e in entries)
    with Reel.open(tmp_path, HEADER) as reel:
        reel.put_known({})
        reel.put_known({0: known[0], 1: known[1]})
        reel.finish()
        assert reel.prune() == 2


def test_second_process_is_told_who_holds_the_reel(tmp_path):
    code = (
        "import sys; from comfyui_longtake.reel.store import Reel; from comfyui_longtake.errors import ReelError\n"
        "try: Reel.open(sys.argv[1])\nexcept ReelError as error: print(error)"
    )
    with Reel.open(tmp_path):
        found = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
        assert f"process {os.getpid()}" in found.stdout and found.stdout.count("\n") == 1
        assert Reel.peek(tmp_path)["header"] == {}
    found = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert found.stdout == ""


def test_killed_process_leaves_a_reel_that_opens(tmp_path):
    code = (
        "import os, signal, sys, torch; from comfyui_longtake.reel.store import Reel\n"
        "reel = Reel.open(sys.argv[1]); reel.put('k', torch.ones(1, 2, 3, 1, 1))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    with Reel.open(tmp_path) as reel:
        assert torch.equal(reel.get("k"), torch.ones(1, 2, 3, 1, 1))


def test_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with Reel.open(tmp_path, HEADER) as reel:
        reel.put("k", torch.zeros(1, 3, 1, 2, 2))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(ReelError, match="No space left"):
                reel.put("l", torch.zeros(1, 3, 1, 2, 2))
        assert not list((tmp_path / "segments").glob("*.tmp"))
    with Reel.open(tmp_path, HEADER) as reel:
        assert reel.get("k") is not None and reel.get("l") is None


def test_order_record_and_prune(tmp_path):
    record = ReelRecord(fps=8.0, frames=12, seeds=[3], join_frames=JoinFrames([4], [8]))
    with Reel.open(tmp_path, HEADER) as reel:
        for key in "abc":
            reel.put(key, torch.zeros(1, 3, 1, 2, 2), {"shot": key})
        reel.record = record
    with Reel.open(tmp_path, HEADER) as reel:
        assert [segment.meta["shot"] for segment in reel.segments] == ["a", "b", "c"]
        assert reel.record == record
        reel.get("c")
        reel.get("a")
        assert [segment.key for segment in reel.segments] == ["c", "a"]
    assert Reel.peek(tmp_path)["order"] == ["c", "a"]
    with Reel.open(tmp_path, HEADER) as reel:
        reel.get("c"), reel.get("a")
        with pytest.raises(ReelError, match="make the take again"):
            reel.prune()
        reel.finish()
        assert reel.prune() == 1 and reel.get("b") is None
    assert len(list((tmp_path / "segments").iterdir())) == 2


@settings(deadline=None, max_examples=20)
@given(st.dictionaries(st.text("abcdef0123", min_size=1, max_size=8), st.integers(1, 4), max_size=6))
def test_what_is_put_comes_back(tmp_path_factory, sizes):
    directory = tmp_path_factory.mktemp("reel")
    tensors = {key: torch.randn(1, 3, t, 2, 2) for key, t in sizes.items()}
    with Reel.open(directory, HEADER) as reel:
        for key, tensor in tensors.items():
            reel.put(key, tensor, {"n": 1}, {"state": tensor * 2})
    with Reel.open(directory, HEADER) as reel:
        for key, tensor in tensors.items():
            assert torch.equal(reel.get(key), tensor) and torch.equal(reel.tensors(key)["state"], tensor * 2)
        assert [segment.key for segment in reel.segments] == list(tensors)


def test_segments_can_be_read_while_the_reel_is_in_use(tmp_path):
    with Reel.open(tmp_path, HEADER) as reel:
        reel.put("a", torch.arange(12.0).view(1, 3, 1, 2, 2), {"indices": [0]})
        (entry,) = Reel.peek(tmp_path)["segments"]
        assert torch.equal(Reel.read(tmp_path, entry), torch.arange(12.0).view(1, 3, 1, 2, 2))
        file = tmp_path / "segments" / entry["file"]
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        with pytest.raises(ReelError, match=r"altered.*make the take again"):
            Reel.read(tmp_path, entry)
        file.unlink()
        with pytest.raises(ReelError, match=r"missing.*make the take again"):
            Reel.read(tmp_path, entry)
        with pytest.raises(ReelError, match=r"missing.*make the take again"):  # a name cannot lead out of the reel
            Reel.read(tmp_path, entry | {"file": f"../../{tmp_path.name}/reel.json"})
