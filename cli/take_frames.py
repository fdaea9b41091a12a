"""From a plan to frames: the request each mode makes of the sampler, and the output put together frame by frame."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import torch
from torch import Tensor

from ..engine.capability import Capability
from ..engine.settings import Settings
from ..engine.take import span_of
from ..errors import UsageError
from ..media.packets import Given
from ..media.read import read_frames
from ..media.sound import FileSound
from ..metrics.joins import JoinFrames
from ..take import operations
from ..take.real_frames import ease
from ..take.stills import Clip
from .clips import InputClip, Stage, open_clip, picture
from .pixels import Known, crop, lay_over
from .plan import RenderPlan

LEAD_IN = 4  # latents that fill the decoder's memory before a loop's first frame
CHUNK = 8  # real frames handed on together


@dataclass
class Film:
    """A take and how its frames become the output: real frames of `before` and `after` stand around the new ones.

    The first `lead` latents only fill the decoder's memory; `new` frames are written of those made after them, without the first
    `trim`; `closing`: a loop, whose decoder is led in by its own
    end, or which leads back to the clip `after`; `stills` lie over the first frames.
    """

    take: operations.Plan
    stage: Stage
    new: int
    lead: int = 0
    trim: int = 0
    before: InputClip | None = None
    after: InputClip | None = None
    closing: bool = False
    stills: list[Known] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @property
    def seeds(self) -> list[int]:
        """Seeds of the shots."""
        return [shot.seed for shot in self.take.request.shots]

    @property
    def total(self) -> int:
        """Frames of the output."""
        real = 0 if self.before is None else self.before.frames
        return real + self.new + (0 if self.after is None or self.closing else self.after.frames)

    @property
    def given(self) -> list[Given]:
        """Frames of the output that are those of the given clips."""
        found = [] if self.before is None else [Given(range(self.before.frames), self.before.path)]
        if self.after is not None and not self.closing:
            found.append(Given(range(self.total - self.after.frames, self.total), self.after.path, ends=True))
        return found

    @property
    def sound(self) -> list[FileSound]:
        """The sound of the given clips at their places."""
        before = [] if self.before is None else self.before.sound(0)
        if self.after is None or self.closing:
            return before
        return before + self.after.sound(self.total - self.after.frames)

    def join_frames(self, made: JoinFrames) -> JoinFrames:
        """Output frames of the joins that lie at frames `made` of what was made."""
        moved = JoinFrames(*([frame + self.offset for frame in some] for some in made))
        return moved.within(self.total)

    @property
    def offset(self) -> int:
        """From frames of what was made to frames of the output."""
        if self.before is None:
            return -self.trim
        return self.before.frames - self.stage.timeline.frames_for(self.before.tail.shape[2])

    def frames(
        self,
        chunks: Iterable[Tensor],
        seen: Callable[[Tensor], object] | None = None,
        finish: Callable[[Tensor], Tensor] = lambda frames: frames,
    ) -> Iterator[Tensor]:
        """The output as chunks [T, H, W, 3] on the CPU, at the plan's size; `chunks` are the latents of the take, whose decoded
        frames are shown to `seen`, also those that are not in the output. `finish` is what is done to frames that were made;
        those of a given clip stay as they are."""
        lead_in, chunks = led_in(chunks, self.lead) if self.lead else (None, chunks)
        if self.closing and self.before is None:
            chunks = list(chunks)
            lead_in = torch.cat(chunks, 2)[:, :, -LEAD_IN:]
        decoded = crop_all(self._decoded(chunks, seen, lead_in), self.stage.size)
        if self.before is None and self.after is None:
            yield from lay_over(frames_between(map(finish, decoded), self.trim, self.new), self.stills)
        else:
            yield from self._joined(decoded, finish)
        if seen is not None:
            deque(decoded, 0)

    def _decoded(
        self, chunks: Iterable[Tensor], seen: Callable[[Tensor], object] | None, lead_in: Tensor | None
    ) -> Iterator[Tensor]:
        for frames in self.stage.decode(chunks, lead_in):
            if seen is not None:
                seen(frames)
            yield frames

    def _joined(self, decoded: Iterator[Tensor], finish: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
        """The real frames before, what was made, the real frames after."""
        last, start = None, self.trim
        if self.before is not None:
            start = self.before.tail.shape[2] * self.stage.timeline.rest - 1  # the last frame that is known
            for chunk in stacked(self.before.read()):
                yield chunk
                last = chunk[-1]
        following = None if self.after is None else next(self.after.read())
        around = (self.before is not None) + (self.after is not None)
        yield from map(finish, ease(frames_between(decoded, start, self.new + around), last, following))
        if self.after is not None and not self.closing:
            yield from stacked(self.after.read())


def make_film(plan: RenderPlan, stage: Stage) -> Film:
    """Reads the inputs and builds the request. Raises UsageError or MediaError."""
    prompt, seed = plan.shots[0].prompt, plan.seed
    clips = [open_clip(path, stage) for path in plan.clips] if plan.mode in ("extend", "connect") else []
    if plan.mode == "remix":
        return _remix(plan, stage)
    if plan.mode not in ("extend", "connect"):
        return _from_text(plan, stage)
    can = stage.capability
    if plan.mode == "extend" and not plan.loop:
        clip = clips[0]
        known = clip.ending() if not plan.backward else clip.beginning()
        take = operations.extend(can, known, plan.frames, prompt=prompt, seed=seed, backward=plan.backward)
        if plan.backward:
            return Film(
                take, stage, plan.frames, trim=stage.timeline.frames_for(take.placements[0].start) - plan.frames, after=clip
            )
        return Film(take, stage, plan.frames, before=clip)
    before, after = clips[0], clips[-1]
    new = stage.timeline.frames_for(stage.timeline.latents_for(plan.frames))
    strength = None if plan.strength is None else plan.strength[0]
    if plan.loop:
        head = after.beginning()
        take = operations.loop(
            can,
            before.ending(),
            plan.frames,
            prompt=prompt,
            seed=seed,
            strength=strength,
            stills=stage.stills,
            head=head,
            ahead=head.length,
        )
    else:
        prompts = (prompt,) if plan.towards is None else (prompt, plan.towards)
        ends = before.ending(), after.beginning()
        take = operations.stitch(can, ends, plan.frames, prompts=prompts, seed=seed, strength=strength, stills=stage.stills)
    return Film(take, stage, new, before=before, after=after, closing=plan.loop, messages=_whole_latents(plan, stage))


def _from_text(plan: RenderPlan, stage: Stage) -> Film:
    """text, image and loop: shots, keyframes, a first picture."""
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
    ring = plan.mode == "loop"
    take = operations.film(stage.capability, plan.shots, plan.shot_frames, stage.shape, seed=plan.seed, known=known, ring=ring)
    if plan.part[1] > 1:
        return _part(plan, stage, take)
    several = len(plan.shots) > 1 or ring
    new = stage.timeline.frames_for(take.length) if several else plan.frames
    messages = _whole_latents(plan, stage) if several else []
    return Film(take, stage, new, closing=ring, stills=stills, messages=messages)


def _part(plan: RenderPlan, stage: Stage, take: operations.Plan) -> Film:
    """One part of a take that is made in parts."""
    request = replace(take.request, part=plan.part)
    lead, start, stop = span_of(request, settings_of(plan, stage.capability))
    frames = stage.timeline.frames_for
    return Film(replace(take, request=request), stage, min(frames(stop), plan.frames) - frames(start), lead=start - lead)


def settings_of(plan: RenderPlan, capability: Capability) -> Settings:
    """How its take is sampled. Raises UsageError."""
    return Settings.of(capability, steps=plan.sampler.steps, rolling=plan.sampler.rolling)


def _remix(plan: RenderPlan, stage: Stage) -> Film:
    frames = read_frames(plan.clips[0], fps=stage.fps, size=stage.size)
    source, count = stage.encode_all(islice(frames, plan.frames or None))
    begin, end = plan.strength or ("mild", None)
    take = operations.remix(
        Clip(source, str(plan.clips[0])),
        begin,
        None if end == begin else end,
        prompt=plan.shots[0].prompt,
        seed=plan.seed,
    )
    messages = [f"the clip ends after {count} frames: the remix does too"] if plan.frames > count else []
    return Film(take, stage, count, messages=messages)


def _whole_latents(plan: RenderPlan, stage: Stage) -> list[str]:
    """A note where lengths grow to whole latents, because both ends of what is made meet something."""
    asked = sum(plan.shot_frames)
    snapped = stage.timeline.snap(asked)[0]
    return [] if snapped == asked else [f"lengths here go by {stage.timeline.rest} frames: {asked} frames become {snapped}"]


def led_in(chunks: Iterable[Tensor], lead: int) -> tuple[Tensor, Iterator[Tensor]]:
    """The first `lead` latents of a take, and those after them."""
    source = iter(chunks)
    held = next(source)
    while held.shape[2] <= lead:
        held = torch.cat([held, next(source)], 2)
    return held[:, :, :lead], chain([held[:, :, lead:]], source)


def frames_between(chunks: Iterable[Tensor], start: int, count: int) -> Iterator[Tensor]:
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
