"""Our MODEL, CLIP and VAE in the host's own nodes, inside the host's interpreter."""

import pytest


@pytest.fixture(scope="session")
def stock(in_host):
    """Loads the box once in the host; later snippets find `box` in builtins."""

    def prepare(room):
        import builtins

        import torch
        from comfy_extras import nodes_context_windows, nodes_custom_sampler, nodes_model_advanced, nodes_video

        import nodes

        torch.set_num_threads(1)
        load = room("host.loader")
        load.register()
        with torch.inference_mode():
            model, clip, vae = load.load(load.BOX)
            encode = nodes.CLIPTextEncode().encode
            (positive,), (negative,) = encode(clip, "a red dog stands in the desert"), encode(clip, "")
        box = {
            "model": model,
            "clip": clip,
            "vae": vae,
            "positive": positive,
            "negative": negative,
            "nodes": nodes,
            "torch": torch,
            "custom": nodes_custom_sampler,
            "windows": nodes_context_windows,
            "advanced": nodes_model_advanced,
            "video": nodes_video,
            "latent": {"samples": torch.zeros(1, 24, 3, 4, 6)},
        }
        builtins.box = box
        return {"cond": list(positive[0][0].shape), "empty": list(negative[0][0].shape), "names": load.names()}

    return in_host(prepare)


def test_text_encode_gives_token_states(stock, in_host):
    assert stock["cond"][2] == 384 and stock["cond"][1] > stock["empty"][1] == 2 and stock["names"][0] == "in the box"

    def weighted(room):
        from builtins import box

        encode, clip, torch = box["nodes"].CLIPTextEncode().encode, room("host.loader").load("in the box", False)[1], box["torch"]
        with torch.inference_mode():
            plain, strong, escaped = (encode(clip, t)[0][0][0] for t in ("a red dog", "a (red:1.5) dog", "a \\(red\\) dog"))
        return {
            "same": plain.shape == strong.shape,
            "moved": float((plain - strong).abs().max()),
            "kept": float((plain - strong)[:, [0, 1, 3]].abs().max()),
            "escaped": escaped.shape[1] - plain.shape[1],
        }

    found = in_host(weighted)
    assert found["same"] and found["moved"] > 0.1 and found["kept"] == 0 and found["escaped"] == 2


def test_prompts_are_rewritten_as_captions_unless_they_have_weights(stock, in_host):
    def run():
        from builtins import box

        encode, clip, torch = box["nodes"].CLIPTextEncode().encode, box["clip"], box["torch"]
        loose = "a crimson pup hopping in the snow"
        plain = "A red dog jumps up and down in a snowfield at noon, the weather is fine, the camera does not move."
        with torch.inference_mode():
            rows = [encode(clip, text)[0][0][0] for text in (loose, plain, f"({loose}:1.0)", f"({loose}:1.2)")]
        return [r.shape[1] for r in rows], float((rows[0] - rows[1]).abs().max())

    lengths, apart = in_host(run)
    assert apart == 0 and lengths[0] == lengths[1] == lengths[2] != lengths[3]


def test_caption_of_a_prompt_is_told(stock, in_host):
    def run(room):
        from builtins import box
        from types import SimpleNamespace

        caption, load = room("host.box_clip").caption, room("host.loader").load
        made, note = caption(box["clip"], "a crimson pup hopping in the snow")
        off = load("in the box", recaption=False)[1]
        try:
            caption(SimpleNamespace(tokenizer=object()), "a dog")
        except room("errors").UsageError as error:
            refused = str(error)
        return {
            "made": made,
            "note": note,
            "again": caption(box["clip"], made)[0],
            "off": caption(off, made)[0],
            "weights": caption(off, "a (red:1.2) dog"),
            "refused": refused,
        }

    found = in_host(run)
    assert found["made"] == found["again"] == found["off"]
    assert found["made"] == "A red dog jumps up and down in a snowfield at noon, the weather is fine, the camera does not move."
    assert found["note"].startswith("read as: red dog, jump, snowfield; left open, so: noon, clear, static")
    assert found["weights"][0] == "a (red:1.2) dog" and "weights" in found["weights"][1]
    assert found["refused"].startswith("this CLIP is of another model")


