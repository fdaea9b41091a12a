"""LongTake Schedule and Rolling Sampler."""

from __future__ import annotations

from comfy_api.latest import io


class LongTakeSchedule(io.ComfyNode):
    """SIGMAS of a flow model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeSchedule",
            display_name="LongTake Schedule",
            category="LongTake",
            description="Noise levels of a flow model, evenly spaced and shifted: what the model in the box was made for.",
            search_aliases=["sigmas", "scheduler", "flow shift", "noise matrix"],
            inputs=[
                io.Int.Input("steps", default=16, min=1, max=1000, tooltip="Model calls for each frame."),
                io.Float.Input(
                    "shift", default=2.5, min=0.01, max=100.0, step=0.1, tooltip="Above 1 spends more steps at high noise."
                ),
                io.Float.Input("denoise", default=1.0, min=0.0, max=1.0, step=0.01, tooltip="Noise level to begin at."),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, steps: int, shift: float, denoise: float) -> io.NodeOutput:
        from ..host.noise import flow_levels

        return io.NodeOutput(flow_levels(steps, shift, denoise))


class LongTakeRollingSampler(io.ComfyNode):
    """SAMPLER that rolls a queue of latents along a ramp of noise levels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeRollingSampler",
            display_name="Rolling Sampler",
            category="LongTake",
            description="Samples a take of any length in one go: a queue of latent frames at rising noise levels rolls through it. "
            "For models with a noise level of their own for every frame: LongTake, Wan 2.2 5B, LTXV.",
            search_aliases=["fifo diffusion", "rolling diffusion", "diffusion forcing", "long video sampler"],
            inputs=[
                io.Int.Input("queue", default=16, min=1, max=256, tooltip="Latent frames in flight."),
                io.Int.Input("context", default=4, min=0, max=256, tooltip="Finished latent frames shown before the queue."),
                io.Boolean.Input(
                    "anchor", default=True, tooltip="Show an early latent frame against drift, where the model knows anchors."
                ),
                io.Combo.Input("order", options=["1", "2"], tooltip="1: Euler. 2: two-step Adams-Bashforth, as many model calls."),
            ],
            outputs=[io.Sampler.Output()],
        )

    @classmethod
    def execute(cls, queue: int, context: int, anchor: bool, order: str) -> io.NodeOutput:
        from ..host.rolling import RollingSampler

        return io.NodeOutput(RollingSampler(queue, context, anchor, int(order)))
