"""Streaming decode: exact for our VAE, close for others, at a memory that does not grow with the length."""

from pathlib import Path

import pytest

JUMP = 1.5
"""Ratio of changes between frames above which a join is said to be seen."""


def test_frames_are_those_of_one_decode_and_memory_is_flat(in_host):
    def run(room):
        import resource

        import torch

        load, decode = room("models.load"), room("host.codec")
        vae = room("host.box_vae").HostVAE(load.load_vae())
        g = torch.Generator().manual_seed(0)
        latents = torch.randn(1, 24, 13, 4, 6, generator=g)
        with torch.inference_mode():
            whole, parts, told = vae.decode(latents)[0], [], []
            codec = decode.HostCodec(vae)
            codec.decode([latents[:, :, :5], latents[:, :, 5:]], 13, parts.append, tick=told.append)

            def peak(count):
                """Most memory in MB after a take of so many latents of 160x256 pixels, frames thrown away."""
                one = torch.randn(1, 24, 1, 10, 16, generator=g)
                codec.decode((one for _ in range(count)), count, lambda frames: None)
                return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

            short = peak(10)
            long = peak(120)
        return {"same": float((torch.cat(parts) - whole).abs().max()), "told": told[-1], "growth": long - short}

    found = in_host(run, timeout=300)
    assert found["same"] < 1e-5 and found["told"] == 13
    assert found["growth"] < 30


def stream_vaes(room, folder, names):
    """Each VAE's stream against one decode of all, latents decoded and frames of joins; runs in the host."""
    import sys

    import torch

    sys.path.append(folder)
    import vaes

    torch.set_num_threads(1)
    codec, found = room("host.codec"), {}
    with torch.inference_mode():
        for name, length in names.items():
            vae = vaes.build(name)
            latents = torch.randn(1, vae.latent_channels, length, 2, 3, generator=torch.Generator().manual_seed(1))
            whole, parts = vae.decode(latents)[0], []
            codec.HostCodec(vae).decode(latents.split(7, 2), length, parts.append, early=True)
            made = torch.cat(parts)
            error = (made - whole).abs().flatten(1).mean(1) / whole.std()
            steps = [(one[1:] - one[:-1]).abs().flatten(1).mean(1) for one in (whole, made)]
            found[name] = {
                "same": list(made.shape) == list(whole.shape),
                "largest": float((made - whole).abs().max()),
                "error": float(error.max()),
                "jump": float((steps[1] / steps[0].clamp_min(0.1 * steps[0].mean())).max()),
            }
    return found


EXACT = {"Wan 2.1": 40, "Wan 2.2": 24}
FADED = {"HunyuanVideo 1.0": 34, "HunyuanVideo 1.5": 34, "LTXV": 34, "Cosmos": 34, "Mochi": 34, "CogVideoX": 34}


@pytest.fixture(scope="module")
def streamed(in_host):
    return in_host(stream_vaes, folder=str(Path(__file__).parent), names=EXACT | FADED, timeout=1200)


@pytest.mark.parametrize("name", EXACT)
def test_a_vae_with_a_cache_streams_exactly(streamed, name):
    assert streamed[name]["same"] and streamed[name]["largest"] < 1e-5


@pytest.mark.parametrize("name", FADED)
def test_other_vaes_fade_from_chunk_to_chunk(streamed, name):
    """No frame changes much more against the one before it than in a decode of all: the seam of a chunk is faded over. Those that
    attend over all frames (HunyuanVideo) or number them (Cosmos) decode a piece otherwise than the whole."""
    found = streamed[name]
    assert found["same"] and found["jump"] < JUMP


def test_a_short_clip_is_decoded_in_one_go(in_host):
    found = in_host(stream_vaes, folder=str(Path(__file__).parent), names={"HunyuanVideo 1.0": 3}, timeout=300)
    assert found["HunyuanVideo 1.0"]["largest"] < 1e-6


def decode_with_little_memory(room, folder):
    """Streams of VAEs whose decoder runs out of memory once, in the middle; runs in the host."""
    import sys

    import torch

    sys.path.append(folder)
    import vaes

    torch.set_num_threads(1)
    codec, found = room("host.codec"), {}
    with torch.inference_mode():
        for name, length, calls in (("Wan 2.1", 24, 9), ("Wan 2.2", 16, 5), ("LTXV", 12, 0)):
            vae, parts, count, told = vaes.build(name), [], [0], []
            latents = torch.randn(1, vae.latent_channels, length, 2, 3, generator=torch.Generator().manual_seed(1))
            whole = vae.decode(latents)[0]
            decoder = vae.first_stage_model.decoder

            def short(module, args, count=count, calls=calls):
                count[0] += 1
                if count[0] == calls + 1:
                    raise torch.OutOfMemoryError("CUDA out of memory")

            hook = decoder.register_forward_pre_hook(short)
            codec.HostCodec(vae).decode(latents.split(5, 2), length, parts.append, tick=told.append)
            hook.remove()
            made = torch.cat(parts)
            error = (made - whole).abs().flatten(1).mean(1) / whole.std()
            told = [one for one in told if one <= length]
            before = int(vae.upscale_ratio[0](calls))
            found[name] = [list(made.shape) == list(whole.shape), count[0] > calls + 1, told[-1] == length]
            found[name] += [float(error[:before].max()) if calls else 0.0, float(error.median())]
    return found