def test_ksampler_and_advanced_agree(stock, in_host):
    def run():
        from builtins import box

        nodes, torch = box["nodes"], box["torch"]
        ends = (box["positive"], box["negative"], box["latent"])
        with torch.inference_mode():
            (one,) = nodes.KSampler().sample(box["model"], 3, 4, 2.0, "euler", "simple", *ends)
            advanced = nodes.KSamplerAdvanced().sample
            (half,) = advanced(box["model"], "enable", 3, 4, 2.0, "euler", "simple", *ends, 0, 2, "enable")
            (two,) = advanced(
                box["model"], "disable", 3, 4, 2.0, "euler", "simple", box["positive"], box["negative"], half, 2, 4, "disable"
            )
        return [float((one["samples"] - two["samples"]).abs().max()), float(one["samples"].std()), list(one["samples"].shape)]

    difference, spread, shape = in_host(run)
    assert difference < 1e-4 and 0.1 < spread < 10 and shape == [1, 24, 3, 4, 6]


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "heun", "uni_pc", "euler_ancestral", "res_multistep"])
def test_other_samplers_run(stock, in_host, sampler):
    def run(sampler):
        from builtins import box

        torch = box["torch"]
        with torch.inference_mode():
            (out,) = (
                box["nodes"]
                .KSampler()
                .sample(box["model"], 3, 3, 1.0, sampler, "normal", box["positive"], box["negative"], box["latent"])
            )
        return bool(torch.isfinite(out["samples"]).all())

    assert in_host(run, sampler=sampler)


def test_ksampler_gives_what_render_gives(stock, in_host):
    def run(room):
        from builtins import box
        from unittest import mock

        import comfy.sample
        import comfy.samplers

        torch, nodes, prompt = box["torch"], box["nodes"], "a red dog stands in the desert"
        ours_of, request, settings = room("models.box"), room("engine.request"), room("engine.settings")
        shape, seed, steps = (24, 10, 16), 7, 16
        bundle = room("models.load").load_bundle()
        with torch.inference_mode():
            model = box["model"]
            sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "simple", steps)
            states = bundle.states([prompt, ""])
            denoiser = ours_of.box_denoiser(bundle, states[:1], states[1], fps=8.0, cfg=1.0, order=1, device="cpu")
            asked = request.Request(8, shape, [request.Shot(seed=seed)])
            take = room("engine.take")
            ours = take.collect(take.sample(asked, denoiser, settings.Settings.of(bundle.capability, levels=sigmas.tolist())))
            noise = room("engine.denoiser").take_noise(seed, range(8), shape)
            with mock.patch.object(comfy.sample, "prepare_noise", lambda *_: noise):  # the host draws its own otherwise
                (theirs,) = nodes.KSampler().sample(
                    model,
                    seed,
                    steps,
                    1.0,
                    "euler",
                    "simple",
                    box["positive"],
                    box["negative"],
                    {"samples": torch.zeros(1, 24, 8, 10, 16)},
                )
        return [torch.equal(ours, theirs["samples"]), float(ours.std()), list(ours.shape)]

    same, spread, shape = in_host(run)
    assert same and 0.1 < spread < 10 and shape == [1, 24, 8, 10, 16]


def test_every_guider_of_sampler_custom_advanced(stock, in_host):
    def run(room):
        from builtins import box

        from comfy_extras import nodes_perpneg

        custom, torch = box["custom"], box["torch"]
        model, positive, negative = box["model"], box["positive"], box["negative"]
        noise = room("host.noise").TakeNoise(4)
        sigmas = room("engine.noise_matrix").schedule(3, 2.5)
        guiders = {
            "basic": custom.BasicGuider.execute(model, positive),
            "cfg": custom.CFGGuider.execute(model, positive, negative, 1.0),
            "dual": custom.DualCFGGuider.execute(model, positive, positive, negative, 2.0, 1.0, "regular"),
            "perp-neg": nodes_perpneg.PerpNegGuider.execute(model, positive, negative, negative, 2.0, 1.0),
        }
        if hasattr(custom, "DualModelGuider"):  # not in hosts before 0.33
            guiders["two models"] = custom.DualModelGuider.execute(model, positive, 2.0, model, negative)
            guiders["no negative"] = custom.DualModelGuider.execute(model, positive, 2.0)
        found = {}
        with torch.inference_mode():
            for name, guider in guiders.items():
                sampler = custom.KSamplerSelect.execute("euler")[0]
                out = custom.SamplerCustomAdvanced.execute(noise, guider[0], sampler, sigmas, box["latent"])
                found[name] = out[0]["samples"]
        return [float((found["basic"] - found["cfg"]).abs().max()), {k: bool(torch.isfinite(v).all()) for k, v in found.items()}]

    same, finite = in_host(run)
    assert same < 1e-5 and all(finite.values()) and {"basic", "cfg", "dual", "perp-neg"} <= finite.keys()


