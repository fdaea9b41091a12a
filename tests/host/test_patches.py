"""Patches of other nodes on the MODEL of a take: all ride along, on Extend Take and Long Take."""

from pathlib import Path

import pytest

PATCHES = ["CFGZeroStar", "EasyCache", "NAGuidance", "ModelSamplingSD3", "ContextWindowsManual", "LoRA", "fp8", "own patcher"]


def patch_models(room, folder, names):
    """Runs Extend Take and Long Take of several windows on a tiny Wan I2V with each patch; runs in the host."""
    import sys

    import comfy.model_patcher
    import comfy.sd
    import torch
    from comfy_extras.nodes_cfg import CFGZeroStar
    from comfy_extras.nodes_context_windows import ContextWindowsManualNode
    from comfy_extras.nodes_easycache import EasyCacheNode
    from comfy_extras.nodes_model_advanced import ModelSamplingSD3
    from comfy_extras.nodes_nag import NAGuidance

    sys.path.append(folder)
    import families
    import shown

    torch.set_num_threads(1)
    film, sampling = room("host.operations"), room("host.sampling")
    calls = []

    class Quantised(comfy.model_patcher.ModelPatcher):
        """As packs for GGUF have one: weights are patched in their own way."""

        def patch_weight_to_device(self, key, *args, **kwargs):
            calls.append(key)
            return super().patch_weight_to_device(key, *args, **kwargs)

    def lora(model):
        key = "diffusion_model.blocks.0.self_attn.q"
        made = {f"{key}.lora_A.weight": torch.ones(4, 48) * 0.1, f"{key}.lora_B.weight": torch.ones(48, 4) * 0.1}
        return comfy.sd.load_lora_for_models(model, None, made, 1.0, 0.0)[0]

    def own(model):
        found = Quantised(model.model, load_device=model.load_device, offload_device=model.offload_device)
        return lora(found)

    def fp8(model):
        for part in model.model.diffusion_model.blocks.modules():
            if isinstance(part, torch.nn.Linear):  # as a loader with fp8 leaves them: cast where they are used
                part.weight.data = part.weight.data.to(torch.float8_e4m3fn)
                part.comfy_cast_weights = True
        return model

    windows = ("standard_static", 1, False, "pyramid", 2, False)
    how = {
        "none": lambda model: model,
        "CFGZeroStar": lambda model: CFGZeroStar.execute(model).result[0],
        "EasyCache": lambda model: EasyCacheNode.execute(model, 0.2, 0.0, 1.0, False).result[0],
        "NAGuidance": lambda model: NAGuidance.execute(model, 5.0, 0.5, 1.5).result[0],
        "ModelSamplingSD3": lambda model: ModelSamplingSD3().patch(model, 2.0)[0],
        "ContextWindowsManual": lambda model: ContextWindowsManualNode.execute(model, 4, 1, *windows).result[0],
        "LoRA": lora,
        "fp8": fp8,
        "own patcher": own,
    }
    found, plain = {}, None
    with torch.inference_mode():
        for name in ["none", *names]:
            built = families.build("Wan 2.2 A14B I2V", room)
            model = how[name](built.model.clone())
            conds = {"seed": 4, "steps": 3, "cfg": 3.0, "sampler_name": "euler", "scheduler": "simple", "window": 6}
            one = sampling.from_ksampler(model, built.text(0), built.text(1), **conds)
            clip = {"samples": built.latents(0)}
            extended = film.extend(one, clip, 3.0, 8.0, "forward").latent["samples"]
            filmed = film.film(one, shown.Clip(built), "3: a\\ncut 2: a", clip, 8.0, 0, "").latent["samples"]
            if plain is None:
                plain = extended
            found[name] = {
                "kept": torch.equal(extended[:, :, :5], clip["samples"]),
                "finite": bool(torch.isfinite(extended).all() and torch.isfinite(filmed).all()),
                "felt": float((extended - plain).abs().max()),
                "frames": [extended.shape[2], filmed.shape[2]],
            }
        found["calls"] = len(calls)
    return found


@pytest.fixture(scope="module")
def patched(in_host):
    return in_host(patch_models, folder=str(Path(__file__).parent), names=PATCHES, timeout=900)


@pytest.mark.parametrize("name", PATCHES)
def test_a_patch_rides_along(patched, name):
    found = patched[name]
    assert found["kept"] and found["finite"] and found["frames"] == patched["none"]["frames"]
    assert found["felt"] > 0 or name == "NAGuidance", "the patch has no effect"  # too weak on two tiny layers to be felt


def test_a_patcher_of_another_pack_stays_in_use(patched):
    assert patched["calls"] > 0
