"""How takes are sampled: KSampler's inputs or a guider as one socket, and what a model can do."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

LAYOUTS = ("trained", "SVI 2 Pro")
SAMPLING = io.Custom("LONGTAKE_SAMPLING")
CATEGORY = "LongTake/takes"


def _windows() -> list[Any]:
    return [
        io.Int.Input(
            "window",
            default=0,
            min=0,
            max=1000,
            advanced=True,
            tooltip="Latent frames at once; 0: as many as the model was trained on.",
        ),
        io.Int.Input(
            "overlap",
            default=0,
            min=0,
            max=100,
            advanced=True,
            tooltip="Finished latent frames shown to each window; 0: 2, 1 beside an anchor.",
        ),
        io.Boolean.Input(
            "anchor",
            default=True,
            advanced=True,
            tooltip="Keep an early frame in view against drift, where the model has a way; Model Report says which.",
        ),
        io.Int.Input(
            "retries",
            default=0,
            min=0,
            max=20,
            optional=True,
            advanced=True,
            tooltip="How often to try other seeds where a join may be seen; needs the VAE.",
        ),
        io.Float.Input(
            "adain",
            default=-1.0,
            min=-1.0,
            max=1.0,
            step=0.05,
            optional=True,
            advanced=True,
            tooltip="Against drift: how far colours and sharpness of a shot are held to those it began with, 0 not at all, "
            "1 wholly; below 0 as suits the model (1 with LongTake, 0.3 with others).",
        ),
        io.Combo.Input(
            "layout",
            options=list(LAYOUTS),
            optional=True,
            advanced=True,
            tooltip="How windows are shown: as the model was trained, or as the SVI 2 Pro LoRA for Wan 2.2 A14B I2V wants.",
        ),
        io.Vae.Input("vae", optional=True, tooltip="Measures the joins; Wan image to video and VACE need it for good extensions."),
    ]


def _output(sampling: Any) -> io.NodeOutput:
    """The socket, and on the block which of its inputs have no say with this model, and why."""
    from ..host.model_report import without_anchor

    reason = without_anchor(sampling.capability)
    said = {"text": [reason], "longtake_off": ["anchor"]} if reason else {"text": [], "longtake_off": []}
    return io.NodeOutput(sampling, ui=said)


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
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def execute(cls, model: Any, positive: Any, negative: Any, **inputs: Any) -> io.NodeOutput:
        from ..host.cache_key import origin
        from ..host.sampling import from_ksampler

        above = origin(cls.hidden.dynprompt, cls.hidden.unique_id, "model", "vae")
        return _output(from_ksampler(model, positive, negative, origin=above, **inputs))


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
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def execute(cls, guider: Any, sampler: Any, sigmas: Any, **inputs: Any) -> io.NodeOutput:
        from ..host.cache_key import origin
        from ..host.sampling import from_guider

        above = origin(cls.hidden.dynprompt, cls.hidden.unique_id, "guider", "sampler", "vae")
        return _output(from_guider(guider, sampler, sigmas, origin=above, **inputs))


class LongTakeExperts(io.ComfyNode):
    """Two models as one guider."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeExperts",
            display_name="Experts Guider",
            category=CATEGORY,
            description="Two experts in one sampler run, such as the high-noise and the low-noise model of Wan 2.2 A14B; "
            "known frames stay.",
            search_aliases=["wan 2.2 a14b", "high noise low noise", "two experts", "mixture of experts", "dual model guider"],
            inputs=[
                io.Model.Input("high", tooltip="The model for high noise, which begins."),
                io.Model.Input("low", tooltip="The model for low noise, which makes the rest."),
                io.Conditioning.Input("positive"),
                io.Conditioning.Input("negative"),
                io.Float.Input("cfg", default=3.5, min=0.0, max=100.0, step=0.1, tooltip="Guidance of the high-noise model."),
                io.Float.Input("low_cfg", default=3.5, min=0.0, max=100.0, step=0.1, tooltip="Guidance of the low-noise model."),
                io.Float.Input(
                    "boundary",
                    default=0.9,
                    min=0.0,
                    max=1.0,
                    step=0.005,
                    tooltip="Noise level below which low takes over. Wan 2.2: 0.9 image to video, 0.875 text to video.",
                ),
            ],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(cls, high: Any, low: Any, positive: Any, negative: Any, **inputs: Any) -> io.NodeOutput:
        from ..host.expert_guider import guide

        return io.NodeOutput(guide(high, low, positive, negative, **inputs))


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
        from ..host.families import probe
        from ..host.model_report import describe

        words = describe(probe(model))
        return io.NodeOutput(words, ui=ui.PreviewText(words))