def test_shift_changes_the_schedule_and_ours_is_the_default(stock, in_host):
    def run(pack):
        from builtins import box

        shift = box["advanced"].ModelSamplingSD3().patch
        models = (box["model"], shift(box["model"], 5.0)[0])
        return [float(m.get_model_object("model_sampling").sigma(box["torch"].tensor(500.0))) for m in models]

    ours, other = in_host(run)
    assert [ours, other] == pytest.approx([2.5 * 0.5 / (1 + 1.5 * 0.5), 5 * 0.5 / (1 + 4 * 0.5)], abs=1e-3)


def test_lora_changes_the_result_and_is_undone(stock, in_host, tmp_path):
    def run(folder):
        import os
        from builtins import box

        import folder_paths
        from safetensors.torch import save_file

        import nodes

        torch = box["torch"]
        folder_paths.add_model_folder_path("loras", folder)
        g = torch.Generator().manual_seed(0)
        up, down = torch.randn(1152, 4, generator=g) * 0.05, torch.randn(4, 384, generator=g)
        key = "diffusion_model.blocks.2.qkv"
        save_file({f"{key}.lora_up.weight": up, f"{key}.lora_down.weight": down}, os.path.join(folder, "t.safetensors"))

        def sample(model):
            (out,) = nodes.KSampler().sample(model, 3, 2, 1.0, "euler", "simple", box["positive"], box["negative"], box["latent"])
            return out["samples"]

        with torch.inference_mode():
            before = sample(box["model"])
            (changed,) = nodes.LoraLoaderModelOnly().load_lora_model_only(box["model"], "t.safetensors", 1.0)
            during, after = sample(changed), sample(box["model"])
        return [float((before - during).abs().max()), float((before - after).abs().max())]

    changed, undone = in_host(run, folder=str(tmp_path))
    assert changed > 1e-3 and undone == 0


def test_context_windows(stock, in_host):
    def run():
        from builtins import box

        torch = box["torch"]
        import inspect

        cls = box["windows"].ContextWindowsManualNode
        names = inspect.signature(cls.execute).parameters
        given = {
            "model": box["model"],
            "context_length": 3,
            "context_overlap": 1,
            "context_schedule": "standard_static",
            "context_stride": 1,
            "closed_loop": False,
            "fuse_method": "pyramid",
            "dim": 2,
            "freenoise": False,
        }
        out = cls.execute(**{k: v for k, v in given.items() if k in names})
        latent = {"samples": torch.zeros(1, 24, 7, 4, 6)}
        with torch.inference_mode():
            (made,) = box["nodes"].KSampler().sample(out[0], 3, 2, 1.0, "euler", "simple", box["positive"], box["negative"], latent)
        return [list(made["samples"].shape), bool(torch.isfinite(made["samples"]).all())]

    assert in_host(run) == [[1, 24, 7, 4, 6], True]


def test_vae_nodes_agree_and_stream(stock, in_host):
    def run():
        from builtins import box

        nodes, torch, vae = box["nodes"], box["torch"], box["vae"]
        g = torch.Generator().manual_seed(1)
        latent = {"samples": torch.randn(1, 24, 5, 4, 6, generator=g)}
        with torch.inference_mode():
            (pixels,) = nodes.VAEDecode().decode(vae, latent)
            whole = vae.first_stage_model.net.decode(latent["samples"])[0]
            (tiled,) = nodes.VAEDecodeTiled().decode(vae, latent, 64, 16, 64, 8)
            (again,) = nodes.VAEEncode().encode(vae, pixels)
            (parts,) = nodes.VAEEncodeTiled().encode(vae, pixels, 64, 32, 64, 8)
            (odd,) = nodes.VAEEncode().encode(vae, pixels[:, :50, :70])
            (still,) = nodes.VAEEncode().encode(vae, pixels[:1])
        a, b = again["samples"], parts["samples"]
        return {
            "shape": list(pixels.shape),
            "exact": float((pixels - whole).abs().max()),
            "tiled": float((pixels - tiled).abs().mean()),
            "range": [float(pixels.min()), float(pixels.max())],
            "encode": list(a.shape),
            "encode_tiled": float((a - b).abs().mean()),
            "odd": list(odd["samples"].shape),
            "still": list(still["samples"].shape),
        }

    found = in_host(run)
    assert found["shape"] == [5, 64, 96, 3] and found["exact"] < 1e-5 and found["tiled"] < 0.05
    assert found["range"][0] >= 0 and found["range"][1] <= 1
    assert found["encode"] == [1, 24, 5, 4, 6] and found["encode_tiled"] < 0.2  # the encoder sees beyond a tile
    assert found["odd"] == [1, 24, 5, 3, 4] and found["still"] == [1, 24, 1, 4, 6]


