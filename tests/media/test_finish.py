"""A finished film: cuts, colours, sound, length, pieces, marks; and all that cannot be, in one line."""

import os
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from comfyui_longtake.errors import LongTakeError, MediaError, RefusedError, UsageError
from comfyui_longtake.media import mark
from comfyui_longtake.media.disclosure import Disclosure
from comfyui_longtake.media.finish import Finish, Models
from comfyui_longtake.media.finish_options import FinishOptions
from comfyui_longtake.media.footage import FileFootage
from comfyui_longtake.media.mark import make_record, tags
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.media.sound import RATE, WaveSound
from comfyui_longtake.media.soundtrack import open_audio
from comfyui_longtake.media.verify import verify
from comfyui_longtake.media.write import open_writer

SYNC = 0.02  # seconds
COLOURS = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.8, 0.1], [0.1, 0.8, 0.8], [0.8, 0.1, 0.8]])
PLAIN = Disclosure(marked=False, signed=False)


@pytest.fixture(autouse=True)
def same_numbers():
    torch.manual_seed(0)


def film(path, frames, fps=8, **more):
    with open_writer(path, frames.shape[2], frames.shape[1], fps, **more) as writer:
        writer.write(frames)
    return path


def shots(each=6):
    """Six shots of one colour each, which grows lighter, [T, 48, 64, 3]."""
    light = torch.linspace(0.6, 1, each)
    return torch.cat([(light[:, None] * colour)[:, None, None].expand(each, 48, 64, 3) for colour in COLOURS])


def finished(source, output, disclosure=PLAIN, models=None, audio=None, **options):
    footage = source if not isinstance(source, Path) else FileFootage(source)
    return Finish(footage, output, FinishOptions(**options), models or Models(), disclosure, audio=audio).run()


def shot_of(frame):
    """Which shot a frame is of, and how far its colour is from a shade of that shot's colour."""
    colour = frame.mean((0, 1))
    off = [(colour - (colour @ one / (one @ one)) * one).norm() for one in COLOURS]
    return int(np.argmin(off)), float(min(off))


def lerp(before, after, weights):
    return [before.lerp(after, weight) for weight in weights]


