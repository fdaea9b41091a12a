"""LongTake Noise."""

from __future__ import annotations

from comfy_api.latest import io


class LongTakeNoise(io.ComfyNode):
    """NOISE by latent frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LongTakeNoise",
            display_name="LongTake Noise",
            category="LongTake",
            description="Noise for video latents that stays the same for a frame whatever clip or window it is sampled in.",
            search_aliases=["latent video noise", "freenoise", "random noise", "seed per shot"],
            inputs=[
                io.Int.Input(
                    "seed", default=1, min=0, max=2**63 - 1, control_after_generate=True, tooltip="Same seed, same noise."
                ),
                io.Combo.Input(
                    "kind",
                    options=["shared", "shuffled", "plain"],
                    tooltip="shared: each latent frame by its number in the take. shuffled: FreeNoise, the first window's noise "
                    "again in another order. plain: as Random Noise makes it.",
                ),
                io.Int.Input(
                    "first",
                    default=0,
                    min=-100000,
                    max=100000,
                    advanced=True,
                    tooltip="Number of the clip's first latent frame within the take (not for plain).",
                ),
                io.Int.Input(
                    "window", default=16, min=1, max=10000, advanced=True, tooltip="Latent frames FreeNoise repeats (shuffled)."
                ),
                io.String.Input(
                    "shots", default="", advanced=True, tooltip="A seed for each shot: LATENT:SEED, such as 12:7, 30:8."
                ),
            ],
            outputs=[io.Noise.Output()],
        )

    @classmethod
    def execute(cls, seed: int, kind: str, first: int = 0, window: int = 16, shots: str = "") -> io.NodeOutput:
        from ..host.noise import TakeNoise

        return io.NodeOutput(TakeNoise(seed, kind, first=first, window=window, shots=shots))
