"""Takes: extend, connect, loop, re-cut, remix, blend, stitch, and a film from a shot list, on any video model."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

from .take_sampling import CATEGORY, SAMPLING, LongTakeExperts, LongTakeGuiderSampling, LongTakeProbe, LongTakeSampling
from .video import REEL

GAP = {"default": 2.0, "min": 0.1, "max": 600.0, "step": 0.1}


def _fps() -> Any:
    return io.Float.Input(
        "fps", default=0.0, min=0.0, max=240.0, step=0.1, tooltip="Frames a second; 0: the clip's own rate, else the model's."
    )


def _bridge() -> Any:
    return io.Float.Input(
        "strength",
        default=0.0,
        min=0.0,
        max=1.0,
        step=0.01,
        optional=True,
        advanced=True,
        tooltip="1 makes the way from noise alone, less begins with a dissolve of both ends; 0: as suits the model.",
    )


class TakeNode(io.ComfyNode):
    """What all operations share: how they sample, and a take, its frames and a report that come out. A subclass gives its name,
    its own inputs, and the take it makes."""

    ID: str
    NAME: str
    SAYS: str
    ALIASES: tuple[str, ...] = ()
    MORE_OUTPUTS: tuple[Any, ...] = ()

    @classmethod
    def own_inputs(cls) -> list[Any]:
        """Inputs beside the sampling."""
        raise NotImplementedError

    @classmethod
    def define_schema(cls) -> io.Schema:
        sampling = SAMPLING.Input("sampling", tooltip="From Take Sampling or Take Sampling (Guider).")
        outputs = [io.Latent.Output(), io.Int.Output(display_name="frames"), io.String.Output(display_name="report")]
        return io.Schema(
            node_id=cls.ID,
            display_name=cls.NAME,
            category=CATEGORY,
            description=cls.SAYS,
            search_aliases=list(cls.ALIASES),
            inputs=[sampling, *cls.own_inputs()],
            outputs=[*outputs, *cls.MORE_OUTPUTS],
        )

    @classmethod
    def give(cls, made: Any) -> io.NodeOutput:
        """The outputs of a finished take."""
        more = [made.reel] if cls.MORE_OUTPUTS else []
        return io.NodeOutput(made.latent, made.frames, made.report, *more, ui=ui.PreviewText(made.report))


class LongTakeExtend(TakeNode):
    """More of a clip."""

    ID = "LongTakeExtend"
    NAME = "Extend Take"
    SAYS = (
        "Goes on with a clip, or makes what came before it. Its latents come out unchanged; a clip from Latent from Video keeps "
        "its own frames and sound too."
    )
    ALIASES = ("extend video", "continue video", "prepend", "backward", "longer", "infinite video", "outpaint time")

    @classmethod
    def own_inputs(cls) -> list[Any]:
        return [
            io.Latent.Input("latent", tooltip="The clip: a sampler's output, or a video encoded by the model's VAE."),
            io.Combo.Input("direction", options=["forward", "backward"]),
            io.Float.Input("seconds", default=4.0, min=0.1, max=3600.0, step=0.1, tooltip="How much more."),
            _fps(),
        ]

    @classmethod
    def execute(cls, sampling: Any, latent: Any, direction: str, seconds: float, fps: float) -> io.NodeOutput:
        from ..host.operations import extend

        return cls.give(extend(sampling, latent, seconds, fps, direction))


class LongTakeConnect(TakeNode):
    """A way from one clip to another."""

    ID = "LongTakeConnect"
    NAME = "Connect Takes"
    SAYS = "Makes what happens between two clips, so that they become one take."
    ALIASES = ("transition", "interpolate clips", "join videos", "first last frame", "join", "morph between")

    @classmethod
    def own_inputs(cls) -> list[Any]:
        return [
            io.Latent.Input("a", tooltip="The clip that comes first."),
            io.Latent.Input("b", tooltip="The clip that comes after."),
            io.Float.Input("gap", tooltip="Seconds between them.", **GAP),
            _fps(),
            _bridge(),
        ]

    @classmethod
    def execute(cls, sampling: Any, a: Any, b: Any, gap: float, fps: float, strength: float = 0.0) -> io.NodeOutput:
        from ..host.operations import stitch

        return cls.give(stitch(sampling, [("a", a), ("b", b)], gap, fps, strength))


class LongTakeLoop(TakeNode):
    """A clip without an end."""

    ID = "LongTakeLoop"
    NAME = "Loop Take"
    SAYS = "Makes the way from the end of a clip back to its beginning, so that it can be played without end."
    ALIASES = ("seamless loop", "gif", "cinemagraph")

    @classmethod
    def own_inputs(cls) -> list[Any]:
        return [
            io.Latent.Input("latent", tooltip="The clip."),
            io.Float.Input("gap", tooltip="Seconds from its end to its beginning.", **GAP),
            _fps(),
            _bridge(),
        ]

    @classmethod
    def execute(cls, sampling: Any, latent: Any, gap: float, fps: float, strength: float = 0.0) -> io.NodeOutput:
        from ..host.operations import loop

        return cls.give(loop(sampling, latent, gap, fps, strength))


class LongTakeRecut(TakeNode):
    """Keep some, make the rest again."""

    ID = "LongTakeRecut"
    NAME = "Re-cut Take"
    SAYS = "Keeps some seconds of a clip and makes the others again."
    ALIASES = ("inpaint time", "replace part", "re-cut", "trim", "cut")

    @classmethod
    def own_inputs(cls) -> list[Any]:
        return [
            io.Latent.Input("latent", tooltip="The clip."),
            io.String.Input("keep", default="0-2", tooltip="Seconds to keep: 0-2, 5-7.5."),
            _fps(),
        ]

    @classmethod
    def execute(cls, sampling: Any, latent: Any, keep: str, fps: float) -> io.NodeOutput:
        from ..host.operations import recut

        return cls.give(recut(sampling, latent, keep, fps))


class LongTakeRemix(TakeNode):
    """The same clip after another prompt."""

    ID = "LongTakeRemix"
    NAME = "Remix Take"
    SAYS = "Makes a clip of any length again after another prompt. Frames that a noise mask keeps stay as they are."
    ALIASES = ("video to video", "sdedit", "restyle", "denoise")

    @classmethod
    def own_inputs(cls) -> list[Any]:
        return [
            io.Latent.Input("latent", tooltip="The clip."),
            io.Float.Input("strength", default=0.55, min=0.01, max=1.0, step=0.01, tooltip="0.35 subtle, 0.55 mild, 0.75 strong."),
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
        ]

    @classmethod
    def execute(cls, sampling: Any, latent: Any, strength: float, strength_end: float = 0.0) -> io.NodeOutput:
        from ..host.operations import remix

        return cls.give(remix(sampling, latent, strength, strength_end))


class LongTakeBlend(TakeNode):
    """From one clip into another over the same time."""

    ID = "LongTakeBlend"
    NAME = "Blend Takes"
    SAYS = "Turns one clip into another over the same time: a before, b after, both mixed and made again between."
    ALIASES = ("morph", "crossfade", "blend videos")

    @classmethod
    def own_inputs(cls) -> list[Any]:
        return [
            io.Latent.Input("a", tooltip="The clip seen first."),
            io.Latent.Input("b", tooltip="The clip seen last, of the same size and length."),
            io.Float.Input("begin", default=1.0, min=0.0, max=3600.0, step=0.1, tooltip="Second at which a begins to change."),
            io.Float.Input("end", default=3.0, min=0.1, max=3600.0, step=0.1, tooltip="Second at which only b is left."),
            io.Float.Input("strength", default=0.7, min=0.01, max=1.0, step=0.01, tooltip="How much of the middle is made new."),
            _fps(),
        ]

    @classmethod
    def execute(cls, sampling: Any, a: Any, b: Any, begin: float, end: float, strength: float, fps: float) -> io.NodeOutput:
        from ..host.operations import blend

        return cls.give(blend(sampling, a, b, begin, end, strength, fps))


class LongTakeStitch(TakeNode):
    """Many fragments into one whole."""

    ID = "LongTakeStitch"
    NAME = "Stitch Takes"
    SAYS = "Makes one take of several clips, with a transition made between neighbours."
    ALIASES = ("concatenate videos", "merge clips", "fragments", "combine video", "montage", "sequence", "concat", "join")

    @classmethod
    def own_inputs(cls) -> list[Any]:
        return [
            io.Autogrow.Input(
                "clips",
                template=io.Autogrow.TemplatePrefix(io.Latent.Input("clip", tooltip="A clip."), prefix="clip", min=2, max=50),
                tooltip="Clips in order.",
            ),
            io.Float.Input("gap", tooltip="Seconds between neighbours.", **GAP),
            _fps(),
            _bridge(),
        ]

    @classmethod
    def execute(cls, sampling: Any, clips: Any, gap: float, fps: float, strength: float = 0.0) -> io.NodeOutput:
        from ..host.operations import stitch

        return cls.give(stitch(sampling, [clip for clip in clips.items() if clip[1] is not None], gap, fps, strength))


class LongTakeFilm(TakeNode):
    """A film from a shot list."""

    ID = "LongTakeFilm"
    NAME = "Long Take"
    SAYS = (
        "A take of any length from a list of shots. With the name of a reel every finished window is kept on disk, "
        "and a run that was stopped goes on where it stopped."
    )
    ALIASES = (
        "long video",
        "one minute video",
        "storyboard",
        "shot list",
        "film",
        "story",
        "timeline",
        "infinite",
        "longer",
        "director",
        "framepack",
        "prompt schedule",
        "scene",
        "sora",
    )
    MORE_OUTPUTS = (REEL.Output(display_name="reel"),)

    @classmethod
    def own_inputs(cls) -> list[Any]:
        return [
            io.Clip.Input("clip", tooltip="Encodes the prompt of each shot."),
            io.Latent.Input(
                "latent",
                tooltip="Gives the size; frames that its noise mask keeps begin the take, a picture comes again after each cut.",
            ),
            io.String.Input(
                "shots",
                multiline=True,
                default="6: a red spaceman stands in the desert at noon\n6: a red spaceman stands in the desert at sunset",
                tooltip="A line for each shot, SECONDS: prompt; cut SECONDS: prompt begins with a hard cut; "
                "SECONDS seed 7: prompt makes this shot with a seed of its own.",
            ),
            _fps(),
            io.Int.Input(
                "fade",
                default=0,
                min=0,
                max=100,
                advanced=True,
                tooltip="Latent frames in which a prompt gives way to the next.",
            ),
            io.String.Input("reel", default="", tooltip="Name below output/longtake/reels; empty keeps nothing."),
        ]

    @classmethod
    def fingerprint_inputs(cls, reel: str | None = "", **_: Any) -> Any:
        """A reel that is not as the last run left it is made whole again; one that is samples nothing."""
        from ..host.reels import reel_state

        return "" if reel == "" else reel_state(reel)

    @classmethod
    def execute(cls, sampling: Any, clip: Any, latent: Any, shots: str, fps: float, fade: int = 0, reel: str = "") -> io.NodeOutput:
        from ..host.operations import film

        return cls.give(film(sampling, clip, shots, latent, fps, fade, reel))


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
