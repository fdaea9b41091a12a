"""Takes by the host's samplers, on tiny random models of every video family: lengths, known frames, windows, cost."""

import json
import re
from pathlib import Path

import pytest
from comfyui_longtake.engine.timeline import Timeline

BUILDERS = Path(__file__).with_name("families.py")
TABLE = json.loads(BUILDERS.with_suffix(".json").read_text(encoding="utf-8"))
VIDEO = [name for name, family in TABLE.items() if family["kind"] != "none"]
CASES = ["forward", "guider", "backward", "connect", "far", "loop"]


def take_families(room, path, names, cases):
    """Extends, connects and loops a random clip with each family; runs in the host."""
    import dataclasses
    import importlib.util
    import logging

    import comfy.samplers
    import torch

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    film, make, take = room("host.operations"), room("host.session"), room("host.sampling")
    logged, calls = [], []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())
    make.log.addHandler(handler)
    make.log.setLevel(logging.INFO)
    torch.set_num_threads(1)

    def watched(model):
        """The model, telling of every call how many latents it saw, where they are not packed with sound."""
        model = model.clone()

        def call(apply, given):
            calls.append(given["input"].shape[2] if given["input"].ndim == 5 else None)
            return apply(given["input"], given["timestep"], **given["c"])

        model.set_model_unet_function_wrapper(call)
        return model

    def run(built, case):
        model, texts = watched(built.model), (built.text(0), built.text(1))
        clips = [built.latents(seed) for seed in (0, 1)]
        clips = [clip.unbind()[0] if clip.is_nested else clip for clip in clips]
        given = [clip.clone() for clip in clips]
        before = [(entry[0].clone(), dict(entry[1])) for text in texts for entry in text]
        window = 14 if case == "far" else 7 if built.frames == 7 else 6
        if case == "guider":
            guider = comfy.samplers.CFGGuider(model)
            guider.set_conds(*texts)
            guider.set_cfg(1.0)
            own = dict(guider.original_conds), guider.model_options
            levels = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "simple", 2)
            sampling = take.from_guider(guider, comfy.samplers.sampler_object("euler"), levels, seed=4, window=window)
        else:
            sampling = take.from_ksampler(
                model, *texts, seed=4, steps=2, cfg=1.0, sampler_name="euler", scheduler="simple", window=window
            )
        timeline = sampling.capability.timeline
        frames = ((30 if case == "far" else 16) if timeline.cycle else 24 if case == "far" else 10) * timeline.rest
        a, b = ({"samples": clip} for clip in clips)
        calls.clear()
        made = {
            "forward": lambda: film.extend(sampling, a, frames / 8, 8.0, "forward"),
            "guider": lambda: film.extend(sampling, a, frames / 8, 8.0, "forward"),
            "backward": lambda: film.extend(sampling, a, frames / 8, 8.0, "backward"),
            "connect": lambda: film.stitch(sampling, [("a", a), ("b", b)], frames / 8, 8.0),
            "far": lambda: film.stitch(sampling, [("a", a), ("b", b)], frames / 8, 8.0),
            "loop": lambda: film.loop(sampling, a, frames / 8, 8.0),
        }[case]()
        whole, (one, two), count = made.latent["samples"], clips, built.frames
        drop = int(timeline.first != timeline.rest and not timeline.cycle)
        kept = {
            "backward": lambda: torch.equal(whole[:, :, drop - count :], one[:, :, drop:]),
            "connect": lambda: torch.equal(whole[:, :, :count], one) and torch.equal(whole[:, :, drop - count :], two[:, :, drop:]),
        }
        kept["far"] = kept["connect"]
        kept = kept.get(case, lambda: torch.equal(whole[:, :, :count], one))()
        after = [entry for text in texts for entry in text]
        untouched = all(torch.equal(x[0], y[0]) and x[1].keys() == y[1].keys() for x, y in zip(before, after, strict=True))
        if case == "guider":
            untouched &= guider.original_conds == own[0] and guider.model_options is own[1]
        return {
            "shape": list(whole.shape),
            "frames": made.frames,
            "asked": frames,
            "report": made.report,
            "kept": kept,
            "finite": bool(torch.isfinite(whole).all()),
            "calls": calls[:],
            "logged": logged[-1],
            "count": count,
            "untouched": untouched and all(torch.equal(x, y) for x, y in zip(clips, given, strict=True)),
            "channels": built.channels,
            "moved": bool((whole.diff(dim=2).abs().amax((0, 1, 3, 4)) > 1e-6).all()),
            "timeline": dataclasses.asdict(timeline),
            "plain": set(model.model_options) == set(watched(built.model).model_options),
        }

    found = {}
    with torch.inference_mode():
        for name in names:
            built = families.build(name, room)
            found[name] = {case: run(built, case) for case in cases}
    make.log.removeHandler(handler)
    return found


