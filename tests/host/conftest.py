"""A real ComfyUI for tests: one server for all of them, and one interpreter of the host's for code that runs inside it.

`comfy` runs graphs on the server; `in_host` runs a snippet or a function in the host's interpreter. Both start at first use.
"""

import asyncio
import inspect
import json
import queue
import re
import shutil
import subprocess
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from comfyui_longtake.errors import LongTakeError, UsageError
from comfyui_longtake.farm.client import Client
from comfyui_longtake.farm.comfy import GET_ONE, PACK_NAME, Server, find_comfy, find_python, installed_as, read_log, serve
from comfyui_longtake.farm.graph_outputs import Saved

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BROWSERS = ("/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome")
ASK_ABSENT = """
import sys
from importlib import metadata
for name in sys.argv[1:]:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        print(name)
"""


class HostError(Exception):
    """A graph that was refused or failed on the server, or a snippet that failed in the host; with the reason."""


def host_root() -> Path | None:
    """The ComfyUI to test with, None where there is none."""
    try:
        return find_comfy()
    except UsageError as error:
        if str(error).startswith("no ComfyUI"):
            return None
        raise pytest.UsageError(str(error)) from None


def absent(root: Path) -> list[str]:
    """Packages that the host or this pack requires and the host's interpreter does not have."""
    text = "\n".join((folder / "requirements.txt").read_text(encoding="utf-8") for folder in (root, ROOT))
    names = re.findall(r"^[A-Za-z0-9][A-Za-z0-9._-]*", text, re.MULTILINE)
    command = [str(find_python(root)), "-c", ASK_ABSENT, *names]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def why_skip() -> str | None:
    """Why the tests here cannot run, with what to do; None where they can."""
    root = host_root()
    if root is None:
        return f"no ComfyUI: {GET_ONE}"
    if names := absent(root):
        python, packs = find_python(root), " -r ".join(str(folder / "requirements.txt") for folder in (root, ROOT))
        return f"the ComfyUI in {root} is not complete, it lacks {', '.join(names)}: run {python} -m pip install -r {packs}"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One worker of pytest-xdist for all tests here, so that they share one server; a skip for each without a whole ComfyUI."""
    here = [item for item in items if HERE in item.path.parents]
    reason = why_skip() if here else None
    for item in here:
        if config.pluginmanager.hasplugin("xdist"):
            item.add_marker(pytest.mark.xdist_group("host"))
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


class Host:
    """A running ComfyUI with this pack as its only custom node, driven one call at a time."""

    Error = HostError

    def __init__(self, server: Server):
        self.server, self.url, self.pid = server, server.url, server.process.pid
        self.folder = server.folder  # holds output, input, temp and user

    def run(self, graph: dict[str, Any], timeout: float = 300, on_event: Callable[[str, dict], None] | None = None) -> dict:
        """Runs a graph and gives its history entry; `on_event(type, data)` hears the websocket. Raises HostError."""
        return self._do(lambda client: client.run(graph, timeout=timeout, **({"on_event": on_event} if on_event else {})))

    def object_info(self, kind: str | None = None) -> dict[str, Any]:
        """/object_info, of one class or of all."""
        return self._do(lambda client: client.object_info(kind))

    def upload(self, path: Path) -> str:
        """Uploads a file into the input folder and gives its name there. Raises HostError."""
        return self._do(lambda client: client.upload(path))

    def fetch(self, output: dict[str, str]) -> bytes:
        """The content of one file of a history entry: `{"filename", "subfolder", "type"}`. Raises HostError."""
        parts: list[bytes] = []
        saved = Saved(output["filename"], output.get("subfolder", ""), output.get("type", "output"))
        self._do(lambda client: client.download(saved, parts.append))
        return b"".join(parts)

    def interrupt(self) -> None:
        """Interrupts what runs."""
        self._do(lambda client: client.interrupt())

    def interrupt_at(self, graph: dict[str, Any], node: str, above: int) -> tuple[str, float]:
        """Runs a graph, interrupts it once the progress of `node` is above `above`, and gives the error that ended the run
        and the seconds between the two."""
        begun, ended = threading.Event(), []

        def hear(kind: str, data: dict) -> None:
            if kind == "progress_state" and data.get("nodes", {}).get(node, {}).get("value", 0) > above:
                begun.set()

        def run() -> None:
            try:
                self.run(graph, on_event=hear)
            except HostError as error:
                ended.append((str(error), time.monotonic()))

        thread = threading.Thread(target=run)
        thread.start()
        assert begun.wait(240)
        asked = time.monotonic()
        self.interrupt()
        thread.join(120)
        assert ended, "the run was not interrupted"
        return ended[0][0], ended[0][1] - asked

    def log(self) -> str:
        """All that the server has logged."""
        return read_log(self.server.log)

    def _do(self, call: Callable[[Client], Any]) -> Any:
        async def work() -> Any:
            async with Client(self.url, self.server.alive) as client:
                return await call(client)

        try:
            return asyncio.run(work())
        except LongTakeError as error:
            raise HostError(str(error)) from None


@pytest.fixture(scope="session")
def comfy(tmp_path_factory):
    """The server all tests share; see Host."""
    root = find_comfy()
    only = ["--disable-all-custom-nodes", "--whitelist-custom-nodes", installed_as(root) or PACK_NAME]
    with serve(root, tmp_path_factory.mktemp("comfy"), cpu=True, extra=only) as server:
        yield Host(server)


class InHost:
    """A process of the host's interpreter that snippets run in, one after the other; a new one where it has ended."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.answers: queue.Queue[str] = queue.Queue()

    def __call__(self, code: str | Callable[..., Any], *, timeout: float = 300, **values: Any) -> Any:
        """The `result` a snippet sets, or what a function returns, both JSON-able; raises HostError with the traceback.

        `values` are variables of the snippet, or arguments of the function, JSON-able. The snippet also has `pack`, the
        pack's module, and `room("host.box_model")`, which imports one of its rooms; a function has them as parameters of these
        names. A function's source is sent: it sees no other name of its test module, so it imports what it needs.
        """
        call = None if isinstance(code, str) else code.__name__
        source = textwrap.dedent(code if isinstance(code, str) else inspect.getsource(code))
        if self.process is None or self.process.poll() is not None:
            self._start()
        self.process.stdin.write(json.dumps({"code": source, "call": call, "values": values}) + "\n")
        self.process.stdin.flush()
        try:
            answer = self.answers.get(timeout=timeout)
        except queue.Empty:
            self.stop()
            raise HostError(f"no answer within {timeout:g} s") from None
        if not answer:
            self.stop()
            raise HostError(f"the host's interpreter ended: {read_log(self.folder / 'log')[-2000:]}")
        found = json.loads(answer)
        if "error" in found:
            raise HostError(found["error"])
        return found["result"]

    def stop(self) -> None:
        """Ends the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _start(self) -> None:
        root = find_comfy()
        command = [str(find_python(root)), str(HERE / "worker.py"), str(root), str(ROOT), str(self.folder)]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8"
            )
        self.answers = queue.Queue()
        threading.Thread(target=self._read, args=(self.process.stdout, self.answers), daemon=True).start()

    @staticmethod
    def _read(lines: Any, answers: "queue.Queue[str]") -> None:
        for line in lines:
            answers.put(line)
        answers.put("")


@pytest.fixture(scope="session")
def in_host(tmp_path_factory):
    """`in_host(code_or_function, **values)`; see InHost."""
    host = InHost(tmp_path_factory.mktemp("in_host"))
    yield host
    host.stop()


@pytest.fixture(scope="session")
def chromium():
    """Opens a headless Chromium: `with chromium() as browser`. Skips where there is none."""
    sync = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium: install it, for instance with apt-get install chromium")

    @contextmanager
    def opened():
        with sync.sync_playwright() as play:
            browser = play.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            yield browser
            browser.close()

    return opened
