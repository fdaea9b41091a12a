"""What a user's conditioning brings beside the prompt: start pictures, controls and guides, cut to the windows of a take.

A picture or a control is timed by the take: its latent number n belongs to the take's. A start picture is shown again right
after every hard cut, as nothing else is there to begin from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..engine.capability import Capability
from ..errors import UsageError

IMAGE, MASK, PREFIX = "concat_latent_image", "concat_mask", "time_dim_replace"
TIMED = (IMAGE, MASK, "control_video", "camera_conditions", "pose_video_latent")
"""Keys [B, C, T, ...] of one value a latent frame."""
WHOLE = ("audio_embed", "face_video_pixels", "reference_motion", "pose_latents", "context_latents", "generated_keyframes")
"""Keys that belong to a clip as a whole and cannot be cut to windows."""
GUIDES = ("keyframe_idxs", "guide_attention_entries")
"""Keys of LTX guides, which lie behind the clip's own latents."""


@dataclass(frozen=True)
class Place:
    """Where the latents of a clip lie in a take: their numbers `at`, None for a margin that is dropped. `begins`: nothing
    comes before, as at the beginning of the take and right after a hard cut."""

    at: tuple[int | None, ...]
    begins: bool = True

    @classmethod
    def whole(cls, count: int) -> Place:
        """A take of one clip."""
        return cls(tuple(range(count)))

    def sources(self, known: Sequence[bool]) -> list[int | None]:
        """For each latent of the clip the number of the one to show of a picture whose latents `known` tell a frame: its own
        where that is known; at a beginning what follows a start picture, as its node encoded it."""
        count = len(known)
        found: list[int | None] = []
        for place, at in enumerate(self.at):
            if at is not None and at < count and known[at]:
                found.append(at)
            else:
                again = self.begins and place < count and (place == 0 or not known[place])
                found.append(place if again else None)
        return found


class Picture(NamedTuple):
    """Frames in channels of their own: `image` [1, C, T, h, w] in the scale of a LATENT, `mask` [1, 1 or 4, T, h, w], 0 =
    known, and which latents tell a frame, in whole or in part."""

    image: Tensor
    mask: Tensor
    known: list[bool]

    @classmethod
    def of(cls, values: Mapping[str, Any], like: Tensor) -> Picture | None:
        """That of a conditioning entry, for latents `like` [1, C, T, h, w]; None where it has none. Raises UsageError."""
        image = values.get(IMAGE, values.get(PREFIX))
        mask = values.get(MASK)
        if not isinstance(image, Tensor) or image.ndim != 5 or image.shape[1] != like.shape[1]:
            return None
        if image.shape[3:] != like.shape[3:]:
            raise UsageError(
                f"the conditioning's picture is of {image.shape[4]} x {image.shape[3]} latent cells, the take of {like.shape[4]} x "
                f"{like.shape[3]}: give the node that made it the take's width and height"
            )
        image = image[:1].to(like)
        if isinstance(mask, Tensor) and mask.ndim >= 2:
            mask = mask if mask.ndim == 5 else mask.reshape(1, 1, -1, *mask.shape[-2:])
            mask = mask[:1].to(like).expand(-1, -1, -1, *like.shape[3:])
        else:  # frames that are all zero stand for unknown ones
            mask = (image == 0).all(1, keepdim=True).flatten(3).all(3)[..., None, None].to(like).expand(-1, -1, -1, *like.shape[3:])
        known = [bool((frame < 0.5).any()) for frame in mask[0].unbind(1)]
        known = known[: image.shape[2]] if image.shape[2] < len(known) else known + [False] * (image.shape[2] - len(known))
        mask = torch.cat([mask, torch.ones_like(mask[:, :, :1]).expand(-1, -1, max(0, len(known) - mask.shape[2]), -1, -1)], 2)
        return cls(image, mask[:, :, : len(known)], known)

    def placed(self, place: Place, filler: Tensor) -> tuple[Tensor, Tensor]:
        """Image [1, C, n, h, w] and mask of a clip, `filler` where the picture tells nothing."""
        sources = self.sources(place)
        image, mask = filler.clone(), torch.ones_like(self.mask[:, :, :1]).repeat(1, 1, len(sources), 1, 1)
        for at, source in enumerate(sources):
            if source is not None:
                image[:, :, at], mask[:, :, at] = self.image[:, :, source], self.mask[:, :, source]
        return image, mask

    def sources(self, place: Place) -> list[int | None]:
        """See Place.sources."""
        return place.sources(self.known)

    def settled(self) -> Tensor | None:
        """What its node showed in place of a frame far from any known one [1, C, 1, h, w]."""
        free = [at for at, known in enumerate(self.known) if not known]
        return self.image[:, :, free[-1] : free[-1] + 1] if free else None


class Control(NamedTuple):
    """A VACE control: `frames` [1, 32, T, h, w], `mask` [1, 64, T, h, w], `strength`, and `reference` latents [1, 32, n, h, w]
    that lie before the clip."""

    frames: Tensor
    mask: Tensor
    strength: float
    reference: Tensor


