"""`longtake run` without a server: graphs, settings, names of files, and finding and starting an install."""

import json
import os
import sys
from pathlib import Path

import pytest
from comfyui_longtake.errors import UsageError
from comfyui_longtake.farm import comfy
from comfyui_longtake.farm.client import server_url
from comfyui_longtake.farm.graph import input_specs, parse_setting, parse_value, reachable, read_graph, spec_of, takes_upload
from comfyui_longtake.farm.graph_outputs import clean_name, find_outputs, new_file

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "2": {"class_type": "Resize", "inputs": {"image": ["1", 0], "width": 64}, "_meta": {"title": "Resize v1.5"}},
    "3": {"class_type": "Resize", "inputs": {"image": ["2", 0], "width": 32}, "_meta": {"title": "Half"}},
    "4": {"class_type": "SaveVideo", "inputs": {"images": ["3", 0], "format": "mp4", "format.codec": "auto"}},
    "5:1": {"class_type": "Note", "inputs": {"text": "hi"}, "_meta": {"title": "Half"}},
}
INFOS = {
    "LoadImage": {"input": {"required": {"image": [["a.png"], {"image_upload": True}]}}},
    "Resize": {"input": {"required": {"image": ["IMAGE"], "width": ["INT", {"min": 1}]}, "optional": {"mode": [["1", "fast"]]}}},
    "SaveVideo": {
        "output_node": True,
        "input": {
            "required": {
                "images": ["IMAGE", {}],
                "format": [
                    "COMFY_DYNAMICCOMBO_V3",
                    {
                        "options": [
                            {
                                "key": "mp4",
                                "inputs": {
                                    "required": {
                                        "codec": [
                                            "COMFY_DYNAMICCOMBO_V3",
                                            {"options": [{"key": "h264", "inputs": {"required": {"crf": ["FLOAT", {}]}}}]},
                                        ]
                                    }
                                },
                            },
                            {"key": "webm", "inputs": {"optional": {"alpha": ["BOOLEAN", {}]}}},
                        ]
                    },
                ],
                "clips": [
                    "COMFY_AUTOGROW_V3",
                    {"template": {"input": {"required": {"clip": ["VIDEO", {}]}}, "prefix": "clip", "max": 3}},
                ],
            }
        },
    },
    "Note": {"input": {"required": {"text": ["STRING", {}]}}},
}


@pytest.fixture
def graph():
    return json.loads(json.dumps(GRAPH))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "no text"),
        (b"{", "no JSON"),
        (b'{"1": NaN}', "no JSON"),
        (b"[]", "no nodes"),
        (b'{"nodes": [], "links": []}', "workflow for the canvas"),
        (b'{"1": {"inputs": {}}}', "'1' has no class_type"),
        (b'{"1": {"class_type": "A", "inputs": []}}', "no object"),
        (b'{"1": {"class_type": "A", "inputs": {"x": ["9", 0]}}}', "'9', which is not in the graph"),
    ],
)
def test_a_file_that_holds_no_graph(longtake, tmp_path, content, said):
    if content is not None:
        (tmp_path / "graph.json").write_bytes(content)
    code, out, err = longtake("run", "graph.json")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert said in err and "graph.json" in err and not (tmp_path / "output").exists()


def test_a_graph_is_read_and_what_runs_of_it_is_known(tmp_path):
    (tmp_path / "g.json").write_text("\ufeff" + json.dumps(GRAPH), encoding="utf-8")
    graph = read_graph(tmp_path / "g.json")
    assert graph == GRAPH
    assert reachable(graph, {"4"}) == {"1", "2", "3", "4"}


@pytest.mark.parametrize(
    ("word", "node", "name", "text"),
    [
        ("2.width=5", "2", "width", "5"),
        ("Resize v1.5.width=5", "2", "width", "5"),
        ("SaveVideo.format.codec=h264", "4", "format.codec", "h264"),
        ("5:1.text=a=b.c", "5:1", "text", "a=b.c"),
        ("LoadImage.image=", "1", "image", ""),
    ],
)
def test_setting_names_a_node(graph, word, node, name, text):
    setting = parse_setting(graph, word)
    assert (setting.node, setting.name, setting.text) == (node, name, text)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("2.width", "NODE.input=value"),
        ("width=5", "NODE.input=value"),
        ("=5", "NODE.input=value"),
        ("2.=5", "NODE.input=value"),
        ("9.width=5", "4 (SaveVideo)"),
        ("Half.width=5", "3 (Half), 5:1 (Half)"),
        ("Resize.width=5", "2 (Resize v1.5), 3 (Half)"),
    ],
)
def test_setting_that_names_no_node_or_several(graph, word, said):
    with pytest.raises(UsageError) as error:
        parse_setting(graph, word)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("2.width=128", 128),
        ('2.width=["1", 0]', ["1", 0]),
        ("2.width=[1, 2]", {"__value__": [1, 2]}),
        ("2.image=x y", "x y"),
        ("2.mode=1", "1"),
        ("2.mode=fast", "fast"),
        ("5:1.text=12", "12"),
        ('5:1.text="12"', "12"),
        ("5:1.text=true", "true"),
        ("4.format.alpha=true", True),
        ("4.format.codec.crf=NaN", "NaN"),
        ('4.clips.clip2=["9",0]', {"__value__": ["9", 0]}),
    ],
)
def test_value_is_json_or_text_as_the_input_wants(graph, word, value):
    setting = parse_setting(graph, word)
    spec = spec_of(graph, setting, input_specs(INFOS[graph[setting.node]["class_type"]]))
    found = parse_value(graph, setting.text, spec)
    assert found == value and type(found) is type(value)


