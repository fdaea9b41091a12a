"""Wan 2.2's two experts in one sampler run: who is called when, and that known frames stay."""

from pathlib import Path

import pytest

BUILDERS = Path(__file__).with_name("families.py")
KINDS = ["Wan 2.2 A14B I2V", "Wan 2.2 A14B T2V (or Wan 2.1 T2V 14B)"]


def sample_experts(room, path, kind):
    """Two experts in one run; runs in the host."""
    import importlib.util

    import comfy.samplers
    import torch

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    known, experts, probe = room("host.image_conditioning"), room("host.expert_guider"), room("host.families")
    calls = []

    def watched(model, name):
        model = model.clone()
        model.model_options["transformer_options"]["who"] = name

        def call(apply, given):
            told = given["c"]["transformer_options"]
            calls.append([name, told["who"], round(float(given["timestep"][0]), 3), len(told["sample_sigmas"])])
            return apply(given["input"], given["timestep"], **given["c"])

        model.set_model_unet_function_wrapper(call)
        return model

    with torch.inference_mode():
        built = families.build(kind, room)
        high, low = watched(built.model, "high"), watched(families.build(kind, room).model, "low")
        for weight in low.model.diffusion_model.parameters():
            weight.data.mul_(1.05)
        keep = torch.tensor([True, True, False, False, True])
        video, sigmas = built.latents(), torch.tensor([1.0, 0.95, 0.9, 0.5, 0.2, 0.0])
        mine = known.prepare(high, probe.probe(high), built.text(0), built.text(1), video, keep)

        def run(guider, sampler="euler", **cfg):
            guider.set_conds(mine.positive, mine.negative)
            guider.set_cfg(3.0, **cfg)
            return families.run(guider, mine, sigmas, sampler)

        def difference(one, other):
            return float((one - other).abs().max())

        made = run(experts.ExpertsGuider(high, low, 0.9))
        found = {"calls": calls[:], "host": difference(made[:, :, keep], video[:, :, keep])}
        alone = [run(comfy.samplers.CFGGuider(one)) for one in (high, low)]
        found["mixed"] = [difference(made, one) for one in alone]
        found["high alone"] = difference(run(experts.ExpertsGuider(high, low, 0.0)), alone[0])
        found["swapped"] = difference(run(experts.ExpertsGuider(low, high, 0.0)), alone[1])
        found["one model"] = difference(run(experts.ExpertsGuider(high, high.clone(), 0.6)), alone[0])
        found["cfg"] = difference(run(experts.ExpertsGuider(high, low, 0.9), low_cfg=1.0), made)
        calls.clear()
        run(experts.ExpertsGuider(high, low, 0.7), "heun")
        found["heun"] = [[call[0], call[2]] for call in calls]
        added = run(experts.ExpertsGuider(high, low, 0.9), "euler_cfg_pp")
        found["cfg++"] = [bool(torch.isfinite(added).all()), difference(added, made)]
        found["options"] = [sorted(one.model_options["transformer_options"]) for one in (high, low)]
        found["idle"] = [one.model.current_patcher is None for one in (high, low)]

        def refused(call):
            try:
                call()
            except room("errors").UsageError as error:
                return str(error)

        other = families.build("Wan VACE", room).model
        found["refused"] = [
            refused(lambda: experts.ExpertsGuider(high, other)),
            refused(lambda: experts.ExpertsGuider(high, low, 1.5)),
            refused(lambda: experts.ExpertsGuider(high, None)),
        ]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_two_experts_share_one_run(in_host, kind):
    found = in_host(sample_experts, path=str(BUILDERS), kind=kind)
    assert all(call[0] == call[1] and call[3] == 6 for call in found["calls"])
    order = [(call[0], call[2]) for call in found["calls"]]
    assert list(dict.fromkeys(order)) == [("high", 1.0), ("high", 0.95), ("high", 0.9), ("low", 0.5), ("low", 0.2)]
    assert found["host"] < 1e-5 and min(found["mixed"]) > 1e-4
    assert found["high alone"] == found["swapped"] == found["one model"] == 0
    assert found["cfg"] > 1e-4
    assert [name for name, level in found["heun"] if level > 0.7] == ["high"] * sum(level > 0.7 for _, level in found["heun"])
    assert {name for name, level in found["heun"] if level < 0.7} == {"low"}
    assert found["cfg++"][0] and found["cfg++"][1] > 1e-5
    assert found["options"] == [["who"], ["who"]] and found["idle"] == [True, True]
    assert all(message and "\n" not in message for message in found["refused"])


