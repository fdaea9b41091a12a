"""`longtake compare` up to the server: what the other ways are made of, what is measured, and what is refused."""

import json
from pathlib import Path

import pytest
import torch
from comfyui_longtake.cli import compare
from comfyui_longtake.cli.baselines import RIVALS, Length, roles
from comfyui_longtake.cli.compare import Prompt, Way, add, read_prompts, table
from comfyui_longtake.errors import UsageError
from comfyui_longtake.farm.comfy import PACK
from comfyui_longtake.farm.graph import check_links, read_graph

MINUTE = PACK / "workflows" / "api" / "minute.json"
KINDS = {
    "long take": {"LongTakeSampling", "LongTakeFilm", "LongTakeVideo"},
    "one shot": {"KSampler", "VAEDecode", "CreateVideo", "SaveVideo"},
    "last-frame chain": {
        "KSampler",
        "VAEDecode",
        "ImageFromBatch",
        "LongTakeKnownFrames",
        "ImageBatch",
        "CreateVideo",
        "SaveVideo",
    },
    "context windows": {"ContextWindowsManual", "KSampler", "VAEDecode", "CreateVideo", "SaveVideo"},
}


def nodes(graph, kind):
    return [node["inputs"] for node in graph.values() if node["class_type"] == kind]


@pytest.mark.parametrize("way", RIVALS)
@pytest.mark.parametrize("name", ["minute", "minute_wan"])
def test_ways_differ_in_nothing_but_how_the_take_is_made(way, name):
    given = read_graph(PACK / "workflows" / "api" / f"{name}.json")
    before = json.dumps(given)
    graph = RIVALS[way](given, Length(20.0), "a blue dog", 77)
    assert json.dumps(given) == before
    check_links(graph, way)
    shared = {node["class_type"] for node in given.values()} - KINDS["long take"]
    assert {node["class_type"] for node in graph.values()} == shared | KINDS[way]
    assert next(node["text"] for node in nodes(graph, "CLIPTextEncode")) == "a blue dog"
    sampling = nodes(given, "LongTakeSampling")[0]
    samplers = nodes(graph, "KSampler") or nodes(graph, "LongTakeSampling")
    for sampler in samplers:
        assert all(sampler[key] == sampling[key] for key in ("steps", "cfg", "sampler_name", "scheduler", "positive"))
    assert samplers[0]["seed"] == 77 and len({sampler["seed"] for sampler in samplers}) == len(samplers)


@pytest.mark.parametrize(("seconds", "carried", "clips"), [(3, 4, 1), (4, 4, 1), (4.1, 4, 2), (20, 4, 6), (20, 1, 6), (60, 8, 20)])
def test_chain_is_as_long_as_asked(seconds, carried, clips):
    graph = RIVALS["last-frame chain"](read_graph(MINUTE), Length(seconds, carried=carried), "a dog", 1)
    assert len(nodes(graph, "KSampler")) == clips
    frames = clips * 32 - (clips - 1) * carried
    assert frames >= seconds * 8 > frames - (32 - carried) or clips == 1
    drawn = [node["batch_index"] for node in nodes(graph, "ImageFromBatch")]
    assert sorted(drawn) == sorted([-carried, carried] * (clips - 1))


def test_long_take_gets_the_whole_length_and_keeps_no_reel():
    graph = RIVALS["long take"](read_graph(MINUTE), Length(12.5), "a dog: it runs", 3)
    (film,) = nodes(graph, "LongTakeFilm")
    assert (film["shots"], film["reel"], film["fade"]) == ("12.5: a dog: it runs", "", 0)
    assert nodes(RIVALS["one shot"](read_graph(MINUTE), Length(12.5), "x", 1), "LongTakePlanner")[0]["seconds"] == 12.5


@pytest.mark.parametrize(
    ("name", "reason"),
    [("text_to_video", "0 Long Take nodes"), ("minute_ltx", "its sampling does not come from LongTakeSampling")],
)
def test_a_graph_without_a_plain_long_take_is_refused(name, reason):
    with pytest.raises(UsageError, match=reason):
        roles(read_graph(PACK / "workflows" / "api" / f"{name}.json"))


def test_prompts_come_from_the_world_or_a_file(tmp_path):
    scenes = list(read_prompts("3", boxed=True))
    assert len({prompt.text for prompt in scenes}) == 3 and all(len(prompt.scene.subjects) == 1 for prompt in scenes)
    (tmp_path / "p.txt").write_text("a dog\n\n  a cat \n", encoding="utf-8")
    assert list(read_prompts(str(tmp_path / "p.txt"), boxed=False)) == [Prompt("a dog"), Prompt("a cat")]


@pytest.mark.parametrize("given", ["0", "1001", "-1", "none.txt", "empty.txt", "bytes.txt", "."])
def test_other_prompts_are_refused(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").write_text(" \n")
    Path("bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="--prompts"):
        list(read_prompts(given, boxed=True))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--carried", 32], "fewer"),
        (["--shared", 8], "fewer than the 8"),
        (["--seconds", 0], "--seconds"),
        (["--only", "magic"], "--only"),
        (["none.json"], "cannot be read"),
        (["--comfyui", "nowhere"], "holds no ComfyUI"),
    ],
)
def test_wrong_use_is_refused_before_anything_starts(longtake, words, reason):
    code, out, err = longtake("compare", "--prompts", 1, *words)
    assert code == 2 and reason in err and err.count("\n") == 1 and not out


def test_the_world_is_known_to_the_box_alone(longtake):
    code, _, err = longtake("compare", PACK / "workflows" / "api" / "minute_wan.json", "--prompts", 2)
    assert code == 2 and "text file" in err


def test_figures_of_a_video():
    torch.manual_seed(0)
    still = 0.5 + 0.02 * torch.rand(40, 16, 16, 3)
    jump, fade = still.clone(), still.clone()
    jump[20:] += 0.3
    fade *= torch.linspace(1, 0.5, 40).view(-1, 1, 1, 1)
    found = {}
    for name, frames in {"still": still, "jump": jump, "fade": fade}.items():
        way = Way(seconds=[10.0])
        add(way, Prompt("x"), iter(frames), Length(5.0))
        found[name] = way.row(5.0)
    assert all(row["compute seconds a second"] == 2 and row["peak MB"] is None for row in found.values())
    assert found["still"]["lightness drift"] < 0.01 < 0.2 < found["fade"]["lightness drift"]
    assert found["jump"]["lightness drift"] > 0.2 and "subject right at the end" not in found["jump"]
    assert 0 < found["still"]["motion, Lab a frame"] < found["jump"]["motion, Lab a frame"]
    text = table({"still": Way(seconds=[10.0], seams=[1.25], drift={"lightness": [0.1, -0.2]})}, Length(5.0))
    assert text.splitlines()[2] == "| still | 2.00 | - | 1.25 | - | 15.0 % |"


def test_real_renders_are_right_at_the_end():
    way = compare.ceiling(list(read_prompts("1", boxed=True)), Length(2.0))
    assert way.right == [{"subject": 1.0, "everything": 1.0}] and way.row(2.0)["compute seconds a second"] is None


def test_peak_memory_of_this_process():
    import os

    peak = compare.peak_mb(os.getpid())
    assert peak is None or 50 < peak < 1e6
    compare.forget_peak(os.getpid())
    compare.forget_peak(2**30)
    assert compare.peak_mb(2**30) is None


def test_graphs_are_found_where_they_were():
    for path in (PACK / "workflows" / "api").glob("*.json"):
        assert read_graph(PACK / "workflows" / f"{path.stem}.api.json") == read_graph(path)
