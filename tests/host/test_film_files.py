"""Films as written here, in the host's own video nodes and in a browser: first frame, last second, length, colours, upright."""

import functools
import http.server
import threading
from fractions import Fraction

import pytest
import torch
from comfyui_longtake.media.codecs import codecs
from comfyui_longtake.media.packets import Given
from comfyui_longtake.media.read import probe, read_frames
from comfyui_longtake.media.write import open_writer

CORNERS = {(0.2, 0.25): (0.8, 0.2, 0.2), (0.8, 0.25): (0.2, 0.7, 0.3), (0.2, 0.75): (0.25, 0.3, 0.8)}
"""Where in the picture (across, down) which colour lies; the fourth quarter tells the time."""
FILMS = [(codec, suffix, "24", False) for codec, suffixes in codecs().items() for suffix in suffixes if suffix != ".m4v"]
FILMS += [("h264", ".mp4", rate, False) for rate in ("8", "23.976", "29.97", "60")]
FILMS += [("h264", ".mp4", "24", True), ("h265", ".mp4", "24", True), ("av1", ".mp4", "24", True), ("vp9", ".webm", "29.97", True)]
"""Codec, suffix, frames a second, and whether both ends of the film are copied from films of their own."""


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def picture(number, count):
    """Three quarters of plain colours; the fourth is grey, lighter in each frame."""
    frame = torch.zeros(96, 160, 3)
    for (x, y), colour in CORNERS.items():
        frame[48 * (y > 0.5) : 48 * (y > 0.5) + 48, 80 * (x > 0.5) : 80 * (x > 0.5) + 80] = torch.tensor(colour)
    frame[48:, 80:] = level(number, count)
    return frame


def level(number, count):
    return 0.1 + 0.8 * number / (count - 1)


def shown(frame, count):
    """Number of the frame that is seen."""
    return round((float(frame[60:84, 100:140].mean()) - 0.1) / 0.8 * (count - 1))


def film(path, codec, rate, copied):
    """A second or more; gives the frames a second and the number of frames."""
    fps = float(rate)
    count = min(48, max(24, round(fps)))
    ends = {"a": range(7), "b": range(count - 10, count)} if copied else {}
    given = []
    for name, frames in ends.items():
        part = path.with_stem(f"{path.stem}_{name}")
        with open_writer(part, 160, 96, fps, codec=codec, crf=6) as writer:
            writer.write(torch.stack([picture(number, count) for number in frames]))
        given.append(Given(frames, part, ends=frames.stop == count))
    with open_writer(path, 160, 96, fps, codec=codec, crf=6, given=given) as writer:
        for number in range(count):
            writer.write(picture(number, count))
        assert len(writer.taken) == len(ends)
    return probe(path).fps, count


@pytest.mark.parametrize(("codec", "suffix", "rate", "copied"), FILMS)
def test_the_hosts_nodes_see_every_frame_where_it_is(comfy, tmp_path, codec, suffix, rate, copied):
    """Load Video, the last half second by Video Slice, Save Video; and Get Video Components of the whole."""
    path = tmp_path / f"{codec}_{rate}_{copied}{suffix}"
    fps, count = film(path, codec, rate, copied)
    last = round(fps / 2)
    name = comfy.upload(path)
    graph = {
        "1": node("LoadVideo", file=name),
        "2": node("Video Slice", video=["1", 0], start_time=float((count - last) / fps), duration=0.0, strict_duration=False),
        "3": node("SaveVideo", video=["2", 0], filename_prefix=f"slice_{path.stem}", format="auto", **{"format.codec": "auto"}),
        "4": node("SaveVideo", video=["1", 0], filename_prefix=f"copy_{path.stem}", format="auto", **{"format.codec": "auto"}),
        "5": node("GetVideoComponents", video=["1", 0]),
        "6": node("PreviewAny", source=["5", 2]),
        "7": node("ImageFromBatch", image=["5", 0], batch_index=count - 1, length=1),
        "8": node("SaveImage", images=["7", 0], filename_prefix="last"),
    }
    if codec == "prores":  # the host reads it, and writes it nowhere
        del graph["3"], graph["4"]
    outputs = comfy.run(graph)["outputs"]
    assert Fraction(float(outputs["6"]["text"][0])).limit_denominator(1001) == pytest.approx(float(fps), rel=1e-4)
    for number, wanted in (("3", range(count - last, count)), ("4", range(count))):
        if number not in graph:
            continue
        (found,) = outputs[number]["images"]
        made = tmp_path / f"{number}{found['filename'][-4:]}"
        made.write_bytes(comfy.fetch(found))
        seen = [shown(frame, count) for frame in read_frames(made)]
        assert seen == list(wanted), f"node {number}: {seen}"
        assert probe(made).duration == pytest.approx(len(wanted) / fps, abs=0.6 / float(fps))
    (found,) = outputs["8"]["images"]
    (tmp_path / "last.png").write_bytes(comfy.fetch(found))
    (frame,) = read_frames(tmp_path / "last.png")
    assert shown(frame, count) == count - 1


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """A page of Chromium, and the folder that it is served from."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<canvas></canvas>")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with chromium() as browser:
        one = browser.new_page()
        one.goto(f"http://127.0.0.1:{server.server_port}/")
        yield one, folder
    server.shutdown()


LOOK = """async ([name, times, points]) => {
  const v = document.createElement('video'); v.muted = true;
  v.src = URL.createObjectURL(await (await fetch(name)).blob());
  await new Promise((done, fail) => { v.onloadeddata = done; v.onerror = () => fail(v.error.message); });
  const c = document.querySelector('canvas'); c.width = v.videoWidth; c.height = v.videoHeight;
  const seen = [];
  for (const time of times) {
    const drawn = new Promise(done => v.requestVideoFrameCallback(done));
    await new Promise(done => { v.onseeked = done; v.currentTime = time; });
    await Promise.race([drawn, new Promise(done => setTimeout(done, 3000))]);
    c.getContext('2d').drawImage(v, 0, 0);
    seen.push(points.map(([x, y]) => [...c.getContext('2d').getImageData(x * c.width, y * c.height, 1, 1).data].slice(0, 3)));
  }
  return [v.videoWidth, v.videoHeight, v.duration, seen];
}"""


@pytest.mark.parametrize(
    ("codec", "suffix", "rate", "copied"), [one for one in FILMS if one[0] not in ("prores", "h265", "ffv1") and one[1] != ".mov"]
)
def test_a_browser_shows_the_same_film(page, codec, suffix, rate, copied):
    """Length, size, the first and the last frame, colours at three points; Chromium's own conversion is 6 levels off in blue."""
    browser, folder = page
    path = folder / f"{codec}_{rate}_{copied}{suffix}"
    fps, count = film(path, codec, rate, copied)
    times = [float(Fraction(1, 2) / fps), float((count - Fraction(1, 2)) / fps)]
    points = [*CORNERS, (0.75, 0.75)]
    width, height, seconds, seen = browser.evaluate(LOOK, [path.name, times, points])
    assert (width, height) == (160, 96)
    assert seconds == pytest.approx(count / float(fps), abs=0.5 / float(fps))
    for (*colours, grey), number in zip(seen, (0, count - 1), strict=True):
        for found, wanted in zip(colours, CORNERS.values(), strict=True):
            assert found == pytest.approx([255 * part for part in wanted], abs=8)
        assert sum(grey) / 3 == pytest.approx(255 * level(number, count), abs=5)