def test_input_that_the_node_does_not_have(graph):
    specs = input_specs(INFOS["SaveVideo"])
    assert {"format.codec.crf", "format.alpha", "clips.clip0", "clips.clip2"} <= set(specs)
    with pytest.raises(UsageError, match=r"SaveVideo .*node 4.*'format.codek'.*images, format"):
        spec_of(graph, parse_setting(graph, "4.format.codek=1"), specs)
    assert spec_of(graph, parse_setting(graph, "3.width=1"), {}) is None  # a class the server does not know
    assert takes_upload(INFOS["LoadImage"]["input"]["required"]["image"]) and not takes_upload(["IMAGE"]) and not takes_upload(None)


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.mp4", "y.mp4"),
        ("a\x00b\n:c?.png", "a_b__c_.png"),
        ("..", "output"),
        ("", "output"),
        (".hidden", "hidden"),
        ("con.png", "_con.png"),
        ("x/", "output"),
        ("name. ", "name"),
        ("größe 1.webm", "größe 1.webm"),
    ],
)
def test_names_of_files_are_made_safe(given, clean):
    assert clean_name(given) == clean
    long = clean_name("é" * 400 + ".mp4")
    assert long.endswith(".mp4") and len(long.encode()) < 200


def test_new_file_overwrites_nothing_and_leaves_nothing_half_done(tmp_path):
    (tmp_path / "a.b.png").write_bytes(b"old")
    for number in (2, 3):
        with new_file(tmp_path, "a.b.png") as (path, write):
            write(b"new")
            assert not path.exists()
        assert path.name == f"a.b_{number}.png" and path.read_bytes() == b"new"
    with pytest.raises(RuntimeError), new_file(tmp_path, "c.png") as (path, write):
        write(b"half")
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.b.png", "a.b_2.png", "a.b_3.png"]


def test_outputs_of_a_history_entry():
    def file(name, kind):
        return {"filename": name, "subfolder": "s", "type": kind}

    outputs = {
        "10": {"images": [file("c.png", "output")], "animated": [True]},
        "9": {"gifs": [file("a.gif", "output"), file("a.gif", "output")], "text": ["x", "y"], "images": [file("t.png", "temp")]},
        "9.0.1": {"audio": [file("b.flac", "output")]},
    }
    files, texts = find_outputs({"outputs": outputs})
    assert [saved.filename for saved in files] == ["a.gif", "b.flac", "c.png"] and texts == {"9": ["x", "y"]}
    files, _ = find_outputs({"outputs": {"1": {"images": [file("t.png", "temp"), file("i.png", "input")]}}})
    assert [saved.filename for saved in files] == ["t.png"]


def fake_install(path: Path) -> Path:
    for name in ("main.py", "nodes.py", "folder_paths.py"):
        path.mkdir(parents=True, exist_ok=True)
        (path / name).touch()
    (path / "comfy").mkdir()
    return path


def test_install_is_found_in_the_order_promised(tmp_path, monkeypatch):
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    monkeypatch.setattr(comfy, "USUAL", (str(tmp_path / "usual/ComfyUI"),))
    with pytest.raises(UsageError, match=r"no ComfyUI found.*git clone"):
        comfy.find_comfy()
    usual = fake_install(tmp_path / "usual/ComfyUI")
    assert comfy.find_comfy() == usual
    around = fake_install(tmp_path / "around")
    monkeypatch.setattr(comfy, "PACK", around / "custom_nodes/anything")
    assert comfy.find_comfy() == around
    named = fake_install(tmp_path / "portable/ComfyUI")
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path / "portable"))
    assert comfy.find_comfy() == named
    assert comfy.find_comfy(usual) == usual
    with pytest.raises(UsageError, match=r"--comfyui .*holds no ComfyUI"):
        comfy.find_comfy(tmp_path)
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match=r"COMFYUI_PATH .*holds no ComfyUI"):
        comfy.find_comfy()


