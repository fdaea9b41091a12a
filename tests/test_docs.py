"""Help pages and translations of the nodes against their schemas, read from the source: ComfyUI is not needed."""

import ast
import importlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "js/docs"
LANGUAGES = ("en", "zh")


def literal(expression, names):
    """A constant, or what a name of the module stands for; None for anything else."""
    if isinstance(expression, ast.Subscript):
        whole = literal(expression.value, names)
        return whole.get(literal(expression.slice, names)) if isinstance(whole, dict) else None
    if isinstance(expression, ast.Name):
        expression = names.get(expression.id)
    try:
        return ast.literal_eval(expression) if expression is not None else None
    except ValueError:
        return None


def keywords(call, names):
    """Keyword arguments of a call that are constants, those of a **NAME among them."""
    found = {}
    for keyword in call.keywords:
        value = literal(keyword.value, names)
        found |= {keyword.arg: value} if keyword.arg else value or {}
    return found


def returned(function):
    """What a function returns."""
    return next(line.value for line in function.body if isinstance(line, ast.Return))


def elements(expression, scope):
    """Calls in a list of inputs or outputs, with what names, attributes and helper functions of the module stand for put in."""
    if isinstance(expression, (ast.List, ast.Tuple)):
        return [call for element in expression.elts for call in elements(element, scope)]
    if isinstance(expression, ast.Starred):
        return elements(expression.value, scope)
    if isinstance(expression, (ast.Name, ast.Attribute)) and ast.unparse(expression) in scope:
        return elements(scope[ast.unparse(expression)], scope)
    if isinstance(expression, ast.Call) and ast.unparse(expression.func) in scope:
        return elements(returned(scope[ast.unparse(expression.func)]), scope)
    return [expression]


def members(body, prefix=""):
    """Functions and assigned values of a module or class, by name."""
    found = {prefix + line.name: line for line in body if isinstance(line, ast.FunctionDef)}
    plain = {prefix + ast.unparse(line.targets[0]): line.value for line in body if isinstance(line, ast.Assign)}
    return found | plain | {prefix + line.target.id: line.value for line in body if isinstance(line, ast.AnnAssign) and line.value}


def imported(tree):
    """Plain values that a module imports from the room media, by name."""
    found = {}
    for line in tree.body:
        if isinstance(line, ast.ImportFrom) and line.level == 2 and (line.module or "").startswith("media."):
            module = importlib.import_module(f"comfyui_longtake.{line.module}")
            found |= {one.name: getattr(module, one.name) for one in line.names}
    return {name: tree for name, value in found.items() if (tree := written(value)) is not None}


def written(value):
    """A plain value as the source has it; None for anything else."""
    try:
        return ast.parse(repr(value), mode="eval").body
    except SyntaxError:
        return None


def schemas(path):
    """Node id -> (display name, input id -> its constants, index -> name of each output that has one)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = imported(tree) | members(tree.body)
    classes = {line.name: line for line in tree.body if isinstance(line, ast.ClassDef)}
    found = {}
    for own in classes.values():
        bases = [classes[base.id] for base in own.bases if isinstance(base, ast.Name) and base.id in classes]
        scope = module | {name: value for one in (*bases, own) for name, value in members(one.body, "cls.").items()}
        define = scope.get("cls.define_schema")
        if define is None:
            continue
        scope |= members(define.body)
        given = {keyword.arg: keyword.value for keyword in returned(define).keywords}
        node = literal(scope.get(ast.unparse(given["node_id"]), given["node_id"]), module)
        if not isinstance(node, str):
            continue  # what others are built on
        name = literal(scope.get(ast.unparse(given["display_name"]), given["display_name"]), module)
        inputs = {literal(one.args[0], module): keywords(one, scope) for one in elements(given["inputs"], scope)}
        outputs = [keywords(one, scope).get("display_name") for one in elements(given["outputs"], scope)]
        found[node] = (name, inputs, {str(place): name for place, name in enumerate(outputs) if name})
    return found


NODES = {node: schema for path in sorted((ROOT / "nodes").glob("*.py")) for node, schema in schemas(path).items()}


def page(node):
    return (PAGES / f"{node}.md").read_text(encoding="utf-8")


def translations(language):
    return json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))


def shown(default):
    """A default as a page writes it."""
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:g}" if isinstance(default, (int, float)) else default


def test_schemas_were_found():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "nodes").glob("*.py"))
    classes = re.findall(r"^class (LongTake\w+)\((?:io\.ComfyNode|TakeNode)\)", source, re.M)
    assert sorted(NODES) == sorted(classes) and "LongTakeLoader" in NODES
    assert list(NODES["LongTakeNoise"][1]) == ["seed", "kind", "first", "window", "shots"]


def test_pages_and_pictures_are_those_of_the_nodes():
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted(NODES)
    assert sorted(path.stem for path in (PAGES / "images").iterdir()) == sorted(NODES)


@pytest.mark.parametrize("node", NODES)
def test_page_names_title_inputs_and_outputs(node):
    title, inputs, outputs = NODES[node]
    text = page(node)
    assert text.startswith(f"# {title}\n")
    rows = {row[1]: row[0] for row in re.finditer(r"^\| `(\w+)`.*$", text.partition("## Outputs")[0], re.M)}
    assert set(inputs) <= set(rows)
    for name, given in inputs.items():
        default = given.get("default")
        if default not in (None, "") and "\n" not in str(default):
            assert shown(default) in re.split(r"[|\s`]+", rows[name]), f"{name}: default {shown(default)}"
    for name in outputs.values():
        assert f"`{name}`" in text.partition("## Outputs")[2]


@pytest.mark.parametrize("node", NODES)
def test_picture_of_the_page_is_there_and_small(node):
    (link,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page(node))
    assert link == f"images/{node}.jpg"
    data = (PAGES / link).read_bytes()
    assert data[:3] == b"\xff\xd8\xff" and len(data) < 80_000


@pytest.mark.parametrize("node", NODES)
def test_page_names_no_node_that_does_not_exist(node):
    assert set(re.findall(r"\bLongTake[A-Z]\w*", page(node))) <= set(NODES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_translation_has_every_node_input_and_output(language):
    found = translations(language)
    assert set(found) == set(NODES)
    for node, (_, inputs, outputs) in NODES.items():
        entry = found[node]
        assert set(entry["inputs"]) == set(inputs), node
        assert set(entry.get("outputs", {})) == set(outputs), node
        named = [*entry["inputs"].values(), *entry.get("outputs", {}).values()]
        texts = [entry["display_name"], entry["description"], *(one[key] for one in named for key in ("name", "tooltip"))]
        for text in texts:
            assert text.strip() and not set("{}@|") & set(text), f"{node}: {text!r}"  # the front-end gives those a meaning


def test_english_is_what_the_schemas_say():
    found = translations("en")
    for node, (title, inputs, outputs) in NODES.items():
        entry = found[node]
        assert entry["display_name"] == title
        assert {place: one["name"] for place, one in entry.get("outputs", {}).items()} == outputs
        for name, given in inputs.items():
            assert entry["inputs"][name]["name"] == name
            if "tooltip" in given:
                assert entry["inputs"][name]["tooltip"] == given["tooltip"], f"{node}.{name}"


def test_templates_are_named_unlike_those_of_the_host():
    """The host's browser indexes all templates by name: one that is there twice ends its search for everybody."""
    names = [path.stem for path in (ROOT / "workflows").glob("*.json")]
    assert names and all(name.startswith("longtake_") for name in names)
    assert sorted(names) == sorted(f"longtake_{path.stem}" for path in (ROOT / "workflows/api").glob("*.json"))
