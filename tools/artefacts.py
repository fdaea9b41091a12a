"""Artefacts and the record of what each was made from, by which one can tell without making it whether it is stale.

The record, `artefacts.json`, has a hash of its sources for every artefact. Sources are hashed by what they mean: JSON by its
data, Python by its syntax without docstrings, so that formatting and words about the code make nothing stale.
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(__file__).resolve().parent / "artefacts.json"


@dataclass(frozen=True)
class Artefact:
    """A file that is made from others.

    `path` and `sources` are below the root; `settings` is whatever else shapes it, as text; `by_hand` says how a person makes it
    where no command does.
    """

    path: str
    sources: tuple[str, ...] = ()
    settings: str = ""
    by_hand: str = ""

    def digest(self) -> str:
        """Hash of the sources as they are now; a source that is gone counts as empty."""
        parts = [self.settings.encode(), *(meaning(ROOT / source) for source in self.sources)]
        return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


def meaning(path: Path) -> bytes:
    """What of a source file can change what is made from it."""
    if not path.is_file():
        return b""
    data = path.read_bytes()
    if path.suffix == ".json":
        return json.dumps(json.loads(data), sort_keys=True).encode()
    if path.suffix == ".py":
        return ast.dump(without_docstrings(ast.parse(data))).encode()
    return data.replace(b"\r\n", b"\n")


def without_docstrings(tree: ast.Module) -> ast.Module:
    """The tree, with strings that stand alone taken out."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [line for line in node.body if not is_text(line)]
    return tree


def is_text(line: ast.stmt) -> bool:
    """Whether a statement is nothing but a string."""
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def face(node: str) -> str:
    """What one sees of one of our nodes: its title, inputs with their defaults, outputs, as its help page lists them.

    Tests hold the pages to the schemas, so this follows the schemas without ComfyUI.
    """
    page = ROOT / "js/docs" / f"{node}.md"
    if not page.is_file():
        return node
    text = page.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)`(.*)$", text, re.MULTILINE)
    defaults = [(name, *(found.strip() for found in re.findall(r"default ([^;|]+)", row))) for name, row in rows]
    return json.dumps([text.partition("\n")[0], defaults])


def read_record() -> dict[str, str]:
    """Path of an artefact -> hash of the sources it was made from."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}


def write_record(made: Iterable[Artefact], known: Iterable[Artefact]) -> None:
    """Records that `made` are of the sources as they are now, and forgets what is not `known` any more."""
    paths = {artefact.path for artefact in known}
    record = {path: digest for path, digest in read_record().items() if path in paths}
    record |= {artefact.path: artefact.digest() for artefact in made}
    RECORD.write_text(json.dumps(dict(sorted(record.items())), indent=1) + "\n", encoding="utf-8")


def find_stale(artefacts: Iterable[Artefact]) -> dict[str, str]:
    """Path -> why it is stale."""
    record, reasons = read_record(), {}
    for artefact in artefacts:
        if not (ROOT / artefact.path).is_file():
            reasons[artefact.path] = "is not there"
        elif artefact.path not in record:
            reasons[artefact.path] = "nobody knows what it was made from"
        elif record[artefact.path] != artefact.digest():
            reasons[artefact.path] = "its sources have changed"
    return reasons