@pytest.mark.parametrize("fps", [24, 20, 23.976])
@pytest.mark.parametrize("models", [Models(lerp, identity="a"), Models()], ids=["model", "blend"])
def test_no_frame_mixes_two_shots(tmp_path, fps, models):
    source = film(tmp_path / "a.mp4", shots(), crf=4)
    made = finished(source, tmp_path / "b.mp4", models=models, fps=fps, motion="blend", crf=4)
    seen = [shot_of(frame) for frame in read_frames(made.path)]
    assert len(seen) == made.frames == round(36 / 8 * float(made.fps))
    assert max(off for _, off in seen) < 0.03
    assert [shot for shot, _ in seen] == [int(Fraction(k) / made.fps * 8) // 6 for k in range(made.frames)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


def test_cuts_of_the_record_hold_where_none_can_be_seen(tmp_path):
    """Two shots that look much alike: only the record tells them apart."""
    frames = torch.cat([torch.full((6, 48, 64, 3), 0.50), torch.full((6, 48, 64, 3), 0.53)])
    asked, seen = [], []
    for name, record in (("a", {"cuts": [6], "fps": 8}), ("b", {})):
        source = film(tmp_path / f"{name}.mp4", frames, metadata=tags(make_record("two", 1, "test", **record)))
        models = Models(lambda before, after, weights: asked.append(float(after.mean() - before.mean())) or [before] * len(weights))
        made = finished(source, tmp_path / "c.mp4", models=models, fps=24)
        seen.append((max(map(abs, asked)), made.said.record["cuts"]))
        asked.clear()
    assert seen[0][0] < 0.01 and seen[0][1] == [18] and seen[1][0] > 0.02 and seen[1][1] == []


def test_repeated_frames_are_exact_and_colours_stay(tmp_path, clip):
    frames = clip(16, 48, 64)
    source = film(tmp_path / "a.mp4", frames, crf=0)
    made = list(read_frames(finished(source, tmp_path / "b.mp4", fps=24, crf=0).path))
    before = list(read_frames(source))
    assert len(made) == 48
    assert max(float((frame - before[k // 3]).abs().max()) for k, frame in enumerate(made)) <= 3 / 255
    large = list(read_frames(finished(source, tmp_path / "c.mp4", width=128, crf=0).path))
    assert len(large) == 16 and large[0].shape == (96, 128, 3)
    assert float((large[5].mean((0, 1)) - frames[5].mean((0, 1))).abs().max()) < 2 / 255


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "h265"), (".mp4", "av1"), (".mov", "prores"), (".webm", "vp9"), (".mkv", "ffv1")]
)
def test_pieces_join_in_every_codec(tmp_path, suffix, codec):
    """Ten seconds are three pieces; each frame is where it was."""
    frames = torch.linspace(0, 1, 20)[:, None, None, None].expand(20, 48, 64, 3)
    source = film(tmp_path / "a.mp4", frames, 2, crf=4)
    made = finished(source, tmp_path / f"b{suffix}", codec=codec, fps=4, crf=4)
    assert made.pieces == 3
    seen = [float(frame.mean()) for frame in read_frames(made.path)]
    assert seen == pytest.approx([float(frames[k // 2].mean()) for k in range(40)], abs=0.02)
    info = probe(made.path)
    assert info.fps == 4 and abs(info.duration - 10) < 0.05 and info.codec.startswith({"h265": "hevc"}.get(codec, codec)[:4])


@pytest.mark.parametrize("fps", [2, 3, 1.5])
def test_sound_is_in_time_after_five_minutes(tmp_path, fps, beeps, heard):
    ticks = [WaveSound(beeps(300, every=60.0), RATE)]
    source = film(tmp_path / "a.mp4", torch.zeros(300, 32, 32, 3), 1, sound=ticks)
    made = finished(source, tmp_path / "b.mp4", fps=fps)
    assert made.frames == 300 * fps
    assert heard(made.path) == pytest.approx([0, 60, 120, 180, 240], abs=SYNC)


def test_audio_is_delayed_faded_and_cut(tmp_path, beeps, heard):
    source = film(tmp_path / "a.mp4", torch.zeros(16, 32, 32, 3), 8, sound=[WaveSound(beeps(2), RATE)])
    made = finished(source, tmp_path / "b.mp4", audio=WaveSound(beeps(9), RATE), audio_delay=0.25)
    assert heard(made.path) == pytest.approx([0.25, 1.25], abs=SYNC)
    assert made.notes[-1] == "audio: 9.00 s from 0.25 s on; the film ends after 2.00 s, and it too"
    made = finished(source, tmp_path / "b.mp4", audio=WaveSound(beeps(9), RATE), audio_delay=-0.75)
    assert heard(made.path) == pytest.approx([0.25, 1.25], abs=SYNC)
    tone = np.full((2, RATE * 2), 0.5, np.float32)
    placed = Finish(
        FileFootage(source), tmp_path / "b.mp4", FinishOptions(audio_fade=0.5), disclosure=PLAIN, audio=WaveSound(tone, RATE)
    )
    (sound,), _ = placed._sound()
    whole = np.concatenate(list(sound.samples()), 1)[0] / 0.5
    at = [whole[round(second * RATE)] for second in (0.0, 0.25, 0.5, 1.0, 1.75)]
    assert at == pytest.approx([0, 0.5, 1, 1, 0.5], abs=0.05) and abs(whole[2 * RATE - 1]) < 0.01


RUN = """
import sys, time
from pathlib import Path
from comfyui_longtake.media.disclosure import Disclosure
from comfyui_longtake.media.finish import Finish
from comfyui_longtake.media.finish_options import FinishOptions
from comfyui_longtake.media.footage import FileFootage
def tick(done, total, reused):
    print(done, reused, flush=True)
    time.sleep(0 if done < 20 else 60)
Finish(FileFootage(Path(sys.argv[1])), Path(sys.argv[2]), FinishOptions(fps=4), disclosure=Disclosure(False, False)).run(tick)
"""


def test_a_run_that_is_killed_goes_on(tmp_path):
    source = film(tmp_path / "a.mp4", torch.rand(20, 48, 64, 3), 2)
    output = tmp_path / "out" / "b.mp4"
    run = subprocess.Popen([sys.executable, "-c", RUN, str(source), str(output)], stdout=subprocess.PIPE, text=True)
    while (line := run.stdout.readline()) and int(line.split()[0]) < 20:
        pass
    run.kill()
    run.wait()
    assert not output.exists() and (output.parent / "b.pieces").is_dir()
    heard_of = []
    work = Finish(FileFootage(source), output, FinishOptions(fps=4), disclosure=PLAIN)
    made = work.run(lambda done, total, reused: heard_of.append((done, reused)))
    assert made.reused == 1 and heard_of == [(16, True), *((k, False) for k in range(17, 41))]
    assert sorted(path.name for path in output.parent.iterdir()) == ["b.mp4"]
    whole = finished(source, tmp_path / "c.mp4", fps=4)
    assert all(torch.equal(one, two) for one, two in zip(read_frames(output), read_frames(whole.path), strict=True))


def test_pieces_are_used_for_the_same_work_only(tmp_path):
    source = film(tmp_path / "a.mp4", torch.rand(20, 48, 64, 3), 2)

    class Stop(Exception):
        pass

    def stop(done, total, reused):
        if done == 20:
            raise Stop

    def again(**options):
        return Finish(FileFootage(source), tmp_path / "b.mp4", FinishOptions(**options), disclosure=PLAIN)

    with pytest.raises(Stop):
        again(fps=4).run(stop)
    (piece,) = [path for path in (tmp_path / "b.pieces").iterdir() if path.suffix == ".mp4"]
    with pytest.raises(Stop):
        again(fps=4, width=32).run(stop)  # another size: other pieces
    assert piece.exists()
    piece.write_bytes(piece.read_bytes()[:-900])  # torn: made again
    (tmp_path / "b.pieces" / "mine.mp4").write_bytes(b"of somebody else")
    assert again(fps=4).run().reused == 0
    assert [path.name for path in (tmp_path / "b.pieces").iterdir()] == ["mine.mp4"]


def test_a_film_that_is_refused_leaves_nothing(tmp_path):
    source = film(tmp_path / "a.mp4", torch.rand(8, 48, 64, 3), 2)

    def refuse(frames):
        raise RefusedError("no")

    with pytest.raises(RefusedError):
        Finish(FileFootage(source), tmp_path / "b.mp4", FinishOptions(), check=refuse).run()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4"]


def test_a_mark_is_not_laid_over_a_mark(tmp_path, textured):
    """A marked film stays as marked as it was; one that is made and unmarked is marked; one of a camera is not."""
    frames = textured(16, 96, 128, 1, 1.2, 1)
    record = tags(make_record("a dog", 7, "box"))
    for name, pixels, text in (("marked", mark.embed(frames, mark.KEY), record), ("made", frames, record), ("camera", frames, {})):
        film(tmp_path / f"{name}.mp4", pixels, crf=2, metadata=text)
    found = {}
    for name in ("marked", "made", "camera"):
        made = finished(tmp_path / f"{name}.mp4", tmp_path / f"{name}_b.mp4", Disclosure(signed=False), fps=16, crf=2)
        before, after = (list(read_frames(path)) for path in (tmp_path / f"{name}.mp4", made.path))
        change = float(((torch.stack(after[::2]) - torch.stack(before)) @ torch.tensor(mark.LUMA)).square().mean().sqrt() * 255)
        found[name] = verify(made.path).mark.found, round(change, 2), made.said.record["prompt"]
    assert found["marked"][0] and found["marked"][1] < 1 and found["marked"][2] == "a dog"
    assert found["made"][0] and found["made"][1] > 1.2
    assert not found["camera"][0] and found["camera"][1] < 1
    assert "neither marked nor signed" in made.notes[-1]


def test_what_a_model_enlarged_is_marked_where_the_mark_is_gone(tmp_path, textured):
    source = film(tmp_path / "a.mp4", mark.embed(textured(8, 96, 128, 1, 1.2, 1), mark.KEY), crf=2)

    def larger(frame):
        return frame.repeat_interleave(2, 0).repeat_interleave(2, 1)

    def wiped(frame):
        return larger(frame.mean((0, 1)).expand_as(frame))

    for enlarge, kept in ((larger, True), (wiped, False)):
        models = Models(enlarge=enlarge, scale=2.0, identity=enlarge.__name__)
        work = Finish(FileFootage(source), tmp_path / "b.mp4", FinishOptions(), models, Disclosure(signed=False))
        assert work._marked == kept
        made = work.run()
        assert made.size == (256, 192) and mark.detect(read_frames(made.path), mark.KEY) > mark.THRESHOLD


def test_a_finished_film_is_signed_last(tmp_path):
    pytest.importorskip("c2pa")
    source = film(tmp_path / "a.mp4", torch.rand(8, 48, 64, 3), metadata=tags(make_record("a dog", 7, "box", fps=8.0, joins=[3])))
    made = finished(source, tmp_path / "b.mp4", Disclosure(), fps=24)
    found = verify(made.path)
    assert found.signature.state == "trusted" and found.signature.ingredients == ["a.mp4, not signed"] and made.signed
    said = found.said.longtake
    assert (said["prompt"], said["seed"], said["joins"], said["fps"]) == ("a dog", 7, [9], 24)


def test_a_varying_rate_becomes_constant(tmp_path):
    """Frames of 1/10, 1/10, 4/10 and 2/10 of a second."""
    import av

    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width = stream.height = 32
        for pts, grey in ((0, 40), (1, 90), (2, 140), (6, 200), (8, 240)):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), grey, np.uint8), format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 10)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    made = finished(path, tmp_path / "b.mp4", fps=10, crf=2)
    seen = [round(float(frame.mean()) * 255) for frame in read_frames(made.path)]
    assert seen[:9] == pytest.approx([40, 90, 140, 140, 140, 140, 200, 200, 240], abs=3) and len(seen) == 9


def test_a_part_of_a_film(tmp_path):
    frames = torch.linspace(0, 1, 40)[:, None, None, None].expand(40, 48, 64, 3)
    source = film(tmp_path / "a.mp4", frames, 8, crf=2)
    made = finished(FileFootage(source, 2.0, 1.5), tmp_path / "b.mp4", fps=16, crf=2)
    seen = [float(frame.mean()) for frame in read_frames(made.path)]
    assert seen == pytest.approx([float(frames[16 + k // 2].mean()) for k in range(24)], abs=0.02)


BAD = {
    "fps 0: give 0.1 to 240": {"fps": 0},
    "fps 241: give 0.1 to 240": {"fps": 241},
    "fps nan: give 0.1 to 240": {"fps": float("nan")},
    "width 65 is odd, which many players refuse; give 64 or 66": {"width": 65},
    "height 9000: give 2 to 8192 pixels": {"height": 9000},
    "8192x6144 is too large: give a width and height": {"width": 8192},
    "motion 'fly': give repeat or blend": {"motion": "fly"},
    "crf 60: give 0 (best) to 51": {"crf": 60},
    "there is no audio they are for": {"audio_fade": 1},
    "audio fade -1: give seconds": {"audio_fade": -1},
    "codec 'divx': give one of": {"codec": "divx"},
}


@pytest.mark.parametrize(("message", "options"), BAD.items())
def test_bad_options_are_one_line(tmp_path, message, options):
    source = film(tmp_path / "a.mp4", torch.rand(4, 48, 64, 3))
    with pytest.raises(LongTakeError) as error:
        finished(source, tmp_path / "b.mp4", **options)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_bad_files_are_one_line(tmp_path, beeps):
    source = film(tmp_path / "a.mp4", torch.rand(4, 48, 64, 3))
    with pytest.raises(UsageError, match="is the film itself"):
        finished(source, source)
    with pytest.raises(UsageError, match=r"a finished film is \.mp4"):
        finished(source, tmp_path / "b.avi")
    (tmp_path / "no.wav").write_bytes(b"nothing")
    with pytest.raises(MediaError, match="cannot be read as sound"):
        open_audio(tmp_path / "no.wav")
    with pytest.raises(MediaError, match="holds no sound"):
        open_audio(source)
    for delay in (1.0, -2.0):
        with pytest.raises(UsageError, match="nothing would be heard"):
            finished(source, tmp_path / "b.mp4", audio=WaveSound(beeps(1), RATE), audio_delay=delay)
    with pytest.raises(MediaError, match="cannot be found"):
        FileFootage(tmp_path / "none.mp4")


@pytest.mark.parametrize("how", [os.remove, lambda path: os.truncate(path, 60_000)], ids=["gone", "cut short"])
def test_a_film_that_vanishes_meanwhile(tmp_path, how):
    source = film(tmp_path / "a.mkv.mp4", torch.rand(24, 48, 64, 3), 2)
    work = Finish(FileFootage(source), tmp_path / "b.mp4", FinishOptions(), disclosure=PLAIN)
    assert work.times.frames == 24 and work._made == (False, False) and len(work._facts()) > 3
    how(source)
    with pytest.raises(MediaError, match=r"a\.mkv\.mp4"):
        work.run()
    assert not (tmp_path / "b.mp4").exists()


def test_two_runs_of_one_film_are_not_made_at_once(tmp_path):
    source = film(tmp_path / "a.mp4", torch.rand(4, 48, 64, 3))

    def second(done, total, reused):
        finished(source, tmp_path / "b.mp4")

    with pytest.raises(MediaError, match="another run is finishing this film"):
        Finish(FileFootage(source), tmp_path / "b.mp4", FinishOptions(), disclosure=PLAIN).run(second)


def test_sound_files_of_other_kinds(tmp_path, beeps, heard):
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
        file.writeframes((beeps(3, 8000)[0] * 32767).astype(np.int16).tobytes())
    source = film(tmp_path / "a.mp4", torch.zeros(32, 32, 32, 3), 8)
    began = time.monotonic()
    made = finished(source, tmp_path / "b.mp4", audio=open_audio(tmp_path / "a.wav"), audio_delay=0.5)
    assert heard(made.path) == pytest.approx([0.5, 1.5, 2.5], abs=SYNC) and time.monotonic() - began < 60


def test_two_frames_are_held_at_a_time(tmp_path):
    from comfyui_longtake.media.finish import _Frames

    source = film(tmp_path / "a.mp4", torch.linspace(0, 1, 60)[:, None, None, None].expand(60, 32, 32, 3), 8, crf=2)
    frames = _Frames(FileFootage(source), (32, 32))
    for number in (0, 1, 1, 2, 3, 7, 8, 55, 56, 59, 58):  # the last one goes back, which opens the film again
        assert float(frames.get(number).mean()) == pytest.approx(number / 59, abs=0.015) and len(frames._held) <= 2
