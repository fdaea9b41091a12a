"""Muon (Keller Jordan, 2024): momentum whose matrix updates are orthogonalised; AdamW for everything else.

Unlike torch.optim.Muon it also takes convolution kernels, seen as matrices [out, in * k * k].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def orthogonalise(g: Tensor, steps: int = 5) -> Tensor:
    """Nearest semi-orthogonal matrix of g [m, n] by a quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm() + 1e-7)
    flip = x.shape[0] > x.shape[1]
    x = x.T if flip else x
    for _ in range(steps):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if flip else x


class Muon(torch.optim.Optimizer):
    """Muon for the matrices and kernels of `model` whose input and output exceed 8, AdamW for all other parameters.

    `lr` is the size of an update's entries relative to Adam's (0.2 * sqrt(max(m, n)), Moonlight, arXiv 2502.16982), so
    both kinds share one scale; `scalar_lr` is AdamW's.
    """

    def __init__(
        self,
        model: nn.Module,
        lr: float,
        scalar_lr: float,
        *,
        momentum: float = 0.95,
        decay: float = 0.01,
        adamw_names: tuple[str, ...] = (),
        dtype: torch.dtype = torch.float32,
    ):
        matrix: list[nn.Parameter] = []
        other: list[nn.Parameter] = []
        for name, p in model.named_parameters():
            if p.requires_grad:
                wide = p.ndim >= 2 and p.shape[0] > 8 and p[0].numel() > 8 and not any(n in name for n in adamw_names)
                (matrix if wide else other).append(p)
        super().__init__(
            [{"params": matrix, "lr": lr, "matrix": True}, {"params": other, "lr": scalar_lr, "matrix": False}],
            {"momentum": momentum, "decay": decay},
        )
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of all parameters that have a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    (self._matrix if group["matrix"] else self._adamw)(p, p.grad, group)

    def _matrix(self, p: Tensor, grad: Tensor, group: dict) -> None:
        slot = self.state[p]
        if not slot:
            slot["momentum"] = torch.zeros_like(p)
        m = slot["momentum"].lerp_(grad, 1 - group["momentum"])
        g = grad.lerp(m, group["momentum"]).flatten(1)
        update = orthogonalise(g.to(self.dtype)).to(p.dtype).view_as(p)
        p.mul_(1 - group["lr"] * group["decay"]).add_(update, alpha=-group["lr"] * 0.2 * max(g.shape) ** 0.5)

    def _adamw(self, p: Tensor, grad: Tensor, group: dict) -> None:
        slot = self.state[p]
        if not slot:
            slot |= {"count": torch.zeros(()), "mean": torch.zeros_like(p), "square": torch.zeros_like(p)}
        slot["count"] += 1
        k = float(slot["count"])
        slot["mean"].lerp_(grad, 0.1)
        slot["square"].lerp_(grad.square(), 0.02)
        update = (slot["mean"] / (1 - 0.9**k)) / ((slot["square"] / (1 - 0.98**k)).sqrt() + 1e-8)
        p.add_(update, alpha=-group["lr"])
