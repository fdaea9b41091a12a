"""The house: arrows between rooms point down, files hold one idea, functions can be read at a glance, names mean one thing."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BELOW = {
    "engine": set(),
    "metrics": set(),
    "media": set(),
    "reel": {"engine", "metrics"},
    "take": {"engine", "metrics", "reel"},
    "models": {"engine"},
    "guard": {"models"},
    "host": {"engine", "metrics", "reel", "take", "models", "media", "guard"},
    "nodes": {"host", "media", "guard"},
    "farm": {"engine", "metrics", "reel", "take", "media"},
    "lab": {"engine", "metrics", "reel", "take", "models", "media", "guard"},
    "cli": {"engine", "metrics", "reel", "take", "models", "media", "guard", "farm", "lab"},
    "tools": {"cli", "farm", "media", "models"},
}
"""Which rooms each may import, beside itself and the root's errors."""
FILES = sorted(path for room in BELOW for path in (ROOT / room).rglob("*.py"))
LINES, FUNCTION_LINES = 400, 60
LONGER = {
    "lab/training/dit.py batch_loss",
    "models/prompts/captions.py caption",
}
"""Functions of the laboratory and its grammar that are one list of steps, or of clauses, in order; cut up, nobody could follow."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def rooms_imported(path: Path) -> set[str]:
    """Rooms that a file imports relatively, at its head or inside a function."""
    package, found = path.relative_to(ROOT).parts[:-1], set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            parts = [*base, *(node.module or "").split(".")] if node.module else list(base)
            names = [parts[0]] if parts else [alias.name for alias in node.names]
            found |= {name for name in names if (ROOT / name).is_dir()}
    return found - {package[0]}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_arrows_point_down(path):
    assert rooms_imported(path) <= BELOW[path.relative_to(ROOT).parts[0]]


def test_every_room_is_known():
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert rooms == set(BELOW)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    long = {f"{name_of(path)} {node.name}" for node in functions if node.end_lineno - node.lineno >= FUNCTION_LINES}
    assert long <= LONGER
    assert not {name for name in LONGER - long if name.startswith(f"{name_of(path)} ")}, "no longer long: take it off the list"


def test_torch_is_not_needed_to_read_a_command_line():
    """Help, wrong options and shot lists answer before anything heavy is imported."""
    for path in [*(ROOT / "cli").glob("*.py"), *(ROOT / "farm").glob("*.py"), ROOT / "take/shots.py", ROOT / "media/codecs.py"]:
        head = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, (ast.Import, ast.ImportFrom))]
        heavy = {alias.name.partition(".")[0] for node in head if isinstance(node, ast.Import) for alias in node.names}
        heavy |= {(node.module or "").partition(".")[0] for node in head if isinstance(node, ast.ImportFrom) and not node.level}
        allowed = {"torch"} if path.name in ("clips.py", "take_frames.py", "pixels.py") else set()
        assert not heavy & {"torch", "transformers", "safetensors", "kornia", "matplotlib", "av"} - allowed, path


def test_only_the_record_names_what_a_reel_keeps():
    words = ("join_frames", "retried_windows")
    for path in FILES:
        strings = {node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant)}
        if path.parent.name != "reel":
            assert not strings & set(words), path
