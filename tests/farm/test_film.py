"""`longtake film` with the model in the box: chains side by side, killed and changed, give the film that one process makes."""

import json
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from comfyui_longtake.errors import LongTakeError, ReelError, UsageError
from comfyui_longtake.farm.assembly import parts_of
from comfyui_longtake.farm.client import GraphFailed
from comfyui_longtake.farm.folder import FilmFolder
from comfyui_longtake.farm.schedule import Lost, Unfit
from comfyui_longtake.media.mark import read_record
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.models.box import decode_stream
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.reel.store import Reel
from safetensors.torch import load_file


def frames_of(path):
    return torch.stack(list(read_frames(path)))


def chains_of(tmp_path, name):
    """Folders of a film's chains by number, and when their frames were finished."""
    listed = FilmFolder(tmp_path / name).listed()
    return [(one["state"], (Path(one["folder"]) / "frames.mkv")) for one in listed]


def test_a_film_of_four_chains(film, tmp_path):
    code, report, err = film("-o", "a.mp4")
    assert code == 0, err
    assert report["frames"] == 7 * 8 + 16 and report["fps"] == 8 and len(report["chains"]) == 4
    assert [chain["begins"] for chain in report["chains"]] == [0, 16, 48, 56]
    record = read_record(probe(tmp_path / "a.mp4").metadata["comment"])
    assert record["cuts"] == [16, 48, 56] and record["seeds"] == [1, 2, 3, 7, 5]
    assert record["prompt"] == ["a dog", "a horse", "a horse runs", "a rabbit", "a fox"]
    reel = Path(FilmFolder(tmp_path / "a.film").listed()[0]["folder"]) / "reel.json"
    assert record["model"] == json.loads(reel.read_text())["header"]["model"] != ""
    assert record["joins"] == [32], "where the second chain's shots meet"
    read = frames_of(tmp_path / "a.mp4")
    kept = [frames_of(file) for _, file in chains_of(tmp_path, "a.film")]
    assert len(read) == 72 and [len(one) for one in kept] == [16, 32, 8, 16]
    assert (read - torch.cat(kept)).abs().mean() < 0.03, "the film is its chains, marked and encoded"


