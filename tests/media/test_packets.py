"""A film made of a film has its frames as they were: packets are taken over where they can be, and only there."""

import itertools
from fractions import Fraction

import av
import pytest
import torch
from comfyui_longtake.errors import MediaError
from comfyui_longtake.media.codecs import codecs
from comfyui_longtake.media.packets import Given
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.media.write import open_writer

RATES = 8, Fraction(24000, 1001), 60
KINDS = [(codec, suffix) for codec, suffixes in codecs().items() if codec != "png" for suffix in suffixes]


def pictures(count, start=0):
    """`count` frames [T, 80, 128, 3] of something that moves."""
    across = torch.arange(128).float()
    rows = [torch.stack([((across + 3 * (start + k)) % w) / w for w in (17, 40, 90)], 1) for k in range(count)]
    return torch.stack(rows)[:, None].expand(-1, 80, -1, -1).contiguous()


def frames_of(path):
    return torch.stack(list(read_frames(path)))


def made(path, frames, fps=8, **options):
    """A film of `frames`; gives what a reader sees of it, and of how many given films it has the packets."""
    with open_writer(path, 128, 80, fps, **options) as writer:
        writer.write(frames)
        taken = len(writer.taken)
    return frames_of(path), taken


@pytest.mark.parametrize(("codec", "suffix"), KINDS)
@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("count", [1, 2, 7, 24])
def test_frames_at_both_ends_are_the_very_same(tmp_path, codec, suffix, fps, count):
    first, how = tmp_path / f"a{suffix}", {"fps": fps, "codec": codec}
    one, _ = made(first, pictures(count), **how)
    new = pictures(11, 50)
    after, taken = made(tmp_path / f"b{suffix}", torch.cat([one, new]), given=[Given(range(count), first)], **how)
    assert taken == 1 and len(after) == count + 11 and torch.equal(after[:count], one)
    alone, _ = made(tmp_path / f"n{suffix}", new, **how)
    assert torch.equal(after[count:], alone), "what is made is encoded as if it stood alone"
    ends = [Given(range(11, 11 + count), first, ends=True)]
    before, taken = made(tmp_path / f"c{suffix}", torch.cat([new, one]), given=ends, **how)
    assert taken == 1 and len(before) == count + 11 and torch.equal(before[11:], one)
    both = [Given(range(count), first), Given(range(count + 11, 2 * count + 11), first, ends=True)]
    between, taken = made(tmp_path / f"d{suffix}", torch.cat([one, new, one]), given=both, **how)
    assert taken == 2 and torch.equal(between, torch.cat([one, alone, one]))
    for path, length in ((f"b{suffix}", count + 11), (f"d{suffix}", 2 * count + 11)):
        info = probe(tmp_path / path)
        assert info.origin == 0 and abs(info.duration - length / fps) < 0.05 and info.frames == length
        with av.open(str(tmp_path / path)) as film:
            packets = [packet for packet in film.demux(video=0) if packet.size]
            times = [(packet.dts, packet.pts) for packet in packets]
            assert all(packet.duration for packet in packets), "the last frame lasts as long as the others"
        assert all(decoded <= shown for decoded, shown in times)
        assert all(one[0] < other[0] for one, other in itertools.pairwise(times)), "in the order of decoding"
    assert list(tmp_path.glob("*.partial*")) == list(tmp_path.glob("*.finishing*")) == []
    assert torch.equal(frames_of(first), one), "the film that was given is left as it was"


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9"])
def test_ten_films_of_films_lose_nothing(tmp_path, codec):
    suffix = codecs()[codec][0]
    film, _ = made(tmp_path / f"0{suffix}", pictures(12), codec=codec)
    first = film
    for number in range(1, 10):
        given = [Given(range(len(film)), tmp_path / f"{number - 1}{suffix}")]
        film, _ = made(tmp_path / f"{number}{suffix}", torch.cat([film, pictures(3, 20 * number)]), codec=codec, given=given)
    assert len(film) == 39 and torch.equal(film[:12], first)