@pytest.fixture(scope="module")
def takes(in_host):
    """What `take_families` found, of all families in one process."""
    return in_host(take_families, path=str(BUILDERS), names=VIDEO, cases=CASES, timeout=900)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", VIDEO)
def test_a_take_of_many_windows(takes, name, case):
    run = takes[name][case]
    timeline, length = Timeline(**run["timeline"]), run["shape"][2]
    assert run["shape"] == [1, run["channels"], length, 4, 6] and length == timeline.legal(length)
    assert run["frames"] == timeline.frames_for(length)
    clip = timeline.frames_for(run["count"]) * (2 if case in ("connect", "far") else 1)
    again = re.search(r"The last (\d*) ?frames? (?:is|are) the first", run["report"])
    assert bool(again) == (case == "loop" and timeline.first != timeline.rest)
    spare = run["frames"] - clip - run["asked"] - int(again[1] or 1 if again else 0)
    assert 0 <= spare < timeline.rest * timeline.multiple
    assert run["finite"] and run["kept"] and run["moved"]
    assert run["untouched"] and run["plain"]
    assert int(re.search(r"(\d+) windows", run["report"])[1]) >= (2 if case == "far" else 3)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", VIDEO)
def test_the_plan_and_the_report_say_what_the_model_was_asked(takes, name, case):
    run = takes[name][case]
    cost = re.compile(r"([\d.]+) latents sampled for each new one")
    steps = 2
    windows, most = map(int, re.search(r"(\d+) windows of up to (\d+) latents", run["report"]).groups())
    assert int(re.search(r"(\d+) model calls", run["report"])[1]) == len(run["calls"]) == steps * windows
    assert cost.search(run["logged"])[1] == cost.search(run["report"])[1]
    if None in run["calls"]:  # packed with sound
        assert name == "MiniMax H3"
        return
    timeline = Timeline(**run["timeline"])
    assert max(run["calls"]) == most and all(count == timeline.legal(count) for count in run["calls"])
    new = run["shape"][2] - (2 if case in ("connect", "far") else 1) * run["count"]
    new += int(timeline.first != timeline.rest) if case in ("backward", "connect", "far") else 0
    assert f"{sum(run['calls']) / steps / new:.2f}" == cost.search(run["report"])[1]


def take_all(room, path, names):
    """Every other operation, the film included; runs in the host."""
    import importlib.util

    import torch

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    film, sampling_of = room("host.operations"), room("host.sampling").from_ksampler
    found = {}

    class Clip:
        """A text encoder whose states are random, by the text."""

        def tokenize(self, text):
            return sum(map(ord, text))

        def encode_from_tokens_scheduled(self, number):
            return built.text(number)

    def same(one, other, places):
        return all(torch.equal(one[:, :, at], other[:, :, at]) for at in places)

    with torch.inference_mode():
        for name in names:
            built = families.build(name, room)

            def sampling(built=built, **more):
                given = {"seed": 4, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 6}
                return sampling_of(built.model, built.text(0), built.text(1), **(given | more))

            built.frames = 12
            a, b, c = (built.latents(seed) for seed in (0, 1, 2))
            frames = sampling().capability.timeline.frames_for
            seconds = [frames(count) / 8 for count in range(13)]
            drop = int(seconds[1] < seconds[2] / 2)
            one, two = {"samples": a}, {"samples": b}
            cut = film.recut(sampling(), one, f"0-{seconds[3]}, {seconds[9]} - {seconds[12]}", 8.0).latent["samples"]
            mask = torch.ones(1, 1, 12, 1, 1)
            mask[:, :, 4:6] = 0
            mixed = [film.remix(sampling(), {**one, "noise_mask": mask}, strength) for strength in (0.3, 1.0)]
            mixed = [made.latent["samples"] for made in mixed]
            blended = film.blend(sampling(), one, two, seconds[3], seconds[9], 0.7, 8.0).latent["samples"]
            clips = [("x", {"samples": a[:, :, :4]}), ("y", {"samples": b[:, :, :5]}), ("z", {"samples": c[:, :, :4]})]
            joined = film.stitch(sampling(), clips, 1.0, 8.0).latent["samples"]
            gap = (joined.shape[2] - 13 + 2 * drop) // 2
            shots = "1.5: one\n# a remark\n\ncut 2 s: two\n0.5|three"
            filmed = film.film(sampling(), Clip(), shots, {"samples": a[:, :, :1]}, 8.0, 1, "")
            again = film.film(sampling(), Clip(), shots, {"samples": a[:, :, :1]}, 8.0, 1, "")
            other = film.film(sampling(seed=5), Clip(), shots, {"samples": a[:, :, :1]}, 8.0, 1, "")
            noisy = [film.extend(sampling(sampler_name="euler_ancestral", window=5), one, 3.0, 8.0, "forward") for _ in range(2)]
            found[name] = {
                "recut": [same(cut, a, (0, 1, 2, 9, 10, 11)), not any(same(cut, a, [at]) for at in range(3, 9))],
                "remix": [same(made, a, (4, 5)) and not any(same(made, a, [at]) for at in (0, 3, 6, 11)) for made in mixed],
                "nearer": float((mixed[0] - a).abs().mean() / (mixed[1] - a).abs().mean()),
                "blend": [same(blended, a, (0, 1)), same(blended, b, (10, 11)), not same(blended, a, [6])],
                "stitch": [
                    same(joined, a, range(4)),
                    torch.equal(joined[:, :, 4 + gap : 9 + gap - drop], b[:, :, drop:5]),
                    torch.equal(joined[:, :, drop - 4 :], c[:, :, drop:4]),
                    gap,
                ],
                "film": [filmed.frames, filmed.latent["samples"].shape[2], filmed.report],
                "seeds": [
                    torch.equal(filmed.latent["samples"], again.latent["samples"]),
                    torch.equal(filmed.latent["samples"], other.latent["samples"]),
                ],
                "noise": torch.equal(*(made.latent["samples"] for made in noisy)),
                "finite": all(bool(torch.isfinite(x).all()) for x in (cut, *mixed, blended, joined)),
            }
    return found


