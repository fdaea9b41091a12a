"""Reels and reports: open a reel, see its segments, measure a finished video."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

from .take_sampling import CATEGORY
from .video import REEL


class LongTakeReel(io.ComfyNode):
    """A take on disk as LATENT."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeReel",
            display_name="Open Reel",
            category=CATEGORY,
            description="Opens what Long Take has kept on disk under a name, also while it is still being made: what is finished "
            "from the beginning on.",
            search_aliases=["resume", "load latent", "load take", "recover"],
            inputs=[io.String.Input("reel", default="film", tooltip="Name below output/longtake/reels.")],
            outputs=[
                REEL.Output(display_name="reel"),
                io.Latent.Output(),
                io.Int.Output(display_name="frames"),
                io.String.Output(display_name="report"),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, reel: str | None = None) -> Any:
        """The reel may have grown, or been mended."""
        from ..host.reels import reel_state

        return reel_state(reel)

    @classmethod
    def execute(cls, reel: str) -> io.NodeOutput:
        from ..host.reels import as_latent, open_reel

        found = open_reel(reel)
        words = found.report()
        return io.NodeOutput(found, as_latent(found), found.frames, words, ui=ui.PreviewText(words))


class LongTakeReelSegments(io.ComfyNode):
    """The segments of a reel as pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeReelSegments",
            display_name="Reel Segments",
            category=CATEGORY,
            description="Shows the segments of a reel: a picture from the middle of each, its frames, its size on disk.",
            search_aliases=["contact sheet", "thumbnails", "list segments"],
            inputs=[
                REEL.Input("reel", tooltip="From Open Reel or Long Take."),
                io.Vae.Input("vae", tooltip="The VAE that belongs to the video model."),
            ],
            outputs=[io.Image.Output(), io.String.Output(display_name="report")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, reel: Any, vae: Any) -> io.NodeOutput:
        from ..host.reels import thumbnails

        pictures, words = thumbnails(reel, vae), reel.report()
        shown = ui.PreviewImage(pictures, cls=cls).as_dict() | ui.PreviewText(words).as_dict()
        return io.NodeOutput(pictures, words, ui=shown)


class LongTakeReport(io.ComfyNode):
    """How a video came out."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeReport",
            display_name="Take Report",
            category=CATEGORY,
            description="Measures any video: how visible its joins are, and how much light, colour, contrast, sharpness and motion "
            "drift from its first 15 % to its last. In words and as a picture.",
            search_aliases=["drift", "seam", "quality", "metrics"],
            inputs=[
                io.Video.Input("video", tooltip="Any video; a file is read frame by frame."),
                io.String.Input(
                    "joins", default="", tooltip="Frames that begin a new piece: 32, 64. Empty: those in the file's record."
                ),
            ],
            outputs=[io.String.Output(display_name="report"), io.Image.Output(display_name="plot")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, video: Any, joins: str = "") -> io.NodeOutput:
        from ..host.report import report

        words, plot = report(video, joins)
        shown = ui.PreviewImage(plot, cls=cls).as_dict() | ui.PreviewText(words).as_dict()
        return io.NodeOutput(words, plot, ui=shown)


REELS: list[type[io.ComfyNode]] = [LongTakeReel, LongTakeReelSegments, LongTakeReport]
