"""The canvas in headless Chromium: shipped workflows load whole and are their API form; a video restores its graph."""

import base64
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted(path.stem for path in (ROOT / "workflows" / "api").glob("*.json"))
LOAD = """async (workflow) => {
  await app.loadGraphData(workflow);
  await new Promise(done => setTimeout(done, 300));
  const known = LiteGraph.registered_node_types;
  const nodes = app.graph._nodes;
  const widgets = nodes.flatMap(n => (n.widgets || []).map(w => [n, w]));
  // files that a user has or has not
  const models = new Set(["unet_name", "clip_name", "vae_name", "ckpt_name", "lora_name", "image"]);
  return {
    missing: nodes.filter(n => !(n.type in known)).map(n => n.type),
    strange: widgets.filter(([n, w]) => Array.isArray(w.options?.values) && !models.has(w.name)
      && !w.options.values.includes(w.value)).map(([n, w]) => n.type + "." + w.name + "=" + w.value),
    output: (await app.graphToPrompt()).output,
  };
}"""


@pytest.fixture(scope="module")
def page(comfy, chromium):
    """A page with the front-end of the shared server."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 800})
        page.goto(comfy.url)
        page.wait_for_function("window.app && window.app.graph && window.app.extensionManager", timeout=120_000)
        page.wait_for_function("window.LiteGraph && 'LongTakeVideo' in LiteGraph.registered_node_types", timeout=60_000)
        yield page


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_loads_whole_and_is_its_api_form(page, name):
    found = page.evaluate(LOAD, json.loads((ROOT / "workflows" / f"longtake_{name}.json").read_text()))
    assert found["missing"] == [] and found["strange"] == []
    assert found["output"] == json.loads((ROOT / "workflows" / "api" / f"{name}.json").read_text())


def test_templates_and_help_are_served(page):
    listed = page.evaluate("async () => (await (await fetch('/api/workflow_templates')).json())")
    (pack,) = [key for key in listed if "longtake" in key.lower()]
    templates = [f"longtake_{name}" for name in WORKFLOWS]
    assert sorted(listed[pack]) == sorted(templates)  # no API form among them, which would open an empty canvas
    for name in templates:
        for suffix in ("json", "jpg"):
            url = f"/api/workflow_templates/{pack}/{name}.{suffix}"
            assert page.evaluate("async (u) => (await fetch(u)).status", url) == 200, url
    nodes = page.evaluate("async () => Object.keys(await (await fetch('/object_info')).json())")
    ours = [node for node in nodes if node.startswith("LongTake")]
    assert ours
    for node in ours:
        assert page.evaluate("async (u) => (await fetch(u)).status", f"/extensions/{pack}/docs/{node}.md") == 200, node


def test_a_video_dropped_on_the_canvas_restores_its_graph(page, comfy):
    workflow = json.loads((ROOT / "workflows" / "longtake_text_to_video.json").read_text())
    page.evaluate(LOAD, workflow)
    page.evaluate("""() => {
      const set = (type, name, value) => {
        app.graph._nodes.find(n => n.type === type).widgets.find(w => w.name === name).value = value;
      };
      set("LongTakePlanner", "seconds", 0.5); set("LongTakeSchedule", "steps", 2); set("LongTakeNoise", "seed", 4321);
      set("LongTakeVideo", "filename_prefix", "video/dropped");
    }""")
    prompt = page.evaluate("async () => { const p = await app.graphToPrompt(); return {prompt: p.output, workflow: p.workflow}; }")
    answer = page.evaluate(
        """async (p) => (await (await fetch('/prompt', {method: 'POST', body: JSON.stringify(
             {prompt: p.prompt, extra_data: {extra_pnginfo: {workflow: p.workflow}}})})).json())""",
        prompt,
    )
    for _ in range(600):
        history = page.evaluate("async (id) => (await (await fetch('/history/' + id)).json())[id]", answer["prompt_id"])
        if history:
            break
        page.wait_for_timeout(200)
    assert history["status"]["status_str"] == "success", history["status"]
    (file,) = comfy.folder.glob("output/video/dropped_*.mp4")
    page.evaluate("() => app.graph.clear()")
    page.evaluate(
        """async (data) => { const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
             await app.handleFile(new File([bytes], 'dropped.mp4', {type: 'video/mp4'})); }""",
        base64.b64encode(file.read_bytes()).decode(),
    )
    page.wait_for_function("() => app.graph._nodes.some(n => n.type === 'LongTakeVideo')", timeout=30_000)
    assert page.evaluate("async () => (await app.graphToPrompt()).output") == prompt["prompt"]


def test_the_finished_part_of_a_take_plays_in_its_node(page):
    before = page.evaluate(LOAD, json.loads((ROOT / "workflows" / "longtake_minute.json").read_text()))["output"]
    page.evaluate("""() => {
      const set = (type, name, value) => {
        app.graph._nodes.find(n => n.type === type).widgets.find(w => w.name === name).value = value;
      };
      set("LongTakeSampling", "steps", 2); set("LongTakeFilm", "shots", "10: a red dog walks in the desert");
    }""")
    page.evaluate("() => app.queuePrompt(0)")
    page.wait_for_function(
        """() => {
          const film = app.graph._nodes.find(n => n.type === "LongTakeFilm");
          window.player = film.widgets.find(w => w.name === "longtake_preview")?.element;
          return window.player?.duration > 0;
        }""",
        timeout=120_000,
    )
    assert page.evaluate("() => window.player.src.includes('.partial.mp4')")  # the rest is still being made
    page.wait_for_function("() => window.player.duration > 9.9 && !window.player.src.includes('.partial')", timeout=120_000)
    after = page.evaluate("async () => (await app.graphToPrompt()).output")
    assert {number: set(node["inputs"]) for number, node in after.items()} == {
        number: set(node["inputs"]) for number, node in before.items()
    }
    assert "longtake_preview" not in json.dumps(page.evaluate("() => app.graph.serialize()"))


SAYS = """async (nodes) => {
  app.graph.clear();
  const made = nodes.map(([type, widgets], at) => {
    const node = LiteGraph.createNode(type);
    node.pos = [60 + 420 * at, 80];
    app.graph.add(node);
    for (const [name, value] of Object.entries(widgets)) node.widgets.find(w => w.name === name).value = value;
    return node;
  });
  made.slice(1).forEach(node => {
    made[0].connect(0, node, 0);
    const shown = LiteGraph.createNode("PreviewAny");  // so that the block is asked for
    app.graph.add(shown);
    node.connect(node.outputs.length - 1, shown, 0);
  });
  await app.queuePrompt(0, 1);
  const words = node => node.widgets?.find(w => w.name === "longtake_words")?.element.textContent;
  for (let tries = 0; tries < 300 && !made.slice(1).every(words); tries++) await new Promise(done => setTimeout(done, 200));
  return made.slice(1).map(words);
}"""


def test_blocks_show_what_they_say(page, tmp_path):
    loader = ["LongTakeLoader", {}]
    report, size = page.evaluate(SAYS, [loader, ["LongTakeProbe", {}], ["LongTakePlanner", {"seconds": 3.1}]])
    assert report.startswith("LongTake. Known frames stay clean") and "\n" not in report
    assert size.splitlines()[0].startswith("256x160, 25 frames at 8 fps (3.12 s), latent 25x10x16")
    assert "longtake_words" not in json.dumps(page.evaluate("async () => (await app.graphToPrompt()).output"))
    page.screenshot(path=str(tmp_path / "words.png"))


def test_an_input_that_has_no_say_with_a_model_is_grey_until_another_one_is_connected(page):
    found = page.evaluate("""() => {
      const node = LiteGraph.createNode("LongTakeSampling");
      app.graph.add(node);
      const anchor = node.widgets.find(widget => widget.name === "anchor");
      const said = () => node.widgets.find(widget => widget.name === "longtake_words")?.element.textContent;
      const states = [[!!anchor.disabled, said()]];
      const ran = (message) => { node.onExecuted(message); states.push([!!anchor.disabled, said()]); };
      ran({text: [], longtake_off: []});
      ran({text: ["No early frame is kept in view."], longtake_off: ["anchor"]});
      node.onConnectionsChange(1, 0, true, null, node.inputs[0]);
      states.push([!!anchor.disabled, said()]);
      ran({text: ["No early frame is kept in view."], longtake_off: ["anchor"]});
      ran({text: [], longtake_off: []});
      app.graph.remove(node);
      return states;
    }""")
    reason = "No early frame is kept in view."
    assert found == [[False, None], [False, None], [True, reason], [False, reason], [True, reason], [False, ""]]
