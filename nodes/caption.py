"""Re-caption Prompt."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui


class LongTakeCaption(io.ComfyNode):
    """A prompt as a caption, to read, to change and to encode."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeCaption",
            display_name="Re-caption Prompt",
            category="LongTake",
            description="Rewrites a prompt as the captions that the model in the box was trained on, and says what was read, "
            "filled in and replaced.",
            search_aliases=["recaption", "prompt upsampling", "enhance prompt", "rewrite prompt", "prompt expansion"],
            inputs=[
                io.Clip.Input("clip", tooltip="CLIP of Load LongTake Model."),
                io.String.Input("text", multiline=True, dynamic_prompts=True, tooltip="A prompt in your own words."),
            ],
            outputs=[
                io.String.Output(display_name="caption"),
                io.String.Output(display_name="notes"),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, clip: Any, text: str) -> io.NodeOutput:
        from ..host.box_clip import caption

        made, notes = caption(clip, text)
        return io.NodeOutput(made, notes, ui=ui.PreviewText(f"{made}\n\n{notes}"))
