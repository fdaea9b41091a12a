"""Pictures and clips as known latents of a take, with the noise mask that keeps them, for any model family."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import comfy.utils
import torch
from torch import Tensor

from ..engine.timeline import Timeline
from ..errors import UsageError
from .families import probe, probe_vae
from .frames import GreyFrames
from .image_conditioning import Conditioning, prepare
from .latents import kept, mask_of, parts, space_of_vae, space_tag, video
from .user_conditioning import IMAGE, MASK


def place(
    vae: Any,
    latent: dict[str, Any],
    timeline: Timeline,
    *,
    first: Tensor | None,
    last: Tensor | None,
    keyframes: list[tuple[float, Tensor]],
    fps: float,
    stills: bool = True,
) -> dict[str, Any]:
    """`latent` with known frames: `first` and `last` [n, H, W, 3] at its ends, `keyframes` (seconds, picture) between.

    Clips are cut to whole latents; a picture lasts one latent, and without `stills` has none where a latent stands for several
    frames. A noise mask that is there already stays beside them. Raises UsageError where they do not fit or collide.
    """
    space = space_of_vae(vae)
    samples = video(latent, space=space).clone()
    keep, part = kept(latent).clone(), parts(latent)
    if not 0.1 <= fps <= 240:
        raise UsageError(f"fps {fps:g}: give 0.1 to 240 frames a second")
    length, size = samples.shape[2], samples.shape[3:]
    if first is None and last is None and not keyframes:
        raise UsageError("nothing to keep: connect first, last or a keyframe")
    if first is not None:
        encoded = encode(vae, first, timeline, size)
        _put(samples, keep, 0, encoded[:, :, :length], "first")
    if last is not None and (stills or len(last) > 1):
        encoded = encode(vae, last, timeline, size, inside=True)
        _put(samples, keep, max(0, length - encoded.shape[2]), encoded[:, :, -length:], "last")
    for seconds, picture in keyframes:
        frame = round(min(max(seconds * fps, -1.0), 1e9))  # else infinite for 1e308
        if not 0 <= frame < timeline.frames_for(length):
            raise UsageError(f"keyframe at {seconds:g} s: the take lasts {timeline.frames_for(length) / fps:g} s at {fps:g} fps")
        at = timeline.latent_at(frame)
        if stills or not at:
            encoded = encode(vae, picture[:1], timeline, size, inside=at > 0)[:, :, :1]
            _put(samples, keep, at, encoded, f"keyframe at {seconds:g} s")
    mask = mask_of(keep) if part is None else mask_of(keep) * part
    return {**space_tag(space), **latent, "samples": samples, "noise_mask": mask}


class Told(NamedTuple):
    """A LATENT with known frames, and both conditionings, which tell a model of them."""

    latent: dict[str, Any]
    positive: Conditioning | None
    negative: Conditioning | None


def known_frames(
    model: Any,
    vae: Any,
    latent: dict[str, Any],
    positive: Conditioning | None,
    negative: Conditioning | None,
    *,
    first: Tensor | None,
    last: Tensor | None,
    named: dict[str, Tensor | None] | None,
    at: str,
    fps: float,
    guides: bool = False,
) -> Told:
    """The node's outputs: `named` pictures lie `at` seconds, "1.5, 3". Raises UsageError."""
    frames: dict[str, Any] = {"first": first, "last": last, "keyframes": read_seconds(at, named), "fps": fps}
    if model is not None:
        return tell(model, vae, latent, positive, negative, **frames, guides=guides)
    if guides:
        raise UsageError("guides: they are LTX's way to know a single frame; connect its model, positive and negative")
    if positive is not None or negative is not None:
        raise UsageError("positive, negative: connect the model too, as each family is told of known frames in its own way")
    return Told(place(vae, latent, probe_vae(vae)[0], **frames), None, None)