def turned(path, out):
    """The film with its first two frames cut away by an edit list, as phones and editors do."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        unit = 1 / (8 * source.streams.video[0].time_base)
        for packet in source.demux(video=0):
            if packet.size:
                packet.pts, packet.dts = packet.pts - int(2 * unit), packet.dts - int(2 * unit)
                packet.stream = stream
                target.mux(packet)


@pytest.mark.parametrize("other", ["size", "rate", "crf", "codec", "odd times", "cut", "damaged", "gone", "longer"])
def test_other_films_are_encoded_again(tmp_path, other):
    """Whatever is not exactly such a film is given as frames; the film that comes out is right all the same."""
    path = tmp_path / "a.mp4"
    frames = pictures(16)
    if other == "size":
        with open_writer(path, 64, 40, 8) as writer:
            writer.write(frames[:, ::2, ::2])
    elif other == "rate":
        made(path, frames, fps=9)
    elif other == "codec":
        made(path, frames, codec="h265")
    elif other == "crf":  # encoded by somebody else
        with av.open(str(path), "w") as target:
            stream = target.add_stream("libx264", rate=8, options={"preset": "ultrafast", "crf": "30"})
            stream.width, stream.height, stream.pix_fmt = 128, 80, "yuv420p"
            for frame in frames:
                target.mux(stream.encode(av.VideoFrame.from_ndarray((frame * 255).byte().numpy())))
            target.mux(stream.encode())
    elif other == "odd times":
        made(tmp_path / "b.mp4", frames)
        with av.open(str(tmp_path / "b.mp4")) as source, av.open(str(path), "w") as target:
            stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
            for packet in source.demux(video=0):
                if packet.size:
                    packet.pts += (packet.pts > 20000) * 700
                    packet.stream = stream
                    target.mux(packet)
    elif other == "cut":
        made(tmp_path / "b.mp4", frames)
        turned(tmp_path / "b.mp4", path)
    elif other == "longer":
        made(path, pictures(20))
    elif other == "damaged":
        made(path, frames)
        path.write_bytes(path.read_bytes()[:700])
    shown, taken = made(tmp_path / "out.mp4", pictures(24), given=[Given(range(16), path)])
    assert taken == 0 and len(shown) == 24
    assert (shown - pictures(24)).abs().mean() < 0.05


def test_frames_in_the_middle_are_encoded(tmp_path):
    one, _ = made(tmp_path / "a.mp4", pictures(8))
    film = torch.cat([pictures(6, 60), one, pictures(6, 90)])
    shown, taken = made(tmp_path / "b.mp4", film, given=[Given(range(6, 14), tmp_path / "a.mp4")])
    assert taken == 0 and len(shown) == 20 and (shown - film).abs().mean() < 0.05


def test_a_film_that_goes_meanwhile_is_named(tmp_path):
    one, _ = made(tmp_path / "a.mp4", pictures(8))
    writer = open_writer(tmp_path / "b.mp4", 128, 80, 8, given=[Given(range(8), tmp_path / "a.mp4")])
    writer.write(torch.cat([one, pictures(9, 40)]))
    (tmp_path / "a.mp4").unlink()
    with pytest.raises(MediaError, match=r"could not be finished: .*a\.mp4 is gone.*plays from b\.partial\.mp4"):
        writer.close()
    assert len(frames_of(tmp_path / "b.partial.mp4")) == 9 and not (tmp_path / "b.mp4").exists()


def test_a_film_that_stops_keeps_what_was_made(tmp_path):
    one, _ = made(tmp_path / "a.mp4", pictures(8))
    writer = open_writer(tmp_path / "b.mp4", 128, 80, 8, given=[Given(range(8), tmp_path / "a.mp4")])
    with pytest.raises(KeyboardInterrupt), writer:
        writer.write(torch.cat([one, pictures(9, 40)]))
        raise KeyboardInterrupt
    assert not (tmp_path / "b.mp4").exists()
    assert len(frames_of(writer.partial)) == writer.encoded == 9
