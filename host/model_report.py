"""What a user should know of a model, in plain sentences."""

from __future__ import annotations

from typing import Any

from ..engine.capability import Anchor, Capability, Kind

DONE: dict[Kind, str] = {
    "frame": "Known frames stay clean and the model is told so frame by frame: extending forward and backward, connecting "
    "clips and keyframes come to it naturally.",
    "concat": "Known frames are shown to the model in channels of their own, as in image to video; extending, connecting "
    "and keyframes use the same channels.",
    "guide": "Known frames are the model's control video, which may lie anywhere: extending forward and backward, "
    "connecting clips and keyframes come to it naturally.",
    "inject": "Known frames stay clean among the noisy ones, but the model knows only one noise level for all of them: "
    "extending, connecting and keyframes work, and a join may show.",
    "renoise": "The model was not built to continue a video, so known frames are noised to the level of the others at "
    "every step: extending, connecting and keyframes work, but joins are soft; a model of image to video does better.",
    "none": "It makes pictures, not video; connect a video model to extend, connect or pass through keyframes.",
}
"""What is done about known frames, kind by kind."""
ANCHORED: dict[Anchor, str] = {
    "context": "An early frame is kept in view among the context.",
    "reference": "An early frame is kept in view as VACE's reference image.",
    "guide": "An early frame is kept in view as a guide at a time before the window.",
    "svi": "An early frame is kept in view in the layout of SVI 2 Pro.",
}
"""How an early frame is kept in view."""


def describe(can: Capability) -> str:
    """What a user should know of a model."""
    parts = [f"{can.family}.", DONE[can.kind], can.note]
    if not can.known:
        parts.insert(1, "LongTake does not know this model; its grid is read from its latent format.")
    if can.kind == "none":
        return " ".join(filter(None, parts))
    parts += [_memory(can), *_wishes(can)]
    if can.audio:
        parts.append("Sound is made along with the video.")
    counts = [can.timeline.legal(1)]
    while len(counts) < 4:
        counts.append(can.timeline.legal(counts[-1] + 1))
    lengths = [can.timeline.frames_for(count) for count in counts]
    some = f"Lengths are {', '.join(map(str, lengths))} frames and so on"
    told = "A length is any number of frames" if lengths == [1, 2, 3, 4] else some
    parts += [f"{told}, usually at {can.fps:g} a second.", _window(can), _usual(can)]
    parts.append(f"Width and height are multiples of {can.multiple} pixels.")
    return " ".join(filter(None, parts))


def missing(can: Capability, vae: Any, picture: bool) -> list[str]:
    """What a take of the model would want and was not given, a line each."""
    found = []
    if can.kind in ("concat", "guide") and vae is None:
        found.append(f"{can.family} without a VAE: windows begin without the frame before them; connect the VAE to Take Sampling.")
    if can.picture and not picture:
        found.append(
            f"{can.family} makes video from a picture and was given none: connect Known Frames or its own image node, or take a "
            "text-to-video model."
        )
    return found


def unguided(can: Capability, steps: int, cfg: float) -> str:
    """A note where a model that wants guidance is sampled without any, with so many steps that it is not a distilled one's
    schedule; "" elsewhere."""
    if can.frame_inputs or can.cfg <= 1 or cfg > 1 or steps <= 8:
        return ""
    return (
        f"{steps} steps at cfg 1: {can.family} is usually sampled with {_schedule(can)}; cfg 1 is for distilled models and "
        "few-step LoRAs, with 4 to 8 steps."
    )


def without_anchor(can: Capability) -> str:
    """Why no early frame can be kept in view for the model; "" where one can."""
    return "" if can.anchor or can.windows.anchors else f"No early frame is kept in view: {can.anchor_note}"


def _memory(can: Capability) -> str:
    return without_anchor(can) or ANCHORED[can.anchor or "context"]


def _wishes(can: Capability) -> list[str]:
    wants = ["its VAE"] if can.kind in ("concat", "guide") else []
    wants += ["a picture to begin with"] if can.picture else []
    return [f"It needs {' and '.join(wants)}."] if wants else []


def _window(can: Capability) -> str:
    """Length of a window, and what a long take costs."""
    windows, timeline = can.windows, can.timeline
    size = windows.size + can.margin
    cost = size / max(1, windows.new)
    trained = f", the {can.frames} frames it was trained on" if can.frames else ""
    return f"A window is {timeline.frames_for(size)} frames{trained}; a long take samples {cost:.2f} latents for each new one."


def _schedule(can: Capability) -> str:
    parts = [
        f"{can.steps} steps" if can.steps else "",
        f"cfg {can.cfg:g}" if can.cfg else "",
        f"shift {can.shift:g}" if can.shift else "",
    ]
    return ", ".join(filter(None, parts))


def _usual(can: Capability) -> str:
    said = "" if can.frame_inputs else _schedule(can)
    return f"Usually sampled with {said}; a distilled one with 4 to 8 steps and cfg 1." if said else ""
