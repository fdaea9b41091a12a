"""The take engine's back-end for any MODEL: every window is one run of the host's own sampler.

LoRAs, patches, guiders, samplers, previews and interruption keep working, because nothing of the host is replaced.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import comfy.model_management
import comfy.samplers
import latent_preview
import torch
from torch import Tensor

from ..errors import UsageError
from ..longtake.sampler import Blend, OnStep, Slope, check_finite, frame_noise
from ..longtake.take import Settings
from ..longtake.window import WindowConfig
from ..models.dit import ANCHOR
from .known import Conditioning, grey_like, prepare
from .model import TOLD
from .probe import Capability, probe

CLIP_SECONDS = 5.0
"""Length of a window of a model other than ours, where the user names none."""
OVERLAP = 2
"""Latents of context before and after what a window makes, likewise."""


@dataclass(frozen=True)
class Sampling:
    """What KSampler asks for, and the windows: the LONGTAKE_SAMPLING socket.

    `guide(positive, negative)` gives a guider for conditioning in lists; `sigmas(denoise)` the noise levels. `window`,
    `overlap` latents, 0 for the model's own; `vae` encodes what some models must see in place of unknown frames.
    """

    model: Any
    positive: Conditioning
    negative: Conditioning
    guide: Callable[[Conditioning, Conditioning], Any]
    sampler: Any
    sigmas: Callable[[float], Tensor]
    seed: int
    identity: str
    window: int = 0
    overlap: int = 0
    anchor: bool = True
    vae: Any = None

    @property
    def capability(self) -> Capability:
        """What the model can do. Raises UsageError for one that makes no video."""
        found = probe(self.model)
        if found.kind == "none":
            raise UsageError(f"{found.family} makes pictures, not video: connect a video model")
        return found

    def settings(self) -> Settings:
        """Windows that fit the model, for the take engine; its noise levels are this sampling's, told by step number."""
        own, found = _is_own(self.model), self.capability
        usual = 8 if own else found.timeline.latents_in(CLIP_SECONDS, found.fps)
        size = self.window or usual
        context = self.overlap or OVERLAP
        anchors = int(own and self.anchor)
        lead = 0 if found.timeline.first == found.timeline.rest else 1
        new = size - context - anchors - lead
        if new < 1:
            raise UsageError(f"window of {size} latents with an overlap of {context}: nothing new fits in; give a longer window")
        windows = WindowConfig(anchors=anchors, context=context, new=new, ahead=context, reach=size, least=min(3, new))
        return Settings(steps=len(self.sigmas(1.0)) - 1, context_sigma=0.0, windows=windows)


def _is_own(model: Any) -> bool:
    return getattr(model.model, "longtake", False)


def from_ksampler(
    model: Any, positive: Conditioning, negative: Conditioning, *, seed: int, steps: int, cfg: float, sampler_name: str,
    scheduler: str, **windows: Any,
) -> Sampling:  # fmt: skip
    """Sampling with KSampler's inputs. Raises UsageError."""
    if sampler_name not in comfy.samplers.SAMPLER_NAMES or scheduler not in comfy.samplers.SCHEDULER_NAMES:
        raise UsageError(f"sampler {sampler_name!r}, scheduler {scheduler!r}: this ComfyUI has no such; take them from the lists")
    if steps < 1:
        raise UsageError(f"steps {steps}: give at least 1")

    def guide(positive: Conditioning, negative: Conditioning) -> Any:
        guider = comfy.samplers.CFGGuider(model)
        guider.set_conds(positive, negative)
        guider.set_cfg(cfg)
        return guider

    def sigmas(denoise: float) -> Tensor:
        k = comfy.samplers.KSampler(model, steps, "cpu", sampler_name, scheduler, denoise, model.model_options)
        return k.sigmas.cpu()

    identity = json.dumps([steps, cfg, sampler_name, scheduler, _fingerprint(positive), _fingerprint(negative)])
    sampler = comfy.samplers.sampler_object(sampler_name)
    return Sampling(model, positive, negative, guide, sampler, sigmas, seed, identity, **windows)


