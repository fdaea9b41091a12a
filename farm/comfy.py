"""A ComfyUI on this machine: finding it, starting it without a window for one run, and stopping it again.

A server that is started here shares models and custom nodes with its install and writes to folders of its own.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import LongTakeError, UsageError, shorten

PACK = Path(__file__).absolute().parent.parent  # not resolved: under custom_nodes/ it may be a link
PACK_NAME = "comfyui-longtake"
VARIABLE = "COMFYUI_PATH"
USUAL = ("~/comfy/ComfyUI", "~/ComfyUI", "~/Documents/comfy/ComfyUI")
GET_ONE = (
    "git clone https://github.com/Comfy-Org/ComfyUI ~/ComfyUI && cd ~/ComfyUI && python3 -m venv .venv && "
    ".venv/bin/pip install -r requirements.txt, or set COMFYUI_PATH to one"
)
START_SECONDS, STOP_SECONDS = 300.0, 10.0
SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux
UPLOAD_MB = 16384  # uploads to a server of one's own come from the same disk
DEVICES = ("nvidia[0-9]*", "nvidiactl", "kfd", "dxg", "dri/renderD*")  # under /dev, where Linux has something to compute on
ASK_TORCH = (
    "import torch;"
    "others = [getattr(torch, n, None) for n in ('xpu', 'npu', 'mlu')];"
    "has = torch.cuda.is_available() or torch.backends.mps.is_available();"
    "print(has or any(o is not None and o.is_available() for o in others))"
)


def is_comfy(path: Path) -> bool:
    """Whether `path` is the root folder of a ComfyUI."""
    return all((path / name).exists() for name in ("main.py", "nodes.py", "folder_paths.py", "comfy"))


def find_comfy(given: Path | None = None) -> Path:
    """The ComfyUI to use: the one given, else COMFYUI_PATH, else the one this package lies in, else a usual place.

    Raises UsageError where there is none, or where the one asked for is none.
    """
    asked, source = given, "--comfyui"
    if asked is None and os.environ.get(VARIABLE):
        asked, source = Path(os.environ[VARIABLE]), VARIABLE
    if asked is not None:
        for path in (asked.expanduser(), asked.expanduser() / "ComfyUI"):  # a portable build holds it in a folder
            if is_comfy(path):
                return path.absolute()
        raise UsageError(f"{source} {asked}: holds no ComfyUI; give the folder with its main.py")
    for path in (*(pack.parent.parent for pack in (PACK, PACK.resolve())), *(Path(usual).expanduser() for usual in USUAL)):
        if is_comfy(path):
            return path
    raise UsageError(f"no ComfyUI found: give --comfyui DIR or --server URL, or get one: {GET_ONE}")


def find_python(comfy: Path) -> Path:
    """The interpreter of that install: its own environment, the one embedded beside it, else the one running now."""
    places = [comfy / env / tail for env in (".venv", "venv") for tail in ("bin/python", "Scripts/python.exe")]
    places.append(comfy.parent / "python_embeded/python.exe")
    return next((place for place in places if place.exists()), Path(sys.executable))


def needs_cpu(python: Path) -> bool:
    """Whether torch finds nothing but the CPU; the answer costs an import of torch only where there may be a device."""
    if sys.platform.startswith("linux") and not any(True for name in DEVICES for _ in Path("/dev").glob(name)):
        return True
    done = subprocess.run([str(python), "-c", ASK_TORCH], capture_output=True, text=True, check=False)
    return done.stdout.strip() == "False"


def installed_as(comfy: Path) -> str | None:
    """The name of this package, or of another copy of it, among the custom nodes of that install; None where it is not."""
    nodes = comfy / "custom_nodes"
    for path in nodes.iterdir() if nodes.is_dir() else ():
        if path.suffix == ".disabled" or not path.is_dir():
            continue
        with suppress(OSError):
            if path.samefile(PACK):
                return path.name
            if re.search(rf'^name = "{PACK_NAME}"', (path / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE):
                return path.name
    return None


def link_pack(folder: Path) -> list[str]:
    """Options that make this package a custom node of one run, by a link in `folder`. Raises LongTakeError."""
    nodes = folder / "custom_nodes"
    nodes.mkdir(exist_ok=True)
    link = nodes / PACK_NAME
    try:
        if not os.path.lexists(link):
            link.symlink_to(PACK, target_is_directory=True)
    except OSError as error:
        raise LongTakeError(
            f"{link}: this system permits no link ({error.strerror}); turn on Windows' developer mode, "
            f"or copy {PACK} into the custom_nodes folder of ComfyUI"
        ) from None
    config = folder / "paths.yaml"
    config.write_text(json.dumps({"longtake": {"custom_nodes": str(nodes)}}), encoding="utf-8")  # JSON is YAML too
    return ["--extra-model-paths-config", str(config)]


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_log(path: Path) -> str:
    """The text of a log without colours; empty where there is none."""
    with suppress(OSError):
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", path.read_text(encoding="utf-8", errors="replace"))
    return ""


def last_words(log: str) -> str:
    """The line of a log that tells best why the process ended: the last that names an error, else the last."""
    lines = [line.strip() for line in log.splitlines() if line.strip()][-40:]
    telling = [line for line in lines if re.search(r"(Error|Exception|Interrupt)\b|error:|Killed|out of memory", line)]
    return shorten((telling or lines or ["the log is empty"])[-1], 300)


def failed_packs(log: str) -> list[str]:
    """Names of custom nodes that the log says did not import."""
    return [Path(line.rpartition("(IMPORT FAILED): ")[2].strip()).name for line in log.splitlines() if "(IMPORT FAILED): " in line]


class Server:
    """A ComfyUI that was started here: its `url`, `process`, `log` file, and the `folder` that it writes to."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]", log: Path, folder: Path):
        self.url, self.process, self.log, self.folder = url, process, log, folder

    def alive(self) -> None:
        """Raises LongTakeError where the process has ended."""
        code = self.process.poll()
        if code == -9:
            raise LongTakeError("ComfyUI was killed, as systems do where memory runs out")
        if code is not None:
            raise LongTakeError(f"ComfyUI ended (exit code {code}): {last_words(read_log(self.log))}")

    def ready(self) -> bool:
        """Whether it answers."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.url.rpartition(":")[2]), timeout=5)
        try:
            connection.request("GET", "/prompt")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """Ends the process and what it started; does nothing where it has ended."""
        try:
            if self.process.poll() is None:
                self._signal(kill=False)
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(STOP_SECONDS)
        finally:
            if self.process.poll() is None:
                self._signal(kill=True)
                self.process.wait()

    def _signal(self, *, kill: bool) -> None:
        with suppress(ProcessLookupError):
            if os.name == "nt":
                self.process.terminate()
            else:
                os.killpg(self.process.pid, signal.SIGKILL if kill else signal.SIGTERM)


def end_with_parent(parent: int | None = None) -> Callable[[], None] | None:
    """What a child of process `parent`, by default this one, runs first, so that the system kills it when that process (on Linux:
    the thread that started it) ends in any way, `kill -9` too. None where the C library knows no such thing."""
    import ctypes

    try:
        prctl, parent = ctypes.CDLL(None).prctl, parent or os.getpid()
    except (OSError, AttributeError):
        return None

    def begin() -> None:
        prctl(SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it ended in between
            os._exit(1)

    return begin


def launch(
    comfy: Path,
    folder: Path,
    *,
    cpu: bool | None = None,
    extra: Sequence[str] = (),
    timeout: float = START_SECONDS,
    output: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """Starts that ComfyUI on a free port and gives it once it answers.

    It writes to `folder`, which must exist, and puts out what it makes in `output`, by default there too; `environment` are more
    variables for it; `cpu` None looks whether there is another device; `extra` are more options
    for its command line. Raises LongTakeError with the telling line of the log where it does not start.
    """
    python = find_python(comfy)
    folders = {name: folder / name for name in ("output", "input", "temp", "user")}
    folders["output"] = output or folders["output"]
    for path in folders.values():
        path.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "comfyui.log"
    command = [str(python), str(comfy / "main.py"), "--listen", "127.0.0.1", "--port", str(port)]
    command += [word for name, path in folders.items() for word in (f"--{name}-directory", str(path))]
    command += ["--database-url", "sqlite:///:memory:", "--disable-auto-launch", "--disable-api-nodes"]
    command += ["--max-upload-size", str(UPLOAD_MB)]
    if cpu or (cpu is None and needs_cpu(python)):
        command.append("--cpu")
    if installed_as(comfy) is None:
        command += link_pack(folder)
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", **(environment or {})}
    try:
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*command, *extra],
                cwd=comfy,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=variables,
                start_new_session=True,  # Ctrl-C is ours to pass on: it interrupts the graph first
                preexec_fn=end_with_parent() if sys.platform.startswith("linux") else None,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
    except OSError as error:
        raise LongTakeError(f"{python}: cannot be started ({error.strerror})") from None
    server = Server(f"http://127.0.0.1:{port}", process, log, folder)
    try:
        deadline = time.monotonic() + timeout
        while not server.ready():
            server.alive()
            if time.monotonic() > deadline:
                raise LongTakeError(f"ComfyUI did not answer within {timeout:g} s; allow more with --start-timeout")
            time.sleep(0.25)
        server.alive()
    except BaseException:
        server.stop()
        raise
    return server


@contextmanager
def serve(
    comfy: Path,
    work: Path | None = None,
    *,
    bring: Iterable[str] = (),
    cpu: bool | None = None,
    extra: Sequence[str] = (),
    timeout: float = START_SECONDS,
) -> Iterator[Server]:
    """A server for the length of a `with` block, stopped whatever happens.

    Its folders lie in `work`, which stays, or in a temporary folder, which goes. After a failure the log stays, and so
    does what the server had put out by then; the error says where. `bring` are names of files in the install's input
    folder that the server needs in its own.
    """
    folder = Path(tempfile.mkdtemp(prefix="longtake-run-")) if work is None else work
    keep: tuple[str, ...] = ()
    server: Server | None = None
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(Timeout):
            lock.acquire(timeout=0)
        if not lock.is_locked:
            raise UsageError(f"--work {folder}: another run is using it; wait for it or give another folder")
        copy_inputs(comfy / "input", folder / "input", bring)
        server = launch(comfy, folder, cpu=cpu, extra=extra, timeout=timeout)
        yield server
    except UsageError:
        raise
    except (LongTakeError, KeyboardInterrupt) as error:
        keep = ("output",) if isinstance(error, KeyboardInterrupt) else ("output", "comfyui.log")
        notes = [str(error)] if str(error) else []
        if "comfyui.log" in keep and (folder / "comfyui.log").exists():
            notes.append(f"the server's log is {folder / 'comfyui.log'}")
        if has_files(folder / "output"):
            notes.append(f"what was made is in {folder / 'output'}, where --work {folder} goes on")
        raise type(error)("; ".join(notes)) from None
    finally:
        try:
            if server is not None:
                server.stop()
        finally:
            lock.release()
            if work is None:
                clear(folder, keep)


def has_files(folder: Path) -> bool:
    """Whether there is a file anywhere below `folder`."""
    return any(path.is_file() for path in folder.rglob("*"))


def copy_inputs(source: Path, target: Path, names: Iterable[str]) -> None:
    """Copies those of `names` that are files below `source` to the same place below `target`. Raises LongTakeError."""
    for name in names:
        try:
            path = (source / name).resolve()
            wanted = path.is_relative_to(source.resolve()) and path.is_file() and not (target / name).exists()
        except (OSError, ValueError):  # some text that is no path
            continue
        if wanted:
            try:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target / name)
            except OSError as error:
                raise LongTakeError(f"{path}: cannot be copied to {target} ({error.strerror})") from None


def clear(folder: Path, keep: Sequence[str]) -> None:
    """Removes `folder` but for the entries of those names that hold something, and links without what they lead to."""
    left = [name for name in keep if (folder / name).is_file() or has_files(folder / name)]
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name in left:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    if not left:
        shutil.rmtree(folder, ignore_errors=True)
