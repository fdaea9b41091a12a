"""Whole command lines on the tiny bundle: 64x48 pixels, four steps."""

import json

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Small nets are fastest on one thread, above all where tests run beside each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def render(longtake, tiny_weights):
    """`render(*words)` renders with the tiny bundle and gives its JSON report."""

    def run(*words):
        size = [] if any(word in words for word in ("--size", "--extend", "--connect", "--remix")) else ["--size", "64x48"]
        code, out, err = longtake("render", *words, *size, "--weights", tiny_weights, "--json", "--quiet")
        assert code == 0, err
        return json.loads(out)

    return run
