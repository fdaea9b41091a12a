"""What models are shown in the windows of a take: the frame before, known frames in all conditioning, places."""

from pathlib import Path

import pytest

BUILDERS = Path(__file__).with_name("families.py")


def take_with_a_vae(room, path):
    """What models are shown in windows from the middle of a take; runs in the host."""
    import importlib.util

    import comfy.samplers
    import torch
    from comfy.ldm.wan.vae import WanVAE
    from comfy.sd import VAE
    from comfy_extras.nodes_custom_sampler import Guider_DualCFG

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    film, take, sampling, experts = (
        room("host.operations"),
        room("host.denoiser"),
        room("host.sampling"),
        room("host.expert_guider"),
    )
    torch.manual_seed(0)
    net = WanVAE(dim=8, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, temperal_downsample=[False, True, True])
    for key, weight in net.named_parameters():
        weight.data = torch.ones_like(weight) if key.endswith("gamma") else torch.randn_like(weight) * weight[0].numel() ** -0.5
    vae = VAE(sd=net.state_dict())
    found, shown, told = {}, [], []
    prepare = take.prepare

    def watched(model, capability, positive, negative, latents, keep, **more):
        known = prepare(model, capability, positive, negative, latents, keep, **more)
        shown.append((latents.clone(), keep.tolist(), [sorted(values) for _, values in known.positive]))
        return known

    def kept(given):
        return ["".join("x" if frame else "." for frame in keep) for _, keep, _ in given]

    def conditioning(guider):
        low = {f"low {key}": value for key, value in getattr(guider, "low_conds", {}).items()}
        return {key: value[0] for key, value in {**guider.original_conds, **low}.items()}

    class Clip:
        def tokenize(self, text):
            return len(text)

        def encode_from_tokens_scheduled(self, number):
            return built.text(number)

    with torch.inference_mode():
        take.prepare = watched
        for name in ("Wan 2.1 I2V", "Kandinsky 5"):
            built = families.build(name, room)
            options = {"seed": 4, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 6, "vae": vae}
            one = sampling.from_ksampler(built.model, built.text(0), built.text(1), **options)
            clip = {"samples": built.latents(0)}
            shown.clear()
            made = film.extend(one, clip, 4.0, 8.0, "forward")
            heads = [latents[:, :, :1] for latents, _, _ in shown]
            before = vae.decode(made.latent["samples"][:, :, :6])[0, -1:]  # latents 6 and 7 are the second window's context
            found[name] = {
                "forward": kept(shown),
                "keys": shown[1][2][0],
                "report": made.report,
                "head": float((heads[1] - vae.encode(before)).abs().max()),
                "spread": float(heads[1].std()),
            }
            shown.clear()
            film.extend(one, clip, 4.0, 8.0, "backward")
            found[name]["backward"] = kept(shown)
            shown.clear()
            film.film(one, Clip(), "1: a\ncut 2: bb", clip, 8.0, 0, "")
            found[name]["cut"] = kept(shown)
        # all conditioning of a guider with more of it than two, and of two experts, gets the known frames
        built = families.build("Wan 2.2 A14B I2V", room)
        high, low = built.model, families.build("Wan 2.2 A14B I2V", room).model
        texts, sigmas = [built.text(number) for number in range(4)], torch.tensor([1.0, 0.9, 0.5, 0.0])
        dual = Guider_DualCFG(high)
        dual.set_conds(*texts[:3])
        dual.set_cfg(2.0, 1.5)
        pair = experts.ExpertsGuider(high, low, 0.9)
        pair.set_conds(*texts)
        pair.set_cfg(2.0)
        euler, calls = comfy.samplers.sampler_object("euler"), []
        for who, model in (("high", high), ("low", low)):

            def call(apply, given, who=who):
                calls.append((who, round(float(given["timestep"][0]), 3), "c_concat" in given["c"]))
                return apply(given["input"], given["timestep"], **given["c"])

            model.set_model_unet_function_wrapper(call)
        for name, guider in (("dual", dual), ("experts", pair)):
            one = sampling.from_guider(guider, euler, sigmas, seed=4, window=6)
            shown.clear()
            calls.clear()
            guides = []
            guide = one.guide

            def watch(conds, guide=guide, guides=guides):
                guides.append(guide(conds))
                return guides[-1]

            object.__setattr__(one, "guide", watch)
            made = film.extend(one, clip, 4.0, 8.0, "forward").latent["samples"]
            given, seen = [conditioning(each) for each in guides], sorted(set(calls))
            filmed = film.film(one, Clip(), "1: a\n1: another", clip, 8.0, 0, "")
            last = conditioning(guides[-1])
            found[name] = {
                "conds": sorted(given[0]),
                "kept": torch.equal(made[:, :, :5], clip["samples"]),
                "image": all("concat_latent_image" in value for each in given for value in each.values()),
                "texts": len({float(value["cross_attn"].sum()) for value in given[0].values()}),
                "finite": bool(torch.isfinite(made).all()),
                "calls": seen,
                "frames": filmed.frames,
                "own": ["concat_latent_image" in value[0] for value in guider.original_conds.values()],
                "film": [key for key in last if not torch.equal(last[key]["cross_attn"], given[0][key]["cross_attn"])],
            }
        take.prepare = prepare

        built = families.build("LongTake", room)
        built.model.set_model_unet_function_wrapper(
            lambda apply, given: (
                told.append(
                    {key: getattr(given["c"]["transformer_options"]["longtake"], key).tolist() for key in ("role", "position")}
                ),
                apply(given["input"], given["timestep"], **given["c"]),
            )[1]
        )
        options = {"seed": 4, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 6}
        clip = {"samples": built.latents(0)}
        for anchor in (True, False):
            one = sampling.from_ksampler(built.model, built.text(0), built.text(1), anchor=anchor, **options)
            film.stitch(one, [("a", clip), ("b", clip)], 2.5, 8.0)
        found["told"] = told[:]

        import latent_preview
        from comfy.cli_args import args

        method, args.preview_method = args.preview_method, latent_preview.LatentPreviewMethod.Latent2RGB
        pictures, show = [], take.previewer(built.model)
        watch = take.HostDenoiser(one, [one.conds], 8.0, lambda clean: pictures.append([list(clean.shape), *show(clean)]))
        keep = torch.tensor([True, False, False, False])
        watch.denoise(
            clip["samples"][:, :, :4],
            torch.tensor([[1.0], [0.0]]).expand(2, 4),
            keep,
            torch.zeros(4, dtype=torch.long),
            1,
            role=keep.long(),
            position=torch.arange(4.0),
            noise=torch.randn(1, built.channels, 4, 4, 6),
            indices=range(4),
        )
        args.preview_method = method
        found["preview"] = [[shape, kind, picture.size] for shape, kind, picture, _ in pictures]
    return found


