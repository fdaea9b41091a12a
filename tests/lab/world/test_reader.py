"""The attribute reader's input and output; how well it reads is measured by `longtake evaluate`."""

import pytest
import torch
from comfyui_longtake.lab.world.reader import FRAMES, HEIGHT, Reader, fit, read
from comfyui_longtake.models.prompts.scene import ATTRIBUTES


@pytest.mark.parametrize(
    ("shape", "width"),
    [((1, 16, 64, 96), 96), ((2, 1, 128, 192), 96), ((1, 5, 96, 64), 43), ((1, 40, 33, 47), 91), ((1, 3, 512, 16), 16)],
)
@pytest.mark.parametrize("fps", [8.0, 12.0, 24.0, 5.0])
def test_fit_brings_any_clip_to_the_same_length_and_height(shape, width, fps):
    x = fit(torch.rand(*shape, 3), fps)
    assert x.shape == (shape[0], FRAMES, HEIGHT, width, 3)
    assert x.isfinite().all() and x.min() >= -1e-6 and x.max() <= 1 + 1e-6


def frames(count):
    """Clip whose frame k has the value k."""
    return torch.arange(float(count)).view(1, count, 1, 1, 1).expand(1, count, HEIGHT, 16, 3)


def test_fit_reads_the_first_two_seconds_at_eight_frames_a_second():
    assert fit(frames(60), 8.0)[0, :, 0, 0, 0].tolist() == list(range(16))
    assert fit(frames(60), 24.0)[0, :, 0, 0, 0].tolist() == list(range(0, 48, 3))
    assert fit(frames(60), 4.0)[0, -1, 0, 0, 0] in (7, 8)


def test_fit_plays_a_short_clip_to_and_fro():
    assert fit(frames(3))[0, :, 0, 0, 0].tolist() == [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]
    assert fit(frames(1))[0, :, 0, 0, 0].tolist() == [0] * 16


def test_reader_scores_every_value_of_every_attribute():
    torch.manual_seed(0)
    reader = Reader(8).eval()
    scores = reader(fit(torch.rand(2, 16, 64, 48, 3)))
    assert {k: tuple(s.shape) for k, s in scores.items()} == {k: (2, len(v)) for k, v in ATTRIBUTES.items()}


def test_read_names_the_value_with_the_highest_score():
    reader = Reader(8).eval()
    with torch.no_grad():
        for name, head in reader.heads.items():
            head.weight.zero_()
            head.bias.zero_()
            head.bias[len(ATTRIBUTES[name]) - 1] = 1.0
    rows = read(reader, torch.rand(3, 4, 32, 32, 3))
    assert rows == [{k: v[-1] for k, v in ATTRIBUTES.items()}] * 3
