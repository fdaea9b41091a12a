"""What the take nodes do: clips in, a request to the take engine, one take out, with a report in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import comfy.utils
import folder_paths
import torch
from torch import Tensor

from ..errors import UsageError
from ..longtake.metrics import Meter
from ..longtake.reel import Reel
from ..longtake.request import Request, Shot
from ..longtake.take import Progress, plan, sample
from ..longtake.window import window_cost
from .decode import decode
from .known import Conditioning
from .latents import kept, video
from .take import HostDenoiser, Sampling, previewer, timeline_shift

SHOTS_MAX = 500
REELS = "longtake/reels"


class Made(NamedTuple):
    """A finished take: LATENT, frames, report in words."""

    latent: dict[str, Any]
    frames: int
    report: str


def clip_of(latent: dict[str, Any], sampling: Sampling, name: str) -> Tensor:
    """Samples [1, C, T, h, w] of the sampling's model on the CPU. Raises UsageError."""
    return video(latent, sampling.capability.channels, name).float().cpu()


def latents_in(sampling: Sampling, seconds: float, fps: float, name: str = "seconds") -> int:
    """Latents, of the kind that come after the first, that last `seconds`. Raises UsageError."""
    found = sampling.capability
    rate = fps or found.fps
    if not seconds > 0 or seconds > 3600:
        raise UsageError(f"{name} {seconds:g}: give more than 0, up to 3600 seconds")
    return max(1, -(-round(seconds * rate) // found.timeline.rest))


def extend(sampling: Sampling, latent: dict[str, Any], seconds: float, fps: float, backward: bool) -> Made:
    """The clip and `seconds` more after it, or before it."""
    clip = clip_of(latent, sampling, "latent")
    new = latents_in(sampling, seconds, fps)
    if not backward:
        known = _numbered(clip, 0)
        request = _request(sampling, clip, clip.shape[2] + new, known)
        return run(request, sampling, joins=[clip.shape[2]])
    shift = timeline_shift(sampling.capability, new)
    rest = clip[:, :, shift["drop"] :]
    if not rest.shape[2]:
        raise UsageError("latent: one latent frame cannot be extended backward by this model; give a longer clip")
    request = _request(sampling, clip, shift["new"] + rest.shape[2], _numbered(rest, shift["new"]), backward=True)
    return run(request, sampling, joins=[shift["new"]])


def connect(sampling: Sampling, a: dict[str, Any], b: dict[str, Any], seconds: float, fps: float) -> Made:
    """Clip a, a transition of `seconds`, clip b."""
    return stitch(sampling, [a, b], seconds, fps)


def stitch(sampling: Sampling, clips: Sequence[dict[str, Any]], seconds: float, fps: float) -> Made:
    """All clips in order with a transition of `seconds` made between neighbours."""
    if len(clips) < 2:
        raise UsageError(f"{len(clips)} clip: give at least 2 to stitch together")
    parts = [clip_of(clip, sampling, f"clip {number}") for number, clip in enumerate(clips, 1)]
    for number, part in enumerate(parts[1:], 2):
        if part.shape[3:] != parts[0].shape[3:]:
            sizes = [f"{p.shape[4]}x{p.shape[3]}" for p in (parts[0], part)]
            raise UsageError(f"clip {number}: {sizes[1]} latent cells, clip 1 has {sizes[0]}; give clips of one size")
    shift = timeline_shift(sampling.capability, latents_in(sampling, seconds, fps, "gap"))
    known, place, joins = _numbered(parts[0], 0), parts[0].shape[2], []
    for number, part in enumerate(parts[1:], 2):
        new = shift["new"]
        if sampling.capability.timeline.cycle:  # so that the next clip begins where a cycle does
            new += -place % sampling.capability.timeline.cycle
        rest = part[:, :, shift["drop"] :]
        if not rest.shape[2]:
            raise UsageError(f"clip {number}: one latent frame is too short for this model to lead to; give a longer clip")
        joins += [place, place + new]
        known |= _numbered(rest, place + new)
        place += new + rest.shape[2]
    return run(_request(sampling, parts[0], place, known), sampling, joins=joins)


def loop(sampling: Sampling, latent: dict[str, Any], seconds: float, fps: float) -> Made:
    """The clip and a way of `seconds` from its end back to its beginning."""
    clip = clip_of(latent, sampling, "latent")
    made = stitch(sampling, [latent, latent], seconds, fps)
    whole = made.latent["samples"]
    rest = clip.shape[2] - timeline_shift(sampling.capability, 1)["drop"]
    latents = whole[:, :, : whole.shape[2] - rest]
    frames = sampling.capability.timeline.frames_for(latents.shape[2])
    note = ""
    if rest < clip.shape[2]:
        note = "\nThe last frame is the first one again: leave it out where the loop is played."
    return Made({"samples": latents}, frames, made.report + note)


def recut(sampling: Sampling, latent: dict[str, Any], keep: str, fps: float) -> Made:
    """The clip with only the spans of `keep` (seconds, "0-2, 5-7.5") left; the rest is made anew."""
    clip = clip_of(latent, sampling, "latent")
    found = sampling.capability
    rate, timeline = fps or found.fps, found.timeline
    total = timeline.frames_for(clip.shape[2])
    known: dict[int, Tensor] = {}
    for begin, end in spans(keep):
        if begin * rate >= total:
            raise UsageError(f"keep {begin:g}-{end:g}: the clip lasts {total / rate:g} s at {rate:g} fps")
        for index in range(clip.shape[2]):
            first, count = timeline.latent_span(index)
            if first >= round(begin * rate) and first + count <= round(end * rate):
                known[index] = clip[0, :, index]
    if len(known) == clip.shape[2]:
        raise UsageError(f"keep {keep!r}: nothing is left to make; leave out some seconds")
    edges = [i for i in range(1, clip.shape[2]) if (i in known) != (i - 1 in known)]
    return run(_request(sampling, clip, clip.shape[2], known), sampling, joins=edges)


def spans(text: str) -> list[tuple[float, float]]:
    """"0-2, 5-7.5" to pairs of seconds. Raises UsageError."""
    found = []
    for part in filter(None, (p.strip() for p in text.replace(";", ",").split(","))):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)", part)
        if not match or float(match[1]) >= float(match[2]):
            raise UsageError(f"keep {part!r}: give spans in seconds, such as 0-2, 5-7.5")
        found.append((float(match[1]), float(match[2])))
    return found


def remix(sampling: Sampling, latent: dict[str, Any], strength: float) -> Made:
    """The clip after the sampling's prompt, begun at noise level `strength` (SDEdit, arXiv 2108.01073)."""
    clip = clip_of(latent, sampling, "latent")
    known = {int(i): clip[0, :, int(i)] for i in kept(latent).nonzero()}
    if not 0 < strength <= 1:
        raise UsageError(f"strength {strength:g}: give more than 0 (keep), up to 1 (all new)")
    return run(_request(sampling, clip, clip.shape[2], known, source=clip, strength=strength), sampling)


def blend(
    sampling: Sampling, a: dict[str, Any], b: dict[str, Any], begin: float, end: float, strength: float, fps: float
) -> Made:
    """From clip a to clip b over the same time: a alone before second `begin`, b alone from `end` on, mixed in between
    and sampled again from `strength`."""
    first, second = clip_of(a, sampling, "a"), clip_of(b, sampling, "b")
    if first.shape != second.shape:
        raise UsageError(f"a is {tuple(first.shape)}, b {tuple(second.shape)}: blend clips of one size and length")
    found = sampling.capability
    rate, timeline = fps or found.fps, found.timeline
    if not 0 <= begin < end:
        raise UsageError(f"blend from {begin:g} to {end:g} s: the end must come after the beginning")
    weights = []
    for index in range(first.shape[2]):
        at, count = timeline.latent_span(index)
        weights.append(min(1.0, max(0.0, ((at + count / 2) / rate - begin) / (end - begin))))
    weight = torch.tensor(weights).view(1, 1, -1, 1, 1)
    smooth = weight * weight * (3 - 2 * weight)
    known = {i: (first, second)[int(w)][0, :, i] for i, w in enumerate(weights) if w in (0.0, 1.0)}
    source = first * (1 - smooth) + second * smooth
    edges = [i for i in range(1, len(weights)) if (i in known) != (i - 1 in known)]
    return run(_request(sampling, first, first.shape[2], known, source=source, strength=strength), sampling, joins=edges)


class ShotText(NamedTuple):
    """A line of a shot list: seconds, prompt, whether a hard cut comes before it."""

    seconds: float
    prompt: str
    cut: bool


def read_shots(text: str) -> list[ShotText]:
    """Lines "SECONDS: prompt" to shots; "cut" before the number makes a hard cut. Raises UsageError with the line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"(cut\s+)?(\d+(?:\.\d+)?)\s*s?\s*[:|]\s*(\S.*)", line, re.IGNORECASE)
        if not match:
            raise UsageError(f"shots, line {number}: {line[:60]!r} is no shot; write SECONDS: prompt, such as 5: a dog runs")
        if not 0 < float(match[2]) <= 3600:
            raise UsageError(f"shots, line {number}: {match[2]} s; give more than 0, up to 3600 seconds")
        found.append(ShotText(float(match[2]), match[3], bool(match[1])))
    if not 1 <= len(found) <= SHOTS_MAX:
        raise UsageError(f"{len(found)} shots: give 1 to {SHOTS_MAX} lines, SECONDS: prompt")
    return found


def film(
    sampling: Sampling, clip: Any, shots: str, latent: dict[str, Any], fps: float, fade: int, reel: str
) -> Made:
    """A film from a shot list, each shot after the prompt `clip` encodes; `latent` gives the size. A named reel keeps
    every finished window, so that a stopped run goes on where it stopped."""
    lines = read_shots(shots)
    size = video(latent, sampling.capability.channels)
    starts, length = [], 0
    for line in lines:
        starts.append(length)
        length += latents_in(sampling, line.seconds, fps) + (1 if not length and sampling.capability.timeline.first == 1 else 0)
    texts = list(dict.fromkeys(line.prompt for line in lines))
    prompts = []
    for text in texts:
        positive = clip.encode_from_tokens_scheduled(clip.tokenize(text))
        extra = {k: v for k, v in (sampling.positive[0][1] if sampling.positive else {}).items() if k == "frame_rate"}
        prompts.append(([[states, {**values, **extra}] for states, values in positive], sampling.negative))
    made = [
        Shot(start, texts.index(line.prompt), sampling.seed + number, line.cut)
        for number, (start, line) in enumerate(zip(starts, lines, strict=True))
    ]
    request = Request(length, (size.shape[1], *size.shape[3:]), made, texts, fade=fade)
    return run(request, sampling, prompts, joins=starts[1:], reel=reel)


def _request(sampling: Sampling, clip: Tensor, length: int, known: dict[int, Tensor], **more: Any) -> Request:
    shape = (clip.shape[1], *clip.shape[3:])
    return Request(length, shape, (Shot(seed=sampling.seed),), ("",), known, **more)


def _numbered(clip: Tensor, start: int) -> dict[int, Tensor]:
    return {start + place: latent for place, latent in enumerate(torch.unbind(clip[0], 1))}


def reel_path(name: str) -> Path:
    """Folder of the reel `name` below the output folder. Raises UsageError for a name that leads elsewhere."""
    root = Path(folder_paths.get_output_directory()) / REELS
    if not re.fullmatch(r"[\w\- .]{1,100}", name) or name.strip(". ") == "":
        raise UsageError(f"reel {name[:60]!r}: give a plain name of letters, digits, - and _")
    return root / name.strip()


def run(
    request: Request, sampling: Sampling, prompts: Sequence[tuple[Conditioning, Conditioning]] | None = None, *,
    joins: Sequence[int] = (), reel: str = "",
) -> Made:  # fmt: skip
    """Sample a request window by window and say what was done. Raises UsageError before anything is sampled."""
    found, settings = sampling.capability, sampling.settings()
    windows = plan(request, settings)
    steps = max(1, len(sampling.sigmas(request.strength)) - 1)
    bar = comfy.utils.ProgressBar(max(1, len(windows) * steps))
    show, picture = previewer(sampling.model), [None]

    def shown(clean: Tensor) -> None:
        picture[0] = show(clean)

    def progress(at: Progress) -> None:
        bar.update_absolute((at.window - 1) * steps + min(at.step, steps), max(1, at.windows * steps), picture[0])

    denoiser = HostDenoiser(sampling, prompts or [(sampling.positive, sampling.negative)], shown)
    if reel:
        path = reel_path(reel)
        header = {"model": found.family, "shape": list(request.shape), "timeline": [found.timeline.first, found.timeline.rest]}
        with Reel.open(path, header) as opened:
            chunks = [chunk.latents for chunk in sample(request, denoiser, settings, reel=opened, progress=progress)]
    else:
        chunks = [chunk.latents for chunk in sample(request, denoiser, settings, progress=progress)]
    latents = torch.cat(chunks, 2)
    frames = found.timeline.frames_for(latents.shape[2])
    cost = window_cost(windows, steps)
    lines = [
        f"{found.family}: {latents.shape[2]} latents, {frames} frames, {len(windows)} windows of up to "
        f"{max((len(w.indices) for w in windows), default=0)} latents, {denoiser.calls} model calls, "
        f"{cost.per_latent / steps:.2f} latents sampled for each new one"
    ]
    if sampling.vae is not None and joins:
        lines += join_report(sampling, latents, joins)
    return Made({"samples": latents}, frames, "\n".join(lines))


def join_report(sampling: Sampling, latents: Tensor, joins: Sequence[int]) -> list[str]:
    """A line for each join, measured on the decoded frames around it: seam ratio (1 is invisible) and change of luma."""
    timeline = sampling.capability.timeline
    found = []
    for join in joins:
        begin, end = max(0, join - 6), min(latents.shape[2], join + 4)
        meter = Meter()
        decode(sampling.vae, [latents[:, :, begin:end]], end - begin, meter.add, lambda done: None)
        frame = timeline.frames_for(join - begin)
        if 1 <= frame < meter.frames:
            at = meter.join(frame)
            found.append(
                f"join at frame {timeline.frames_for(join)}: seam {at.ratio:.2f}, acceleration {at.acceleration:.2f}, "
                f"luma {at.luma_step:+.2f} ({'smooth' if at.passes else 'may be seen'})"
            )
    return found


