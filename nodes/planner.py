"""Size and Duration."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui


class LongTakePlanner(io.ComfyNode):
    """An empty video latent on the grid of whatever model is connected."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakePlanner",
            display_name="Size and Duration",
            category="LongTake",
            description="Gives an empty video latent of the size and length you want, on the grid of the loaded model, "
            "and says what it changed.",
            search_aliases=["empty latent video", "empty wan latent", "resolution", "aspect ratio", "frames", "length"],
            inputs=[
                io.Model.Input("model", optional=True, tooltip="Any video model; its grid and frame rate are used."),
                io.Vae.Input("vae", optional=True, tooltip="Or its VAE, where there is no model at hand."),
                io.Combo.Input("aspect", options=["16:10", "16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "custom"]),
                io.Combo.Input(
                    "size", options=["256x160", "480p", "720p", "1080p"], tooltip="Pixels a frame; the aspect spreads them."
                ),
                io.Float.Input("seconds", default=4.0, min=0.0, max=3600.0, step=0.1, tooltip="0 gives one latent frame, a still."),
                io.Float.Input("fps", default=0.0, min=0.0, max=240.0, step=0.1, tooltip="0: the model's own rate."),
                io.Int.Input("width", default=256, min=16, max=8192, tooltip="Pixels, for aspect custom.", advanced=True),
                io.Int.Input("height", default=160, min=16, max=8192, tooltip="Pixels, for aspect custom.", advanced=True),
            ],
            outputs=[
                io.Latent.Output(),
                io.Int.Output(display_name="width"),
                io.Int.Output(display_name="height"),
                io.Int.Output(display_name="frames"),
                io.Float.Output(display_name="fps"),
                io.String.Output(display_name="notes"),
            ],
        )

    @classmethod
    def execute(
        cls,
        aspect: str,
        size: str,
        seconds: float,
        fps: float,
        width: int = 256,
        height: int = 160,
        model: Any = None,
        vae: Any = None,
    ) -> io.NodeOutput:
        from ..host.size_grid import plan

        found = plan(model, vae, aspect=aspect, size=size, width=width, height=height, seconds=seconds, fps=fps)
        return io.NodeOutput(*found, ui=ui.PreviewText(found.notes))
