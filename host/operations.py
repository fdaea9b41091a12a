"""What the take nodes ask for: LATENTs in, an operation on their latents, a finished take out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import UsageError
from ..take import operations
from ..take.operations import Plan
from ..take.shots import parse_shots, shot_lengths
from ..take.stills import Clip, Stills
from .audio import Track, split_av
from .codec import HostCodec
from .latents import Space, kept, parts, space_of, video
from .reels import reel_path
from .sampling import Sampling
from .session import Made, run
from .sources import SAME_RATE, Span, rate_in, spans_in, spans_of, tags
from .user_conditioning import guides_of

Latent = dict[str, Any]


def track_of(sampling: Sampling, plan: Plan, latents: Sequence[Latent]) -> Track | None:
    """The sound of the clips of a plan, at their places in the take; None where no clip brings any. Raises UsageError."""
    can, track = sampling.capability, None
    for placement in plan.placements:
        clip, sound = split_av(latents[placement.clip])
        if sound is None:
            continue
        if track is None:
            rates = [values["frame_rate"] for part in sampling.conds.values() for _, values in part if "frame_rate" in values]
            rate = can.audio_rate / float(rates[0] if rates else can.fps)
            track = Track(can.timeline, rate, can.audio_axis, tuple(sound.shape))
        track.add(sound, clip["samples"].shape[2], placement.start, placement.drop)
    return track


def clip_of(sampling: Sampling, latent: Latent, name: str, *, shown: bool = False) -> Clip:
    """The clip in a LATENT of the sampling's model. Raises UsageError, with `shown` also for a clip that is shorter than the
    overlap that was asked for."""
    clip = video(_silent(sampling, latent), sampling.capability.channels, name, _space(sampling)).float().cpu()
    if shown and clip.shape[2] < sampling.overlap:
        raise UsageError(
            f"{name}: {clip.shape[2]} latents, the overlap is {sampling.overlap}; give a longer clip or a shorter overlap"
        )
    return Clip(clip, name)


def _silent(sampling: Sampling, latent: Latent) -> Latent:
    """The LATENT without its sound, where the model makes sound."""
    return split_av(latent)[0] if sampling.capability.audio else latent


def _space(sampling: Sampling) -> Space | None:
    return space_of(sampling.model, sampling.capability)


def rate_of(sampling: Sampling, fps: float, latents: Sequence[Latent]) -> float:
    """Frames a second: `fps`, or where it is 0 the rate that the clips tell, or the model's own. Raises UsageError."""
    if not (fps == 0 or 0.1 <= fps <= 240):
        raise UsageError(f"fps {fps:g}: give 0.1 to 240, or 0 for the clip's or the model's own rate")
    return fps or next(filter(None, map(rate_in, latents)), sampling.capability.fps)


def frames_in(seconds: float, rate: float, name: str = "seconds") -> int:
    """Frames (at least 1) that last `seconds` at `rate` frames a second. Raises UsageError."""
    if not 0 < seconds <= 3600:
        raise UsageError(f"{name} {seconds:g}: give more than 0, up to 3600 seconds")
    return max(1, round(seconds * rate))


def _run(sampling: Sampling, plan: Plan, latents: Sequence[Latent], fps: float = 0.0, **more: Any) -> Made:
    """The take of a plan, whose LATENT tells of the frames and the rate of the clips that it was made of."""
    rate, can = rate_of(sampling, fps, latents), sampling.capability
    for told in dict.fromkeys(filter(None, map(rate_in, latents))):
        if abs(told - rate) > SAME_RATE:
            plan.messages.append(f"A clip of {told:.5g} fps in a take of {rate:.5g}: it moves at another speed, fps 0 keeps it.")
    made = run(plan, sampling, fps=rate, track=track_of(sampling, plan, latents), **more)
    known = [spans_in(latent, split_av(latent)[0]["samples"].shape[2]) for latent in latents]
    return _tagged(made, rate, spans_of(plan, can.timeline, known))


def extend(sampling: Sampling, latent: Latent, seconds: float, fps: float, direction: str) -> Made:
    """The clip and `seconds` more after it ("forward"), or before it ("backward")."""
    if direction not in ("forward", "backward"):
        raise UsageError(f"direction {direction!r}: give forward or backward")
    clip = clip_of(sampling, latent, "latent", shown=True)
    frames = frames_in(seconds, rate_of(sampling, fps, [latent]))
    plan = operations.extend(sampling.capability, clip, frames, seed=sampling.seed, backward=direction == "backward")
    return _run(sampling, plan, [latent], fps)


def stitch(sampling: Sampling, clips: Sequence[tuple[str, Latent]], seconds: float, fps: float, strength: float = 0.0) -> Made:
    """All clips, each with its name, in order with a transition of `seconds` made between neighbours, from noise level
    `strength` of a dissolve (1: from nothing; 0: as suits the model)."""
    if len(clips) < 2:
        raise UsageError(f"{len(clips)} clip: give at least 2 to stitch together")
    frames = frames_in(seconds, rate_of(sampling, fps, [latent for _, latent in clips]), "gap")
    given = [clip_of(sampling, latent, name, shown=True) for name, latent in clips]
    plan = operations.stitch(
        sampling.capability, given, frames, seed=sampling.seed, strength=_way(strength), stills=_stills(sampling)
    )
    return _run(sampling, plan, [latent for _, latent in clips], fps)


