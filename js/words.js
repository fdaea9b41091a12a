// What a block has to say, on the block: the front-end draws no text that ordinary nodes give as a preview.
import { app } from "../../scripts/app.js";

const NAME = "longtake_words";

function paper(node, make = true) {
  const found = node.widgets?.find((widget) => widget.name === NAME);
  if (found || !make) return found?.element;
  const element = document.createElement("div");
  element.setAttribute("role", "status");
  Object.assign(element.style, {
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    overflowY: "auto",
    userSelect: "text",
    font: "12px/1.4 sans-serif",
    color: "var(--input-text, inherit)",
    background: "var(--comfy-input-bg, transparent)",
    borderRadius: "4px",
    padding: "4px 6px",
    boxSizing: "border-box",
    width: "100%",
  });
  const lines = () => element.textContent.split("\n").reduce((sum, line) => sum + 1 + Math.floor(line.length / 48), 0);
  const height = () => Math.min(220, 12 + 17 * Math.max(1, lines()));
  const options = { serialize: false, hideOnZoom: false, getMinHeight: height, getMaxHeight: height };
  node.addDOMWidget(NAME, "text", element, options).serialize = false; // no input of the node
  return element;
}

function setOff(node, names) {
  // inputs that have no say with the model of the last run; another model may heed them, so a new wire gives them back
  for (const widget of node.widgets ?? []) {
    const off = names.includes(widget.name);
    if (!off && !widget.longtakeOff) continue;
    widget.disabled = widget.longtakeOff = off;
  }
}

app.registerExtension({
  name: "LongTake.Words",
  beforeRegisterNodeDef(type, data) {
    if (!data.name.startsWith("LongTake")) return;
    const before = type.prototype.onExecuted;
    type.prototype.onExecuted = function (message) {
      before?.apply(this, arguments);
      setOff(this, message?.longtake_off ?? []);
      const words = message?.text?.filter((part) => typeof part === "string").join("\n");
      const element = paper(this, Boolean(words));
      if (!element || !message?.text) return;
      element.textContent = words;
      const wanted = this.computeSize();
      this.setSize([this.size[0], Math.max(this.size[1], wanted[1])]);
      this.graph?.setDirtyCanvas(true, true);
    };
    const wired = type.prototype.onConnectionsChange;
    type.prototype.onConnectionsChange = function () {
      wired?.apply(this, arguments);
      setOff(this, []);
    };
  },
  nodeCreated(node) {
    // a node with a VIDEO socket is taken for one that shows a video, and its plot put into a player
    if (node.comfyClass === "LongTakeReport") node.previewMediaType = "image";
  },
});
