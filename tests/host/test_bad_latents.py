"""A LATENT of another family or shape, with a mask that does not fit, or broken: one line on the node that gets it."""

from pathlib import Path

import pytest

BUILDERS = Path(__file__).with_name("families.py")

WANTED = {
    # LTXV latents have as many channels as ours
    "LTXV to Long Take": "latent: 32 pixels a cell, this model has 16; it is of another family",
    "LTXV to Known Frames": "latent: 32 pixels a cell, this model has 16",
    "LTXV clip to Extend": "latent: 8 frames a latent, 32 pixels a cell (LTXV); this model has 4 frames a latent, 16 pixels a cell",
    "LTXV clip to Video": "latent: 8 frames a latent, 32 pixels a cell (LTXV); this model has 4 frames",
    "our clip to Extend with LTXV": "this model has 8 frames a latent, 32 pixels a cell (LTXV)",
    "our clip to the VAE of LTXV": "this model has 8 frames a latent, 32 pixels a cell",
    "our known frames to LTXV": "this model has 8 frames a latent",
    "our plan to LTXV": "32; it is of another family",
    "our sampled plan to the VAE of LTXV": "this model has 8 frames a latent",
    "reel of LTXV": "reel: 8 frames a latent, this VAE has 4; connect the VAE of the reel's model",
    "Wan to HunyuanVideo": "(Wan21); this model has 4 frames a latent, 8 pixels a cell (HunyuanVideo)",
    # stock nodes
    "VAE Decode 4-D": "latent (1, 128, 4, 6): LongTake's VAE decodes (batch, 128, time, height, width)",
    "VAE Decode 16 channels": "latent (1, 16, 3, 4, 6): LongTake's VAE decodes (batch, 128, time",
    "VAE Decode one channel": "latent (1, 1, 3, 4, 6): LongTake's VAE decodes",
    "VAE Decode nothing": "latent (1, 128, 0, 4, 6): LongTake's VAE decodes",
    "VAE Decode NaN": "latent: holds infinite or undefined numbers",
    "VAE Decode Tiled 4-D": "latent (1, 128, 4, 6): LongTake's VAE decodes",
    "VAE Encode small": "image (1, 10, 64, 3): give colour pictures (n, height, width, 3) of 16 pixels or more",
    "VAE Encode grey": "image (1, 64, 64, 1): give colour pictures",
    "VAE Encode Tiled small": "image (1, 10, 64, 3): give colour pictures",
    "net one channel": "cannot decode latents (1, 1, 3, 4, 6): this VAE wants (batch, 128, time, height, width)",
    "KSampler nested": "latent: holds video and sound together; LongTake makes no sound",
    "KSampler empty nested": "latent: holds video and sound together; LongTake makes no sound",
    "KSampler 16 channels": "latent (1, 16, 3, 4, 6): LongTake wants (batch, 128, time, height, width); it is of another family",
    "KSampler sound": "latent (1, 64, 40): LongTake wants",
    "KSampler NaN": "latent: holds infinite or undefined numbers",
    "net nested": "latent: holds video and sound together",
    # masks
    "rolling smeared": "noise mask: the rolling sampler keeps whole frames only; make it 0 or 1 for each of the 5 latent frames",
    "rolling spatial": "noise mask: the rolling sampler keeps whole frames only",
    "rolling grey": "noise mask: the rolling sampler keeps whole frames only",
    "remix NaN mask": "latent: its noise mask is empty or holds undefined numbers",
    "remix parts": "latent: its noise mask keeps parts of frames, but Wan 2.1 I2V takes whole ones only",
    "known frames mask": "latent: its noise mask has 3 frames, the latent 5",
    # numbers
    "seconds nan": "seconds 'nan': give plain numbers, such as 1.5, 3",
    "seconds inf": "seconds '1, -inf': give plain numbers",
    "seconds 1e400": "seconds '1e400': give plain numbers",
    "seconds 1e308": "keyframe at 1e+308 s: the take lasts 2.5 s",
    "seconds -1": "keyframe at -1 s: the take lasts 2.5 s",
    "fps nan": "fps nan: give 0.1 to 240",
    "fps of a video": "nan frames a second cannot be written; give 0.1 to 240",
    "shots ²": "shots '²:7': give LATENT:SEED pairs",
    "shots long": "shots '12:999999999999999999999999999999': give LATENT:SEED pairs",
    "shots arabic": "give LATENT:SEED pairs",
    "no vae": "vae: none; this checkpoint holds none, load the one that belongs to the video model",
    "vae of pictures": "this VAE decodes pictures, not video",
}


