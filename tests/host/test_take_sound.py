"""Takes of models that make sound: what is known of it stays, what is made goes with its video, reels keep both."""

from pathlib import Path

import pytest

BUILDERS = Path(__file__).with_name("families.py")
NAMES = ["LTX-2", "MiniMax H3"]


def takes_with_sound(room, path, names):
    """Every kind of take of a clip with sound; runs in the host."""
    import importlib.util

    import torch
    from comfy.nested_tensor import NestedTensor

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    film, errors, reels = room("host.operations"), room("errors"), room("host.reels")
    from_ksampler = room("host.sampling").from_ksampler
    calls = []
    torch.set_num_threads(1)

    class Clip:
        """A text encoder whose states are random, by the text."""

        def tokenize(self, text):
            return sum(map(ord, text))

        def encode_from_tokens_scheduled(self, number):
            return built.text(number)

    def counted(apply, given):
        calls.append(1)
        return apply(given["input"], given["timestep"], **given["c"])

    found = {}
    with torch.inference_mode():
        for name in names:
            built = families.build(name, room)
            model = built.model.clone()
            model.set_model_unet_function_wrapper(counted)

            def sampling(model=model, built=built, **more):
                given = {"seed": 4, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "window": 12}
                return from_ksampler(model, built.text(0), built.text(1), **(given | more))

            capability = sampling().capability
            frames, axis = capability.timeline.frames_for, capability.audio_axis
            rate = capability.audio_rate / capability.fps

            def clip(seed, built=built, axis=axis, rate=rate, frames=frames):
                video, sound = built.latents(seed).unbind()
                noise = torch.Generator().manual_seed(seed)
                shape = [round(frames(built.frames) * rate) if at == axis else size for at, size in enumerate(sound.shape)]
                return {"samples": NestedTensor([video, torch.randn(shape, generator=noise)])}

            a, b = clip(1), clip(2)
            size, drop = built.frames, int(not capability.timeline.cycle)
            seconds = 2 * frames(size) / capability.fps
            made = {
                "forward": film.extend(sampling(), a, seconds, 0.0, "forward"),
                "backward": film.extend(sampling(), a, seconds, 0.0, "backward"),
                "stitch": film.stitch(sampling(), [("a", a), ("b", b)], seconds, 0.0),
                "loop": film.loop(sampling(), a, seconds, 0.0),
                "remix": film.remix(sampling(), a, 0.3, 0.9),
                "blend": film.blend(sampling(), a, b, 0.0, frames(size) / capability.fps, 0.5, 0.0),
            }
            row = {}
            for what, take in made.items():
                video, sound = take.latent["samples"].unbind()
                wanted = round(frames(video.shape[2]) * rate)
                row[what] = [abs(sound.shape[axis] - wanted), bool(sound.isfinite().all()), float(sound.std())]
            heard = a["samples"].unbind()[1]
            first = round(frames(1) * rate) * drop

            def part(take, begin, end, axis=axis):
                sound = take.latent["samples"].unbind()[1]
                return sound.narrow(axis, begin % sound.shape[axis], end - begin)

            own = heard.shape[axis]
            row["kept"] = [
                torch.equal(part(made["forward"], 0, own), heard),
                torch.equal(part(made["backward"], -(own - first), 0), heard.narrow(axis, first, own - first)),
                torch.equal(part(made["loop"], 0, own), heard),
            ]
            row["remix moves"] = float((part(made["remix"], 0, own) - heard).abs().mean())
            plain = film.extend(sampling(), {"samples": a["samples"].unbind()[0]}, seconds, 0.0, "forward").latent["samples"]
            row["plain"] = plain.is_nested
            try:
                other = NestedTensor([b["samples"].unbind()[0], torch.zeros(1, 3, 5, 7)])
                film.stitch(sampling(), [("a", a), ("b", {"samples": other})], seconds, 0.0)
            except errors.UsageError as error:
                row["other"] = str(error)
            shots, reel = f"{seconds}: one\n{seconds}: two", f"sound {name.replace(' ', '')}".replace(".", "")
            runs = []
            for _ in range(2):
                calls.clear()
                take = film.film(sampling(), Clip(), shots, a, 0.0, 0, reel)
                runs.append((take.latent["samples"].unbind(), len(calls)))
            again = reels.as_latent(reels.open_reel(reel))["samples"].unbind()
            changed = film.film(sampling(), Clip(), shots.replace("two", "three"), a, 0.0, 0, reel).latent["samples"].unbind()
            begin = round(frames(size) * rate) // 2
            row["film"] = [
                [count for _, count in runs][1],
                *(torch.equal(x, y) for x, y in zip(runs[0][0], runs[1][0], strict=True)),
                *(torch.equal(x, y) for x, y in zip(runs[0][0], again, strict=True)),
                torch.equal(changed[1].narrow(axis, 0, begin), again[1].narrow(axis, 0, begin)),
                not torch.equal(changed[1], again[1]),
                abs(again[1].shape[axis] - round(frames(again[0].shape[2]) * rate)),
            ]
            found[name] = row
    return found


@pytest.fixture(scope="module")
def takes(in_host):
    return in_host(takes_with_sound, path=str(BUILDERS), names=NAMES, timeout=600)


@pytest.mark.parametrize("name", NAMES)
def test_sound_goes_with_its_video(takes, name):
    found = takes[name]
    for what in ("forward", "backward", "stitch", "loop", "remix", "blend"):
        away, finite, spread = found[what]
        assert away <= 1 and finite and spread > 0.1, what
    assert found["kept"] == [True] * 3 and found["remix moves"] > 0
    assert found["plain"] is False and found["other"].startswith("sound (1, 3, 5, 7)")


@pytest.mark.parametrize("name", NAMES)
def test_a_reel_keeps_the_sound(takes, name):
    assert takes[name]["film"] == [0, True, True, True, True, True, True, 0]
