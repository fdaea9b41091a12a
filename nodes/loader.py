"""Load LongTake Model."""

from __future__ import annotations

from comfy_api.latest import io

from ..host.loader import BOX, names, weights_id


class LongTakeLoader(io.ComfyNode):
    """MODEL, CLIP and VAE for stock nodes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeLoader",
            display_name="Load LongTake Model",
            category="LongTake",
            description="The small video model that comes with LongTake, or another from models/longtake. Works with stock nodes.",
            search_aliases=["longtake model", "checkpoint loader", "in the box", "text to video model"],
            inputs=[
                io.Combo.Input(
                    "model", options=names(), default=BOX, tooltip="In the box, or a folder or file in models/longtake."
                ),
                io.Boolean.Input(
                    "recaption",
                    default=True,
                    optional=True,
                    tooltip="Rewrite prompts as the captions that the model was trained on; what they leave open is filled in.",
                ),
            ],
            outputs=[io.Model.Output(), io.Clip.Output(), io.Vae.Output()],
        )

    @classmethod
    def fingerprint_inputs(cls, model: str | None = None, **_: object) -> str:
        """Other weights under the same name are loaded anew."""
        return weights_id(model)

    @classmethod
    def execute(cls, model: str, recaption: bool = True) -> io.NodeOutput:
        from ..host.loader import load

        return io.NodeOutput(*load(model, recaption))