def refuse_all(room, path):
    """Every kind of wrong LATENT, and the calls of the models it led to; runs in the host."""
    import importlib.util
    from types import SimpleNamespace

    import torch
    from comfy.nested_tensor import NestedTensor
    from comfy_extras import nodes_custom_sampler as custom
    from comfy_extras.nodes_lt import EmptyLTXVLatentVideo

    import nodes

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    film, sampling, errors, latents = room("host.operations"), room("host.sampling"), room("errors"), room("host.latents")
    noise, reels, reel = room("host.noise"), room("host.reels"), room("reel.store")
    unmarked = room("media.disclosure").Disclosure(marked=False)
    keyframes, video, models = room("host.keyframes"), room("host.video"), room("models.vae")
    known_frames = room("nodes.video").LongTakeKnownFrames.execute
    calls, found = [], {}

    def watched(apply, given):
        calls.append(1)
        return apply(given["input"], given["timestep"], **given["c"])

    def make(name):
        built = families.build(name, room)
        built.model.set_model_unet_function_wrapper(watched)
        given = {"seed": 4, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 8}
        return built, sampling.from_ksampler(built.model, built.text(0), built.text(1), **given)

    with torch.inference_mode():
        (own, ours), (ltx, theirs), (wan, first), (_, second), (_, shown) = (
            make(name) for name in ("LongTake", "LTXV", "Wan 2.1 T2V", "HunyuanVideo 1.0", "Wan 2.1 I2V")
        )
        small = models.VAEConfig(channels=128, frames=4, encoder=(8, 8, 8), decoder=(16, 8, 8, 8), blocks=(1, 1, 1, 1))
        vae = room("host.box_vae").HostVAE(models.VideoVAE(small))
        other = SimpleNamespace(
            latent_dim=3,
            upscale_ratio=(lambda t: t * 8 - 7, 32, 32),
            latent_channels=128,
            spacial_compression_encode=lambda: 32,
            spacial_compression_decode=lambda: 32,
        )
        clip = {"samples": own.latents()}
        broken = own.latents()
        broken[0, 0, 2] = float("nan")
        empty = EmptyLTXVLatentVideo.execute(192, 128, 33, 1)[0]
        mask, spatial = torch.ones(1, 1, 5, 1, 1), torch.ones(5, 1, 4, 6)
        mask[:, :, :2] = 0
        spatial[:, :, :, :3] = 0
        picture = torch.rand(1, 64, 96, 3)
        plan = room("host.size_grid").plan
        sized = {"aspect": "custom", "size": "480p", "width": 96, "height": 64, "seconds": 2.5, "fps": 8.0}
        planned = plan(own.model, None, **sized).latent
        made = film.remix(ours, clip, 0.5).latent
        their_clip, wan_clip = film.remix(theirs, {"samples": ltx.latents()}, 0.5).latent, {"samples": wan.latents()}
        kept = keyframes.place(
            vae, planned, room("host.families").probe_vae(vae)[0], first=picture, last=None, keyframes=[], fps=8.0
        )
        wan_made = film.remix(first, wan_clip, 0.5).latent
        nested = {"samples": NestedTensor([own.latents(), torch.rand(1, 8, 9, 16)])}
        blank = {"samples": NestedTensor([torch.zeros(1, 128, 5, 4, 6), torch.zeros(1, 8, 9, 16)])}
        folder = reels.reel_path("of_ltxv")
        header = room("reel.record").ReelHeader("LTXV", (128, 4, 6), room("engine.timeline").Timeline(1, 8))
        with reel.Reel.open(folder, header) as opened:
            opened.put("a" * 64, ltx.latents(), {"indices": [0, 1, 2, 3, 4]})
        rolled = reels.ReelFile(folder)
        calls.clear()

        def sample(latent):
            return nodes.KSampler().sample(own.model, 3, 2, 1.0, "euler", "simple", own.text(0), own.text(1), latent)

        def decode(samples, cls=nodes.VAEDecode, *rest):
            return cls().decode(vae, {"samples": samples}, *rest)

        def roll(mask):
            guider = custom.BasicGuider.execute(own.model, own.text(0))[0]
            sampler = room("host.rolling").RollingSampler(4, 1)
            latent = {**clip, "noise_mask": mask}
            return custom.SamplerCustomAdvanced.execute(noise.TakeNoise(4), guider, sampler, torch.tensor([1.0, 0.5, 0]), latent)

        def save(latent, by=vae, fps=8.0):
            return video.save(by, latent, fps, "bad", codec="h264", crf=18, disclosure=unmarked)

        def filmed(by, latent):
            return film.film(by, object(), "1: a", latent, 8.0, 0, "")

        def at(seconds, fps=8.0, latent=planned):
            return known_frames(latent, vae, fps, seconds, keyframes={"image0": picture})

        tiles = (nodes.VAEDecodeTiled, 64, 16, 64, 8)
        given = {
            "LTXV to Long Take": lambda: filmed(ours, empty),
            "LTXV to Known Frames": lambda: known_frames(empty, vae, 8.0, first=picture),
            "LTXV clip to Extend": lambda: film.extend(ours, their_clip, 1.0, 8.0, "forward"),
            "LTXV clip to Video": lambda: save(their_clip),
            "our clip to Extend with LTXV": lambda: film.extend(theirs, made, 1.0, 8.0, "forward"),
            "our clip to the VAE of LTXV": lambda: save(made, other),
            "our known frames to LTXV": lambda: film.remix(theirs, {k: v for k, v in kept.items() if k[:4] != "down"}, 0.5),
            "our plan to LTXV": lambda: filmed(theirs, planned),
            "our sampled plan to the VAE of LTXV": lambda: save(sampled, other),
            "reel of LTXV": lambda: save(rolled),
            "Wan to HunyuanVideo": lambda: film.extend(second, wan_made, 1.0, 8.0, "forward"),
            "VAE Decode 4-D": lambda: decode(own.latents()[:, :, 0]),
            "VAE Decode 16 channels": lambda: decode(torch.rand(1, 16, 3, 4, 6)),
            "VAE Decode one channel": lambda: decode(torch.rand(1, 1, 3, 4, 6)),
            "VAE Decode nothing": lambda: decode(own.latents()[:, :, :0]),
            "VAE Decode NaN": lambda: decode(broken),
            "VAE Decode Tiled 4-D": lambda: decode(own.latents()[:, :, 0], *tiles),
            "VAE Encode small": lambda: nodes.VAEEncode().encode(vae, picture[:, :10, :64]),
            "VAE Encode grey": lambda: nodes.VAEEncode().encode(vae, picture[:, :, :64, :1]),
            "VAE Encode Tiled small": lambda: nodes.VAEEncodeTiled().encode(vae, picture[:, :10, :64], 64, 16),
            "net one channel": lambda: vae.first_stage_model.net.decode(torch.rand(1, 1, 3, 4, 6)),
            "KSampler nested": lambda: sample(nested),
            "KSampler empty nested": lambda: sample(blank),
            "KSampler 16 channels": lambda: sample({"samples": torch.rand(1, 16, 3, 4, 6)}),
            "KSampler sound": lambda: sample({"samples": torch.rand(1, 64, 40)}),
            "KSampler NaN": lambda: sample({"samples": broken}),
            "net nested": lambda: own.model.model.diffusion_model(torch.rand(1, 1, 99), torch.ones(1)),
            "rolling smeared": lambda: roll(torch.tensor([0.0, 0.0, 1.0]).view(3, 1, 1, 1)),
            "rolling spatial": lambda: roll(spatial),
            "rolling grey": lambda: roll(mask * 0.5),
            "remix NaN mask": lambda: film.remix(ours, {**clip, "noise_mask": mask * torch.nan}, 0.5),
            "remix parts": lambda: film.remix(shown, {**wan_clip, "noise_mask": spatial}, 0.5),
            "known frames mask": lambda: at("2", latent={**clip, "noise_mask": mask[:, :, :3]}),
            "seconds nan": lambda: at("nan"),
            "seconds inf": lambda: at("1, -inf"),
            "seconds 1e400": lambda: at("1e400"),
            "seconds 1e308": lambda: at("1e308"),
            "seconds -1": lambda: at("-1"),
            "fps nan": lambda: at("1", float("nan")),
            "fps of a video": lambda: save(made, fps=float("nan")),
            "shots ²": lambda: noise.TakeNoise(1, shots="²:7"),
            "shots long": lambda: noise.TakeNoise(1, shots="12:" + "9" * 30),
            "shots arabic": lambda: noise.TakeNoise(1, shots="٣:٧"),
            "no vae": lambda: save(made, None),
            "vae of pictures": lambda: save(made, SimpleNamespace(latent_dim=2)),
        }
        count = len(calls)
        (sampled,) = sample(planned)
        calls.clear()
        for name, call in given.items():
            try:
                call()
                found[name] = "nothing was refused"
            except errors.LongTakeError as error:
                found[name] = str(error)
        refused = len(calls)

        # and what must go on working
        pixels = decode(sampled["samples"])[0]
        (encoded,) = nodes.VAEEncode().encode(vae, pixels)
        untagged = film.extend(ours, encoded, 1.0, 8.0, "forward").frames
        mixed = film.extend(make("Wan VACE")[1], wan_made, 1.0, 16.0, "forward").frames
        unknown = plan(families.build("Unheard", room).model, None, **sized).latent
        roll(mask)
        film.remix(ours, kept, 0.5)
    return {
        "said": found,
        "calls": refused + count,
        "shape": list(encoded["samples"].shape),
        "tags": sorted(sampled),
        "untagged": untagged,
        "mixed": mixed,
        "unknown": latents.SPACE in unknown,
        "shots": noise.read_seeds("12 : 7\n30:8"),
    }


