"""Our blocks on a real server: every workflow in the box, the file it writes, cancelling, and wrong input."""

import io
import json
from pathlib import Path

import av
import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted(path.stem for path in (ROOT / "workflows" / "api").glob("*.json"))
IN_BOX = [n for n in WORKFLOWS if "LongTakeLoader" in (ROOT / "workflows" / "api" / f"{n}.json").read_text()]


LENGTHS = {"extend": 8, "connect": 6, "loop": 4, "minute": 6, "film": 15}
"""Seconds of the workflows whose planner only gives the size."""


def graph_of(name, **changes):
    """A shipped graph; changes are `node__input=value`."""
    graph = json.loads((ROOT / "workflows" / "api" / f"{name}.json").read_text())
    for place, value in changes.items():
        node, _, key = place.partition("__")
        graph[node.lstrip("n")]["inputs"][key] = value
    return graph


def files_of(entry):
    """Pictures and videos of a history entry."""
    return [f for node in entry["outputs"].values() for f in node.get("images", ()) if f["type"] == "output"]


def short(**changes):
    """Two latents at 96x64, three steps."""
    tiny = {"n3__aspect": "custom", "n3__width": 96, "n3__height": 64, "n3__seconds": 1.0, "n7__steps": 3}
    return graph_of("text_to_video", **(tiny | changes))


@pytest.mark.parametrize("name", IN_BOX)
def test_workflow_runs(comfy, name):
    graph = graph_of(name)
    for node in graph.values():  # fewer steps: whether the weights draw well is tested elsewhere
        if "steps" in node["inputs"]:
            node["inputs"]["steps"] = 3
        if "shots" in node["inputs"] and node["class_type"] == "LongTakeFilm":
            node["inputs"]["shots"] = node["inputs"]["shots"].replace("60:", "6:")
    (found,) = files_of(comfy.run(graph))
    plan = next(n["inputs"] for n in graph.values() if n["class_type"] == "LongTakePlanner")
    with av.open(io.BytesIO(comfy.fetch(found))) as file:
        frames = list(file.decode(video=0))
        size = (frames[0].width, frames[0].height)
        if found["filename"].endswith(".mp4"):
            assert len(frames) == LENGTHS.get(name, plan["seconds"]) * 8 and file.streams.video[0].average_rate == 8
            assert {"prompt", "workflow"} - set(file.metadata) <= {"workflow"}
            assert json.loads(file.metadata["prompt"]).keys() == graph.keys()
    assert size[0] % 16 == size[1] % 16 == 0 and 0.6 < size[0] * size[1] / (256 * 160) < 1.25
    assert (size[0] < size[1]) == (name == "vertical")


def test_save_video_copies_the_packets(comfy):
    graph = short() | {
        "20": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["9", 0], "filename_prefix": "copy", "format": "auto", "format.codec": "auto", "codec": "auto"},
        }
    }
    entry = comfy.run(graph)
    packets = []
    for key in ("9", "20"):
        with av.open(io.BytesIO(comfy.fetch(entry["outputs"][key]["images"][0]))) as file:
            packets.append([bytes(p) for p in file.demux(video=0) if p.size])
    assert packets[0] == packets[1] and len(packets[0]) == 8


@pytest.mark.parametrize(
    ("codec", "suffix", "name"),
    [("h265", ".mp4", "hevc"), ("av1", ".mp4", "av1"), ("prores", ".mov", "prores"), ("vp9", ".webm", "vp9")],
)
def test_codecs(comfy, codec, suffix, name):
    try:
        entry = comfy.run(short(n9__codec=codec))
    except comfy.Error as error:
        assert "this machine writes" in str(error)
        pytest.skip(f"this build has no {codec}")
    (found,) = files_of(entry)
    with av.open(io.BytesIO(comfy.fetch(found))) as file:
        assert found["filename"].endswith(suffix) and name in file.streams.video[0].codec_context.name
        assert sum(1 for _ in file.decode(video=0)) == 8


