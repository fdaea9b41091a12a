"""What the diffusion model receives in the windows of a take beside what the host's own node builds from the same pixels."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODES = {
    "WanImageToVideo, 2.1": ("Wan 2.1 I2V", "Wan 2.1"),
    "WanImageToVideo, 2.2 A14B": ("Wan 2.2 A14B I2V", "Wan 2.1"),
    "WanFirstLastFrameToVideo": ("Wan 2.2 A14B I2V", "Wan 2.1"),
    "WanVaceToVideo": ("Wan VACE", "Wan 2.1"),
    "WanVaceToVideo, reference and control": ("Wan VACE", "Wan 2.1"),
    "Wan22ImageToVideoLatent": ("Wan 2.2 TI2V 5B", "Wan 2.2"),
    "LTXVImgToVideo": ("LTXV", "LTXV"),
    "LTXVAddGuide": ("LTXV", "LTXV"),
    "HunyuanImageToVideo, v1": ("HunyuanVideo I2V", "HunyuanVideo 1.0"),
    "HunyuanImageToVideo, v2": ("HunyuanVideo 1.0", "HunyuanVideo 1.0"),
    "HunyuanVideo15ImageToVideo": ("HunyuanVideo 1.5", "HunyuanVideo 1.5"),
    "CosmosImageToVideoLatent": ("Cosmos 1 I2V", "Cosmos"),
    "CosmosPredict2ImageToVideoLatent": ("Cosmos Predict2", "Wan 2.1"),
    "Kandinsky5ImageToVideo": ("Kandinsky 5", "HunyuanVideo 1.0"),
    "CogVideoX I2V": ("CogVideoX I2V", "CogVideoX"),
}
"""A node of the host, and the tiny model and VAE that it is used with."""


def watch_models(room, folder, nodes):
    """Runs each node's own graph for one window, and Long Take of three windows and a cut with what the node gives, and says
    how far what the model receives in the first window is from the node's, and what the later windows see; runs in the host."""
    import sys

    import comfy.samplers
    import torch

    sys.path.append(folder)
    import families
    import shown
    import vaes

    torch.set_num_threads(1)
    film, sampling = room("host.operations"), room("host.sampling")
    found, made = {}, {}
    with torch.inference_mode():
        for node, (model, vae) in nodes.items():
            if vae not in made:
                made[vae] = vaes.build(vae)
            found[node] = shown.compare(node, families.build(model, room), made[vae], film, sampling, comfy.samplers)
    return found


@pytest.fixture(scope="module")
def shown(in_host):
    return in_host(watch_models, folder=str(HERE), nodes=NODES, timeout=1500)


@pytest.mark.parametrize("node", NODES)
def test_a_first_window_is_what_the_node_builds(shown, node):
    """x at the first step, channels and masks of known frames, controls, guides and timesteps."""
    found = shown[node]
    assert found["same"], "nothing was compared"
    assert found["keys"][0] == found["keys"][1]
    assert max(found["same"].values()) < 1e-4, found["same"]


@pytest.mark.parametrize("node", NODES)
def test_the_picture_is_seen_again_after_a_cut_and_a_take_of_several_windows_runs(shown, node):
    found = shown[node]
    assert found["finite"] and len(found["lengths"]) >= 3
    assert found["picture"] < 1e-4, "the window after the cut does not begin with the picture"


@pytest.mark.parametrize(
    "node", ["Wan22ImageToVideoLatent", "LTXVImgToVideo", "HunyuanImageToVideo, v2", "CosmosPredict2ImageToVideoLatent"]
)
def test_frames_kept_in_the_latent_come_out(shown, node):
    assert shown[node]["kept"] == 0


def test_of_two_anchors_the_users_stays_and_the_report_says_so(shown):
    said = {node for node in NODES if "gives way to it" in shown[node]["report"]}
    assert said == {"WanVaceToVideo, reference and control"}


