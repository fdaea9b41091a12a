"""`longtake render` from command line to file, in every mode, on the real nets with random weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.media.sound import RATE, FileSound, WaveSound
from comfyui_longtake.media.write import open_writer
from comfyui_longtake.reel.record import ReelRecord
from comfyui_longtake.reel.store import Reel


def frames(path, **options):
    return torch.stack(list(read_frames(path, **options)))


def same_frames(shown, given):
    """The frames of a clip that was given, every one of them, through one more encoding and no more."""
    assert shown.shape == given.shape
    for one, other in zip(shown, given, strict=True):
        assert -10 * (one - other).square().mean().log10() > 40


@pytest.fixture
def dog(render, tmp_path):
    """A clip of 10 frames."""
    render("a red dog", "--frames", 10, "--no-mark", "-o", "dog.mp4")
    return tmp_path / "dog.mp4"


def test_text_to_video(render, longtake):
    report = render("a red dog runs", "--seconds", 1.25, "--seed", 5, "-o", "out/dog.mp4")
    info = probe("out/dog.mp4")
    assert (info.width, info.height, info.fps, report["frames"], report["seed"]) == (64, 48, 8, 10, 5)
    assert frames("out/dog.mp4").shape[0] == 10
    record = json.loads(info.metadata["comment"])
    assert record["prompt"] == "a red dog runs" and record["seed"] == 5 and record["model"] == report["model"]


def test_same_seed_same_file(render, tmp_path):
    """Without the record, whose id no other film has."""
    for name in ("a.mp4", "b.mp4"):
        render("a dog", "--frames", 8, "--no-mark", "-o", name)
    render("a dog", "--frames", 8, "--seed", 2, "--no-mark", "-o", "c.mp4")
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.mp4", "b.mp4", "c.mp4"))
    assert a == b != c


@pytest.mark.parametrize("size", ["48x80", "64x64", "50x38", "33x47"])
def test_any_size(render, size):
    width, height = (int(side) // 2 * 2 for side in size.split("x"))
    render("a dog", "--frames", 4, "--size", size, "-o", "a.mp4")
    assert (probe("a.mp4").width, probe("a.mp4").height) == (width, height)


def test_one_frame_is_a_png(render, tmp_path):
    report = render("a dog", "--frames", 1, "-o", "a.mp4")
    assert report["file"] == "a.png" and probe("a.png").codec == "png"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


def test_folder_and_webm(render, tmp_path):
    render("a dog", "--frames", 5, "-o", "pictures")
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 5
    render("a dog", "--frames", 5, "-o", "a.webm")
    assert frames("a.webm").shape[0] == 5


def test_extend_keeps_the_clip(render, dog):
    report = render("--extend", dog, "--frames", 6, "--no-mark", "-o", "b.mp4")
    assert report["frames"] == 16
    longer = frames("b.mp4")
    assert longer.shape[0] == 16
    same_frames(longer[:10], frames(dog))


def test_extend_backward_keeps_the_clip(render, dog):
    assert render("--extend", dog, "--backward", "--frames", 6, "--no-mark", "-o", "b.mp4")["frames"] == 16
    same_frames(frames("b.mp4")[6:], frames(dog))


def test_connect_keeps_both(render, dog):
    render("a cat", "--frames", 9, "--seed", 9, "--no-mark", "-o", "cat.mp4")
    report = render("--connect", dog, "cat.mp4", "--frames", 5, "--no-mark", "-o", "b.mp4")
    assert report["frames"] == 10 + 5 + 9
    joined = frames("b.mp4")
    same_frames(joined[:10], frames(dog))
    same_frames(joined[15:], frames("cat.mp4"))


def test_clips_of_two_frames(render):
    render("a dog", "--frames", 2, "--no-mark", "-o", "two.mp4")
    assert render("--extend", "two.mp4", "--frames", 4, "-o", "b.mp4")["frames"] == 6
    assert render("--extend", "two.mp4", "--backward", "--frames", 3, "-o", "b.mp4")["frames"] == 5
    assert render("--extend", "two.mp4", "--loop", "--frames", 4, "-o", "b.mp4")["frames"] == 6
    assert render("--remix", "two.mp4", "a cat", "-o", "b.mp4")["frames"] == 2


def test_loops(render, dog):
    assert render("a dog", "--loop", "--frames", 6, "-o", "b.mp4")["frames"] == 6
    report = render("--extend", dog, "--loop", "--frames", 4, "--no-mark", "-o", "c.mp4")
    assert report["frames"] == 14
    same_frames(frames("c.mp4")[:10], frames(dog))


def loud(path):
    """Whether each half second of a film can be heard."""
    whole = np.concatenate(list(FileSound(Path(path)).samples()), 1)[0]
    halves = whole[: len(whole) // (RATE // 2) * (RATE // 2)].reshape(-1, RATE // 2)
    return [bool(half > 0.1) for half in np.abs(halves[:, RATE // 20 : -RATE // 20]).mean(1)]


def test_sound_of_clips_stays_at_its_place(render, tmp_path):
    for name in ("one.mp4", "two.mp4"):
        tone = np.sin(np.arange(RATE) / 20)[None].astype(np.float32)
        with open_writer(tmp_path / name, 64, 48, 8, sound=[WaveSound(tone, RATE)]) as writer:
            writer.write(torch.rand(8, 48, 64, 3))
    render("--extend", "one.mp4", "--frames", 8, "-o", "after.mp4")
    render("--extend", "one.mp4", "--backward", "--frames", 12, "-o", "before.mp4")
    render("--connect", "one.mp4", "two.mp4", "--frames", 4, "-o", "between.mp4")
    render("--extend", "one.mp4", "--loop", "--frames", 8, "-o", "loop.webm")
    assert loud("after.mp4") == [True, True, False, False] == loud("loop.webm")
    assert loud("before.mp4") == [False, False, False, True, True]
    assert loud("between.mp4") == [True, True, False, True, True]


def test_remix_starts_from_the_clip(render, dog):
    assert render("--remix", dog, "a cat", "--strength", 0, "--no-mark", "-o", "same.mp4")["frames"] == 10
    render("--remix", dog, "a cat", "--strength", "strong", "--no-mark", "-o", "other.mp4")
    assert (frames("same.mp4") - frames(dog)).abs().mean() < 0.05
    assert not torch.equal(frames("same.mp4"), frames("other.mp4"))


def test_image_and_keyframe(render):
    render("a door", "--frames", 1, "--no-mark", "-o", "door.png")
    report = render("a dog", "--image", "door.png", "--keyframe", "1=door.png", "--frames", 12, "--no-mark", "-o", "b.mp4")
    assert report["frames"] == 12
    assert (frames("b.mp4")[0] - frames("door.png")[0]).abs().mean() < 0.03


def test_shots_on_a_reel_resume(render, tmp_path):
    (tmp_path / "story.json").write_text(
        json.dumps([{"prompt": "a dog runs", "seconds": 1}, {"prompt": "a dog rests", "seconds": 1, "seed": 9, "cut": True}])
    )
    options = ("--shots", "story.json", "--reel", "reel", "--no-mark")
    report = render(*options, "-o", "a.mp4")
    assert report["frames"] == 16 and report["seeds"] == [1, 9]
    segments = {path: path.stat().st_mtime_ns for path in (tmp_path / "reel/segments").iterdir()}
    render(*options, "-o", "b.mp4")
    assert segments == {path: path.stat().st_mtime_ns for path in (tmp_path / "reel/segments").iterdir()}
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_pruning_deletes_what_the_last_version_does_not_use(render, longtake, tmp_path):
    prompts = ("a dog", "a cat")
    for prompt in prompts:
        render(prompt, "--frames", 4, "--no-mark", "--reel", "reel", "-o", "a.mp4")
    code, out, _ = longtake("inspect", "reel", "--json")
    report = json.loads(out)
    assert code == 0 and [segment["used"] for segment in report["segments"]] == [True, False]
    assert set(report["header"]) == {"model", "shape", "timeline"} and report["record"]["fps"] == 8
    assert "earlier  1 of them, " in longtake("inspect", "reel")[1]
    index = json.loads((tmp_path / "reel/reel.json").read_text())
    (tmp_path / "reel/reel.json").write_text(json.dumps({**index, "finished": False}))
    code, _, err = longtake("inspect", "reel", "--prune")
    assert code == 1 and "reel: " in err and "make the take again" in err and err.count("\n") == 1
    assert len(list((tmp_path / "reel/segments").iterdir())) == 2
    render(prompts[1], "--frames", 4, "--reel", "reel", "-o", "b.mp4")
    code, out, _ = longtake("inspect", "reel", "--prune")
    assert code == 0 and "earlier" not in out and len(list((tmp_path / "reel/segments").iterdir())) == 1
    render(prompts[1], "--frames", 4, "--no-mark", "--reel", "reel", "-o", "c.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "c.mp4").read_bytes()
    assert longtake("inspect", "a.mp4", "--prune")[0] == 2


def test_a_reel_holds_the_known_latents_too(render, tmp_path, dog):
    for words in (("--backward",), ("--loop",), ()):
        render("--extend", dog, "--frames", 8, *words, "--reel", "known", "-o", "b.mp4")
        index = Reel.peek(tmp_path / "known")
        listed = [entry for entry in index["segments"] if entry["key"] in index["order"]]
        places = sorted(place for entry in listed for place in entry["meta"]["indices"])
        assert places == list(range(len(places))) and index["finished"] and any("known" in entry["meta"] for entry in listed)


@pytest.fixture
def no_join_passes(monkeypatch):
    """Latents of untrained nets do not hang together, so none of their joins shows among the other steps."""
    monkeypatch.setattr("comfyui_longtake.take.session.PASS", 0.5)


@pytest.mark.usefixtures("no_join_passes")
def test_retries_make_rough_windows_again_and_a_reel_remembers(render, tmp_path):
    words = ("a dog", "--frames", 60, "--seed", 3, "--no-mark", "--reel", tmp_path / "reel")
    plain = render("a dog", "--frames", 60, "--seed", 3, "--no-mark", "-o", "a")
    made = render(*words, "--retries", 2, "-o", "b")
    assert plain["retried"] == [] and made["retried"]
    assert all(0 < one["frame"] < 60 and 1 <= one["times"] <= 2 for one in made["retried"])
    assert render(*words, "--retries", 2, "-o", "c")["retried"] == made["retried"]
    a, b, c = ([path.read_bytes() for path in sorted((tmp_path / name).glob("*.png"))] for name in "abc")
    first = min((one["frame"] for one in made["retried"] if one["seed"] != 3), default=60)
    assert len(a) == 60 and b == c and a[:first] == b[:first] and (first == 60) == (a == b)
    assert Reel.peek(tmp_path / "reel")["metrics"]["retried_windows"] == made["retried"]
    record = ReelRecord.read(Reel.peek(tmp_path / "reel")["metrics"], "reel")
    assert [window._asdict() for window in record.retried] == made["retried"] and record.frames == 60


@pytest.mark.usefixtures("no_join_passes")
def test_retried_windows_of_an_extension_lie_in_the_film(render, tmp_path, dog, monkeypatch):
    """The report counts frames of the film, the reel those of its own latents, which are the clip's last ones and the new ones."""
    monkeypatch.setattr("comfyui_longtake.cli.clips.END", 8)
    made = render("--extend", dog, "--frames", 46, "--retries", 1, "--reel", "reel", "-o", "b.mp4")
    kept = ReelRecord.read(Reel.peek(tmp_path / "reel")["metrics"], "reel").retried
    assert made["retried"] == [window._replace(frame=window.frame + 2)._asdict() for window in kept] and kept
    record = json.loads(probe("b.mp4").metadata["comment"])
    assert all(one["frame"] in record["joins"] + record["windows"] for one in made["retried"])