def test_same_seed_same_file_and_another_seed_another(comfy):
    frames = []
    for number, seed in enumerate((5, 5, 6)):
        (found,) = files_of(comfy.run(short(n9__filename_prefix=f"video/s{number}", n4__seed=seed)))
        with av.open(io.BytesIO(comfy.fetch(found))) as file:
            frames.append([f.to_ndarray(format="rgb24").tobytes() for f in file.decode(video=0)])
    assert frames[0] == frames[1] != frames[2]


def test_known_frames_come_back(comfy):
    graph = graph_of("image_to_video", n3__seconds=1.0, n7__steps=3, n11__steps=3)
    graph["20"] = {"class_type": "VAEDecode", "inputs": {"samples": ["8", 0], "vae": ["1", 2]}}
    graph["21"] = {"class_type": "SaveImage", "inputs": {"images": ["20", 0], "filename_prefix": "made"}}
    graph["22"] = {"class_type": "VAEDecode", "inputs": {"samples": ["14", 0], "vae": ["1", 2]}}
    graph["23"] = {"class_type": "SaveImage", "inputs": {"images": ["22", 0], "filename_prefix": "given"}}
    entry = comfy.run(graph)
    first = [comfy.fetch(entry["outputs"][key]["images"][0]) for key in ("21", "23")]
    pixels = [next(iter(av.open(io.BytesIO(data)).decode(video=0))).to_ndarray(format="rgb24") for data in first]
    assert abs(pixels[0].astype(int) - pixels[1]).max() <= 1


def test_cancel_is_quick_and_leaves_the_server_usable(comfy):
    graph = short(n3__seconds=40.0, n3__width=256, n3__height=160, n7__steps=64, n9__filename_prefix="video/cancelled")
    said, seconds = comfy.interrupt_at(graph, "8", 0)
    assert "interrupt" in said
    assert seconds < 30  # one call of this model on a busy machine, not the rest of them
    assert files_of(comfy.run(short(n4__seed=77)))
    assert not list(comfy.folder.glob("output/video/cancelled*"))


STILL = {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}
HUNYUAN = {"class_type": "EmptyHunyuanLatentVideo", "inputs": {"width": 64, "height": 64, "length": 5, "batch_size": 1}}
LTXV = {"class_type": "EmptyLTXVLatentVideo", "inputs": {"width": 64, "height": 64, "length": 9, "batch_size": 2}}


