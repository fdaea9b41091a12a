"""What the take nodes ask for: clips in, a request to the take engine out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..engine.request import Request, Shot, dissolve, slope
from ..engine.timeline import Timeline
from ..errors import UsageError
from ..take.shots import parse_shots, read_spans
from .audio import Track, apart
from .latents import Space, kept, parts, space_of, video
from .reels import reel_path
from .sampling import Sampling
from .session import Made, run


def sound_of(sampling: Sampling, parts: Iterable[tuple[dict[str, Any], int, int]]) -> Track | None:
    """The sound of clips, each with the place in the take of its first latent and how many of its own are left out; None
    where no clip brings any. Raises UsageError."""
    found, track = sampling.capability, None
    for latent, place, drop in parts:
        clip, sound = apart(latent)
        if sound is None:
            continue
        if track is None:
            told = [values["frame_rate"] for part in sampling.conds.values() for _, values in part if "frame_rate" in values]
            rate = found.audio_rate / float(told[0] if told else found.fps)
            track = Track(found.timeline, rate, found.audio_axis, tuple(sound.shape))
        track.add(sound, clip["samples"].shape[2], place, drop)
    return track


def clip_of(sampling: Sampling, latent: dict[str, Any], name: str, *, shown: bool = False) -> Tensor:
    """Samples [1, C, T, h, w] of the sampling's model on the CPU. Raises UsageError, with `shown` also for a clip that
    is shorter than the overlap that was asked for."""
    clip = video(_heard(sampling, latent), sampling.capability.channels, name, _space(sampling)).float().cpu()
    if shown and clip.shape[2] < sampling.overlap:
        raise UsageError(
            f"{name}: {clip.shape[2]} latents, the overlap is {sampling.overlap}; give a longer clip or a shorter overlap"
        )
    return clip


def _heard(sampling: Sampling, latent: dict[str, Any]) -> dict[str, Any]:
    """The LATENT without its sound, where the model makes sound."""
    return apart(latent)[0] if sampling.capability.audio else latent


def _space(sampling: Sampling) -> Space | None:
    return space_of(sampling.model, sampling.capability)


def rate_of(sampling: Sampling, fps: float) -> float:
    """Frames a second: `fps`, or the model's own where it is 0. Raises UsageError."""
    if not (fps == 0 or 0.1 <= fps <= 240):
        raise UsageError(f"fps {fps:g}: give 0.1 to 240, or 0 for the model's own rate")
    return fps or sampling.capability.fps


def frames_in(sampling: Sampling, seconds: float, fps: float, name: str = "seconds") -> int:
    """Frames (at least 1) that last `seconds`. Raises UsageError."""
    if not 0 < seconds <= 3600:
        raise UsageError(f"{name} {seconds:g}: give more than 0, up to 3600 seconds")
    return max(1, round(seconds * rate_of(sampling, fps)))


class Gap(NamedTuple):
    """`new` latents to make before a clip, whose own first `drop` they take in."""

    new: int
    drop: int


def gap(timeline: Timeline, place: int, frames: int, after: int) -> Gap:
    """What to make from latent number `place` on so that `frames` frames later a clip of `after` latents can come.

    A causal VAE's first latent stands for one frame and cannot lie in the middle; that frame becomes the last one of what
    is made, and the clip goes on with its second latent. Where the pattern of the latents comes back in cycles, the clip
    begins where a cycle does and keeps its first. A model that makes certain numbers of latents only gets such a number.
    """
    drop = int(timeline.first != timeline.rest and not timeline.cycle)
    end = timeline.latents_for(timeline.frames_for(place) + frames + drop * timeline.first)
    if timeline.cycle:
        return Gap(end + -end % timeline.cycle - place, drop)
    return Gap(timeline.legal(end + after - drop) - (after - drop) - place, drop)


def extend(sampling: Sampling, latent: dict[str, Any], seconds: float, fps: float, direction: str) -> Made:
    """The clip and `seconds` more after it ("forward"), or before it ("backward")."""
    if direction not in ("forward", "backward"):
        raise UsageError(f"direction {direction!r}: give forward or backward")
    clip, timeline = clip_of(sampling, latent, "latent", shown=True), sampling.capability.timeline
    frames, length = frames_in(sampling, seconds, fps), clip.shape[2]
    if direction == "forward":
        whole = timeline.legal(timeline.latents_for(timeline.frames_for(length) + frames))
        request, track = _request(sampling, clip, whole, _numbered(clip, 0)), sound_of(sampling, [(latent, 0, 0)])
        return run(request, sampling, fps=rate_of(sampling, fps), track=track)
    new, drop = gap(timeline, 0, frames, length)
    rest = _inside(clip, drop, "latent")
    request = _request(sampling, clip, new + rest.shape[2], _numbered(rest, new), backward=True)
    return run(request, sampling, fps=rate_of(sampling, fps), track=sound_of(sampling, [(latent, new, drop)]))