def from_guider(guider: Any, sampler: Any, sigmas: Tensor, *, seed: int, **windows: Any) -> Sampling:
    """Sampling with a GUIDER, a SAMPLER and SIGMAS. Raises UsageError."""
    levels = sigmas.float().cpu()
    if levels.ndim != 1 or len(levels) < 2:
        raise UsageError(f"sigmas {tuple(levels.shape)}: give at least 2, one more than there are steps")
    kept = {name: [[None, dict(entry)] for entry in entries] for name, entries in guider.original_conds.items()}

    def guide(positive: Conditioning, negative: Conditioning) -> Any:
        found = copy.copy(guider)
        changed = {**kept, "positive": positive} | ({"negative": negative} if "negative" in kept else {})
        found.original_conds = {
            name: [{**values, **({} if states is None else {"cross_attn": states})} for states, values in entries]
            for name, entries in changed.items()
        }
        return found

    def part(denoise: float) -> Tensor:
        if denoise >= 1:
            return levels
        steps = max(1, round((len(levels) - 1) * denoise))
        return levels[-(steps + 1) :]

    positive = kept.get("positive") or next(iter(kept.values()), [])
    identity = json.dumps([levels.tolist(), type(sampler).__name__, type(guider).__name__, _fingerprint(positive)])
    model = guider.model_patcher
    return Sampling(model, positive, kept.get("negative", []), guide, sampler, part, seed, identity, **windows)


def _fingerprint(conditioning: Conditioning) -> str:
    """Hash of the tensors and plain values of a conditioning, for reel keys."""
    found = hashlib.sha256()

    def feed(value: Any) -> None:
        if isinstance(value, Tensor):
            found.update(repr(tuple(value.shape)).encode() + value.detach().float().cpu().contiguous().numpy().tobytes())
        elif isinstance(value, dict):
            for key in sorted(map(str, value)):
                found.update(key.encode())
                feed(value.get(key))
        elif isinstance(value, (list, tuple)):
            for one in value:
                feed(one)
        elif isinstance(value, (str, int, float, bool, type(None))):
            found.update(repr(value).encode())

    feed([[states, {k: v for k, v in values.items() if k not in ("uuid", "model_conds")}] for states, values in conditioning])
    return found.hexdigest()[:16]


