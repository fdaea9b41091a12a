"""Wrong input to the take nodes: one line that says what was given and what to do, before anything is sampled."""

from pathlib import Path

import pytest

BUILDERS = Path(__file__).with_name("families.py")

NAMES = ["../x", "a/b", "..", "/tmp/x", "a\\b", "x\n", "x\0", " . ", "link"]
WANTED = {
    "overlap": "latent: 3 latents, the overlap is 4; give a longer clip or a shorter overlap",
    "overlap of b": "b: 3 latents, the overlap is 4",
    "overlap of a loop": "latent: 3 latents, the overlap is 4",
    "size": "b: 8x4 latent cells, a has 6x4; give clips of one size",
    "family": "latent: 16 channels, this model has 128; it is of another family",
    "sizes to blend": "blend clips of one size and length",
    "gap 0": "gap 0: give more than 0",
    "gap -1": "gap -1: give more than 0",
    "gap nan": "gap nan: give more than 0",
    "seconds 0": "seconds 0: give more than 0",
    "seconds 1e9": "seconds 1e+09: give more than 0, up to 3600 seconds",
    "fps": "fps -8: give 0.1 to 240, or 0",
    "fps nan": "fps nan: give 0.1 to 240",
    "direction": "direction 'sideways': give forward or backward",
    "one clip": "1 clip: give at least 2",
    "mask": "its noise mask has 3 frames, the latent 5",
    "kept": "nothing is left to make",
    "strength": "strength 0: give more than 0",
    "end": "strength 1.5: give more than 0",
    "strength of a blend": "strength 1.5: give more than 0",
    "blend": "the end must come after the beginning",
    "blend after the end": "nothing is left to make",
    "keep": "keep '2-1': give spans in seconds",
    "keep nothing": "keep '': no whole latent frame lies in it",
    "keep too little": "no whole latent frame lies in it",
    "keep all": "nothing is left to make",
    "keep what is not there": "keep 9-10: the clip lasts 2.5 s at 8 fps",
    "typo": "shots, line 2: 'five: a cat' is no shot; write SECONDS: prompt",
    "no prompt": "shots, line 1: '5:' is no shot",
    "negative": "shots, line 1: -5 s; give more than 0",
    "too long": "shots, line 1: 4000 s; give more than 0, up to 3600 seconds",
    "1001 shots": "1001 shots; give 1 to 1000, a prompt a line",
    "no shots": "0 shots; give 1 to 1000, a prompt a line",
    "fade": "fade -1: give 0 latent frames or more",
    "no clip": "this checkpoint holds no text encoder",
    "film of another family": "16 channels, this model has 128",
    **{f"reel {name}": "give a plain name" for name in NAMES},
    "nan": "latent: holds infinite or undefined numbers",
    "batch": "latent: 2 videos in one batch",
    "4-D": "latent: shape (1, 128, 4, 6) is not video",
    "nested": "latent: holds video and sound together; take them apart first",
    "no latent": "latent: not a LATENT",
    "picture": "BaseModel makes pictures, not video: connect a video model",
    "picture of a video VAE": "QwenImage makes pictures, not video",
    "no model": "not a MODEL of ComfyUI",
    "window": "window of 2 latents with an overlap of 1: nothing new fits in",
    "sampler": "sampler 'eular', scheduler 'simple': this ComfyUI has no such",
    "steps": "steps 0: give at least 1",
    "one sigma": "sigmas of 1 levels: give a whole schedule",
    "rising": "sigmas of 3 levels: give a whole schedule, at least 2 levels that fall to 0",
    "half": "sigmas of 2 levels: give a whole schedule",
    "guider": "this guider has no positive prompt, but other",
    "vae of another family": "vae: 16 channels, LongTake has 128; connect its own VAE",
    "vae of pictures": "this VAE is not for video",
    "retries": "retries: a join is judged by its pictures; connect the VAE to Take Sampling",
    "one latent": "latent: one latent frame is too short for this model to lead to",
    "one latent of b": "b: one latent frame is too short",
    "one latent to loop": "latent: one latent frame is too short",
    "rolling": "use the Rolling Sampler with SamplerCustomAdvanced",
}