def stitch(
    sampling: Sampling, clips: Sequence[tuple[str, dict[str, Any]]], seconds: float, fps: float, strength: float = 0.0
) -> Made:
    """All clips, each with its name, in order with a transition of `seconds` made between neighbours, from noise level
    `strength` of a dissolve (1: from nothing; 0: as suits the model)."""
    if len(clips) < 2:
        raise UsageError(f"{len(clips)} clip: give at least 2 to stitch together")
    frames = frames_in(sampling, seconds, fps, "gap")
    parts = [(name, clip_of(sampling, latent, name, shown=True)) for name, latent in clips]
    (one, first), *others = parts
    known, place = _numbered(first, 0), first.shape[2]
    heard = [(clips[0][1], 0, 0)]
    for (name, part), (_, latent) in zip(others, clips[1:], strict=True):
        if part.shape[3:] != first.shape[3:]:
            sizes = [f"{clip.shape[4]}x{clip.shape[3]}" for clip in (part, first)]
            raise UsageError(f"{name}: {sizes[0]} latent cells, {one} has {sizes[1]}; give clips of one size")
        new, drop = gap(sampling.capability.timeline, place, frames, part.shape[2])
        rest = _inside(part, drop, name)
        heard.append((latent, place + new, drop))
        known |= _numbered(rest, place + new)
        place += new + rest.shape[2]
    bridge = _bridge(sampling, known, strength)
    request, track = _request(sampling, first, place, known, **bridge), sound_of(sampling, heard)
    return run(request, sampling, fps=rate_of(sampling, fps), track=track)


def loop(sampling: Sampling, latent: dict[str, Any], seconds: float, fps: float, strength: float = 0.0) -> Made:
    """The clip and a way of `seconds` from its end back to its beginning; `strength` as for stitch.

    The clip's own beginning is what the way leads to. So much of it as the length needs comes out again: a causal VAE's
    first frame, which is the last one made, and what fills up the last cycle.
    """
    clip, timeline = clip_of(sampling, latent, "latent", shown=True), sampling.capability.timeline
    length = clip.shape[2]
    new, drop = gap(timeline, length, frames_in(sampling, seconds, fps, "gap"), 1)
    end = length + new
    whole = timeline.legal(end)
    head = _inside(clip, drop, "latent")[:, :, : max(whole - end, sampling.settings().windows.ahead)]
    known = {**_numbered(clip, 0), **_numbered(head, end)}
    request = _request(sampling, clip, end + head.shape[2], known, **_bridge(sampling, known, strength))
    track = sound_of(sampling, [(latent, 0, 0), (latent, end, drop)])
    made = run(request, sampling, fps=rate_of(sampling, fps), length=whole, track=track)
    again = timeline.frames_for(whole) - timeline.frames_for(end) + drop * timeline.first
    if not again:
        return made
    which = "frame is the first one" if again == 1 else f"{again} frames are the first ones"
    return made._replace(report=f"{made.report}\nThe last {which} again: leave out where the loop is played.")


def recut(sampling: Sampling, latent: dict[str, Any], keep: str, fps: float) -> Made:
    """The clip with only the spans of `keep` (seconds, "0-2, 5-7.5") left; the rest is made anew."""
    clip, timeline = clip_of(sampling, latent, "latent"), sampling.capability.timeline
    rate, total = rate_of(sampling, fps), timeline.frames_for(clip.shape[2])
    places: set[int] = set()
    for begin, end in read_spans(keep):
        if begin * rate >= total:
            raise UsageError(f"keep {begin:g}-{end:g}: the clip lasts {total / rate:g} s at {rate:g} fps")
        for index in range(clip.shape[2]):
            first, count = timeline.latent_span(index)
            if first >= round(begin * rate) and first + count <= round(end * rate):
                places.add(index)
    if not places:
        raise UsageError(f"keep {keep!r}: no whole latent frame lies in it; keep some longer spans")
    known = {index: clip[0, :, index] for index in places}
    request, track = _request(sampling, clip, clip.shape[2], known), sound_of(sampling, [(latent, 0, 0)])
    return run(request, sampling, fps=rate, track=track)


def remix(sampling: Sampling, latent: dict[str, Any], strength: float, end: float = 0.0) -> Made:
    """The clip after the sampling's prompt, begun at noise level `strength` (SDEdit, arXiv 2108.01073), which goes evenly
    to `end` where that is not 0. What its noise mask keeps stays, frames or parts of them."""
    clip, seen = clip_of(sampling, latent, "latent"), _heard(sampling, latent)
    known, mask = {int(i): clip[0, :, int(i)] for i in kept(seen).nonzero()}, parts(seen)
    if mask is not None and sampling.capability.needs:
        raise UsageError(
            f"latent: its noise mask keeps parts of frames, but {sampling.capability.family} takes whole ones only; give a mask "
            "that is 0 or 1 for each frame"
        )
    begin, length = _share(strength), clip.shape[2]
    changes = slope(begin, _share(end), length) if end else begin
    request, track = _request(sampling, clip, length, known, source=clip, strength=changes), sound_of(sampling, [(latent, 0, 0)])
    return run(request, sampling, track=track, mask=mask)


