"""What tiny models receive from the host's nodes and from Long Take; to be used in the host's interpreter."""

import comfy.patcher_extension
import comfy.sample
import torch

FRAMES = {4: 17, 8: 33}
"""Frames of a window, by frames a latent: five latents."""


def pictures(count, height, width, seed=0):
    """Random smooth pictures [count, height, width, 3] in 0..1."""
    noise = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(height, width), mode="bilinear").movedim(1, -1)


def run_node(node, built, vae, width, height, length):
    """(positive, negative, LATENT) of the host's node, and latents of references before its clip."""
    from comfy_extras import nodes_cosmos, nodes_hunyuan, nodes_kandinsky5, nodes_lt, nodes_wan

    texts = built.text(0), built.text(1)
    one, end = pictures(1, height, width), pictures(1, height, width, 1)
    size = {"width": width, "height": height, "length": length, "batch_size": 1}
    name, _, kind = node.partition(", ")
    if name in ("WanImageToVideo", "HunyuanVideo15ImageToVideo", "Kandinsky5ImageToVideo"):
        part = {"W": nodes_wan, "H": nodes_hunyuan, "K": nodes_kandinsky5}[name[0]]
        return (*getattr(part, name).execute(*texts, vae, **size, start_image=one).result[:3], 0)
    if name == "WanFirstLastFrameToVideo":
        return (*nodes_wan.WanFirstLastFrameToVideo.execute(*texts, vae, **size, start_image=one, end_image=end).result, 0)
    if name == "WanVaceToVideo":
        more = {"control_video": pictures(length, height, width, 2), "reference_image": one} if kind else {}
        return nodes_wan.WanVaceToVideo.execute(*texts, vae, **size, strength=0.7, **more).result
    if name == "Wan22ImageToVideoLatent":
        return (*texts, *nodes_wan.Wan22ImageToVideoLatent.execute(vae, **size, start_image=one).result, 0)
    if name == "LTXVImgToVideo":
        return (*nodes_lt.LTXVImgToVideo.execute(*texts, one, vae, **size, strength=1.0).result, 0)
    if name == "LTXVAddGuide":
        empty = {"samples": torch.zeros(1, 128, (length - 1) // 8 + 1, height // 32, width // 32)}
        return (*nodes_lt.LTXVAddGuide.execute(*texts, vae, empty, one, 9, 1.0).result, 0)
    if name == "HunyuanImageToVideo":
        which = {"v1": "v1 (concat)", "v2": "v2 (replace)"}[kind]
        positive, latent = nodes_hunyuan.HunyuanImageToVideo.execute(
            texts[0], vae, **size, guidance_type=which, start_image=one
        ).result
        return positive, texts[1], latent, 0
    if name.startswith("Cosmos"):
        return (*texts, *getattr(nodes_cosmos, name).execute(vae, **size, start_image=one).result, 0)
    image = vae.encode(one)  # the host has no node for CogVideoX's image: its model takes the key
    told = [[[states, {**values, "concat_latent_image": image}] for states, values in text] for text in texts]
    latent = torch.zeros(1, built.channels, (length - 1) // 4 + 1, *image.shape[3:])
    return (*told, {"samples": latent}, 0)


class Recorder:
    """What the net of a MODEL receives, call by call."""

    def __init__(self, model):
        self.calls = []
        comfy.patcher_extension.add_wrapper_with_key(
            comfy.patcher_extension.WrappersMP.DIFFUSION_MODEL, "shown", self._hear, model.model_options["transformer_options"]
        )

    def _hear(self, run, x, timestep, *args, **kwargs):
        call = {"timestep": timestep} if isinstance(x, list) else {"x": x, "timestep": timestep}
        if isinstance(x, list):  # video and sound
            call["x"] = x[0]
        for key, value in kwargs.items():
            if isinstance(value, torch.Tensor) and key not in ("context", "y"):
                call[key] = value
        call |= {f"argument {at}": value for at, value in enumerate(args) if at and isinstance(value, torch.Tensor)}
        self.calls.append({key: value.clone().float() for key, value in call.items()})
        return run(x, timestep, *args, **kwargs)


def compare(node, built, vae, film, sampling, samplers):
    """See watch_models in test_shown.py."""
    model = built.model.clone()
    model.model_options.setdefault("transformer_options", {})
    rest, cell = vae.upscale_index_formula[0], vae.upscale_index_formula[1]
    length, height, width = FRAMES[rest], 4 * cell, 6 * cell
    positive, negative, latent, before = run_node(node, built, vae, width, height, length)
    latent = {**latent, "frames": (length - 1) // rest + 1}  # without guides behind them
    recorder = Recorder(model)
    window, fps = (length - 1) // rest + 1, 8.0
    conds = {"seed": 4, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
    one = sampling.from_ksampler(model, positive, negative, **conds, window=window, overlap=1, vae=vae, adain=0.0)

    first, second = (length + 2 * rest) / fps, (length + rest) / fps
    made = film.film(one, Clip(built), f"{first}: a\ncut {second}: a", latent, fps, 0, "")
    take = made.latent["samples"]
    calls, recorder.calls = recorder.calls[::2], []  # the first of two steps

    samples = latent["samples"].clone()
    noise = torch.zeros_like(samples)
    guider = samplers.CFGGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(1.0)
    sigmas = samplers.KSampler(model, 2, "cpu", "euler", "simple", 1.0, model.model_options).sigmas
    drawn = room_noise(film, one, samples, before)  # in place of the host's own
    noise[:, :, : drawn.shape[2]] = drawn
    euler = samplers.sampler_object("euler")
    guider.sample(noise, samples, euler, sigmas, denoise_mask=latent.get("noise_mask"), disable_pbar=True, seed=0)
    theirs = recorder.calls[0]
    channels = built.channels
    same = {key: difference(theirs[key], calls[0][key], before if key == "x" else 0, channels) for key in theirs if key in calls[0]}
    return {
        "same": same,
        "report": made.report,
        "keys": [sorted(theirs), sorted(calls[0])],
        "finite": bool(torch.isfinite(take).all()),
        "lengths": [call["x"].shape[2] for call in calls],
        "picture": picture(calls[-2], calls[0], channels, latent),
        "kept": kept(latent, take),
    }


def room_noise(film, one, samples, before):
    """Noise of the take's first frames, as the engine draws it."""
    import importlib

    draw = importlib.import_module(film.__name__.replace("host.operations", "engine.denoiser")).frame_noise
    shape = (samples.shape[1], *samples.shape[3:])
    frames = [draw(one.seed, at, shape) for at in range(samples.shape[2] - before)]
    return torch.stack([torch.zeros(shape)] * before + frames, 1)[None]


def difference(theirs, mine, before, channels):
    """Largest difference; what lies before the clip, whose noise is drawn on its own, is compared in channels beside x alone."""
    if theirs.shape != mine.shape:
        return float("inf")
    if before:
        theirs, mine = theirs.clone(), mine.clone()
        theirs[:, :channels, :before], mine[:, :channels, :before] = 0, 0
    return float((theirs - mine).abs().max())


def picture(cut, first, channels, latent):
    """Difference between what the window after the cut and the first one see in their first latent."""
    parts = [(cut["x"][:, channels:, 0], first["x"][:, channels:, 0])]
    if "noise_mask" in latent and latent["samples"].shape[2] == latent["frames"]:  # a picture in what is sampled
        parts.append((cut["x"][:, :channels, 0], first["x"][:, :channels, 0]))
    if "vace_context" in first:
        parts.append((cut["vace_context"][:, :, :, 0], first["vace_context"][:, :, :, 0]))
    if "time_dim_replace" in first:
        parts.append((cut["time_dim_replace"], first["time_dim_replace"]))
    return max([float((a - b).abs().max()) for a, b in parts if a.numel()], default=0.0)


def kept(latent, take):
    """How far the frames that the LATENT keeps are from the take's."""
    mask = latent.get("noise_mask")
    if mask is None:
        return 0.0
    keep = mask.amax((0, 1, 3, 4)) == 0
    keep = keep.expand(latent["samples"].shape[2])[: latent["frames"]]
    given = latent["samples"][:, :, : len(keep)][:, :, keep]
    return float((given - take[:, :, : len(keep)][:, :, keep]).abs().max()) if bool(keep.any()) else 0.0


class Clip:
    """A text encoder of a tiny model."""

    def __init__(self, built):
        self.built = built

    def tokenize(self, text):
        return len(text)

    def encode_from_tokens_scheduled(self, number):
        return self.built.text(0)


def anchored(built, vae, film, sampling, node=None, **options):
    """The calls of a take of two windows of five latents, one step each, and its latents, what the node gave, and the model."""
    model = built.model.clone()
    model.model_options.setdefault("transformer_options", {})
    rest, cell = vae.upscale_index_formula[0], vae.upscale_index_formula[1]
    length = FRAMES[rest]
    latent = {"samples": torch.zeros(1, built.channels, 5, 4, 6)}
    texts = built.text(0), built.text(1)
    if node:
        *texts, latent, _ = run_node(node, built, vae, 6 * cell, 4 * cell, length)
    recorder = Recorder(model)
    conds = {"seed": 4, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
    one = sampling.from_ksampler(model, *texts, **conds, window=5, overlap=1, vae=vae, adain=0.0, **options)
    made = film.film(one, Clip(built), f"{(length + 3 * rest) / 8}: a", latent, 8.0, 0, "")
    return recorder.calls, made, texts, model.model


def windows(built, capability, film, sampling):
    """Lengths of the clips that the model makes in a film with a cut and a short shot, and between two known ends, with windows
    of its usual length, and whether known frames are bit for bit as they were."""
    model = built.model.clone()
    model.model_options.setdefault("transformer_options", {})
    recorder, timeline, fps = Recorder(model), capability.timeline, capability.fps
    lengths = []

    def hear(apply, given):
        lengths.append(given["input"].shape[2])
        return apply(given["input"], given["timestep"], **given["c"])

    def taken():
        """Lengths of the clips since the last call; Mochi's net lets nobody listen, all others do."""
        found = [video_length(call) for call in recorder.calls] or lengths[:]
        recorder.calls, lengths[:] = [], []
        return found

    model.set_model_unet_function_wrapper(hear)
    conds = {"seed": 4, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
    one = sampling.from_ksampler(model, built.text(0), built.text(1), **conds)
    size = capability.windows.size + capability.margin
    given = built.latents(0)
    long, short = timeline.frames_for(timeline.legal(size + 3)), timeline.frames_for(timeline.legal(2))
    film.film(one, Clip(built), f"{long / fps}: a\ncut {short / fps}: a", {"samples": given}, fps, 0, "")
    filmed = taken()
    clips = [("a", {"samples": given}), ("b", {"samples": built.latents(1)})]
    joined = film.stitch(one, clips, timeline.frames_for(timeline.legal(4)) / fps, fps).latent["samples"]
    between = taken()
    film.stitch(one, clips, timeline.frames_for(timeline.legal(2 * size)) / fps, fps)
    first = joined.unbind()[0] if joined.is_nested else joined
    mine = [clip["samples"].unbind()[0] if clip["samples"].is_nested else clip["samples"] for _, clip in clips]
    tail = mine[1][:, :, 1:]
    return {
        "size": size,
        "film": filmed,
        "between": between,
        "far": taken(),
        "kept": torch.equal(first[:, :, : mine[0].shape[2]], mine[0]) and torch.equal(first[:, :, -tail.shape[2] :], tail),
        "finite": bool(torch.isfinite(first).all()),
    }


def video_length(call):
    """Latent frames of the video in what a net receives."""
    return call["x"].shape[2]