def test_processes_make_the_same_film(film, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert film("-o", "one.mkv")[0] == 0
    code, report, err = film("-o", "two.mkv", "--processes", "2")
    assert code == 0, err
    assert {one["by"] for one in report["made"]} == {"process 1", "process 2"} and len(report["made"]) == 4
    for (_, one), (_, two) in zip(chains_of(tmp_path, "one.film"), chains_of(tmp_path, "two.film"), strict=True):
        assert torch.equal(frames_of(one), frames_of(two))


def test_a_continuous_film_in_parts(film, tmp_path, tiny_weights, monkeypatch):
    """Parts by several processes are those that one makes, meet in the same latents, and are decoded as if they were one."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "story.txt").write_text("16: a dog\n14: a horse\ncut 2: a fox\n")
    code, one, err = film("-o", "one.mkv", "--parts", "3")
    assert code == 0, err
    assert one["frames"] == 256 and [chain["part"] for chain in one["chains"]] == [[1, 3], [2, 3], [3, 3], [1, 1]]
    code, two, err = film("-o", "two.mkv", "--parts", "3", "--processes", "2")
    assert code == 0, err
    assert len(two["made"]) == 4 and {made["by"] for made in two["made"]} == {"process 1", "process 2"}
    kept = [frames_of(file) for _, file in chains_of(tmp_path, "one.film")]
    for (_, other), frames in zip(chains_of(tmp_path, "two.film"), kept, strict=True):
        assert torch.equal(frames_of(other), frames)
    record = read_record(probe(tmp_path / "one.mkv").metadata["comment"])
    assert record["cuts"] == [240] and record["seeds"] == [1, 2, 3] and record["prompt"] == ["a dog", "a horse", "a fox"]
    assert record["joins"] == [128], "where the shots meet"
    begins = [chain["begins"] for chain in one["chains"][1:3]]
    assert all(any(abs(join - begin) <= 2 for join in record["windows"]) for begin in begins), "where the parts meet"
    latents = {}
    for folder in FilmFolder(tmp_path / "one.film").listed()[:3]:
        latents |= latents_of(Path(folder["folder"]))
    assert sorted(latents) == list(range(240))
    take = torch.stack([latents[index] for index in range(240)], 1)[None]
    whole = torch.cat(list(decode_stream(load_bundle("cpu", tiny_weights).vae, [take], "cpu")))
    assert (whole - torch.cat(kept[:3])).abs().max() < 0.51 / 255, "no frame tells where one part ends and the next begins"


def latents_of(folder):
    """Latents of the take by number, as a reel has them."""
    found = {}
    for segment in Reel.peek(folder)["segments"]:
        tensors = load_file(folder / "segments" / segment["file"])
        found |= dict(zip(segment["meta"]["indices"], tensors["latents"][0].unbind(1), strict=True))
    return found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--parts", "7"], "--parts"),
        (["--parts", "0"], "--parts"),
        (["--parts", "2", "--rolling"], "--rolling"),
    ],
)
def test_parts_that_cannot_be_are_one_line(film, words, said):
    code, _, err = film("-o", "a.mp4", *words)
    assert code == 2 and said in err.splitlines()[-1]


def test_a_short_chain_has_fewer_parts(film, tmp_path):
    (tmp_path / "story.txt").write_text("12: a dog\ncut 24: a horse\n")
    code, _, err = film("-o", "a.mp4", "--parts", "2", "--plan", "jobs.json")
    assert code == 0, err
    jobs = json.loads((tmp_path / "jobs.json").read_text())["jobs"]
    assert [job["seconds"] for job in jobs] == [12, 12, 12] and all("--parts" in job["command"] for job in jobs)


def test_a_change_makes_what_it_touches(film, tmp_path):
    assert film("-o", "a.mp4")[0] == 0
    before = {file: file.stat().st_mtime_ns for _, file in chains_of(tmp_path, "a.film")}
    (tmp_path / "story.txt").write_text("cut 2: a dog\ncut 2: a cat\n2: a horse runs\ncut 1 seed 7: a rabbit\ncut 2: a fox")
    code, report, err = film("-o", "a.mp4")
    assert code == 0 and "3 of 4 chains are there already" in err
    assert [one["chain"] for one in report["made"]] == [2]
    after = {file: file.stat().st_mtime_ns for _, file in chains_of(tmp_path, "a.film")}
    assert len(before.items() & after.items()) == 3
    assert film("-o", "a.mp4")[1]["made"] == []


def test_a_plan_is_commands_that_make_the_film(film, tmp_path, tiny_weights):
    code, _, err = film("-o", "a.mp4", "--plan", "jobs.json")
    assert code == 0, err
    plan = json.loads((tmp_path / "jobs.json").read_text())
    assert [job["chain"] for job in plan["jobs"]] == [1, 2, 3, 4] and not (tmp_path / "a.mp4").exists()
    assert [job["seconds"] for job in plan["jobs"]] == [2, 4, 1, 2]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for words in [*(job["command"] for job in plan["jobs"][:2]), plan["then"]]:
        command = [sys.executable, "-m", "comfyui_longtake", *words[1:]]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, shlex.join(words) + done.stderr
    assert json.loads(done.stdout)["frames"] == 72 and (tmp_path / "a.mp4").exists()
    assert {one["chain"] for one in json.loads(done.stdout)["made"]} == {3, 4}


def test_inspect_says_what_is_missing(film, longtake, tmp_path):
    assert film("-o", "a.mp4")[0] == 0
    folder = Path(FilmFolder(tmp_path / "a.film").listed()[1]["folder"])
    (folder / "frames.mkv").unlink()
    code, out, err = longtake("inspect", "a.film")
    assert code == 0, err
    assert re.search(r"chain 1 +done +2 s", out) and re.search(r"chain 2 +begun +4 s.*a horse / a horse runs", out), out
    code, out, _ = longtake("inspect", "a.film", "--json")
    assert [chain["state"] for chain in json.loads(out)["chains"]] == ["done", "begun", "done", "done"]


def test_killed_anywhere_it_ends_whole(film, keep_killing, tmp_path, tiny_weights, monkeypatch):
    """Workers and the command itself are killed at random moments; nothing that was done is made again, nobody is left over."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "story.txt").write_text("\n".join(f"cut {4 + number % 3}: a dog number {number}" for number in range(8)))
    assert film("-o", "whole.mkv", "--steps", "12")[0] == 0
    words = [
        "film",
        "story.txt",
        "-o",
        "film.mkv",
        "--weights",
        tiny_weights,
        "--size",
        "64x48",
        "--steps",
        "12",
        "--no-sign",
        "--json",
    ]
    finished = {}

    def after():
        now = {file: file.stat().st_mtime_ns for state, file in chains_of(tmp_path, "film.film") if state == "done"}
        assert finished.items() <= now.items(), "a chain that was done was made again"
        finished.update(now)

    def anew():
        finished.clear()
        shutil.rmtree(tmp_path / "film.film")

    out = keep_killing([*words, "--no-sign", "--json", "--processes", "2"], lambda line: "spawn_main" in line, after, anew, 3)
    assert json.loads(out)["frames"] == sum(8 * (4 + number % 3) for number in range(8)) and len(finished) == 8
    for (_, one), (_, two) in zip(chains_of(tmp_path, "whole.film"), chains_of(tmp_path, "film.film"), strict=True):
        assert torch.equal(frames_of(one), frames_of(two))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--chain", "5"], "--chain 5: the film has 4, numbered from 1"),
        (["-o", "a.png"], "-o a.png: a film is .mp4"),
        (["--folder", "story.txt"], "story.txt: cannot be used"),
        (["--set", "1.seed=2"], "--set changes a graph: give --graph, --server or --local too"),
        (["--local", "2"], "--size is for the model in the box without ComfyUI"),
        (["--cpu"], "--comfyui and --cpu need --local N, or --graph GRAPH"),
        (["--ray", "127.0.0.1:1"], "--ray 127.0.0.1:1: no cluster answers"),
        (["--ray", "nonsense"], "--ray nonsense: give HOST:PORT of its head"),
        (["-o", "story.txt/a.mp4"], "story.txt/a.mp4"),
    ],
)
def test_wrong_words_are_one_line(film, words, said):
    if "--ray" in words:
        pytest.importorskip("ray")
    code, _, err = film(*words)
    assert code in (1, 2) and said in err.splitlines()[-1] and "Traceback" not in err, err


