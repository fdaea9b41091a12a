"""From what a user wants (aspect, size, seconds) to what a model can sample, and what was changed on the way."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import comfy.model_management
import torch

from ..errors import UsageError
from .families import probe, probe_vae
from .latents import space_of, space_of_vae, space_tag

ASPECTS = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1.0, "4:3": 4 / 3, "3:4": 3 / 4, "21:9": 21 / 9, "16:10": 1.6}
SIZES = {"256x160": 256 * 160, "480p": 832 * 480, "720p": 1280 * 720, "1080p": 1920 * 1080}
"""Size class -> pixels a frame."""
SIDE_MAX = 8192


class Plan(NamedTuple):
    """One take on a model's grid: LATENT, pixels, frames, frame rate, and notes in words."""

    latent: dict[str, Any]
    width: int
    height: int
    frames: int
    fps: float
    notes: str


def plan(model: Any, vae: Any, *, aspect: str, size: str, width: int, height: int, seconds: float, fps: float) -> Plan:
    """An empty LATENT for `seconds` at `fps` (0: the model's own rate). Raises UsageError."""
    if model is None and vae is None:
        raise UsageError("nothing to plan for: connect the model, or its VAE")
    notes = []
    if model is not None:
        found = probe(model)
        if found.kind == "none":
            raise UsageError(f"{found.family} makes pictures, not video: connect a video model")
        timeline, spatial, multiple, channels = found.timeline, found.spatial, found.multiple, found.channels
        rate, space = fps or found.fps, space_of(model, found)
        notes += [f"{found.family} makes sound too: add an audio latent"] if found.audio else []
        notes += [] if found.known else ["this model is not one LongTake knows: its grid is read from its latent format"]
    else:
        timeline, spatial, channels = probe_vae(vae)
        multiple, rate, space = spatial, fps or 8.0, space_of_vae(vae)
    if not 0.1 <= rate <= 240 or not math.isfinite(seconds) or seconds < 0:
        raise UsageError(f"{seconds:g} s at {rate:g} fps: give at least 0 seconds and 0.1 to 240 frames a second")
    wanted = _pixels(aspect, size, width, height)
    real = [max(multiple, round(side / multiple) * multiple) for side in wanted]
    if tuple(real) != wanted and aspect == "custom":
        notes.append(f"{wanted[0]}x{wanted[1]} becomes {real[0]}x{real[1]}: this model's sides go by {multiple} pixels")
    asked = max(1, round(seconds * rate))
    frames, note = timeline.snap(asked)
    notes += [note] if note else []
    shape = [1, channels, timeline.latents_for(frames), real[1] // spatial, real[0] // spatial]
    samples = torch.zeros(shape, device=comfy.model_management.intermediate_device())
    latent = {"samples": samples, "downscale_ratio_spacial": spatial, **space_tag(space)}
    size_note = f"{real[0]}x{real[1]}, {frames} frames at {rate:g} fps ({frames / rate:.2f} s)"
    notes.insert(0, f"{size_note}, latent {shape[2]}x{shape[3]}x{shape[4]}")
    return Plan(latent, real[0], real[1], frames, rate, "\n".join(notes))


def _pixels(aspect: str, size: str, width: int, height: int) -> tuple[int, int]:
    if aspect == "custom":
        if not (16 <= width <= SIDE_MAX and 16 <= height <= SIDE_MAX):
            raise UsageError(f"{width}x{height}: each side must be 16 to {SIDE_MAX} pixels")
        return width, height
    if aspect not in ASPECTS or size not in SIZES:
        raise UsageError(f"aspect {aspect!r}, size {size!r}: give one of {', '.join(ASPECTS)}, custom; {', '.join(SIZES)}")
    high = math.sqrt(SIZES[size] / ASPECTS[aspect])
    return round(high * ASPECTS[aspect]), round(high)