def watch_anchors(room, folder):
    """What models with an anchor of their own receive in the second window of a take; runs in the host."""
    import sys

    import torch

    sys.path.append(folder)
    import families
    import shown
    import vaes

    torch.set_num_threads(1)
    film, sampling = room("host.operations"), room("host.sampling")
    found = {}

    def largest(tensor):
        return float(tensor.abs().max())

    with torch.inference_mode():
        wan = vaes.build("Wan 2.1")
        calls, made, _, model = shown.anchored(families.build("Wan VACE", room), wan, film, sampling)
        latents, control = model.process_latent_in(made.latent["samples"]), calls[1]["vace_context"][:, 0]
        found["VACE"] = {
            "lengths": [call["x"].shape[2] for call in calls],
            "image": largest(control[:, :16, 0] - latents[:, :, 0]),
            "zero": [largest(control[:, 16:32, 0]), largest(control[:, 32:, 0])],
        }
        calls, made, _, model = shown.anchored(families.build("Wan VACE", room), wan, film, sampling, anchor=False)
        found["off"] = [call["x"].shape[2] for call in calls]
        calls, made, _, model = shown.anchored(families.build("LTXV", room), vaes.build("LTXV"), film, sampling)
        latents, call = model.process_latent_in(made.latent["samples"]), calls[1]
        found["LTX"] = {
            "guide": largest(call["x"][:, :, -1] - latents[:, :, 0]),
            "time": sorted(set(call["argument 4"][0, 0].flatten().tolist())),
            "mask": call["denoise_mask"].amax((0, 1, 3, 4)).tolist(),
        }
        built, more = families.build("Wan 2.2 A14B I2V", room), {"layout": "SVI 2 Pro"}
        calls, made, texts, model = shown.anchored(built, wan, film, sampling, "WanImageToVideo", **more)
        latents, (first, second) = model.process_latent_in(made.latent["samples"]), (call["x"] for call in calls)
        picture = model.process_latent_in(texts[0][0][1]["concat_latent_image"])[:, :, :1]
        found["SVI"] = {
            "mask": [call[:, 16:20].amin((0, 1, 3, 4)).tolist() for call in (first, second)],
            "anchor": [largest(first[:, 20:, :1] - picture), largest(second[:, 20:, 0] - latents[:, :, 0])],
            "motion": largest(second[:, 20:, 1] - latents[:, :, 4]),
            "rest": [largest(first[:, 20:, 1:]), largest(second[:, 20:, 2:])],
            "held": largest(second[:, :16, 1] - latents[:, :, 4]),
        }
        try:
            shown.anchored(families.build("Wan 2.1 I2V", room), wan, film, sampling, **more)
        except room("errors").UsageError as error:
            found["other"] = str(error)
    return found


@pytest.fixture(scope="module")
def anchors(in_host):
    return in_host(watch_anchors, folder=str(HERE), timeout=900)


def test_vace_is_shown_an_early_frame_as_its_reference_image(anchors):
    """In front of the clip, zero in the reactive half and in the mask, as WanVaceToVideo lays a reference image."""
    found = anchors["VACE"]
    assert found["lengths"] == [5, 6] and found["image"] < 1e-4 and max(found["zero"]) < 1e-4
    assert anchors["off"] == [5, 5]


def test_ltx_is_shown_an_early_frame_as_a_guide_before_the_clip(anchors):
    """One latent before the clip in time, behind it in the tensor, clean: as LTXVLoopingSampler places its long-term context."""
    found = anchors["LTX"]
    assert found["guide"] < 1e-4 and found["time"] == [-8, -7] and found["mask"] == [0, 0, 1, 1, 1, 0]


def test_wan_is_shown_the_layout_of_svi(anchors):
    """An anchor, the latents before, zero in the model's scale, one latent marked, and nothing held in what is sampled."""
    found = anchors["SVI"]
    assert found["mask"] == [[1, 0, 0, 0, 0]] * 2
    assert max(found["anchor"]) < 1e-4 and found["motion"] < 1e-4 and max(found["rest"]) < 1e-4 and found["held"] > 0.1
    assert "Wan 2.2 A14B I2V" in anchors["other"] and "\n" not in anchors["other"]


LENGTHS = [
    "Wan 2.1 T2V",
    "Wan 2.1 I2V",
    "Wan 2.2 A14B T2V (or Wan 2.1 T2V 14B)",
    "Wan 2.2 A14B I2V",
    "Wan 2.2 TI2V 5B",
    "Wan VACE",
    "LTXV",
    "LTX-2",
    "HunyuanVideo 1.0",
    "HunyuanVideo I2V",
    "HunyuanVideo I2V (SkyReels)",
    "HunyuanVideo 1.5",
    "Cosmos 1 T2V",
    "Cosmos 1 I2V",
    "Cosmos Predict2",
    "Cosmos Predict2, 16 channels",
    "Mochi",
    "CogVideoX T2V",
    "CogVideoX I2V",
    "CogVideoX 1.5 T2V",
    "CogVideoX 1.5 I2V",
    "Kandinsky 5",
    "MiniMax H3",
]


