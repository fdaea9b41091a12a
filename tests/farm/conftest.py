"""Films of the tiny bundle, and servers that make their chains as a ComfyUI does, or misbehave on purpose."""

import asyncio
import json
import shutil
import threading
from pathlib import Path

import pytest
import torch
from comfyui_longtake.cli.box_worker import BoxJob
from comfyui_longtake.cli.plan import SamplerOptions
from comfyui_longtake.farm import answers, client, schedule
from comfyui_longtake.farm.chains import Chain
from comfyui_longtake.farm.folder import ChainFolder
from comfyui_longtake.media.codecs import TABLE
from comfyui_longtake.take.shots import parse_shots
from filelock import FileLock
from rich.console import Console

SHOTS = "2: a dog\ncut 2: a horse\n2: a horse runs\ncut 1 seed 7: a rabbit\ncut 2: a fox\n"
"""Four chains of five shots."""
GRAPH = {
    "1": {"class_type": "LongTakeLoader", "inputs": {"model": "in the box"}},
    "2": {"class_type": "LongTakeFilm", "inputs": {"clip": ["1", 1], "shots": "2: a cat", "sampling": ["5", 0], "reel": "mine"}},
    "3": {"class_type": "LongTakeVideo", "inputs": {"latent": ["2", 0], "vae": ["1", 2], "codec": "h264", "filename_prefix": "a"}},
    "5": {"class_type": "LongTakeSampling", "inputs": {"model": ["1", 0], "seed": 1}},
    "4": {"class_type": "PreviewAny", "inputs": {"source": ["2", 1]}},
}
INFOS = {
    "LongTakeLoader": {"input": {"required": {"model": [["in the box"], {}]}}},
    "LongTakeSampling": {"input": {"required": {"model": ["MODEL", {}], "seed": ["INT", {"min": 0, "max": 2**63}]}}},
    "LongTakeFilm": {"input": {"required": {"shots": ["STRING", {}], "reel": ["STRING", {}], "clip": ["CLIP", {}]}}},
    "LongTakeVideo": {"output_node": True, "input": {"required": {"codec": ["COMBO", {"options": list(TABLE)}]}}},
}


