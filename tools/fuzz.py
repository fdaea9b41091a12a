"""Hostile input by the thousand: `python tools/fuzz.py [--seed N] [--count N] [--processes N] [--kind KIND] [--keep DIR]`.

Arguments, lists of shots, answers of servers, reels, manifests of weights and media are made and then spoilt at random, each
from its own seed, and read as the command line reads them. Each must give a result or one printable line and a right exit
code, within seconds, and leave no file behind. Exit code 0: all did, 1: some did not; they are named with their seeds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from comfyui_longtake.cli import main as longtake
from comfyui_longtake.farm.client import failure, refusal
from comfyui_longtake.farm.graph import input_specs
from comfyui_longtake.farm.graph_outputs import find_outputs
from comfyui_longtake.tools import hostile

HANG = 20
"""Seconds that any input may take."""
MEMORY = 2 * 2**30
LINE = 302
"""Characters of the one line, its name and line end among them."""


@dataclass
class Case:
    """One input: words of a command line, or a call; what it was made from lies in `folder`."""

    words: list[str] = field(default_factory=list)
    call: Callable[[], object] | None = None


def arguments(random: random.Random, folder: Path) -> Case:
    """A command line that comes to its end before anything is sampled, or samples one frame of 16x16."""
    file = hostile.film(folder, "h264.mp4")
    words = random.choice(
        [
            ["render", "a dog", "--frames", "1", "--size", "16x16", "--steps", "1", "-o", "a.png"],
            ["render", "--extend", str(file), "--seconds", "1", "--no-such"],
            ["render", "a dog", "--keyframe", f"9={file}", "--seconds", "2"],
            ["render", "--shots", "none.txt", "--fps", "8", "--seed", "1"],
            ["inspect", str(file), "--joins", "3,4", "--quiet"],
            ["run", "none.json", "--set", "1.seed=2", "--server", "http://127.0.0.1:1"],
            ["world", "--no-such"],
            ["train", "none"],
        ]
    )
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(words))
        spoil = random.choice(("word", "drop", "twice", "letters"))
        if spoil == "word":
            words[at] = random.choice(hostile.WORDS)
        elif spoil == "drop" and len(words) > 1:
            del words[at]
        elif spoil == "twice":
            words.insert(at, words[at])
        else:
            words[at] = hostile.text(random, words[at])
    words = [word.replace("\0", "")[:100_000] for word in words]  # no system hands on a NUL
    quick = words[:1] != ["render"] or any(word in words for word in ("--no-such", "none.txt"))
    return Case(words if quick or {"16x16", "1"} <= set(words) else [*words, "--no-such"])


def shots(random: random.Random, folder: Path) -> Case:
    """A list of shots, as text or JSON; a word that is not known ends the render before it begins."""
    as_json = random.random() < 0.5
    good = json.dumps([{"prompt": "a dog", "seconds": 4, "seed": 2, "cut": True}, "a cat"]) if as_json else hostile.SHOTS
    path = folder / ("shots.json" if as_json else "shots.txt")
    content = (
        json.dumps(hostile.value(random, json.loads(good))) if as_json and random.random() < 0.7 else hostile.text(random, good)
    )
    path.write_bytes(content.encode("utf-8", "surrogatepass") if random.random() < 0.8 else hostile.data(random, good.encode()))
    return Case(["render", "--shots", str(path), "--device", "none", "--reel", str(folder / "no"), "-o", str(folder / "a.mp4")])


def answers(random: random.Random, folder: Path) -> Case:
    """What a server says, read as the client reads it."""
    read, good = random.choice(
        [
            (find_outputs, hostile.ENTRY),
            (lambda entry: failure(hostile.GRAPH, entry), hostile.ENTRY),
            (lambda answer: refusal(hostile.GRAPH, answer), hostile.REFUSAL),
            (input_specs, hostile.INFO),
        ]
    )
    spoilt = hostile.value(random, good)
    return Case(call=lambda: read(spoilt if isinstance(spoilt, dict) else {}))


def reels(random: random.Random, folder: Path) -> Case:
    """A reel, its index or a segment spoilt, hashes made to fit half of the time."""
    return Case(["inspect", str(hostile.reel(random, folder / "reel")), *random.choice([[], ["--json"]])])


def manifests(random: random.Random, folder: Path) -> Case:
    """A folder of weights whose manifest is spoilt."""
    weights = hostile.weights(random, folder / "weights")
    return Case(["render", "a dog", "--frames", "1", "--size", "16x16", "--weights", str(weights), "-o", str(folder / "a.png")])


def media(random: random.Random, folder: Path) -> Case:
    """A film or picture with bytes spoilt."""
    path = hostile.spoilt_film(random, folder)
    return Case(["inspect", str(path), "--quiet"])


KINDS: dict[str, Callable[[random.Random, Path], Case]] = {
    one.__name__: one for one in (arguments, shots, answers, reels, manifests, media)
}


class Hang(BaseException):
    """An input that takes too long."""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raises Hang after HANG seconds."""

    def hang(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(HANG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Works in a folder for a while."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def files(folder: Path) -> set[str]:
    """All that is below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def judge(code: int, said: str, before: set[str], after: set[str]) -> str | None:
    """What is wrong with a command that ended so; None where nothing is."""
    lines = [line for line in said.splitlines() if not line.startswith(("note:", "longtake: note")) and not line.endswith(" …")]
    if "Traceback" in said:
        return "a traceback"
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if code and len(lines) != 1:
        return f"{len(lines)} lines: {said[:200]!r}"
    if code and (len(lines[0]) > LINE or not lines[0].isprintable()):
        return f"no printable line of {LINE}: {lines[0][:200]!r}"
    left = {name for name in after - before if code}
    return f"left behind: {', '.join(sorted(left)[:4])}" if left else None


def here(case: Case, folder: Path) -> str | None:
    """Runs a case in this process and gives what is wrong."""
    before, out, err = files(folder), io.StringIO(), io.StringIO()
    try:
        with limited(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), inside(folder):
            code = 0
            if case.call is not None:
                case.call()
            else:
                code = longtake(case.words)
    except Hang:
        return f"more than {HANG} s"
    except SystemExit as end:  # --help and --version
        code = int(end.code or 0)
    except Exception:  # noqa: BLE001 - whatever comes is what is looked for
        return traceback.format_exc(limit=-3)
    return judge(code, err.getvalue(), before, files(folder))


def alone(case: Case, folder: Path) -> str | None:
    """Runs a command line as a process of its own and gives what is wrong."""
    before = files(folder)
    command = [sys.executable, "-m", "comfyui_longtake", *case.words]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=HANG, check=False)
    except subprocess.TimeoutExpired:
        return f"more than {HANG} s"
    except UnicodeEncodeError:  # words that no process can be given
        return None
    except (ValueError, OSError) as error:
        return None if "embedded null" in str(error) or getattr(error, "errno", 0) == 7 else str(error)
    return judge(done.returncode, done.stderr.decode("utf-8", "replace"), before, files(folder))


def fuzz(seed: int, count: int, kinds: list[str], run: Callable[[Case, Path], str | None], keep: Path | None = None) -> list[str]:
    """Tries inputs number `seed` to `seed` + `count` and gives a line for each that went wrong."""
    wrong = []
    for number in range(seed, seed + count):
        dice = random.Random(number)
        kind = kinds[number % len(kinds)]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            case = KINDS[kind](dice, folder)
            begin = time.monotonic()
            found = run(case, folder)
            if found is not None:
                wrong.append(f"{kind}, seed {number}, {time.monotonic() - begin:.1f} s: {found}")
                print(wrong[-1], flush=True)
                if keep is not None:
                    os.makedirs(keep, exist_ok=True)
                    os.rename(folder, keep / f"{kind}-{number}")
                    folder.mkdir()
    return wrong


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python tools/fuzz.py", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="number of the first input (0)")
    parser.add_argument("--count", type=int, default=10_000, help="inputs in this process (10000)")
    parser.add_argument("--processes", type=int, default=0, help="inputs, each in a process of its own (0)")
    parser.add_argument("--kind", choices=KINDS, help="of one kind only")
    parser.add_argument("--keep", type=Path, help="a folder that keeps what went wrong")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    kinds = [arguments.kind] if arguments.kind else list(KINDS)
    wrong = fuzz(arguments.seed, arguments.count, kinds, here, arguments.keep)
    own = [kind for kind in kinds if kind != "answers"]
    wrong += fuzz(arguments.seed, arguments.processes, own, alone, arguments.keep)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * 1024
    if peak > MEMORY:
        wrong.append(f"{peak / 2**20:.0f} MiB at most")
    print(f"{arguments.count + arguments.processes} inputs, {len(wrong)} wrong, {peak / 2**20:.0f} MiB at most")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