def watch_windows(room, folder, name):
    """Lengths of clips that a family is asked for; runs in the host."""
    import sys

    import torch

    sys.path.append(folder)
    import families
    import shown

    torch.set_num_threads(1)
    built = families.build(name, room)
    capability = room("host.families").probe(built.model)
    with torch.inference_mode():
        return shown.windows(built, capability, room("host.operations"), room("host.sampling"))


@pytest.mark.parametrize("name", LENGTHS)
def test_windows_are_of_the_length_that_the_family_was_trained_on(in_host, name):
    """First window, tail, window after a cut, window between two known ends, windows of a way longer than one of them, which
    goes by way of endpoints; an anchor lies beside."""
    found = in_host(watch_windows, folder=str(HERE), name=name, timeout=600)
    first, tail, cut = found["film"]
    size = found["size"]
    beside = int(name in ("Wan VACE", "LTXV", "LTX-2"))
    if name == "MiniMax H3":  # comes in cycles; its trained length is not published
        assert max(found["film"]) <= size + 5
    else:
        assert first == size and tail == size + beside and cut <= size
    assert len(found["between"]) == 1 and max(found["between"]) <= size
    assert len(found["far"]) >= 3 and max(found["far"]) <= size + (5 if name == "MiniMax H3" else 3 + beside)
    assert found["kept"] and found["finite"]


def probe_variants(room, folder):
    """What is said of variants of Wan that have no row; runs in the host."""
    import sys

    import comfy.model_base
    import comfy.supported_models
    import torch

    sys.path.append(folder)
    import families

    class Variant(comfy.model_base.WAN21):
        """As Fun Camera, HuMo, SCAIL and the causal one are."""

    found = {}
    for name, channels in (("variant", 16), ("Fun Control", 52)):
        config = comfy.supported_models.WAN21_T2V({**families.WAN, "in_dim": channels, "out_dim": 16})
        config.set_inference_dtype(torch.float32, None)
        base = (Variant if name == "variant" else comfy.model_base.WAN21)(config)
        can = room("host.families").probe(families.patched(base))
        timeline = can.timeline
        found[name] = [can.family, can.fps, timeline.frames_for(can.windows.size + can.margin), list(can.needs)]
    return found


def test_a_variant_of_wan_is_taken_for_wan(in_host):
    found = in_host(probe_variants, folder=str(HERE))
    assert found["variant"] == found["Fun Control"] == ["Wan variant", 16.0, 81, []]


def known_for_ksampler(room, folder):
    """Known Frames with a model, sampled by the host's own guider; runs in the host."""
    import sys

    import torch
    from comfy_extras.nodes_wan import WanFirstLastFrameToVideo

    sys.path.append(folder)
    import families
    import shown
    import vaes

    torch.set_num_threads(1)
    keyframes, found = room("host.keyframes"), {}
    kinds = {
        "HunyuanVideo 1.5": "HunyuanVideo 1.5",
        "Kandinsky 5": "HunyuanVideo 1.0",
        "Wan 2.1 I2V": "Wan 2.1",
        "Wan VACE": "Wan 2.1",
    }
    with torch.inference_mode():
        for name, kind in kinds.items():
            built, vae = families.build(name, room), vaes.build(kind)
            cell = vae.upscale_index_formula[1]
            one, end = shown.pictures(1, 4 * cell, 6 * cell), shown.pictures(1, 4 * cell, 6 * cell, 1)
            latent = {"samples": torch.zeros(1, built.channels, 5, 4, 6)}
            more = {"first": one, "last": end, "named": None, "at": "", "fps": 16.0}
            made, *told = keyframes.known_frames(built.model, vae, latent, built.text(0), built.text(1), **more)

            class Sampled:
                samples, noise_mask = made["samples"], made["noise_mask"]

            out = families.sample(built.model, Sampled, told)
            found[name] = {"finite": bool(torch.isfinite(out).all()), "mask": made["noise_mask"].flatten().tolist()}
            if name == "Wan 2.1 I2V":
                size = (6 * cell, 4 * cell, 17, 1)
                theirs = WanFirstLastFrameToVideo.execute(built.text(0), built.text(1), vae, *size, start_image=one, end_image=end)
                values = theirs.result[0][0][1]
                keys = ("concat_latent_image", "concat_mask")
                found["same"] = [float((told[0][0][1][key] - values[key]).abs().max()) for key in keys]
        try:
            keyframes.known_frames(None, vae, latent, built.text(0), None, **more)
        except room("errors").UsageError as error:
            found["no model"] = str(error)
    return found


