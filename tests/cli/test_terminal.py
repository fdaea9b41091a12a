"""What is said: nothing of others steers the terminal, lines end, and Ctrl-C is one line whenever it comes."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from comfyui_longtake.cli import bars, terminal
from comfyui_longtake.cli.terminal import LINE, Teller, printable, say
from comfyui_longtake.farm import comfy
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

HOSTILE = "\x1b[2J\x1b]0;title\x07\r\x9b31m \u202e\ud800 name"


@given(st.text())
def test_any_text_is_one_printable_line(text):
    line = printable(text)
    assert line.isprintable() and len(line) <= LINE


def test_both_ends_of_a_long_line_stay():
    line = printable("given " + "x" * 100_000 + " do this")
    assert line.startswith("given x") and line.endswith("do this") and len(line) == LINE
    assert printable("a\n b\t c") == "a b c" and printable("x" * 500, None) == "x" * 500


def test_printed_lines_keep_their_columns(capsys):
    say(f"frames   8\nprompt   {HOSTILE}\n{'x' * 9000}")
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0] == "frames   8" and lines[1].startswith("prompt   ??")) or lines[1].startswith("prompt   ?")
    assert len(lines) == 3 and all(line.isprintable() and len(line) <= LINE for line in lines)


def test_a_reel_cannot_clear_the_screen(longtake, tmp_path):
    from comfyui_longtake.engine.timeline import Timeline
    from comfyui_longtake.reel.record import ReelHeader, ReelRecord, ShotRecord
    from comfyui_longtake.reel.store import Reel

    with Reel.open(tmp_path / "reel", ReelHeader(HOSTILE, (3, 2, 2), Timeline(4, 4))) as reel:
        reel.record = ReelRecord(8.0, 16, [ShotRecord(HOSTILE * 1000, 1)], [1])
    index = json.loads((tmp_path / "reel/reel.json").read_text())
    (tmp_path / "reel/reel.json").write_text(json.dumps(index | {"longtake": HOSTILE}))
    code, out, err = longtake("inspect", "reel")
    assert code == 0, err
    assert all(line.isprintable() and len(line) <= LINE for line in out.splitlines()), out
    code, out, err = longtake("inspect", HOSTILE.replace("\ud800", ""))
    assert code == 1 and err.strip().isprintable() and len(err.splitlines()) == 1


def test_warnings_of_the_reader_wait_for_the_end_and_go_where_it_fails(capsys):
    teller = Teller("reader")
    for name in ("reader", "other"):
        teller.emit(logging.LogRecord(name, logging.WARNING, "", 0, f"{name} {HOSTILE}", None, None))
    teller.stream.flush()
    assert "reader" not in (said := capsys.readouterr().err) and "other" in said and "\x1b" not in said
    teller.tell()
    assert "reader" in capsys.readouterr().err
    teller.tell()
    assert not capsys.readouterr().err


def began(*words, **options):
    """The command in a process of its own that heeds Ctrl-C, as in a shell."""
    return subprocess.Popen(
        [sys.executable, "-m", "comfyui_longtake", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **options,
    )


def imported(process, name, seconds=60):
    """Waits until the process has a file open or mapped whose path has `name`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if name in Path(f"/proc/{process.pid}/maps").read_text():
            return
        time.sleep(0.002)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
@pytest.mark.parametrize("wait", [0.0, 0.05, 0.2, 0.6, 1.2])
@pytest.mark.parametrize("twice", [False, True])
def test_ctrl_c_while_modules_are_imported(tmp_path, wait, twice):
    with began("render", "a dog", "--seconds", "60", cwd=tmp_path) as process:
        imported(process, "_ctypes")  # Python itself has begun, and the command with it
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        if twice:
            time.sleep(0.02)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT) and not out, err  # a shell calls both 130
    assert "Traceback" not in err and err.splitlines()[-1].startswith("longtake: interrupted"), err


