"""Everything that a user can ask for, once for the command line and the graph: known latents in, a request to the engine out.

The command line encodes clips first and puts frames around what is made; the graph gets latents and gives latents. Lengths
are frames of the take; how many latents hold them is a matter of the model's timeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..engine.capability import Capability
from ..engine.request import Mix, Request, Shot
from ..engine.timeline import Timeline
from ..errors import UsageError
from .shots import STRENGTHS, ShotText, read_spans
from .stills import Clip, Stills


class Placement(NamedTuple):
    """Where a given clip lies in the take: clip number `clip`, without its first `drop` latents, begins at latent `start`."""

    clip: int
    start: int
    drop: int = 0


@dataclass(frozen=True)
class Plan:
    """A request, and what belongs to it: `length` latents of it are handed out; `placements` of the given clips, for what
    goes with their latents; `again` frames at the end of a loop that are its first ones again; `messages` for the user."""

    request: Request
    length: int
    placements: tuple[Placement, ...] = ()
    again: int = 0
    messages: list[str] = field(default_factory=list)


class Unchanged(NamedTuple):
    """`count` frames of given clip number `clip`, from its frame `first` on, come out as the take's frames from `at` on."""

    clip: int
    first: int
    at: int
    count: int  # type: ignore[assignment]  # tuples have a method of that name


def unchanged(plan: Plan, timeline: Timeline) -> list[Unchanged]:
    """The frames of given clips that a take leaves as they are, in order. The first frame of a clip that does not begin the take
    is made once more where the VAE is causal; it counts among them."""
    found: list[Unchanged] = []

    def add(clip: int, first: int, at: int, count: int) -> None:
        last = found[-1] if found else None
        if last is not None and (last.clip, last.first + last.count, last.at + last.count) == (clip, first, at):
            found[-1] = last._replace(count=last.count + count)
        else:
            found.append(Unchanged(clip, first, at, count))

    for index in range(plan.length):
        owners = [placement for placement in plan.placements if placement.start <= index]
        if index not in plan.request.known or not owners:
            continue
        clip, start, drop = owners[-1]
        at, count = timeline.latent_span(index)
        first, given = timeline.latent_span(index - start + drop)
        if index == start > drop and first:
            add(clip, 0, at - first, first)
        if count == given:
            add(clip, first, at, count)
    return found


class Gap(NamedTuple):
    """`new` latents to make before a clip, whose own first `drop` they take in."""

    new: int
    drop: int


def gap(timeline: Timeline, place: int, frames: int, after: int) -> Gap:
    """What to make from latent number `place` on so that `frames` frames later a clip of `after` latents can come.

    A causal VAE's first latent stands for one frame and cannot lie in the middle; that frame becomes the last one of what
    is made, and the clip goes on with its second latent. Where the pattern of the latents comes back in cycles, the clip
    begins where a cycle does and keeps its first. A model that makes certain numbers of latents only gets such a number.
    Raises UsageError.
    """
    if frames < 1:
        raise UsageError(f"{frames} frames to make before a clip: give at least 1")
    drop = int(timeline.first != timeline.rest and not timeline.cycle)
    end = timeline.latents_for(timeline.frames_for(place) + frames + drop * timeline.first)
    if timeline.cycle:
        return Gap(end + -end % timeline.cycle - place, drop)
    return Gap(timeline.legal(end + after - drop) - (after - drop) - place, drop)


def extend(capability: Capability, clip: Clip, frames: int, *, prompt: str = "", seed: int = 0, backward: bool = False) -> Plan:
    """`frames` more after the clip, or with `backward` before it. The clip comes out too, unchanged."""
    timeline = capability.timeline
    start, drop, known = 0, 0, clip.numbered(0)
    length = timeline.legal(timeline.latents_for(timeline.frames_for(clip.length) + frames))
    if backward:
        start, drop = gap(timeline, 0, frames, clip.length)
        known = clip.numbered(start, drop)
        length = start + len(known)
    shot = Shot(seed=seed, first=clip.first + drop - start)
    request = Request(length, clip.shape, (shot,), (prompt,), known, clip.anchor, backward=backward)
    return Plan(request, length, (Placement(0, start, drop),))