def test_rolling_order_and_guidance(render):
    assert render("a dog", "--rolling", "--frames", 40, "--order", 2, "--cfg", 2, "-o", "b.mp4")["frames"] == 40


@pytest.mark.parametrize("prompt", ["word " * 2000, "🐕🏃‍♀️", "一只红色的狗", "a\x00b\ud83d", "-", "[bold]a[/bold] [/x]"])
def test_odd_prompts_render(longtake, tiny_weights, prompt):
    code, _, err = longtake("render", "--weights", tiny_weights, "--size", "32x32", "--frames", 4, "-o", "a.mp4", "--", prompt)
    assert code == 0 and "Traceback" not in err
    if len(prompt) > 1000:
        assert "2002 tokens" in err and "128" in err


def test_summary_names_what_was_made(longtake, tiny_weights):
    words = ("render", "a dog", "--size", "50x38", "--frames", 4, "--seed", 7, "-o", "a.mp4")
    code, out, err = longtake(*words, "--weights", tiny_weights)
    assert code == 0
    for part in ("50x38", "4 at 8 fps", "a frame", "seed     7", "a.mp4"):
        assert part in out
    assert "note: size 50x38" in err


def test_inspect(render, longtake, dog):
    render("--extend", dog, "--frames", 14, "--reel", "reel", "-o", "b.mp4")
    code, out, _ = longtake("inspect", "b.mp4", "--json", "--quiet")
    report = json.loads(out)
    assert code == 0 and report["frames"] == 24 and [join["frame"] for join in report["joins"]] == [10]
    assert report["mark"]["found"] and set(report["drift"]) >= {"lightness", "sharpness", "motion"}
    assert not json.loads(longtake("inspect", dog, "--json", "--quiet")[1])["mark"]["found"]
    for line in (("inspect", "b.mp4", "--joins", "4,8", "--loop"), ("inspect", "reel")):
        assert longtake(*line)[0] == 0
    code, out, _ = longtake("inspect", "b.mp4", "--plot", "plot.png")
    assert code == 0 and "join at frame 10: ratio " in out and "drift, last 15 % against first: lightness" in out
    assert next(iter(read_frames("plot.png"))).shape == (700, 900, 3)
    assert longtake("inspect", "b.mp4", "--plot", "plot.mp4")[0] == longtake("inspect", "reel", "--plot", "p.mp4")[0] == 2


