"""Runs: exact resumption, averages, schedules, logs, and refusals of a damaged folder."""

import json
import random

import pytest
import torch
from comfyui_longtake.errors import WeightsError
from comfyui_longtake.lab.training.muon import Muon
from comfyui_longtake.lab.training.run import EMA, Run, fastest_dtype, save_strip
from torch import nn

LONG = 1e6


def make(out, *, kind="muon", total=LONG, minutes=1.0, seed=0, width=16, **options):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(12, width), nn.Tanh(), nn.Linear(width, 10))
    optimizer = Muon(model, 0.02, 0.01) if kind == "muon" else torch.optim.AdamW(model.parameters(), 0.01)
    return Run(out, model, optimizer, minutes=minutes, total=total, warmup=1, **options)


def loss_of(run, step):
    g = torch.Generator().manual_seed(step)
    return (run.model(torch.randn(8, 12, generator=g)) - 1).square().mean()


def go(run, clock, count):
    """`count` steps of a second each, then the segment's time is over."""
    run.minutes = count / 60
    for step in run.steps():
        run.update(loss_of(run, step))
        clock.now += 1
    return run


def state(run):
    slots = run.optimizer.state_dict()["state"]
    return {
        "step": run.step,
        "ema steps": run.ema.steps,
        **{f"model {k}": v for k, v in run.model.state_dict().items()},
        **{f"ema {k}": v for k, v in run.ema.shadow.items()},
        **{f"slot {i} {k}": torch.as_tensor(v) for i, s in slots.items() for k, v in s.items()},
    }


def same(a, b):
    assert a.keys() == b.keys()
    for k in a:
        assert torch.equal(torch.as_tensor(a[k]), torch.as_tensor(b[k])), k


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_resumed_run_equals_one_that_never_stopped(tmp_path, clock, kind):
    whole = go(make(tmp_path / "whole", kind=kind), clock, 12)
    first = go(make(tmp_path / "parts", kind=kind), clock, 5)
    again = make(tmp_path / "parts", kind=kind, seed=9)
    assert again.step == 5 and again.spent == pytest.approx(5)
    same(state(first), state(again))
    same(state(whole), state(go(again, clock, 7)))
    assert len({k for k in state(whole) if k.startswith("slot")}) >= 4


def test_a_run_that_breaks_down_is_saved_first(tmp_path, clock):
    run = make(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        for step in run.steps():
            if step == 3:
                raise KeyboardInterrupt
            run.update(loss_of(run, step))
            clock.now += 1
    again = make(tmp_path)
    assert again.step == again.ema.steps == 3
    same(state(run), state(again))


def test_a_run_saves_now_and_then(tmp_path, clock):
    run = make(tmp_path, every=4.0)
    run.minutes = 10.0
    saved = []
    for step in run.steps():
        clock.now += 1
        if (tmp_path / "state.json").exists():
            saved.append(json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))["step"])
        if step == 12:
            break
    assert sorted(set(saved)) == [5, 10]


def test_time_is_counted_over_all_segments_and_ends_with_the_plan(tmp_path, clock):
    go(make(tmp_path, total=10 / 60), clock, 6)
    rest = go(make(tmp_path, total=10 / 60), clock, 100)
    assert rest.step == 10 and rest.progress() == pytest.approx(1.0)
    before = state(rest)
    over = go(make(tmp_path, total=10 / 60), clock, 100)
    assert over.step == 10
    same(before, state(over))


def test_learning_rate_warms_up_holds_and_decays(tmp_path, clock):
    run = make(tmp_path, total=100 / 60, minutes=LONG, decay=0.4)
    run.warmup = 10
    rates = []
    for _ in run.steps():
        rates.append([g["lr"] for g in run.optimizer.param_groups])
        clock.now += 1
    matrix = [r[0] / 0.02 for r in rates]
    assert matrix == pytest.approx([r[1] / 0.01 for r in rates])
    assert matrix[:10] == pytest.approx([(k + 1) / 10 for k in range(10)])
    assert matrix[10:60] == pytest.approx([1.0] * 50)
    assert matrix[60:] == pytest.approx([(100 - k) / 40 for k in range(60, 100)])


def test_average_follows_the_model_slowly_and_copies_counters():
    model = nn.BatchNorm1d(1)
    average = EMA(model, 0.9)
    with torch.no_grad():
        model.weight.fill_(2.0)
    model.num_batches_tracked += 7
    seen = []
    for _ in range(200):
        average.update(model)
        seen.append(float(average.shadow["weight"]))
    assert seen[0] == pytest.approx(1 + 1 - 2 / 11) and seen[-1] == pytest.approx(2.0, abs=1e-4)
    assert average.shadow["num_batches_tracked"] == 7 and average.steps == 200
    with torch.no_grad():
        model.weight.fill_(3.0)
    average.update(model)
    assert float(average.shadow["weight"]) == pytest.approx(2.1, abs=1e-4)


def test_a_bad_gradient_is_skipped(tmp_path, clock, caplog):
    run = make(tmp_path)
    go(run, clock, 2)
    before = state(run)
    run.update(loss_of(run, 0) * float("nan"))
    same(before, state(run))
    assert "not finite" in caplog.text
    run.update(loss_of(run, 0))
    assert all(p.isfinite().all() for p in run.model.parameters()) and run.ema.steps == 3


def test_log_and_picture_of_the_loss(tmp_path, clock):
    go(make(tmp_path), clock, 25)
    go(make(tmp_path), clock, 10)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [r["step"] for r in rows] == [0, 10, 20, 30]
    assert rows[-1]["loss"] < rows[0]["loss"] and rows[-1]["seconds"] == pytest.approx(30)
    assert (tmp_path / "loss.png").read_bytes()[:4] == b"\x89PNG"
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("harm", ["state", "truncated", "missing", "other net"])
def test_a_folder_that_cannot_be_continued_is_named(tmp_path, clock, harm):
    go(make(tmp_path), clock, 2)
    path = tmp_path / "checkpoint.safetensors"
    if harm == "state":
        (tmp_path / "state.json").write_text("{", encoding="utf-8")
    if harm == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    if harm == "missing":
        path.unlink()
    with pytest.raises(WeightsError) as e:
        make(tmp_path, width=20 if harm == "other net" else 16)
    assert str(tmp_path) in str(e.value) and "another folder" in str(e.value) and "\n" not in str(e.value)


def test_fastest_dtype_is_one_of_two_and_bfloat16_on_a_gpu():
    assert fastest_dtype(torch.device("cpu")) in (torch.float32, torch.bfloat16)
    assert fastest_dtype(torch.device("cuda")) == torch.bfloat16


def test_a_strip_has_one_row_a_clip(tmp_path):
    from PIL import Image

    rng = random.Random(0)
    values = [rng.random() for _ in range(6)]
    clips = [torch.stack([torch.full((4, 5, 3), v) for v in values[i : i + 3]]) for i in (0, 3)]
    save_strip(tmp_path / "a.png", clips)
    picture = Image.open(tmp_path / "a.png")
    assert picture.size == (15, 8)
    shown = [picture.getpixel((2 + 5 * (k % 3), 1 + 4 * (k // 3)))[0] for k in range(6)]
    assert shown == [round(v * 255) for v in values]