def loop(sampling: Sampling, latent: Latent, seconds: float, fps: float, strength: float = 0.0) -> Made:
    """The clip and a way of `seconds` from its end back to its beginning; `strength` as for stitch."""
    clip = clip_of(sampling, latent, "latent", shown=True)
    frames = frames_in(seconds, rate_of(sampling, fps, [latent]), "gap")
    plan = operations.loop(
        sampling.capability,
        clip,
        frames,
        seed=sampling.seed,
        strength=_way(strength),
        stills=_stills(sampling),
        ahead=sampling.settings().windows.ahead,
    )
    return _run(sampling, plan, [latent], fps)


def recut(sampling: Sampling, latent: Latent, keep: str, fps: float) -> Made:
    """The clip with only the spans of `keep` (seconds, "0-2, 5-7.5") left; the rest is made anew."""
    clip = clip_of(sampling, latent, "latent")
    plan = operations.recut(sampling.capability, clip, keep, rate_of(sampling, fps, [latent]), seed=sampling.seed)
    return _run(sampling, plan, [latent], fps)


def remix(sampling: Sampling, latent: Latent, strength: float, end: float = 0.0) -> Made:
    """The clip after the sampling's prompt, begun at `strength`, which goes evenly to `end` where that is not 0. What its noise
    mask keeps stays, frames or parts of them."""
    clip, seen = clip_of(sampling, latent, "latent"), _silent(sampling, latent)
    keep, mask = [int(index) for index in kept(seen).nonzero()], parts(seen)
    if mask is not None and sampling.capability.needs:
        raise UsageError(
            f"latent: its noise mask keeps parts of frames, but {sampling.capability.family} takes whole ones only; give a mask "
            "that is 0 or 1 for each frame"
        )
    changes = _share(strength), _share(end) if end else None
    plan = operations.remix(clip, *changes, seed=sampling.seed, keep=keep)
    return _run(sampling, plan, [latent], mask=mask)


def blend(sampling: Sampling, a: Latent, b: Latent, begin: float, end: float, strength: float, fps: float) -> Made:
    """From clip a to clip b over the same time: a alone before second `begin`, b alone from `end` on, mixed in between
    and sampled again from `strength`."""
    clips = clip_of(sampling, a, "a"), clip_of(sampling, b, "b")
    rate, share = rate_of(sampling, fps, [a, b]), _share(strength)
    plan = operations.blend(sampling.capability, *clips, begin, end, rate, strength=share, seed=sampling.seed)
    return _run(sampling, plan, [a, b], fps)


def film(sampling: Sampling, clip: Any, shots: str, latent: Latent, fps: float, fade: int, reel: str) -> Made:
    """A film from a shot list, each shot after the prompt `clip` encodes; `latent` gives the size, and the frames to keep where
    its noise mask keeps some. A named reel keeps every finished window, so that a stopped run goes on where it stopped."""
    lines = parse_shots(shots, timed=True)
    seen = _silent(sampling, latent)
    size = video(seen, sampling.capability.channels, space=_space(sampling)).float().cpu()
    if parts(seen) is not None:
        raise UsageError(
            "latent: its noise mask keeps frames in part; Long Take keeps whole ones, give strength 1 where the mask was made"
        )
    rate = rate_of(sampling, fps, [])
    if fade < 0:
        raise UsageError(f"fade {fade}: give 0 latent frames or more")
    path = reel_path(reel) if reel else None
    if clip is None:
        raise UsageError("clip: none; this checkpoint holds no text encoder, load one of its own")
    shape = (size.shape[1], size.shape[3], size.shape[4])
    guides, mask = guides_of(sampling.conds, size, seen.get("noise_mask")), kept(seen)
    frames = size.shape[2] - len(guides)
    known = {int(at): size[0, :, at] for at in mask[:frames].nonzero().flatten()}
    lengths = shot_lengths(lines, rate, 0.0)
    plan = operations.film(sampling.capability, lines, lengths, shape, seed=sampling.seed, fade=fade, known=known)
    texts = plan.request.prompts
    prompts = [sampling.prompt(clip.encode_from_tokens_scheduled(clip.tokenize(text))) for text in texts]
    named = [texts[shot.prompt] for shot in plan.request.shots]
    track = track_of(sampling, Plan(plan.request, 0, (operations.Placement(0, 0),)), [latent])
    if track is not None:  # an empty latent: it says that sound is wanted, and nothing else
        track.pieces.clear()
    made = run(plan, sampling, prompts, fps=rate, reel=path, texts=named, track=track, guides=guides)
    return _tagged(made, rate)


def _tagged(made: Made, rate: float, spans: Sequence[Span] = ()) -> Made:
    """A take whose LATENT tells its rate, and the given clips in it."""
    return made._replace(latent=made.latent | tags(rate, split_av(made.latent)[0]["samples"].shape[2], spans))


def _way(strength: float) -> float | None:
    return _share(strength) if strength else None


def _stills(sampling: Sampling) -> Stills | None:
    return None if sampling.vae is None else HostCodec(sampling.vae).stills(sampling.capability.timeline)


def _share(strength: float) -> float:
    if not 0 < strength <= 1:
        raise UsageError(f"strength {strength:g}: give more than 0 (keep), up to 1 (all new)")
    return strength
