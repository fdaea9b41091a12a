"""Known Frames, Latent from Video, Video from Latent and Finish Video."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

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

REEL = io.Custom("LONGTAKE_REEL")
LABEL_FOR = ["first 2 seconds", "whole film"]
DISCLOSURE = [
    io.Boolean.Input(
        "sign",
        default=True,
        optional=True,
        tooltip="A C2PA signature that breaks when the file is changed (MP4 and MOV; needs the extra sign). Save Video signs too.",
    ),
    io.String.Input("label", default="", optional=True, tooltip="A visible text in the corner, such as AI-generated."),
    io.Combo.Input("label_for", options=LABEL_FOR, default=LABEL_FOR[0], optional=True, tooltip="How long the label is seen."),
    io.String.Input("aigc", default="", optional=True, tooltip="Producer named in an AIGC tag (China's labelling rule)."),
    io.Boolean.Input("sidecar", default=False, optional=True, tooltip="Writes the record beside the video too, as JSON."),
]
"""How the video says that a model made it."""


def _disclosure(mark: bool, sign: bool, label: str, label_for: str, aigc: str, sidecar: bool) -> Any:
    """What those inputs and `mark` ask for."""
    from ..media.disclosure import Disclosure

    return Disclosure(mark, sign, label, label_for == LABEL_FOR[1], aigc, sidecar)


class LongTakeKnownFrames(io.ComfyNode):
    """Pictures and clips as known latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeKnownFrames",
            display_name="Known Frames",
            category="LongTake",
            description="Puts pictures or clips into a video latent as frames to keep: at its beginning, its end, or any second.",
            search_aliases=["image to video", "first last frame", "keyframes", "noise mask", "start image"],
            inputs=[
                io.Latent.Input("latent", tooltip="Video latent to fill, from the planner or an empty latent."),
                io.Vae.Input("vae", tooltip="The VAE that belongs to the video model."),
                io.Float.Input("fps", default=8.0, min=0.1, max=240.0, step=0.1, tooltip="Frames a second of the take."),
                io.Image.Input("first", optional=True, tooltip="A picture or a clip the take begins with."),
                io.Image.Input("last", optional=True, tooltip="A picture or a clip the take ends with."),
                io.Autogrow.Input(
                    "keyframes",
                    template=io.Autogrow.TemplatePrefix(
                        io.Image.Input("image", optional=True, tooltip="A picture in between."), prefix="image", min=0, max=16
                    ),
                    optional=True,
                    tooltip="Pictures in between; their seconds are in the list below.",
                ),
                io.String.Input("seconds", default="", tooltip="A second for each keyframe picture, such as 1.5, 3."),
                io.Model.Input("model", optional=True, tooltip="The video model: the conditioning then tells it what is known."),
                io.Conditioning.Input("positive", optional=True, tooltip="Prompt to tell it with; needs the model."),
                io.Conditioning.Input("negative", optional=True, tooltip="Negative prompt to tell it with; needs the model."),
                io.Boolean.Input(
                    "guides",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="With LTX a picture is one frame instead of eight, as LTX Add Guide shows it. After KSampler crop "
                    "them with LTX Crop Guides; Long Take needs no such thing.",
                ),
            ],
            outputs=[
                io.Latent.Output(),
                io.Conditioning.Output(display_name="positive", tooltip="The prompt, which tells the model of known frames."),
                io.Conditioning.Output(display_name="negative", tooltip="The negative prompt, likewise."),
            ],
        )

    @classmethod
    def execute(
        cls,
        latent: dict[str, Any],
        vae: Any,
        fps: float,
        seconds: str = "",
        first: Any = None,
        last: Any = None,
        keyframes: Any = None,
        model: Any = None,
        positive: Any = None,
        negative: Any = None,
        guides: bool = False,
    ) -> io.NodeOutput:
        from ..host.keyframes import known_frames

        frames = {"first": first, "last": last, "named": keyframes, "at": seconds, "fps": fps, "guides": guides}
        return io.NodeOutput(*known_frames(model, vae, latent, positive, negative, **frames))


