"""The procedural captioned world: scenes, renderer, captions and the attribute reader."""