@dataclass
class HostDenoiser:
    """`longtake.sampler.Denoiser` by the host's samplers. `prompts` are pairs of positive and negative conditioning, by
    the numbers the request's shots name; `shown(latents)` is told the clean latents of every step, for a preview."""

    sampling: Sampling
    prompts: Sequence[tuple[Conditioning, Conditioning]]
    shown: Callable[[Tensor], None] | None = None
    calls: int = 0
    tokens: int = 0
    _grey: dict[tuple[int, ...], Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.capability = self.sampling.capability
        conds = [[_fingerprint(one) for one in pair] for pair in self.prompts]
        self.identity = json.dumps([self.capability.family, self.sampling.identity, conds])

    def denoise(
        self, latents: Tensor, sigma: Tensor, keep: Tensor, prompt_index: Tensor, seed: int | Sequence[int], *,
        role: Tensor, position: Tensor, noise: Tensor | None = None, blend: Blend | None = None, ring: bool = False,
        indices: Sequence[int] = (), on_step: OnStep | None = None,
    ) -> Tensor:  # fmt: skip
        """Latents [1, C, T, h, w] of a window, kept frames bit for bit; see the protocol. A window of one prompt; where
        two mix, the heavier one is taken frame by frame and the one most new frames have is used."""
        if noise is None:
            raise UsageError("a window of a host's model needs its noise")
        front, back = self._margins(indices, len(keep))
        clip, kept = _padded(latents, front, back), _pad_flags(keep, front, back)
        if front or back:
            shape = (latents.shape[1], *latents.shape[3:])
            first = int(seed if isinstance(seed, int) else seed[0])
            spare = torch.stack([frame_noise(first, -1000 - at, shape) for at in range(front + back)], 1)[None]
            noise = torch.cat([spare[:, :, :front], noise, spare[:, :, front:]], 2)
        positive, negative = self.prompts[self._prompt(prompt_index, keep, blend)]
        model = self._told(role, position, ring)
        known = prepare(model, self.capability, positive, negative, clip, kept, grey=self._grey_for(clip, kept))
        guider = self.sampling.guide(known.positive, known.negative)
        if model is not self.sampling.model:
            guider.model_patcher, guider.model_options = model, model.model_options
        start = float(sigma[0, ~keep].max()) if bool((~keep).any()) else 0.0
        levels = self.sampling.sigmas(start)
        if not len(levels) or bool(keep.all()):
            return latents
        full = self._all_noise(known.samples, noise, seed)
        steps = len(levels) - 1

        def callback(step: int, clean: Any, x: Any, total: int) -> None:
            self.calls += 1
            self.tokens += clip.shape[2]
            if self.shown is not None:
                self.shown(clean.tensors[0] if getattr(clean, "is_nested", False) else clean)
            if on_step is not None:
                on_step(step + 1, steps)

        out = guider.sample(
            full, known.samples, self.sampling.sampler, levels, denoise_mask=known.noise_mask, callback=callback,
            disable_pbar=True, seed=int(seed if isinstance(seed, int) else seed[0]),
        )  # fmt: skip
        made = known.restore(out)
        made = made.tensors[0] if getattr(made, "is_nested", False) else made
        made = made[:, :, front : front + len(keep)].cpu().to(latents)
        check_finite(made)
        return torch.where(keep.view(1, 1, -1, 1, 1), latents, made)

    def advance(self, *_: object, **__: object) -> tuple[Tensor, Slope]:
        """A queue needs the model's velocity, not a whole run of a sampler."""
        raise UsageError("rolling works inside one sampler run: use the Rolling Sampler with SamplerCustomAdvanced")

    def _margins(self, indices: Sequence[int], count: int) -> tuple[int, int]:
        """Frames to put before and after a window so that it is a clip the model's VAE and patches allow.

        A causal VAE's first latent stands for fewer frames than the others, so a window from the middle of a take gets
        a latent before it that is made along and dropped.
        """
        timeline = self.capability.timeline
        begin = next((index for index in indices if index >= 0), 0)
        if timeline.cycle:
            front = begin % timeline.cycle
        else:
            front = int(begin > 0 and timeline.first != timeline.rest)
        return front, timeline.legal(front + count) - front - count

    def _prompt(self, index: Tensor, keep: Tensor, blend: Blend | None) -> int:
        if blend is not None:
            index = torch.where(blend.weight > 0.5, blend.prompt, index)
        new = index[~keep] if bool((~keep).any()) else index
        return int(new.mode().values)

    def _told(self, role: Tensor, position: Tensor, ring: bool) -> Any:
        """Our own model is told roles and positions, so that an anchor is not taken for the frame before."""
        if not _is_own(self.sampling.model) or not bool((role == ANCHOR).any()):
            return self.sampling.model
        model = self.sampling.model.clone()
        model.model_options.setdefault("transformer_options", {})[TOLD] = {"role": role, "position": position}
        return model

    def _grey_for(self, clip: Tensor, keep: Tensor) -> Tensor | None:
        if self.sampling.vae is None or not {"concat_latent_image", "vace_frames"} & set(self.capability.needs):
            return None
        size = tuple(clip.shape)
        if size not in self._grey:
            self._grey[size] = grey_like(self.sampling.vae, self.capability.timeline, clip)
        return self._grey[size]

    def _all_noise(self, samples: Any, noise: Tensor, seed: int | Sequence[int]) -> Any:
        """Noise like the samples; sound, which has no frames of the take, by the host."""
        if not getattr(samples, "is_nested", False):
            return noise
        import comfy.nested_tensor
        import comfy.sample

        sound = [comfy.sample.prepare_noise(s, int(seed if isinstance(seed, int) else seed[0])) for s in samples.unbind()[1:]]
        return comfy.nested_tensor.NestedTensor([noise, *sound])


def _padded(latents: Tensor, front: int, back: int) -> Tensor:
    shape = list(latents.shape)
    before, after = (latents.new_zeros([*shape[:2], count, *shape[3:]]) for count in (front, back))
    return torch.cat([before, latents, after], 2)


def _pad_flags(keep: Tensor, front: int, back: int) -> Tensor:
    return torch.cat([keep.new_zeros(front), keep, keep.new_zeros(back)])


def previewer(model: Any) -> Callable[[Tensor], Any]:
    """Clean latents to what the host's ProgressBar shows, None where previews are off."""
    found = latent_preview.get_previewer(comfy.model_management.get_torch_device(), model.get_model_object("latent_format"))
    return lambda clean: found.decode_latent_to_preview_image("JPEG", clean) if found is not None else None


def timeline_shift(capability: Capability, new: int) -> Mapping[str, int]:
    """How a clip's latents move when `new` latents come before it: `new` latents to make, `drop` of the clip's own first.

    A causal VAE's first latent stands for one frame and cannot lie in the middle; that frame becomes the last one of a
    latent that is made, and the clip goes on with its second latent. Where the pattern of the latents comes back in
    cycles, whole cycles are put before it.
    """
    timeline = capability.timeline
    if timeline.cycle:
        return {"new": -(-new // timeline.cycle) * timeline.cycle, "drop": 0}
    causal = timeline.first != timeline.rest
    return {"new": new + causal, "drop": int(causal)}