@pytest.fixture(scope="module")
def refused(in_host):
    return in_host(refuse_all, path=str(BUILDERS), timeout=600)


@pytest.mark.parametrize("case", WANTED)
def test_refuses_in_one_line(refused, case):
    said = refused["said"][case]
    assert WANTED[case] in said and "\n" not in said and len(said) < 200


def test_nothing_was_sampled_and_what_is_right_goes_on(refused):
    assert set(refused["said"]) == set(WANTED) and refused["calls"] == 0
    assert refused["shape"] == [1, 128, 5, 4, 6] and refused["tags"] == ["longtake_space", "samples"]
    assert refused["untagged"] == 28 and refused["mixed"] == 33 and not refused["unknown"]
    assert refused["shots"] == [[12, 7], [30, 8]]


def test_an_error_names_no_folder(comfy):
    graph = {
        "1": {"class_type": "LongTakeLoader", "inputs": {"model": "in the box"}},
        "2": {"class_type": "LongTakeNoise", "inputs": {"seed": 1, "kind": "shared", "first": 0, "window": 16, "shots": "x"}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
    }
    seen = []
    with pytest.raises(comfy.Error):
        comfy.run(graph, on_event=lambda kind, data: seen.append((kind, data)))
    (error,) = [data for kind, data in seen if kind == "execution_error"]
    assert error["exception_type"] == "longtake.UsageError"
