"""Signed in the host: the file of Video from Latent and those that Save Video makes of it; verified, played, refused."""

import functools
import http.server
import json
import subprocess
import threading

import pytest
from comfyui_longtake.farm.comfy import find_comfy, find_python

PROMPT = "a red dog walks in the desert"


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def graph(text=PROMPT, codec="h264", name="signed", **more):
    """A clip of the model in the box at 96x64; its film is node 5."""
    file = {"filename_prefix": name, "codec": codec, "crf": 18, "mark": True}
    how = {"steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "seed": 1, "denoise": 1.0}
    size = {"aspect": "custom", "size": "256x160", "width": 128, "height": 96, "seconds": 1.0, "fps": 0.0}
    return {
        "1": node("LongTakeLoader", model="in the box"),
        "2": node("CLIPTextEncode", clip=["1", 1], text=text),
        "3": node("LongTakePlanner", model=["1", 0], **size),
        "4": node("KSampler", model=["1", 0], positive=["2", 0], negative=["2", 0], latent_image=["3", 0], **how),
        "5": node("LongTakeVideo", latent=["4", 0], vae=["1", 2], fps=8.0, **file | more.pop("asked", {})),
    } | more


def saved(name, container="auto", codec="auto", **encoding):
    """Save Video on node 5."""
    chosen = {"format": container, "format.codec": codec} | {f"format.codec.{key}": value for key, value in encoding.items()}
    return node("SaveVideo", video=["5", 0], filename_prefix=name, **chosen)


@pytest.fixture(scope="module")
def signing(comfy):
    """The server, where its interpreter has the library that signs."""
    python = str(find_python(find_comfy()))
    if subprocess.run([python, "-c", "import c2pa, cryptography"], capture_output=True).returncode:
        pytest.skip(f"the host cannot sign: {python} -m pip install c2pa-python cryptography")
    pytest.importorskip("c2pa")
    return comfy


def files(comfy, pattern):
    return sorted((comfy.folder / "output").glob(pattern))


def verified(path):
    from comfyui_longtake.media.verify import verify

    return verify(path)


def test_video_from_latent_and_save_video_are_signed_with_their_graph(signing):
    nodes = graph(name="signs-both", asked={"label": "AI", "aigc": "me", "sidecar": True})
    nodes["6"] = saved("signs-copied")
    nodes["7"] = saved("signs-again", "mp4", "h264", encoding="re-encode", **{"encoding.crf": 23.0, "encoding.color_space": "auto"})
    signing.run(nodes)
    (made,), (copied,), (again,) = (files(signing, f"signs-{name}_*.mp4") for name in ("both", "copied", "again"))
    for path in (made, copied, again):
        found = verified(path)
        assert found.signature.state == "trusted" and found.signature.own, (path, found.lines())
        assert found.said.comfyui[:1] == ["prompt"] and found.said.longtake["prompt"] == [PROMPT] and found.mark.found
        assert found.said.aigc["ContentProducer"] == "me"
    said = json.loads(made.with_name(f"{made.name}.json").read_text())
    assert said["id"] == verified(copied).said.longtake["id"]


@pytest.mark.parametrize(("codec", "suffix", "state"), [("prores", "mov", "trusted"), ("vp9", "webm", "none")])
def test_other_containers(signing, codec, suffix, state):
    before = signing.log()
    signing.run(graph(codec=codec, name=f"c-{codec}"))
    (path,) = files(signing, f"c-{codec}_*.{suffix}")
    assert verified(path).signature.state == state
    said = signing.log()[len(before) :].count(".webm holds no signature")
    assert said == (1 if suffix == "webm" else 0)


def test_what_the_graph_loads_is_an_ingredient(signing, tmp_path):
    from PIL import Image

    Image.new("RGB", (128, 96), "red").save(tmp_path / "start.png")
    name = signing.upload(tmp_path / "start.png")
    known = node("LongTakeKnownFrames", latent=["3", 0], vae=["1", 2], fps=8.0, seconds="", first=["8", 0])
    nodes = graph(name="from", **{"8": node("LoadImage", image=name), "9": known})
    nodes["4"]["inputs"]["latent_image"] = ["9", 0]
    signing.run(nodes)
    (path,) = files(signing, "from_*.mp4")
    assert verified(path).signature.ingredients == [f"{name}, not signed"]
    assert verified(path).signature.source_types == ["compositeWithTrainedAlgorithmicMedia"]


def test_verify_video_reads_and_reports(signing):
    nodes = graph(name="seen")
    nodes["6"] = node("LongTakeVerify", video=["5", 0])
    entry = signing.run(nodes)
    report = entry["outputs"]["6"]["text"][0]
    assert "signature valid and trusted here" in report and report.splitlines()[-1].startswith(
        "verdict   made by AI: its signature"
    )


def test_the_signed_file_plays_in_chromium(signing, chromium):
    signing.run(graph(name="plays"))
    (path,) = files(signing, "plays_*.mp4")
    assert verified(path).signature.state == "trusted"
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(path.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, chromium() as browser:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
        code = """(name) => new Promise((done, fail) => { const v = document.createElement('video'); v.muted = true; v.src = name;
          v.onended = () => done([v.videoWidth, v.duration, v.getVideoPlaybackQuality().totalVideoFrames]);
          v.onerror = () => fail(v.error.message); document.body.append(v); v.play(); })"""
        width, seconds, frames = page.evaluate(code, path.name)
        server.shutdown()
    assert width == 128 and seconds == pytest.approx(1, abs=0.01) and frames >= 6


def test_guard_prompt_refuses_and_lets_through(comfy):
    def guarded(text, policy):
        nodes = {"1": node("LongTakeGuard", text=text, policy=policy), "2": node("PreviewAny", source=["1", 0])}
        return comfy.run(nodes)["outputs"]

    assert guarded(PROMPT, "refuse")["2"]["text"] == [PROMPT]
    with pytest.raises(comfy.Error, match="refused: the prompt: gore"):
        guarded("a decapitated body in the street", "refuse")
    assert guarded("a decapitated body in the street", "off")["2"]["text"] == ["a decapitated body in the street"]


def test_a_machine_that_refuses_leaves_no_video(in_host):
    """The variable holds for every graph: our text encoder and Video from Latent both look at what is asked for."""

    def run(room):
        import os

        guarding, refused = room("host.guarding"), room("errors").RefusedError
        said = []
        os.environ["LONGTAKE_GUARD"] = "refuse"
        try:
            clip = room("host.loader").load("in the box")[1]
            for text in ("a decapitated body in the street", "a red dog walks in the desert"):
                try:
                    clip.tokenize(text)
                    said.append("passed")
                except refused as error:
                    said.append(str(error))
            said.append(guarding.guard("off").policy)
        finally:
            del os.environ["LONGTAKE_GUARD"]
        return said

    first, second, policy = in_host(run)
    assert first.startswith("refused: the prompt: gore") and second == "passed" and policy == "refuse"
