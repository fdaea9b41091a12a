"""A ComfyUI server over HTTP and its websocket: run a graph, watch it, upload what it needs, download what it made.

The history of the server says when a graph is done; the websocket only makes that known sooner and tells the progress, so
one that drops, or that a proxy refuses, costs nothing but the progress shown.
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import LongTakeError, UsageError, shorten
from . import answers
from .graph import Graph, label
from .graph_outputs import Saved, clean_name

if TYPE_CHECKING:
    import aiohttp

POLL = 1.0  # seconds between looks at the history where the websocket says nothing
LAST_EVENTS = 2.0  # seconds that the websocket is listened to once the history has the graph, for what is still on its way
LOST_AFTER = 10.0  # seconds without a trace of the graph in history and queue
SILENT_AFTER = 60.0  # seconds without any answer
CHUNK = 1 << 18
SLOWEST = 1 << 14  # bytes a second
REASON = 300  # letters of one reason in an error message

Events = Callable[[str, dict[str, Any]], None]


def nothing(*_: Any) -> None:
    """Takes anything, does nothing."""


def server_url(text: str) -> str:
    """`--server` as a URL without a slash at its end. Raises UsageError."""
    from urllib.parse import urlsplit

    url = (text if "://" in text else f"http://{text}").rstrip("/")
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment:
        raise UsageError(f"--server {shorten(text)!r}: give an address, such as http://127.0.0.1:8188")
    return url


async def end(task: asyncio.Task[None]) -> BaseException | None:
    """Cancels a task until it has ended, and gives what it raised: libraries now and then take a cancellation for a timeout of
    their own, and go on."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)
    return None if task.cancelled() else task.exception()