def test_a_reel_tells_of_joins_and_drift(render, longtake, tmp_path):
    render("a dog", "--frames", 96, "--no-mark", "--reel", "reel", "-o", "a.mp4")
    render("a dog", "--frames", 96, "-o", "marked.mp4")
    film = json.loads(longtake("inspect", "marked.mp4", "--json", "--quiet")[1])
    found = json.loads(longtake("inspect", "reel", "--json")[1])
    record = found["record"]
    measured = record["report"]
    frames = [join["frame"] for join in measured["windows"]]
    assert len(frames) > 1 and frames == [join["frame"] for join in film["windows"]] and measured["joins"] == film["joins"] == []
    assert record["join_frames"] == {"joins": [], "windows": frames}
    assert found["finished"] and "series" not in record
    assert record["frames"] == measured["frames"] == 96 and set(measured["drift"]) == set(film["drift"])
    code, out, _ = longtake("inspect", "reel", "--plot", "p.png")
    assert code == 0 and f"between windows: {len(frames)} joins, median ratio" in out
    assert "drift, last 15 % against first: lightness" in out
    assert next(iter(read_frames("p.png"))).shape == (700, 900, 3)
    index = json.loads((tmp_path / "reel/reel.json").read_text())
    metrics = index["metrics"]
    damaged = {**metrics, "report": {**metrics["report"], "windows": [1]}}
    for broken, code in (({**metrics, "series": {}}, 0), ({"shots": []}, 0), (damaged, 1)):
        (tmp_path / "reel/reel.json").write_text(json.dumps({**index, "metrics": broken}))
        assert longtake("inspect", "reel")[0] == code
        said, out, err = longtake("inspect", "reel", "--plot", "p.png")
        assert (said, out) == (code or 2, "") and len(err.splitlines()) == 1 and "Traceback" not in err
        assert ("make the take again" if code else "give the film") in err


