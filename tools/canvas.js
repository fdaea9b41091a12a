// Functions that the picture tools call in ComfyUI's page.
window.longtakeTools = {
  lastId: 1000, // ids are used once: the page remembers widgets of earlier scenes by them
  // Builds a scene: [[{name, type, links, texts}]], columns from left to right. Throws where an input or output is not there.
  build(columns) {
    app.graph.clear();
    const made = {};
    let x = 0;
    for (const column of columns) {
      let y = 0;
      let width = 0;
      for (const { name, type, texts } of column) {
        const node = LiteGraph.createNode(type);
        node.id = ++this.lastId;
        app.graph.add(node);
        made[name] = node;
        for (const widget of node.widgets ?? []) {
          if (widget.name === "control_after_generate") widget.value = "fixed";
          if (widget.name in texts) {
            widget.value = texts[widget.name];
            widget.callback?.(widget.value);
          }
        }
        node.pos = [x, y];
        const [least, height] = node.computeSize();
        const roomy = { CLIPTextEncode: 110, PreviewAny: 220, LongTakeFilm: 190, LongTakeCaption: 300 }[type] ?? 0;
        node.setSize([Math.max(least, roomy ? 330 : 240), Math.max(height, roomy)]);
        y += node.size[1] + 60;
        width = Math.max(width, node.size[0]);
      }
      x += width + 60;
    }
    for (const { name, links } of columns.flat()) {
      for (const [input, source] of Object.entries(links)) {
        const target = made[name];
        const [other, output] = source.split(".");
        const slot = target.inputs.findIndex((one) => one.name.split(".").pop() === input);
        const wanted = String(target.inputs[slot]?.type).split(",");
        const from = made[other].outputs.findIndex((one) => (output ? one.name === output : wanted.includes(one.type)));
        if (slot < 0 || from < 0) throw new Error(`${name}: no link ${input} from ${source}`);
        made[other].connect(from, target, slot);
      }
    }
  },
  // Moves the columns of a scene apart once previews have made nodes taller.
  settle() {
    const columns = Map.groupBy(app.graph._nodes, (node) => node.pos[0]);
    for (const nodes of columns.values()) {
      let y = 0;
      for (const node of nodes.sort((a, b) => a.pos[1] - b.pos[1])) {
        node.pos = [node.pos[0], y];
        y += node.size[1] + 60;
      }
    }
  },
  // Width and height in pixels of the graph with a margin, once the view is put on it at full size.
  frame(margin) {
    const nodes = app.graph._nodes;
    const edge = (pick) => nodes.map(pick);
    const left = Math.min(...edge((n) => n.pos[0])) - margin;
    const top = Math.min(...edge((n) => n.pos[1] - 30)) - margin - 20;
    const right = Math.max(...edge((n) => n.pos[0] + n.size[0])) + margin;
    const bottom = Math.max(...edge((n) => n.pos[1] + n.size[1])) + margin;
    app.canvas.deselectAll?.();
    app.canvas.ds.scale = 1;
    app.canvas.ds.offset = [-left, -top];
    app.canvas.setDirty(true, true);
    return [Math.ceil(right - left), Math.ceil(bottom - top)];
  },
};