def test_interpreter_is_that_of_the_install(tmp_path):
    install = fake_install(tmp_path / "ComfyUI")
    assert comfy.find_python(install) == Path(sys.executable)
    for place in ("../python_embeded/python.exe", "venv/Scripts/python.exe", ".venv/bin/python"):
        path = install / place
        path.parent.mkdir(parents=True)
        path.touch()
        assert comfy.find_python(install).samefile(path)


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_pack_is_linked_only_where_it_is_not_installed(tmp_path):
    install = fake_install(tmp_path / "ComfyUI")
    nodes = install / "custom_nodes"
    assert comfy.installed_as(install) is None
    (nodes / "other").mkdir(parents=True)
    (nodes / "copy").mkdir()
    (nodes / "copy/pyproject.toml").write_text('[project]\nname = "comfyui-longtake"\n')
    assert comfy.installed_as(install) == "copy"
    (nodes / "copy").rename(nodes / "copy.disabled")
    assert comfy.installed_as(install) is None
    (nodes / "LongTake").symlink_to(comfy.PACK)
    assert comfy.installed_as(install) == "LongTake"
    option, config = comfy.link_pack(tmp_path)
    assert option == "--extra-model-paths-config"
    folder = Path(json.loads(Path(config).read_text())["longtake"]["custom_nodes"])
    assert (folder / "comfyui-longtake").samefile(comfy.PACK)
    comfy.clear(tmp_path / "custom_nodes", ())
    assert not folder.exists() and (comfy.PACK / "__init__.py").exists()


def test_server_that_does_not_start_says_why_and_is_cleaned_up(tmp_path, monkeypatch, longtake):
    install = fake_install(tmp_path / "ComfyUI")
    (install / "input").mkdir()
    (install / "input/a.png").write_bytes(b"png")
    (tmp_path / "g.json").write_text(json.dumps(GRAPH))
    monkeypatch.setattr(comfy.tempfile, "mkdtemp", lambda prefix: str(tmp_path / "work"))
    (install / "main.py").write_text("print('Starting')\nraise ModuleNotFoundError(\"No module named 'xyz'\")\n")
    code, out, err = longtake("run", "g.json", "--comfyui", install, "--cpu")
    assert (code, out, len(err.splitlines())) == (1, "", 1), err
    assert "No module named 'xyz'" in err and str(tmp_path / "work/comfyui.log") in err
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["comfyui.log"]
    (install / "main.py").write_text("import time, pathlib\npathlib.Path('pid').write_text('x')\ntime.sleep(60)")
    code, _, err = longtake("run", "g.json", "--comfyui", install, "--cpu", "--start-timeout", "1", "--work", "kept")
    assert code == 1 and "did not answer within 1 s" in err
    assert (tmp_path / "kept/input/a.png").read_bytes() == b"png"


def test_only_files_of_the_input_folder_are_brought(tmp_path):
    (tmp_path / "input/sub").mkdir(parents=True)
    (tmp_path / "input/sub/a.png").write_bytes(b"a")
    (tmp_path / "secret").write_bytes(b"s")
    names = ["sub/a.png", "../secret", str(tmp_path / "secret"), "x" * 5000, "a\x00b", "sub", "missing.png"]
    comfy.copy_inputs(tmp_path / "input", tmp_path / "target", names)
    assert [path for path in (tmp_path / "target").rglob("*") if path.is_file()] == [tmp_path / "target/sub/a.png"]


@pytest.mark.parametrize("words", [("--server", "nonsense://x"), ("--server", "a", "--cpu"), ("--timeout", "0"), ("-o", "g.json")])
def test_wrong_use(longtake, tmp_path, monkeypatch, words):
    monkeypatch.setenv("COMFYUI_PATH", str(fake_install(tmp_path / "ComfyUI")))
    (tmp_path / "g.json").write_text(json.dumps(GRAPH))
    code, out, err = longtake("run", "g.json", *words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_addresses():
    assert server_url("127.0.0.1:8188/") == "http://127.0.0.1:8188"
    assert server_url("https://host/comfy/") == "https://host/comfy"


def test_last_words_of_a_log():
    assert comfy.last_words("x\nRuntimeError: no GPU\n  hint\n") == "RuntimeError: no GPU"
    assert comfy.last_words("") == "the log is empty"
    assert comfy.failed_packs("   0.1 seconds (IMPORT FAILED): /a/custom_nodes/some pack\n   0.0 seconds: /a/b") == ["some pack"]