@pytest.mark.parametrize("words", [["--extend"], ["--extend", "--backward"], ["--extend", "--loop"], ["--connect"], ["--remix"]])
def test_a_reel_of_clips_is_measured_to_its_end(render, longtake, tmp_path, monkeypatch, words):
    """Also what is not in the film, as real frames stand there; large pictures are decoded a latent at a time."""
    monkeypatch.setattr("comfyui_longtake.models.box.AREA", 1)
    render("a dog", "--frames", 46, "--no-mark", "-o", "dog.mp4")
    clips = ["dog.mp4", "dog.mp4"] if words == ["--connect"] else ["dog.mp4"]
    length = ["a cat"] if words == ["--remix"] else ["--frames", 10]
    film = (words[0], *clips, *words[1:], *length, "--no-mark")
    render(*film, "--reel", "reel", "-o", "a.mp4")
    record = ReelRecord.read(Reel.peek(tmp_path / "reel")["metrics"], "reel")
    assert record.report.frames == record.meter.frames == record.frames
    assert [join.frame for join in record.report.joins] == record.join_frames.joins
    assert len(record.join_frames.joins) == {"--connect": 2, "--remix": 0}.get(words[0], 1 + ("--loop" in words))
    assert longtake("inspect", "reel", "--plot", "p.png")[0] == 0
    render(*film, "-o", "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_joins_between_windows_of_an_extension_lie_where_its_windows_begin(render, longtake, dog):
    for words, join in (((), 10), (("--backward",), 46)):
        render("--extend", dog, "--frames", 46, *words, "-o", "b.mp4")
        record = json.loads(probe("b.mp4").metadata["comment"])
        assert record["joins"] == [join] and record["windows"]
        assert all((frame < join) == bool(words) for frame in record["windows"])


def test_frames_of_a_given_clip_are_not_marked_again(render):
    """Six extensions leave the first frames as they were, marked or not."""
    render("a red dog runs", "--seconds", 2, "-o", "0.mp4", "--no-mark")
    first = torch.stack(list(read_frames("0.mp4")))

    def extended(*words):
        last = "0.mp4"
        for number in range(6):
            name = f"{number + 1}{len(words)}.mp4"
            render("--extend", last, "a red dog runs", "--seconds", 1, "-o", name, "--seed", number, *words)
            last = name
        return torch.stack(list(read_frames(last)))

    for film in (extended(), extended("--no-mark")):
        assert len(film) == 64 and torch.equal(film[:16], first)

    render("--extend", "0.mp4", "--backward", "--seconds", 1, "-o", "b.mp4")
    assert torch.equal(torch.stack(list(read_frames("b.mp4")))[8:], first)
    render("--connect", "0.mp4", "b.mp4", "--seconds", 1, "-o", "c.mp4")
    both = torch.stack(list(read_frames("c.mp4")))
    assert torch.equal(both[:16], first) and torch.equal(both[-16:], first)
    render("--extend", "0.mp4", "--seconds", 1, "-o", "l.mp4", "--label", "made by AI", "--label-whole")
    assert not torch.equal(torch.stack(list(read_frames("l.mp4")))[:16], first), "a label is seen on all of the film"
