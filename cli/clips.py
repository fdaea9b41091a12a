"""Input clips and pictures as latents: read once from disk, a few frames of each end in memory, whatever the length."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..engine.capability import Capability
from ..engine.timeline import Timeline
from ..media.read import probe, read_frames, read_image
from ..media.sound import FileSound
from ..models.box import decode_stream
from ..models.vae import VideoVAE
from ..take.stills import Clip, Stills

END = 32  # latents of each end of a clip that are kept: context for the model and lead-in for the decoder


@dataclass
class Stage:
    """Where latents are made: the VAE on `device`, what its model can do, the frame rate, and the sizes (width, height) of plan
    and canvas."""

    vae: VideoVAE
    capability: Capability
    device: torch.device
    fps: float
    size: tuple[int, int]
    canvas: tuple[int, int]

    @property
    def timeline(self) -> Timeline:
        """Frames and latents of the model."""
        return self.capability.timeline

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a latent."""
        return self.vae.channels, self.canvas[1] // self.vae.spatial, self.canvas[0] // self.vae.spatial

    def widen(self, frames: Tensor) -> Tensor:
        """Frames [T, H, W, 3] of the plan's size to the canvas, edges repeated, so that the middle crop undoes it."""
        high, wide = self.canvas[1] - frames.shape[1], self.canvas[0] - frames.shape[2]
        edges = (wide // 2, wide - wide // 2, high // 2, high - high // 2)
        return pad(frames.permute(0, 3, 1, 2), edges, mode="replicate").permute(0, 2, 3, 1) if wide or high else frames

    @property
    def stills(self) -> Stills:
        """Single frames of clips, for the way between them."""

        def decode(latents: Tensor) -> Tensor:
            return torch.cat(list(self.decode([latents])))

        return Stills(decode, lambda frames: self.encode_all(frames)[0], self.timeline, self.vae.warm)

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """Latents [1, C, T/4, h, w] on the CPU of frames [T, H, W, 3] of the plan's size, T a multiple of 4."""
        return self.vae.encode(self.widen(frames)[None].to(self.device)).float().cpu()

    @torch.no_grad()
    def encode_all(self, frames: Iterable[Tensor]) -> tuple[Tensor, int]:
        """Latents [1, C, n, h, w] and count of all `frames` [H, W, 3]; the last is repeated to fill its latent."""
        stream, step = self.vae.encoder_stream(), 2 * self.vae.frames_per_latent
        latents, count, held = [], 0, []
        for frame in frames:
            held.append(frame)
            count += 1
            if len(held) == step:
                latents.append(stream(self.widen(torch.stack(held))[None].to(self.device)).float().cpu())
                held = []
        if held:
            held += [held[-1]] * (-len(held) % self.vae.frames_per_latent)
            latents.append(stream(self.widen(torch.stack(held))[None].to(self.device)).float().cpu())
        return torch.cat(latents, 2), count

    def decode(self, chunks: Iterable[Tensor], lead_in: Tensor | None = None) -> Iterator[Tensor]:
        """Frames [T, H, W, 3] on the CPU, of the canvas, chunk after chunk of latents [1, C, n, h, w].

        `lead_in` latents fill the decoder's memory first; their frames are dropped.
        """
        frames = decode_stream(self.vae, chunks if lead_in is None else chain([lead_in], chunks), self.device)
        spare = 0 if lead_in is None else lead_in.shape[2] * self.timeline.rest
        for part in frames:
            if spare < len(part):
                yield part[spare:]
            spare = max(0, spare - len(part))


@dataclass
class InputClip:
    """An input clip at the plan's size and rate: its length, and the latents [1, C, n, h, w] of its two ends.

    `head` begins with the first frame and `tail` ends with the last, up to END latents; a clip shorter than one latent
    is filled up with copies of its first (tail) or last (head) frame. `heard`: it has sound.
    """

    path: Path
    stage: Stage
    frames: int
    head: Tensor
    tail: Tensor
    heard: bool = False

    def sound(self, frame: int) -> list[FileSound]:
        """Its sound, where it has any, in a film in which it begins at `frame`."""
        fps = Fraction(self.stage.fps).limit_denominator(100_000)
        return [FileSound(self.path, frame / fps, self.frames / fps)] if self.heard else []

    def ending(self) -> Clip:
        """Its last latents, held to its first."""
        first = max(0, self.frames // self.stage.timeline.rest - self.tail.shape[2])
        return Clip(self.tail, str(self.path), first, self.head[0, :, 0])

    def beginning(self) -> Clip:
        """Its first latents, held to its last."""
        return Clip(self.head, str(self.path), 0, self.tail[0, :, -1])

    def read(self) -> Iterator[Tensor]:
        """All frames [H, W, 3], from disk."""
        return read_frames(self.path, fps=self.stage.fps, size=self.stage.size)


def open_clip(path: Path, stage: Stage) -> InputClip:
    """Reads `path` once and encodes its ends. Raises MediaError where it holds no video."""
    unit = stage.vae.frames_per_latent
    first: list[Tensor] = []
    last: deque[Tensor] = deque(maxlen=END * unit)
    count = 0
    for frame in read_frames(path, fps=stage.fps, size=stage.size):
        if len(first) < END * unit:
            first.append(frame)
        last.append(frame)
        count += 1
    held = max(unit, min(END * unit, count // unit * unit))
    head = (first + [first[-1]] * unit)[:held]
    tail = ([last[0]] * unit + list(last))[-held:]
    ends = stage.encode(torch.stack(head)), stage.encode(torch.stack(tail))
    return InputClip(path, stage, count, *ends, heard=bool(probe(path).sound))


def picture(path: Path, stage: Stage) -> tuple[Tensor, Tensor]:
    """A still as pixels [H, W, 3] and as one latent [1, C, 1, h, w]. Raises MediaError."""
    pixels = read_image(path, stage.size)
    return pixels, stage.encode(pixels.expand(stage.vae.frames_per_latent, *pixels.shape))
