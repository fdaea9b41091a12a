"""A graph for each take node on a real server, with the model in the box; a film that is cancelled and goes on."""

import io
import json
import re
import shutil

import av
import pytest
from comfyui_longtake.cli import main as inspect
from comfyui_longtake.media.read import read_frames
from comfyui_longtake.reel.record import ReelRecord
from comfyui_longtake.reel.store import Reel

STEPS = 2
FILE = {"filename_prefix": "take", "codec": "h264", "crf": 18, "mark": False}


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def graph(take, seconds=2.0, steps=STEPS, sampling=None, **more):
    """Take node `take` on two clips, "41" and "42", of 96x64 pixels; the film goes to node 13."""
    size = {"aspect": "custom", "size": "256x160", "width": 96, "height": 64, "seconds": seconds, "fps": 0.0}
    ends = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0]}
    how = {"steps": steps, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
    found = {
        "1": node("LongTakeLoader", model="in the box"),
        "2": node("CLIPTextEncode", clip=["1", 1], text="a red dog walks in the desert"),
        "3": node("LongTakePlanner", model=["1", 0], **size),
        "41": node("KSampler", seed=1, denoise=1.0, latent_image=["3", 0], **ends, **how),
        "42": node("KSampler", seed=2, denoise=1.0, latent_image=["3", 0], **ends, **how),
        "10": sampling or node("LongTakeSampling", seed=3, window=12, overlap=0, anchor=True, vae=["1", 2], **ends, **how),
        "11": take,
        "13": node("LongTakeVideo", latent=["11", 0], vae=["1", 2], fps=8.0, **FILE),
    }
    found["11"]["inputs"]["sampling"] = ["10", 0]
    return found | more


def shot_list(shots, reel=""):
    return node("LongTakeFilm", clip=["1", 1], latent=["3", 0], shots=shots, fps=0.0, fade=0, reel=reel)


def film(shots, reel="", **more):
    return graph(shot_list(shots, reel), **more)


def frames_of(comfy, entry):
    (found,) = entry["outputs"]["13"]["images"]
    with av.open(io.BytesIO(comfy.fetch(found))) as file:
        return sum(1 for _ in file.decode(video=0))


def report_of(entry):
    return entry["outputs"]["11"]["text"][0]


A, B = ["41", 0], ["42", 0]
TAKES = {
    "forward": (node("LongTakeExtend", latent=A, direction="forward", seconds=3.0, fps=0.0), 40),
    "backward": (node("LongTakeExtend", latent=A, direction="backward", seconds=1.2, fps=0.0), 26),
    "connect": (node("LongTakeConnect", a=A, b=B, gap=1.0, fps=8.0), 40),
    "loop": (node("LongTakeLoop", latent=A, gap=1.0, fps=0.0), 24),
    "recut": (node("LongTakeRecut", latent=A, keep="0-0.5, 1.5-2", fps=0.0), 16),
    "remix": (node("LongTakeRemix", latent=A, strength=0.5), 16),
    "slope": (node("LongTakeRemix", latent=A, strength=0.2, strength_end=0.9), 16),
    "blend": (node("LongTakeBlend", a=A, b=B, begin=0.4, end=1.6, strength=0.7, fps=0.0), 16),
    "stitch": (node("LongTakeStitch", gap=0.5, fps=0.0, **{"clips.clip0": A, "clips.clip1": B, "clips.clip2": A}), 56),
}


@pytest.mark.parametrize("name", TAKES)
def test_take(comfy, name):
    take, frames = TAKES[name]
    entry = comfy.run(graph(take))
    report = report_of(entry)
    assert frames_of(comfy, entry) == frames and f"{frames} frames" in report
    windows, calls = (int(re.search(rf"(\d+) {word}", report)[1]) for word in ("windows", "model calls"))
    # of the levels 1, 0.71, 0 one lies below the strength 0.5 that ways between clips are made with, and below 0.7
    steps = 1 if name in ("connect", "loop", "remix", "blend", "stitch") else STEPS
    # the first window of a slope lies at low strengths, and at one level alone
    assert calls == (3 if name == "slope" else windows * steps)
    joins = re.findall(
        r"join at frame (\d+): ratio [\d.]+, acceleration [\d.]+, lightness [-+\d.]+ \((?:smooth|may be seen)\)", report
    )
    wanted = {"forward": [16], "backward": [10], "connect": [16, 24], "loop": [16, 24], "recut": [4, 12], "blend": [3, 13]}
    assert list(map(int, joins)) == wanted.get(name, [16, 20, 36, 40] if name == "stitch" else [])


def test_film_and_guider(comfy):
    entry = comfy.run(film("1: a red dog walks\ncut 1.5s: a blue dog stands"))
    assert frames_of(comfy, entry) == 20 and "join" not in report_of(entry)
    sampling = node(
        "LongTakeGuiderSampling", guider=["5", 0], sampler=["6", 0], sigmas=["7", 0], seed=3, window=0, overlap=1, anchor=False
    )
    parts = {
        "5": node("CFGGuider", model=["1", 0], positive=["2", 0], negative=["2", 0], cfg=1.0),
        "6": node("KSamplerSelect", sampler_name="euler"),
        "7": node("LongTakeSchedule", steps=STEPS, shift=2.5, denoise=1.0),
    }
    entry = comfy.run(film("1: a red dog walks\n1: a blue dog stands", sampling=sampling, **parts))
    assert frames_of(comfy, entry) == 16 and f"2 windows of up to 9 latents; {2 * STEPS} model calls" in report_of(entry)


def test_the_host_s_own_windows_make_a_take_together(comfy):
    windows = node(
        "ContextWindowsManual",
        model=["1", 0],
        context_length=16,
        context_overlap=4,
        context_schedule="standard_static",
        context_stride=1,
        closed_loop=False,
        fuse_method="pyramid",
        dim=2,
        freenoise=False,
        cond_retain_index_list="",
        split_conds_to_windows=False,
        latent_retain_index_list="",
        causal_window_fix=True,
    )
    sampling = node(
        "LongTakeSampling",
        model=["20", 0],
        positive=["2", 0],
        negative=["2", 0],
        seed=3,
        window=1000,
        overlap=0,
        anchor=True,
        steps=STEPS,
        cfg=1.0,
        sampler_name="euler",
        scheduler="simple",
    )
    take, frames = TAKES["forward"]
    entry = comfy.run(graph(take, sampling=sampling, **{"20": windows}))
    assert frames_of(comfy, entry) == frames and "1 windows of up to 29 latents" in report_of(entry)
    assert "context window" in comfy.log().lower()


def test_model_report(comfy):
    entry = comfy.run({"1": node("LongTakeLoader", model="in the box"), "2": node("LongTakeProbe", model=["1", 0])})
    (words,) = entry["outputs"]["2"]["text"]
    assert words.startswith("LongTake. Known frames stay clean") and words.endswith("Width and height are multiples of 16 pixels.")
    assert "A length is any number of frames, usually at 8 a second." in words


def test_recaption_prompt_feeds_the_encoder(comfy):
    clip = {"1": node("LongTakeLoader", model="in the box", recaption=False)}
    asked = node("LongTakeCaption", clip=["1", 1], text="a red dog runs")
    entry = comfy.run(clip | {"2": asked, "3": node("PreviewAny", source=["2", 0])})
    shown, (made,) = entry["outputs"]["2"]["text"][0], entry["outputs"]["3"]["text"]
    assert made.startswith("A red dog ") and shown.startswith(made) and "left open" in shown


@pytest.mark.parametrize(
    ("take", "says"),
    [
        (node("LongTakeConnect", a=A, b=["30", 0], gap=1.0, fps=0.0), r"node 11.*b: 16 channels, this model has 24"),
        (node("LongTakeExtend", latent=["31", 0], direction="forward", seconds=1.0, fps=0.0), r"node 11.*2 videos in one batch"),
        (node("LongTakeRecut", latent=A, keep="soon", fps=0.0), r"node 11.*give spans in seconds"),
        (shot_list("1: a\nb"), r"node 11.*shots, line 2"),
        (shot_list("1: a", "../x"), r"node 11.*plain name"),
    ],
)
def test_wrong_input_is_one_line_on_its_node(comfy, take, says):
    other = node("EmptyHunyuanLatentVideo", width=96, height=64, length=5, batch_size=1)
    with pytest.raises(comfy.Error, match=says) as caught:
        comfy.run(graph(take, **{"30": other, "31": node("RepeatLatentBatch", samples=["3", 0], amount=2)}))
    assert "\n" not in str(caught.value)


def test_a_cancelled_film_goes_on_from_its_reel(comfy):
    steps, shots = 30, "4: a red dog walks\n4: a red dog stands\n4: a blue dog stands"
    wanted = film(shots, "cancelled", steps=steps)
    said, seconds = comfy.interrupt_at(wanted, "11", steps)
    assert "interrupt" in said and seconds < 10  # a call takes a tenth of a second
    reel = comfy.folder / "output/longtake/reels/cancelled"
    kept = len(Reel.peek(reel)["segments"])
    assert kept >= 1
    entry = comfy.run(wanted)
    report = report_of(entry)
    windows = int(re.search(r"(\d+) windows of", report)[1])
    assert windows > kept and f"; {kept} windows from the reel" in report
    assert f"{(windows - kept) * steps} model calls" in report and frames_of(comfy, entry) == 96


def pictures_of(comfy, saved):
    with av.open(io.BytesIO(comfy.fetch(saved))) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def test_a_reel_is_opened_shown_and_decoded(comfy):
    file = FILE | {"filename_prefix": "reel"}
    more = {
        "20": node("LongTakeReelSegments", reel=["11", 3], vae=["1", 2]),
        "21": node("LongTakeVideo", latent=["11", 3], vae=["1", 2], fps=8.0, **file),
        "22": node("LongTakeReport", video=["13", 0], joins="8"),
    }
    entry = comfy.run(film("1: a red dog walks\n1: a blue dog stands", "opened", **more))
    outputs = entry["outputs"]
    words = outputs["20"]["text"][0].splitlines()
    assert re.fullmatch(r"opened: longtake-\w{12}, 2 segments, 0\.\d MB on disk", words[0])
    assert words[1].startswith("1: frames 0 to 7, 0.00 to 1.00 s, ") and words[2].startswith("2: frames 8 to 15, 1.00 to 2.00 s, ")
    assert re.fullmatch(r"join at frame 8: ratio [\d.]+, .* \((smooth|may be seen)\)", words[3])
    assert len(words) == 4  # no drift: shots of two prompts differ because they are meant to
    assert len(outputs["20"]["images"]) == 2 and len(outputs["22"]["images"]) == 1
    lines = outputs["22"]["text"][0].splitlines()
    assert lines[0] == "16 frames, 2.00 s" and lines[1].startswith("join at frame 8: ") and "first: lightness" in lines[2]
    whole = pictures_of(comfy, outputs["13"]["images"][0])
    assert all((a == b).all() for a, b in zip(whole, pictures_of(comfy, outputs["21"]["images"][0]), strict=True))
    opened = {
        "1": node("LongTakeLoader", model="in the box"),
        "2": node("LongTakeReel", reel="opened"),
        "3": node("LongTakeVideo", latent=["2", 0], vae=["1", 2], fps=8.0, **file),
        "4": node("LongTakeVideo", latent=["2", 1], vae=["1", 2], fps=8.0, **file),
    }
    outputs = comfy.run(opened)["outputs"]
    for place in ("3", "4"):
        shown = pictures_of(comfy, outputs[place]["images"][0])
        assert all((a == b).all() for a, b in zip(whole, shown, strict=True))


@pytest.mark.parametrize(
    ("reel", "says"), [("none", r"node 2.*reel 'none': there is none"), ("../x", "node 2.*plain name"), ("", "node 2.*plain name")]
)
def test_a_reel_that_is_not_there_is_one_line(comfy, reel, says):
    nodes = {"2": node("LongTakeReel", reel=reel), "1": node("LongTakeLoader", model="in the box")}
    with pytest.raises(comfy.Error, match=says):
        comfy.run(nodes | {"3": node("LongTakeVideo", latent=["2", 0], vae=["1", 2], fps=8.0, **FILE)})


def test_a_reel_that_was_not_kept_is_named(comfy):
    more = {"21": node("LongTakeVideo", latent=["11", 3], vae=["1", 2], fps=8.0, **FILE)}
    with pytest.raises(comfy.Error, match=r"node 21.*Long Take kept none; give it the name of a reel"):
        comfy.run(film("1: a red dog walks", **more))


def queue(comfy, graph):
    """Runs a graph: its entry, and which nodes were answered from the host's cache."""
    kept = []
    entry = comfy.run(graph, on_event=lambda kind, data: kept.extend(data["nodes"] if kind == "execution_cached" else ()))
    return entry, kept


def test_a_reel_is_made_whole_when_its_graph_is_queued_again(comfy):
    wanted = film("1: a red dog walks\n1: a blue dog stands", "mended")
    folder = comfy.folder / "output/longtake/reels/mended"

    def run():
        """Model calls of the film, None where it did not run."""
        entry, kept = queue(comfy, wanted)
        return None if "11" in kept else int(re.search(r"(\d+) model calls", report_of(entry))[1])

    assert [run(), run(), run(), run()] == [2 * STEPS, 0, None, None]
    index = folder / "reel.json"
    assert f'"calls": {2 * STEPS}' in index.read_text()
    segments = sorted((folder / "segments").iterdir())
    good = segments[0].read_bytes()
    for harm in (lambda: segments[0].write_bytes(good[:-1]), segments[0].unlink):
        harm()
        assert run() == STEPS and segments[0].read_bytes() == good
        assert (run() or 0, run()) == (0, None)
    shutil.rmtree(folder)
    assert run() == 2 * STEPS and sorted((folder / "segments").iterdir()) == segments
    index.write_text("{}")
    with pytest.raises(comfy.Error, match=r"node 11.*reel\.json is not that of a reel"):
        run()


def test_a_reel_that_grows_is_opened_anew(comfy):
    opened = {
        "2": node("LongTakeReel", reel="grown"),
        "3": node("PreviewAny", source=["2", 3]),
        "4": node("PreviewAny", source=["2", 2]),
    }
    for shots, frames in (("1: a red dog walks", 8), ("1: a red dog walks\n1: a blue dog stands", 16), ("1: a red dog walks", 8)):
        comfy.run(film(shots, "grown"))
        entry, kept = queue(comfy, opened)
        assert "2" not in kept and entry["outputs"]["4"]["text"] == [str(frames)]
        assert "2" in queue(comfy, opened)[1]  # as long as it stays as it is
    first = entry["outputs"]["3"]["text"][0].splitlines()[0]
    assert re.search(
        r": longtake-\w{12}, 2 segments, 0\.\d MB on disk, of which 1 with 0\.\d MB are not in the last version$", first
    )
    assert inspect(["inspect", str(comfy.folder / "output/longtake/reels/grown"), "--prune", "--json"]) == 0
    assert re.match(r"grown: longtake-\w{12}, 1 segments, ", queue(comfy, opened)[0]["outputs"]["3"]["text"][0])


def test_a_reel_of_the_command_line_is_opened(comfy, longtake):
    folder = comfy.folder / "output/longtake/reels"
    clips = {
        "a prompt": ("a red dog walks", "--seconds", 2, "--size", "96x64", "-o", "a.mp4"),
        "a clip": ("a dog", "--extend", "a.mp4", "--seconds", 1, "--backward", "-o", "b.mp4"),
    }
    opened = {
        "1": node("LongTakeLoader", model="in the box"),
        "3": node("LongTakeVideo", latent=["2", 0], vae=["1", 2], fps=8.0, **FILE),
        "4": node("LongTakeReelSegments", reel=["2", 0], vae=["1", 2]),
        "5": node("PreviewAny", source=["2", 2]),
    }
    for name, words in clips.items():
        code, _, said = longtake("render", *words, "--steps", STEPS, "--no-mark", "--quiet", "--reel", folder / name)
        assert code == 0, said
        index = json.loads((folder / name / "reel.json").read_text())
        old = {"model": index["header"]["model"], "size": [96, 64], "fps": 8.0, "timeline": [1, 1]}
        seen = []
        for head in (None, old):
            if head:
                older = {key: value for key, value in index.items() if key != "finished"}
                (folder / name / "reel.json").write_text(json.dumps({**older, "schema": 2, "header": old, "metrics": {}}))
            outputs = queue(comfy, opened | {"2": node("LongTakeReel", reel=name)})[0]["outputs"]
            seen.append(pictures_of(comfy, outputs["3"]["images"][0]))
            assert outputs["4"]["text"][0].startswith(f"{name}: longtake-") and ", 0.00 to " in outputs["4"]["text"][0]
            assert len(outputs["4"]["images"]) == len(index["segments"]) and outputs["5"]["text"] == [str(len(seen[-1]))]
        assert all((a == b).all() for a, b in zip(*seen, strict=True))
        if name == "a prompt":
            made = list(read_frames("a.mp4"))
            off = [abs(a / 255 - b.numpy()).mean() for a, b in zip(seen[0], made, strict=True)]
            assert len(made) == 16 and max(off) < 0.03  # both are encoded


@pytest.mark.parametrize("text", ['{"schema": 2}', '{"schema": 3}', "{", "[]", '{"schema": 99}'])
def test_a_reel_that_cannot_be_read_is_one_line(comfy, text):
    folder = comfy.folder / "output/longtake/reels/unread"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reel.json").write_text(text)
    with pytest.raises(comfy.Error, match=r"node 2.*(damaged; make|is not that of a reel|format 99)") as caught:
        comfy.run({"2": node("LongTakeReel", reel="unread"), "3": node("PreviewAny", source=["2", 3])})
    assert "\n" not in str(caught.value)


def test_a_reel_outlives_node_numbers_but_no_other_model(comfy):
    def run(**more):
        entry = comfy.run(film("1: a red dog walks\n1: a blue dog stands", "kept", **more))
        return int(re.search(r"(\d+) model calls", report_of(entry))[1])

    def sampling(model, text="2", seed=3):
        return node(
            "LongTakeSampling",
            seed=seed,
            window=12,
            overlap=0,
            anchor=True,
            vae=["1", 2],
            model=[model, 0],
            positive=[text, 0],
            negative=["2", 0],
            steps=STEPS,
            cfg=1.0,
            sampler_name="euler",
            scheduler="simple",
        )

    shifted = {"21": node("ModelSamplingSD3", model=["1", 0], shift=4.0)}
    renamed = {"22": node("LongTakeLoader", model="in the box"), "23": node("CLIPTextEncode", clip=["1", 1], text="no one")}
    assert run() == 2 * STEPS
    assert run(sampling=sampling("22", "23"), **renamed) == 0  # the prompt of the sampling is not the film's
    assert run(sampling=sampling("21"), **shifted) == 2 * STEPS
    assert run(sampling=sampling("1", seed=4)) == 2 * STEPS


def test_a_take_of_many_windows_tells_of_their_joins_and_of_its_drift(comfy):
    more = {
        "22": node("LongTakeReport", video=["13", 0], joins=""),
        "23": node("LongTakeVideo", latent=["11", 3], vae=["1", 2], fps=8.0, **{**FILE, "mark": True}),
        "24": node("LongTakeReport", video=["23", 0], joins=""),
    }
    graph = film("8: a red dog walks", "measured", **more)
    graph["13"]["inputs"]["mark"] = True
    entry = comfy.run(graph)
    report = report_of(entry)
    windows = int(re.search(r"(\d+) windows of", report)[1])
    line = re.search(r"^between windows: (\d+) joins, median ratio [\d.]+, .*; worst .* at frame (\d+); ", report, re.M)
    assert int(line[1]) == windows - 1 > 1 and 0 < int(line[2]) < 64 and "\ndrift, last 15 % against first: lightness " in report
    for place in ("22", "24"):  # by what a LATENT hands on, and by the reel
        words = entry["outputs"][place]["text"][0]
        assert f"between windows: {windows - 1} joins, median ratio" in words and "against first: lightness" in words
    record = ReelRecord.read(Reel.peek(comfy.folder / "output/longtake/reels/measured")["metrics"], "reel")
    assert len(record.report.windows) == windows - 1 and set(record.report.drift) >= {"chroma", "motion"}
    assert record.report.joins == [] and len(record.meter.lightness) == record.frames == 64