def controls(values: Mapping[str, Any], like: Tensor, empty: Tensor) -> list[Control]:
    """VACE controls of a conditioning entry for latents `like`; those of a reference image are told by their reactive half,
    which is `empty` [1, C, 1, 1, 1], zero in the model's scale. Raises UsageError."""
    found = []
    frames, masks, strengths = (values.get(key) or [] for key in ("vace_frames", "vace_mask", "vace_strength"))
    for number, control in enumerate(frames):
        if control.shape[3:] != like.shape[3:]:
            raise UsageError(
                f"the conditioning's VACE control is of {control.shape[4]} x {control.shape[3]} latent cells, the take of "
                f"{like.shape[4]} x {like.shape[3]}: give WanVaceToVideo the take's width and height"
            )
        control = control[:1].to(like)
        mask = masks[number][:1].to(like) if number < len(masks) else torch.ones_like(control[:, :1]).repeat(1, 64, 1, 1, 1)
        reactive = (control[:, like.shape[1] :] - empty.to(like)).abs().amax((0, 1, 3, 4))
        refers = (reactive < 1e-3) & (mask.amax((0, 1, 3, 4)) == 0)
        count = int(refers.int().cumprod(0).sum())
        strength = float(strengths[number]) if number < len(strengths) else 1.0
        found.append(Control(control[:, :, count:], mask[:, :, count:], strength, control[:, :, :count]))
    if len({control.reference.shape[2] for control in found}) > 1:
        raise UsageError("the conditioning's VACE controls have different reference images: give all of them the same, or one")
    return found


class Guide(NamedTuple):
    """A frame shown to LTX beside the clip: latent [1, C, 1, h, w], coordinates [1, 3, h w, 2] in frames and pixels of the
    take, and its noise mask, 0 = as it is."""

    latent: Tensor
    coordinates: Tensor
    mask: float

    @property
    def frame(self) -> float:
        """Where it begins, in frames of the take."""
        return float(self.coordinates[0, 0, :, 0].min())

    def moved(self, frames: float) -> Guide:
        """The same so many frames earlier."""
        shift = torch.zeros(1, 3, 1, 1)
        shift[:, 0] = frames
        return self._replace(coordinates=self.coordinates - shift.to(self.coordinates))


def guides_of(conds: Mapping[str, Any], latent: Tensor, mask: Tensor | None) -> list[Guide]:
    """Guides that the conditioning tells of and that lie at the end of `latent` [1, C, T, h, w], with its noise mask."""
    entries = [values[GUIDES[0]] for part in conds.values() for _, values in part if values.get(GUIDES[0]) is not None]
    if not entries:
        return []
    cells = latent.shape[3] * latent.shape[4]
    count, rest = divmod(entries[0].shape[2], cells)
    if rest or not 0 < count < latent.shape[2]:
        raise UsageError(
            "the conditioning holds guides of LTXVAddGuide, but the latent is not the one that node gave: connect its latent too"
        )
    found = []
    for number in range(count):
        at = latent.shape[2] - count + number
        level = 0.0 if mask is None else float(mask[:, :, min(at, mask.shape[2] - 1)].amax())
        found.append(
            Guide(latent[:, :, at : at + 1], entries[0][:1, :, number * cells : (number + 1) * cells].float().cpu(), level)
        )
    return found


def cut(values: dict[str, Any], place: Place) -> dict[str, Any]:
    """The values of a conditioning entry with those of one a latent frame cut or padded to a clip."""
    found = dict(values)
    for key in TIMED:
        value = found.get(key)
        if isinstance(value, Tensor) and value.ndim >= 3 and value.shape[2] > 1:
            first = next((at for at in place.at if at is not None), 0)
            numbers = [max(0, first - 1) if at is None else at for at in place.at]
            found[key] = value[:, :, [min(number, value.shape[2] - 1) for number in numbers]]
    return found


def check(prompts: Iterable[Mapping[str, Any]], can: Capability, length: int, windows: int, guides: Sequence[Guide]) -> None:
    """Raises UsageError, before anything is sampled, for conditioning that a take of `length` latents in so many `windows`
    cannot use; `guides` are the LTX guides that its latent brings."""
    frames = can.timeline.frames_for(length)
    late = [guide.frame for guide in guides if guide.frame >= frames]
    if late:
        raise UsageError(f"a guide lies at frame {late[0]:g}, the take has {frames} frames: move it, or make the take longer")
    for values in (values for conds in prompts for part in conds.values() for _, values in part):
        _check_entry(values, can, length, windows)
        if values.get(GUIDES[0]) is not None and not guides:
            raise UsageError(
                "the conditioning holds guides of LTXVAddGuide: give its latent to Long Take, or put LTXVCropGuides before Take "
                "Sampling"
            )


def _check_entry(values: Mapping[str, Any], can: Capability, length: int, windows: int) -> None:
    whole = [key for key in WHOLE if values.get(key) is not None]
    if whole and windows > 1:
        raise UsageError(
            f"the conditioning holds {whole[0]}, which belongs to a clip as a whole, and the take has {windows} windows: make "
            "a shorter take, or one after another with Extend Take"
        )
    shown = {IMAGE: [values.get(IMAGE)], PREFIX: [values.get(PREFIX)], "vace_frames": values.get("vace_frames") or []}
    for key in set(shown) & set(can.needs):
        want = can.channels * (2 if key == "vace_frames" else 1)
        for tensor in shown[key]:
            if isinstance(tensor, Tensor) and (tensor.ndim != 5 or tensor.shape[1] != want):
                raise UsageError(
                    f"the conditioning's {key} is {tuple(tensor.shape)}, {can.family} wants {want} channels: it is of another "
                    "family, make it with the node and the VAE of this one"
                )
    image = values.get(IMAGE, values.get(PREFIX))
    picture = Picture.of(values, image) if isinstance(image, Tensor) and image.ndim == 5 else None
    late = [at for at, known in enumerate(picture.known) if known and at >= length] if picture else []
    if late:
        raise UsageError(
            f"the conditioning has a picture at latent {late[0]}, the take ends before it with {length} latents: give both "
            "one length"
        )