def stitch(
    capability: Capability,
    clips: Sequence[Clip],
    frames: int,
    *,
    prompts: Sequence[str] = ("",),
    seed: int = 0,
    strength: float | None = None,
    stills: Stills | None = None,
) -> Plan:
    """All clips in order, with a way of `frames` made between neighbours; they come out unchanged.

    A way is begun at `strength` of a dissolve from the last frame before it to the first one after it, which `stills` gives:
    1 from nothing, None as suits the model. Of two prompts the second takes over evenly along the first way. Raises UsageError.
    """
    if len(clips) < 2:
        raise UsageError(f"{len(clips)} clip: give at least 2 to stitch together")
    first, *others = clips
    known, place, placements = first.numbered(0), first.length, [Placement(0, 0)]
    ways: list[range] = []
    for number, clip in enumerate(others, 1):
        if clip.shape != first.shape:
            cells = [f"{one.shape[2]}x{one.shape[1]}" for one in (clip, first)]
            raise UsageError(f"{clip.name}: {cells[0]} latent cells, {first.name} has {cells[1]}; give clips of one size")
        new, drop = gap(capability.timeline, place, frames, clip.length)
        ways.append(range(place, place + new))
        known |= clip.numbered(place + new, drop)
        placements.append(Placement(number, place + new, drop))
        place += new + clip.length - drop
    track = None
    if len(prompts) == 2:
        track = crossfade(place, ways[0].start, ways[0].stop)
    shot = Shot(seed=seed, first=first.first)
    bridge = _bridge(capability, ways, list(pairwise(clips)), strength, stills)
    request = Request(place, first.shape, (shot,), prompts, known, first.anchor, track=track, **bridge)
    return Plan(request, place, tuple(placements))


def loop(
    capability: Capability,
    clip: Clip,
    frames: int,
    *,
    prompt: str = "",
    seed: int = 0,
    strength: float | None = None,
    stills: Stills | None = None,
    head: Clip | None = None,
    ahead: int = 2,
) -> Plan:
    """The clip and a way of `frames` from its end back to its beginning; `strength` and `stills` as for stitch.

    The clip's own beginning, `head` where `clip` holds its end alone, is what the way leads to; `ahead` latents of it are
    enough. So much of it as the length needs comes out again: a causal VAE's first frame, which is the last one made, and what
    fills up the last cycle.
    """
    timeline, head = capability.timeline, head or clip
    new, drop = gap(timeline, clip.length, frames, 1)
    end = clip.length + new
    whole = timeline.legal(end)
    beginning = head.numbered(end, drop)
    beginning = {at: beginning[at] for at in list(beginning)[: max(whole - end, ahead)]}
    known = clip.numbered(0) | beginning
    shot = Shot(seed=seed, first=clip.first)
    bridge = _bridge(capability, [range(clip.length, end)], [(clip, head)], strength, stills)
    request = Request(end + len(beginning), clip.shape, (shot,), (prompt,), known, clip.anchor, **bridge)
    again = timeline.frames_for(whole) - timeline.frames_for(end) + drop * timeline.first
    which = "frame is the first one" if again == 1 else f"{again} frames are the first ones"
    messages = [f"The last {which} again: leave out where the loop is played."] if again else []
    return Plan(request, whole, (Placement(0, 0), Placement(0, end, drop)), again, messages)


def recut(capability: Capability, clip: Clip, keep: str, fps: float, *, prompt: str = "", seed: int = 0) -> Plan:
    """The clip with only the spans of `keep` (seconds, "0-2, 5-7.5") left; the rest is made anew. Raises UsageError."""
    timeline, total = capability.timeline, capability.timeline.frames_for(clip.length)
    known: dict[int, Tensor] = {}
    for begin, end in read_spans(keep):
        if begin * fps >= total:
            raise UsageError(f"keep {begin:g}-{end:g}: the clip lasts {total / fps:g} s at {fps:g} fps")
        for index, latent in clip.numbered(0).items():
            first, count = timeline.latent_span(index)
            if first >= round(begin * fps) and first + count <= round(end * fps):
                known[index] = latent
    if not known:
        raise UsageError(f"keep {keep!r}: no whole latent frame lies in it; keep some longer spans")
    request = Request(clip.length, clip.shape, (Shot(seed=seed, first=clip.first),), (prompt,), known)
    return Plan(request, clip.length, (Placement(0, 0),))


def remix(
    clip: Clip, begin: float | str, end: float | None = None, *, prompt: str = "", seed: int = 0, keep: Iterable[int] = ()
) -> Plan:
    """The clip after another prompt, begun at strength `begin` (SDEdit, arXiv 2108.01073), which goes evenly to `end` where
    that is given; latents `keep` stay as they are. A strength is a number from 0 (keep) to 1 (all new), or a word. Raises
    UsageError."""
    first = _strength(begin)
    strength = first if end is None else torch.linspace(first, end, clip.length, dtype=torch.float64).tolist()
    latents = clip.numbered(0)
    known = {index: latents[index] for index in keep}
    shot = Shot(seed=seed, first=clip.first)
    request = Request(clip.length, clip.shape, (shot,), (prompt,), known, source=clip.latents, strength=strength)
    return Plan(request, clip.length, (Placement(0, 0),))


