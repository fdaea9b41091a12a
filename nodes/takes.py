"""Takes: extend, connect, loop, re-cut, remix, blend, stitch, and a film from a shot list, on any video model."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

SAMPLING = io.Custom("LONGTAKE_SAMPLING")
CATEGORY = "LongTake/takes"
FPS = {"default": 0.0, "min": 0.0, "max": 240.0, "step": 0.1, "tooltip": "Frames a second; 0: the model's own rate."}
GAP = {"default": 2.0, "min": 0.1, "max": 600.0, "step": 0.1}


def _sampling() -> Any:
    return SAMPLING.Input("sampling", tooltip="From Take Sampling or Take Sampling (Guider).")


def _outputs() -> list[Any]:
    return [io.Latent.Output(), io.Int.Output(display_name="frames"), io.String.Output(display_name="report")]


def _give(made: Any) -> io.NodeOutput:
    return io.NodeOutput(made.latent, made.frames, made.report, ui=ui.PreviewText(made.report))


def _windows() -> list[Any]:
    return [
        io.Int.Input(
            "window", default=0, min=0, max=1000, advanced=True, tooltip="Latent frames at once; 0: 8 for LongTake, 5 s for others."
        ),
        io.Int.Input(
            "overlap", default=0, min=0, max=100, advanced=True, tooltip="Finished latent frames shown to each window; 0: 2."
        ),
        io.Boolean.Input(
            "anchor", default=True, advanced=True, tooltip="Show an early latent frame against drift, where the model can."
        ),
        io.Vae.Input(
            "vae", optional=True, tooltip="Measures the joins; Wan image to video and VACE need it for good extensions."
        ),
    ]


class LongTakeSampling(io.ComfyNode):
    """KSampler's inputs as a socket."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        import comfy.samplers

        return io.Schema(
            node_id="LongTakeSampling",
            display_name="Take Sampling",
            category=CATEGORY,
            description="How the take nodes sample: KSampler's inputs, and the windows a long take is made in. Any video model.",
            search_aliases=["ksampler", "long video sampler", "context window", "overlap"],
            inputs=[
                io.Model.Input("model", tooltip="Any video model."),
                io.Conditioning.Input("positive"),
                io.Conditioning.Input("negative"),
                io.Int.Input("seed", default=1, min=0, max=2**63 - 1, control_after_generate=True),
                io.Int.Input("steps", default=16, min=1, max=1000),
                io.Float.Input("cfg", default=1.0, min=0.0, max=100.0, step=0.1),
                io.Combo.Input("sampler_name", options=comfy.samplers.SAMPLER_NAMES, default="euler"),
                io.Combo.Input("scheduler", options=comfy.samplers.SCHEDULER_NAMES, default="simple"),
                *_windows(),
            ],
            outputs=[SAMPLING.Output(display_name="sampling")],
        )

    @classmethod
    def execute(cls, model: Any, positive: Any, negative: Any, **inputs: Any) -> io.NodeOutput:
        from ..host.take import from_ksampler

        return io.NodeOutput(from_ksampler(model, positive, negative, **inputs))


class LongTakeGuiderSampling(io.ComfyNode):
    """A guider as a socket."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeGuiderSampling",
            display_name="Take Sampling (Guider)",
            category=CATEGORY,
            description="How the take nodes sample, with a guider, a sampler and sigmas as SamplerCustomAdvanced has them.",
            search_aliases=["sampler custom advanced", "guider"],
            inputs=[
                io.Guider.Input("guider"),
                io.Sampler.Input("sampler"),
                io.Sigmas.Input("sigmas"),
                io.Int.Input("seed", default=1, min=0, max=2**63 - 1, control_after_generate=True),
                *_windows(),
            ],
            outputs=[SAMPLING.Output(display_name="sampling")],
        )

    @classmethod
    def execute(cls, guider: Any, sampler: Any, sigmas: Any, **inputs: Any) -> io.NodeOutput:
        from ..host.take import from_guider

        return io.NodeOutput(from_guider(guider, sampler, sigmas, **inputs))


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
        from ..host.film import extend

        return _give(extend(sampling, latent, seconds, fps, direction == "backward"))


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
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, a: Any, b: Any, gap: float, fps: float) -> io.NodeOutput:
        from ..host.film import connect

        return _give(connect(sampling, a, b, gap, fps))


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
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, latent: Any, gap: float, fps: float) -> io.NodeOutput:
        from ..host.film import loop

        return _give(loop(sampling, latent, gap, fps))


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
        from ..host.film import recut

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
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, latent: Any, strength: float) -> io.NodeOutput:
        from ..host.film import remix

        return _give(remix(sampling, latent, strength))


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
                io.Float.Input("strength", default=0.7, min=0.01, max=1.0, step=0.01, tooltip="How much of the middle is made new."),
                io.Float.Input("fps", **FPS),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(
        cls, sampling: Any, a: Any, b: Any, begin: float, end: float, strength: float, fps: float
    ) -> io.NodeOutput:
        from ..host.film import blend

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
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, sampling: Any, clips: Any, gap: float, fps: float) -> io.NodeOutput:
        from ..host.film import stitch

        return _give(stitch(sampling, [clip for clip in clips.values() if clip is not None], gap, fps))


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
                    tooltip="A line for each shot, SECONDS: prompt; cut SECONDS: prompt begins with a hard cut.",
                ),
                io.Float.Input("fps", **FPS),
                io.Int.Input(
                    "fade", default=0, min=0, max=100, advanced=True, tooltip="Latent frames in which a prompt gives way to the next."
                ),
                io.String.Input("reel", default="", tooltip="Name below output/longtake/reels; empty keeps nothing."),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(
        cls, sampling: Any, clip: Any, latent: Any, shots: str, fps: float, fade: int = 0, reel: str = ""
    ) -> io.NodeOutput:
        from ..host.film import film

        return _give(film(sampling, clip, shots, latent, fps, fade, reel))


class LongTakeProbe(io.ComfyNode):
    """What a model can do with known frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeProbe",
            display_name="Model Report",
            category=CATEGORY,
            description="Says in words what the loaded model can do with known frames, and on what grid of sizes and lengths.",
            search_aliases=["capability", "which model", "frame count rule", "probe"],
            inputs=[io.Model.Input("model")],
            outputs=[io.String.Output(display_name="report")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, model: Any) -> io.NodeOutput:
        from ..host.probe import probe

        words = probe(model).words()
        return io.NodeOutput(words, ui=ui.PreviewText(words))


TAKES: list[type[io.ComfyNode]] = [
    LongTakeSampling, LongTakeGuiderSampling, LongTakeExtend, LongTakeConnect, LongTakeLoop, LongTakeRecut, LongTakeRemix,
    LongTakeBlend, LongTakeStitch, LongTakeFilm, LongTakeProbe,
]  # fmt: skip
