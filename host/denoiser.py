"""The take engine's back-end for any MODEL: every window is one run of the host's own sampler.

LoRAs, patches, guiders, samplers, previews and interruption keep working, because nothing of the host is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.nested_tensor
import comfy.patcher_extension
import comfy.sample
import comfy.utils
import latent_preview
import torch
from torch import Tensor

from ..engine.denoiser import Blend, OnStep, Slope, check_finite
from ..engine.state import digest
from ..errors import UsageError
from ..models.box import identity as box_identity
from .audio import Track, join_av
from .box_model import FRAMES, FrameInputs, FramePrompts
from .clip import NOTHING, ClipBuilder, Start, Window, WindowClip
from .codec import LEAD
from .frames import FrameStore
from .image_conditioning import Conditioning, Known, prepare, streams
from .sampling import Conds, Sampling

SLACK, INFINITE = 1e-3, 1e9
"""Relative difference in which two noise levels are one; a level that no noise reaches."""


@dataclass
class Waiting:
    """Frames that keep to what a run starts from until the noise has come down to their own level.

    `samples` are the latents of the run as the host's sampler gets them, `begins` [T] the noise level of each frame.
    Until then the answer is what they were, so every sampler takes them along the straight way from noise to it.
    """

    samples: Any
    begins: Tensor
    _given: Tensor | None = None
    _levels: Tensor | None = None

    def put(self, guider: Any, clean: Tensor, sigma: Tensor) -> Tensor:
        """The model's answer `clean`, as the sampler sees it, with the waiting frames as they were."""
        if self._given is None or self._levels is None:
            given = streams(self.samples)
            levels = self.begins.view(1, 1, -1, 1, 1).expand(given[0].shape)
            # sound waits for nothing
            self._given, self._levels = _packed(given), _packed([levels, *(torch.full_like(s, INFINITE) for s in given[1:])])
            self._given = guider.inner_model.process_latent_in(self._given.to(clean))
            self._levels = self._levels.to(clean)
        level = sigma.flatten()[:1].to(clean)
        return torch.where(self._levels < level * (1 - SLACK), self._given, clean)