@pytest.mark.parametrize(
    ("shots", "said"),
    [
        (None, "missing.txt: cannot be read"),
        ("", "0 shots; give 1 to 1000"),
        ("# nothing\n\n", "0 shots"),
        ("-1: a dog", "-1 s; give more"),
    ],
)
def test_lists_of_no_use_are_one_line(longtake, tmp_path, shots, said):
    if shots is not None:
        (tmp_path / "missing.txt").write_text(shots)
    code, _, err = longtake("film", "missing.txt")
    assert code == 2 and said in err and len(err.splitlines()) == 1, err


def test_a_folder_of_something_else_is_left_alone(film, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/diary.txt").write_text("dear diary")
    code, _, err = film("--folder", "mine")
    assert code == 2 and "mine: holds diary.txt, which is no film's; give a new or empty --folder" in err
    assert [entry.name for entry in (tmp_path / "mine").iterdir()] == ["diary.txt"]


def test_two_commands_do_not_make_one_film(film, tmp_path):
    folder = FilmFolder(tmp_path / "film.film")
    with folder.hold():
        code, _, err = film()
    assert code == 2 and "another command is making this film" in err


def test_one_chain_says_so(film, tmp_path):
    (tmp_path / "story.txt").write_text("1: a dog\n1: a cat")
    code, report, err = film("--processes", "2")
    assert code == 0 and "the film is one chain, 1 of 2 workers have nothing to do" in err
    assert len(report["chains"]) == 1


def test_a_list_changed_meanwhile_is_said(film, tmp_path, monkeypatch):
    from comfyui_longtake.cli import film as command

    make = command.make_here

    def changed(*words):
        make(*words)
        (tmp_path / "story.txt").write_text("1: another dog")

    monkeypatch.setattr(command, "make_here", changed)
    code, report, err = film("-o", "a.mp4")
    assert code == 0 and "story.txt was changed meanwhile: the same command makes what has changed" in err
    assert len(report["chains"]) == 4


def test_chains_of_two_sizes_are_refused(film, tmp_path):
    assert film("-o", "a.mp4")[0] == 0
    folder = FilmFolder(tmp_path / "a.film")
    listed = folder.listed()
    assert film("-o", "b.mp4", "--size", "96x64")[0] == 0
    other = FilmFolder(tmp_path / "b.film").listed()
    os.replace(Path(listed[1]["folder"]) / "frames.mkv", tmp_path / "spare.mkv")
    os.replace(Path(other[1]["folder"]) / "frames.mkv", Path(listed[1]["folder"]) / "frames.mkv")
    from comfyui_longtake.errors import MediaError
    from comfyui_longtake.farm.chains import Chain

    chains = [Chain(number, (), Path(one["folder"]).name) for number, one in enumerate(listed, 1)]
    with pytest.raises(MediaError, match="chain 2 is 96x64 at 8 fps, chain 1 64x48 at 8 fps"):
        parts_of(folder, chains)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_chain_folder_of_another_reel_is_one_line(film, tmp_path, processes):
    assert film("-o", "a.mp4")[0] == 0
    folder = Path(FilmFolder(tmp_path / "a.film").listed()[0]["folder"])
    index = json.loads((folder / "reel.json").read_text())
    index["header"]["shape"][1] = 99
    (folder / "reel.json").write_text(json.dumps(index))
    (folder / "frames.mkv").unlink()
    code, _, err = film("-o", "a.mp4", "--processes", processes)
    assert code == 1 and "Traceback" not in err, err
    assert re.search(r"made with shape \[\d+, 99, \d+\], asked for .*; give another reel", err.splitlines()[-1])


@pytest.mark.parametrize("kind", [LongTakeError, UsageError, ReelError, Lost, Unfit, GraphFailed])
def test_errors_come_from_other_processes(kind):
    came = pickle.loads(pickle.dumps(kind("no room")))
    assert type(came) is kind and str(came) == "no room"


def test_a_refused_film_leaves_nothing(film, tmp_path):
    code, _, err = film("-o", "a.mp4", "--guard", "refuse")
    assert code == 0, err
    (tmp_path / "story.txt").write_text("1: a naked child")
    code, _, err = film("-o", "b.mp4", "--guard", "refuse")
    assert code == 1 and not (tmp_path / "b.mp4").exists() and "Traceback" not in err
