"""Makes artefacts again, or says which are stale: `python tools/regenerate.py [NAME ...] [--check | --accept]`.

A NAME is a kind (see --list) or the path of one artefact; without one, all that are stale are made.
"""

import argparse
import sys
from pathlib import Path
from subprocess import CalledProcessError
from types import ModuleType

import comfyui_longtake
from comfyui_longtake.errors import LongTakeError, UsageError
from comfyui_longtake.tools import canvas_pictures, film_picture, locale_files, model_card, sheets, thumbnails, workflow_forms
from comfyui_longtake.tools.artefacts import ROOT, Artefact, find_stale, write_record

KINDS: dict[str, ModuleType] = {  # in the order in which one builds on another
    "forms": workflow_forms,
    "locales": locale_files,
    "pictures": canvas_pictures,
    "thumbnails": thumbnails,
    "sheets": sheets,
    "film": film_picture,
    "figures": model_card,
}


def every_artefact() -> dict[str, list[Artefact]]:
    """Kind -> its artefacts."""
    return {kind: module.artefacts() for kind, module in KINDS.items()}


def choose(names: list[str], known: dict[str, list[Artefact]]) -> dict[str, list[Artefact]]:
    """The artefacts of these names, by kind; those that are stale without a name. Raises UsageError."""
    paths = {artefact.path for kind in known.values() for artefact in kind}
    unknown = [name for name in names if name not in known and name not in paths]
    if unknown:
        raise UsageError(f"{unknown[0]}: no artefact; kinds are {', '.join(known)}, --list shows all paths")
    stale = find_stale(artefact for kind in known.values() for artefact in kind)

    def wanted(kind: str, artefact: Artefact) -> bool:
        return kind in names or artefact.path in names if names else artefact.path in stale

    return {kind: [one for one in artefacts if wanted(kind, one)] for kind, artefacts in known.items()}


def make(chosen: dict[str, list[Artefact]], known: list[Artefact]) -> list[str]:
    """Makes them kind after kind, records each kind that came out, and gives a line for each that did not."""
    failures = []
    for kind, artefacts in chosen.items():
        failures += [f"{one.path}: by hand: {one.by_hand}" for one in artefacts if one.by_hand]
        wanted = [one for one in artefacts if not one.by_hand]
        if not wanted:
            continue
        print(f"{kind}: {', '.join(one.path for one in wanted)}", flush=True)
        try:
            KINDS[kind].make(wanted)
        except (LongTakeError, CalledProcessError, RuntimeError, ValueError) as error:
            failures.append(f"{kind}: {error}")
        else:
            write_record(wanted, known)
    return failures


def main(argv: list[str] | None = None) -> int:
    """Exit code 0: all is as it should be, 1: something is stale or could not be made, 2: wrong use."""
    parser = argparse.ArgumentParser(prog="python tools/regenerate.py", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a kind or a path; all that is stale without one")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="only say what is stale; needs no ComfyUI")
    what.add_argument("--accept", action="store_true", help="record that they are right as they are, after work by hand")
    what.add_argument("--list", action="store_true", help="name kinds and artefacts")
    arguments = parser.parse_args(argv)
    if arguments.accept and not arguments.names:
        parser.error("--accept: name what is right")
    if Path(comfyui_longtake.__file__).resolve().parent != ROOT:
        parser.error(f"this Python has another checkout of LongTake installed, {comfyui_longtake.__file__}; see CONTRIBUTING.md")
    known = every_artefact()
    everything = [artefact for artefacts in known.values() for artefact in artefacts]
    try:
        chosen = choose(arguments.names, known)
    except UsageError as error:
        parser.error(str(error))
    if arguments.list:
        lines = [f"{kind}: {artefact.path}" for kind, artefacts in known.items() for artefact in artefacts]
    elif arguments.accept:
        write_record([artefact for artefacts in chosen.values() for artefact in artefacts], everything)
        lines = []
    elif arguments.check:
        stale = find_stale(artefact for artefacts in chosen.values() for artefact in artefacts)
        lines = [f"{path}: {reason}" for path, reason in stale.items()]
    else:
        lines = make(chosen, everything)
    for line in lines:
        print(line)
    return 1 if lines and not arguments.list else 0


if __name__ == "__main__":
    sys.exit(main())
