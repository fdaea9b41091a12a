"""Finish Video on tiny random models of the host's own classes: RIFE, FILM, an upscale model; graphs, films in memory, errors."""

import av
import pytest
import torch
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.media.write import open_writer


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def finishing(video, **asked):
    """Finish Video on the VIDEO of another node."""
    usual = {"fps": 24.0, "keep_fps": False, "width": 0, "height": 0, "motion": "repeat", "filename_prefix": "finished"}
    return node("LongTakeFinish", video=video, **usual | {"codec": "h264", "crf": 18, "mark": True} | asked)


def shots(each=4):
    """Two shots of one colour each that grows lighter, [T, 48, 64, 3]."""
    light = torch.linspace(0.5, 0.9, each)[:, None, None, None].expand(each, 48, 64, 1)
    return torch.cat([light * torch.tensor([1.0, 0.2, 0.2]), light * torch.tensor([0.2, 0.2, 1.0])])


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A film of two shots of half a second, 8 frames a second."""
    path = tmp_path_factory.mktemp("clips") / "two_shots.mp4"
    with open_writer(path, 64, 48, 8, crf=4) as writer:
        writer.write(shots())
    return path


def models(room, path, folder):
    """A film through models of each kind; what they saw, and what comes of it. Runs in the host."""
    import comfy.model_patcher
    import torch
    from comfy_api.latest import InputImpl
    from comfy_extras.frame_interpolation_models.film_net import FILMNet
    from comfy_extras.frame_interpolation_models.ifnet import IFNet
    from spandrel import ModelLoader
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    torch.set_num_threads(1)
    torch.manual_seed(0)
    host, finish = room("host.finish"), room("media.finish")
    options, disclosure = room("media.finish_options").FinishOptions, room("media.disclosure").Disclosure

    def patched(net):
        for weight in net.parameters():
            torch.nn.init.normal_(weight, std=0.02)
        cpu = torch.device("cpu")
        return comfy.model_patcher.CoreModelPatcher(net.eval(), load_device=cpu, offload_device=cpu)

    rife = IFNet(head_ch=4, channels=(16, 16, 16, 16, 16))
    film = FILMNet(
        pyramid_levels=3,
        fusion_pyramid_levels=2,
        specialized_levels=2,
        sub_levels=2,
        filters=8,
        flow_convs=(1, 1),
        flow_filters=(8, 8),
    )
    net = SRVGGNetCompact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=1, upscale=2, act_type="prelu")
    larger = ModelLoader().load_from_state_dict(net.state_dict()).eval()
    larger.patcher = comfy.model_patcher.CoreModelPatcher(
        larger.model, load_device=torch.device("cpu"), offload_device=torch.device("cpu")
    )
    found = {}
    video = InputImpl.VideoFromFile(path)
    for name, given in (("rife", patched(rife)), ("film", patched(film))):
        between = host.Interpolation(given)
        seen = []

        def watched(before, after, weights, between=between, seen=seen):
            seen.append(
                (
                    round(float(before[..., 0].mean() - before[..., 2].mean()), 2)
                    * round(float(after[..., 0].mean() - after[..., 2].mean()), 2)
                    > 0,
                    [round(weight, 3) for weight in weights],
                )
            )
            made = between(before, after, weights)
            assert len(made) == len(weights) and all(one.shape == before.shape for one in made)
            return made

        work = finish.Finish(
            host.footage_of(video),
            room("host.signing").Path(folder) / f"{name}.mp4",
            options(24.0),
            finish.Models(watched, identity=name),
            disclosure(signed=False),
        )
        with torch.inference_mode():
            made = work.run()
        found[name] = {
            "frames": made.frames,
            "same_shot": all(same for same, _ in seen),
            "calls": len(seen),
            "weights": seen[0][1],
            "notes": made.notes,
            "marked": work._made,
        }
    first, second = torch.rand(48, 64, 3), torch.rand(48, 64, 3)
    with torch.inference_mode():
        between = host.Interpolation(patched(rife))
        one = between(first, second, [0.25, 0.5, 0.75])
        two = [between(first, second, [weight])[0] for weight in (0.25, 0.5, 0.75)]
        found["alone"] = max(float((a - b).abs().max()) for a, b in zip(one, two, strict=True))
        up = host.Upscale(larger)
        wide = torch.rand(72, 160, 3)
        large = up(wide)
        up.tile = 64
        found["upscaled"] = [list(large.shape), float((large - up(wide)).abs().max())]
    whole = host.models_of(None, larger)
    with torch.inference_mode():
        made = finish.Finish(
            host.footage_of(video),
            room("host.signing").Path(folder) / "large.mp4",
            options(None, width=96),
            whole,
            disclosure(signed=False),
        ).run()
    found["large"] = {"size": made.size, "frames": made.frames, "notes": made.notes}
    found["told apart"] = len({host.models_of(one, two).identity for one in (None, patched(rife)) for two in (None, larger)})
    return found


@pytest.fixture(scope="module")
def seen(in_host, clip, tmp_path_factory):
    return in_host(models, path=str(clip), folder=str(tmp_path_factory.mktemp("made")), timeout=400)


@pytest.mark.parametrize("kind", ["rife", "film"])
def test_interpolation_models_make_what_lies_between_in_a_shot(seen, kind):
    found = seen[kind]
    assert found["frames"] == 24 and found["same_shot"] and found["calls"] == 6  # 3 pairs in each of two shots
    assert found["weights"] == [0.333, 0.667] and found["notes"] == ["nothing is made across its 1 cut"]
    assert found["marked"] == [False, True]  # only what the model made


def test_frames_do_not_depend_on_what_is_made_with_them(seen):
    assert seen["alone"] < 1e-5 and seen["told apart"] == 4


def test_an_upscale_model_enlarges_in_tiles(seen):
    shape, difference = seen["upscaled"]
    assert shape == [144, 320, 3] and difference < 0.02
    assert seen["large"] == {"size": [96, 72], "frames": 8, "notes": []}


def test_a_video_in_memory(in_host, tmp_path):
    def run(room, folder):
        from fractions import Fraction
        from pathlib import Path

        import torch
        from comfy_api.latest import InputImpl, Types

        images = torch.cat([torch.full((4, 48, 64, 3), 0.2), torch.full((4, 48, 64, 3), 0.8)])
        sound = {"waveform": torch.zeros(1, 2, 48000), "sample_rate": 48000}
        video = InputImpl.VideoFromComponents(Types.VideoComponents(images=images, audio=sound, frame_rate=Fraction(8)))
        host, finish = room("host.finish"), room("media.finish")
        options = room("media.finish_options").FinishOptions(16.0, motion="blend")
        work = finish.Finish(host.footage_of(video), Path(folder) / "a.mp4", options)
        made = work.run()
        return made.frames, work.footage.scan.cuts, made.notes

    frames, cuts, notes = in_host(run, folder=str(tmp_path))
    assert (frames, cuts) == (16, [4]) and "neither marked nor signed" in notes[-1]
    info = probe(tmp_path / "a.mp4")
    assert info.fps == 16 and info.sound.endswith("stereo")
    light = [round(float(frame.mean()), 1) for frame in read_frames(tmp_path / "a.mp4")]
    assert light == [0.2] * 8 + [0.8] * 8


def test_models_of_another_kind_are_refused_in_one_line(in_host):
    def run(room):
        from types import SimpleNamespace

        import torch

        said = []
        for given in (
            (SimpleNamespace(model=torch.nn.Linear(1, 1)), None),
            ("x", None),
            (None, SimpleNamespace(scale=2)),
            (None, 3),
        ):
            try:
                room("host.finish").models_of(*given)
            except room("errors").UsageError as error:
                said.append(str(error))
        return said

    said = in_host(run)
    assert len(said) == 4 and all(line.startswith("interp_model: not an interpolation model; connect") for line in said[:2])
    assert all(line.startswith("upscale_model: not an upscale model") for line in said[2:])


def test_a_graph_finishes_a_film(comfy, clip):
    name = comfy.upload(clip)
    sound = node("EmptyAudio", duration=30.0, sample_rate=44100, channels=2)
    graph = {"1": node("LoadVideo", file=name), "2": sound, "3": finishing(["1", 0], width=96, audio=["2", 0], audio_fade=0.1)}
    graph["4"] = node("SaveVideo", video=["3", 0], filename_prefix="copied", format="auto", **{"format.codec": "auto"})
    said = []
    comfy.run(graph, on_event=lambda kind, data: said.append(data.get("text", "")) if kind == "progress_text" else None)
    (made,) = (comfy.folder / "output").glob("finished_*.mp4")
    (copied,) = (comfy.folder / "output").glob("copied_*.mp4")
    info = probe(made)
    assert (info.width, info.height, info.fps, info.frames) == (96, 72, 24, 24)
    assert '"LongTakeFinish"' in info.metadata["prompt"] and probe(copied).frames == 24
    with av.open(str(made)) as file:
        assert abs(float(file.streams.audio[0].duration * file.streams.audio[0].time_base) - 1) < 0.03
    assert not list((comfy.folder / "output").glob("*.pieces"))


BAD = {
    "width 65 is odd": {"width": 65},
    "fps": {"fps": 0.0},
    "too large": {"width": 8192},
    "there is no audio": {"audio_delay": 2.0},
}


@pytest.mark.parametrize(("message", "asked"), BAD.items())
def test_bad_values_are_one_line(comfy, clip, message, asked):
    with pytest.raises(comfy.Error, match=message) as error:
        comfy.run({"1": node("LoadVideo", file=comfy.upload(clip)), "3": finishing(["1", 0], **asked)})
    assert "Traceback" not in str(error.value)
