"""Chroma of films of films: halved by the inverse of how it is read, so that it stays."""

import av
import numpy as np
import pytest
import torch
from comfyui_longtake.media.chroma import Converter, cubic, halve, taps
from comfyui_longtake.media.codecs import codecs
from comfyui_longtake.media.packets import Given
from comfyui_longtake.media.read import read_frames
from comfyui_longtake.media.write import open_writer


def psnr(a, b):
    return float(-10 * torch.log10((a - b).square().mean()))


def picture(height=64, width=96):
    """Saturated shapes with hard edges."""
    frame = torch.zeros(height, width, 3)
    frame[..., 2] = torch.linspace(0.2, 0.8, width)
    frame[10:40, 15:50] = torch.tensor([0.9, 0.1, 0.1])
    frame[30:60, 40:81] = torch.tensor([0.1, 0.7, 0.2])
    return frame


@pytest.mark.parametrize("place", ["left", "center"])
def test_halving_is_the_inverse_of_cubic_reading(place):
    rng = np.random.default_rng(3)
    samples = rng.uniform(60, 200, 40)
    pixels = np.arange(80)[:, None]
    reading = np.vectorize(cubic)((pixels - (0.5 if place == "center" else 0)) / 2 - np.arange(40)[None])
    line = (reading @ samples)[None].repeat(80, 0)
    found = halve(line.round().astype(np.uint8), place)
    assert found.shape == (40, 40)
    assert np.abs(found[:, 12:28] - samples[12:28]).max() <= 1.5


@pytest.mark.parametrize("place", ["left", "center"])
def test_flat_colour_stays_to_the_edges(place):
    assert abs(sum(taps(place)) - 1) < 1e-9
    assert (halve(np.full((16, 24), 173, np.uint8), place) == 173).all()


@pytest.mark.parametrize("codec", [name for name in codecs() if name != "prores"])
def test_films_of_films_keep_their_colours(tmp_path, codec):
    first = film = picture().expand(6, -1, -1, -1)
    suffix = codecs()[codec][0]
    found = []
    for number in range(6):
        path = tmp_path / f"{number}{suffix}"
        with open_writer(path, 96, 64, 8, codec=codec, crf=4) as writer:
            writer.write(film)
        film = torch.stack([frame.reshape(64, 96, 3) for frame in read_frames(path)])
        found.append(psnr(film, first))
    assert found[0] - found[-1] < 1.0, found


def test_odd_sizes_and_ten_bits_are_left_to_ffmpeg():
    for size, layout in (((63, 97), "yuv444p"), ((64, 96), "yuv422p10le")):
        made = Converter(size[1], size[0], layout, "left")((picture(*size) * 255).byte().numpy())
        assert (made.height, made.width, made.format.name) == (*size, layout)
    made = Converter(96, 64, "yuv420p", "left")((picture() * 255).byte().numpy())
    assert isinstance(made, av.VideoFrame) and made.format.name == "yuv420p" and made.colorspace == 1


def test_given_frames_do_not_wear_out_in_ten_films_of_films(tmp_path):
    """As an extension does it: the first film is made, from then on its frames are given and others follow."""
    first = film = torch.stack([picture().roll(2 * k, 1) for k in range(12)])
    found = []
    for number in range(10):
        path = tmp_path / f"{number}.mp4"
        with open_writer(path, 96, 64, 8, given=[Given(range(12))] if number else []) as writer:
            writer.write(film)
            writer.write(torch.rand(4, 64, 96, 3))
        film = torch.stack([frame.reshape(64, 96, 3) for frame in read_frames(path)])[:12]
        found.append(psnr(film, first))
    assert found[0] - found[-1] < 1.0, found
