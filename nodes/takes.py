"""Takes: extend, connect, loop, re-cut, remix, blend, stitch, and a film from a shot list, on any video model."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

from .take_sampling import CATEGORY, SAMPLING, LongTakeExperts, LongTakeGuiderSampling, LongTakeProbe, LongTakeSampling
from .video import REEL

FPS = {"default": 0.0, "min": 0.0, "max": 240.0, "step": 0.1, "tooltip": "Frames a second; 0: the model's own rate."}
GAP = {"default": 2.0, "min": 0.1, "max": 600.0, "step": 0.1}
BRIDGE = "1 makes the way from noise alone, less begins with a dissolve of both ends; 0: as suits the model."


def _sampling() -> Any:
    return SAMPLING.Input("sampling", tooltip="From Take Sampling or Take Sampling (Guider).")


def _bridge() -> Any:
    return io.Float.Input("strength", default=0.0, min=0.0, max=1.0, step=0.01, optional=True, advanced=True, tooltip=BRIDGE)


def _outputs() -> list[Any]:
    return [io.Latent.Output(), io.Int.Output(display_name="frames"), io.String.Output(display_name="report")]


def _give(made: Any) -> io.NodeOutput:
    return io.NodeOutput(made.latent, made.frames, made.report, ui=ui.PreviewText(made.report))


class LongTakeExtend(io.ComfyNode):
    """More of a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeExtend",
            display_name="Extend Take",
            category=CATEGORY,
            description="Goes on with a clip, or makes what came before it. The clip itself comes out unchanged.",
            search_aliases=["extend video", "continue video", "prepend", "backward"],
            inputs=[
                _sampling(),
                io.Latent.Input("latent", tooltip="The clip: a sampler's output, or a video encoded by the model's VAE."),
                io.Combo.Input("direction", options=["forward", "backward"]),
                io.Float.Input("seconds", default=4.0, min=0.1, max=3600.0, step=0.1, tooltip="How much more."),
                io.Float.Input("fps", **FPS),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, latent: Any, direction: str, seconds: float, fps: float) -> io.NodeOutput:
        from ..host.operations import extend

        return _give(extend(sampling, latent, seconds, fps, direction))


class LongTakeConnect(io.ComfyNode):
    """A way from one clip to another."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeConnect",
            display_name="Connect Takes",
            category=CATEGORY,
            description="Makes what happens between two clips, so that they become one take.",
            search_aliases=["transition", "interpolate clips", "join videos", "first last frame"],
            inputs=[
                _sampling(),
                io.Latent.Input("a", tooltip="The clip that comes first."),
                io.Latent.Input("b", tooltip="The clip that comes after."),
                io.Float.Input("gap", tooltip="Seconds between them.", **GAP),
                io.Float.Input("fps", **FPS),
                _bridge(),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, a: Any, b: Any, gap: float, fps: float, strength: float = 0.0) -> io.NodeOutput:
        from ..host.operations import stitch

        return _give(stitch(sampling, [("a", a), ("b", b)], gap, fps, strength))


class LongTakeLoop(io.ComfyNode):
    """A clip without an end."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeLoop",
            display_name="Loop Take",
            category=CATEGORY,
            description="Makes the way from the end of a clip back to its beginning, so that it can be played without end.",
            search_aliases=["seamless loop", "gif", "cinemagraph"],
            inputs=[
                _sampling(),
                io.Latent.Input("latent", tooltip="The clip."),
                io.Float.Input("gap", tooltip="Seconds from its end to its beginning.", **GAP),
                io.Float.Input("fps", **FPS),
                _bridge(),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, latent: Any, gap: float, fps: float, strength: float = 0.0) -> io.NodeOutput:
        from ..host.operations import loop

        return _give(loop(sampling, latent, gap, fps, strength))


class LongTakeRecut(io.ComfyNode):
    """Keep some, make the rest again."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeRecut",
            display_name="Re-cut Take",
            category=CATEGORY,
            description="Keeps some seconds of a clip and makes the others again.",
            search_aliases=["inpaint time", "replace part", "re-cut"],
            inputs=[
                _sampling(),
                io.Latent.Input("latent", tooltip="The clip."),
                io.String.Input("keep", default="0-2", tooltip="Seconds to keep: 0-2, 5-7.5."),
                io.Float.Input("fps", **FPS),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, latent: Any, keep: str, fps: float) -> io.NodeOutput:
        from ..host.operations import recut

        return _give(recut(sampling, latent, keep, fps))


class LongTakeRemix(io.ComfyNode):
    """The same clip after another prompt."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeRemix",
            display_name="Remix Take",
            category=CATEGORY,
            description="Makes a clip of any length again after another prompt. Frames that a noise mask keeps stay as they are.",
            search_aliases=["video to video", "sdedit", "restyle", "denoise"],
            inputs=[
                _sampling(),
                io.Latent.Input("latent", tooltip="The clip."),
                io.Float.Input(
                    "strength", default=0.55, min=0.01, max=1.0, step=0.01, tooltip="0.35 subtle, 0.55 mild, 0.75 strong."
                ),
                io.Float.Input(
                    "strength_end",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,  # graphs saved before it was there run on
                    advanced=True,
                    tooltip="Strength at the clip's end, with an even change from its beginning; 0: the same all along.",
                ),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, latent: Any, strength: float, strength_end: float = 0.0) -> io.NodeOutput:
        from ..host.operations import remix

        return _give(remix(sampling, latent, strength, strength_end))


