"""A film on a reel: going on after an interruption, re-making what a change touches and nothing else, and what names a model."""

from itertools import pairwise
from pathlib import Path

import pytest

BUILDERS = Path(__file__).with_name("families.py")
NAMES = ["LongTake", "Wan 2.1 T2V", "MiniMax H3"]


def film_on_reels(room, path, names):
    """Films on reels, counted in model calls; runs in the host."""
    import importlib.util

    import comfy.model_management
    import torch

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    film, make, errors, reel = room("host.operations"), room("host.session"), room("errors"), room("reel.store")
    from_ksampler = room("host.sampling").from_ksampler
    calls, stop, plans, plan = [], [0], [], make.plan_windows
    make.plan_windows = lambda *given: plans.append(plan(*given)) or plans[-1]
    torch.set_num_threads(1)

    class Clip:
        """A text encoder whose states are random, by the text."""

        def tokenize(self, text):
            return sum(map(ord, text))

        def encode_from_tokens_scheduled(self, number):
            return built.text(number)

    def watched(apply, given):
        calls.append(1)
        if len(calls) == stop[0]:
            comfy.model_management.interrupt_current_processing(True)
        return apply(given["input"], given["timestep"], **given["c"])

    def go(name, shots=("3: one", "3: two", "3: three"), at=0, positive=0, **more):
        """(latents or None, model calls, report or error) of a film on the reel `name`; `at`: interrupted in that call."""
        size = more.pop("size", built.latents())
        size = size.unbind()[0] if size.is_nested else size
        given = {"seed": 4, "steps": 2, "cfg": 1.0, "sampler_name": "euler_ancestral", "scheduler": "simple"}
        given |= {"window": 7, "overlap": 2} | more
        sampling = from_ksampler(built.model, built.text(positive), built.text(1), **given)
        calls.clear()
        stop[0] = at
        try:
            made = film.film(sampling, Clip(), "\n".join(shots), {"samples": size}, 8.0, 0, name)
        except comfy.model_management.InterruptProcessingException:
            return None, len(calls), "interrupted"
        except errors.LongTakeError as error:
            return None, len(calls), str(error)
        return made.latent["samples"], len(calls), made.report

    def islands(built):
        """A film of 41 latents of which a few are known here and there, in windows of 14, and what its reel reads as."""
        given = {"seed": 4, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 14}
        latents = torch.randn(1, built.channels, 41, 4, 6, generator=torch.Generator().manual_seed(1))
        mask = torch.ones(1, 1, 41, 1, 1)
        mask[:, :, [0, 1, 6, 40]] = 0
        sampling = from_ksampler(built.model, built.text(0), built.text(1), **given)
        size = {"samples": latents, "noise_mask": mask}
        made = film.film(sampling, Clip(), "20: one", size, 8.0, 0, "islands")
        whole, file = made.latent["samples"], made.reel
        return {
            "spare": [bool(window.spare) for window in plans[-1]],
            "read": [torch.equal(torch.cat(list(file.chunks()), 2), whole), list(file.shape) == list(whole.shape[1:])],
            "known": [torch.equal(whole[:, :, at], latents[:, :, at]) for at in (0, 1, 6, 40)],
            "again": film.film(sampling, Clip(), "20: one", size, 8.0, 0, "islands").report,
            "lines": file.report().splitlines(),
        }

    found = {}
    with torch.inference_mode():
        for number, family in enumerate(names):
            built = families.build(family, room)
            built.model.set_model_unet_function_wrapper(watched)
            first, stopped, cut = (f"{kind} {number}" for kind in ("first", "stopped", "cut"))
            whole, count, report = go("")
            shots = [window.shot for window in plans[-1]]
            same, kept, _ = go(first)
            again = go(first)
            one = {"shots": shots, "calls": [count, kept], "report": report, "same": torch.equal(whole, same)}
            one["again"] = [again[1], torch.equal(whole, again[0]), again[2]]
            one["stopped"] = []
            for done in (0, 2, len(shots) - 1):
                _, before, what = go(f"{stopped} {done}", at=2 * done + 1)
                made, after, report = go(f"{stopped} {done}")
                one["stopped"].append([done, what, before, after, torch.equal(whole, made), report])
            made, count, _ = go(first, ("3: one", "3: TWO", "3: three"))
            begin, end = (torch.equal(made[:, :, at], whole[:, :, at]) for at in (0, -1))
            fresh = go("", ("3: one", "3: TWO", "3: three"))[0]
            one["changed"] = [count, begin, end, torch.equal(made, fresh)]
            one["back"] = go(first)[1]
            old = go(cut, ("3: one", "cut 3: two", "cut 3: three"))[0]
            made, count, _ = go(cut, ("3: one", "cut 3: TWO", "cut 3: three"))
            begin, middle, end = (torch.equal(made[:, :, at], old[:, :, at]) for at in (0, made.shape[2] // 2, -1))
            one["cut"] = [[window.shot for window in plans[-1]].count(1), count, begin, middle, end]
            one["positive"] = go(first, positive=9)[1]
            one["other"] = [go(first, **more)[1] for more in ({"origin": "x"}, {"seed": 5}, {"scheduler": "normal"})]
            one["size"] = go(first, size=torch.zeros(1, built.channels, 1, 4, 8))[1:]
            with reel.Reel.open(film.reel_path(first)):
                one["in use"] = go(first)[1:]
            one["family"] = go("first 0")[1:] if number else None
            if family == "Wan 2.1 T2V":
                one["islands"] = islands(built)
            found[family] = one
    make.plan_windows = plan
    return found


def retry(room, path):
    """Films whose joins are said to show, by seed; runs in the host."""
    import importlib.util
    import os
    import tempfile
    from types import SimpleNamespace

    import torch

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    film, make, reels, metrics = room("host.operations"), room("take.session"), room("host.reels"), room("metrics.joins")
    from_ksampler, step = room("host.sampling").from_ksampler, room("engine.state").SEED_STEP
    vae = SimpleNamespace(
        latent_dim=3,
        upscale_ratio=(lambda t: t * 4, 16, 16),
        latent_channels=128,
        first_stage_model=None,
        decode=lambda z: z[:, :3].mean((3, 4), keepdim=True).sigmoid().repeat_interleave(4, 2).movedim(1, -1).repeat(1, 1, 8, 8, 1),
    )
    built = families.build("LongTake", room)
    whole = make.measure_join
    torch.set_num_threads(1)

    class Clip:
        """A text encoder whose states are random, by the text."""

        def tokenize(self, text):
            return sum(map(ord, text))

        def encode_from_tokens_scheduled(self, number):
            return built.text(number)

    def go(ratios, retries, name="", shots="2: one\n2: two\n2: three"):
        """A film whose join at latent 8 has the next of `ratios` in every attempt, the one at 4 always 1."""
        rest = list(ratios)

        def judged(latent, join):
            assert latent(join) is not None and latent(join - 1) is not None and latent(12) is None
            return join_of(join, rest.pop(0))

        def join_of(join, ratio):
            return metrics.JoinMetrics(join * 4, 1.0, ratio if join == 8 else 1.0, 1.0, 0.0, 0.0, 0.5)

        def measured(latent, join, timeline, codec):
            if join == 8 and rest and latent(12) is None:
                return judged(latent, join)
            return join_of(join, min(ratios[: len(ratios) - len(rest)] or ratios[:1]))

        make.measure_join = measured
        more = {"seed": 4, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 7, "overlap": 1}
        sampling = from_ksampler(built.model, built.text(0), built.text(1), vae=vae, retries=retries, **more)
        return film.film(sampling, Clip(), shots, {"samples": built.latents()}, 8.0, 0, name)

    tempfile.tempdir = tempfile.mkdtemp()  # one that nobody else writes to
    inspect = room("reel.store").Reel.peek
    with torch.inference_mode():
        plain, good = go([3.0], 0), go([1.0], 3)
        made, named = go([3.0, 2.0, 2.5], 2), go([3.0, 2.0, 2.5], 2, "retried")
        shots = "2: one\n2: two\n2 seed {}: three"
        again = go([9.0], 0, shots=shots.format(6 + step))
        loose, worse = go([3.0, 1.2], 5), go([3.0, 4.0, 5.0], 2)
        reel = reels.open_reel("retried")
        index = (reel.path / "reel.json").read_bytes()
        resumed = go([3.0, 2.0, 2.5], 2, "retried")
        metrics_of = inspect(reel.path)["metrics"]
        found = {
            "plain": plain.report,
            "good": good.report,
            "made": made.report,
            "loose": loose.report,
            "calls": [int(one.report.split(" model calls")[0].split()[-1]) for one in (plain, good, made, loose)],
            "same": [
                torch.equal(plain.latent["samples"], good.latent["samples"]),
                torch.equal(made.latent["samples"], again.latent["samples"]),
                torch.equal(loose.latent["samples"], again.latent["samples"]),
                torch.equal(worse.latent["samples"], plain.latent["samples"]),
                torch.equal(named.latent["samples"], resumed.latent["samples"]),
                index == (reel.path / "reel.json").read_bytes(),
                torch.equal(reels.as_latent(reel)["samples"], made.latent["samples"]),
            ],
            "resumed": resumed.report,
            "again": metrics_of["retried_windows"],
            "seeds": [shot["seed"] for shot in metrics_of["shots"]],
            "measured": sorted(metrics_of),
            "reel": reel.report(),
            "left": os.listdir(tempfile.gettempdir()),
        }
    make.measure_join, tempfile.tempdir = whole, None
    return found


def originate(room):
    """What names the model above a node; runs in the host."""
    from comfy_execution.graph import DynamicPrompt

    origin = room("host.cache_key").origin

    def graph(loader="1", lora="2", strength=0.5, text="a dog", extra=None):
        return DynamicPrompt(
            {
                loader: {"class_type": "Loader", "inputs": {"name": "a.safetensors", "odd": {"__value__": [1, 2]}}},
                lora: {"class_type": "Lora", "inputs": {"model": [loader, 0], "clip": [loader, 1], "strength": strength}},
                "t": {"class_type": "Text", "inputs": {"clip": [lora, 1], "text": text}},
                "s": {"class_type": "Sampling", "inputs": {"model": [lora, 0], "positive": ["t", 0], "seed": 1, **(extra or {})}},
            }
        )

    def named(**changes):
        return origin(graph(**changes), "s", "model", "vae")

    return {
        "same": named() == named(loader="90", lora="17") == named(text="a cat") == named(extra={"window": 9}),
        "changed": len({named(), named(strength=0.6), named(extra={"vae": ["1", 2]}), origin(graph(), "t", "clip")}),
        "none": [origin(None, "s", "model"), origin(graph(), None, "model")],
        "length": len(named()),
    }


def weigh(room, path):
    """What names weights of the same name; runs in the host."""
    import os
    from pathlib import Path

    import folder_paths
    from comfy_execution.graph import DynamicPrompt

    origin, load, reels = room("host.cache_key").origin, room("host.loader"), room("host.reels")
    models = room("models.load")
    folder_paths.add_model_folder_path("loras", path)
    folder_paths.add_model_folder_path("longtake", path)

    def named(kind, **inputs):
        return origin(
            DynamicPrompt(
                {
                    "1": {"class_type": kind, "inputs": inputs},
                    "2": {"class_type": "Patch", "inputs": {"model": ["1", 0], "odd": "a\0.pt"}},
                    "s": {"class_type": "Sampling", "inputs": {"model": ["2", 0]}},
                }
            ),
            "s",
            "model",
        )

    def ids():
        lora = named("Lora", model_name="none.ckpt", lora_name="longtake_test.safetensors")
        return [lora, load.weights_id("longtake_test.safetensors"), named("LongTakeLoader", model="in the box")]

    file, read = Path(path, "longtake_test.safetensors"), models.read_manifest
    absent = ids()
    file.write_bytes(b"one")
    os.utime(file, (1e9, 1e9))
    one = ids()
    file.write_bytes(b"two")
    os.utime(file, (1e9 + 5, 1e9 + 5))
    two = ids()
    os.utime(file, (1e9 + 5.4, 1e9 + 5.4))
    same = ids()
    changed = []
    for change in ({"nets": {}}, {"info": {"shift": 9}}, {"info": {"shift": 2.5, "note": "x"}}):
        models.read_manifest = lambda *folder, change=change: {**read(*folder), **change}
        changed.append(named("LongTakeLoader", model="in the box") == two[2])
    models.read_manifest = read
    film, opened, loader = room("nodes.takes").LongTakeFilm, room("nodes.reels").LongTakeReel, room("nodes.loader").LongTakeLoader
    bad = ["../x", "none", "  ", "a/b", "\0", "x" * 300]
    return {
        "absent": absent,
        "one": one,
        "two": two,
        "same": same,
        "changed": changed,
        "bad": [load.weights_id(name) for name in ("none", "none.safetensors", "../x", None, 3, "\0")],
        "anew": [
            node.fingerprint_inputs(reel=name) != node.fingerprint_inputs(reel=name) for node in (film, opened) for name in bad
        ],
        "none": [film.fingerprint_inputs(reel="", shots=None), film.fingerprint_inputs()],
        "linked": [film.fingerprint_inputs(reel=None) == reels.reel_state(None) == opened.fingerprint_inputs(reel=None)],
        "loader": [loader.fingerprint_inputs(model="in the box"), loader.fingerprint_inputs(model=None, recaption=True)],
    }


@pytest.fixture(scope="module")
def reels(in_host):
    return in_host(film_on_reels, path=str(BUILDERS), names=NAMES, timeout=900)


@pytest.mark.parametrize("name", NAMES)
def test_a_reel_changes_nothing_and_a_second_run_samples_nothing(reels, name):
    found = reels[name]
    assert found["calls"] == [2 * len(found["shots"])] * 2 and found["same"] and set(found["shots"]) == {0, 1, 2}
    assert found["again"][:2] == [0, True] and f"0 model calls; {len(found['shots'])} windows from the reel" in found["again"][2]
    assert "from the reel" not in found["report"]


@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_film_goes_on_where_it_stopped(reels, name):
    windows = len(reels[name]["shots"])
    for done, what, before, after, same, report in reels[name]["stopped"]:
        assert what == "interrupted" and before == 2 * done + 1  # not one call more
        assert after == 2 * (windows - done) and same
        assert (f"{done} windows from the reel" in report) == (done > 0)


@pytest.mark.parametrize("name", NAMES)
def test_a_change_makes_again_what_it_must(reels, name):
    """A changed shot is made again with all that goes on from it, up to a cut; a prompt or model not used is nothing to it."""
    found = reels[name]
    assert found["changed"] == [2 * sum(shot > 0 for shot in found["shots"]), True, False, True]
    assert found["back"] == 0  # both versions are on the reel
    ours, calls, begin, middle, end = found["cut"]
    assert calls == 2 * ours and (begin, middle, end) == (True, False, True)
    assert found["positive"] == 0
    assert found["other"] == [2 * len(found["shots"])] * 3


@pytest.mark.parametrize("name", NAMES)
def test_a_reel_that_cannot_be_used_is_named_before_anything_is_sampled(reels, name):
    found = reels[name]
    wanted = {"size": "made with shape", "in use": "in use by process"} | ({"family": "made with model"} if found["family"] else {})
    for case, words in wanted.items():
        calls, error = found[case]
        assert calls == 0 and words in error and "\n" not in error, case


def test_a_reel_reads_as_the_take_whatever_its_windows_made(reels):
    """Windows that go on after known frames, and one that makes frames far apart."""
    found = reels["Wan 2.1 T2V"]["islands"]
    assert any(found["spare"]) and not all(found["spare"])
    assert all(found["read"]) and all(found["known"])
    assert f"0 model calls; {len(found['spare'])} windows from the reel" in found["again"]
    frames = [line.split("frames ")[1].split(",")[0] for line in found["lines"] if line[:1].isdigit()]
    ends = [tuple(map(int, span.split(" to "))) for span in frames]
    assert ends[0][0] == 0 and ends[-1][1] == 160 and all(b[0] == a[1] + 1 for a, b in pairwise(ends))


def test_a_join_that_shows_is_made_again_and_the_smoothest_kept(in_host):
    found = in_host(retry, path=str(BUILDERS), timeout=600)
    plain, good, made, loose = found["calls"]
    assert good == plain == 6 and "again" not in found["plain"] + found["good"]
    assert "join at frame 32: ratio 2.00, acceleration 1.00, lightness +0.00 (may be seen)" in found["made"]
    assert found["made"].endswith("\nframe 32: sampled again 2 times, kept is seed 1000009")
    assert found["loose"].endswith("\nframe 32: sampled again once, kept is seed 1000009")
    assert plain < loose < 2 * plain and made - plain == 2 * (loose - plain)  # only the last shot is sampled again
    assert all(found["same"]) and found["left"] == []
    assert "0 model calls" in found["resumed"] and found["resumed"].endswith(
        "\nframe 32: sampled again 2 times, kept is seed 1000009"
    )
    assert found["again"] == [{"frame": 32, "times": 2, "seed": 1000009}] and found["seeds"] == [4, 5, 1000009]
    assert set(found["measured"]) >= {
        "report",
        "series",
        "join_frames",
        "retried_windows",
        "fps",
        "frames",
        "shots",
        "seeds",
        "calls",
    }
    lines = found["reel"].splitlines()
    assert lines[0].startswith("retried: longtake-") and " MB on disk, of which 2 with " in lines[0]
    assert lines[1].startswith("1: frames 0 to ") and "0.00 to " in lines[1]
    assert lines[-3].startswith("join at frame 16: ratio ") and lines[-2].startswith("join at frame 32: ratio ")
    assert "drift" not in found["reel"]  # shots of three prompts
    assert lines[-1] == "frame 32: sampled again 2 times, kept is seed 1000009"


def test_weights_are_named_by_what_they_are(in_host, tmp_path):
    found = in_host(weigh, path=str(tmp_path))
    absent, one, two = found["absent"], found["one"], found["two"]
    assert absent[1] == "" and found["bad"] == [""] * 6
    assert len({absent[0], one[0], two[0]}) == len({absent[1], one[1], two[1]}) == 3
    assert found["same"] == two and absent[2] == one[2] == two[2]
    assert found["changed"] == [False, False, True]
    assert all(found["anew"]) and found["none"] == ["", ""] and found["linked"] == [True]
    assert found["loader"][0].endswith(" 2.5") and found["loader"][1] == ""


def test_a_model_is_named_by_what_made_it(in_host):
    found = in_host(originate)
    assert found["same"] and found["changed"] == 4 and found["none"] == ["", ""] and found["length"] == 16
