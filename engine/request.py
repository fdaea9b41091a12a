"""What a take is asked to be: its length, shots, prompts, known latents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import UsageError
from .frame_order import FrameOrder, Span


class Mix(NamedTuple):
    """Prompt of one latent: number `prompt`, mixed with number `other` by `weight` (0 all prompt, 1 all other)."""

    prompt: int
    other: int = 0
    weight: float = 0.0


@dataclass(frozen=True)
class Shot:
    """Latents from `start` on with one prompt (a number in Request.prompts), one seed, and one anchor.

    `cut`: the shot inherits nothing from the one before. `first` is the absolute number of its first latent, which
    noise is made from: give the place inside the whole clip where a take continues one.
    """

    start: int = 0
    prompt: int = 0
    seed: int = 0
    cut: bool = False
    first: int = 0


@dataclass
class Request:
    """A take of `length` latents of `shape` (C, h, w).

    `prompts` are the texts the shots number (their order is that of the transformer's context); `known` latents
    [C, h, w] by index come back unchanged; `anchor` [C, h, w] is shown to the first shot made; `source` [1, C, length,
    h, w], or a function of the index giving [C, h, w], is remixed from noise level `strength` (one for all latents, or
    one each); `backward` makes the last latent first; `loop` leads the end back to the start; `track` replaces the shots'
    prompts latent by latent; `fade` mixes the prompts of neighbouring shots over so many latents from each shot's start;
    `noise` [1, C, length, h, w] replaces what the shots' seeds would give; `part` (number from 1, of how many) is all that is
    made of it, see `engine.parts`. Raises UsageError.
    """

    length: int
    shape: tuple[int, int, int]
    shots: Sequence[Shot] = (Shot(),)
    prompts: Sequence[str] = ("",)
    known: Mapping[int, Tensor] = field(default_factory=dict)
    anchor: Tensor | None = None
    source: Tensor | Callable[[int], Tensor] | None = None
    strength: float | Sequence[float] = 1.0
    backward: bool = False
    loop: bool = False
    track: Sequence[Mix] | None = None
    fade: int = 0
    noise: Tensor | None = None
    part: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        self.shape = (int(self.shape[0]), int(self.shape[1]), int(self.shape[2]))
        if self.length < 1 or min(self.shape) < 1:
            raise UsageError(f"take of {self.length} latents of {self.shape}: all of them must be at least 1")
        self._check_shots()
        for index, latent in self.known.items():
            if not 0 <= index < self.length:
                raise UsageError(f"known latent {index}: the take has latents 0 to {self.length - 1}")
            self._check_shape(latent, f"known latent {index}")
        if self.anchor is not None:
            self._check_shape(self.anchor, "anchor")
        whole = (1, self.shape[0], self.length, *self.shape[1:])
        if isinstance(self.source, Tensor) and tuple(self.source.shape) != whole:
            raise UsageError(f"source {tuple(self.source.shape)}: want {whole} like the take")
        if self.noise is not None and tuple(self.noise.shape) != whole:
            raise UsageError(f"noise {tuple(self.noise.shape)}: want {whole} like the take")
        if self.source is None and self.strength != 1.0:
            raise UsageError(f"strength {self.strength}: it needs a source to remix")
        each = [self.strength] * self.length if isinstance(self.strength, int | float) else list(self.strength)
        if len(each) != self.length:
            raise UsageError(f"{len(each)} strengths: the take has {self.length} latents")
        for strength in each:
            if not 0 <= strength <= 1:
                raise UsageError(f"strength {strength}: give a number from 0 (keep) to 1 (all new)")
        if self.loop and (self.backward or self.source is not None):
            raise UsageError("a loop is made forward and from nothing: leave out backward and source")
        if not 1 <= self.part[0] <= self.part[1]:
            raise UsageError(f"part {self.part[0]} of {self.part[1]}: parts are numbered from 1")
        if self.part[1] > 1 and (self.known or self.loop or self.backward or self.source is not None or self.anchor is not None):
            raise UsageError("parts: only a take that is made forward, from prompts alone, is made in parts")

    def _check_shots(self) -> None:
        starts = [shot.start for shot in self.shots]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts or starts[-1] >= self.length:
            raise UsageError(f"shots start at {starts}: want 0 first, each later than the last, below {self.length}")
        if self.track is not None and len(self.track) != self.length:
            raise UsageError(f"track of {len(self.track)} prompts: the take has {self.length} latents")
        used = {shot.prompt for shot in self.shots} | {n for mix in self.track or () for n in (mix.prompt, mix.other)}
        if min(used) < 0 or max(used) >= len(self.prompts):
            raise UsageError(f"prompt {max(used)}: there are {len(self.prompts)} prompts, numbered from 0")

    def _check_shape(self, latent: Tensor, name: str) -> None:
        if tuple(latent.shape) != self.shape:
            raise UsageError(f"{name} is {tuple(latent.shape)}: this take's latents are {self.shape}")

    def order(self) -> FrameOrder:
        """The take as the planner of windows sees it."""
        return FrameOrder(
            self.length,
            self.known,
            [Span(shot.start, shot.cut) for shot in self.shots],
            backward=self.backward,
            wrap=self.loop,
            anchor_given=self.anchor is not None,
        )

    def shot_number(self, index: int) -> int:
        """Number of the shot that latent `index` belongs to."""
        return max(number for number, shot in enumerate(self.shots) if shot.start <= index)

    def mix(self, index: int) -> Mix:
        """Prompt of latent `index`."""
        if self.track is not None:
            return self.track[index]
        number = self.shot_number(index)
        shot = self.shots[number]
        age = index - shot.start
        if number and not shot.cut and age < self.fade:
            return Mix(self.shots[number - 1].prompt, shot.prompt, (age + 1) / (self.fade + 1))
        return Mix(shot.prompt)

    def strengths(self, indices: Sequence[int]) -> Tensor:
        """Noise level [T] that each of these latents starts from."""
        if isinstance(self.strength, int | float):
            return torch.full((len(indices),), float(self.strength))
        return torch.tensor([float(self.strength[index % self.length]) if index >= 0 else 0.0 for index in indices])

    def source_latent(self, index: int) -> Tensor | None:
        """Latent [C, h, w] to remix at `index`."""
        if isinstance(self.source, Tensor):
            return self.source[0, :, index]
        return None if self.source is None else self.source(index)
