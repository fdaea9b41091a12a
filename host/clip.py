"""A window of a take as a clip that the model can make: margins, the frame before it, its anchor, and its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..engine.capability import Capability
from ..engine.denoiser import frame_noise
from ..engine.roles import ANCHOR
from ..engine.timeline import Timeline
from .frames import CARRIED, FrameStore, GreyFrames
from .user_conditioning import Guide, Place


def margins(timeline: Timeline, indices: Sequence[int]) -> tuple[int, int]:
    """Latents to put before and after a window of the latents `indices`, so that it is a clip the model can make.

    They are dropped afterwards. A causal VAE's first latent stands for fewer frames than the others, so a window from the
    middle of a take needs another one there; a cycle must begin with its first latent, and some models make certain
    numbers of latents only.
    """
    begin = indices[0]
    front = begin % timeline.cycle if timeline.cycle else int(begin > 0 and timeline.first != timeline.rest)
    return front, timeline.legal(front + len(indices)) - front - len(indices)


Span = tuple[int, ...]
"""Frames of a take, from one to before another; empty for none."""


def spans(can: Capability, begin: int, known: int) -> tuple[Span, Span]:
    """Frames of a take that a window from latent `begin` on with so many `known` ones first is made with: the one right before
    it, and those that what stands in place of unknown frames is encoded after."""
    timeline = can.timeline
    first, stop = timeline.frames_for(begin), timeline.frames_for(begin + known)
    head: Span = (first - 1, first) if begin and can.margin else ()
    if can.filler != "grey" or not known:
        return head, ()
    shown = min(known, CARRIED)
    if begin or shown < known:
        return head, (stop - 1 - shown * timeline.rest, stop)
    return head, (0, stop)


class Window(NamedTuple):
    """What the engine asks for: `latents` [1, C, n, h, w], which frames to `keep` [n], their `noise` and numbers `indices`, the
    strength `start` it begins at, and the finished latents `before` it."""

    latents: Tensor
    keep: Tensor
    noise: Tensor
    indices: list[int]
    start: float
    before: Tensor | None


class WindowClip(NamedTuple):
    """A window as a clip that the model can make: `latents` [1, C, T, h, w], which of them are `kept` [T], and their `noise`,
    all with margins; `keep` [n] and `indices` of the window's own frames, which begin after `front` latents of margin; `seed`
    of whatever else is drawn for it; its `place`; an `anchor` [1, C, 1, h, w]; `guides` beside it; what stands in place of
    unknown frames, alone (`grey`) and `after` known ones."""

    latents: Tensor
    kept: Tensor
    noise: Tensor
    keep: Tensor
    indices: list[int]
    front: int
    seed: int
    place: Place
    anchor: Tensor | None = None
    guides: tuple[Guide, ...] = ()
    grey: Tensor | None = None
    after: Tensor | None = None

    @property
    def middle(self) -> int:
        """A frame in the middle of what is made."""
        return self.front + int((~self.keep).nonzero().flatten().median())

    def spare(self, count: int) -> Tensor:
        """Noise [1, C, count, h, w] for latents beside the clip."""
        shape = self.noise[0, :, 0].shape
        frames = [frame_noise(self.seed, -1 - at, shape)[None, :, None] for at in range(count)]
        return torch.cat([self.noise[:, :, :0], *frames], 2)


class Start(NamedTuple):
    """What a take begins with, and begins with again after every hard cut: latent numbers `cuts` that a cut lies before,
    `picture` [1, C, 1, h, w] the known first latent of the take where it is one frame, `guides` by time."""

    cuts: frozenset[int] = frozenset()
    picture: Tensor | None = None
    guides: tuple[Guide, ...] = ()


NOTHING = Start()


@dataclass
class ClipBuilder:
    """Makes clips of the windows of one take. `vae` encodes what models are shown beside the latents, `frames` are those of the
    take that were decoded. `heads` are the single frames that clips after a cut began with, by the number of the latent after
    them."""

    capability: Capability
    vae: Any
    frames: FrameStore
    take: Start = NOTHING
    heads: dict[int, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.greys = GreyFrames(self.vae, self.capability.timeline) if self.vae is not None else None

    def build(self, window: Window, roles: Tensor) -> tuple[WindowClip, int]:
        """The clip of a window, and how many anchors of the window, which come first, are not in it."""
        timeline, beside = self.capability.timeline, self.capability.windows.beside
        spare = int((roles == ANCHOR).sum()) if beside else 0
        anchor = self._anchor(window, spare)
        latents, keep, noise, _, start, before = window
        latents, keep, noise, indices = latents[:, :, spare:], keep[spare:], noise[:, :, spare:], window.indices[spare:]
        front, back = margins(timeline, indices)
        begins = indices[0] == 0 or indices[0] in self.take.cuts
        fresh = (~keep).nonzero().flatten()
        # samplers that add noise at every step get other noise in every window, whatever its place in the take
        seed = int.from_bytes(noise[:, :, fresh[0]].float().cpu().numpy().tobytes()[:8], "little") >> 1
        edge = latents if start < 1 else torch.zeros_like(latents)
        whole = torch.cat([*[edge[:, :, :1]] * front, latents, *[edge[:, :, -1:]] * back], 2)
        kept = torch.cat([keep.new_zeros(front), keep, keep.new_zeros(back)])
        known = int(keep.int().cumprod(0).sum())
        last, tail = self._pixels(before, latents[:, :, :known], indices[0], seed)
        head = self._head(last, begins) if front and not timeline.cycle else None
        if head is not None:
            whole[:, :, :1], kept[0] = head, True
        spares = [frame_noise(seed, at, noise[0, :, 0].shape)[None, :, None] for at in range(front + back)]
        noises = torch.cat([*spares[:front], noise, *spares[front:]], 2)
        at = (*[None] * front, *indices, *[None] * back)
        clip = WindowClip(whole, kept, noises, keep, indices, front, seed, Place(at, begins), anchor)
        return self._filled(self._guided(clip), tail, front + known), spare

    def learn(self, clip: WindowClip, made: Tensor) -> None:
        """Takes the head [1, C, T, h, w] of the clip that a chain begins with after a cut, to keep it in view."""
        if clip.place.begins and clip.front == 1 and self.capability.windows.anchors:
            self.heads[clip.indices[0]] = made[:, :, :1].float().cpu()

    def _anchor(self, window: Window, spare: int) -> Tensor | None:
        """The early frame of a window's first index as a clip's first latent; None where it stands for several frames."""
        if not spare:
            return None
        number, timeline = window.indices[0], self.capability.timeline
        if number in self.heads:
            return self.heads[number]
        if number in self.take.cuts:
            return self.take.picture
        return window.latents[:, :, :1] if number == 0 or timeline.first == timeline.rest else None

    def _pixels(self, before: Tensor | None, known: Tensor, begin: int, seed: int) -> tuple[Tensor | None, Tensor | None]:
        """The frame [1, H, W, 3] right before latent `begin`, and the frames that end with its known latents, as many as grey
        ones after them carry; None where there are none, or no VAE."""
        both = spans(self.capability, begin, known.shape[2])
        head, tail = both
        if self.vae is None or (begin and before is None) or not (head or tail):
            return None, None
        found = [self.frames.get(*span) if span else None for span in both]
        if any(span and frames is None for span, frames in zip(both, found, strict=True)):
            with torch.random.fork_rng():  # some decoders add noise
                torch.manual_seed(seed)
                parts = [part for part in (before, known if tail else None) if part is not None]
                frames = self.vae.decode(torch.cat(parts, 2))[0][..., :3].float().cpu()
            stop = (tail or head)[-1]
            found = [frames[len(frames) - stop + span[0] :][: span[1] - span[0]] if span else None for span in both]
        return found[0], found[1]

    def _head(self, last: Tensor | None, begins: bool) -> Tensor | None:
        """The frame before a clip as its first latent [1, C, 1, h, w], so that a model which learned to go on from a clip's
        beginning finds one; the take's start picture after a cut; None without a VAE, and where nothing comes before."""
        if begins:
            return self.take.picture
        return None if last is None else self.vae.encode(last).cpu()

    def _guided(self, clip: WindowClip) -> WindowClip:
        """With the guides that lie in its time, and its anchor as one at a time before it."""
        timeline = self.capability.timeline
        origin = 0 if clip.place.begins else timeline.frames_for(clip.indices[0]) - (1 if clip.front else 0)
        length = timeline.frames_for(len(clip.kept))
        guides = [guide.moved(origin) for guide in self.take.guides]
        guides = [guide for guide in guides if 0 <= guide.frame < length]
        if self.capability.anchor == "guide" and clip.anchor is not None:
            guides.append(_early(clip.anchor, timeline, self.capability.spatial))
        return clip._replace(guides=tuple(guides))

    def _filled(self, clip: WindowClip, pixels: Tensor | None, known: int) -> WindowClip:
        """With what stands in place of unknown frames, for a model that learned to see grey there."""
        if self.greys is None or self.capability.filler != "grey":
            return clip
        after = None if pixels is None else self.greys.after(pixels, known, clip.latents)
        return clip._replace(grey=self.greys.alone(clip.latents), after=after)


def _early(latent: Tensor, timeline: Timeline, spatial: int) -> Guide:
    """A guide one latent before a clip, as Lightricks' LTXVLoopingSampler places its long-term context."""
    from comfy_extras.nodes_lt import LTXVAddGuide

    scale = (timeline.rest, spatial, spatial)
    told = LTXVAddGuide.add_keyframe_index([[None, {}]], -timeline.rest, latent, scale)
    return Guide(latent, told[0][1]["keyframe_idxs"].float(), 0.0)