def test_a_prefix_mask_keeps_frames_and_tells_the_model(stock, in_host):
    def run():
        from builtins import box

        torch = box["torch"]
        g = torch.Generator().manual_seed(1)
        known = torch.randn(1, 24, 4, 4, 6, generator=g)
        mask = torch.ones(1, 1, 4, 1, 1)
        mask[:, :, :2] = 0
        seen = []
        model = box["model"].clone()

        def watch(apply, given):
            net = box["model"].model.diffusion_model
            forward = net.velocity
            net.velocity = lambda x, timestep, *a, **k: (seen.append(timestep.tolist()), forward(x, timestep, *a, **k))[1]
            try:
                return apply(given["input"], given["timestep"], **given["c"])
            finally:
                del net.velocity

        model.set_model_unet_function_wrapper(watch)
        with torch.inference_mode():
            (out,) = (
                box["nodes"]
                .KSampler()
                .sample(
                    model, 3, 2, 1.0, "euler", "simple", box["positive"], box["negative"], {"samples": known, "noise_mask": mask}
                )
            )
        change = (out["samples"] - known).abs().amax((0, 1, 3, 4))
        return [change.tolist(), seen[0]]

    change, levels = in_host(run)
    assert max(change[:2]) < 1e-5 and min(change[2:]) > 0.1
    assert levels[0][:2] == [0, 0] and levels[0][2] == levels[0][3] == pytest.approx(1000, abs=1)


def test_saved_model_loads_again(stock, in_host, tmp_path):
    def run(room, folder):
        import os
        from builtins import box

        import folder_paths
        from comfy_extras.nodes_model_merging import ModelSave

        import nodes

        torch = box["torch"]
        folder_paths.set_output_directory(folder)
        ModelSave().save(box["model"], "saved")
        (file,) = [f for f in os.listdir(folder) if f.endswith(".safetensors")]
        load = room("host.loader")
        folder_paths.add_model_folder_path("longtake", folder)
        model, _, _ = load.load(file)
        ends = (box["positive"], box["negative"], box["latent"])
        with torch.inference_mode():
            a, b = (nodes.KSampler().sample(m, 3, 2, 1.0, "euler", "simple", *ends)[0]["samples"] for m in (box["model"], model))
        return [file in load.names(), float((a - b).abs().max())]

    listed, difference = in_host(run, folder=str(tmp_path))
    assert listed and difference < 1e-5


def test_previews_have_the_colours_of_the_picture(stock, in_host):
    def run(room):
        from builtins import box

        import latent_preview

        torch, vae = box["torch"], box["vae"]
        scene, render = room("models.prompts.scene"), room("lab.world.render")
        x = render.render([scene.SMALL.sample(i) for i in range(4)], 1, 64, 96)
        found = []
        with torch.inference_mode():
            z = torch.cat([vae.encode(clip) for clip in x])
            previewer = latent_preview.Latent2RGBPreviewer(
                box["model"].model.latent_format.latent_rgb_factors, box["model"].model.latent_format.latent_rgb_factors_bias
            )
            for clip, latent in zip(x, z, strict=True):
                image = torch.tensor(list(previewer.decode_latent_to_preview(latent[None]).getdata())).view(4, 6, 3) / 255
                small = torch.nn.functional.avg_pool2d(clip.mean(0).permute(2, 0, 1), 16).permute(1, 2, 0)
                found.append(float((image - small).abs().mean()))
        return found

    assert max(in_host(run)) < 0.08
