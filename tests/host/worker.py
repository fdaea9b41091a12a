"""Runs snippets inside the host's interpreter, with the host importable and the pack loaded the way the host loads it.

Started as `python worker.py HOST_ROOT PACK_ROOT FOLDER`. Reads one JSON object a line, `{"code": str, "values": {...}}`, and
answers with one, `{"result": ...}` or `{"error": traceback}`; what snippets print goes to standard error.
"""

import importlib
import importlib.util
import inspect
import json
import os
import sys
import traceback

NAME = "custom_nodes_longtake"


def start(host: str, folder: str) -> None:
    """Makes the host's modules importable, on the CPU, with folders of its own."""
    sys.path[0] = host  # was the folder of this file
    sys.argv = ["x", "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    import folder_paths

    for kind in ("output", "input", "temp", "user"):
        path = os.path.join(folder, kind)
        os.makedirs(path, exist_ok=True)
        getattr(folder_paths, f"set_{kind}_directory")(path)


def load(root: str):
    """The pack as a module whose name has no dots, so that its relative imports work as under custom_nodes/."""
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(NAME, os.path.join(root, "__init__.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[NAME] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[NAME]
            raise
    return sys.modules[NAME]


def room(name: str):
    """A module of the pack, such as `host.model`."""
    return importlib.import_module(f"{NAME}.{name}")


def work(root: str, job: dict):
    """The `result` that the snippet sets, or what its function `call` returns."""
    known = {"pack": load(root), "room": room}
    space = {**known, **job["values"], "__name__": "snippet"}
    exec(compile(job["code"], "<in_host>", "exec"), space)
    if not job.get("call"):
        return space.get("result")
    function = space[job["call"]]
    given = {name: known[name] for name in inspect.signature(function).parameters if name in known}
    return function(**given, **job["values"])


def main() -> None:
    host, root, folder = sys.argv[1:4]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # prints of host, pack and snippets must not mix with answers
    try:
        start(host, folder)
        broken = None
    except Exception:  # noqa: BLE001 - whatever it is, each snippet is told
        broken = traceback.format_exc()
    for line in sys.stdin:
        try:
            answer = {"error": broken} if broken else {"result": work(root, json.loads(line))}
            text = json.dumps(answer)
        except BaseException:  # noqa: BLE001 - the test gets it, even an exit, and the next snippet still runs
            text = json.dumps({"error": traceback.format_exc()})
        answers.write(text + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