class LongTakeBlend(io.ComfyNode):
    """From one clip into another over the same time."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeBlend",
            display_name="Blend Takes",
            category=CATEGORY,
            description="Turns one clip into another over the same time: a before, b after, both mixed and made again between.",
            search_aliases=["morph", "crossfade", "blend videos"],
            inputs=[
                _sampling(),
                io.Latent.Input("a", tooltip="The clip seen first."),
                io.Latent.Input("b", tooltip="The clip seen last, of the same size and length."),
                io.Float.Input("begin", default=1.0, min=0.0, max=3600.0, step=0.1, tooltip="Second at which a begins to change."),
                io.Float.Input("end", default=3.0, min=0.1, max=3600.0, step=0.1, tooltip="Second at which only b is left."),
                io.Float.Input(
                    "strength", default=0.7, min=0.01, max=1.0, step=0.01, tooltip="How much of the middle is made new."
                ),
                io.Float.Input("fps", **FPS),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, a: Any, b: Any, begin: float, end: float, strength: float, fps: float) -> io.NodeOutput:
        from ..host.operations import blend

        return _give(blend(sampling, a, b, begin, end, strength, fps))


class LongTakeStitch(io.ComfyNode):
    """Many fragments into one whole."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeStitch",
            display_name="Stitch Takes",
            category=CATEGORY,
            description="Makes one take of several clips, with a transition made between neighbours.",
            search_aliases=["concatenate videos", "merge clips", "fragments"],
            inputs=[
                _sampling(),
                io.Autogrow.Input(
                    "clips",
                    template=io.Autogrow.TemplatePrefix(io.Latent.Input("clip", tooltip="A clip."), prefix="clip", min=2, max=50),
                    tooltip="Clips in order.",
                ),
                io.Float.Input("gap", tooltip="Seconds between neighbours.", **GAP),
                io.Float.Input("fps", **FPS),
                _bridge(),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, clips: Any, gap: float, fps: float, strength: float = 0.0) -> io.NodeOutput:
        from ..host.operations import stitch

        return _give(stitch(sampling, [clip for clip in clips.items() if clip[1] is not None], gap, fps, strength))


class LongTakeFilm(io.ComfyNode):
    """A film from a shot list."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeFilm",
            display_name="Long Take",
            category=CATEGORY,
            description="A take of any length from a list of shots. With the name of a reel every finished window is kept on disk, "
            "and a run that was stopped goes on where it stopped.",
            search_aliases=["long video", "one minute video", "storyboard", "shot list", "film", "story"],
            inputs=[
                _sampling(),
                io.Clip.Input("clip", tooltip="Encodes the prompt of each shot."),
                io.Latent.Input("latent", tooltip="An empty latent of the size wanted; its length does not matter."),
                io.String.Input(
                    "shots",
                    multiline=True,
                    default="6: a red spaceman stands in the desert at noon\n6: a red spaceman stands in the desert at sunset",
                    tooltip="A line for each shot, SECONDS: prompt; cut SECONDS: prompt begins with a hard cut; "
                    "SECONDS seed 7: prompt makes this shot with a seed of its own.",
                ),
                io.Float.Input("fps", **FPS),
                io.Int.Input(
                    "fade",
                    default=0,
                    min=0,
                    max=100,
                    advanced=True,
                    tooltip="Latent frames in which a prompt gives way to the next.",
                ),
                io.String.Input("reel", default="", tooltip="Name below output/longtake/reels; empty keeps nothing."),
            ],
            outputs=[*_outputs(), REEL.Output(display_name="reel")],
        )

    @classmethod
    def fingerprint_inputs(cls, reel: str | None = "", **_: Any) -> Any:
        """A reel that is not as the last run left it is made whole again; one that is samples nothing."""
        from ..host.reels import reel_state

        return "" if reel == "" else reel_state(reel)

    @classmethod
    def execute(cls, sampling: Any, clip: Any, latent: Any, shots: str, fps: float, fade: int = 0, reel: str = "") -> io.NodeOutput:
        from ..host.operations import film

        made = film(sampling, clip, shots, latent, fps, fade, reel)
        return io.NodeOutput(made.latent, made.frames, made.report, made.reel, ui=ui.PreviewText(made.report))


TAKES: list[type[io.ComfyNode]] = [
    LongTakeSampling,
    LongTakeGuiderSampling,
    LongTakeExperts,
    LongTakeExtend,
    LongTakeConnect,
    LongTakeLoop,
    LongTakeRecut,
    LongTakeRemix,
    LongTakeBlend,
    LongTakeStitch,
    LongTakeFilm,
    LongTakeProbe,
]
