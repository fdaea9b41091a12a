"""Wan's VAEs decoded as a stream: the host's own cache of causal features, carried from one chunk of latents to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import comfy.ldm.wan.vae
import torch
from torch import Tensor

try:
    import comfy.ldm.wan.vae2_2 as wan22
except ImportError:  # an older host
    wan22 = None


class CausalDecoder:
    """Decodes the latents of one video in order; what it gives is what one decode of all would give, nothing twice but a latent
    that is still alone in its pair. `device` and `dtype` are those the VAE runs with."""

    def __init__(self, net: Any, device: Any, dtype: torch.dtype):
        self.net, self.device, self.dtype = net, device, dtype
        self.pairs = isinstance(net, comfy.ldm.wan.vae.WanVAE)
        count = comfy.ldm.wan.vae.count_cache_layers if self.pairs else wan22.count_conv3d
        self.cache: list[Any] = [None] * count(net.decoder)
        self.begun = False
        self.alone: Tensor | None = None

    @staticmethod
    def fits(net: Any) -> bool:
        """Whether the VAE's decoder is one of those that carry a cache."""
        kinds = [comfy.ldm.wan.vae.WanVAE, *([] if wan22 is None else [wan22.WanVAE])]
        return type(net) in kinds and hasattr(net, "conv2")

    def frames(self, latents: Tensor) -> Iterator[Tensor]:
        """Frames [1, 3, n, H, W] in the VAE's own range, of one or two latents at a time, of the next latents
        [1, C, n, h, w]."""
        parts = list(self.net.conv2(latents.to(self.device, self.dtype)).split(1, 2))
        if not self.pairs:
            for part in parts:
                yield self._run(part, self.cache)
            return
        while parts:
            if not self.begun:
                yield self._run(parts.pop(0), self.cache)
            elif self.alone is not None:  # its first latent has been shown
                pair = self._run(torch.cat([self.alone, parts.pop(0)], 2), self.cache)
                self.alone = None
                yield pair[:, :, pair.shape[2] // 2 :]
            elif len(parts) > 1:
                yield self._run(torch.cat([parts.pop(0), parts.pop(0)], 2), self.cache)
            else:
                self.alone = parts.pop(0)
                yield self._run(self.alone, list(self.cache))

    def _run(self, part: Tensor, cache: list[Any]) -> Tensor:
        """One step of the decoder, which changes the cache."""
        first, self.begun = not self.begun, True
        if self.pairs:
            return torch.cat(self.net.decoder(part, feat_cache=cache, feat_idx=[0]), 2)
        more = {"first_chunk": True} if first else {}
        return wan22.unpatchify(self.net.decoder(part, feat_cache=cache, feat_idx=[0], **more), patch_size=2)