@pytest.fixture(autouse=True)
def one_thread():
    """Small nets are fastest on one thread, above all where tests run beside each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def film(longtake, tmp_path, tiny_weights):
    """`film(*words)` runs `longtake film story.txt` with the tiny bundle: (exit code, report or None, standard error)."""
    (tmp_path / "story.txt").write_text(SHOTS)

    def run(*words, box=True):
        own = ["--weights", tiny_weights, "--size", "64x48", "--steps", "2"] if box else []
        code, out, err = longtake("film", "story.txt", *own, "--json", "--no-sign", *words)
        return code, json.loads(out) if out.startswith("{") else None, err

    return run


class FilmServer:
    """What of ComfyUI's API a film uses, in a thread; chains are made by the tiny bundle. `behave` says what goes wrong."""

    def __init__(self, folder: Path, weights: Path, store: Path, behave: str = "well"):
        self.store, self.behave, self.made, self.queue = store, behave, [], 0
        self.folder, self.entries = folder, {}
        self.job = BoxJob((64, 48), (64, 48), 8.0, SamplerOptions(steps=2, weights=weights), "off")
        self.loop, ready = asyncio.new_event_loop(), threading.Event()

        def serve():
            from aiohttp import web

            app = web.Application()
            app.router.add_route("*", "/{path:.*}", self.answer)
            asyncio.set_event_loop(self.loop)
            runner = web.AppRunner(app)
            self.loop.run_until_complete(runner.setup())
            self.loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
            self.url = "http://{}:{}".format(*runner.addresses[0])
            ready.set()
            self.loop.run_forever()

        threading.Thread(target=serve, daemon=True).start()
        assert ready.wait(10)

    async def answer(self, request):
        from aiohttp import web

        path = "/" + request.match_info["path"]
        if self.behave == "silent":
            await asyncio.sleep(60)
        if self.behave == "garbage":
            return web.Response(text="<html>welcome</html>")
        if path == "/ws":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            told = set(self.entries)
            while not socket.closed and not (request.transport and request.transport.is_closing()):
                for name in [name for name, entry in self.entries.items() if entry and name not in told]:
                    told.add(name)
                    await socket.send_json({"type": "executing", "data": {"node": None, "prompt_id": name}})
                await socket.send_json({"type": "status", "data": {}})
                for name in [name for name, entry in self.entries.items() if entry is None and self.behave != "hang"]:
                    await socket.send_json({"type": "progress_state", "data": {"prompt_id": name, "nodes": {}}})
                await asyncio.sleep(0.1)
            return socket
        if path == "/system_stats":
            return web.json_response({"system": {}})
        if path.startswith("/object_info/"):
            return web.json_response(self.info(path.rpartition("/")[2]))
        if path == "/prompt" and request.method == "GET":
            return web.json_response({"exec_info": {"queue_remaining": self.queue}})
        if path == "/prompt":
            return await self.submit((await request.json())["prompt"])
        if path == "/queue":
            return web.json_response({"queue_running": [[0, name] for name, one in self.entries.items() if one is None]})
        if path.startswith("/history/"):
            entry = self.entries.get(path.rpartition("/")[2])
            return web.json_response({path.rpartition("/")[2]: entry} if entry else {})
        if path == "/view":
            return self.view(request.query["subfolder"], request.query["filename"])
        return web.Response()

    def info(self, kind):
        if self.behave == "another version" and kind == "LongTakeVideo":
            return {kind: {"input": {"required": {"codec": [["h264", "vp9"], {}]}}}}
        return {} if self.behave == "no pack" else {kind: INFOS[kind]} if kind in INFOS else {}

    async def submit(self, graph):
        from aiohttp import web

        if self.behave == "no model":
            error = {"message": "Value not in list", "details": "unet_name: 'wan.safetensors' not in []"}
            return web.json_response({"error": {"message": "failed"}, "node_errors": {"1": {"errors": [error]}}}, status=400)
        name = f"p{len(self.entries)}"
        self.entries[name] = None
        if self.behave != "hang":
            self.loop.run_in_executor(None, self.make, name, graph)
        return web.json_response({"prompt_id": name, "node_errors": {}})

    def make(self, name, graph):
        take, video = graph["2"]["inputs"], graph["3"]["inputs"]
        assert (video["codec"], video["mark"], video["sign"]) == ("ffv1", False, False) and "4" not in graph
        if self.behave == "fail":
            data = {"node_id": "2", "exception_type": "torch.OutOfMemoryError", "exception_message": "no memory"}
            self.entries[name] = {"outputs": {}, "status": {"status_str": "error", "messages": [["execution_error", data]]}}
            return
        shots = tuple(parse_shots(take["shots"], timed=True))
        place, made = ChainFolder(self.folder / "longtake/reels" / take["reel"]), ChainFolder(self.store / take["reel"])
        with FileLock(f"{made.path}.lock"):  # a chain is made once for all tests
            if not made.done:
                self.job.make(Chain(1, shots, "0"), made, lambda step: None, Console(quiet=True))
        shutil.copytree(made.path, place.path, dirs_exist_ok=True)
        self.made.append(take["shots"])
        if self.behave == "torn reel":
            (place.path / "reel.json").write_text("{")
        if self.behave == "odd names":
            index = json.loads((place.path / "reel.json").read_text())
            index["segments"][0]["file"] = "../../mine.safetensors"
            (place.path / "reel.json").write_text(json.dumps(index))
        if self.behave == "altered segment":
            file = next((place.path / "segments").glob("*.safetensors"))
            file.write_bytes(file.read_bytes()[:-1] + b"x")
        if self.behave == "half a film":
            place.frames.write_bytes(place.frames.read_bytes()[:2000])
        if self.behave == "odd outputs":
            self.entries[name] = {"outputs": None, "status": {"status_str": "success", "messages": []}}
            return
        files = [{"filename": "frames.mkv", "subfolder": f"longtake/reels/{take['reel']}", "type": "output"}]
        self.entries[name] = {"outputs": {"3": {"images": files}}, "status": {"status_str": "success", "messages": []}}

    def view(self, subfolder, filename):
        from aiohttp import web

        path = self.folder / subfolder / filename
        if self.behave == "endless" and filename == "reel.json":
            return web.Response(body=b"[" * (1 << 20))
        return web.FileResponse(path) if path.is_file() else web.Response(status=404)


@pytest.fixture
def servers(tmp_path, tmp_path_factory, tiny_weights, monkeypatch):
    """`servers(*behaviours)` starts one server each; nothing is waited for long."""
    for module, name, value in (
        (client, "POLL", 0.05),
        (client, "LOST_AFTER", 0.3),
        (answers, "ANSWER_SECONDS", 1.0),
        (schedule, "AGAIN", 0.2),
    ):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr("comfyui_longtake.cli.film.WAIT_SECONDS", 1.0)
    monkeypatch.setattr("comfyui_longtake.farm.servers.INDEX_BYTES", 2**19)
    (tmp_path / "graph.json").write_text(json.dumps(GRAPH))
    store = tmp_path_factory.getbasetemp() / "chains"
    store.mkdir(exist_ok=True)
    return lambda *behaviours: [FilmServer(tmp_path / f"server{n}", tiny_weights, store, one) for n, one in enumerate(behaviours)]
