"""`longtake run` and the fixtures of this folder, with nodes that every ComfyUI has."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pytest
from comfyui_longtake.farm import comfy as commands
from comfyui_longtake.farm.comfy import find_comfy, launch
from PIL import Image

GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 32, "height": 16, "batch_size": 1, "color": 255}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "tests/blue"}, "_meta": {"title": "Keep"}},
}
LOAD = {"1": {"class_type": "LoadImage", "inputs": {"image": "none.png"}}, "2": GRAPH["2"]}
VIDEO = {
    "1": GRAPH["1"],
    "2": {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 8.0}},
    "3": {
        "class_type": "SaveVideo",
        "inputs": {"video": ["2", 0], "filename_prefix": "clip", "format": "mp4", "format.codec": "auto", "codec": "auto"},
    },
    "4": {"class_type": "PreviewAny", "inputs": {"source": "all done"}, "_meta": {"title": "Say"}},
}


def slow(count=400):
    """A graph of many small steps, each a moment at which it can be interrupted."""
    graph = {"0": {"class_type": "EmptyImage", "inputs": {"width": 512, "height": 512, "batch_size": 1, "color": 255}}}
    for i in range(1, count):
        graph[str(i)] = {"class_type": "ImageBlur", "inputs": {"image": [str(i - 1), 0], "blur_radius": 15, "sigma": 3.0}}
    return graph | {"end": {"class_type": "PreviewImage", "inputs": {"images": [str(count - 1), 0]}}}


@pytest.fixture
def run(comfy, longtake, tmp_path):
    """`run(graph, *words)` on the shared server."""

    def call(graph, *words):
        (tmp_path / "graph.json").write_text(json.dumps(graph))
        return longtake("run", "graph.json", "--server", comfy.url, "-o", "out", *words)

    return call


def test_fixture_runs_and_fetches(comfy, tmp_path):
    heard = []
    entry = comfy.run(GRAPH, on_event=lambda kind, data: heard.append(kind))
    (output,) = entry["outputs"]["2"]["images"]
    assert Image.open(io.BytesIO(comfy.fetch(output))).size == (32, 16)
    assert {"execution_start", "progress_state", "execution_success"} <= set(heard)
    assert "EmptyImage" in comfy.object_info() and comfy.object_info("SaveImage")["output_node"]
    assert "custom_nodes/comfyui-longtake" in comfy.log().replace(os.sep, "/")  # the pack, and nothing beside it, is linked
    assert "got prompt" in comfy.log() and comfy.pid == comfy.server.process.pid
    with pytest.raises(comfy.Error, match=r"EmptyImage \(node 1\): Value 0 smaller than min of 1: width"):
        comfy.run({**GRAPH, "1": {"class_type": "EmptyImage", "inputs": {**GRAPH["1"]["inputs"], "width": 0}}})


def test_a_second_run_overwrites_nothing(run, tmp_path):
    """The second run is answered from the server's cache, with the same file."""
    for name in ("blue_00001_.png", "blue_00001__2.png"):
        code, out, err = run(GRAPH, "--set", "Keep.filename_prefix=again/blue", "--set", "1.width=40")
        assert (code, out.strip()) == (0, os.path.join("out", name)), err
        assert Image.open(tmp_path / "out" / name).size == (40, 16)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_local_picture_is_uploaded(run, tmp_path):
    pixels = numpy.random.default_rng(0).integers(0, 255, (16, 24, 3), numpy.uint8)
    Image.fromarray(pixels).save(tmp_path / "my pïcture (1).png")
    code, out, err = run(LOAD, "--set", "LoadImage.image=my pïcture (1).png", "--json", "--quiet")
    assert code == 0, err
    (path,) = json.loads(out)["files"]
    assert (numpy.asarray(Image.open(tmp_path / path).convert("RGB")) == pixels).all()


