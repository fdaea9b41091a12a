"""Verify Video and Guard Prompt."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

from ..guard.policy import POLICIES, REFUSE


class LongTakeVerify(io.ComfyNode):
    """Where a video came from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeVerify",
            display_name="Verify Video",
            category="LongTake",
            description="Says what a video of any maker proves about where it came from: signature, invisible mark, records in "
            "plain text.",
            search_aliases=["c2pa", "content credentials", "detect ai", "watermark", "provenance", "signature"],
            inputs=[io.Video.Input("video", tooltip="A video as Load Video gives it; one that was trimmed is looked at whole.")],
            outputs=[
                io.String.Output(display_name="report"),
                io.Boolean.Output(display_name="made_by_ai"),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, video: Any) -> io.NodeOutput:
        from ..host.verifying import examine

        report, made = examine(video)
        return io.NodeOutput(report, made, ui=ui.PreviewText(report))


class LongTakeGuard(io.ComfyNode):
    """Prompts of prohibited kinds."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeGuard",
            display_name="Guard Prompt",
            category="LongTake",
            description="Lets a prompt through, warns of it, or stops the run, by what it asks for. A machine's own setting "
            "(LONGTAKE_GUARD) can be stricter, and holds for every graph.",
            search_aliases=["safety checker", "nsfw filter", "moderation", "content filter"],
            inputs=[
                io.String.Input("text", multiline=True, default="", tooltip="The prompt, in English, German or French."),
                io.Combo.Input(
                    "policy",
                    options=list(POLICIES),
                    default=REFUSE,
                    tooltip="refuse stops the run, warn says it, off lets all pass.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="prompt"),
                io.String.Output(display_name="report"),
            ],
        )

    @classmethod
    def execute(cls, text: str, policy: str) -> io.NodeOutput:
        from ..host.guarding import checked

        prompt, report = checked(text, policy)
        return io.NodeOutput(prompt, report, ui=ui.PreviewText(report))
