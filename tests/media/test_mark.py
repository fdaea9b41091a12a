"""Metadata says what made a video and that it is unsigned; the invisible mark is unseen and survives re-encoding."""

import json

import pytest
import torch
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media.mark import THRESHOLD, Detector, detect, embed, make_record, read_record
from comfyui_longtake.media.mark import tags as container_tags
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


def test_metadata_reaches_the_file(tmp_path, clip):
    tags = container_tags(make_record(["a mammoth", "雪"], seed=7, model="small", weights_sha256="ab"))
    assert not {"prompt", "workflow"} & tags.keys()
    with open_writer(tmp_path / "a.mp4", 64, 48, 8, metadata=tags) as writer:
        writer.write(clip(3, 48, 64))
    found = probe(tmp_path / "a.mp4").metadata
    record = json.loads(found["comment"])
    assert found["title"] == "a mammoth"
    assert (record["prompt"], record["seed"], record["weights_sha256"]) == (["a mammoth", "雪"], 7, "ab")
    assert record["digital_source_type"].endswith("trainedAlgorithmicMedia") and "unsigned" in record["signature"]
    assert read_record(found["comment"]) == record and [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("comment", ["", "a holiday film", "{", "[]", "3", "null", '{"prompt": 1', "\x00"])
def test_a_comment_of_somebody_else_is_no_record(comment):
    assert read_record(comment) == {}


def test_a_mark_is_found_in_a_film_that_begins_without_one():
    """Frames that were given stand before those that were made, and are not marked."""
    torch.manual_seed(3)
    plain = (
        torch.nn.functional.interpolate(torch.rand(1, 3, 12, 20), size=(96, 160), mode="bicubic")[0].permute(1, 2, 0).clamp(0, 1)
    )
    detector, without = Detector("longtake"), Detector("longtake")
    for number in range(160):
        frame = plain.roll(number, 1)
        detector.add(embed(frame[None], "longtake")[0] if number >= 100 else frame)
        without.add(frame)
    assert detector.match().found and not without.match().found
