"""From a plan to frames: the request each mode makes of the sampler, and the output put together frame by frame."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor

from ..engine import request as requests
from ..engine.request import Request
from ..engine.take import Settings, seams
from ..errors import UsageError
from .clips import Clip, Stage, open_clip, picture
from .pixels import Known, crop, lay_over
from .plan import RenderPlan

FADE = 4  # frames over which a real clip gives way to decoded frames of the same moments
LEAD_IN = 4  # latents that fill the decoder's memory before a loop's first frame
CHUNK = 8  # real frames handed on together

Sampler = Callable[[Request], Iterable[Tensor]]


@dataclass
class Film:
    """A request and how its frames become the output: real frames of `before` and `after` stand around the new ones.

    `new` frames are written of those made, without the first `trim` of them; `closing`: a loop, whose decoder is led in
    by its own end; `stills` lie over the first frames; `seeds` are those of the shots.
    """

    request: Request
    stage: Stage
    new: int
    seeds: list[int]
    trim: int = 0
    before: Clip | None = None
    after: Clip | None = None
    closing: bool = False
    stills: list[Known] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Frames of the output."""
        real = 0 if self.before is None else self.before.frames
        return real + self.new + (0 if self.after is None or self.closing else self.after.frames)

    @property
    def joins(self) -> list[int]:
        """Output frames at which new frames meet real ones, or a shot begins without a cut."""
        begins = [shot.start for shot in self.request.shots if shot.start and not shot.cut]
        if self.before is None and self.after is None:
            return [self.stage.timeline.latent_span(start)[0] for start in begins]
        real = 0 if self.before is None else self.before.frames
        return [frame for frame in (real, real + self.new) if 0 < frame < self.total]

    def windows(self, settings: Settings) -> list[int]:
        """Output frames at which one window of a shot gives way to the next."""
        frames = [self.frame_of(seam.at) for seam in seams(self.request, settings) if seam.kind == "window"]
        return [frame for frame in frames if 0 < frame < self.total]

    def frame_of(self, latent: int) -> int:
        """The output frame at which a latent of the request begins."""
        real, held = (0, 0) if self.before is None else (self.before.frames, self.before.tail.shape[2])
        offset = real - self.stage.timeline.frames_for(held) - (self.trim if self.before is None else 0)
        return self.stage.timeline.frames_for(latent) + offset

    def frames(self, sampler: Sampler) -> Iterator[Tensor]:
        """The output as chunks [T, H, W, 3] on the CPU, at the plan's size; `sampler` gives the request's latents."""
        chunks: Iterable[Tensor] = sampler(self.request)
        if self.closing:
            chunks = list(chunks)
        if self.before is None and self.after is None:
            lead_in = torch.cat(list(chunks), 2)[:, :, -LEAD_IN:] if self.closing else None
            decoded = crop_all(self.stage.decode(chunks, lead_in), self.stage.size)
            yield from lay_over(take(decoded, self.trim, self.new), self.stills)
            return
        yield from self._joined(chunks)

    def _joined(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        unit = self.stage.vae.frames_per_latent
        known, start, over_a, over_b = [], self.trim, 0, 0
        if self.before is not None:
            over_a = min(FADE, self.before.frames)
            real = self.before.read()
            if self.closing:
                real = self._opened(real, list(chunks))
            yield from stacked(islice(real, self.before.frames - over_a))
            known.append(Known(real, 0, over_a, fade_out=over_a))
            start = self.before.tail.shape[2] * unit - over_a
        real_b: Iterator[Tensor] = iter(())
        if self.after is not None and not self.closing:
            over_b = min(FADE, self.after.frames)
            real_b = self.after.read()
            known.append(Known(real_b, over_a + self.new, over_b, fade_in=over_b))
        decoded = crop_all(self.stage.decode(chunks), self.stage.size)
        yield from lay_over(take(decoded, start, over_a + self.new + over_b), known)
        yield from stacked(real_b)

    def _opened(self, real: Iterator[Tensor], chunks: list[Tensor]) -> Iterator[Tensor]:
        """The real frames of a clip that is looped; the first fade in from what the end of the loop decodes to."""
        latents = torch.cat(chunks, 2)
        head = self.request.length - (0 if self.after is None else self.after.head.shape[2])
        lead_in, first = latents[:, :, max(0, head - LEAD_IN) : head], latents[:, :, head : head + 1]
        decoded = next(crop_all(self.stage.decode([first], lead_in), self.stage.size))
        for index, frame in enumerate(real):
            yield torch.lerp(decoded[index], frame, (index + 1) / (FADE + 1)) if index < FADE else frame


def make_film(
    plan: RenderPlan, stage: Stage, *, seed: int, backward: bool, loop: bool, strength: tuple[float, float] | None
) -> Film:
    """Reads the inputs and builds the request; `strength` None is what the mode is best at. Raises UsageError or MediaError."""
    prompt, unit = plan.shots[0].prompt, stage.vae.frames_per_latent
    clips = [open_clip(path, stage) for path in plan.clips] if plan.mode in ("extend", "connect") else []
    if plan.mode == "remix":
        return _remix(plan, stage, seed, strength or (requests.STRENGTHS["mild"],) * 2)
    if plan.mode not in ("extend", "connect"):
        return _from_text(plan, stage, seed)
    new = stage.timeline.latents_for(plan.frames)
    if plan.mode == "extend" and not loop:
        clip = clips[0]
        if backward:
            request = requests.extend(clip.head, new, prompt, seed, backward=True, anchor=clip.tail[0, :, -1])
            return Film(request, stage, plan.frames, [seed], trim=new * unit - plan.frames, after=clip)
        request = requests.extend(clip.tail, new, prompt, seed, anchor=clip.head[0, :, 0], first=_first(clip))
        return Film(request, stage, plan.frames, [seed], before=clip)
    before, after = clips[0], clips[-1]
    bridge = strength[0] if strength else requests.BRIDGE
    if loop:
        request = requests.close_loop(before.tail, after.head, new, prompt, seed, first=_first(before), strength=bridge)
    else:
        prompts = (prompt,) if plan.towards is None else (prompt, plan.towards)
        request = requests.connect(
            before.tail, after.head, new, prompts, seed, anchor=before.head[0, :, 0], first=_first(before), strength=bridge
        )
    return Film(request, stage, new * unit, [seed], before=before, after=after, closing=loop, notes=_whole(plan, stage))


def _from_text(plan: RenderPlan, stage: Stage, seed: int) -> Film:
    """text, image and loop: shots, keyframes, a first picture."""
    counts = [stage.timeline.latents_for(frames) for frames in plan.shot_frames]
    length, starts = sum(counts), [sum(counts[:number]) for number in range(len(counts))]
    seeds = [seed + number if shot.seed is None else shot.seed for number, shot in enumerate(plan.shots)]
    shots = [requests.Shot(start, number, seeds[number], plan.shots[number].cut) for number, start in enumerate(starts)]
    prompts = [shot.prompt for shot in plan.shots]
    known: dict[int, Tensor] = {}
    stills = []
    for frame, path in plan.keyframes:
        at = stage.timeline.latent_at(frame)
        if at in known or (at == 0 and plan.mode == "image"):
            raise UsageError(f"{path}: another picture already stands within {stage.timeline.rest} frames of it; move it")
        known[at] = picture(path, stage)[1][0, :, 0]
    if plan.mode == "image":
        pixels, latent = picture(plan.clips[0], stage)
        known[0] = latent[0, :, 0]
        span = stage.timeline.latent_span(0)[1]
        stills.append(Known(iter([pixels] * span), 0, span, fade_out=span - 1))
    request = Request(length, stage.shape, shots, prompts, known, loop=plan.mode == "loop")
    made = stage.timeline.frames_for(length)
    several = len(shots) > 1 or plan.mode == "loop"
    notes = _whole(plan, stage) if several else []
    return Film(request, stage, made if several else plan.frames, seeds, closing=plan.mode == "loop", stills=stills, notes=notes)


def _remix(plan: RenderPlan, stage: Stage, seed: int, strength: tuple[float, float]) -> Film:
    from ..media.read import read_frames

    frames = read_frames(plan.clips[0], fps=stage.fps, size=stage.size)
    source, count = stage.encode_all(islice(frames, plan.frames or None))
    changes = strength[0] if strength[0] == strength[1] else requests.slope(*strength, source.shape[2])
    request = requests.remix(source, source.shape[2], stage.shape, plan.shots[0].prompt, seed, strength=changes)
    notes = [f"the clip ends after {count} frames: the remix does too"] if plan.frames > count else []
    return Film(request, stage, count, [seed], notes=notes)


def _first(clip: Clip) -> int:
    """Number of the first latent of the clip's tail within the clip."""
    return max(0, clip.frames // clip.stage.vae.frames_per_latent - clip.tail.shape[2])


def _whole(plan: RenderPlan, stage: Stage) -> list[str]:
    """A note where lengths grow to whole latents, because both ends of what is made meet something."""
    snapped = [stage.timeline.snap(frames)[0] for frames in plan.shot_frames]
    if snapped == plan.shot_frames:
        return []
    return [f"lengths here go by {stage.timeline.rest} frames: {sum(plan.shot_frames)} frames become {sum(snapped)}"]


def take(chunks: Iterable[Tensor], start: int, count: int) -> Iterator[Tensor]:
    """Frames start..start+count of chunks [T, H, W, 3]."""
    first, stop = 0, start + count
    for chunk in chunks:
        part = chunk[max(0, start - first) : stop - first]
        first += chunk.shape[0]
        if part.shape[0]:
            yield part
        if first >= stop:
            return


def stacked(frames: Iterator[Tensor]) -> Iterator[Tensor]:
    """Chunks [T, H, W, 3] of single frames."""
    while held := list(islice(frames, CHUNK)):
        yield torch.stack(held)


def crop_all(chunks: Iterable[Tensor], size: tuple[int, int]) -> Iterator[Tensor]:
    """Every chunk cropped to (width, height)."""
    for chunk in chunks:
        yield crop(chunk, *size)
