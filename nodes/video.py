"""Known Frames, Latent from Video and Video from Latent."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

from ..media.codecs import TABLE

REEL = io.Custom("LONGTAKE_REEL")


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
            ],
            outputs=[io.Latent.Output()],
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
    ) -> io.NodeOutput:
        from ..host.families import probe_vae
        from ..host.keyframes import place, read_seconds

        pictures = read_seconds(seconds, keyframes)
        timeline = probe_vae(vae)[0]
        return io.NodeOutput(place(vae, latent, timeline, first=first, last=last, keyframes=pictures, fps=fps))


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
            search_aliases=["vae decode video", "save video", "streaming decode", "mp4", "h265", "av1", "prores"],
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
                    tooltip="h264 plays everywhere; prores (MOV) is for editing; vp9 makes WebM.",
                ),
                io.Int.Input("crf", default=18, min=0, max=51, tooltip="0 best, 18 like the original, 51 worst (not ProRes)."),
                io.Boolean.Input(
                    "mark", default=True, tooltip="An invisible mark and metadata that say the video was made by a model."
                ),
                io.Audio.Input(
                    "audio",
                    optional=True,
                    tooltip="What is heard from the beginning on; else the sound of clips from Latent from Video, at its place.",
                ),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            outputs=[io.Video.Output()],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls, latent: Any, vae: Any, fps: float, filename_prefix: str, codec: str, crf: int, mark: bool, audio: Any = None
    ) -> io.NodeOutput:
        from ..host.video import save

        video, shown = save(
            vae,
            latent,
            fps,
            filename_prefix,
            codec=codec,
            crf=crf,
            marked=mark,
            audio=audio,
            prompt=cls.hidden.prompt,
            extra=cls.hidden.extra_pnginfo,
        )
        return io.NodeOutput(video, ui=shown)
