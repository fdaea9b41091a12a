"""Known frames of a clip as each kind of model wants them: noise mask, conditioning, and the frames themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.nested_tensor
import torch
from torch import Tensor

from ..engine.capability import Capability
from ..errors import UsageError
from .latents import mask_of
from .user_conditioning import GUIDES, IMAGE, MASK, PREFIX, Control, Guide, Picture, Place, controls, cut

Conditioning = list[list[Any]]
VACE_CELLS = 64
"""A VACE mask has one channel for each pixel of an 8 x 8 latent cell."""


@dataclass(frozen=True)
class Known:
    """One sampler call: `samples` and `noise_mask` for its LATENT, both conditionings, and which frames are kept.

    `samples` is [1, C, T, h, w], for a model with sound a NestedTensor of that and the sound; `noise_mask` likewise
    [1, 1, T, 1, 1], 1 = generate, or None where nothing is held; `keep` [T] bool, `audio_keep` [Ta] bool or None. `before` and
    `after` latents of the samples are no frames of the clip: references in front, guides behind. `given` are the clip's latents.
    """

    samples: Any
    noise_mask: Any
    positive: Conditioning
    negative: Conditioning
    keep: Tensor
    given: Tensor
    audio_keep: Tensor | None = None
    audio_axis: int = 2
    before: int = 0
    after: int = 0

    def latent(self) -> dict[str, Any]:
        """The LATENT to sample."""
        found = {"samples": self.samples}
        return found if self.noise_mask is None else {**found, "noise_mask": self.noise_mask}

    def frames(self, latents: Tensor) -> Tensor:
        """The clip's own frames of video latents like those of `samples`."""
        return latents[:, :, self.before : latents.shape[2] - self.after]

    def widened(self, noise: Tensor, spare: Callable[[int], Tensor]) -> Tensor:
        """Noise of the clip's frames, with that of what lies beside it, which `spare` gives for a number of latents."""
        beside = spare(self.before + self.after)
        return torch.cat([beside[:, :, : self.before], noise, beside[:, :, self.before :]], 2)

    def restore(self, sampled: Any) -> Any:
        """The clip out of what was sampled (like `samples`), with the kept frames bit for bit as they were given."""
        given, made = streams(self.samples), streams(sampled)
        made[0] = _put(self.given, self.frames(made[0]), self.keep, 2)
        if self.audio_keep is not None:
            made[1] = _put(given[1], made[1], self.audio_keep, self.audio_axis)
        return _joined(made)


def prepare(
    model: Any,
    capability: Capability,
    positive: Conditioning,
    negative: Conditioning,
    latents: Any,
    keep: Tensor,
    *,
    grey: Tensor | None = None,
    after: Tensor | None = None,
    audio_keep: Tensor | None = None,
    place: Place | None = None,
    anchor: Tensor | None = None,
    guides: Sequence[Guide] = (),
) -> Known:
    """Everything the host's sampler needs so that the frames of `latents` where `keep` [T] is True stay.

    `latents` [1, C, T, h, w] are in the scale of a LATENT (as the VAE gives them); for a model with sound they may be
    a NestedTensor of those and the sound, which is made freely but for `audio_keep` [Ta]. Frames that are neither kept
    nor all zero are what a run with denoise below 1 starts from. `grey` is what Wan I2V and VACE learned to see in place of
    unknown frames: grey pixels, encoded; without it these are zero to the model. `after` is the same encoded after the known
    frames at the clip's beginning, as a causal VAE's first grey latents still carry them. `place` says where the clip lies in
    its take, which the conditioning's own pictures and controls are timed by; `anchor` [1, C, 1, h, w] is an early frame to keep in
    view, as the model's capability says; `guides` lie beside the clip. No argument is changed. Raises UsageError for a model that
    makes no video and for shapes that do not fit.
    """
    if capability.kind == "none":
        raise UsageError(f"{capability.family} makes pictures, not video: connect a video model")
    video, *sound = streams(latents)
    _check(video, keep, capability)
    if sound and not capability.audio:
        raise UsageError(f"{capability.family} makes no sound: take video and sound apart first")
    silent = getattr(model.get_model_object("latent_format"), "fix_empty_latent", None)  # older hosts have none
    if capability.audio and not sound and silent is not None:  # empty sound for a model that cannot do without
        video, *sound = streams(silent(video))
    if audio_keep is not None and not sound:
        raise UsageError("audio_keep: these latents hold no sound; join video and sound first")
    if grey is not None and grey.shape != video.shape:
        raise UsageError(f"grey {tuple(grey.shape)}: want {tuple(video.shape)} like the latents")
    keep = keep.cpu()
    blank = model.model.process_latent_out(torch.zeros_like(video))
    empty = ~keep & (video == 0).all(1).flatten(2).all(2)[0].cpu()
    if not capability.held and bool(empty[~keep].all()):
        empty |= keep  # trained on noise alone in what is sampled
    shown = Shown(capability, video, keep, blank, grey, after, place or Place.whole(video.shape[2]), anchor)
    before = shown.references(positive)
    parts = [
        torch.cat([blank[:, :, :before], _put(blank, video, empty, 2), *(guide.latent.to(video) for guide in guides)], 2),
        *sound,
    ]
    held = keep & capability.held
    masks = None
    if bool(held.any()) or audio_keep is not None or guides:
        video_mask = torch.cat([torch.ones(before), (~held).float(), torch.tensor([guide.mask for guide in guides])])
        masks = _joined([video_mask.view(1, 1, -1, 1, 1), *(_sound_mask(one, audio_keep, capability.audio_axis) for one in sound)])
    told = shown.conditioning(positive, guides), shown.conditioning(negative, guides)
    axis = capability.audio_axis
    return Known(_joined(parts), masks, told[0], told[1], keep, video, audio_keep, axis, before, len(guides))


