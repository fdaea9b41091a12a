"""What synchronous windows and the rolling queue share: latents at hand, model inputs, reel keys, progress."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import UsageError
from ..reel.store import Reel
from .denoiser import Blend, Denoiser, frame_noise
from .frame_order import GIVEN, Walk, WindowConfig, positions
from .noise_matrix import CONTEXT_SIGMA, schedule
from .request import Request
from .roles import ANCHOR

KEY_VERSION = 1
ADAIN = 1.0
"""How far the model in the box is held to the statistics of a shot's beginning. Without, chroma fell by 5.8 % and sharpness rose
by 4.1 % over 20 s (medians of the amounts); with it 1.2 % and 0.5 %, and joins are no rougher (0.98 to 1.00)."""
SEED_STEP = 1_000_003
"""From the seed of a shot to the one that its frames are made again with."""


@dataclass(frozen=True)
class Settings:
    """How a take is sampled: `steps` and `shift` of the schedule, told noise of context and anchor, windows or queue.

    `rolling` advances a queue of about `queue` latents along a ramp of noise levels instead of window after window.
    `levels` [steps + 1], falling to 0, replace the schedule that steps and shift give. `adain` 0..1 draws the statistics of
    every window but a shot's first toward those of the shot's beginning, against drift (windows only).
    """

    steps: int = 16
    shift: float = 1.0
    context_sigma: float = CONTEXT_SIGMA
    anchor_sigma: float = 0.0
    windows: WindowConfig = field(default_factory=WindowConfig)
    rolling: bool = False
    queue: int = 8
    levels: tuple[float, ...] | None = None
    adain: float = 0.0

    def __post_init__(self) -> None:
        schedule(self.steps, self.shift)
        if self.levels is not None:
            falling = all(a >= b for a, b in zip(self.levels, self.levels[1:], strict=False))
            if len(self.levels) < 2 or not falling or not 0 < self.levels[0] <= 1 or self.levels[-1] < 0:
                raise UsageError(f"levels {self.levels}: give two or more, falling, from at most 1 to at least 0")
        if not 0 <= self.adain <= 1:
            raise UsageError(f"adain {self.adain}: give a number from 0 (off) to 1")
        for name in ("context_sigma", "anchor_sigma"):
            level = getattr(self, name)
            if not 0 <= level < 1:
                raise UsageError(f"{name} {level}: give a number from 0 to below 1, such as {CONTEXT_SIGMA}")

    @classmethod
    def of(cls, card: Mapping[str, Any], *, steps: int | None = None, rolling: bool = False) -> Settings:
        """What a model card says its weights were made for: "steps", "shift", "window" (a WindowConfig's fields)."""
        return cls(
            steps=steps or int(card.get("steps", 16)),
            shift=float(card.get("shift", 1.0)),
            windows=WindowConfig(**card.get("window", {})),
            rolling=rolling,
            adain=ADAIN,
        )


DEFAULT_SETTINGS = Settings()


class Progress(NamedTuple):
    """Step `step` of `steps` in window `window` of `windows` (from 1) is done; `resumed`: it came from the reel."""

    window: int
    windows: int
    step: int
    steps: int
    resumed: bool = False


class Piece(NamedTuple):
    """Finished latents [1, C, n, h, w] of the take's latents `indices` (by time), their reel key, and which latents
    later windows still need."""

    indices: Sequence[int]
    latents: Tensor
    key: str
    needed: Callable[[int], bool]


@dataclass
class Workspace:
    """State of one running take: `store` holds finished latents [C, h, w] as long as a window may need them; `shifts` says
    how many steps the seeds of latents are away from their shot's."""

    request: Request
    denoiser: Denoiser
    settings: Settings
    reel: Reel | None
    progress: Callable[[Progress], None] | None
    store: dict[int, Tensor] = field(default_factory=dict)
    shifts: dict[int, int] = field(default_factory=dict)

    def walk(self) -> Walk:
        """The request as the window planner sees it."""
        request = self.request
        return Walk(
            request.length,
            request.known,
            request.spans,
            backward=request.backward,
            wrap=request.loop,
            anchor_given=request.anchor is not None,
        )

    def levels(self) -> Tensor:
        """The schedule [steps + 1]."""
        if self.settings.levels is not None:
            return torch.tensor(self.settings.levels)
        return schedule(self.settings.steps, self.settings.shift)

    def latent(self, index: int) -> Tensor:
        """Latent [C, h, w] of a kept frame as float; GIVEN is the request's anchor."""
        if index == GIVEN and self.request.anchor is not None:
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

    def held(self, roles: Sequence[int]) -> Tensor:
        """Noise level [T] of each frame where it is kept."""
        return torch.tensor([self.settings.anchor_sigma if role == ANCHOR else self.settings.context_sigma for role in roles])

    def seeds(self, indices: Sequence[int]) -> list[tuple[int, int]]:
        """(seed, absolute frame number) of each frame, what its noise is made from."""
        found = []
        for index in indices:
            place = 0 if index == GIVEN else index % self.request.length
            shot = self.request.shots[self.request.shot_number(place)]
            seed = shot.seed + SEED_STEP * self.shifts.get(GIVEN if index == GIVEN else place, 0)
            found.append((seed, shot.first - 16 if index == GIVEN else place - shot.start + shot.first))
        return found

    def noise(self, indices: Sequence[int]) -> Tensor:
        """[1, C, T, h, w] of each frame's own noise."""
        if self.request.noise is not None:
            return self.request.noise[:, :, [0 if index == GIVEN else index % self.request.length for index in indices]]
        frames = [frame_noise(seed, number, self.request.shape) for seed, number in self.seeds(indices)]
        return torch.stack(frames, 1)[None]

    def prompts(self, indices: Sequence[int], origin: int) -> tuple[Tensor, Blend | None]:
        """Prompt numbers [T] and, where two prompts mix, the second ones; a given anchor has that of `origin`."""
        mixes = [self.request.mix((origin if index == GIVEN else index) % self.request.length) for index in indices]
        first = torch.tensor([mix.prompt for mix in mixes])
        if not any(mix.weight for mix in mixes):
            return first, None
        weight = torch.tensor([float(mix.weight) for mix in mixes])
        return first, Blend(torch.tensor([mix.other for mix in mixes]), weight)

    def conditioning(self, indices: Sequence[int], roles: Sequence[int], origin: int) -> dict[str, Any]:
        """The keyword and positional inputs of the denoiser that describe the frames."""
        prompt, blend = self.prompts(indices, origin)
        position = torch.tensor(positions(indices, roles, origin))
        return {"prompt_index": prompt, "blend": blend, "role": torch.tensor(roles), "position": position}

    def describe(self, indices: Sequence[int], roles: Sequence[int], origin: int) -> dict[str, Any]:
        """What a reel key must hold about these frames, free of anything that does not shape the result."""
        texts = []
        for index in indices:
            mix = self.request.mix((origin if index == GIVEN else index) % self.request.length)
            first, second = self.request.prompts[mix.prompt], self.request.prompts[mix.other]
            texts.append([first, second, mix.weight] if mix.weight else [first])
        noise = {} if self.request.noise is None else {"noise": digest([self.noise(indices)])}
        return noise | {
            "sampler": self.denoiser.identity,
            "shape": self.request.shape,
            "texts": texts,
            "roles": list(roles),
            "seeds": self.seeds(indices),
            "positions": positions(indices, roles, origin),
            "held": [self.settings.context_sigma, self.settings.anchor_sigma],
        }

    def recall(self, key: str) -> dict[str, Tensor] | None:
        """Tensors of a finished segment, if the reel has it."""
        return None if self.reel is None else self.reel.tensors(key)

    def keep(self, key: str, latents: Tensor, meta: dict[str, Any], extra: dict[str, Tensor] | None = None) -> None:
        """Puts a finished segment on the reel."""
        if self.reel is not None:
            self.reel.put(key, latents, meta, extra)

    def leave(self, key: str) -> None:
        """Takes a segment out of the take; it stays on the reel, so that a run that goes on need not sample it again."""
        if self.reel is not None:
            self.reel.leave(key)

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
