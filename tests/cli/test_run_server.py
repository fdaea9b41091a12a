"""`longtake run` against a server that is no ComfyUI: it behaves like one, or misbehaves on purpose."""

import asyncio
import contextlib
import json
import threading
import time
from pathlib import Path

import pytest
from comfyui_longtake.farm import client
from comfyui_longtake.farm.comfy import free_port

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "2": {"class_type": "Resize", "inputs": {"image": ["1", 0], "width": 64}, "_meta": {"title": "Resize v1.5"}},
    "3": {"class_type": "Resize", "inputs": {"image": ["2", 0], "width": 32}, "_meta": {"title": "Half"}},
    "4": {"class_type": "Save", "inputs": {"images": ["3", 0]}},
}
INFOS = {
    "LoadImage": {"input": {"required": {"image": [["a.png"], {"image_upload": True}]}}},
    "Resize": {"input": {"required": {"image": ["IMAGE"], "width": ["INT", {"min": 1}]}, "optional": {"mode": [["1", "fast"]]}}},
    "Save": {"output_node": True, "input": {"required": {"images": ["IMAGE", {}]}}},
}


class FakeServer:
    """What of ComfyUI's API `longtake run` uses, in a thread; `behave` says what goes wrong."""

    def __init__(self, behave: str):
        self.behave, self.posted, self.asked, self.looks = behave, {}, [], 0
        self.loop, self.ready, self.url = asyncio.new_event_loop(), threading.Event(), ""
        threading.Thread(target=self.serve, daemon=True).start()
        assert self.ready.wait(10)

    def serve(self):
        from aiohttp import web

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        asyncio.set_event_loop(self.loop)
        runner = web.AppRunner(app)
        self.loop.run_until_complete(runner.setup())
        self.loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.url = "http://{}:{}".format(*runner.addresses[0])
        self.ready.set()
        self.loop.run_forever()

    async def answer(self, request):
        from aiohttp import web

        path = "/" + request.match_info["path"]
        self.asked.append(path)
        if path == "/ws":
            if self.behave == "no websocket":
                return web.Response(status=403)
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str('{"type": "status", "data": {}}')
            await socket.send_str("nonsense")
            if self.behave == "late events":
                while self.looks < 2:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.4)  # the history has the graph since
                await socket.send_json({"type": "execution_cached", "data": {"nodes": ["3"], "prompt_id": "p1"}})
                await socket.send_json({"type": "executing", "data": {"node": None, "prompt_id": "p1"}})
                await asyncio.sleep(60)
            return socket  # dropped at once
        if path == "/system_stats":
            return web.Response(text="<html>") if self.behave == "other site" else web.json_response({"system": {}})
        if path.startswith("/object_info/"):
            kind = path.rpartition("/")[2]
            return web.json_response({kind: INFOS[kind]} if kind in INFOS else {})
        if path == "/upload/image":
            form = await request.post()
            return web.json_response({"name": f"up {form['image'].filename}", "subfolder": "sub", "type": "input"})
        if path == "/prompt" and request.method == "GET":
            return web.json_response({"exec_info": {"queue_remaining": 0}})
        if path == "/prompt":
            self.posted = (await request.json())["prompt"]
            if self.behave == "refuse":
                errors = {"2": {"errors": [{"message": "Value too small", "details": "width"}, {"message": "Bad", "details": ""}]}}
                return web.json_response({"error": {"message": "failed"}, "node_errors": errors}, status=400)
            return web.json_response({"prompt_id": "p1", "node_errors": {}})
        if path == "/queue":
            return web.json_response({"queue_running": [[0, "p1"]] if self.behave == "slow" else [], "queue_pending": []})
        if path == "/history/p1":
            self.looks += 1
            done = self.looks > 1 and self.behave not in ("forget", "slow")
            return web.json_response({"p1": self.entry()} if done else {})
        if path == "/view":
            if self.behave == "break off":
                response = web.StreamResponse(headers={"Content-Length": "100"})
                await response.prepare(request)
                await response.write(b"half")
                request.transport.abort()
                return response
            return web.Response(body=f"{request.query['subfolder']}/{request.query['filename']}".encode())
        return web.Response()

    def entry(self):
        data = {"node_id": "2", "node_type": "Resize", "exception_type": "a.b.ValueError", "exception_message": "no\nroom\n"}
        if self.behave == "fail":
            return {"outputs": {}, "status": {"status_str": "error", "messages": [["execution_error", data]]}}
        files = [{"filename": "../x.png", "subfolder": "s", "type": "output"}] if self.behave != "nothing" else []
        return {"outputs": {"4": {"images": files}}, "status": {"status_str": "success", "messages": []}}


