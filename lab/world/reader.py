"""Attribute reader: a small 3-D convolutional classifier that says what a clip shows. It is the judge of generated
video, so it is trained on renders alone and shares no weights with the generator."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.prompts.scene import ATTRIBUTES, NEWEST, known_values

FRAMES = 16
HEIGHT = 64


class Reader(nn.Module):
    """Clips of 16 frames at 8 fps to class scores of every attribute of a one-figure scene, of those values that an edition
    of the vocabulary has."""

    def __init__(self, width: int = 32, edition: int = NEWEST):
        super().__init__()
        w = width

        def stage(a: int, b: int, k: tuple[int, int, int], s: tuple[int, int, int]) -> nn.Sequential:
            pad = (k[0] // 2, k[1] // 2, k[2] // 2)
            return nn.Sequential(nn.Conv3d(a, b, k, s, pad, bias=False), nn.GroupNorm(8, b), nn.SiLU())

        self.net = nn.Sequential(
            stage(3, w, (3, 5, 5), (2, 2, 2)),
            stage(w, 2 * w, (3, 3, 3), (1, 2, 2)),
            stage(2 * w, 3 * w, (3, 3, 3), (2, 2, 2)),
            stage(3 * w, 4 * w, (3, 3, 3), (1, 2, 2)),
            stage(4 * w, 4 * w, (3, 3, 3), (2, 1, 1)),
        )
        self.heads = nn.ModuleDict({k: nn.Linear(8 * w, len(v)) for k, v in known_values(edition).items()})

    def maps(self, clips: Tensor) -> Tensor:
        """What is seen in clips before it is named: pixels as for `forward` to [B, channels, t, h, w]."""
        return self.net(clips.permute(0, 4, 1, 2, 3) * 4 - 2)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """Pixels [B, 16, H, W, 3] in 0..1, already `fit`, to scores [B, classes] by attribute."""
        x = self.maps(clips)
        x = torch.cat([x.mean((2, 3, 4)), x.amax((2, 3, 4))], 1)
        return {k: head(x) for k, head in self.heads.items()}


def fit(pixels: Tensor, fps: float = 8.0) -> Tensor:
    """Bring pixels [B, T, H, W, 3] at `fps` to the reader's input: 16 frames at 8 fps, 64 high.

    The first 2 seconds are read; a shorter clip is played to and fro.
    """
    picks = torch.arange(FRAMES) * fps / 8.0
    last = max(pixels.shape[1] - 1, 0)
    picks = picks.round().long()
    if last:
        picks = last - (picks % (2 * last) - last).abs()
    x = pixels[:, picks.clamp(0, last)]
    b, t, h, w, _ = x.shape
    size = (HEIGHT, max(16, round(w * HEIGHT / h)))
    x = F.interpolate(x.flatten(0, 1).permute(0, 3, 1, 2), size=size, mode="bilinear", antialias=True, align_corners=False)
    return x.permute(0, 2, 3, 1).unflatten(0, (b, t))


@torch.no_grad()
def read(reader: Reader, pixels: Tensor, fps: float = 8.0) -> list[dict[str, str]]:
    """What each clip [B, T, H, W, 3] in 0..1 shows: attribute -> value."""
    scores = reader(fit(pixels, fps))
    return [{k: ATTRIBUTES[k][int(s[i].argmax())] for k, s in scores.items()} for i in range(len(pixels))]
