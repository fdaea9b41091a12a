"""The evaluation runs on untrained weights and writes a table of what it measured."""

import itertools
import json

import pytest
import torch
from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.lab.training import evaluate as module
from comfyui_longtake.lab.training import likeness
from comfyui_longtake.lab.training.evaluate import Plan, chance, evaluate, generate, markdown, write
from comfyui_longtake.lab.training.reader import reader_accuracy
from comfyui_longtake.lab.world.reader import Reader
from comfyui_longtake.models.load import Bundle, load_dit, load_recaptioner, load_vae, read_manifest
from comfyui_longtake.models.prompts.scene import ATTRIBUTES, SMALL

PLAN = Plan(prompts=1, clips=1, pairs=4, longs=1, size=(32, 48), seconds=1.0, steps=1)


@pytest.fixture
def bundle(tiny_weights, encoder):
    info = read_manifest(tiny_weights)["info"]
    recaption = load_recaptioner(encoder, tiny_weights)
    return Bundle(encoder, load_vae(tiny_weights), load_dit(tiny_weights), info, recaption)


def test_chance_is_one_over_the_number_of_values():
    row = chance(SMALL)
    assert row["subject"] == 1 / 6 and row["all"] == pytest.approx(1 / (6 * 6 * 4 * 3 * 3 * 4 * 3))


def test_reader_accuracy_is_what_the_reader_gets_right():
    reader = Reader(8).eval()
    with torch.no_grad():
        for head in reader.heads.values():
            head.weight.zero_()
            head.bias.zero_()
            head.bias[0] = 1.0
    row = reader_accuracy(reader, SMALL, 12, size=(16, 16))
    scenes = [SMALL.sample(20_000_000 + i, held_out=None).labels() for i in range(12)]
    assert {k: row[k] for k in ATTRIBUTES} == {k: pytest.approx(sum(s[k] == 0 for s in scenes) / 12) for k in ATTRIBUTES}
    assert row["all"] == pytest.approx(sum(not any(s.values()) for s in scenes) / 12)


def test_generate_is_reproducible_and_of_the_asked_length(bundle):
    a = generate(bundle, "a red dog", PLAN, 3, 1.0)
    assert a.shape == (1, 8, 32, 48, 3) and a.isfinite().all()
    assert torch.equal(a, generate(bundle, "a red dog", PLAN, 3, 1.0))
    assert not torch.equal(a, generate(bundle, "a red dog", PLAN, 4, 1.0))


def test_everything_is_measured_and_written(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "reader_accuracy", lambda *a, **k: dict.fromkeys((*ATTRIBUTES, "all"), 1.0))
    told = []

    def tell(doing, result):
        told.append(doing)
        assert not result.finished and len(write(result, PLAN, tmp_path / "so far")) == 2  # a stop loses nothing

    monkeypatch.setattr(module, "MINUTE", 10.0)
    monkeypatch.setattr(likeness, "ROUNDS", 2)
    result = evaluate(bundle, Reader(8).eval(), SMALL, PLAN, tell)
    names = " ".join(result.rows)
    judged = ("chance", "held-out renders", "VAE", "new wording", "synonyms", "samples beside", "renders beside", "minute")
    for part in (*judged, "forward", "backward", "connected", "loop"):
        assert part in names
    assert len(told) >= 6 and len(result.strips) == 3
    paths = write(result, PLAN, tmp_path / "out")
    assert all(p.stat().st_size > 0 for p in paths)
    data = json.loads(paths[0].read_text(encoding="utf-8"))
    assert data["rows"].keys() == result.rows.keys() and data["plan"]["steps"] == 1
    table = markdown(result)
    assert table == paths[1].read_text(encoding="utf-8") and all(name in table for name in result.rows)
    assert "100.0" in table and "held-out renders (400)" in table
    before = json.loads((tmp_path / "so far" / "evaluation.json").read_text(encoding="utf-8"))
    assert not before["finished"] and data["finished"] and before["rows"].items() <= data["rows"].items()


def test_a_minute_is_judged_at_the_joins_of_its_windows(bundle):
    joins = module._minute_joins(bundle, PLAN)
    per, windows = bundle.vae.frames_per_latent, Settings.of(bundle.capability, steps=1).windows
    assert joins[0] == per * windows.size
    steps = {second - first for first, second in itertools.pairwise(joins[:-1])}
    assert steps == {per * windows.new} and joins[-1] < 60 * PLAN.fps