def take_with_experts(room, path, kind, other):
    """Takes and a stock sampler run by the node's guider; runs in the host."""
    import importlib.util

    import comfy.samplers
    import torch
    from comfy_extras.nodes_custom_sampler import RandomNoise, SamplerCustomAdvanced

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    film, known, probe, nodes = (
        room("host.operations"),
        room("host.image_conditioning"),
        room("host.families"),
        room("nodes.take_sampling"),
    )
    calls = []

    def watched(who):
        built = families.build(kind, room)

        def call(apply, given):
            calls.append((who, round(float(given["timestep"][0]), 3), sorted(set(given["cond_or_uncond"]))))
            return apply(given["input"], given["timestep"], **given["c"])

        built.model.set_model_unet_function_wrapper(call)
        return built

    def guider(high, low, boundary=0.875, texts=None, cfg=3.0, low_cfg=1.0):
        texts = texts or (built.text(0), built.text(1))
        return nodes.LongTakeExperts.execute(high, low, *texts, cfg=cfg, low_cfg=low_cfg, boundary=boundary).result[0]

    def refused(*given, **more):
        try:
            guider(*given, **more)
        except room("errors").UsageError as error:
            return str(error)

    with torch.inference_mode():
        built, low = watched("high"), watched("low").model
        high, sigmas, clip = built.model, torch.tensor([1.0, 0.9, 0.8, 0.4, 0.0]), {"samples": built.latents(0)}
        for weight in low.model.diffusion_model.parameters():
            weight.data.mul_(1.05)
        euler, pair = comfy.samplers.sampler_object("euler"), guider(high, low)
        one = room("host.sampling").from_guider(pair, euler, sigmas, seed=4, window=6)
        given, found = clip["samples"], {}
        for direction, place in (("forward", slice(5)), ("backward", slice(-4, None))):
            calls.clear()
            made = film.extend(one, clip, 3.0, 16.0, direction).latent["samples"]
            found[direction] = {
                "length": made.shape[2],
                "kept": torch.equal(made[:, :, place], given[:, :, place]),
                "finite": bool(made.isfinite().all()),
                "calls": sorted({(who, level, *conds) for who, level, conds in calls}),
            }
        after = built.latents(7)
        joined = film.stitch(one, [("a", clip), ("b", {"samples": after})], 1.0, 16.0).latent["samples"]
        found["connect"] = [torch.equal(joined[:, :, :5], given), torch.equal(joined[:, :, -4:], after[:, :, -4:])]
        calls.clear()
        film.remix(one, clip, 0.5)
        found["remix"] = [call[:2] for call in calls]

        keep = torch.tensor([True, True, False, False, False])
        mine = known.prepare(high, probe.probe(high), built.text(0), built.text(1), given, keep)
        pair = guider(high, low, texts=(mine.positive, mine.negative))
        noise = RandomNoise.execute(4).result[0]
        calls.clear()
        stock, clean = SamplerCustomAdvanced.execute(noise, pair, euler, sigmas, mine.latent()).result
        found["stock"] = {
            "kept": float((stock["samples"] - given)[:, :, keep].abs().max()),
            "calls": [call[:2] for call in calls],
            "made": float((stock["samples"] - given)[:, :, ~keep].abs().mean()),
            "clean": bool(clean["samples"].isfinite().all()),
            "again": torch.equal(
                SamplerCustomAdvanced.execute(noise, pair, euler, sigmas, mine.latent()).result[0]["samples"], stock["samples"]
            ),
        }

        names = ("SD15", "QwenImage", "Wan 2.1 I2V", "Mochi", "Cosmos 1 T2V", other)
        nan, others = float("nan"), {name: families.build(name, room).model for name in names}
        cosmos = others["Cosmos 1 T2V"]
        found["refused"] = {
            "pictures": refused(others["SD15"], others["SD15"]),
            "video VAE": refused(high, others["QwenImage"]),
            "nothing": refused(high, None),
            "object": refused(object(), low),
            "task": refused(high, others[other]),
            "older": refused(others["Wan 2.1 I2V"], low),
            "class": refused(high, others["Mochi"]),
            "levels": refused(cosmos, cosmos.clone()),
            "above": refused(high, low, 1.5),
            "below": refused(high, low, -0.1),
            "nan": refused(high, low, nan),
            "infinite": refused(high, low, float("inf")),
            "cfg": refused(high, low, cfg=nan),
            "low_cfg": refused(high, low, low_cfg=nan),
        }
    return found


REFUSED = {
    "pictures": "high: BaseModel makes pictures",
    "video VAE": "low: QwenImage makes pictures",
    "nothing": "low: not a MODEL",
    "object": "high: not a MODEL",
    "task": "high is Wan 2.2 A14B",
    "older": "high is Wan 2.1 I2V, low is Wan 2.2 A14B",
    "class": "low is Mochi",
    "levels": "Cosmos 1 has noise levels up to",
    "above": "boundary 1.5",
    "below": "boundary -0.1",
    "nan": "boundary nan",
    "infinite": "boundary inf",
    "cfg": "cfg nan",
    "low_cfg": "low_cfg nan",
}
"""What a refusal says."""


@pytest.mark.parametrize(("kind", "other"), [KINDS, KINDS[::-1]])
def test_the_node_gives_a_guider_for_takes_and_for_the_stock_sampler(in_host, kind, other):
    found = in_host(take_with_experts, path=str(BUILDERS), kind=kind, other=other, timeout=600)
    both = [["high", 0.9, 0, 1], ["high", 1.0, 0, 1], ["low", 0.4, 0], ["low", 0.8, 0]]
    for direction in ("forward", "backward"):
        made = found[direction]
        assert made["kept"] and made["finite"] and made["length"] == 17, direction
        assert made["calls"] == both, direction
    assert found["connect"] == [True, True]
    assert {name for name, _ in found["remix"]} == {"low"} and max(level for _, level in found["remix"]) == 0.8
    stock = found["stock"]
    assert stock["kept"] < 1e-5 and stock["made"] > 1e-2 and stock["clean"] and stock["again"]
    assert stock["calls"] == [["high", 1.0], ["high", 0.9], ["low", 0.8], ["low", 0.4]]
    assert set(found["refused"]) == set(REFUSED)
    for name, message in found["refused"].items():
        assert message and REFUSED[name] in message and "\n" not in message, (name, message)
