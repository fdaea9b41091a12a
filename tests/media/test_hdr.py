"""PQ and HLG come out tone-mapped to BT.709: reference white brighter than as SDR, highlights kept apart, colours in BT.709."""

import av
import numpy as np
import pytest
import torch
from comfyui_longtake.media import hdr
from comfyui_longtake.media.read import probe, read_frames, read_image

PQ, HLG, BT2020 = 16, 18, 9
pytestmark = pytest.mark.skipif(not hdr.available(), reason="this FFmpeg is older than 8")


def pq(nits):
    """Signal 0..1 of a light (SMPTE ST 2084)."""
    light = (nits / 10000) ** (2610 / 16384)
    return ((3424 + 2413 * 32 * light) / (4096 + 2392 * 32 * light)) ** (2523 / 32)


def coded(rgb):
    """Y, Cb, Cr of 10 bits in limited range of an RGB signal in BT.2020."""
    luma = 0.2627 * rgb[0] + 0.6780 * rgb[1] + 0.0593 * rgb[2]
    chroma = (rgb[2] - luma) / 1.8814, (rgb[0] - luma) / 1.4746
    return [round(64 + 876 * luma), *(round(512 + 896 * part) for part in chroma)]


def film(path, colours, transfer, params=""):
    """H.265 of 10 bits, one frame of each signal (r, g, b); from the first on again up to three, x265 needs them."""
    colours = (colours * 3)[: max(3, len(colours))]
    with av.open(str(path), "w") as container:
        options = {"x265-params": f"log-level=error:lossless=1{params}"}
        stream = container.add_stream("libx265", rate=8, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = BT2020, BT2020, transfer, 1
        for number, colour in enumerate(colours):
            frame = av.VideoFrame(64, 48, "yuv420p10le")
            for plane, value in zip(frame.planes, coded(colour), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            frame.pts = number
            frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = BT2020, BT2020, transfer, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def levels(path):
    return [[round(float(part) * 255) for part in frame.mean((0, 1))] for frame in read_frames(path)]


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "PQ"), (HLG, "HLG"), (1, "")])
def test_hdr_is_told(tmp_path, transfer, name):
    assert probe(film(tmp_path / "a.mp4", [(0.5,) * 3], transfer)).hdr == name


def test_pq_is_tone_mapped(tmp_path):
    nits = [0, 10, 50, 203, 1000, 4000]
    found = levels(film(tmp_path / "a.mp4", [(pq(light),) * 3 for light in nits], PQ))
    right = [0, 53, 102, 155, 207, 239]
    assert max(abs(part - want) for frame, want in zip(found, right, strict=True) for part in frame) <= 3, found


def test_hlg_is_tone_mapped(tmp_path):
    found = levels(film(tmp_path / "a.mp4", [(signal,) * 3 for signal in (0, 0.25, 0.5, 0.75, 1)], HLG))
    right = [0, 62, 115, 173, 254]
    assert max(abs(part - want) for frame, want in zip(found, right, strict=True) for part in frame) <= 3, found


def test_pq_keeps_to_the_peak_of_its_master(tmp_path):
    master = ":master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1):max-cll=1000,400:hdr10=1"
    path = film(tmp_path / "a.mp4", [(pq(203),) * 3, (pq(1000),) * 3], PQ, master)
    white, peak = (frame[1] for frame in levels(path)[:2])
    assert abs(white - 172) <= 3 and peak >= 252


def test_colours_of_hdr_are_those_of_bt709(tmp_path):
    """The red of BT.709 in BT.2020, at 50 nits, is red alone again."""
    light = [50 * part for part in (0.6274, 0.0691, 0.0164)]
    (red, green, blue), *_ = levels(film(tmp_path / "a.mp4", [[pq(part) for part in light]], PQ))
    assert red > 80 and green <= 30 and blue <= 30, (red, green, blue)


def test_every_frame_is_mapped_alike(tmp_path):
    found = levels(film(tmp_path / "a.mp4", [(pq(100),) * 3] * 6, PQ))
    assert len(found) == 6 and all(frame == found[0] for frame in found)


def test_a_film_that_changes_its_size_is_mapped_throughout(tmp_path):
    """What FFmpeg gives where a stream changes its size on the way."""
    mapper, found = hdr.ToneMapper(), []
    for width in (64, 32, 64):
        frame = av.VideoFrame(width, 48, "yuv420p10le")
        for plane, value in zip(frame.planes, coded((pq(203),) * 3), strict=True):
            plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
        frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = BT2020, BT2020, PQ, 1
        pixels = mapper(frame).to_ndarray()
        found.append((pixels.shape, round(float(pixels.mean()) / 257)))
    assert [shape for shape, _ in found] == [(48, 64, 3), (48, 32, 3), (48, 64, 3)]
    assert all(abs(level - 155) <= 3 for _, level in found), found


def test_sdr_is_left_alone(tmp_path):
    path = film(tmp_path / "a.mp4", [(0.5,) * 3], 1)
    assert torch.allclose(read_image(path).mean(), torch.tensor(0.5), atol=0.01)