def tell(
    model: Any,
    vae: Any,
    latent: dict[str, Any],
    positive: Conditioning | None,
    negative: Conditioning | None,
    *,
    first: Tensor | None,
    last: Tensor | None,
    keyframes: list[tuple[float, Tensor]],
    fps: float,
    guides: bool = False,
) -> Told:
    """Known frames as the model was trained to see them, in the latent and in both conditionings; see `place`. A picture is
    one frame for a model that can be told so; with `guides` for LTX too, whose LATENT then has them behind its own latents.
    Raises UsageError."""
    can = probe(model)
    frames: dict[str, Any] = {"first": first, "last": last, "keyframes": keyframes, "fps": fps}
    if guides:
        if can.anchor != "guide":
            raise UsageError(f"guides: this is {can.family}; they are how LTX alone is shown a single frame")
        if positive is None or negative is None:
            raise UsageError("guides: LTX is told of them in both prompts; connect positive and negative")
        return _guided(vae, place(vae, latent, can.timeline, **frames, stills=False), can.timeline, positive, negative, frames)
    single = can.filler == "grey" and MASK in can.needs
    placed = place(vae, latent, can.timeline, **frames, stills=not single)
    samples, keep = video(placed, can.channels), kept(placed)
    if single:
        changes = _by_frame(vae, samples, can.timeline, **frames)
        told = [
            None if part is None else [[states, {**values, **changes}] for states, values in part] for part in (positive, negative)
        ]
        return Told(placed, *told)
    grey = after = None
    if can.filler == "grey":
        greys, whole = GreyFrames(vae, can.timeline), int(keep.int().cumprod(0).sum())
        grey = greys.alone(samples)
        if first is not None:
            pixels = scaled(vae, first, samples.shape[3:])[: can.timeline.frames_for(whole)]
            after = greys.after(pixels, whole, samples)
    known = prepare(model, can, positive or [], negative or [], samples, keep, grey=grey, after=after)
    return Told(placed, known.positive if positive is not None else None, known.negative if negative is not None else None)


def _guided(
    vae: Any, latent: dict[str, Any], timeline: Timeline, positive: Conditioning, negative: Conditioning, frames: dict[str, Any]
) -> Told:
    """`latent` with the pictures that are not its first frame as guides of one frame each, as LTXVAddGuide makes them."""
    from comfy_extras.nodes_lt import LTXVAddGuide

    length, size = timeline.frames_for(latent["samples"].shape[2]), latent["samples"].shape[3:]
    stills = [(round(seconds * frames["fps"]), picture[:1]) for seconds, picture in frames["keyframes"]]
    last = frames["last"]
    stills += [] if last is None or len(last) > 1 else [(length - 1, last)]
    for at, picture in stills:
        if at:
            made = LTXVAddGuide.execute(positive, negative, vae, latent, scaled(vae, picture, size), at, 1.0)
            positive, negative, guided = made.args
            latent = {**latent, **guided}
    return Told(latent, positive, negative)


def _by_frame(
    vae: Any,
    samples: Tensor,
    timeline: Timeline,
    *,
    first: Tensor | None,
    last: Tensor | None,
    keyframes: list[tuple[float, Tensor]],
    fps: float,
) -> dict[str, Tensor]:
    """Pictures among grey frames encoded as one clip, and a mask channel for each frame of a latent, as in
    WanFirstLastFrameToVideo."""
    size, total = samples.shape[3:], timeline.frames_for(samples.shape[2])
    spatial = vae.spacial_compression_encode()
    pixels = torch.full((total, int(size[0]) * spatial, int(size[1]) * spatial, 3), 0.5)
    mask = torch.ones(1, 1, samples.shape[2] * timeline.rest, *size)
    head = timeline.rest - timeline.first
    clips = [] if first is None else [(0, first[:total])]
    clips += [] if last is None else [(total - len(last[-total:]), last[-total:])]
    for begin, clip in [*clips, *((round(seconds * fps), picture[:1]) for seconds, picture in keyframes)]:
        pixels[begin : begin + len(clip)] = scaled(vae, clip, size)
        mask[:, :, begin + head if begin else 0 : begin + len(clip) + head] = 0
    mask = mask.view(1, samples.shape[2], timeline.rest, *size).transpose(1, 2).contiguous()
    return {IMAGE: vae.encode(pixels), MASK: mask}


