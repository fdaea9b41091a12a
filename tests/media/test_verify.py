"""The verdict on files of any maker, of damaged ones too: right words, no traceback, bounded time."""

import json
import random
import time

import pytest
import torch
from comfyui_longtake.errors import LongTakeError, MediaError
from comfyui_longtake.media import certificate, label, mark, tags
from comfyui_longtake.media.disclosure import Disclosure, Film
from comfyui_longtake.media.verify import EXIT, MADE, NOTHING, UNREADABLE, verify
from comfyui_longtake.media.write import open_writer

XMP = '<x:xmpmeta><a Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{}"/></x:xmpmeta>'


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A user directory of each test's own."""
    monkeypatch.setenv(certificate.FOLDER, str(tmp_path / "home"))


@pytest.fixture
def written(tmp_path, textured):
    """written(name, tags, marked): a short film or picture."""

    def make(name, metadata=None, marked=False):
        frames = textured(8, 96, 128, 3, 1.2, 1)
        frames = mark.embed(frames, mark.KEY) if marked else frames
        with open_writer(tmp_path / name, 128, 96, 8, metadata=metadata) as writer:
            writer.write(frames[:1] if name.endswith("png") else frames)
        return tmp_path / name

    return make


def test_nothing_found_proves_nothing(written):
    found = verify(written("a.mp4"))
    assert found.verdict == NOTHING and "proves nothing" in found.sentence() and EXIT[NOTHING] == 3
    assert not found.mark.found and found.mark.threshold == mark.THRESHOLD_CROPPED


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.png"])
def test_a_mark_alone_is_enough(written, name):
    found = verify(written(name, marked=True))
    assert found.verdict == MADE and found.reasons == ["the invisible mark"]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"AIGC": label.aigc("somebody", "id")}, "its AIGC tag"),
        ({"prompt": {"3": {"class_type": "KSampler"}}}, "a ComfyUI graph that samples"),
        ({"workflow": {"nodes": [{"type": "SamplerCustomAdvanced"}]}}, "a ComfyUI graph that samples"),
        ({"parameters": "a cat\nSteps: 20, Sampler: Euler"}, "settings of a Stable Diffusion program"),
        ({"XML:com.adobe.xmp": XMP.format("trainedAlgorithmicMedia")}, "its IPTC source type"),
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.png"])
def test_what_others_say_in_plain_text(written, name, metadata, reason):
    found = verify(written(name, metadata))
    assert found.verdict == MADE and found.reasons == [reason] and "anyone can write or remove that" in found.sentence()


@pytest.mark.parametrize(
    "metadata",
    [{"prompt": {"1": {"class_type": "LoadVideo"}}}, {"comment": '{"generator": "x"}'}, {"AIGC": '{"Label": "0"}'}, {"AIGC": "["}],
)
def test_what_says_nothing_of_a_model(written, metadata):
    assert verify(written("a.mp4", metadata)).verdict == NOTHING


def test_a_photograph_of_a_camera(written):
    found = verify(written("a.png", {"XML:com.adobe.xmp": XMP.format("digitalCapture")}))
    assert found.said.iptc == "digitalCapture" and found.verdict == NOTHING


def test_what_is_no_picture(tmp_path):
    (tmp_path / "a.mp4").write_text("words")
    found = verify(tmp_path / "a.mp4")
    assert found.verdict == UNREADABLE and found.lines()[-1].startswith("verdict   unreadable")
    with pytest.raises(MediaError, match="no such file"):
        verify(tmp_path / "b.mp4")


def test_files_of_the_command(longtake, tmp_path, written):
    plain, marked = written("plain.mp4"), written("marked.mp4", marked=True)
    assert longtake("verify", marked)[0] == 0
    code, out, err = longtake("verify", plain, marked, "--json")
    entries = json.loads(out)
    assert code == 3 and [entry["verdict"] for entry in entries] == [NOTHING, MADE] and not err
    assert entries[1]["mark"]["found"] and entries[1]["mark"]["threshold"] == mark.THRESHOLD
    code, out, _ = longtake("verify", tmp_path / "none.mp4", marked)
    assert code == 2 and "no such file" in out


