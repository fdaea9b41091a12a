"""Films on servers that behave as ComfyUI does, beside some that do not: those are named, and their chains go elsewhere."""

import json

import pytest
from comfyui_longtake.farm.comfy import free_port
from comfyui_longtake.farm.folder import FilmFolder
from comfyui_longtake.take.shots import parse_shots

BAD = {
    "hang": "nothing has moved for 1 s; allow more with --patience",
    "silent": "does not answer (no answer in time)",
    "garbage": "answers, but not as ComfyUI does",
    "another version": "has another version of LongTake, whose Video from Latent does not write ffv1",
    "no pack": "has no class LongTakeFilm, LongTakeLoader, LongTakeSampling, LongTakeVideo",
    "no model": "Value not in list: unet_name: 'wan.safetensors' not in []",
    "torn reel": "the reel.json that it gave is damaged",
    "half a film": "frames.mkv",
    "endless": "gives more than",
    "odd names": "names files that no reel has",
    "altered segment": "is not what its reel lists",
    "odd outputs": "it ran the graph and lists no frames",
    "fail": "no memory",
    "gone": "does not answer",
}


def words_for(*urls):
    return [word for url in urls for word in ("--server", url)] + ["--graph", "graph.json", "--patience", "1", "-o", "a.mp4"]


@pytest.mark.parametrize("behave", BAD)
def test_a_bad_server_is_named_and_the_film_whole(film, servers, behave):
    good, bad = servers("well", "well" if behave == "gone" else behave)
    url = f"http://127.0.0.1:{free_port()}" if behave == "gone" else bad.url
    code, report, err = film(*words_for(url, good.url), box=False)
    assert code == 0, err
    assert BAD[behave] in err.replace("\n", " ") and url in err, err
    assert report["frames"] == 72 and len(good.made) == 4 and len(set(good.made)) == 4
    assert {one["by"] for one in report["made"]} == {good.url}


@pytest.mark.parametrize("behave", BAD)
def test_a_bad_server_alone_is_one_line(film, servers, tmp_path, behave):
    (bad,) = servers("well" if behave == "gone" else behave)
    url = f"http://127.0.0.1:{free_port()}" if behave == "gone" else bad.url
    code, _, err = film(*words_for(url), box=False)
    last = err.splitlines()[-1]
    assert code == 1 and BAD[behave] in last and last.startswith("longtake: ") and "Traceback" not in err, err
    assert not (tmp_path / "a.mp4").exists()


def test_two_servers_share_the_chains(film, servers, tmp_path):
    one, two = servers("well", "well")
    code, _, err = film(*words_for(one.url, two.url), box=False)
    assert code == 0, err
    assert len(one.made) + len(two.made) == 4 and one.made and two.made
    listed = FilmFolder(tmp_path / "a.film").listed()
    assert [chain["state"] for chain in listed] == ["done"] * 4
    shots = [shot for text in [*one.made, *two.made] for shot in parse_shots(text)]
    assert sorted((shot.prompt, shot.seed) for shot in shots) == [
        ("a dog", 1),
        ("a fox", 5),
        ("a horse", 2),
        ("a horse runs", 3),
        ("a rabbit", 7),
    ]
    again = film(*words_for(one.url, two.url), box=False)[1]
    assert again["made"] == [] and len(one.made) + len(two.made) == 4, "what is there is not asked for"


def test_a_busy_server_comes_last(film, servers, tmp_path):
    (tmp_path / "story.txt").write_text("1: a dog")
    one, two = servers("well", "well")
    one.queue = 5
    code, report, err = film(*words_for(one.url, two.url), box=False)
    assert code == 0 and report["made"][0]["by"] == two.url, err


def test_the_graphs_own_shots_are_taken(longtake, servers, tmp_path):
    (one,) = servers("well")
    code, out, err = longtake("film", "--graph", "graph.json", "--server", one.url, "-o", "a.mp4", "--json")
    assert code == 0, err
    assert one.made == ["2 seed 1: a cat"] and json.loads(out)["frames"] == 16


def test_a_seed_that_is_set_is_that_of_the_shots(film, servers):
    (one,) = servers("well")
    code, _, err = film(*words_for(one.url), "--set", "5.seed=40", box=False)
    assert code == 0, err
    assert [shot.seed for text in sorted(one.made) for shot in parse_shots(text)] == [7, 40, 41, 42, 44]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("2.shots=1: a dog", "--set 2.shots: a film sets that itself, for each chain"),
        ("3.codec=h264", "--set 3.codec: a film sets that itself"),
        ("4.source=x", "has no part in the video"),
    ],
)
def test_what_a_film_sets_itself_is_not_set(film, servers, word, said):
    (one,) = servers("well")
    code, _, err = film(*words_for(one.url), "--set", word, box=False)
    assert code == 2 and said in err and len(err.splitlines()) == 1, err


def test_a_server_twice_counts_once(film, servers):
    (one,) = servers("well")
    code, _, err = film(*words_for(one.url, f"{one.url}/"), box=False)
    assert code == 0 and "a server is given twice; it counts once" in err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda graph: graph.pop("3"), "a film's graph has one Video from Latent block on its way to the video, this has none"),
        (lambda graph: graph["3"]["inputs"].pop("latent"), "one Long Take block on its way to the video, this has none"),
        (lambda graph: graph.update({"6": graph["3"]}), "this has LongTakeVideo (node 3), LongTakeVideo (node 6)"),
        (lambda graph: graph["3"]["inputs"].update({"audio": ["1", 3]}), "lay it over the film with longtake finish --audio"),
    ],
)
def test_a_graph_that_makes_no_film_is_one_line(film, servers, tmp_path, change, said):
    (one,) = servers("well")
    graph = json.loads((tmp_path / "graph.json").read_text())
    change(graph)
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    code, _, err = film(*words_for(one.url), box=False)
    assert code == 2 and said in err and len(err.splitlines()) == 1, err
