"""The noise matrix: the noise level of every latent frame before and after every step, `sigma[step, frame]` in 0..1.

One row more than there are model calls. Level 1 is pure noise, 0 is clean: x_sigma = (1 - sigma) x0 + sigma eps.
Text to video, extension, keyframes, remix and the rolling queue differ only in this matrix and in what is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ..errors import UsageError


def schedule(steps: int, shift: float = 1.0) -> Tensor:
    """Levels [steps + 1] from exactly 1 to exactly 0: sigma = shift t / (1 + (shift - 1) t) (SD3, arXiv 2403.03206).

    Raises UsageError where steps < 1 or shift <= 0.
    """
    if steps < 1:
        raise UsageError(f"steps {steps}: give at least 1")
    if not 0 < shift < float("inf"):
        raise UsageError(f"shift {shift}: give a number above 0, such as 2.5")
    t = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    return (shift * t / (1 + (shift - 1) * t)).float()


def truncate(levels: Tensor, start: float) -> Tensor:
    """The part of a schedule below `start` (0..1), beginning with `start`: SDEdit (arXiv 2108.01073).

    `start` 0 gives the single level 0: nothing to do. Raises UsageError outside 0..1.
    """
    if not 0 <= start <= 1:
        raise UsageError(f"strength {start}: give a number from 0 (keep) to 1 (all new)")
    first = torch.tensor([start], dtype=levels.dtype)
    return torch.cat([first, levels[levels < first]])


def sync_matrix(levels: Tensor, frames: int, start: float | Tensor = 1.0) -> Tensor:
    """[S + 1, frames]: all frames share one schedule, begun at level `start`.

    With a level a frame (`start` [frames]) the schedule begins at the highest, and each frame joins in when it comes down
    to the frame's own.
    """
    if isinstance(start, Tensor):
        return torch.minimum(truncate(levels, float(start.max()))[:, None], start[None].to(levels.dtype))
    return truncate(levels, start)[:, None].expand(-1, frames).clone()


def ramp_rows(levels: Tensor, rows: Iterable[int], frames: Sequence[int], every: int) -> Tensor:
    """Rows of the ramp: frame i begins `every * i` steps late, at row m its level is levels[clip(m - every i, 0, K)].

    `rows` are row numbers, `frames` frame numbers in the order they finish; gives [len(rows), len(frames)]. A queue
    that rolls along this ramp is FIFO-Diffusion (arXiv 2405.11473) with per-frame levels the model knows.
    """
    place = torch.tensor(list(rows))[:, None] - every * torch.tensor(list(frames))[None]
    return levels[place.clamp(0, len(levels) - 1)]


def queue_shape(steps: int, queue: int) -> tuple[int, int]:
    """(steps between two finished frames, frames in flight) for about `queue` frames in flight over `steps` levels."""
    if queue < 1:
        raise UsageError(f"queue of {queue} frames: give at least 1")
    every = max(1, round(steps / queue))
    return every, -(-steps // every)


def keep_known(matrix: Tensor, keep: Tensor, level: float | Tensor) -> Tensor:
    """The matrix with the columns of kept frames (`keep` [T] bool) held at `level` (a number or [T])."""
    fixed = torch.as_tensor(level, dtype=matrix.dtype).expand(matrix.shape[1])
    return torch.where(keep[None], fixed[None], matrix)


def check_matrix(sigma: Tensor, keep: Tensor) -> None:
    """Raises UsageError unless levels lie in 0..1, never rise, and stand still where frames are kept."""
    if sigma.ndim != 2 or keep.shape != sigma.shape[1:]:
        raise UsageError(f"noise matrix {tuple(sigma.shape)} with keep mask {tuple(keep.shape)}: want [S+1, T] and [T]")
    if not bool(((sigma >= 0) & (sigma <= 1)).all()):
        raise UsageError("noise matrix: levels must lie between 0 and 1")
    if bool((sigma.diff(dim=0) > 0).any()):
        raise UsageError("noise matrix: levels must not rise from one step to the next")
    if bool((sigma[:, keep] != sigma[:1, keep]).any()):
        raise UsageError("noise matrix: the level of a kept frame must stay the same at every step")
