"""`longtake film --plan`: a command for each chain, for whoever hands out work: Slurm, Deadline, a shell."""

import json
import shlex
from collections.abc import Sequence

from ..errors import LongTakeError
from .film_plan import FilmPlan
from .terminal import say


def write_jobs(plan: FilmPlan, words: Sequence[str]) -> None:
    """Writes a command for each chain that is missing, and the one that then puts the film together, as lists of words; `words` are
    those of this command. Prints them too. Raises LongTakeError where the file cannot be written."""
    assert plan.jobs is not None
    given = without(words, "--plan")
    end = given.index("--") if "--" in given else len(given)
    folder = [] if any(word.partition("=")[0] == "--folder" for word in given) else ["--folder", str(plan.folder.path)]
    common = ["longtake", *given[:end], *folder]
    rest = given[end:]
    missing = plan.folder.missing(plan.chains)
    commands = [[*common, "--chain", str(chain.number), *rest] for chain in missing]
    jobs = [
        {"chain": chain.number, "seconds": chain.seconds, "command": command}
        for chain, command in zip(missing, commands, strict=True)
    ]
    content = {"film": str(plan.output), "folder": str(plan.folder.path), "jobs": jobs, "then": [*common, *rest]}
    try:
        plan.jobs.write_text(json.dumps(content, indent=1), encoding="utf-8")
    except OSError as error:
        raise LongTakeError(f"--plan {plan.jobs}: cannot be written ({error.strerror})") from None
    for command in commands:
        say(shlex.join(command))


def without(words: Sequence[str], option: str) -> list[str]:
    """A command line without an option and its value."""
    left, skip = [], False
    for word in words:
        if skip or word.startswith(f"{option}="):
            skip = False
        elif word == option:
            skip = True
        else:
            left.append(word)
    return left
