"""Wan 2.2's two experts in one sampler run: who is called when, and that known frames stay."""

from pathlib import Path

import pytest

BUILDERS = Path(__file__).with_name("families.py")


def sample_experts(room, path, kind):
    """Two experts in one run; runs in the host."""
    import importlib.util

    import comfy.samplers
    import torch

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    known, experts, probe = room("host.known"), room("host.experts"), room("host.probe")
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
            refused(lambda: experts.ExpertsGuider(high, other)), refused(lambda: experts.ExpertsGuider(high, low, 1.5)),
            refused(lambda: experts.ExpertsGuider(high, None)),
        ]  # fmt: skip
    return found


@pytest.mark.parametrize("kind", ["Wan 2.2 A14B I2V", "Wan 2.2 A14B T2V (or Wan 2.1 T2V 14B)"])
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