def test_known_frames_tells_models_what_is_known_for_ksampler(in_host):
    """HunyuanVideo 1.5 and Kandinsky 5 run, and Wan is told of pictures frame by frame."""
    found = in_host(known_for_ksampler, folder=str(HERE), timeout=900)
    names = ("HunyuanVideo 1.5", "Kandinsky 5", "Wan 2.1 I2V", "Wan VACE")
    assert all(found[name]["finite"] for name in names)
    assert found["Kandinsky 5"]["mask"] == [0, 1, 1, 1, 0] and found["Wan 2.1 I2V"]["mask"] == [0, 1, 1, 1, 1]
    assert max(found["same"]) < 1e-4
    assert "connect the model" in found["no model"]


def guides_of_known_frames(room, folder):
    """Known Frames with guides beside LTXVAddGuide, and a film of two windows from it; runs in the host."""
    import sys

    import torch
    from comfy_extras.nodes_lt import LTXVAddGuide

    sys.path.append(folder)
    import families
    import shown
    import vaes

    torch.set_num_threads(1)
    keyframes, film, sampling = room("host.keyframes"), room("host.operations"), room("host.sampling")
    built, vae = families.build("LTXV", room), vaes.build("LTXV")
    texts = built.text(0), built.text(1)
    one, two, three = (shown.pictures(1, 128, 192, seed) for seed in range(3))
    latent = {"samples": torch.zeros(1, 128, 5, 4, 6)}
    given = {"first": one, "last": two, "named": {"image0": three}, "at": "1.3", "fps": 8.0, "guides": True}
    with torch.inference_mode():
        made, *told = keyframes.known_frames(built.model, vae, latent, *texts, **given)
        start = keyframes.known_frames(None, vae, latent, None, None, first=one, last=None, named=None, at="", fps=8.0).latent
        theirs = LTXVAddGuide.execute(*texts, vae, start, three, 10, 1.0).args
        theirs = LTXVAddGuide.execute(*theirs[:2], vae, theirs[2], two, 32, 1.0).args
        same = [float((made[key] - theirs[2][key]).abs().max()) for key in ("samples", "noise_mask")]
        same += [float((told[at][0][1]["keyframe_idxs"] - theirs[at][0][1]["keyframe_idxs"]).abs().max()) for at in (0, 1)]
        model = built.model.clone()
        model.model_options.setdefault("transformer_options", {})
        recorder = shown.Recorder(model)
        conds = {"seed": 4, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
        sampler = sampling.from_ksampler(model, *told, **conds, window=5, overlap=1, vae=vae)
        take = film.film(sampler, shown.Clip(built), f"{57 / 8}: a", made, 8.0, 0, "").latent["samples"]
        refused = []
        for who, pair in ((None, texts), (families.build("Wan 2.1 I2V", room).model, texts), (built.model, (texts[0], None))):
            try:
                keyframes.known_frames(who, vae, latent, *pair, **given)
            except room("errors").UsageError as error:
                refused.append(str(error))
    return {
        "same": same,
        "length": [made["samples"].shape[2], take.shape[2]],
        "windows": [call["x"].shape[2] for call in recorder.calls],
        "finite": bool(torch.isfinite(take).all()),
        "refused": refused,
    }


def test_a_picture_is_one_frame_for_ltx_too_where_that_is_wanted(in_host):
    """What LTXVAddGuide makes of the same pictures; a take shows each guide in the window that it lies in."""
    found = in_host(guides_of_known_frames, folder=str(HERE), timeout=600)
    assert max(found["same"]) < 1e-4 and found["length"] == [7, 8] and found["finite"]
    assert found["windows"][0] == 7 and len(found["windows"]) == 2
    assert len(found["refused"]) == 3 and all(text.startswith("guides:") and "\n" not in text for text in found["refused"])


def inputs_without_a_say(room, folder):
    """What Take Sampling shows on its block, by family; runs in the host."""
    import sys

    sys.path.append(folder)
    import families

    found = {}
    for name in ("LongTake", "LTXV", "Wan VACE", "Wan 2.1 T2V", "HunyuanVideo 1.5", "Wan 2.2 A14B I2V"):
        built = families.build(name, room)
        conds = {"seed": 4, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
        for layout in ("trained", "SVI 2 Pro")[: 1 + (name == "Wan 2.2 A14B I2V")]:
            sampling = room("host.sampling").from_ksampler(built.model, built.text(0), built.text(1), **conds, layout=layout)
            ui = room("nodes.take_sampling")._output(sampling).ui
            found[f"{name} {layout}"] = [ui["longtake_off"], ui["text"]]
    return found


def test_take_sampling_says_where_an_anchor_has_no_say(in_host):
    found = in_host(inputs_without_a_say, folder=str(HERE), timeout=600)
    without = {name for name, (off, _) in found.items() if off == ["anchor"]}
    assert without == {"Wan 2.1 T2V trained", "HunyuanVideo 1.5 trained", "Wan 2.2 A14B I2V trained"}
    assert all(bool(text) == (name in without) for name, (_, text) in found.items())
    assert "SVI 2 Pro" in found["Wan 2.2 A14B I2V trained"][1][0]


def refuse_conditioning(room, folder):
    """What is refused before anything is sampled; runs in the host."""
    import sys

    import torch

    sys.path.append(folder)
    import families
    import shown

    torch.set_num_threads(1)
    film, sampling, error = room("host.operations"), room("host.sampling"), room("errors").UsageError
    found = {}

    def refused(name, family, text, values, latent=None):
        built = families.build(family, room)
        model = built.model.clone()
        model.model_options.setdefault("transformer_options", {})
        recorder = shown.Recorder(model)
        told = [[states, {**more, **values}] for states, more in built.text(0)]
        conds = {"seed": 4, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 5, "overlap": 1}
        one = sampling.from_ksampler(model, told, built.text(1), **conds)
        try:
            film.film(one, shown.Clip(built), text, latent or {"samples": torch.zeros(1, built.channels, 5, 4, 6)}, 8.0, 0, "")
        except error as refusal:
            found[name] = [str(refusal), len(recorder.calls)]

    image, mask = torch.zeros(1, 16, 21, 4, 6), torch.ones(1, 1, 21, 4, 6)
    mask[:, :, [0, 20]] = 0
    with torch.inference_mode():
        refused(
            "size",
            "Wan 2.2 A14B I2V",
            "3: a",
            {"concat_latent_image": image[:, :, :5, :, :3], "concat_mask": mask[:, :, :5, :, :3]},
        )
        refused("family", "Wan 2.2 A14B I2V", "3: a", {"concat_latent_image": torch.zeros(1, 32, 5, 4, 6)})
        refused("beyond", "Wan 2.2 A14B I2V", "3: a", {"concat_latent_image": image, "concat_mask": mask})
        refused("vace", "Wan VACE", "3: a", {"vace_frames": [torch.zeros(1, 16, 5, 4, 6)]})
        refused("audio", "Wan 2.1 T2V", "6: a", {"audio_embed": torch.zeros(1, 20, 8)})
        keys = {"keyframe_idxs": torch.full((1, 3, 24, 2), 99.0)}
        guided = {"samples": torch.zeros(1, 128, 6, 4, 6), "noise_mask": torch.ones(1, 1, 6, 1, 1)}
        refused("guide", "LTXV", "5: a", keys, guided)
        refused("no guide", "LTXV", "5: a", keys, {"samples": torch.zeros(1, 128, 1, 4, 6)})
        half = {"samples": torch.zeros(1, 128, 5, 4, 6), "noise_mask": torch.full((1, 1, 5, 1, 1), 0.3)}
        refused("half", "LTXV", "5: a", {}, half)
    return found


def test_conditioning_that_cannot_be_used_is_one_line_before_anything_is_sampled(in_host):
    found = in_host(refuse_conditioning, folder=str(HERE), timeout=600)
    words = {
        "size": "width and height",
        "family": "another family",
        "beyond": "latent 20",
        "vace": "another family",
        "audio": "audio_embed",
        "guide": "frame 99",
        "no guide": "not the one that node gave",
        "half": "in part",
    }
    for name, said in words.items():
        line, calls = found[name]
        assert said in line and "\n" not in line and calls == 0, name
