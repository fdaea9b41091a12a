"""What is built from known frames, key by key, sound included, and what is refused."""

from pathlib import Path

import pytest

BUILDERS = Path(__file__).with_name("families.py")


def conditioning_of_families(room, path):
    """What is built for single keys, and what is refused; runs in the host."""
    import importlib.util
    from types import SimpleNamespace

    import torch

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    known, probe = room("host.image_conditioning"), room("host.families").probe
    keep = torch.tensor([True, False, False, False, True])
    found = {}

    sizes = []

    def encode(pixels):
        sizes.append(list(pixels.shape))
        frames = torch.arange(1 + (pixels.shape[0] - 1) // 4.0).view(1, 1, -1, 1, 1)
        return (frames * pixels.max()).expand(1, 16, -1, 4, 6)

    def refused(call):
        try:
            call()
        except room("errors").UsageError as error:
            return str(error)

    with torch.inference_mode():
        wan = families.build("Wan 2.1 I2V", room)
        capability = probe(wan.model)
        video, texts = wan.latents(), (wan.text(0), wan.text(1))

        def wan_with(*, latents=video, keep=keep, **options):
            return known.prepare(wan.model, capability, *texts, latents, keep, **options)

        blank = wan.model.model.process_latent_out(torch.zeros_like(video))
        image = wan_with().positive[0][1]["concat_latent_image"]
        found["zero"] = torch.equal(image[:, :, keep], video[:, :, keep]) and torch.equal(image[:, :, ~keep], blank[:, :, ~keep])
        vae = SimpleNamespace(spacial_compression_encode=lambda: 8, encode=encode)
        grey = room("host.frames").GreyFrames(vae, capability.timeline).alone(torch.zeros(1, 16, 14, 4, 6))
        found["encoded"] = [sizes, list(grey.shape), grey[0, 0, :, 0, 0].tolist()]
        grey = torch.full_like(video, 0.5)
        image = wan_with(grey=grey).negative[0][1]["concat_latent_image"]
        found["grey"] = torch.equal(image[:, :, ~keep], grey[:, :, ~keep])
        half = video.clone()
        half[:, :, 1] = 0
        samples = wan_with(latents=half).samples
        found["empty"] = torch.equal(samples[:, :, 1], blank[:, :, 1]) and torch.equal(samples[:, :, 2:], video[:, :, 2:])
        nothing = wan_with(keep=torch.zeros(5, dtype=torch.bool))
        found["nothing"] = (
            nothing.noise_mask is None and nothing.positive[0][1] == texts[0][0][1] and set(nothing.latent()) == {"samples"}
        )
        found["channels"] = refused(lambda: wan_with(latents=video[:, :8]))
        found["keep"] = refused(lambda: wan_with(keep=keep[:3]))
        found["floats"] = refused(lambda: wan_with(keep=keep.float()))
        found["grey shape"] = refused(lambda: wan_with(grey=grey[:, :, :2]))
        found["silent"] = refused(lambda: wan_with(audio_keep=keep))
        found["no model"] = refused(lambda: probe(wan.model.model))

        picture = families.build("SD15", room)
        found["picture"] = refused(lambda: known.prepare(picture.model, probe(picture.model), *texts, video, keep))

        vace = families.build("Wan VACE", room)
        values = known.prepare(vace.model, probe(vace.model), *texts, video, keep).positive[0][1]
        frames, mask = values["vace_frames"][0], values["vace_mask"][0]
        found["vace"] = [list(frames.shape), list(mask.shape), mask[0, 0, :, 0, 0].tolist(), values["vace_strength"]]
        found["reactive"] = torch.equal(frames[:, 16:], blank)
        other = torch.full_like(frames, 0.25)
        control = [[texts[0][0][0], {"vace_frames": [other], "vace_mask": [mask * 0.5], "vace_strength": [0.5]}]]
        merged = known.prepare(vace.model, probe(vace.model), control, control, video, keep).positive[0][1]
        one = merged["vace_frames"][0]
        found["merged"] = [
            len(merged["vace_frames"]),
            merged["vace_strength"],
            torch.equal(one[:, :, keep], frames[:, :, keep]) and torch.equal(one[:, :, ~keep], other[:, :, ~keep]),
            merged["vace_mask"][0][0, 0, :, 0, 0].tolist(),
        ]
        none = torch.zeros(5, dtype=torch.bool)
        whole = known.prepare(vace.model, probe(vace.model), *texts, video, none, grey=grey).positive[0][1]
        found["whole"] = [bool((whole["vace_frames"][0] == 0.5).all()), bool((whole["vace_mask"][0] == 1).all())]
        control = [[texts[0][0][0], {"vace_frames": [frames[..., :3]]}]]
        found["control"] = refused(lambda: known.prepare(vace.model, probe(vace.model), control, control, video, keep))
        image = [[texts[0][0][0], {"concat_latent_image": video[..., :3]}]]
        found["size"] = refused(lambda: known.prepare(wan.model, capability, image, image, video, keep))
        two = [
            [states, {**values, "vace_frames": [frames, torch.cat([frames[:, :, :1] * 0, frames], 2)]}]
            for states, values in texts[0]
        ]
        two[0][1]["vace_frames"][1][:, 16:, :1] = blank[:, :, :1]
        two[0][1]["vace_mask"] = [mask, torch.cat([mask[:, :, :1] * 0, mask], 2)]
        found["references"] = refused(lambda: known.prepare(vace.model, probe(vace.model), two, two, video, keep))

        kandinsky = families.build("Kandinsky 5", room)
        stale = [[texts[0][0][0], {}]]
        for name, flags in {"prefix": [1, 1, 0, 0, 1], "suffix": [0, 0, 0, 1, 1]}.items():
            keep = torch.tensor(flags, dtype=torch.bool)
            values = known.prepare(kandinsky.model, probe(kandinsky.model), stale, stale, video, keep).positive[0][1]
            shape = list(values["time_dim_replace"].shape) if "time_dim_replace" in values else None
            found[name] = [shape, values["concat_mask"][0, 0, :, 0, 0].tolist()]

        ltx = families.build("LTXV", room)
        stale = [[texts[0][0][0], {"concat_mask": keep}]]
        found["stale"] = list(known.prepare(ltx.model, probe(ltx.model), stale, stale, ltx.latents(), keep).positive[0][1])
    return found


@pytest.fixture(scope="module")
def details(in_host):
    return in_host(conditioning_of_families, path=str(BUILDERS))


def test_unknown_frames_are_zero_to_the_model_or_grey(details):
    assert details["zero"] and details["grey"] and details["empty"]
    assert details["nothing"]
    steps = [0.5 * min(at, 11) for at in range(14)]
    assert details["encoded"] == [[[45, 32, 48, 3]], [1, 16, 14, 4, 6], steps]  # 12 latents encoded, the last repeated


def test_control_video_is_what_to_keep_and_what_to_change(details):
    assert details["vace"] == [[1, 32, 5, 4, 6], [1, 64, 5, 4, 6], [0, 1, 1, 1, 0], [1.0]]
    assert details["reactive"]


def test_known_frames_and_the_users_control_are_one_and_nothing_known_is_grey(details):
    assert details["merged"] == [1, [0.5], True, [0, 0.5, 0.5, 0.5, 0]]
    assert details["whole"] == [True, True]


def test_kandinsky_is_shown_only_the_beginning(details):
    assert details["prefix"] == [[1, 16, 2, 4, 6], [0, 0, 1, 1, 1]]
    assert details["suffix"] == [None, [1, 1, 1, 1, 1]]


def test_a_mask_left_in_the_conditioning_is_taken_away(details):
    assert details["stale"] == []


@pytest.mark.parametrize(
    "what", ["channels", "keep", "floats", "grey shape", "silent", "no model", "picture", "control", "size", "references"]
)
def test_refuses_in_one_line(details, what):
    assert details[what] and "\n" not in details[what] and len(details[what]) < 240


def sample_with_sound(room, path, name):
    """A part of the sound is known too, and video alone is given; runs in the host."""
    import importlib.util

    import torch

    spec = importlib.util.spec_from_file_location("longtake_families", path)
    families = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(families)
    known = room("host.image_conditioning")
    with torch.inference_mode():
        built = families.build(name, room)
        capability = room("host.families").probe(built.model)
        given = built.latents()
        sound = given.unbind()[1]
        keep = torch.zeros(built.frames, dtype=torch.bool)
        keep[:2] = True
        heard = torch.zeros(sound.shape[capability.audio_axis], dtype=torch.bool)
        heard[:3] = True

        text = built.text(0), built.text(1)
        mine = known.prepare(built.model, capability, *text, given, keep, audio_keep=heard)
        made = families.sample(built.model, mine)
        whole = mine.restore(made)
        places = heard.nonzero().flatten()
        part, before, after = (
            one.index_select(capability.audio_axis, places) for one in (sound, made.unbind()[1], whole.unbind()[1])
        )
        alone = families.sample(built.model, known.prepare(built.model, capability, *text, given.unbind()[0], keep))
        return {
            "host": float((before - part).abs().max()),
            "kept": torch.equal(after, part),
            "rest": float((made.unbind()[1] - sound).abs().max()),
            "alone": [list(one.shape) for one in (alone.unbind() if alone.is_nested else [alone])],
        }


@pytest.mark.parametrize(("name", "alone"), [("LTX-2", [[1, 128, 5, 4, 6]]), ("MiniMax H3", [[1, 24, 7, 4, 6], [1, 32, 2, 37]])])
def test_known_sound_stays_and_video_alone_will_do(in_host, name, alone):
    found = in_host(sample_with_sound, path=str(BUILDERS), name=name)
    assert found["host"] < 1e-4 and found["kept"] and found["rest"] > 0.01
    assert found["alone"] == alone