@pytest.mark.parametrize(
    ("changes", "extra", "says"),
    [
        ({"n9__latent": ["30", 0]}, {"30": STILL}, r"node 9.*is not video"),
        ({"n9__latent": ["30", 0]}, {"30": HUNYUAN}, r"node 9.*16 channels.*24.*another family"),
        ({"n9__latent": ["30", 0]}, {"30": LTXV}, r"node 9.*2 videos in one batch"),
        ({"n9__filename_prefix": "../../outside"}, {}, r"node 9.*leads out of the output folder"),
        ({"n9__filename_prefix": "/tmp/outside"}, {}, r"node 9.*leads out of the output folder"),
        ({"n9__codec": "mpeg1"}, {}, r"node 9.*codec"),
        ({"n9__crf": 99}, {}, r"node 9.*crf"),
        ({"n9__fps": 0}, {}, r"node 9.*fps"),
        ({"n1__model": "../../../etc/passwd"}, {}, r"node 1.*model"),
        ({"n1__model": "gone.safetensors"}, {}, r"node 1.*model"),
        ({"n7__steps": 0}, {}, r"node 7.*steps"),
        ({"n4__kind": "new_kind"}, {}, r"node 4.*kind"),
        ({"n4__shots": "twelve:7"}, {}, r"node 4.*LATENT:SEED"),
        ({"n3__aspect": "5:4"}, {}, r"node 3.*aspect"),
        ({"n3__seconds": -1}, {}, r"node 3.*seconds"),
        ({"n3__width": 100000}, {}, r"node 3.*width"),
        (  # stock nodes with our VAE
            {},
            {
                "30": STILL,
                "31": {"class_type": "VAEDecode", "inputs": {"samples": ["30", 0], "vae": ["1", 2]}},
                "32": {"class_type": "SaveImage", "inputs": {"images": ["31", 0], "filename_prefix": "bad"}},
            },
            r"node 31.*latent \(1, 4, 8, 8\): LongTake's VAE decodes",
        ),
    ],
)
def test_wrong_input_is_one_line_on_its_node(comfy, changes, extra, says):
    graph = short(**changes) | extra
    with pytest.raises(comfy.Error, match=says) as caught:
        comfy.run(graph)
    assert "\n" not in str(caught.value)
    assert not list(comfy.folder.glob("output/**/*.partial*"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"seconds": "1"}, r"0 keyframe pictures and 1 seconds"),
        ({"seconds": "soon", "first": True}, r"give numbers"),
        ({}, r"nothing to keep"),
        ({"seconds": "9", "keyframes.image0": True}, r"keyframe at 9 s: the take lasts"),
        ({"seconds": "0", "keyframes.image0": True, "first": True}, r"another known frame already stands there"),
    ],
)
def test_known_frames_refuses(comfy, given, says):
    graph = short()
    graph["40"] = {"class_type": "EmptyImage", "inputs": {"width": 96, "height": 64, "batch_size": 1, "color": 255}}
    inputs = {key: ["40", 0] if value is True else value for key, value in given.items()}
    inputs = {"latent": ["3", 0], "vae": ["1", 2], "fps": 8.0, "seconds": ""} | inputs
    graph["41"] = {"class_type": "LongTakeKnownFrames", "inputs": inputs}
    graph["8"]["inputs"]["latent_image"] = ["41", 0]
    with pytest.raises(comfy.Error, match=says):
        comfy.run(graph)


def test_a_model_of_pictures_is_refused_by_the_planner(in_host):
    def run(room):
        import comfy.model_base
        import comfy.model_patcher
        import comfy.supported_models
        import torch

        config = comfy.supported_models.SD15(
            {
                "in_channels": 4,
                "out_channels": 4,
                "model_channels": 32,
                "num_res_blocks": [1],
                "channel_mult": [1],
                "transformer_depth": [0],
                "transformer_depth_output": [0, 0],
                "transformer_depth_middle": -1,
                "context_dim": 8,
                "num_heads": 1,
                "image_size": 32,
                "use_spatial_transformer": True,
                "legacy": False,
                "use_linear_in_transformer": False,
                "adm_in_channels": None,
                "use_temporal_attention": False,
                "use_temporal_resblock": False,
            }
        )
        with torch.inference_mode():
            model = comfy.model_patcher.ModelPatcher(config.get_model({}), "cpu", "cpu")
        try:
            room("host.size_grid").plan(model, None, aspect="1:1", size="480p", width=64, height=64, seconds=1.0, fps=0.0)
        except room("errors").UsageError as error:
            return str(error)

    assert "makes pictures, not video" in in_host(run)


def test_nan_and_foreign_masks_are_named(in_host):
    def run(room):
        import torch

        latents, errors = room("host.latents"), room("errors")
        bad = torch.zeros(1, 128, 2, 4, 4)
        bad[0, 0, 0, 0, 0] = float("nan")
        found = []
        for call in (
            lambda: latents.video({"samples": bad}),
            lambda: latents.kept({"samples": torch.zeros(1, 128, 4, 4, 4), "noise_mask": torch.ones(1, 1, 3, 1, 1)}),
            lambda: latents.video({"nothing": 1}),
            lambda: latents.video({"samples": torch.zeros(1, 128, 0, 4, 4)}),
        ):
            try:
                call()
            except errors.UsageError as error:
                found.append(str(error))
        return found

    nan, mask, nothing, empty = in_host(run)
    assert "undefined numbers" in nan and "3 frames, the latent 4" in mask and "not a LATENT" in nothing and "empty" in empty
