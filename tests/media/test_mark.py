"""Metadata says what made a video and that it is unsigned; the invisible mark is unseen and survives re-encoding."""

import hashlib
import json

import pytest
import torch
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media.mark import THRESHOLD, detect, embed, metadata, stamp, write_sidecar
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.media.write import open_writer

PICTURES = [(1, 1.0, 0), (2, 1.4, 1), (3, 1.8, 2), (4, 1.2, 0), (5, 1.0, 2), (6, 2.2, 1)]  # seed, roughness, speed
OTHERS = [f"other {number}" for number in range(40)]


def psnr(a, b):
    return float(-10 * torch.log10((a - b).square().mean()))


def recoded(folder, frames, size=None):
    """`frames` after the writer's own crf 18 and a second H.264 encoding at crf 23."""
    _, height, width, _ = frames.shape
    with open_writer(folder / "a.mp4", width, height, 8, crf=18) as writer:
        writer.write(frames)
    width, height = size or (width, height)
    with open_writer(folder / "b.mp4", width, height, 8, crf=23) as writer:
        for frame in read_frames(folder / "a.mp4", size=size):
            writer.write(frame)
    return folder / "b.mp4"


def test_mark_survives_reencoding_and_controls_stay_below(tmp_path, textured, record_property):
    marked, controls = [], []
    for picture in PICTURES:
        plain = textured(16, 160, 256, *picture)
        signed = embed(plain, "key")
        assert psnr(signed, plain) >= 42
        marked.append(detect(read_frames(recoded(tmp_path, signed)), "key"))
        frames = torch.stack(list(read_frames(recoded(tmp_path, plain))))
        controls += [detect(frames, key) for key in ["key", *OTHERS]]
    spread = torch.tensor(controls)
    record_property("marked", [round(score, 1) for score in marked])
    record_property("controls", f"mean {spread.mean():.2f} std {spread.std():.2f} max {spread.max():.2f}")
    assert min(marked) > THRESHOLD > max(controls), (marked, max(controls))
    assert abs(float(spread.mean())) < 0.25 and 0.75 < float(spread.std()) < 1.25, "scores are standard deviations"


@pytest.mark.parametrize("size", [(192, 120), (384, 240)])
def test_mark_survives_resizing(tmp_path, textured, size):
    path = recoded(tmp_path, embed(textured(16, 160, 256, 2, 1.4, 1), "key"), size)
    assert detect(read_frames(path), "key") > THRESHOLD


def test_mark_of_another_key_is_not_found(textured):
    frames = embed(textured(4, 160, 256, 2, 1.4, 1), "key")
    assert detect(frames, "key") > 2 * THRESHOLD
    assert max(detect(frames, other) for other in OTHERS) < THRESHOLD


def test_mark_in_chunks_is_the_same(textured):
    frames = textured(6, 96, 64, 2, 1.4, 1)
    assert torch.allclose(torch.cat([embed(frames[:2], 7), embed(frames[2:], 7)]), embed(frames, 7), atol=1e-6)


@pytest.mark.parametrize("picture", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [(2, 2), (17, 33), (120, 80)])
def test_mark_takes_flat_pictures_and_any_size(picture, size):
    frames = torch.full((1, *size, 3), picture)
    signed = embed(frames, "key")
    assert signed.shape == frames.shape and signed.min() >= 0 and signed.max() <= 1
    assert psnr(signed, frames) >= 42 and torch.isfinite(torch.tensor(detect(signed, "key")))
    assert detect(frames, "key") == pytest.approx(0, abs=0.01)


def test_no_frames_to_look_at():
    with pytest.raises(MediaError, match="no frames"):
        detect([], "key")


def test_metadata_reaches_the_file_and_the_sidecar(tmp_path, clip):
    tags = metadata(["a mammoth", "雪"], seed=7, model="small", weights_sha256="ab")
    assert not {"prompt", "workflow"} & tags.keys()
    with open_writer(tmp_path / "a.mp4", 64, 48, 8, metadata=tags) as writer:
        writer.write(clip(3, 48, 64))
    found = probe(tmp_path / "a.mp4").metadata
    record = json.loads(found["comment"])
    assert found["title"] == "a mammoth"
    assert (record["prompt"], record["seed"], record["weights_sha256"]) == (["a mammoth", "雪"], 7, "ab")
    assert record["digital_source_type"].endswith("trainedAlgorithmicMedia") and "unsigned" in record["signature"]
    sidecar = write_sidecar(tmp_path / "a.mp4", tags)
    assert sidecar.name == "a.mp4.json"
    written = json.loads(sidecar.read_text(encoding="utf-8"))
    assert written["sha256"] == hashlib.sha256((tmp_path / "a.mp4").read_bytes()).hexdigest()
    assert written["seed"] == 7 and sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "a.mp4.json"]


def test_sidecar_of_a_missing_file(tmp_path):
    with pytest.raises(MediaError, match="cannot be written"):
        write_sidecar(tmp_path / "a.mp4", metadata("a", 1, "m"))


@pytest.mark.parametrize("size", [(160, 256), (16, 16)])
def test_stamp_writes_in_the_corner_only(size):
    frames = torch.full((2, *size, 3), 0.5)
    seen = stamp(frames, "AI generated")
    assert seen.shape == frames.shape and seen.min() >= 0 and seen.max() <= 1
    assert seen[:, size[0] // 2 :].max() > 0.8 and torch.equal(seen[:, : size[0] // 4], frames[:, : size[0] // 4])
    assert torch.equal(frames, torch.full((2, *size, 3), 0.5))
