"""What a take is asked to be: its length, shots, prompts, known latents. Every capability is one of these builders."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import UsageError
from .frame_order import Span

STRENGTHS = {"subtle": 0.35, "mild": 0.55, "strong": 0.75}
"""Words for the noise level a remix starts from."""

BRIDGE = 0.5
"""Noise level that the model in the box makes a way between clips from: no scene it learned from changes, so a dissolve of
both ends shows it the way. Seams 1.24 and 1.26 (median of 4 scenes) where a clip is led to its own later part, 1.36 and 1.35
from noise; to another scene 1.26 and 1.60 against 1.31 and 1.83."""


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
    one each); `backward` makes the
    last latent first; `loop` leads the end back to the start; `track` replaces the shots' prompts latent by latent;
    `fade` mixes the prompts of neighbouring shots over so many latents from each shot's start; `noise` [1, C, length,
    h, w] replaces what the shots' seeds would give. Raises UsageError.
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

    @property
    def spans(self) -> list[Span]:
        """The shots as the window planner sees them."""
        return [Span(shot.start, shot.cut) for shot in self.shots]

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


def crossfade(length: int, begin: int, end: int, first: int = 0, second: int = 1) -> list[Mix]:
    """Prompts of `length` latents: `first` before latent `begin`, `second` from `end` on, mixed evenly in between."""
    if not 0 <= begin <= end <= length:
        raise UsageError(f"cross-fade from {begin} to {end}: want 0 <= begin <= end <= {length}")
    weights = [(index - begin + 1) / (end - begin + 1) for index in range(begin, end)]
    return [Mix(first)] * begin + [Mix(first, second, weight) for weight in weights] + [Mix(second)] * (length - end)


def text_to_video(
    length: int,
    shape: tuple[int, int, int],
    prompts: Sequence[str],
    shots: Sequence[Shot] = (Shot(),),
    *,
    keyframes: Mapping[int, Tensor] | None = None,
    loop: bool = False,
    fade: int = 0,
) -> Request:
    """A take from prompts alone, or through `keyframes` [C, h, w] at any latent; `loop` closes it."""
    return Request(length, shape, shots, prompts, known=keyframes or {}, loop=loop, fade=fade)


def image_to_video(
    image: Tensor,
    length: int,
    prompts: Sequence[str],
    shots: Sequence[Shot] = (Shot(),),
    *,
    keyframes: Mapping[int, Tensor] | None = None,
    fade: int = 0,
) -> Request:
    """A take that begins with the known latents `image` [1, C, n, h, w] (n is 1 for a still)."""
    known = {**_numbered(image, 0), **(keyframes or {})}
    return Request(length, _shape(image), shots, prompts, known=known, fade=fade)


def extend(
    clip: Tensor,
    new: int,
    prompt: str = "",
    seed: int = 0,
    *,
    backward: bool = False,
    anchor: Tensor | None = None,
    first: int = 0,
) -> Request:
    """`new` latents after (or with `backward` before) the known latents `clip` [1, C, n, h, w], which come out too.

    The last (first) few latents of a long clip are enough; `first` is then the number of the first one given within
    its clip, and `anchor` [C, h, w] that clip's first (last) latent. Without `anchor` the clip's own is used.
    """
    known_at = new if backward else 0
    shot = Shot(seed=seed, first=first - known_at)
    known = _numbered(clip, known_at)
    return Request(clip.shape[2] + new, _shape(clip), (shot,), (prompt,), known, anchor, backward=backward)


def connect(
    tail: Tensor,
    head: Tensor,
    gap: int,
    prompts: Sequence[str] = ("",),
    seed: int = 0,
    *,
    fade: bool = True,
    anchor: Tensor | None = None,
    first: int = 0,
    strength: float = 1.0,
) -> Request:
    """`gap` latents between the end of one clip, `tail` [1, C, n, h, w], and the beginning of another, `head`.

    Both come out unchanged at the two ends. One prompt for the gap, or two: mixed evenly across it with `fade`, else
    switched in its middle. Below `strength` 1 the gap is made from that noise level of a `dissolve` of both ends.
    """
    if gap < 1 or len(prompts) not in (1, 2):
        raise UsageError(f"connect: {gap} latents, {len(prompts)} prompts; want 1 or 2 prompts, 1 or more latents")
    if _shape(tail) != _shape(head):
        raise UsageError(f"clips of {_shape(tail)} and {_shape(head)}: both must have the same latent size")
    before, after = tail.shape[2], head.shape[2]
    length = before + gap + after
    track = None
    if len(prompts) == 2:
        middle = before + gap // 2
        track = crossfade(length, before, before + gap) if fade else crossfade(length, middle, middle)
    known = {**_numbered(tail, 0), **_numbered(head, before + gap)}
    source = None if strength == 1 else dissolve(known)
    shots = (Shot(seed=seed, first=first),)
    return Request(length, _shape(tail), shots, prompts, known, anchor, source=source, strength=strength, track=track)


def close_loop(
    tail: Tensor, head: Tensor, gap: int, prompt: str = "", seed: int = 0, *, first: int = 0, strength: float = 1.0
) -> Request:
    """`gap` latents that lead from the end of a clip back to its own beginning: tail, new, head."""
    return connect(tail, head, gap, (prompt,), seed, first=first, strength=strength)


def dissolve(known: Mapping[int, Tensor]) -> Callable[[int], Tensor]:
    """A source for `Request`: latents [C, h, w] by index, mixed of the known ones before and after in proportion."""
    places = sorted(known)

    def mixed(index: int) -> Tensor:
        at = bisect_left(places, index)
        if at in (0, len(places)):
            return known[places[min(at, len(places) - 1)]]
        before, after = places[at - 1], places[at]
        return torch.lerp(known[before], known[after], (index - before) / (after - before))

    return mixed


def remix(
    source: Tensor | Callable[[int], Tensor],
    length: int,
    shape: tuple[int, int, int],
    prompt: str = "",
    seed: int = 0,
    *,
    strength: float | str | Sequence[float] = "mild",
    known: Mapping[int, Tensor] | None = None,
) -> Request:
    """The same clip after another prompt: every latent starts at noise level `strength` (a number, a word, or a number
    each; see `slope`)."""
    if isinstance(strength, str):
        if strength not in STRENGTHS:
            raise UsageError(f"strength {strength!r}: give one of {', '.join(STRENGTHS)}, or a number from 0 to 1")
        strength = STRENGTHS[strength]
    return Request(length, shape, (Shot(seed=seed),), (prompt,), known or {}, source=source, strength=strength)


def slope(begin: float, end: float, length: int) -> list[float]:
    """Strengths of `length` latents that change evenly from `begin` to `end`."""
    return torch.linspace(begin, end, length, dtype=torch.float64).tolist()


def _shape(latents: Tensor) -> tuple[int, int, int]:
    if latents.ndim != 5 or latents.shape[0] != 1 or not latents.shape[2]:
        raise UsageError(f"latents {tuple(latents.shape)}: want (1, C, T, h, w) with at least one latent frame")
    return latents.shape[1], latents.shape[3], latents.shape[4]


def _numbered(latents: Tensor, start: int) -> dict[int, Tensor]:
    _shape(latents)
    return {start + place: latent for place, latent in enumerate(torch.unbind(latents[0], 1))}