def slope_families(room, path, names):
    """How far each latent of a remix moves from the clip where the strength rises over time; runs in the host."""
    import importlib.util

    import torch

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    film, sampling_of = room("host.operations"), room("host.sampling").from_ksampler
    torch.set_num_threads(1)
    found = {}
    with torch.inference_mode():
        for name in names:
            built = families.build(name, room)
            clip = built.latents(0)
            clip = clip.unbind()[0] if clip.is_nested else clip
            given = {"seed": 4, "steps": 6, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": clip.shape[2] + 2}
            sampling = sampling_of(built.model, built.text(0), built.text(1), **given)
            runs = {"up": (0.1, 1.0), "down": (1.0, 0.1), "even": (0.6, 0.6), "plain": (0.6,)}
            made = {what: film.remix(sampling, {"samples": clip}, *how).latent["samples"] for what, how in runs.items()}
            away = {what: (out - clip).abs().mean((0, 1, 3, 4)).tolist() for what, out in made.items()}
            found[name] = {
                **away,
                "same": torch.equal(made["even"], made["plain"]),
                "finite": all(bool(torch.isfinite(out).all()) for out in made.values()),
            }
    return found


@pytest.fixture(scope="module")
def slopes(in_host):
    return in_host(slope_families, path=str(BUILDERS), names=VIDEO, timeout=600)


@pytest.mark.parametrize("name", VIDEO)
def test_strength_that_changes_over_time(slopes, name):
    found = slopes[name]
    assert found["same"] and found["finite"]
    for away in (found["up"], found["down"][::-1]):
        assert 0 < away[0] < 0.5 * away[-1]


@pytest.fixture(scope="module")
def operations(in_host):
    return in_host(take_all, path=str(BUILDERS), names=["LongTake", "Wan 2.1 I2V"], timeout=600)


@pytest.mark.parametrize("name", ["LongTake", "Wan 2.1 I2V"])
def test_every_operation(operations, name):
    found = operations[name]
    for what in ("recut", "remix", "blend", "stitch"):
        assert all(found[what]), what
    # our net says what is clean, and one of random weights says the same at every level: there both are as far
    assert found["nearer"] < (1.05 if name == "LongTake" else 1) and found["finite"]
    frames, latents, report = found["film"]
    assert (frames, latents) == ((32, 8) if name == "LongTake" else (33, 9)) and f"{latents} latents, {frames} frames" in report
    assert found["seeds"] == [True, False] and found["noise"]


def gaps(room):
    """Gaps of every kind of timeline that are wrong; runs in the host."""
    gap, make = room("take.operations").gap, room("engine.timeline").Timeline
    wrong, count = [], 0
    for timeline in (make(4, 4), make(1, 4), make(1, 8), make(1, 4, multiple=2), make(1, 4, cycle=5, multiple=5, offset=2)):
        unit = (17 if timeline.cycle else timeline.rest) * (1 if timeline.cycle else timeline.multiple)
        for place in (0, 2, 7, 12):
            for frames in range(1, 45):
                for after in (2, 4, 7):
                    found, count = gap(timeline, place, frames, after), count + 1
                    end = place + found.new
                    made = timeline.frames_for(end) - timeline.frames_for(place) - found.drop * timeline.first
                    whole = end + after - found.drop
                    fits = end % timeline.cycle == 0 if timeline.cycle else whole == timeline.legal(whole)
                    if not (found.new >= 1 and 0 <= made - frames < unit and fits):
                        wrong.append([repr(timeline), place, frames, after, list(found)])
    return [wrong[:5], count]


def test_a_gap_is_as_long_as_asked_and_fits_what_comes_after(in_host):
    assert in_host(gaps) == [[], 5 * 4 * 44 * 3]
