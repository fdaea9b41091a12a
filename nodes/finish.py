"""Finish Video."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..media.codecs import TABLE
from ..media.finish_options import (
    CRF,
    CRF_MAX,
    DELAY_MAX,
    FADE_MAX,
    FPS,
    FPS_MAX,
    FPS_MIN,
    MOTIONS,
    REPEAT,
    SIDE_MAX,
    SIDE_STEP,
    WORDS,
)
from .video import DISCLOSURE, LABEL_FOR


class LongTakeFinish(io.ComfyNode):
    """A film to another rate, size and sound."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        side = {"default": 0, "min": 0, "max": SIDE_MAX, "step": SIDE_STEP}
        return io.Schema(
            node_id="LongTakeFinish",
            display_name="Finish Video",
            category="LongTake",
            description="Brings a film of any length to another frame rate and size, with interpolation and upscale models or "
            "without, never across a cut. A run that was stopped goes on from what it had finished.",
            search_aliases=["upscale video", "interpolate", "fps", "RIFE", "FILM", "finish", "smooth", "slow motion", "add audio"],
            inputs=[
                io.Video.Input("video", tooltip="From Load Video, Trim Video, Create Video or Video from Latent."),
                io.Float.Input("fps", default=FPS, min=FPS_MIN, max=FPS_MAX, step=0.001, tooltip=WORDS["fps"]),
                io.Boolean.Input("keep_fps", default=False, tooltip="Keeps the film's own rate; fps does not count then."),
                io.Int.Input("width", tooltip=WORDS["width"], **side),
                io.Int.Input("height", tooltip=WORDS["height"], **side),
                io.Combo.Input("motion", options=list(MOTIONS), default=REPEAT, tooltip=WORDS["motion"]),
                io.String.Input("filename_prefix", default="video/finished", tooltip="Name below the output folder."),
                io.Combo.Input("codec", options=list(TABLE), tooltip="h264 plays everywhere; prores (MOV) is for editing."),
                io.Int.Input("crf", default=CRF, min=0, max=CRF_MAX, tooltip=WORDS["crf"]),
                io.Boolean.Input(
                    "mark",
                    default=True,
                    tooltip="An invisible mark and metadata that say a model made it, where one did and no mark is there yet.",
                ),
                io.Custom("INTERP_MODEL").Input(
                    "interp_model", optional=True, tooltip="Makes the frames in between: Load Frame Interpolation Model."
                ),
                io.UpscaleModel.Input("upscale_model", optional=True, tooltip="Enlarges every frame: Load Upscale Model."),
                io.Audio.Input("audio", optional=True, tooltip="What is heard instead of the film's own sound, cut where it ends."),
                io.Float.Input(
                    "audio_delay",
                    default=0.0,
                    min=-DELAY_MAX,
                    max=DELAY_MAX,
                    step=0.01,
                    optional=True,
                    tooltip=WORDS["audio_delay"],
                ),
                io.Float.Input(
                    "audio_fade", default=0.0, min=0.0, max=FADE_MAX, step=0.1, optional=True, tooltip=WORDS["audio_fade"]
                ),
                *DISCLOSURE,
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo, io.Hidden.unique_id],
            outputs=[io.Video.Output()],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        video: Any,
        fps: float,
        keep_fps: bool,
        width: int,
        height: int,
        motion: str,
        filename_prefix: str,
        codec: str,
        crf: int,
        mark: bool,
        interp_model: Any = None,
        upscale_model: Any = None,
        audio: Any = None,
        audio_delay: float = 0.0,
        audio_fade: float = 0.0,
        sign: bool = True,
        label: str = "",
        label_for: str = LABEL_FOR[0],
        aigc: str = "",
        sidecar: bool = False,
    ) -> io.NodeOutput:
        from ..host.finish import finish
        from ..media.disclosure import Disclosure
        from ..media.finish_options import FinishOptions

        made, shown = finish(
            video,
            FinishOptions(None if keep_fps else fps, width, height, motion, codec, crf, audio_delay, audio_fade),
            filename_prefix,
            interpolation=interp_model,
            upscale=upscale_model,
            disclosure=Disclosure(mark, sign, label, label_for == LABEL_FOR[1], aigc, sidecar),
            audio=audio,
            prompt=cls.hidden.prompt,
            extra=cls.hidden.extra_pnginfo,
            node=cls.hidden.unique_id,
        )
        return io.NodeOutput(made, ui=shown)