@pytest.fixture(scope="module")
def shown(in_host):
    return in_host(take_with_a_vae, path=str(BUILDERS), timeout=600)


@pytest.mark.parametrize("name", ["Wan 2.1 I2V", "Kandinsky 5"])
def test_with_a_vae_a_window_begins_with_the_frame_before(shown, name):
    """x known, . made: the frame before the context stands where a clip's first latent does; without one it is made along."""
    found = shown[name]
    assert found["forward"] == ["xxx...", "xxx...", "xxxx.."]  # the last one is filled up with more of what came before
    assert found["head"] < 1e-4 < found["spread"]
    assert found["backward"] == ["....xx", "....xx", "...xx"]
    assert found["cut"] == ["...", "....."]
    assert ("time_dim_replace" if name == "Kandinsky 5" else "concat_mask") in found["keys"]
    assert "join at frame 17" in found["report"]


def test_every_conditioning_of_a_guider_gets_known_frames_and_the_prompt_of_a_shot(shown):
    dual, experts = shown["dual"], shown["experts"]
    assert dual["conds"] == ["middle", "negative", "positive"] and dual["texts"] == 3
    assert experts["conds"] == ["low negative", "low positive", "negative", "positive"] and experts["texts"] == 4
    for found in (dual, experts):
        assert found["kept"] and found["image"] and found["finite"] and not any(found["own"]) and found["frames"] == 17
    assert dual["film"] == ["positive"] and sorted(experts["film"]) == ["low positive", "positive"]
    assert experts["calls"] == [["high", 0.9, True], ["high", 1.0, True], ["low", 0.5, True]]


def test_our_model_is_told_where_a_frame_stands(shown):
    """Roles: 2 anchor, 1 context, 0 new. The first window does not reach the second clip, but is shown its beginning."""
    far, near = {"position": [-16, -1, 0, 1, 2, 5], "role": [2, 1, 0, 0, 0, 1]}, [-16, -1, 0, 1, 2, 3]
    assert shown["told"][:2] == [far, {"position": near, "role": [2, 1, 0, 0, 1, 1]}]
    # without an anchor a window is shown one latent more of what came before
    assert [told["position"] for told in shown["told"][2:]] == [[-2, *far["position"][1:]], [-2, *near[1:]]]


def test_a_preview_shows_a_frame_that_is_being_made(shown):
    assert shown["preview"] == [[[1, 128, 1, 4, 6], "JPEG", [6, 4]]]
