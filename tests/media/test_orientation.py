"""Pictures as Pillow's exif_transpose shows them, films as Chromium shows them, in all eight orientations."""

import struct

import av
import numpy as np
import pytest
from comfyui_longtake.media.orientation import UPRIGHT, of_picture
from comfyui_longtake.media.read import probe, read_image
from PIL import Image, ImageOps, features

RED, GREEN, BLUE, WHITE = (230, 20, 20), (20, 230, 20), (20, 20, 230), (230, 230, 230)
LETTERS = {RED: "R", GREEN: "G", BLUE: "B", WHITE: "W"}
SHOWN = {
    (1, 0, 0, 1): "RGBW",
    (-1, 0, 0, 1): "GRWB",
    (1, 0, 0, -1): "BWRG",
    (-1, 0, 0, -1): "WBGR",
    (0, 1, -1, 0): "BRWG",
    (0, -1, 1, 0): "GWRB",
    (0, 1, 1, 0): "RBGW",
    (0, -1, -1, 0): "WGBR",
    (0, 0, 0, 0): "RGBW",
    (1, 0, 0, 0): "RGBW",
}
"""Display matrix a, b, c, d to the corners as Chromium 156 drew them: top left, top right, bottom left, bottom right."""


def test_a_picture_with_odd_words_in_it_is_upright(tmp_path):
    from PIL.PngImagePlugin import PngInfo

    words = PngInfo()
    words.add_text("xmp", "no such thing as XMP")
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png", pnginfo=words)
    assert of_picture(tmp_path / "a.png") == UPRIGHT


def corners_picture(height=32, width=48):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2], picture[: height // 2, width // 2 :] = RED, GREEN
    picture[height // 2 :, : width // 2], picture[height // 2 :, width // 2 :] = BLUE, WHITE
    return picture


def nearest_letter(point):
    return LETTERS[min(LETTERS, key=lambda colour: np.abs(point - np.array(colour)).sum())]


def corners(frame):
    return "".join(nearest_letter(frame[y, x].numpy() * 255) for y in (4, -4) for x in (4, -4))


def film(path, matrix):
    """An MP4 of the corners whose track header holds `matrix`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(corners_picture())))
        container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44
    a, b, c, d = (entry * 65536 for entry in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("matrix", SHOWN, ids=str)
def test_films_are_shown_as_their_matrix_says(tmp_path, matrix):
    path = film(tmp_path / "a.mp4", matrix)
    info, frame = probe(path), read_image(path)
    assert corners(frame) == SHOWN[matrix]
    assert tuple(frame.shape[:2]) == (info.height, info.width) == ((48, 32) if matrix[1] else (32, 48))


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_pictures_are_shown_as_exif_transpose_shows_them(tmp_path, suffix, orientation):
    path, exif = tmp_path / f"a.{suffix}", Image.Exif()
    exif[274] = orientation
    options = {"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
    Image.fromarray(corners_picture()).save(path, exif=exif, **options)
    with Image.open(path) as picture:
        right = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"), np.float32)
    info, frame = probe(path), read_image(path).numpy() * 255
    assert frame.shape == right.shape == (info.height, info.width, 3)
    assert np.abs(frame - right).max() <= (0.01 if suffix in ("png", "tiff") else 6)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow writes no AVIF")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_shown_as_exif_transpose_shows_it(tmp_path, orientation):
    path, exif = tmp_path / "a.avif", Image.Exif()
    exif[274] = orientation
    Image.fromarray(corners_picture()).save(path, exif=exif, quality=95)
    with Image.open(path) as picture:
        right = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"), np.float32)
    frame = read_image(path).numpy() * 255
    assert frame.shape == right.shape and np.abs(frame - right).mean() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_animated_webp_is_upright(tmp_path, orientation):
    exif, picture = Image.Exif(), Image.fromarray(corners_picture())
    exif[274] = orientation
    picture.save(tmp_path / "a.webp", save_all=True, append_images=[picture.rotate(1)], duration=125, lossless=True, exif=exif)
    exif_only = Image.fromarray(corners_picture())
    exif_only.getexif()[274] = orientation
    right = np.asarray(ImageOps.exif_transpose(exif_only), np.float32)
    assert np.abs(read_image(tmp_path / "a.webp").numpy() * 255 - right).max() < 0.01