@dataclass(frozen=True)
class Shown:
    """What conditioning is built from: the latents, which are kept, `blank` ones, zero to the model, encoded `grey`, and the same
    `after` known frames, where there is some, all [1, C, T, h, w], where the clip lies in its take, and an early frame `anchor`
    [1, C, 1, h, w]."""

    capability: Capability
    video: Tensor
    keep: Tensor
    blank: Tensor
    grey: Tensor | None
    after: Tensor | None
    place: Place
    anchor: Tensor | None = None

    @property
    def from_start(self) -> bool:
        """Whether the model is shown only kept frames in a row from the beginning."""
        return PREFIX in self.capability.needs

    @property
    def marked(self) -> Tensor:
        """Frames [T] bool that the model is shown as known."""
        if self.from_start:
            return self.keep.int().cumprod(0).bool()
        if self.capability.head_only and not self.place.begins and bool(self.keep[0]):
            row = self.keep.int().cumprod(0).bool()
            row[0] = False
            return self.keep & ~row
        return self.keep

    def conditioning(self, entries: Conditioning, guides: Sequence[Guide] = ()) -> Conditioning:
        """A copy that tells the model what is known; entries and what they hold are shared with other nodes."""
        return [self._told(entry, guides) for entry in entries]

    def references(self, entries: Conditioning) -> int:
        """Latents of reference images that lie before the clip."""
        if self.capability.kind != "guide":
            return 0
        found = [self._controls(values) for _, values in entries]
        return max([1 if self.anchor is not None else 0, *(one.reference.shape[2] for each in found for one in each)])

    def _told(self, entry: list[Any], guides: Sequence[Guide]) -> list[Any]:
        states, values = entry
        values = {key: value for key, value in values.items() if key not in GUIDES}
        needs = set(self.capability.needs)
        if self.capability.kind == "guide":
            values |= self._vace(self._controls(values))
        elif needs:
            values |= self._channels(values)
        else:
            values = cut(values, self.place)
            if self.capability.kind == "frame":  # it would be believed instead of the noise mask
                values.pop(MASK, None)
        if values.get("guiding_frame_index") is not None and not bool(self.keep[0]):
            del values["guiding_frame_index"]
        if guides:
            values[GUIDES[0]] = torch.cat([guide.coordinates for guide in guides], 2)
        return [states, {key: value for key, value in values.items() if value is not None}]

    def _channels(self, values: dict[str, Any]) -> dict[str, Any]:
        """The keys of known frames in channels of their own; None takes one away."""
        if self.capability.anchor == "svi":
            return self._svi(values)
        picture, marked = Picture.of(values, self.video), self.marked
        if picture is None and not bool(marked.any()):
            away = dict.fromkeys(self.capability.needs) if bool(self.keep.any()) else {}
            return {**away, MASK: self.mask(self.keep & False)} if MASK in away else away
        settled = picture.settled() if picture is not None and self.capability.filler == "grey" else None
        filler = self._filler if self.grey is not None or settled is None else settled.expand_as(self.blank)
        image, mask = (filler, self.mask(marked)) if picture is None else picture.placed(self.place, filler)
        image = _put(self.video, image, marked, 2)
        mask = torch.where(marked.view(1, 1, -1, 1, 1).to(mask.device), torch.zeros_like(mask), mask)
        if self.from_start:
            count = int((mask.amax((0, 1, 3, 4)) <= 0).int().cumprod(0).sum())
            return {MASK: mask, PREFIX: image[:, :, :count] if count else None}
        return {MASK: mask, IMAGE: image} if MASK in self.capability.needs else {IMAGE: image, MASK: None}

    def _svi(self, values: dict[str, Any]) -> dict[str, Any]:
        """An early frame first, then the frames before the window, zero in the model's scale, one latent marked: the layout of
        SVI 2 Pro (github.com/vita-epfl/Stable-Video-Infinity; WanImageToVideoSVIPro of ComfyUI-KJNodes)."""
        picture, image, marked = Picture.of(values, self.video), self.blank.clone(), self.keep.clone()
        anchor = self.anchor
        if anchor is None and picture is not None and picture.known[:1] == [True]:
            anchor = picture.image[:, :, :1]
        image = _put(self.video, image, marked, 2)
        if anchor is not None:
            image[:, :, :1] = anchor.to(image)
        first = torch.zeros_like(marked)
        first[0] = anchor is not None or bool(marked[0])
        return {IMAGE: image, MASK: self.mask(first)}

    @property
    def _filler(self) -> Tensor:
        """What stands in place of unknown frames among known ones."""
        return next(one for one in (self.after, self.grey, self.blank) if one is not None)

    def _controls(self, values: dict[str, Any]) -> list[Control]:
        return controls(values, self.video, self.blank[:, :, :1])

    def _vace(self, given: list[Control]) -> dict[str, Any]:
        """The user's controls cut to the clip, known frames in the first of them; VACE sees the part to keep and the part to
        change apart, each grey where the other one is, and which is which."""
        grey = self.blank if self.grey is None else self.grey
        empty = torch.cat([self._filler, grey], 1)
        free = torch.ones_like(self.blank[:, :1]).repeat(1, VACE_CELLS, 1, 1, 1)
        none = empty[:, :, :0]
        frames, masks, strengths = [], [], []
        reference = self._reference(given)
        for number, control in enumerate(given or [Control(none, free[:, :, :0], 1.0, none)]):
            mine, mask = empty.clone(), free.clone()
            sources = self.place.sources([True] * control.frames.shape[2])
            for at, source in enumerate(sources):
                if source is not None and (source == self.place.at[at] or bool((control.mask[:, :, source] == 0).all())):
                    mine[:, :, at], mask[:, :, at] = control.frames[:, :, source], control.mask[:, :, source]
            if number == 0:  # known frames stand in one control
                mine = _put(torch.cat([self.video, grey], 1), mine, self.keep, 2)
                mask = _put(torch.zeros_like(mask), mask, self.keep, 2)
            frames.append(torch.cat([reference, mine], 2))
            masks.append(torch.cat([torch.zeros_like(mask[:, :, :1]).expand(-1, -1, reference.shape[2], -1, -1), mask], 2))
            strengths.append(control.strength)
        return {"vace_frames": frames, "vace_mask": masks, "vace_strength": strengths}

    def _reference(self, given: list[Control]) -> Tensor:
        """Reference latents [1, 32, n, h, w]: the user's, else the anchor."""
        if given and given[0].reference.shape[2]:
            return given[0].reference
        if self.anchor is None:
            return torch.cat([self.blank, self.blank], 1)[:, :, :0]
        return torch.cat([self.anchor.to(self.blank), self.blank[:, :, :1]], 1)

    def mask(self, known: Tensor) -> Tensor:
        """[1, 1, T, h, w], 0 = known, 1 = to be made."""
        size = self.video.shape
        return mask_of(known).to(self.video).expand(1, 1, size[2], *size[3:]).contiguous()