class LongTakeEncode(io.ComfyNode):
    """A clip that keeps its own frames, sound and rate."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        side = {"default": 0, "min": 0, "max": 16384, "step": 8}
        return io.Schema(
            node_id="LongTakeEncode",
            display_name="Latent from Video",
            category="LongTake",
            description="Encodes a video to extend, connect or loop it. Its rate goes with the latent, and Video from Latent shows "
            "its own frames, as they are, with their sound.",
            search_aliases=["vae encode video", "load video", "extend video", "video to latent", "video to video"],
            inputs=[
                io.Video.Input("video", tooltip="From Load Video, Trim Video or Create Video."),
                io.Vae.Input("vae", tooltip="The VAE that belongs to the video model."),
                io.Float.Input(
                    "fps", default=0.0, min=0.0, max=240.0, step=0.1, tooltip="Frames a second to read it at; 0: its own rate."
                ),
                io.Int.Input("width", tooltip="Pixels to scale it to; 0: its own width.", **side),
                io.Int.Input("height", tooltip="Pixels to scale it to; 0: its own height.", **side),
            ],
            outputs=[io.Latent.Output(), io.Float.Output(display_name="fps"), io.Int.Output(display_name="frames")],
        )

    @classmethod
    def execute(cls, video: Any, vae: Any, fps: float = 0.0, width: int = 0, height: int = 0) -> io.NodeOutput:
        from ..host.sources import encode

        latent, source, words = encode(vae, video, fps, width, height)
        return io.NodeOutput(latent, float(source.fps), source.frames, ui=ui.PreviewText(words))


class LongTakeVideo(io.ComfyNode):
    """Streaming decode to a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeVideo",
            display_name="Video from Latent",
            category="LongTake",
            description="Decodes a take of any length straight into a video file, at the memory of a few frames. Save Video copies "
            "it without encoding again; dropped on the canvas it restores this graph.",
            search_aliases=["vae decode video", "save video", "streaming decode", "mp4", "h265", "av1", "prores", "lossless"],
            inputs=[
                io.MultiType.Input(
                    "latent", [io.Latent, REEL], tooltip="Video latent of one take, or a reel, which is read piece by piece."
                ),
                io.Vae.Input("vae", tooltip="The VAE that belongs to the video model."),
                io.Float.Input(
                    "fps", default=8.0, min=0.0, max=240.0, step=0.1, tooltip="Frames a second; 0: the rate it was made at."
                ),
                io.String.Input("filename_prefix", default="video/longtake", tooltip="Name below the output folder."),
                io.Combo.Input(
                    "codec",
                    options=list(TABLE),
                    tooltip="h264 plays everywhere; prores (MOV) is for editing; vp9 makes WebM; ffv1 (MKV) loses nothing.",
                ),
                io.Int.Input("crf", default=CRF, min=0, max=CRF_MAX, tooltip=WORDS["crf"]),
                io.Boolean.Input(
                    "mark", default=True, tooltip="An invisible mark and metadata that say the video was made by a model."
                ),
                *DISCLOSURE,
                io.Audio.Input(
                    "audio",
                    optional=True,
                    tooltip="What is heard from the beginning on; else the sound of clips from Latent from Video, at its place.",
                ),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo, io.Hidden.unique_id],
            outputs=[io.Video.Output()],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        latent: Any,
        vae: Any,
        fps: float,
        filename_prefix: str,
        codec: str,
        crf: int,
        mark: bool,
        sign: bool = True,
        label: str = "",
        label_for: str = LABEL_FOR[0],
        aigc: str = "",
        sidecar: bool = False,
        audio: Any = None,
    ) -> io.NodeOutput:
        from ..host.video import save

        video, shown = save(
            vae,
            latent,
            fps,
            filename_prefix,
            codec=codec,
            crf=crf,
            disclosure=_disclosure(mark, sign, label, label_for, aigc, sidecar),
            audio=audio,
            prompt=cls.hidden.prompt,
            extra=cls.hidden.extra_pnginfo,
            node=cls.hidden.unique_id,
        )
        return io.NodeOutput(video, ui=shown)


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
                io.Combo.Input(
                    "codec",
                    options=list(TABLE),
                    tooltip="h264 plays everywhere; prores (MOV) is for editing; ffv1 (MKV) loses nothing.",
                ),
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
        from ..media.finish_options import FinishOptions

        made, shown = finish(
            video,
            FinishOptions(None if keep_fps else fps, width, height, motion, codec, crf, audio_delay, audio_fade),
            filename_prefix,
            interpolation=interp_model,
            upscale=upscale_model,
            disclosure=_disclosure(mark, sign, label, label_for, aigc, sidecar),
            audio=audio,
            prompt=cls.hidden.prompt,
            extra=cls.hidden.extra_pnginfo,
            node=cls.hidden.unique_id,
        )
        return io.NodeOutput(made, ui=shown)