def blend(
    capability: Capability,
    first: Clip,
    second: Clip,
    begin: float,
    end: float,
    fps: float,
    *,
    strength: float,
    prompt: str = "",
    seed: int = 0,
) -> Plan:
    """From one clip to another over the same time: the first alone before second `begin`, the other alone from `end` on, mixed
    in between and sampled again from `strength`. Of what goes with them, sound say, the first's lasts to the middle. Raises
    UsageError."""
    if first.latents.shape != second.latents.shape:
        sizes = f"{first.name} is {tuple(first.latents.shape)}, {second.name} {tuple(second.latents.shape)}"
        raise UsageError(f"{sizes}: blend clips of one size and length")
    if not 0 <= begin < end:
        raise UsageError(f"blend from {begin:g} to {end:g} s: the end must come after the beginning")
    weights = []
    for index in range(first.length):
        at, count = capability.timeline.latent_span(index)
        weights.append(min(1.0, max(0.0, ((at + count / 2) / fps - begin) / (end - begin))))
    weight = torch.tensor(weights).view(1, 1, -1, 1, 1)
    source = torch.lerp(first.latents, second.latents, weight * weight * (3 - 2 * weight))
    known = {i: (first, second)[int(w)].latents[0, :, i] for i, w in enumerate(weights) if w in (0.0, 1.0)}
    request = Request(first.length, first.shape, (Shot(seed=seed),), (prompt,), known, source=source, strength=strength)
    middle = next((i for i, w in enumerate(weights) if w > 0.5), len(weights))
    second_from = (Placement(1, middle, middle),) if middle < len(weights) else ()
    return Plan(request, first.length, (Placement(0, 0), *second_from))


def film(
    capability: Capability,
    shots: Sequence[ShotText],
    lengths: Sequence[int],
    shape: tuple[int, int, int],
    *,
    seed: int = 0,
    known: Mapping[int, Tensor] | None = None,
    fade: int = 0,
    ring: bool = False,
) -> Plan:
    """A take from a list of shots, `lengths` frames each; shot number n has seed `seed` + n where it names none. `known`
    latents by number come out unchanged; `fade` latents from each shot's start mix its prompt with the one before; `ring`
    leads the end back to the start. The request's prompts are the texts of the shots, each once."""
    timeline = capability.timeline
    texts = list(dict.fromkeys(shot.prompt for shot in shots))
    placed, length, frames = [], 0, 0
    for number, (shot, count) in enumerate(zip(shots, lengths, strict=True)):
        # a window's margins depend on whether it is the first of a clip, or on its place in a cycle: so must its noise
        # and with it its reel key, but not on what comes before
        moved = length % timeline.cycle if timeline.cycle else int(length > 0 and timeline.first != timeline.rest)
        placed.append(shot.placed(length, texts.index(shot.prompt), seed + number, moved))
        frames += count
        length = max(length + 1, timeline.latents_for(max(1, frames)))
    length = timeline.legal(length)
    return Plan(Request(length, shape, placed, texts, known or {}, loop=ring, fade=fade), length)


def crossfade(length: int, begin: int, end: int, first: int = 0, second: int = 1) -> list[Mix]:
    """Prompts of `length` latents: `first` before latent `begin`, `second` from `end` on, mixed evenly in between."""
    if not 0 <= begin <= end <= length:
        raise UsageError(f"cross-fade from {begin} to {end}: want 0 <= begin <= end <= {length}")
    weights = [(index - begin + 1) / (end - begin + 1) for index in range(begin, end)]
    return [Mix(first)] * begin + [Mix(first, second, weight) for weight in weights] + [Mix(second)] * (length - end)


def _bridge(
    capability: Capability,
    ways: Sequence[range],
    ends: Sequence[tuple[Clip, Clip]],
    strength: float | None,
    stills: Stills | None,
) -> dict[str, Any]:
    """What a request says of the ways, each between two clips. Without stills a way is made from nothing. Raises UsageError
    where it was asked to be made of them."""
    level = capability.bridge if strength is None else strength
    if level == 1 or (stills is None and strength is None):
        return {}
    if stills is None:
        raise UsageError(f"strength {level:g}: a dissolve is made of pictures; connect the VAE to Take Sampling, or give 1")
    return {"source": stills.dissolve(ways, ends), "strength": level}


def _strength(strength: float | str) -> float:
    if not isinstance(strength, str):
        return strength
    if strength not in STRENGTHS:
        raise UsageError(f"strength {strength!r}: give one of {', '.join(STRENGTHS)}, or a number from 0 to 1")
    return STRENGTHS[strength]