def test_a_decoder_that_runs_out_of_memory_goes_on_in_tiles(in_host):
    """What was decoded before stays as it is, the rest comes from the host's tiled decode after a lead-in, nothing is lost."""
    found = in_host(decode_with_little_memory, folder=str(Path(__file__).parent), timeout=600)
    for name, (whole, went_on, told, before, after) in found.items():
        assert whole and went_on and told, name
        assert before < 1e-5 and after < 0.05, name


def count_decodes(room, folder, window, seconds):
    """Latents that a take of three windows with preview, joins, and its file decode; runs in the host."""
    import sys

    import torch

    sys.path.append(folder)
    import families
    import shown
    import vaes

    torch.set_num_threads(1)
    film, sampling, video = room("host.operations"), room("host.sampling"), room("host.video")
    built, vae, count = families.build("Wan 2.2 A14B I2V", room), vaes.build("Wan 2.1"), [0]
    net = vae.first_stage_model.decoder
    net.register_forward_pre_hook(lambda module, args: count.__setitem__(0, count[0] + args[0].shape[2]))
    with torch.inference_mode():
        conds = {"seed": 4, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
        one = sampling.from_ksampler(built.model, built.text(0), built.text(1), **conds, **window, vae=vae)
        size = {"samples": torch.zeros(1, 16, 1, 4, 6)}
        made = film.film(one, shown.Clip(built), f"{seconds}: a", size, 8.0, 0, "")
        taken = count[0]
        save = {"codec": "h264", "crf": 18, "disclosure": room("media.disclosure").Disclosure(marked=False)}
        video.save(vae, made.latent, 8.0, "shared", **save)
        filed = count[0] - taken
        changed = {**made.latent, "samples": made.latent["samples"] + 0.01}
        video.save(vae, changed, 8.0, "other", **save)
    return {"latents": made.latent["samples"].shape[2], "take": taken, "file": filed, "changed": count[0] - taken - filed}


def make_takes_of(room, folder, lengths):
    """Most memory in MB after takes of so many seconds, with their film on disk, and seconds of each; runs in the host."""
    import resource
    import sys
    import time

    import torch

    sys.path.append(folder)
    import families
    import shown
    import vaes

    torch.set_num_threads(1)
    film, sampling, video = room("host.operations"), room("host.sampling"), room("host.video")
    built, vae, found = families.build("Wan 2.2 A14B I2V", room), vaes.build("Wan 2.1"), []
    save = {"codec": "h264", "crf": 30, "disclosure": room("media.disclosure").Disclosure(marked=False)}
    conds = {"seed": 4, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
    with torch.inference_mode():
        for seconds in lengths:
            begin = time.monotonic()
            one = sampling.from_ksampler(built.model, built.text(0), built.text(1), **conds, vae=vae)
            size = {"samples": torch.zeros(1, 16, 1, 4, 6)}
            made = film.film(one, shown.Clip(built), f"{seconds}: a", size, 16.0, 0, f"of {seconds}")
            video.save(vae, made.latent, 16.0, f"of {seconds}", **save)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            found.append([made.frames, peak, time.monotonic() - begin])
    return found


def test_a_take_eight_times_as_long_needs_no_more_memory(in_host):
    """Of ten minutes against half a minute it is 29 MB (4 minutes of work, so not here)."""
    lengths = [15, 120]
    short, long = in_host(make_takes_of, folder=str(Path(__file__).parent), lengths=lengths, timeout=900)
    assert long[0] == 1921 and long[1] - short[1] < 30


def test_one_decode_serves_windows_joins_and_file(in_host):
    """In windows of the trained length no latent is decoded twice."""
    folder = str(Path(__file__).parent)
    found = in_host(count_decodes, folder=folder, window={}, seconds=30.125, timeout=600)
    assert found["latents"] == found["take"] == found["changed"] == 61 and found["file"] == 0


def test_a_window_that_ends_within_a_pair_costs_one_latent(in_host):
    folder = str(Path(__file__).parent)
    found = in_host(count_decodes, folder=folder, window={"window": 6, "overlap": 1}, seconds=7.125, timeout=600)
    assert found["latents"] == found["changed"] == 15 and found["take"] <= 15 + 2 and found["file"] == 0


def test_a_vae_of_pictures_is_refused(in_host):
    def run(room):
        from types import SimpleNamespace

        try:
            room("host.codec").HostCodec(SimpleNamespace(latent_dim=2))
        except room("errors").UsageError as error:
            return str(error)

    assert "decodes pictures, not video" in in_host(run)
