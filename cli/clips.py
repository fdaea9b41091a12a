"""Input clips and pictures as latents: read once from disk, a few frames of each end in memory, whatever the length."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..engine.timeline import Timeline
from ..media.read import read_frames, read_image
from ..models.vae import VideoVAE

END = 8  # latents of each end of a clip that are kept: context for the model and lead-in for the decoder


@dataclass
class Stage:
    """Where latents are made: the VAE on `device`, the frame rate, and the sizes (width, height) of plan and canvas."""

    vae: VideoVAE
    device: torch.device
    fps: float
    size: tuple[int, int]
    canvas: tuple[int, int]

    @property
    def timeline(self) -> Timeline:
        """Every latent of the VAE in the box stands for the same number of frames."""
        return Timeline(self.vae.frames_per_latent, self.vae.frames_per_latent)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a latent."""
        return self.vae.channels, self.canvas[1] // self.vae.spatial, self.canvas[0] // self.vae.spatial

    def widen(self, frames: Tensor) -> Tensor:
        """Frames [T, H, W, 3] of the plan's size to the canvas, edges repeated, so that the middle crop undoes it."""
        high, wide = self.canvas[1] - frames.shape[1], self.canvas[0] - frames.shape[2]
        edges = (wide // 2, wide - wide // 2, high // 2, high - high // 2)
        return pad(frames.permute(0, 3, 1, 2), edges, mode="replicate").permute(0, 2, 3, 1) if wide or high else frames

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
        stream = self.vae.decoder_stream()
        at_once = max(1, 2**16 // (self.canvas[0] * self.canvas[1]))  # few at once: a third faster, and 250 MB less, than many
        if lead_in is not None:
            self._decode(stream, lead_in)
        for latents in chunks:
            for part in latents.split(at_once, 2):
                yield self._decode(stream, part)

    @torch.no_grad()
    def _decode(self, stream: Callable[[Tensor], Tensor], latents: Tensor) -> Tensor:
        return stream(latents.to(self.device))[0].float().cpu()


@dataclass
class Clip:
    """An input clip at the plan's size and rate: its length, and the latents [1, C, n, h, w] of its two ends.

    `head` begins with the first frame and `tail` ends with the last, up to END latents; a clip shorter than one latent
    is filled up with copies of its first (tail) or last (head) frame.
    """

    path: Path
    stage: Stage
    frames: int
    head: Tensor
    tail: Tensor

    def read(self) -> Iterator[Tensor]:
        """All frames [H, W, 3], from disk."""
        return read_frames(self.path, fps=self.stage.fps, size=self.stage.size)


def open_clip(path: Path, stage: Stage) -> Clip:
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
    return Clip(path, stage, count, stage.encode(torch.stack(head)), stage.encode(torch.stack(tail)))


def picture(path: Path, stage: Stage) -> tuple[Tensor, Tensor]:
    """A still as pixels [H, W, 3] and as one latent [1, C, 1, h, w]. Raises MediaError."""
    pixels = read_image(path, stage.size)
    return pixels, stage.encode(pixels.expand(stage.vae.frames_per_latent, *pixels.shape))