@pytest.fixture
def against(longtake, tmp_path, monkeypatch):
    """`against(behaviour, *words)` runs GRAPH on such a server: (server, exit code, standard output, standard error)."""
    monkeypatch.setattr(client, "POLL", 0.05)
    monkeypatch.setattr(client, "LOST_AFTER", 0.3)
    (tmp_path / "g.json").write_text(json.dumps(GRAPH))

    def run(behave, *words):
        server = FakeServer(behave)
        return server, *longtake("run", "g.json", "--server", server.url, "-o", "out", *words)

    return run


@pytest.mark.parametrize("behave", ["drop the websocket", "no websocket"])
def test_outputs_come_without_a_websocket(against, tmp_path, behave):
    (tmp_path / "my ü.png").write_bytes(b"png")
    server, code, out, err = against(behave, "--set", "1.image=my ü.png", "--set", "3.width=9", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["files"] == [str(Path("out/x.png"))] and report["prompt_id"] == "p1"
    assert (tmp_path / "out/x.png").read_bytes() == b"s/../x.png"
    assert server.posted["1"]["inputs"]["image"] == "sub/up my ü.png" and server.posted["3"]["inputs"]["width"] == 9


def test_events_that_are_late_are_heard(tmp_path, monkeypatch):
    monkeypatch.setattr(client, "POLL", 0.05)
    server, heard = FakeServer("late events"), []

    async def run():
        async with client.Client(server.url) as one:
            return await one.run(GRAPH, lambda kind, data: heard.append((kind, data)))

    begin = time.monotonic()
    entry = asyncio.run(run())
    assert entry["outputs"] and ("execution_cached", {"nodes": ["3"], "prompt_id": "p1"}) in heard
    assert time.monotonic() - begin < 30  # not until the socket ends


@pytest.mark.parametrize(
    ("behave", "said"),
    [
        ("other site", "not as ComfyUI does"),
        ("refuse", "Resize v1.5 (Resize, node 2)|Value too small: width|Bad"),
        ("fail", "Resize v1.5 (Resize, node 2)|ValueError: no room"),
        ("forget", "no longer knows the graph"),
        ("nothing", "made no file"),
        ("break off", "broke off"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(against, tmp_path, behave, said):
    _, code, out, err = against(behave, "--quiet")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert all(part in err for part in said.split("|")) and not list((tmp_path / "out").iterdir())


def test_what_a_listener_raises_is_heard(monkeypatch):
    monkeypatch.setattr(client, "POLL", 0.05)

    def listen(kind, data):
        raise ZeroDivisionError(kind)

    async def run():
        async with client.Client(FakeServer("").url) as there:
            await there.run(GRAPH, listen)

    with pytest.raises(ZeroDivisionError, match="status"):
        asyncio.run(run())


def test_timeout_interrupts(against):
    server, code, _, err = against("slow", "--timeout", "0.3", "--quiet")
    assert code == 1 and "--timeout 0.3" in err and "/interrupt" in server.asked


def test_nobody_there(longtake, tmp_path):
    (tmp_path / "g.json").write_text(json.dumps(GRAPH))
    code, _, err = longtake("run", "g.json", "--server", f"http://127.0.0.1:{free_port()}")
    assert code == 1 and "is ComfyUI running there?" in err and len(err.splitlines()) == 1


def test_unknown_input_is_wrong_use(against):
    server, code, _, err = against("drop the websocket", "--set", "2.height=3")
    assert code == 2 and all(part in err for part in ("Resize v1.5", "node 2", "'height'", "image, width, mode"))
    assert "/prompt" not in server.asked


def test_a_task_that_takes_its_end_for_a_timeout_is_ended_all_the_same():
    async def deaf():
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(deaf())
        await asyncio.sleep(0)
        return await client.end(task), task.cancelled()

    assert asyncio.run(asyncio.wait_for(main(), 20)) == (None, True)


def test_of_several_servers_the_least_busy_runs_it(against, longtake, tmp_path):
    """One that does not answer and one that is no ComfyUI are passed over."""
    server, *_ = against("well")
    urls = [f"http://127.0.0.1:{free_port()}", FakeServer("other site").url, server.url]
    words = [word for url in urls for word in ("--server", url)]
    code, out, err = longtake("run", "g.json", *words, "-o", "out", "--json")
    assert code == 0, err
    assert (tmp_path / "out/x_2.png").exists() and json.loads(out)["prompt_id"] == "p1"


def test_several_servers_that_are_not_well_are_all_named(longtake, tmp_path):
    (tmp_path / "g.json").write_text(json.dumps(GRAPH))
    urls = [f"http://127.0.0.1:{free_port()}", FakeServer("other site").url]
    code, _, err = longtake("run", "g.json", "--server", urls[0], "--server", urls[1])
    assert code == 1 and all(url in err for url in urls) and "no server ran the graph: " in err and len(err.splitlines()) == 1
