"""Every model family the host has, tiny and random: what the probe says of it, and that known frames stay and are felt."""

import json
from pathlib import Path

import pytest
from comfyui_longtake.engine.timeline import Timeline

BUILDERS = Path(__file__).with_name("families.py")
TABLE = json.loads(Path(__file__).with_name("families.json").read_text(encoding="utf-8"))
"""Family -> what the probe must say of it."""
VIDEO = [name for name, want in TABLE.items() if want["kind"] != "none"]
FREE = {"HunyuanVideo I2V", "HunyuanVideo I2V (SkyReels)", "HunyuanVideo 1.5", "CogVideoX I2V", "CogVideoX 1.5 I2V"}
CASES = ["forward", "backward", "connect"]


def sample_families(room, path):
    """Probes and samples every family; runs in the host."""
    import dataclasses
    import importlib.util

    import torch

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    known, rows = room("host.image_conditioning"), room("host.families")

    def video(latents):
        return latents.unbind()[0] if latents.is_nested else latents

    def run(built, capability, case):
        keep = torch.zeros(built.frames, dtype=torch.bool)
        keep[:2] = case != "backward"
        keep[-2:] = case != "forward"
        texts = built.text(0), built.text(1)
        before = [(entry[0].clone(), dict(entry[1])) for text in texts for entry in text]
        given, other = built.latents(0), built.latents(1)
        mine = known.prepare(built.model, capability, *texts, given, keep)
        theirs = known.prepare(built.model, capability, *texts, other, keep)
        made, felt = (families.sample(built.model, one) for one in (mine, theirs))
        shown = families.sample(built.model, mine, (theirs.positive, theirs.negative))
        whole = mine.restore(made)
        new = [video(one)[:, :, ~keep] for one in (made, felt, shown)]
        after = [entry for text in texts for entry in text]
        return {
            "shapes": [list(one.shape) for one in (whole.unbind() if whole.is_nested else [whole])],
            "finite": all(bool(torch.isfinite(one).all()) for one in (made.unbind() if made.is_nested else [made])),
            "host": float((video(made) - video(given))[:, :, keep].abs().max()) if capability.held else None,
            "kept": bool(torch.equal(video(whole)[:, :, keep], video(given)[:, :, keep])),
            "new": bool(torch.equal(video(whole)[:, :, ~keep], new[0])),
            "felt": float((new[1] - new[0]).abs().max()),
            "shown": float((new[2] - new[0]).abs().max()),
            "untouched": all(torch.equal(a[0], b[0]) and a[1].keys() == b[1].keys() for a, b in zip(before, after, strict=True)),
            "given": bool(torch.equal(video(given), video(built.latents(0)))),
        }

    found = {}
    with torch.inference_mode():
        for name in families.FAMILIES:
            built = families.build(name, room)
            capability = rows.probe(built.model)
            told = {**dataclasses.asdict(capability), "words": room("host.model_report").describe(capability)}
            count = sum(weight.numel() for weight in built.model.model.diffusion_model.parameters())
            cases = ["forward", "backward", "connect"] if capability.kind != "none" else []
            found[name] = {"told": told, "count": count, "cases": {case: run(built, capability, case) for case in cases}}
    return found


@pytest.fixture(scope="module")
def families(in_host):
    """What `sample_families` found, of all families in one process."""
    return in_host(sample_families, path=str(BUILDERS), timeout=1200)


def test_every_builder_has_a_row(families):
    assert set(families) == set(TABLE)
    assert all(found["count"] < 2_000_000 for found in families.values())


@pytest.mark.parametrize("name", TABLE)
def test_the_probe_knows_it(families, name):
    want, told = TABLE[name], families[name]["told"]
    assert told["family"] == want["family"]
    for field in ("kind", "spatial", "multiple", "channels", "fps", "audio", "known"):
        assert told[field] == want[field], field
    assert told["needs"] == want["needs"]
    assert Timeline(**told["timeline"]) == Timeline(**want["timeline"])
    words = told["words"]
    assert words.startswith(told["family"]) and words.endswith(".") and "\n" not in words
    assert want["kind"] == "none" or f"multiples of {want['multiple']} pixels" in words
    if want["kind"] != "none":
        assert "early frame is kept in view" in words and "A window is" in words
    if name in ("Wan 2.1 T2V", "Wan 2.2 A14B T2V (or Wan 2.1 T2V 14B)"):
        assert "image to video (I2V) or VACE" in words
    if name == "Wan 2.2 A14B I2V":
        assert "81 frames it was trained on" in words and "SVI 2 Pro" in words and "needs its VAE and a picture" in words
        assert "40 steps, cfg 3.5, shift 5" in words


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", VIDEO)
def test_known_frames_stay_and_are_felt(families, name, case):
    run = families[name]["cases"][case]
    frames = {"CogVideoX 1.5 T2V": 6, "CogVideoX 1.5 I2V": 6, "MiniMax H3": 7}.get(name, 5)
    assert run["shapes"][0] == [1, TABLE[name]["channels"], frames, 4, 6] and len(run["shapes"]) == 1 + TABLE[name]["audio"]
    assert run["finite"]
    assert run["kept"]  # bit for bit when restored
    if name in FREE:  # known frames stand in channels of their own, all of what is sampled is noise
        assert run["host"] is None
    else:
        assert run["host"] < 1e-5  # within rounding by the host
    assert run["new"] and run["felt"] > 1e-6
    assert run["untouched"] and run["given"]


@pytest.mark.parametrize("name", [name for name in VIDEO if TABLE[name]["needs"]])
def test_conditioning_carries_the_known_frames(families, name):
    """Other known frames in the conditioning alone change what is made; Kandinsky 5 takes only those at the beginning."""
    cases = families[name]["cases"]
    for case in CASES if name != "Kandinsky 5" else ["forward", "connect"]:
        assert cases[case]["shown"] > 1e-6, case


def read_vaes(room):
    """What the probe reads off VAEs; runs in the host."""
    import dataclasses
    from types import SimpleNamespace

    rules = {
        "wan": (lambda a: max(0, a * 4 - 3), 8, 8),
        "ltx": (lambda a: max(0, a * 8 - 7), 32, 32),
        "mochi": (lambda a: max(0, a * 6 - 5), 8, 8),
        "h3": (lambda a: max(1, (a - 2) // 5 * 17 + 5), 16, 16),
        "box": (lambda a: a * 4, 16, 16),
        "odd": (lambda a: a * a, 8, 8),
        "picture": 8,
    }
    found = {}
    for name, rule in rules.items():
        vae = SimpleNamespace(latent_dim=2 if name == "picture" else 3, upscale_ratio=rule, latent_channels=16)
        try:
            timeline, spatial, channels = room("host.families").probe_vae(vae)
            found[name] = [dataclasses.asdict(timeline), spatial, channels]
        except room("errors").UsageError as error:
            found[name] = str(error)
    return found


def test_vaes(in_host):
    found = in_host(read_vaes)
    h3 = Timeline(1, 4, cycle=5, multiple=5, offset=2)
    wanted = {
        "wan": (Timeline(1, 4), 8),
        "ltx": (Timeline(1, 8), 32),
        "mochi": (Timeline(1, 6), 8),
        "h3": (h3, 16),
        "box": (Timeline(4, 4), 16),
    }
    for name, (timeline, spatial) in wanted.items():
        assert (Timeline(**found[name][0]), *found[name][1:]) == (timeline, spatial, 16), name
    assert all(isinstance(found[name], str) and "\n" not in found[name] for name in ("odd", "picture"))
