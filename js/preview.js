// The finished part of a take as a video in the node that makes it, while the rest is still sampled.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const NAME = "longtake_preview";

/** The node an execution id names: "12", or "3:12" inside a subgraph. Undefined where the canvas shows another graph. */
function find(id) {
  const parts = String(id).split(":");
  let graph = app.rootGraph ?? app.graph;
  let node;
  for (const part of parts) {
    node = graph?.getNodeById(Number(part)) ?? undefined;
    graph = node?.subgraph;
  }
  return node;
}

function player(node) {
  const found = node.widgets?.find((widget) => widget.name === NAME);
  if (found) return found.element;
  const video = document.createElement("video");
  Object.assign(video, { controls: true, loop: true, muted: true, autoplay: true, playsInline: true });
  video.style.width = "100%";
  const height = () => Math.round((node.size[0] - 30) * (video.videoHeight / video.videoWidth || 0.6));
  node.addDOMWidget(NAME, "video", video, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: height,
    getMaxHeight: height,
  }).serialize = false; // no input of the node: neither in the graph's file nor in its API form
  video.addEventListener("loadedmetadata", () => {
    const wanted = node.computeSize();
    node.setSize([node.size[0], Math.max(node.size[1], wanted[1])]);
    node.graph?.setDirtyCanvas(true, true);
  });
  return video;
}

app.registerExtension({
  name: "LongTake.Preview",
  setup() {
    api.addEventListener("longtake.preview", ({ detail }) => {
      const node = find(detail.node);
      if (!node) return;
      const video = player(node);
      const { filename, subfolder, type, seconds } = detail;
      const at = video.currentTime;
      video.addEventListener(
        "loadedmetadata",
        () => {
          if (at < video.duration) video.currentTime = at; // a longer version of the same film: go on where it was
        },
        { once: true },
      );
      video.src = api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type, until: seconds.toFixed(2) })}`);
    });
  },
});
