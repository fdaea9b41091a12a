"""Noise masks of parts of frames: Remix Take keeps them on every model that takes one, Known Frames adds to them."""

import json
from pathlib import Path

import pytest

BUILDERS = Path(__file__).with_name("families.py")
TABLE = json.loads(BUILDERS.with_suffix(".json").read_text(encoding="utf-8"))
PARTS = [name for name, family in TABLE.items() if family["kind"] != "none" and not family["needs"]]


@pytest.mark.parametrize("name", PARTS)
def test_remix_keeps_parts_of_frames(in_host, name):
    def run(room, path, name):
        import importlib.util

        import torch

        spec = importlib.util.spec_from_file_location("longtake_families", path)
        families = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(families)
        film, sampling = room("host.operations"), room("host.sampling")
        with torch.inference_mode():
            built = families.build(name, room)
            given = {"seed": 4, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 4}
            one = sampling.from_ksampler(built.model, built.text(0), built.text(1), **given)
            latents = built.latents()
            clip = latents.unbind()[0] if built.sound else latents
            mask = torch.ones(clip.shape[2], 1, 8, 12)  # four pixels of it a cell
            mask[1:, :, :, :6], mask[0] = 0, 0
            found = []
            for strength in (0.6, 1.0):
                made = film.remix(one, {"samples": latents, "noise_mask": mask}, strength).latent["samples"]
                made = made.unbind()[0] if built.sound else made
                free = (made != clip)[:, :, 1:, :, 3:]
                found.append(
                    [
                        torch.equal(made[:, :, 0], clip[:, :, 0]),
                        torch.equal(made[..., :3], clip[..., :3]),
                        float(free.float().mean()),
                        bool(torch.isfinite(made).all()),
                    ]
                )
        return found

    for frame, part, free, finite in in_host(run, path=str(BUILDERS), name=name, timeout=600):
        assert frame and part and free > 0.99 and finite


def test_our_model_is_told_the_level_of_a_frames_noisiest_part(in_host):
    def run(room, path):
        import importlib.util

        import torch

        spec = importlib.util.spec_from_file_location("longtake_families", path)
        families = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(families)
        base = families.build("LongTake", room).model.model
        mask = torch.ones(2, 128, 5, 4, 6)
        mask[:, :, 0], mask[:, :, 1], mask[:, :, 2, :2], mask[:, :, 3, :3] = 0, 0.25, 0, 0.5
        found = base.process_timestep(torch.tensor([1000.0, 600.0]), mask, denoise_mask=mask)
        return found.tolist(), base.process_timestep(torch.ones(2), mask).tolist()

    found, plain = in_host(run, path=str(BUILDERS))
    assert found == [[0, 250, 1000, 1000, 1000], [0, 150, 600, 600, 600]] and plain == [1, 1]


def test_remix_is_as_before_where_nothing_is_kept(in_host):
    def run(room, path):
        import importlib.util

        import torch

        spec = importlib.util.spec_from_file_location("longtake_families", path)
        families = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(families)
        film, sampling = room("host.operations"), room("host.sampling")
        with torch.inference_mode():
            built = families.build("LongTake", room)
            given = {"seed": 4, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 4}
            one = sampling.from_ksampler(built.model, built.text(0), built.text(1), **given)
            clip, shape = built.latents(), (1, 1, built.frames, 4, 6)
            nearly = torch.ones(shape)
            nearly[..., 0] = 1 - 1e-3  # goes the way of a mask of parts
            masks = [None, torch.ones(shape), torch.ones(1, 40, 60), nearly]
            a, *others = [film.remix(one, {"samples": clip, "noise_mask": m}, 0.6).latent["samples"] for m in masks]
        return [float((a - b).abs().max()) for b in others]

    plain, picture, nearly = in_host(run, path=str(BUILDERS))
    assert plain == picture == 0 and 0 < nearly < 0.05


def test_known_frames_are_added_to_a_mask(in_host):
    def run(room):
        import torch

        models, keyframes, timeline = room("models.vae"), room("host.keyframes"), room("engine.timeline").Timeline(4, 4)
        small = models.VAEConfig(channels=128, frames=4, encoder=(8, 8, 8), decoder=(16, 8, 8, 8), blocks=(1, 1, 1, 1))
        vae = room("host.box_vae").HostVAE(models.VideoVAE(small))
        picture, samples = torch.rand(1, 64, 96, 3), torch.zeros(1, 128, 5, 4, 6)
        half = torch.ones(5, 1, 4, 6)
        half[:, :, :, :3] = 0
        half[4] = 0.5

        def place(mask):
            latent = {"samples": samples} if mask is None else {"samples": samples, "noise_mask": mask}
            return keyframes.place(vae, latent, timeline, first=picture, last=None, keyframes=[], fps=8.0)["noise_mask"]

        with torch.inference_mode():
            whole = torch.ones(1, 1, 5, 1, 1)
            whole[:, :, 3] = 0
            masks = [place(m) for m in (None, whole, half, half[:1], half[:, 0])]
        return [[list(mask.shape), mask.mean((0, 1, 3, 4)).tolist(), mask[0, 0, :, 0, 0].tolist()] for mask in masks]

    plain, whole, half, one, picture = in_host(run)
    assert plain == [[1, 1, 5, 1, 1], [0, 1, 1, 1, 1], [0, 1, 1, 1, 1]]
    assert whole == [[1, 1, 5, 1, 1], [0, 1, 1, 0, 1], [0, 1, 1, 0, 1]]
    assert half == picture == [[1, 1, 5, 4, 6], [0, 0.5, 0.5, 0.5, 0.5], [0, 0, 0, 0, 0.5]]
    assert one == [[1, 1, 5, 4, 6], [0, 0.5, 0.5, 0.5, 0.5], [0, 0, 0, 0, 0]]
