"""Figures beside the weights: the table of the model card from an evaluation, and the plot of the comparison."""

from pathlib import Path

from ..errors import LongTakeError
from .artefacts import ROOT, Artefact
from .thumbnails import WEIGHTS

CARD = "models/weights/README.md"
EVALUATION = ROOT / "evaluation"
FIRST = "| share of right answers, % |"


def artefacts() -> list[Artefact]:
    """The card is made where `longtake evaluate` has left its figures in evaluation/; the comparison takes hours and a person."""
    compare = "longtake compare --prompts 6 --seconds 20 -o comparison, then copy comparison.png and the table of comparison.md"
    return [Artefact(CARD, (WEIGHTS,)), Artefact("docs/comparison.png", (WEIGHTS,), by_hand=compare)]


def make(wanted: list[Artefact]) -> None:
    """Puts the table of accuracies of evaluation/ into the card; the other tables of the card are written by hand.

    Raises LongTakeError where there is no evaluation, one older than the weights, or a card without the table.
    """
    for artefact in wanted:
        figures = EVALUATION / "evaluation.md"
        if not (EVALUATION / "evaluation.json").is_file() or not figures.is_file():
            raise LongTakeError(f"{figures}: is not there; run longtake evaluate --prompts 40 --clips 50 --longs 20")
        if figures.stat().st_mtime < (ROOT / WEIGHTS).stat().st_mtime:
            raise LongTakeError(f"{figures}: is older than the weights; run longtake evaluate again")
        card = ROOT / artefact.path
        text = replace_table(card.read_text(encoding="utf-8"), read_table(figures))
        card.write_text(text, encoding="utf-8")


def read_table(path: Path) -> list[str]:
    """The rows of the table of accuracies. Raises LongTakeError where there is none."""
    start, end = table_of(path.read_text(encoding="utf-8").splitlines(), path.name)
    return path.read_text(encoding="utf-8").splitlines()[start:end]


def replace_table(card: str, rows: list[str]) -> str:
    """The card with these rows for its table of accuracies. Raises LongTakeError where it has none."""
    lines = card.splitlines()
    start, end = table_of(lines, CARD)
    return "\n".join([*lines[:start], *rows, *lines[end:]]) + "\n"


def table_of(lines: list[str], name: str) -> tuple[int, int]:
    """Where the table of accuracies begins and ends. Raises LongTakeError."""
    start = next((number for number, line in enumerate(lines) if line.startswith(FIRST)), None)
    if start is None:
        raise LongTakeError(f"{name}: has no table that begins with {FIRST!r}")
    end = next((number for number in range(start, len(lines)) if not lines[number].startswith("|")), len(lines))
    return start, end
