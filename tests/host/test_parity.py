"""The command line and the graph make the same takes to the last bit, and each goes on with the other's reels."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from comfyui_longtake.media.read import read_frames
from comfyui_longtake.media.write import open_writer
from comfyui_longtake.models.load import load_vae
from comfyui_longtake.reel.record import ReelRecord
from comfyui_longtake.reel.store import Reel

SIZE, STEPS = "96x64", 4
FILM = "4: a red dog runs through the desert\ncut 5: a blue bird flies over a city\n4 seed 9: a blue bird flies at night\n"


@pytest.fixture(scope="module")
def render(tmp_path_factory):
    """`render(*words)` runs `longtake render` on one thread, as the host's interpreter does, and gives its report."""
    folder = tmp_path_factory.mktemp("render")

    def run(*words):
        command = [sys.executable, "-m", "comfyui_longtake", "render", *map(str, words), "--json", "--quiet"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def latents_on(reel):
    """All latents [1, C, T, h, w] of the take on a reel, by number."""
    index, found = Reel.peek(reel), {}
    for entry in index["segments"]:
        if entry["key"] in index["order"]:
            found |= dict(zip(entry["meta"]["indices"], Reel.read(reel, entry).unbind(2), strict=True))
    return torch.stack([found[at] for at in sorted(found)], 2)


def take(room, job):
    """Runs in the host: what the take nodes make of `job`, with latents saved to a file."""
    import folder_paths
    import safetensors.torch
    import torch

    torch.set_num_threads(1)
    import nodes as host_nodes

    pack = {name: room(f"nodes.{name}") for name in ("loader", "takes", "take_sampling")}
    model, clip, vae = pack["loader"].LongTakeLoader.execute("in the box").result
    text = host_nodes.CLIPTextEncode()
    with torch.inference_mode():
        (positive,), (negative,) = text.encode(clip, job.get("prompt", "")), text.encode(clip, "")
        sampling = room("host.sampling").from_ksampler(
            model,
            positive,
            negative,
            seed=job["seed"],
            steps=job["steps"],
            cfg=job.get("cfg", 1.0),
            sampler_name="euler",
            scheduler="simple",
            vae=vae if job.get("vae") else None,
        )
        given = {k: {"samples": v} for k, v in safetensors.torch.load_file(job["given"]).items()} if job.get("given") else {}
        ops = room("host.operations")
        if job["do"] == "film":
            usual = folder_paths.get_output_directory()
            folder_paths.set_output_directory(job["output"])
            latent = {"samples": torch.zeros(1, 24, 1, 4, 6)}
            try:
                made = ops.film(sampling, clip, job["shots"], latent, job["fps"], 0, job["reel"])
            finally:
                folder_paths.set_output_directory(usual)
        elif job["do"] == "stitch":
            made = ops.stitch(sampling, [("a", given["a"]), ("b", given["b"])], *job["arguments"])
        else:
            made = getattr(ops, job["do"])(sampling, given["a"], *job["arguments"])
    safetensors.torch.save_file({"latents": made.latent["samples"].contiguous()}, job["out"])
    return made.report


@pytest.fixture(scope="module")
def graph(in_host, tmp_path_factory):
    """`graph(do, **job)` gives the latents of a take node and what it reports."""
    folder, count = tmp_path_factory.mktemp("graph"), iter(range(100))

    def run(do, **job):
        import safetensors.torch

        out = folder / f"{next(count)}.safetensors"
        if "given" in job:
            given = out.with_suffix(".given.safetensors")
            safetensors.torch.save_file({name: value.contiguous() for name, value in job["given"].items()}, given)
            job["given"] = str(given)
        job = {"do": do, "steps": STEPS, "seed": 5, "fps": 8.0, "output": str(folder), "reel": "", **job, "out": str(out)}
        report = in_host(take, job=job)
        return safetensors.torch.load_file(out)["latents"], report

    run.reels = folder / "longtake" / "reels"
    return run


def options(reel, seed=5, steps=STEPS, fps=8):
    return ["--seed", seed, "--steps", steps, "--size", SIZE, "--fps", fps, "--reel", reel]


@pytest.mark.parametrize(("steps", "fps"), [(4, 8), (16, 8), (7, 12)])
def test_text(render, graph, tmp_path, steps, fps):
    prompt = "a red dog runs through the desert"
    render(prompt, "--seconds", 13 * 8 / fps, *options(tmp_path / "reel", steps=steps, fps=fps), "-o", tmp_path / "a.mp4")
    made, _ = graph("film", shots=f"{13 * 8 / fps:.9g}: {prompt}", steps=steps, fps=float(fps))
    assert made.shape[2] == 104
    assert torch.equal(latents_on(tmp_path / "reel"), made)


def test_guidance(render, graph, tmp_path):
    words = ("a red dog runs through the desert", "--seconds", 8, "--cfg", 2)
    render(*words, *options(tmp_path / "reel"), "-o", tmp_path / "a.mp4")
    made, _ = graph("film", shots="8: a red dog runs through the desert", cfg=2.0)
    assert torch.equal(latents_on(tmp_path / "reel"), made)


def test_film_of_three_shots_with_a_cut(render, graph, tmp_path):
    (tmp_path / "film.txt").write_text(FILM)
    render("--shots", tmp_path / "film.txt", *options(tmp_path / "reel"), "-o", tmp_path / "a.mp4")
    made, _ = graph("film", shots=FILM)
    assert torch.equal(latents_on(tmp_path / "reel"), made)


@pytest.fixture(scope="module")
def clips(render, tmp_path_factory):
    """Two clips as files (lossless) and as the latents that the command line encodes them to."""
    folder, vae, found = tmp_path_factory.mktemp("clips"), load_vae(), {}
    for name, prompt in (("a", "a red dog runs through the desert"), ("b", "a blue cat walks through a city")):
        file = folder / f"{name}.mp4"
        render(prompt, "--seconds", 4, "--seed", 3, "--steps", STEPS, "--size", SIZE, "-o", file, "--no-mark")
        frames = torch.stack(list(read_frames(file)))
        with torch.no_grad():
            found[name] = file, vae.encode(frames[None])
    return found


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_extend(render, graph, clips, tmp_path, direction):
    file, latents = clips["a"]
    words = ["--backward"] if direction == "backward" else []
    prompt = "a red dog stands in the desert"
    render("--extend", file, prompt, "--seconds", 12, *words, *options(tmp_path / "reel"), "-o", tmp_path / "a.mp4")
    made, _ = graph("extend", given={"a": latents}, prompt=prompt, arguments=[12.0, 8.0, direction])
    ours, length = latents_on(tmp_path / "reel"), 96
    if direction == "forward":
        assert torch.equal(ours[:, :, -length:], made[:, :, -length:])
    else:
        assert torch.equal(ours[:, :, :length], made[:, :, :length])


def test_connect(render, graph, clips, tmp_path):
    prompt = "a red dog runs through a city"
    words = ("--connect", clips["a"][0], clips["b"][0], prompt, "--seconds", 12)
    render(*words, *options(tmp_path / "reel"), "-o", tmp_path / "a.mp4")
    given = {"a": clips["a"][1], "b": clips["b"][1]}
    made, _ = graph("stitch", given=given, prompt=prompt, arguments=[12.0, 8.0], vae=True)
    assert torch.equal(latents_on(tmp_path / "reel")[:, :, 32:128], made[:, :, 32:128])


def test_loop(render, graph, clips, tmp_path):
    file, latents = clips["a"]
    prompt = "a red dog runs through the desert"
    words = ("--extend", file, prompt, "--loop", "--seconds", 12)
    render(*words, *options(tmp_path / "reel"), "-o", tmp_path / "a.mp4")
    made, _ = graph("loop", given={"a": latents}, prompt=prompt, arguments=[12.0, 8.0], vae=True)
    assert torch.equal(latents_on(tmp_path / "reel")[:, :, 32:128], made[:, :, 32:128])


def test_remix(render, graph, clips, tmp_path):
    file = tmp_path / "long.mp4"
    with open_writer(file, 96, 64, 8) as writer:
        for name in "abab":
            writer.write(torch.stack(list(read_frames(clips[name][0]))))
    with torch.no_grad():
        latents = load_vae().encode(torch.stack(list(read_frames(file)))[None])
    prompt = "a green cat walks through a forest"
    render("--remix", file, prompt, "--strength", 0.55, *options(tmp_path / "reel"), "-o", tmp_path / "a.mp4")
    made, _ = graph("remix", given={"a": latents}, prompt=prompt, arguments=[0.55])
    assert made.shape[2] == 128
    assert torch.equal(latents_on(tmp_path / "reel"), made)


def test_each_goes_on_with_the_reel_of_the_other(render, graph, tmp_path):
    (tmp_path / "film.txt").write_text(FILM)
    command = ["--shots", tmp_path / "film.txt", "-o", tmp_path / "a.mp4"]
    render(*command, *options(tmp_path / "mine"))
    graph("film", shots=FILM, reel="theirs", vae=True)
    theirs = graph.reels / "theirs"
    first, second = Reel.peek(tmp_path / "mine"), Reel.peek(theirs)
    assert first["header"] == second["header"] and first["order"] == second["order"]
    one, two = (ReelRecord.read(index["metrics"], "reel") for index in (first, second))
    assert (one.fps, one.shots, one.seeds, one.join_frames) == (two.fps, two.shots, two.seeds, two.join_frames)
    shutil.copytree(tmp_path / "mine", graph.reels / "mine")
    _, report = graph("film", shots=FILM, reel="mine", vae=True)
    assert "; 0 model calls; 5 windows from the reel" in report
    before = {file.name: file.stat().st_mtime_ns for file in (theirs / "segments").iterdir()}
    render(*command, *options(theirs))
    assert before == {file.name: file.stat().st_mtime_ns for file in (theirs / "segments").iterdir()}
    assert Reel.peek(theirs)["order"] == second["order"]
