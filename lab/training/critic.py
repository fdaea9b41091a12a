"""A patch critic of decoded frames, for sharpness at the end of the autoencoder's training (PatchGAN, arXiv 1611.07004)."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Critic(nn.Module):
    """Groups of frames [N, C, H, W] to a score a patch [N, 1, H/4, W/4], and the features of every layer.

    Layers have stride 1 and are halved by averaging: strided kernels see some pixels more often than others, and
    what learns from them shows it as a grid of dots.
    """

    def __init__(self, channels: int = 12, width: int = 48):
        super().__init__()
        widths = (channels, width, 2 * width, 3 * width)
        layers = [nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths)]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight, 0.2)
        self.layers = nn.ModuleList(layers)
        self.score = nn.Conv2d(widths[-1], 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = []
        for k, layer in enumerate(self.layers):
            x = F.leaky_relu(layer(x if k == 0 else F.avg_pool2d(x, 2)), 0.2)
            features.append(x)
        return self.score(x), features


def hinge(real: Tensor, made: Tensor) -> Tensor:
    """What a critic pays for scores of real and of made patches on the wrong side (arXiv 1705.02894)."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + made.float()).mean()


def alike(features: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Mean distance of two lists of features, `wanted` taken as given (feature matching, arXiv 1606.03498)."""
    return torch.stack([(a.float() - b.detach().float()).abs().mean() for a, b in zip(features, wanted, strict=True)]).sum()