def test_ctrl_c_where_nothing_can_be_raised_comes_again():
    program = (
        "import signal, sys, time, weakref; from comfyui_longtake.__main__ import Interrupts\n"
        "interrupts = Interrupts(); signal.signal(signal.SIGINT, interrupts.hit)\n"
        "sys.unraisablehook = interrupts.unraisable\n"
        "class Thing: pass\n"
        "thing = Thing(); watch = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))\n"
        "try:\n    del thing; time.sleep(30)\n"
        "except KeyboardInterrupt:\n    print('heard', interrupts.count)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (answer.stdout, answer.stderr, answer.returncode) == ("heard 1\n", "", 0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the parent-death signal of Linux")
def test_a_server_ends_with_a_killed_parent(tmp_path):
    program = (
        "import subprocess, sys, time; from comfyui_longtake.farm.comfy import end_with_parent\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True, preexec_fn=end_with_parent())\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        parent.kill()
    deadline = time.monotonic() + 5
    while running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not running(child)
    assert comfy.end_with_parent() is not None


def running(pid):
    """Whether that process runs; one that has ended and waits to be asked does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(("silence", "least"), [(60.0, 1), (0.02, 3)])
def test_waiting_is_said_when_it_takes_long_and_again_when_it_goes_on(monkeypatch, silence, least):
    monkeypatch.setattr(terminal, "PATIENCE", 0.05)
    monkeypatch.setattr(terminal, "SILENCE", silence)
    console, end = Console(file=io.StringIO(), force_terminal=False), time.monotonic() + 30
    with terminal.waiting(console, "reading"):
        while len(console.file.getvalue().splitlines()) < least and time.monotonic() < end:
            time.sleep(0.02)
    lines = console.file.getvalue().splitlines()
    assert set(lines) == {"reading …"} and len(lines) >= least and (silence < 1 or len(lines) == 1)


def test_waiting_that_is_short_is_not_said(monkeypatch):
    monkeypatch.setattr(terminal, "PATIENCE", 30.0)
    console = Console(file=io.StringIO(), force_terminal=False)
    with terminal.waiting(console, "reading"):
        pass
    time.sleep(0.05)
    assert console.file.getvalue() == ""


def test_a_second_interruption_of_a_run_is_not_heeded():
    from comfyui_longtake.cli.run import Stop

    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        stop._hit()
    stop._hit()


def test_a_warning_that_waits_is_said_once(capsys):
    teller = Teller("reader")
    for text in ("a ends early", "b ends early", "a ends early"):
        teller.handle(logging.LogRecord("reader", logging.WARNING, "", 0, text, (), None))
    teller.tell()
    assert capsys.readouterr().err.splitlines() == ["a ends early", "b ends early"]


def test_work_that_nobody_can_watch_is_told_of_line_by_line(monkeypatch):
    monkeypatch.setattr(terminal, "SILENCE", 0.02)
    heard = io.StringIO()
    end = time.monotonic() + 30
    with bars.working(Console(file=heard, force_terminal=False), "step [1]") as say:
        while "step [1]" not in heard.getvalue() and time.monotonic() < end:
            time.sleep(0.02)
        say("step [2]")
        while "step [2]" not in heard.getvalue() and time.monotonic() < end:
            time.sleep(0.02)
    lines = heard.getvalue().splitlines()
    assert lines[0] == "step [1]" and "step [2]" in lines
    before = heard.getvalue()
    time.sleep(0.1)
    assert heard.getvalue() == before


def test_work_is_told_of_with_its_share_and_never_by_quiet_consoles(monkeypatch):
    monkeypatch.setattr(terminal, "SILENCE", 0.02)
    heard = io.StringIO()
    with bars.Bars(console=Console(file=heard, force_terminal=False)) as shown:
        shown.update(shown.add_task("sampling", total=4.0), completed=1.0)
        end = time.monotonic() + 30
        while "25 %" not in heard.getvalue() and time.monotonic() < end:
            time.sleep(0.02)
    assert "sampling, 25 %" in heard.getvalue()
    silent = io.StringIO()
    with bars.working(Console(file=silent, force_terminal=False, quiet=True), "x"):
        time.sleep(0.1)
    assert silent.getvalue() == ""
