"""Whole command lines on the tiny bundle: 64x48 pixels, four steps."""

import json

import pytest
import torch
from comfyui_longtake.cli import main


@pytest.fixture(autouse=True)
def one_thread():
    """Small nets are fastest on one thread, above all where tests run beside each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def longtake(tmp_path, monkeypatch, capsys):
    """`longtake(*words)` runs in an empty folder and gives (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def render(longtake, tiny_weights):
    """`render(*words)` renders with the tiny bundle and gives its JSON report."""

    def run(*words):
        size = [] if any(word in words for word in ("--size", "--extend", "--connect", "--remix")) else ["--size", "64x48"]
        code, out, err = longtake("render", *words, *size, "--weights", tiny_weights, "--json", "--quiet")
        assert code == 0, err
        return json.loads(out)

    return run