def blend(sampling: Sampling, a: dict[str, Any], b: dict[str, Any], begin: float, end: float, strength: float, fps: float) -> Made:
    """From clip a to clip b over the same time: a alone before second `begin`, b alone from `end` on, mixed in between
    and sampled again from `strength`."""
    first, second = clip_of(sampling, a, "a"), clip_of(sampling, b, "b")
    if first.shape != second.shape:
        raise UsageError(f"a is {tuple(first.shape)}, b {tuple(second.shape)}: blend clips of one size and length")
    if not 0 <= begin < end:
        raise UsageError(f"blend from {begin:g} to {end:g} s: the end must come after the beginning")
    rate, weights = rate_of(sampling, fps), []
    for index in range(first.shape[2]):
        at, count = sampling.capability.timeline.latent_span(index)
        weights.append(min(1.0, max(0.0, ((at + count / 2) / rate - begin) / (end - begin))))
    weight = torch.tensor(weights).view(1, 1, -1, 1, 1)
    source = torch.lerp(first, second, weight * weight * (3 - 2 * weight))
    known = {i: (first, second)[int(w)][0, :, i] for i, w in enumerate(weights) if w in (0.0, 1.0)}
    request = _request(sampling, first, len(weights), known, source=source, strength=_share(strength))
    middle = next((i for i, w in enumerate(weights) if w > 0.5), len(weights))
    track = sound_of(sampling, [(a, 0, 0), (b, 0, 0)])
    if track is not None:  # pictures are mixed, sounds are not: a's up to the middle, then b's
        heard = sound_of(sampling, [(a, 0, 0)])
        track.pieces.update({at: piece for at, piece in (heard.pieces if heard else {}).items() if at < middle})
    return run(request, sampling, fps=rate, track=track)


def film(sampling: Sampling, clip: Any, shots: str, latent: dict[str, Any], fps: float, fade: int, reel: str) -> Made:
    """A film from a shot list, each shot after the prompt `clip` encodes; `latent` gives the size. A named reel keeps
    every finished window, so that a stopped run goes on where it stopped."""
    lines = parse_shots(shots, timed=True)
    size = video(_heard(sampling, latent), sampling.capability.channels, space=_space(sampling))
    timeline = sampling.capability.timeline
    rate = rate_of(sampling, fps)
    if fade < 0:
        raise UsageError(f"fade {fade}: give 0 latent frames or more")
    path = reel_path(reel) if reel else None
    if clip is None:
        raise UsageError("clip: none; this checkpoint holds no text encoder, load one of its own")
    texts = list(dict.fromkeys(line.prompt for line in lines))
    prompts = [sampling.prompt(clip.encode_from_tokens_scheduled(clip.tokenize(text))) for text in texts]
    made, length, seconds = [], 0, 0.0
    for number, line in enumerate(lines):
        # a window's margins depend on whether it is the first of a clip, or on its place in a cycle: so must its noise
        # and with it its reel key, but not on what comes before
        moved = length % timeline.cycle if timeline.cycle else int(length > 0 and timeline.first != timeline.rest)
        seed = sampling.seed + number if line.seed is None else line.seed
        made.append(Shot(length, texts.index(line.prompt), seed, line.cut, moved))
        seconds += line.seconds or 0.0
        length = max(length + 1, timeline.latents_for(max(1, round(seconds * rate))))
    request = Request(timeline.legal(length), _shape(size), made, texts, fade=fade)
    told = [{"prompt": texts[shot.prompt], "seed": shot.seed} for shot in made]
    track = sound_of(sampling, [(latent, 0, 0)])
    if track is not None:  # an empty latent: it says that sound is wanted, and nothing else
        track.pieces.clear()
    return run(request, sampling, prompts, fps=rate, reel=path, about={"fps": rate, "shots": told}, track=track)


def _request(sampling: Sampling, clip: Tensor, length: int, known: dict[int, Tensor], **more: Any) -> Request:
    return Request(length, _shape(clip), (Shot(seed=sampling.seed),), known=known, **more)


def _bridge(sampling: Sampling, known: dict[int, Tensor], strength: float) -> dict[str, Any]:
    """What a request says of the way between known latents."""
    level = _share(strength) if strength else sampling.capability.bridge
    return {} if level == 1 else {"source": dissolve(known), "strength": level}


def _shape(clip: Tensor) -> tuple[int, int, int]:
    return clip.shape[1], clip.shape[3], clip.shape[4]


def _numbered(clip: Tensor, start: int) -> dict[int, Tensor]:
    return {start + place: latent for place, latent in enumerate(torch.unbind(clip[0], 1))}


def _inside(clip: Tensor, drop: int, name: str) -> Tensor:
    """The clip without its first `drop` latents. Raises UsageError where nothing is left."""
    if clip.shape[2] <= drop:
        raise UsageError(f"{name}: one latent frame is too short for this model to lead to; give a longer clip")
    return clip[:, :, drop:]


def _share(strength: float) -> float:
    if not 0 < strength <= 1:
        raise UsageError(f"strength {strength:g}: give more than 0 (keep), up to 1 (all new)")
    return strength
