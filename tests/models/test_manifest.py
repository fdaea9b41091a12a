"""Manifests written by somebody else: whatever they say, one line names what does not fit, soon, and nothing large is built."""

import copy
import hashlib
import json
import os

import pytest
from comfyui_longtake.errors import UsageError, WeightsError
from comfyui_longtake.models.load import WEIGHTS, load_bundle, load_dit, load_state, load_vae, pick_device
from comfyui_longtake.models.manifest import MANIFEST, read_manifest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

BOX = json.loads((WEIGHTS / MANIFEST).read_text(encoding="utf-8"))
ODD = [None, "8", [], {}, -1, 0, 10**400, 1e308, float("nan"), float("inf"), True, "\0", "\ud800", [[8]], {"a": 1}]


def written(folder, manifest):
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def place(manifest, path, value):
    changed = copy.deepcopy(manifest)
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return changed


def one_line(call, *words):
    with pytest.raises(WeightsError) as caught:
        call()
    text = str(caught.value)
    assert text.isprintable() and len(text) < 400 and all(word in text for word in words), text


@pytest.mark.parametrize("value", ODD, ids=ascii)
@pytest.mark.parametrize("name", ["shift", "fps", "steps", "window", "world"])
def test_a_card_of_another_type(tmp_path, name, value):
    if (name, value) == ("window", {}):
        return  # all of it as usual
    one_line(
        lambda: read_manifest(written(tmp_path, place(BOX, ["info", name], value))), name, "allowed" if value != {"a": 1} else ""
    )


@pytest.mark.parametrize("value", [0, -8, 10**6, 10**30, 2.5, "256", None], ids=str)
@pytest.mark.parametrize(
    ("net", "name"), [("dit", "depth"), ("dit", "width"), ("dit", "head"), ("vae", "spatial"), ("vae", "channels")]
)
def test_a_net_of_another_size(tmp_path, net, name, value):
    one_line(lambda: read_manifest(written(tmp_path, place(BOX, ["nets", net, "config", name], value))), net, name, "allowed is")


@pytest.mark.parametrize("widths", [[0, 0, 0], [64, 128], [64, 128, "192"], 64, None, [64, 128, 10**9]], ids=str)
def test_widths_of_another_form(tmp_path, widths):
    one_line(lambda: load_vae(written(tmp_path, place(BOX, ["nets", "vae", "config", "encoder"], widths))), "encoder", "3 numbers")


@pytest.mark.parametrize(("name", "value"), [("width", 8192), ("depth", 256)])
def test_a_net_larger_than_its_files_is_not_built(tmp_path, name, value):
    for file in WEIGHTS.glob("dit-*"):
        os.link(file, tmp_path / file.name) if os.stat(file).st_dev == os.stat(tmp_path).st_dev else (
            (tmp_path / file.name).write_bytes(file.read_bytes())
        )
    one_line(lambda: load_dit(written(tmp_path, place(BOX, ["nets", "dit", "config", name], value))), "too few")


@pytest.mark.parametrize(
    "name", ["a\0.safetensors", "\ud800.safetensors", "\x1b[2J.safetensors", "x" * 9999 + ".safetensors"], ids=ascii
)
def test_names_no_file_has(tmp_path, name):
    manifest = place(BOX, ["nets", "vae", "files"], {name: "0" * 64})
    one_line(lambda: load_vae(written(tmp_path, manifest)), "not a weight file of its own folder")


def test_a_folder_no_system_has(tmp_path):
    one_line(lambda: load_bundle("cpu", tmp_path / "a\0b"))


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"version": 1, "nets": ' * 50_000, b" " * 5_000_000], ids=["lists", "objects", "long"]
)
def test_deep_and_long_json(tmp_path, content):
    (tmp_path / MANIFEST).write_bytes(content)
    one_line(lambda: read_manifest(tmp_path), "reinstall")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / MANIFEST)
    one_line(lambda: read_manifest(tmp_path), "not a file")
    (tmp_path / MANIFEST).unlink()
    os.mkfifo(tmp_path / "vae-1.safetensors")
    one_line(lambda: load_vae(written(tmp_path, BOX)), "not a file")


def test_a_weight_file_without_tensors(tmp_path):
    blob = save({})
    (tmp_path / "a.safetensors").write_bytes(blob)
    manifest = place(BOX, ["nets", "reader", "files"], {"a.safetensors": hashlib.sha256(blob).hexdigest()})
    one_line(lambda: load_state("reader", written(tmp_path, manifest)), "is empty")


@pytest.mark.parametrize("name", ["meta", "hpu", "privateuseone", "\0", "cuda:-3", "é"])
def test_devices_that_hold_no_numbers(name):
    with pytest.raises(UsageError, match="use auto or cpu"):
        pick_device(name)


def spots(value, path=()):
    """Paths of all that is inside a JSON value."""
    for name in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, name)
        yield from spots(value[name], (*path, name))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(spots(BOX), key=str)), JSON | st.sampled_from(ODD))
@example(("nets",), {"\n": None})
def test_any_value_anywhere_is_taken_or_named(tmp_path_factory, path, value):
    folder = written(tmp_path_factory.mktemp("weights"), place(BOX, path, value))
    try:
        read_manifest(folder)
        from comfyui_longtake.models.box import capability_of

        capability_of(read_manifest(folder)["info"], 128, 4, 16)
    except WeightsError as error:
        assert "\n" not in str(error)