def test_video_with_dotted_inputs_and_text(run, tmp_path):
    code, out, err = run(VIDEO, "--set", "SaveVideo.format.codec=h264", "--set", "1.batch_size=9", "--quiet")
    assert (code, err) == (0, "")
    clip, text = (tmp_path / line for line in out.splitlines())
    assert clip.name == "clip_00001_.mp4" and b"avc1" in clip.read_bytes()
    assert (text.name, text.read_text()) == ("Say.txt", "all done")


@pytest.mark.parametrize(
    ("graph", "words", "code", "said"),
    [
        (GRAPH, ["--set", "1.width=0"], 1, "the graph is refused: EmptyImage (node 1): Value 0 smaller than min of 1: width"),
        (LOAD, [], 1, "LoadImage (node 1): Custom validation failed for node: image - Invalid image file: none.png"),
        (GRAPH, ["--set", "1.size=0"], 2, "has no input 'size'; it has width, height, batch_size, color"),
        ({"1": {"class_type": "NoSuchNode", "inputs": {}}}, [], 1, "the server has no class NoSuchNode"),
        ({"1": GRAPH["1"]}, [], 1, "Prompt has no outputs"),
        (VIDEO, ["--set", "SaveVideo.filename_prefix=../../x"], 1, "SaveVideo (node 3) failed: Exception"),
    ],
)
def test_the_server_refuses_or_fails(run, graph, words, code, said):
    found, out, err = run(graph, *words, "--quiet")
    assert (found, out, len(err.splitlines())) == (code, "", 1)
    assert said in err


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_interrupts_the_graph(comfy, tmp_path):
    (tmp_path / "graph.json").write_text(json.dumps(slow()))
    command = [sys.executable, "-m", "comfyui_longtake", "run", "graph.json", "--server", comfy.url]
    before = comfy.log().count("Processing interrupted")
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("ImageBlur"):
                break
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "longtake: interrupted: the graph was stopped" and "Traceback" not in err
    deadline = time.monotonic() + 60
    while comfy.log().count("Processing interrupted") == before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert comfy.log().count("Processing interrupted") == before + 1


@pytest.mark.slow
def test_a_server_is_started_and_stopped(longtake, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(commands, "launch", lambda *words, **options: started.append(launch(*words, **options)) or started[-1])
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    (tmp_path / "graph.json").write_text(json.dumps(GRAPH))
    code, out, err = longtake("run", "graph.json", "--cpu", "-o", "out", "--json", "--comfyui", find_comfy())
    assert code == 0, err
    (path,) = json.loads(out)["files"]
    assert Image.open(tmp_path / path).size == (32, 16)
    assert "Keep: " in err and not list((tmp_path / "temporary").glob("longtake-run-*"))
    (server,) = started
    assert server.process.poll() is not None and not server.ready()


def children(pid):
    """Processes that a process has started, and those that they have."""
    found = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [one for child in found for one in children(child)]


def running(pid):
    """Whether a process runs; one that has ended and waits to be asked does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the parent-death signal of Linux")
def test_a_killed_run_takes_its_comfyui_along(tmp_path):
    (tmp_path / "graph.json").write_text(json.dumps(slow()))
    words = ("run", "graph.json", "--cpu", "--comfyui", str(find_comfy()), "--work", "work")
    command = [sys.executable, "-m", "comfyui_longtake", *words]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("ImageBlur"):
                break
        servers = children(process.pid)
        process.kill()
        deadline = time.monotonic() + 5
        while any(map(running, servers)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert servers and not any(map(running, servers))


def test_code_runs_inside_the_host(in_host, comfy):
    def add(room, a, b):
        import comfy.cli_args
        import folder_paths

        assert comfy.cli_args.args.cpu and "in_host" in folder_paths.get_output_directory()
        return [a + b, room("engine.timeline").__name__]

    assert in_host(add, a=1, b=2) == [3, "custom_nodes_longtake.engine.timeline"]
    assert in_host("print('noise')\nresult = [pack.__version__, x]", x=5)[1] == 5
    with pytest.raises(comfy.Error, match=r"ZeroDivisionError"):
        in_host("1 / 0")
    with pytest.raises(comfy.Error, match=r"ended"):
        in_host("import os; os._exit(3)")
    assert in_host("result = 1") == 1
