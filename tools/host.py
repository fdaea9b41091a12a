"""A ComfyUI with this checkout as its only custom node, and its page in Chromium."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LongTakeError, UsageError
from ..farm.comfy import PACK_NAME, Server, find_comfy, serve
from .artefacts import ROOT
from .scenes import TEXTS
from .workflow_forms import canvases

if TYPE_CHECKING:
    from playwright.sync_api import Page

BROWSERS = ("/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome")
READY = (
    "() => window.app?.graph && window.app.extensionManager && 'LongTakeLoader' in (window.LiteGraph?.registered_node_types ?? {})"
)
SETTINGS = {  # nothing on the page but the canvas
    "Comfy.TutorialCompleted": True,
    "Comfy.UseNewMenu": "Disabled",
    "Comfy.Graph.CanvasInfo": False,
    "Comfy.Graph.CanvasMenu": False,
    "Comfy.Minimap.Visible": False,
    "Comfy.VueNodes.Enabled": False,
}
MODELS = {
    "unet_name": ["diffusion_models"],
    "clip_name": ["text_encoders"],
    "vae_name": ["vae"],
    "ckpt_name": ["checkpoints"],
    "lora_name": ["loras"],
    "model_name": ["frame_interpolation", "upscale_models"],
}
"""Where ComfyUI looks for the files that these widgets name."""


@contextmanager
def comfy() -> Iterator[Server]:
    """The ComfyUI that `longtake run` would find, on the CPU, with folders of its own. Raises LongTakeError.

    Its own custom nodes, another copy of the pack perhaps among them, are left out: the base folder is another.
    """
    folder = Path(tempfile.mkdtemp(prefix="longtake-tools-"))
    try:
        user = folder / "user" / "default"
        user.mkdir(parents=True)
        (user / "comfy.settings.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
        (folder / "custom_nodes").mkdir()
        (folder / "custom_nodes" / PACK_NAME).symlink_to(ROOT, target_is_directory=True)
        place_models(folder / "models")
        with serve(find_comfy(), folder, cpu=True, extra=["--base-directory", str(folder)]) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place_models(folder: Path) -> None:
    """Empty files for the models that graphs and scenes name, so that the page does not draw their loaders as broken."""
    nodes = [node for path in canvases() for node in json.loads(path.read_text(encoding="utf-8"))["nodes"]]
    named = [*(node.get("widgets_values_named") or {} for node in nodes), *TEXTS.values()]
    for widget, kinds in MODELS.items():
        for kind in kinds:
            (folder / kind).mkdir(parents=True)
            for texts in named:
                if widget in texts:
                    (folder / kind / Path(texts[widget]).name).touch()


@contextmanager
def page_of(server: Server) -> Iterator["Page"]:
    """The server's page, without the panels around the canvas. Raises UsageError where there is no browser, LongTakeError for
    what goes wrong in the page."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise UsageError("no playwright: pip install -e '.[test]'") from None
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise UsageError("no Chromium: install it, for instance with apt-get install chromium")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": 1400, "height": 900})
        try:
            page.goto(server.url, timeout=120_000)
            page.wait_for_function(READY, timeout=120_000)
            page.evaluate("() => { app.extensionManager.focusMode = true }")
            page.add_style_tag(content=".comfy-menu, .p-toast, [aria-label='Show Menu'] { display: none !important }")
            yield page
        except Error as error:
            raise LongTakeError(f"ComfyUI's page: {str(error).partition(chr(10))[0]}") from error
        finally:
            chromium.close()
