"""`longtake verify`: what files of any maker prove and say about where they came from."""

import argparse
import json
from pathlib import Path

from ..errors import MediaError
from .terminal import printable, say


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Options of `longtake verify`."""
    parser = subparsers.add_parser(
        "verify",
        help="whether files are signed, altered, marked as made by AI",
        description="Looks for a C2PA signature, the invisible mark, and records in plain text, in files of any maker. "
        "Ends with 0: made by AI, 1: altered, 2: cannot be read, 3: nothing found, which proves nothing; of several files the "
        "worst: 1, 2, 3, 0.",
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="videos and pictures")
    parser.add_argument("--json", action="store_true", help="print JSON, a list with one entry a file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints what is found, and gives the exit code of the worst file."""
    from ..media.verify import EXIT, UNREADABLE, verify

    entries, codes = [], set()
    for path in arguments.files:
        try:
            found = verify(path)
        except MediaError as error:
            entries.append({"file": str(path), "verdict": UNREADABLE, "words": str(error)})
            codes.add(EXIT[UNREADABLE])
            lines = [f"verdict   {error}"]
        else:
            entries.append(found.as_dict())
            codes.add(EXIT[found.verdict])
            lines = found.lines()
        if not arguments.json:
            say("\n".join([printable(str(path)), *(f"  {' '.join(line.splitlines())}" for line in lines)]))
    if arguments.json:
        print(json.dumps(entries))
    return next(code for code in (1, 2, 3, 0) if code in codes)