class Client:
    """`async with Client(url)`; `alive` is asked before an unanswered request is reported and may raise a better error."""

    def __init__(self, url: str, alive: Callable[[], object] = nothing):
        self.url, self.alive = url, alive
        self.id = uuid.uuid4().hex
        self.prompt_id: str | None = None
        self._session: aiohttp.ClientSession | None = None
        self._listening = False
        self._told = asyncio.Event()  # that the graph is done

    async def __aenter__(self) -> Client:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def _ask(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        import aiohttp

        assert self._session is not None
        try:
            async with self._session.request(method, self.url + path, **options) as response:
                yield response
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            self.alive()
            if isinstance(error, aiohttp.ClientPayloadError):
                raise NoAnswer(f"{self.url}: the server broke off in the middle of an answer; run again") from None
            reason = "no answer in time" if isinstance(error, asyncio.TimeoutError) else str(error) or type(error).__name__
            raise NoAnswer(f"{self.url}: the server does not answer ({reason}); is ComfyUI running there?") from None

    async def _json(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        import aiohttp

        if "data" not in options:  # an upload takes as long as it takes
            options["timeout"] = aiohttp.ClientTimeout(total=answers.ANSWER_SECONDS, sock_connect=10)
        async with self._ask(method, path, **options) as response:
            content = await answers.body(response, self.url)
            try:
                return response.status, answers.parsed(content) if content.strip() else None
            except ValueError:
                if response.status == 200:
                    raise LongTakeError(f"{self.url}: answers, but not as ComfyUI does ({path}); give its address") from None
                return response.status, None

    @property
    def listening(self) -> bool:
        """Whether the websocket is open, so that silence means something."""
        return self._listening

    async def check(self) -> None:
        """Raises LongTakeError where no ComfyUI answers."""
        status, answer = await self._json("GET", "/system_stats")
        if status != 200 or not isinstance(answer, dict) or "system" not in answer:
            raise LongTakeError(f"{self.url}: answers, but not as ComfyUI does (status {status}); give its address")

    async def object_info(self, kind: str | None = None) -> dict[str, Any]:
        """What the server knows of the class `kind`, empty where it has no such; of all classes without one."""
        status, answer = await self._json("GET", "/object_info" + (f"/{quote(kind, safe='')}" if kind else ""))
        if status != 200 or not isinstance(answer, dict):
            raise LongTakeError(f"{self.url}: does not say what its nodes are (status {status}); give the address of a ComfyUI")
        return answers.mapping(answer.get(kind)) if kind else answer

    async def upload(self, path: Path) -> str:
        """Puts a file into the server's input folder and gives the name it has there. Raises LongTakeError."""
        import aiohttp

        try:
            with path.open("rb") as file:
                form = aiohttp.FormData(quote_fields=False)
                form.add_field("image", file, filename=clean_name(path.name))
                form.add_field("type", "input")
                status, answer = await self._json("POST", "/upload/image", data=form)
        except OSError as error:
            raise LongTakeError(f"{path}: cannot be read ({error.strerror or error})") from None
        if status == 413:
            raise LongTakeError(f"{path}: too large for {self.url}; start that server with a larger --max-upload-size")
        if status != 200 or not isinstance(answer, dict) or not isinstance(answer.get("name"), str):
            raise LongTakeError(f"{path}: {self.url} did not take the file (status {status})")
        folder = answers.text(answer.get("subfolder"))
        return f"{folder}/{answer['name']}" if folder else answer["name"]

    async def run(self, graph: Graph, on_event: Events = nothing, timeout: float | None = None) -> dict[str, Any]:
        """Runs `graph` and gives its entry in the history.

        `on_event(type, data)` hears the websocket; what it raises is raised here once the graph is done. Raises
        LongTakeError with the reason where the graph is refused or fails, is interrupted, is forgotten, or takes more than
        `timeout` seconds. Cancelled or out of time, it takes the graph out of the server's queue or interrupts it.
        """
        self.prompt_id = None
        self._told.clear()
        tried, wake = asyncio.Event(), asyncio.Event()
        listener = asyncio.create_task(self._listen(on_event, tried, wake))
        try:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(tried.wait(), 5)
            self.prompt_id = await self._submit(graph, on_event)
            try:
                entry = await asyncio.wait_for(self._wait(self.prompt_id, wake), timeout)
            except asyncio.TimeoutError:
                await self._give_up(self.prompt_id)
                raise LongTakeError(f"--timeout {timeout:g}: the graph was not done by then and was interrupted") from None
            except asyncio.CancelledError:
                await self._give_up(self.prompt_id)
                raise
            if self._listening and not listener.done():
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._told.wait(), LAST_EVENTS)
        finally:
            ended = await end(listener)
        if isinstance(ended, Exception):
            raise ended  # `on_event` raised
        reason = failure(graph, entry)
        if reason:
            raise GraphFailed(reason)
        return entry

    async def waiting(self) -> int:
        """How many graphs are in work or wait there. Raises LongTakeError."""
        status, answer = await self._json("GET", "/prompt")
        if status != 200:
            raise LongTakeError(f"{self.url}: does not say what waits there (status {status}); give the address of a ComfyUI")
        remaining = answers.mapping(answers.mapping(answer).get("exec_info")).get("queue_remaining")
        return max(0, int(answers.number(remaining, 0)))

    async def interrupt(self, prompt_id: str | None = None) -> None:
        """Stops the graph with that id, running or queued; without one whatever runs."""
        if prompt_id is None:
            await self._json("POST", "/interrupt", json={})
            return
        await self._json("POST", "/queue", json={"delete": [prompt_id]})
        if prompt_id in await self._queued("queue_running"):
            # A server too old to know prompt_id here interrupts what runs, and that is this graph.
            await self._json("POST", "/interrupt", json={"prompt_id": prompt_id})

    async def _give_up(self, prompt_id: str) -> None:
        with suppress(LongTakeError, asyncio.TimeoutError):
            await asyncio.wait_for(self.interrupt(prompt_id), 10)

    async def pending(self) -> bool:
        """Whether the graph that runs here still waits behind others. Raises LongTakeError."""
        return self.prompt_id in await self._queued("queue_pending")

    async def download(
        self, saved: Saved, write: Callable[[bytes], object], most: float = math.inf, patience: float = math.inf
    ) -> None:
        """Streams one file to `write`. Raises LongTakeError, also for one of more than `most` bytes, and for one that comes more
        slowly than SLOWEST once `patience` seconds are over."""
        where = {"filename": saved.filename, "subfolder": saved.subfolder, "type": saved.type}
        async with self._ask("GET", "/view", params=where) as response:
            if response.status != 200:
                raise LongTakeError(f"{saved.filename}: {self.url} did not give the file (status {response.status})")
            size, begin = 0, time.monotonic()
            async for chunk in response.content.iter_chunked(CHUNK):
                size += len(chunk)
                if size > most:
                    raise LongTakeError(f"{saved.filename}: {self.url} gives more than {most:,.0f} bytes; that is not the file")
                seconds = time.monotonic() - begin
                if seconds > patience and size < SLOWEST * seconds:
                    raise LongTakeError(f"{saved.filename}: {self.url} gives it at {size / seconds:,.0f} bytes a second")
                write(chunk)

    async def _submit(self, graph: Graph, on_event: Events) -> str:
        status, answer = await self._json("POST", "/prompt", json={"prompt": graph, "client_id": self.id})
        answer = answer if isinstance(answer, dict) else {}
        if status != 200 or not isinstance(answer.get("prompt_id"), str):
            raise GraphRefused(refusal(graph, answer) or f"{self.url}: did not take the graph (status {status})")
        if answer.get("node_errors"):
            on_event("left_out", {"reason": refusal(graph, answer)})
        return answer["prompt_id"]

    async def _wait(self, prompt_id: str, wake: asyncio.Event) -> dict[str, Any]:
        answered = seen = time.monotonic()
        while True:
            self.alive()
            now = time.monotonic()
            try:
                status, history = await self._json("GET", f"/history/{prompt_id}")
                if status == 200 and isinstance(history, dict) and prompt_id in history:
                    return answers.mapping(history[prompt_id])
                answered = time.monotonic()
                if now - seen > LOST_AFTER / 2:
                    if prompt_id in await self._queued("queue_running", "queue_pending"):
                        seen = time.monotonic()
                    elif now - seen > LOST_AFTER:
                        raise LongTakeError(f"{self.url}: no longer knows the graph; it was restarted or its queue was cleared")
            except NoAnswer:
                if time.monotonic() - answered > SILENT_AFTER:
                    raise
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(wake.wait(), POLL)
            wake.clear()

    async def _queued(self, *states: str) -> set[str]:
        _, queue = await self._json("GET", "/queue")
        items = (answers.listed(item) for state in states for item in answers.listed(answers.mapping(queue).get(state)))
        return {item[1] for item in items if len(item) > 1 and isinstance(item[1], str)}

    async def _listen(self, on_event: Events, tried: asyncio.Event, wake: asyncio.Event) -> None:
        import aiohttp

        assert self._session is not None
        while True:
            try:
                async with self._session.ws_connect(
                    f"{self.url}/ws?clientId={self.id}", max_msg_size=answers.ANSWER_BYTES, heartbeat=30
                ) as socket:
                    self._listening = True
                    tried.set()
                    async for message in socket:
                        if message.type == aiohttp.WSMsgType.TEXT:
                            self._hear(message.data, on_event, wake)
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
                pass  # the history is looked at meanwhile
            self._listening = False
            tried.set()
            wake.set()
            await asyncio.sleep(POLL)

    def _hear(self, text: str, on_event: Events, wake: asyncio.Event) -> None:
        try:
            message = answers.parsed(text)
            kind, data = message["type"], message["data"]
        except (ValueError, KeyError, TypeError):
            return
        if (
            not isinstance(kind, str)
            or not isinstance(data, dict)
            or (self.prompt_id and data.get("prompt_id", self.prompt_id) != self.prompt_id)
        ):
            return
        on_event(kind, data)
        if kind == "executing" and data.get("node") is None:
            wake.set()  # sent once the history has the entry
            self._told.set()


class NoAnswer(LongTakeError):
    """The server cannot be reached, or broke off."""


class GraphRefused(LongTakeError):
    """The server does not take the graph: a block or a model is not there, or a value is not allowed."""


class GraphFailed(LongTakeError):
    """The server ran the graph, and it failed or was interrupted there."""


def failure(graph: Graph, entry: dict[str, Any]) -> str | None:
    """Why the graph of that history entry failed, on one line; None where it did not."""
    status = entry.get("status")
    if not isinstance(status, dict) or status.get("status_str") != "error":
        return None
    for message in map(answers.listed, answers.listed(status.get("messages"))):
        kind, data = (message[0], answers.mapping(message[1])) if len(message) > 1 else ("", {})
        if kind == "execution_interrupted":
            return f"the graph was interrupted at {label(graph, str(data.get('node_id')))}"
        if kind == "execution_error":
            text = " ".join(str(data.get("exception_message", "")).split()) or "no message"
            name = str(data.get("exception_type", "Exception")).rpartition(".")[2]
            node = str(data.get("node_id"))
            where = label(graph, node) if node in graph else f"{data.get('node_type')} (node {node})"
            return f"{where} failed: {name}: {shorten(text, 4 * REASON)}"
    return "the graph failed, and the server does not say why; see its log"


def refusal(graph: Graph, answer: dict[str, Any]) -> str:
    """Why the server refuses a graph, every reason a clause, on one line; empty where it gives none."""
    reasons = []
    for node, found in answers.mapping(answer.get("node_errors")).items():
        errors = map(answers.mapping, answers.listed(answers.mapping(found).get("errors")))
        clauses = [": ".join(filter(None, (answers.text(e.get("message")), str(e.get("details") or "")))) for e in errors]
        reasons.append(f"{label(graph, node)}: {', '.join(shorten(clause, REASON) for clause in clauses)}")
    error = answer.get("error")
    if not reasons and isinstance(error, dict):
        parts = (str(error.get("message") or "").rstrip("."), str(error.get("details") or ""))
        reasons.append(shorten(": ".join(filter(None, parts)), REASON))
        missing = answers.text(answers.mapping(error.get("extra_info")).get("class_type"))
        if missing:
            reasons.append(f"the server has no class {missing}")
    elif not reasons and error:
        reasons.append(shorten(str(error), REASON))
    return "the graph is refused: " + "; ".join(reasons) if reasons else ""
