"""`longtake run` against servers whose answers are of another shape: outputs, or one printable line; never a traceback."""

import asyncio
import copy
import json
import threading

import pytest
from comfyui_longtake.farm import answers, client
from comfyui_longtake.farm.client import failure, refusal
from comfyui_longtake.farm.graph import input_specs
from comfyui_longtake.farm.graph_outputs import find_outputs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GRAPH = {"1": {"class_type": "Save", "inputs": {"text": "a"}}}
INFO = {
    "Save": {"output_node": True, "input": {"required": {"text": ["STRING", {}], "many": ["COMFY_AUTOGROW_V3", {"template": {}}]}}}
}
ERRORS = {"1": {"errors": [{"message": "Value too small", "details": "width"}]}}
DATA = {"node_id": "1", "node_type": "Save", "exception_type": "a.ValueError", "exception_message": "no room"}
ENTRY = {
    "outputs": {"1": {"images": [{"filename": "x.png", "subfolder": "s", "type": "output"}], "text": ["a"]}},
    "status": {"status_str": "error", "messages": [["execution_error", DATA]]},
}
WELL = {
    "/system_stats": {"system": {}},
    "/object_info/Save": INFO,
    "/prompt": {"prompt_id": "p1", "node_errors": ERRORS},
    "/queue": {"queue_running": [[0, "p1"]], "queue_pending": []},
    "/history/p1": {"p1": {**ENTRY, "status": {"status_str": "success", "messages": []}}},
}
ODD = [None, [], {}, "", "x", 7, True, 1e308, 10**400, [[]], [None], {"a": None}, "\x1b[2J\x1b[31m", "\ud800", "\0", "x" * 100_000]


def spots(value, path=()):
    """Paths of all that is inside a JSON value."""
    for name in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, name)
        yield from spots(value[name], (*path, name))


def place(value, path, other):
    value = inner = copy.deepcopy(value)
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = other
    return value


@pytest.fixture(scope="module")
def server():
    """A server that gives `server.texts[path]`, after `server.drip` seconds a letter."""
    from aiohttp import web

    class Server:
        texts, drip, url = {}, 0, ""

        async def answer(self, request):
            path = "/" + request.match_info["path"]
            if path not in self.texts:
                return web.Response(body=b"content") if path == "/view" else web.Response(status=404)
            if not self.drip:
                return web.Response(text=self.texts[path])
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b" ")
                await asyncio.sleep(self.drip)

        def serve(self, ready):
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", self.answer)
            runner = web.AppRunner(app)
            loop.run_until_complete(runner.setup())
            loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
            self.url = "http://{}:{}".format(*runner.addresses[0])
            ready.set()
            loop.run_forever()

    made, ready = Server(), threading.Event()
    threading.Thread(target=made.serve, args=(ready,), daemon=True).start()
    assert ready.wait(10)
    return made


@pytest.fixture
def against(longtake, server, tmp_path, monkeypatch):
    """`against({path: text})` runs GRAPH on a server that gives these answers, and else right ones."""
    monkeypatch.setattr(client, "POLL", 0.02)
    monkeypatch.setattr(client, "LOST_AFTER", 0.2)
    monkeypatch.setattr(client, "SILENT_AFTER", 0.5)
    (tmp_path / "g.json").write_text(json.dumps(GRAPH))

    def run(texts, drip=0):
        server.texts, server.drip = {path: json.dumps(value) for path, value in WELL.items()} | texts, drip
        code, out, err = longtake("run", "g.json", "--server", server.url, "-o", "out", "--quiet", "--timeout", "5")
        assert code in (0, 1) and "Traceback" not in err
        if code:
            assert len(err.splitlines()) == 1 and len(err) <= 302 and err.strip().isprintable(), err
        return code, out, err

    return run


@pytest.mark.parametrize("path", list(WELL))
@pytest.mark.parametrize("value", [*ODD[:8], "DEEP"], ids=str)
def test_whole_answers_of_another_shape(against, path, value):
    code, _, _ = against({path: "[" * 100_000 if value == "DEEP" else json.dumps(value)})
    assert code == (0 if path == "/queue" else 1)  # which is asked only where the history has nothing


@pytest.mark.parametrize("text", ["", "null", "{}", "<html>", '{"Save": null}', '{"Save": []}'])
def test_a_server_that_knows_no_nodes_is_an_error(against, text):
    assert against({"/object_info/Save": text})[0] == 1


def test_a_server_that_drips_is_left(against, monkeypatch):
    monkeypatch.setattr(answers, "ANSWER_SECONDS", 0.5)
    assert "does not answer" in against({}, drip=0.1)[2]


def test_an_answer_without_end_is_left(against, monkeypatch):
    monkeypatch.setattr(answers, "ANSWER_BYTES", 1000)
    assert "MiB" in against({"/system_stats": '{"system": "' + "x" * 5000 + '"}'})[2]


def test_what_a_server_says_steers_no_terminal(against):
    error = {"error": {"message": "\x1b[2J\x1b]0;title\x07 no \u202e", "details": "x" * 5000}}
    code, _, err = against({"/prompt": json.dumps(error)})
    assert code == 1 and "\x1b" not in err and "refused" in err


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(sorted(WELL)), place_at=st.integers(0, 1000), value=st.sampled_from(ODD))
def test_any_value_anywhere_over_http(against, path, place_at, value):
    paths = sorted(spots(WELL[path]), key=str)
    against({path: json.dumps(place(WELL[path], paths[place_at % len(paths)], value))})


JSON = st.recursive(st.sampled_from(ODD) | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 10**6), JSON)
def test_any_value_anywhere_in_what_is_read(at, value):
    for read, given_ in (
        (find_outputs, ENTRY),
        (lambda entry: failure(GRAPH, entry), ENTRY),
        (lambda answer: refusal(GRAPH, answer), {"node_errors": ERRORS}),
        (lambda answer: refusal(GRAPH, answer), {"error": {"message": "m", "details": "d", "extra_info": {"class_type": "c"}}}),
        (input_specs, INFO["Save"]),
    ):
        paths = sorted(spots(given_), key=str)
        read(place(given_, paths[at % len(paths)], value))