@dataclass
class HostDenoiser:
    """`engine.denoiser.Denoiser` by the host's samplers. `prompts` are by the numbers the request's shots name; those of
    the request must name them in reel keys (see `sampling.prompt_name`). `fps` frames a second are told to a model that
    understands frame inputs; `show(latents)` gets a clean latent frame at every step, for a preview; `track` is the sound that
    goes with the video: a window is shown what is known of it, and adds what it makes; `mask` [1, 1, length, h, w] of the whole
    take, 1 = generate, keeps parts of the latents that a window begins from; `take` is what the take begins with, `frames` those
    of it that were decoded. Counted are `calls` of the model, the `tokens` (latents) in them, and how many of these are `new`
    in the take: `spare` frames, by the latents of the windows that make them along, are not.
    """

    sampling: Sampling
    prompts: Sequence[Conds]
    fps: float
    show: Callable[[Tensor], None] | None = None
    track: Track | None = None
    mask: Tensor | None = None
    take: Start = NOTHING
    frames: FrameStore = field(default_factory=FrameStore)
    spare: Mapping[tuple[int, ...], int] = field(default_factory=dict)
    calls: int = 0
    tokens: int = 0
    new: int = 0

    def __post_init__(self) -> None:
        sampling, can = self.sampling, self.sampling.capability
        self.capability = can
        self.lead = LEAD if can.margin and sampling.vae is not None else 0
        if sampling.plain is not None:
            negative = sampling.conds.get("negative") or [[None]]
            self.identity = box_identity(can.model, *sampling.plain, self.fps, negative[0][0])
        else:
            self.identity = json.dumps([can.model, sampling.identity])
        self.clips = ClipBuilder(can, sampling.vae, self.frames, self.take)
        heard = [] if self.track is None else [digest(self.track.pieces[at] for at in sorted(self.track.pieces))]
        heard += [] if self.mask is None else [digest([self.mask])]
        begun = [] if self.take.picture is None else [self.take.picture]
        begun += [part for guide in self.take.guides for part in (guide.latent, guide.coordinates)]
        heard += [digest(begun)] if begun else []
        self.identity = " ".join([self.identity, *heard])

    def denoise(
        self,
        latents: Tensor,
        sigma: Tensor,
        keep: Tensor,
        prompt_index: Tensor,
        seed: int | Sequence[int],
        *,
        role: Tensor,
        position: Tensor,
        noise: Tensor | None = None,
        blend: Blend | None = None,
        ring: bool = False,
        indices: Sequence[int] = (),
        before: Tensor | None = None,
        on_step: OnStep | None = None,
    ) -> Tensor:
        """Latents [1, C, T, h, w] of a window, kept frames bit for bit; see the protocol. A window has one prompt: that
        of most of its new frames, of the heavier one where two mix. Raises UsageError for a ring, LongTakeError where the
        model answers with NaN, and what the host raises when the user interrupts."""
        if ring or noise is None or not len(indices):
            raise UsageError("a host's model needs the noise and numbers of a window's frames, and makes no ring")
        start = float(sigma[0, ~keep].max()) if bool((~keep).any()) else 0.0
        levels = self._levels(sigma, keep, start)
        if len(levels) < 2:
            return latents
        clip, spare = self.clips.build(Window(latents, keep, noise, list(indices), start, before), role)
        number = self._prompt(prompt_index, keep, blend)
        known, mask = self._known(clip, self.prompts[number])
        waiting = self._waiting(clip, known, sigma[0, spare:])
        inputs = self._inputs(role, position, prompt_index, number)
        guider = self._guider(_split(known.positive, self.prompts[number]), inputs, clip, known.samples, waiting)

        def callback(step: int, clean: Any, x: Any, total: int) -> None:
            if self.show is not None:
                self.show(known.frames(streams(clean)[0])[:, :, clip.middle : clip.middle + 1])
            if on_step is not None:
                on_step(step + 1, len(levels) - 1)

        out = guider.sample(
            _with_sound(known.widened(clip.noise, clip.spare), known.samples, clip.seed),
            known.samples,
            self.sampling.sampler,
            levels,
            denoise_mask=mask,
            callback=callback,
            disable_pbar=True,
            seed=clip.seed,
        )
        made = self._finished(known.restore(out), clip, latents[:, :, spare:])
        return torch.cat([latents[:, :, :spare], made], 2)

    def side_tensors(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """What belongs to a finished segment beside its latents: its sound, and how much of it goes with each latent; the frame
        that a chain began with."""
        head = self.clips.heads.get(indices[0])
        found = {} if head is None else {"head": head}
        return found if self.track is None else {**found, "sound": self.track.piece(indices), "sizes": self.track.sizes(indices)}

    def restore(self, indices: Sequence[int], tensors: Mapping[str, Tensor]) -> None:
        """Takes what belongs to a segment that need not be made again."""
        if "head" in tensors:
            self.clips.heads[indices[0]] = tensors["head"]
        if self.track is not None:
            self.track.put(indices, tensors["sound"], tensors["sizes"])

    def advance(self, *_: object, **__: object) -> tuple[Tensor, Slope]:
        """A queue needs the model's velocity, not a whole run of a sampler."""
        raise UsageError("rolling works inside one sampler run: use the Rolling Sampler with SamplerCustomAdvanced")

    def _known(self, clip: WindowClip, conds: Conds) -> tuple[Known, Any]:
        """The clip and its conditioning as the model wants known frames, with sound where there is some, and the noise mask."""
        sound, heard = None, None
        if self.track is not None:
            back = len(clip.kept) - clip.front - len(clip.keep)
            sound, heard = self.track.window(clip.indices, clip.keep, clip.front, back)
        known = prepare(
            self.sampling.model,
            self.capability,
            [entry for part in conds.values() for entry in part],
            [],
            join_av(clip.latents, sound),
            clip.kept,
            grey=clip.grey,
            after=clip.after,
            audio_keep=heard if heard is not None and bool(heard.any()) else None,
            place=clip.place,
            anchor=clip.anchor,
            guides=clip.guides,
        )
        if self.mask is None:
            return known, known.noise_mask
        return known, _narrowed(known, self.mask[:, :, clip.indices], clip.front)

    def _finished(self, sampled: Any, clip: WindowClip, latents: Tensor) -> Tensor:
        """The window's latents out of what was sampled, kept ones bit for bit; its sound goes to the track."""
        video, *sound = streams(sampled)
        self.clips.learn(clip, video)
        made = video[:, :, clip.front : clip.front + len(clip.keep)].cpu().to(latents)
        check_finite(made)
        if self.track is not None:
            check_finite(sound[0])
            self.track.learn(sound[0], clip.indices, clip.keep, clip.front)
        if self.mask is not None:
            made = torch.where(self.mask[:, :, clip.indices] == 0, latents, made)
        return torch.where(clip.keep.view(1, 1, -1, 1, 1), latents, made)

    def _levels(self, sigma: Tensor, keep: Tensor, start: float) -> Tensor:
        """The noise levels of a run that begins at strength `start`; fewer than two where there is nothing to do."""
        if not start > 0:
            return torch.empty(0)
        return sigma[:, ~keep].amax(1) if self.capability.strength_is_level else self.sampling.sigmas(start)

    def _level(self, share: float) -> float:
        """The noise level that a strength begins at."""
        if self.capability.strength_is_level or not share > 0:
            return share
        return float(self.sampling.sigmas(share)[0])

    def _inputs(self, role: Tensor, position: Tensor, prompt_index: Tensor, number: int) -> FrameInputs | None:
        """What a model that understands them is told of its frames: so an anchor is not taken for the frame before, nor a frame
        far ahead for the next one, and context keeps the prompt it was made with."""
        if not self.capability.frame_inputs:
            return None
        used = prompt_index.unique()
        simple = all(len(self.prompts[one].get("positive") or ()) == 1 for one in used.tolist())
        if used.tolist() == [number] or not simple:
            return FrameInputs(role, position, self.fps)
        states = [self.prompts[one]["positive"][0][0] for one in used.tolist()]
        return FrameInputs(role, position, self.fps, FramePrompts(states, torch.searchsorted(used, prompt_index)))

    def _waiting(self, clip: WindowClip, known: Known, starts: Tensor) -> Tensor | None:
        """Noise level [T] that each frame of the samples begins at, where not all begin at one; margins begin with their
        neighbours, latents beside the clip at once."""
        fresh = starts[~clip.keep]
        if bool((fresh == fresh[0]).all()):
            return None
        shares = torch.where(clip.keep, fresh.max(), starts)
        front, back = clip.front, len(clip.kept) - clip.front - len(shares)
        beside = fresh.max()[None]
        shares = torch.cat([shares[:1].expand(front), shares, shares[-1:].expand(back), beside.expand(known.after)])
        shares = torch.cat([beside.expand(known.before), shares])
        levels = {share: self._level(share) for share in set(shares.tolist())}
        return torch.tensor([levels[share] for share in shares.tolist()])

    def _guider(self, conds: Conds, inputs: FrameInputs | None, clip: WindowClip, samples: Any, begins: Tensor | None) -> Any:
        """The guider for one window, which counts its calls and stops before one if the user asks for it. `begins` holds frames
        of the run's `samples` back until the noise has come down to their own levels."""
        guider = self.sampling.guide(conds)
        guider.model_options = comfy.model_patcher.create_model_options_clone(guider.model_options)
        options = guider.model_options.setdefault("transformer_options", {})
        waiting = None if begins is None else Waiting(samples, begins)
        if inputs is not None:
            options[FRAMES] = inputs

        def counted(run: Any, *args: Any, **kwargs: Any) -> Any:
            comfy.model_management.throw_exception_if_processing_interrupted()
            self.calls += 1
            self.tokens += streams(samples)[0].shape[2]  # with what lies beside the clip
            self.new += int((~clip.keep).sum()) - self.spare.get(tuple(clip.indices), 0)
            clean = run(*args, **kwargs)
            return clean if waiting is None else waiting.put(run.class_obj, clean, args[1])

        kind = comfy.patcher_extension.WrappersMP.PREDICT_NOISE
        comfy.patcher_extension.add_wrapper_with_key(kind, "longtake", counted, options)
        return guider

    def _prompt(self, index: Tensor, keep: Tensor, blend: Blend | None) -> int:
        if blend is not None:
            index = torch.where(blend.weight > 0.5, blend.prompt, index)
        return int(index[~keep].mode().values)


def _narrowed(known: Known, part: Tensor, front: int) -> Any:
    """The noise mask of a window that also keeps parts of its frames: `part` [1, 1, n, h, w], without margins."""
    masks = [torch.ones(1, 1, *stream.shape[2:]) for stream in streams(known.samples)]
    if known.noise_mask is not None:
        masks = [made * given for made, given in zip(masks, streams(known.noise_mask), strict=True)]
    front += known.before
    masks[0][:, :, front : front + part.shape[2]] *= part
    return masks[0] if len(masks) == 1 else comfy.nested_tensor.NestedTensor(masks)


def _split(entries: Iterable[list[Any]], like: Conds) -> dict[str, Conditioning]:
    """Entries in a row back to the names they had."""
    rest = iter(entries)
    return {name: [next(rest) for _ in part] for name, part in like.items()}


def _packed(streams: list[Tensor]) -> Tensor:
    """Streams as the host's samplers see them: one as it is, several end to end."""
    return streams[0] if len(streams) == 1 else comfy.utils.pack_latents(streams)[0]


def _with_sound(noise: Tensor, samples: Any, seed: int) -> Any:
    """Noise like the samples; sound, which has no frames of the take, gets the host's own."""
    if not getattr(samples, "is_nested", False):
        return noise
    sound = [comfy.sample.prepare_noise(stream, seed) for stream in samples.unbind()[1:]]
    return comfy.nested_tensor.NestedTensor([noise, *sound])


def previewer(model: Any) -> Callable[[Tensor], Any]:
    """Clean latents to what the host's ProgressBar shows, None where previews are off."""
    found = latent_preview.get_previewer(comfy.model_management.get_torch_device(), model.get_model_object("latent_format"))
    return lambda clean: found.decode_latent_to_preview_image("JPEG", clean) if found is not None else None