def read_seconds(text: str, pictures: dict[str, Tensor | None] | None) -> list[tuple[float, Tensor]]:
    """Pairs (seconds, picture) from "1.5, 3" and as many pictures. Raises UsageError."""
    shown = [picture for picture in (pictures or {}).values() if picture is not None]
    try:
        seconds = [float(part) for part in text.replace(";", ",").split(",") if part.strip()]
    except ValueError as error:
        raise UsageError(f"seconds {text[:60]!r}: give numbers with commas between, such as 1.5, 3") from error
    if not all(math.isfinite(second) for second in seconds):
        raise UsageError(f"seconds {text[:60]!r}: give plain numbers, such as 1.5, 3")
    if len(seconds) != len(shown):
        raise UsageError(f"{len(shown)} keyframe pictures and {len(seconds)} seconds: give one second for each picture")
    return list(zip(seconds, shown, strict=True))


def encode(vae: Any, frames: Tensor, timeline: Timeline, size: Any, *, inside: bool = False) -> Tensor:
    """Latents [1, C, n, h, w] of frames [n, H, W, 3] scaled to fill `size` (latent height, width).

    A causal VAE's first latent stands for fewer frames than the others, so what is to lie `inside` a take is encoded
    behind a held copy of its own first frame, whose latent is dropped.
    """
    frames = scaled(vae, frames, size)
    if len(frames) == 1:  # a still lasts as long as its latent
        frames = frames.repeat(timeline.rest if inside else timeline.first, 1, 1, 1)
    if inside:
        count = max(1, len(frames) // timeline.rest)
        frames = frames[-count * timeline.rest :] if len(frames) >= timeline.rest else _padded(frames, timeline.rest)
        return vae.encode(torch.cat([frames[:1].repeat(timeline.first, 1, 1, 1), frames]))[:, :, 1:]
    count = max(1, timeline.latents_for(len(frames) + 1) - 1) if len(frames) >= timeline.first else 1
    whole = timeline.frames_for(count)
    return vae.encode(frames[:whole] if len(frames) >= whole else _padded(frames, whole))


def scaled(vae: Any, frames: Tensor, size: Any) -> Tensor:
    """Frames [n, H, W, 3] scaled to fill `size` (latent height, width), cut at the edges. Raises UsageError."""
    if frames.ndim != 4 or not len(frames):
        raise UsageError(f"image {tuple(frames.shape)}: give pictures [n, height, width, 3]")
    spatial = vae.spacial_compression_encode()
    frames = comfy.utils.common_upscale(
        frames[..., :3].movedim(-1, 1), int(size[1]) * spatial, int(size[0]) * spatial, "bicubic", "center"
    )
    return frames.clamp(0, 1).movedim(1, -1)


def _padded(frames: Tensor, count: int) -> Tensor:
    return torch.cat([frames, frames[-1:].repeat(count - len(frames), 1, 1, 1)])


def _put(samples: Tensor, keep: Tensor, at: int, encoded: Tensor, name: str) -> None:
    stop = at + encoded.shape[2]
    if encoded.shape[1] != samples.shape[1]:
        raise UsageError(
            f"{name}: this VAE makes {encoded.shape[1]} channels, the latent has {samples.shape[1]}; connect its own VAE"
        )
    if bool(keep[at:stop].any()):
        raise UsageError(f"{name}: another known frame already stands there; move one of them")
    samples[:, :, at:stop] = encoded.to(samples)
    keep[at:stop] = True