def test_png_texts_of_every_kind(tmp_path):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("one", "1")
    info.add_text("two", "2" * 100, zip=True)
    info.add_itxt("three", "雪")
    info.add_itxt("four", "雪" * 50, zip=True)
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png", pnginfo=info)
    with open(tmp_path / "a.png", "rb") as file:
        file.seek(8)
        assert tags._png_texts(file) == {"one": "1", "two": "2" * 100, "three": "雪", "four": "雪" * 50}


def mutated(data, rng):
    """Bytes flipped, cut out, repeated or overwritten at a few places, most of them in the head."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 3, 10])):
        if len(data) < 600:
            break
        at = min(len(data) - 1, int(len(data) * rng.random() ** rng.choice([1, 3])))
        kind = rng.randrange(5)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\1"])
        elif kind == 2:
            del data[at : at + rng.choice([1, 4, 64])]
        elif kind == 3:
            data[at:at] = data[at : at + rng.choice([4, 64, 512])]
        else:
            del data[at:]
            data += bytes(16)
    return bytes(data)


@pytest.mark.slow
def test_a_thousand_mutated_files(tmp_path, written, record_property):
    pytest.importorskip("c2pa")
    sources = []
    for name in ("a.mp4", "b.png", "c.webm"):
        path = written(name, marked=True)
        if not name.endswith("webm"):
            film = Film(Disclosure(), mark.make_record("a dog", 1, "model"), 128, 96, 8.0)
            assert film.finish([path]).files == 1
        sources.append(path)
    rng, longest, verdicts = random.Random(5), 0.0, {}
    for number in range(1000):
        source = sources[number % 3]
        path = tmp_path / f"m{source.suffix}"
        path.write_bytes(mutated(source.read_bytes(), rng))
        begin = time.process_time()
        try:
            found = verify(path)
            json.dumps(found.as_dict())
            verdict = found.verdict
            assert "\n" not in found.sentence()
        except LongTakeError as error:
            verdict = str(type(error))
        longest = max(longest, time.process_time() - begin)
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
    record_property("verdicts", verdicts)
    record_property("longest", longest)
    assert longest < 20, (longest, verdicts)


def test_label_is_seen_for_two_seconds_and_large_enough():
    frames = torch.full((12, 90, 160, 3), 0.5)
    shown = Film(Disclosure(text="AI-generated"), mark.make_record("", 1, "m"), 160, 90, 4.0)
    made = torch.cat([shown.label(frames[:5]), shown.label(frames[5:])])
    changed = (made - frames).abs().amax((1, 2, 3)) > 0.1
    assert changed.tolist() == [True] * 8 + [False] * 4
    rows = ((made[0] - frames[0]).abs().amax((1, 2)) > 0.3).nonzero()
    assert int(rows.max() - rows.min()) + 1 >= 0.05 * 90
    whole = Film(Disclosure(text="AI", whole=True), mark.make_record("", 1, "m"), 160, 90, 4.0)
    assert ((whole.label(frames) - frames).abs().amax((1, 2, 3)) > 0.1).all()


@pytest.mark.parametrize(
    ("text", "word"), [("x" * 81, "at most 80"), ("a\nb", "one line"), ("W" * 60, "too long"), ("\U00012345", "font")]
)
def test_labels_that_cannot_be_shown(text, word):
    with pytest.raises(LongTakeError, match=word):
        Film(Disclosure(text=text), mark.make_record("", 1, "m"), 160, 90, 4.0)


def test_sidecar_holds_record_and_hash(written, tmp_path):
    import hashlib

    path = written("a.mp4")
    film = Film(Disclosure(signed=False, sidecar=True), mark.make_record("a dog", 1, "m"), 128, 96, 8.0)
    film.finish([path])
    said = json.loads((tmp_path / "a.mp4.json").read_text(encoding="utf-8"))
    assert said["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() and said["id"] == film.record["id"]
