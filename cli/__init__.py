"""The `longtake` command: parser, dispatch, and every failure turned into one line and an exit code."""

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import NoReturn

from .. import __version__
from ..errors import LongTakeError, UsageError
from . import bench, compare, evaluate, film, finish, inspect, render, run, train, verify, world
from .terminal import Teller, forgive, printable

INTERRUPTED = 130
DASH = "a prompt that begins with a dash comes last, after --, and a file so: -o=-a.mp4"
PACKAGE = __package__.rpartition(".")[0]
COMMANDS = (render, film, run, finish, inspect, verify, bench, compare, world, train, evaluate)


class Parser(argparse.ArgumentParser):
    """argparse that raises UsageError instead of printing the whole usage and leaving."""

    def error(self, message: str) -> NoReturn:
        """Raises UsageError with argparse's message on one line."""
        dash = message.startswith("unrecognized arguments: -") or message.endswith("expected one argument")
        hint = f"; {DASH}" if dash else ""
        raise UsageError(f"{printable(message, 160)}{hint} (see {self.prog} --help)")


def build_parser() -> Parser:
    """The parser of all commands; each command's module adds its own part."""
    parser = Parser(prog="longtake", description="One prompt, or a list of shots, becomes one coherent take.")
    parser.add_argument("--version", action="version", version=f"longtake {__version__}")
    parser.add_argument("--verbose", action="store_true", help="log what happens, and tracebacks of failures")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code: 0, 1 failed, 2 wrong use, 130 interrupted; what `verify` found."""
    verbose = "--verbose" in (sys.argv[1:] if argv is None else argv)
    forgive(sys.stdout, sys.stderr)
    handler = Teller(None if verbose else f"{PACKAGE}.media.read")
    if not verbose:
        handler.addFilter(worth_saying)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="longtake: %(message)s", handlers=[handler])
    try:
        arguments = build_parser().parse_args(argv)
        arguments.argv = argv
        code = arguments.run(arguments) or 0
        handler.tell()
        return code
    except LongTakeError as error:
        return _fail(str(error), error.exit_code, verbose)
    except KeyboardInterrupt as error:
        return _fail(str(error) or "interrupted", INTERRUPTED, verbose)
    except BrokenPipeError:
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", 1, verbose)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "out of memory" not in str(error) and "allocate" not in str(error):
            raise
        return _fail("out of memory: give a smaller --size, or another --device", 1, verbose)


def worth_saying(record: logging.LogRecord) -> bool:
    """Our own warnings and everybody's errors; what a stopped writer has kept is said by the command itself."""
    if record.name == f"{PACKAGE}.media.write":
        return record.levelno >= logging.ERROR
    return record.levelno >= (logging.WARNING if record.name.startswith(PACKAGE) else logging.ERROR)


def _fail(message: str, code: int, verbose: bool) -> int:
    if verbose:
        logging.getLogger(__name__).error("failed", exc_info=True)
    print(printable(f"longtake: {message}"), file=sys.stderr)
    return code
