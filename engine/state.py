"""What windows and the rolling queue share: latents at hand, model inputs, reel keys, progress."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from .denoiser import Blend, Denoiser, frame_noise
from .frame_order import USER_ANCHOR, positions
from .noise_matrix import schedule
from .request import Request
from .roles import ANCHOR
from .settings import Settings

KEY_VERSION = 2
SEED_STEP = 1_000_003
"""From the seed of a shot to the one that its frames are made again with."""
RECENT = 16
"""Latents finished last that are held for the judge of joins, and for what a denoiser wants to see before a window."""


class Segments(Protocol):
    """Where finished segments are kept, as the engine sees a reel."""

    def tensors(self, key: str) -> dict[str, Tensor] | None:
        """All tensors of a segment, `latents` among them; None where there is none that can be read."""

    def put(self, key: str, latents: Tensor, meta: Mapping[str, Any], side_tensors: Mapping[str, Tensor] | None) -> None:
        """Keeps a finished segment before it returns."""

    def leave(self, key: str) -> None:
        """Takes a segment out of the take that is being made."""

    def finish(self) -> None:
        """Says that the take is complete."""


class Progress(NamedTuple):
    """Step `step` of `steps` in window `window` of `windows` (from 1) is done; `resumed`: it came from the reel."""

    window: int
    windows: int
    step: int
    steps: int
    resumed: bool = False


class WindowResult(NamedTuple):
    """Finished latents [1, C, n, h, w] of the take's latents `indices` (by time), their reel key, and which latents
    later windows still need."""

    indices: Sequence[int]
    latents: Tensor
    key: str
    needed: Callable[[int], bool]


@dataclass
class TakeState:
    """State of one running take: `store` holds finished latents [C, h, w] as long as a window may need them, `recent` those
    finished last; `shifts` says how many steps the seeds of latents are away from their shot's."""

    request: Request
    denoiser: Denoiser
    settings: Settings
    segments: Segments | None
    progress: Callable[[Progress], None] | None
    store: dict[int, Tensor] = field(default_factory=dict)
    shifts: dict[int, int] = field(default_factory=dict)
    recent: dict[int, Tensor] = field(default_factory=dict)

    def levels(self) -> Tensor:
        """The schedule [steps + 1]."""
        if self.settings.levels is not None:
            return torch.tensor(self.settings.levels)
        return schedule(self.settings.steps, self.settings.shift)

    def latent(self, index: int) -> Tensor:
        """Latent [C, h, w] of a kept frame as float; USER_ANCHOR is the request's anchor."""
        if index == USER_ANCHOR and self.request.anchor is not None:
            return self.request.anchor
        index %= self.request.length
        return self.request.known[index] if index in self.request.known else self.store[index]

    def stack(self, indices: Sequence[int], keep: Sequence[bool]) -> Tensor:
        """[1, C, T, h, w]: kept frames as they are, others from the source to remix or zero."""
        empty = torch.zeros(self.request.shape)
        frames = []
        for index, kept in zip(indices, keep, strict=True):
            latent = self.latent(index) if kept else self.request.source_latent(index)
            frames.append(empty if latent is None else latent.float().cpu())
        return torch.stack(frames, 1)[None]

    def known_sigma(self, roles: Sequence[int]) -> Tensor:
        """Noise level [T] of each frame where it is kept."""
        return torch.tensor([self.settings.anchor_sigma if role == ANCHOR else self.settings.context_sigma for role in roles])

    def seeds(self, indices: Sequence[int]) -> list[tuple[int, int]]:
        """(seed, absolute frame number) of each frame, what its noise is made from."""
        found = []
        for index in indices:
            place = 0 if index == USER_ANCHOR else index % self.request.length
            shot = self.request.shots[self.request.shot_number(place)]
            seed = shot.seed + SEED_STEP * self.shifts.get(USER_ANCHOR if index == USER_ANCHOR else place, 0)
            found.append((seed, shot.first - 16 if index == USER_ANCHOR else place - shot.start + shot.first))
        return found

    def noise(self, indices: Sequence[int]) -> Tensor:
        """[1, C, T, h, w] of each frame's own noise."""
        if self.request.noise is not None:
            return self.request.noise[:, :, [0 if index == USER_ANCHOR else index % self.request.length for index in indices]]
        frames = [frame_noise(seed, number, self.request.shape) for seed, number in self.seeds(indices)]
        return torch.stack(frames, 1)[None]

    def prompts(self, indices: Sequence[int], origin: int) -> tuple[Tensor, Blend | None]:
        """Prompt numbers [T] and, where two prompts mix, the second ones; a given anchor has that of `origin`."""
        mixes = [self.request.mix((origin if index == USER_ANCHOR else index) % self.request.length) for index in indices]
        first = torch.tensor([mix.prompt for mix in mixes])
        if not any(mix.weight for mix in mixes):
            return first, None
        weight = torch.tensor([float(mix.weight) for mix in mixes])
        return first, Blend(torch.tensor([mix.other for mix in mixes]), weight)

    def conditioning(self, indices: Sequence[int], roles: Sequence[int], origin: int, times: Sequence[int]) -> dict[str, Any]:
        """The keyword and positional inputs of the denoiser that describe the frames, which stand at `times` for it."""
        prompt, blend = self.prompts(indices, origin)
        position = torch.tensor(positions(times, roles))
        return {"prompt_index": prompt, "blend": blend, "role": torch.tensor(roles), "position": position}

    def describe(self, indices: Sequence[int], roles: Sequence[int], origin: int, times: Sequence[int]) -> dict[str, Any]:
        """What a reel key must hold about these frames, free of anything that does not shape the result."""
        texts = []
        for index in indices:
            mix = self.request.mix((origin if index == USER_ANCHOR else index) % self.request.length)
            first, second = self.request.prompts[mix.prompt], self.request.prompts[mix.other]
            texts.append([first, second, mix.weight] if mix.weight else [first])
        noise = {} if self.request.noise is None else {"noise": digest([self.noise(indices)])}
        return noise | {
            "sampler": self.denoiser.identity,
            "shape": self.request.shape,
            "texts": texts,
            "roles": list(roles),
            "seeds": self.seeds(indices),
            "positions": positions(times, roles),
            "held": [self.settings.context_sigma, self.settings.anchor_sigma],
        }

    def finished(self, index: int) -> Tensor | None:
        """Latent [C, h, w] number `index` where it is known or finished and still at hand."""
        if index in self.request.known:
            return self.request.known[index]
        return self.store.get(index, self.recent.get(index))

    def remember(self, indices: Sequence[int], latents: Tensor) -> None:
        """Holds the latents [1, C, n, h, w] of a finished window as recent ones."""
        self.recent |= {index: latents[0, :, place] for place, index in enumerate(indices)}
        for index in list(self.recent)[:-RECENT]:
            del self.recent[index]

    def before(self, index: int) -> Tensor | None:
        """Latents [1, C, n, h, w] right before `index`, up to a cut, as many as the denoiser wants to see of those at hand."""
        cut = max((shot.start for shot in self.request.shots if shot.cut and shot.start <= index), default=0)
        found: list[Tensor] = []
        for place in range(index - 1, max(cut, index - self.denoiser.lead) - 1, -1):
            latent = self.finished(place)
            if latent is None:
                break
            found.insert(0, latent)
        return torch.stack(found, 1)[None] if found else None

    def recall(self, key: str) -> dict[str, Tensor] | None:
        """Tensors of a finished segment, if there is one."""
        return None if self.segments is None else self.segments.tensors(key)

    def keep(self, key: str, latents: Tensor, meta: dict[str, Any], side_tensors: dict[str, Tensor] | None = None) -> None:
        """Keeps a finished segment."""
        if self.segments is not None:
            self.segments.put(key, latents, meta, side_tensors)

    def leave(self, key: str) -> None:
        """Takes a segment out of the take; it stays on the reel, so that a run that goes on need not sample it again."""
        if self.segments is not None:
            self.segments.leave(key)

    def report(self, window: int, windows: int, step: int, steps: int, resumed: bool = False) -> None:
        """Tells the progress callback; what it raises stops the take."""
        if self.progress is not None:
            self.progress(Progress(window, windows, step, steps, resumed))


def digest(tensors: Iterable[Tensor]) -> str:
    """SHA-256 of the shapes and float32 bytes of tensors."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(repr(tuple(tensor.shape)).encode())
        found.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def make_key(what: dict[str, Any], tensors: Iterable[Tensor]) -> str:
    """Reel key of a segment: SHA-256 over everything that shaped it."""
    text = json.dumps({"version": KEY_VERSION, "inputs": digest(tensors), **what}, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