def refuse_all(room, path, names):
    """Every kind of wrong input, and the calls of the model it led to; runs in the host."""
    import importlib.util
    import os
    from types import SimpleNamespace

    import comfy.samplers
    import torch
    from comfy.nested_tensor import NestedTensor

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    film, take, sampling, errors = room("host.operations"), room("host.denoiser"), room("host.sampling"), room("errors")
    calls, found = [], {}

    def watched(apply, given):
        calls.append(1)
        return apply(given["input"], given["timestep"], **given["c"])

    def make(built, **more):
        given = {"seed": 4, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 8} | more
        return sampling.from_ksampler(built.model, built.text(0), built.text(1), **given)

    class Clip:
        def tokenize(self, text):
            return len(text)

        def encode_from_tokens_scheduled(self, number):
            return own.text(number)

    with torch.inference_mode():
        own, wan = families.build("LongTake", room), families.build("Wan 2.1 T2V", room)
        for built in (own, wan):
            built.model.set_model_unet_function_wrapper(watched)
        one, causal, strict = make(own), make(wan), make(own, overlap=4)
        clip = own.latents()
        a, short, still = {"samples": clip}, {"samples": clip[:, :, :3]}, {"samples": wan.latents()[:, :, :1]}
        wide, other = {"samples": torch.zeros(1, 128, 5, 4, 8)}, {"samples": wan.latents()}
        bad = clip.clone()
        bad[0, 0, 2] = float("nan")
        mask = torch.ones(1, 1, 3, 1, 1)

        def extend(latent, seconds=1.0, fps=8.0, direction="forward", by=one):
            return film.extend(by, latent, seconds, fps, direction)

        def filmed(shots="1: a", reel="", clip=Clip(), latent=a, fade=0, by=one):  # noqa: B008
            return film.film(by, clip, shots, latent, 8.0, fade, reel)

        def guided(levels, conds=None):
            guider = comfy.samplers.CFGGuider(own.model)
            guider.set_conds(own.text(0), own.text(1))
            guider.original_conds = conds or guider.original_conds
            return sampling.from_guider(guider, comfy.samplers.sampler_object("euler"), torch.tensor(levels), seed=1, window=8)

        def vae(dim, rule, channels):
            return SimpleNamespace(latent_dim=dim, upscale_ratio=rule, latent_channels=channels)

        root = film.reel_path("x").parent
        root.mkdir(parents=True, exist_ok=True)
        before = sorted(os.listdir(root))
        os.symlink(path.rpartition("/")[0], root / "link")
        pair = NestedTensor([clip, clip])
        given = {
            "overlap": lambda: extend(short, by=strict),
            "overlap of b": lambda: film.stitch(strict, [("a", a), ("b", short)], 1.0, 8.0),
            "overlap of a loop": lambda: film.loop(strict, short, 1.0, 8.0),
            "size": lambda: film.stitch(one, [("a", a), ("b", wide)], 1.0, 8.0),
            "family": lambda: extend(other),
            "sizes to blend": lambda: film.blend(one, a, short, 0.5, 1.0, 0.7, 8.0),
            "gap 0": lambda: film.stitch(one, [("a", a), ("b", a)], 0.0, 8.0),
            "gap -1": lambda: film.loop(one, a, -1.0, 8.0),
            "gap nan": lambda: film.loop(one, a, float("nan"), 8.0),
            "seconds 0": lambda: extend(a, 0.0),
            "seconds 1e9": lambda: extend(a, 1e9),
            "fps": lambda: extend(a, fps=-8.0),
            "fps nan": lambda: extend(a, fps=float("nan")),
            "direction": lambda: extend(a, direction="sideways"),
            "one clip": lambda: film.stitch(one, [("a", a)], 1.0, 8.0),
            "mask": lambda: film.remix(one, {**a, "noise_mask": mask}, 0.5),
            "kept": lambda: film.remix(one, {**a, "noise_mask": mask[:, :, :1] * 0}, 0.5),
            "strength": lambda: film.remix(one, a, 0.0),
            "end": lambda: film.remix(one, a, 0.5, 1.5),
            "strength of a blend": lambda: film.blend(one, a, a, 0.5, 1.0, 1.5, 8.0),
            "blend": lambda: film.blend(one, a, a, 1.0, 1.0, 0.7, 8.0),
            "blend after the end": lambda: film.blend(one, a, a, 90.0, 99.0, 0.7, 8.0),
            "keep": lambda: film.recut(one, a, "0-1, 2-1", 8.0),
            "keep nothing": lambda: film.recut(one, a, "", 8.0),
            "keep too little": lambda: film.recut(one, a, "0.1-0.4", 8.0),
            "keep all": lambda: film.recut(one, a, "0-99", 8.0),
            "keep what is not there": lambda: film.recut(one, a, "9-10", 8.0),
            "typo": lambda: filmed("5: a dog\nfive: a cat"),
            "no prompt": lambda: filmed("5:"),
            "negative": lambda: filmed("-5: a"),
            "too long": lambda: filmed("4000: a"),
            "1001 shots": lambda: filmed("1: a\n" * 1001),
            "no shots": lambda: filmed("# 1: a\n\n"),
            "fade": lambda: filmed(fade=-1),
            "no clip": lambda: filmed(clip=None),
            "film of another family": lambda: filmed(latent=other),
            **{f"reel {name}": lambda name=name: filmed(reel=name) for name in names},
            "nan": lambda: extend({"samples": bad}),
            "batch": lambda: extend({"samples": clip.repeat(2, 1, 1, 1, 1)}),
            "4-D": lambda: extend({"samples": clip[:, :, 0]}),
            "nested": lambda: extend({"samples": pair}),
            "no latent": lambda: extend({"pixels": clip}),
            "picture": lambda: make(families.build("SD15", room)),
            "picture of a video VAE": lambda: make(families.build("QwenImage", room)),
            "no model": lambda: make(SimpleNamespace(model=None, text=own.text)),
            "window": lambda: make(own, window=2),
            "sampler": lambda: make(own, sampler_name="eular"),
            "steps": lambda: make(own, steps=0),
            "one sigma": lambda: guided([1.0]),
            "rising": lambda: guided([0.0, 0.5, 1.0]),
            "half": lambda: guided([1.0, 0.5]),
            "guider": lambda: filmed(by=guided([1.0, 0.0], {"other": []})),
            "vae of another family": lambda: make(own, vae=vae(3, (lambda t: t * 4 - 3, 8, 8), 16)),
            "vae of pictures": lambda: make(own, vae=vae(2, 8, 4)),
            "retries": lambda: extend(a, by=make(own, retries=1)),
            "one latent": lambda: extend(still, direction="backward", by=causal),
            "one latent of b": lambda: film.stitch(causal, [("a", other), ("b", still)], 1.0, 8.0),
            "one latent to loop": lambda: film.loop(causal, still, 1.0, 8.0),
            "rolling": lambda: take.HostDenoiser(one, [one.conds], 8.0).advance(),
        }
        for name, call in given.items():
            try:
                call()
                found[name] = "nothing was refused"
            except errors.UsageError as error:
                found[name] = str(error)
        stills = extend(still, by=causal).latent["samples"]  # but one latent can be gone on with
        broken = families.build("LongTake", room)
        broken.model.set_model_unet_function_wrapper(lambda apply, given: given["input"] * torch.nan)
        try:
            extend(a, by=make(broken))
        except errors.LongTakeError as error:
            failed = str(error)
    os.unlink(root / "link")
    left = sorted(os.listdir(root)) == before
    return {"said": found, "calls": len(calls) - 2, "still": list(stills.shape), "failed": failed, "left": left}


@pytest.fixture(scope="module")
def refused(in_host):
    return in_host(refuse_all, path=str(BUILDERS), names=NAMES, timeout=600)


@pytest.mark.parametrize("case", WANTED)
def test_refuses_in_one_line(refused, case):
    said = refused["said"][case]
    assert WANTED[case] in said and "\n" not in said and len(said) < 200


def test_nothing_was_sampled_nor_written(refused):
    assert set(refused["said"]) == set(WANTED)
    assert refused["calls"] == 0 and refused["left"]
    assert refused["still"] == [1, 16, 3, 4, 6]
    assert "infinite or undefined numbers" in refused["failed"] and "\n" not in refused["failed"]
