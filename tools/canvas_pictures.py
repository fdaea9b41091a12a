"""Pictures of graphs: each node for its help page, graphs for the README, thumbnails of graphs whose models are not here."""

import io
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from PIL import Image

from ..farm.comfy import Server
from .artefacts import ROOT, Artefact, face
from .host import comfy, page_of
from .scenes import SCENES, Scene
from .thumbnails import api_of, run_graph
from .workflow_forms import canvases, relative

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = "js/docs/images"
README = {"graph": "text_to_video", "graph_minute": "minute", "graph_extend": "extend", "graph_connect": "connect"}
WIDTH, BYTES, MARGIN = 1400, 60_000, 24
SCRIPT = (Path(__file__).parent / "canvas.js").read_text(encoding="utf-8")


def artefacts() -> list[Artefact]:
    """One picture a node, those of the README, thumbnails of graphs of other models."""
    found = [Artefact(f"{PICTURES}/{node}.jpg", settings=looks(node)) for node in SCENES]
    return found + [Artefact(path, (source,), settings=faces(source)) for path, source in graphs().items()]


def graphs() -> dict[str, str]:
    """Picture of a whole graph -> its canvas form."""
    found = {f"docs/{name}.jpg": f"workflows/longtake_{graph}.json" for name, graph in README.items()}
    others = [path for path in canvases() if "LongTakeLoader" not in path.read_text(encoding="utf-8")]
    return found | {relative(path.with_suffix(".jpg")): relative(path) for path in others}


def looks(node: str) -> str:
    """What a picture of a help page shows, as text."""
    nodes = [one for column in SCENES[node].columns() for one in column]
    return json.dumps([SCENES[node].text, *([one.texts(), face(one.type)] for one in nodes)])


def faces(canvas: str) -> str:
    """What is seen of our nodes in a graph, as text."""
    nodes = json.loads((ROOT / canvas).read_text(encoding="utf-8"))["nodes"]
    return json.dumps(sorted({face(node["type"]) for node in nodes if node["type"].startswith("LongTake")}))


def make(wanted: list[Artefact]) -> None:
    """Draws them in ComfyUI's page. Raises LongTakeError without a ComfyUI or a browser."""
    names = [name for name in SCENES if f"{PICTURES}/{name}.jpg" in {artefact.path for artefact in wanted}]
    with comfy() as server:
        if any(needs_film(SCENES[name]) for name in names):
            make_film(server)
        with page_of(server) as page:
            page.evaluate(SCRIPT)
            for name in names:
                draw_scene(page, server, SCENES[name])
                shoot(page, ROOT / PICTURES / f"{name}.jpg")
            for path, source in graphs().items():
                if path in {artefact.path for artefact in wanted}:
                    page.evaluate("canvas => app.loadGraphData(canvas)", json.loads((ROOT / source).read_text(encoding="utf-8")))
                    page.wait_for_timeout(500)
                    shoot(page, ROOT / path, width=900 if path.startswith("workflows/") else WIDTH)


def needs_film(scene: Scene) -> bool:
    """Whether a scene shows a film that must be made first."""
    return any(word in scene.text for word in ("LoadVideo", "LoadImage", "LongTakeReel"))


def make_film(server: Server) -> None:
    """A film on a reel, and as the files that the scenes load."""
    graph = api_of("film")
    for node in graph.values():
        if node["class_type"] == "LongTakeFilm":
            node["inputs"]["reel"] = "film"
    (film,) = run_graph(server, graph)
    folder = server.folder / "input"
    shutil.copyfile(film, folder / "film.mp4")
    with av.open(str(film)) as file:
        frames = [frame.to_image() for frame in file.decode(video=0)]
    frames[0].save(folder / "first.png")
    frames[-1].save(folder / "last.png")


def draw_scene(page: "Page", server: Server, scene: Scene) -> None:
    """Builds a scene on the canvas and runs what is to show something. Raises RuntimeError where that fails."""
    columns = [[{**vars(node), "type": node.type, "texts": node.texts()} for node in column] for column in scene.columns()]
    page.evaluate("columns => longtakeTools.build(columns)", columns)
    if scene.show:
        run_shown(page, scene.show)
    page.wait_for_timeout(1500 if scene.show or needs_film(scene) else 300)
    page.evaluate("() => longtakeTools.settle()")


def run_shown(page: "Page", shown: tuple[str, ...]) -> None:
    """Runs the nodes of these types, which must be able to, and waits for what they say."""
    queue: Any = page.evaluate(
        """async (shown) => {
          const prompt = await app.graphToPrompt();
          const wanted = Object.keys(prompt.output).filter((id) => shown.includes(prompt.output[id].class_type));
          const answer = await app.api.fetchApi("/prompt", {
            method: "POST",
            headers: {"Content-Type": "application/json"},
            body: JSON.stringify({prompt: prompt.output, client_id: app.api.clientId, partial_execution_targets: wanted}),
          });
          return await answer.json();
        }""",
        list(shown),
    )
    if "prompt_id" not in queue:
        raise RuntimeError(f"ComfyUI refuses the scene: {json.dumps(queue)[:500]}")
    status = page.evaluate(
        """async (id) => {
          for (;;) {
            const found = (await (await app.api.fetchApi(`/history/${id}`)).json())[id];
            if (found) return found.status.status_str;
            await new Promise((done) => setTimeout(done, 300));
          }
        }""",
        queue["prompt_id"],
    )
    if status != "success":
        raise RuntimeError(f"ComfyUI could not run the scene: {status}")


def shoot(page: "Page", path: Path, width: int = WIDTH) -> None:
    """Writes a picture of the whole graph, at most `width` pixels wide and small enough for a page."""
    wide, high = page.evaluate("margin => longtakeTools.frame(margin)", MARGIN)
    page.set_viewport_size({"width": wide, "height": high})
    page.wait_for_timeout(300)
    page.evaluate("margin => longtakeTools.frame(margin)", MARGIN)
    page.wait_for_timeout(500)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.thumbnail((width, 10_000), Image.Resampling.LANCZOS)
    save_small(image, path, BYTES if path.parent.name == "images" else 2 * BYTES)


def save_small(image: Image.Image, path: Path, most: int) -> None:
    """Writes a JPEG of at most `most` bytes, as good as that allows."""
    for quality in (88, 80, 72, 64, 56, 48):
        data = io.BytesIO()
        image.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= most:
            break
    path.write_bytes(data.getvalue())