def _check(video: Tensor, keep: Tensor, capability: Capability) -> None:
    if video.ndim != 5 or video.shape[0] != 1 or video.shape[1] != capability.channels:
        raise UsageError(f"latents {tuple(video.shape)}: {capability.family} wants (1, {capability.channels}, time, height, width)")
    if keep.dtype != torch.bool or tuple(keep.shape) != (video.shape[2],):
        raise UsageError(f"keep {keep.dtype} {tuple(keep.shape)}: want bool ({video.shape[2]},), one for each latent frame")


def _sound_mask(sound: Tensor, keep: Tensor | None, axis: int) -> Tensor:
    """Noise mask [1, 1, ...] of a sound stream, 1 = generate."""
    if keep is None:
        return torch.ones(1, 1, *sound.shape[2:])
    if keep.dtype != torch.bool or tuple(keep.shape) != (sound.shape[axis],):
        raise UsageError(f"audio_keep {keep.dtype} {tuple(keep.shape)}: want bool ({sound.shape[axis]},), one a sound latent")
    return _along((~keep.cpu()).float(), sound, axis).expand(1, 1, *sound.shape[2:]).contiguous()


def streams(latents: Any) -> list[Tensor]:
    """Video, and sound where there is some, of samples."""
    return list(latents.unbind()) if getattr(latents, "is_nested", False) else [latents]


def _joined(streams: list[Tensor]) -> Any:
    return streams[0] if len(streams) == 1 else comfy.nested_tensor.NestedTensor(streams)


def _along(values: Tensor, like: Tensor, axis: int) -> Tensor:
    return values.view([-1 if at == axis else 1 for at in range(like.ndim)])


def _put(given: Tensor, into: Tensor, where: Tensor, axis: int) -> Tensor:
    """`given` where `where` is True along `axis`, else `into`; a new tensor like `into`."""
    return torch.where(_along(where, into, axis).to(into.device), given.to(into), into)
