"""Text adapter: reads what a prompt says about each attribute out of the token states of a sentence encoder.

Learned queries (one a slot) attend to the tokens, in the manner of a Perceiver resampler (arXiv 2204.14198). Each slot
is trained, on text alone, to name its attribute or to say that the prompt leaves it open; the diffusion
transformer then gets text already sorted by meaning.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .prompts.scene import NEWEST, known_values

NAMES = ("subject1", "colour1", "subject2", "colour2", "subject3", "colour3", "setting", "time", "weather", "action", "camera")


def slot_classes(edition: int = NEWEST) -> dict[str, int]:
    """Slot -> number of classes in that edition of the vocabulary; one more class means "not said"."""
    known = known_values(edition)
    return {name: len(known[name.rstrip("123")]) for name in NAMES}


def edition_of(state: dict[str, Tensor]) -> int:
    """The edition of the vocabulary that the weights of an adapter know, by the size of their heads.

    Raises StopIteration for weights of another net.
    """
    sizes = {name: len(state[f"heads.{name}.bias"]) - 1 for name in NAMES}
    return next(edition for edition in range(1, NEWEST + 1) if slot_classes(edition) == sizes)


SLOTS = slot_classes()
"""The slots of the newest edition."""


class Layer(nn.Module):
    """Slots attend to the tokens, then to each other, then pass an MLP. Slots [P, S, W], tokens [P, L, W]."""

    def __init__(self, width: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.q, self.kv, self.o = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.qkv, self.o2 = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, slots: Tensor, tokens: Tensor, bias: Tensor) -> Tensor:
        k, v = self.kv(tokens).chunk(2, -1)
        y = F.scaled_dot_product_attention(self._split(self.q(self.norm1(slots))), self._split(k), self._split(v), attn_mask=bias)
        slots = slots + self.o(y.transpose(1, 2).flatten(2))
        q, k, v = self.qkv(self.norm2(slots)).chunk(3, -1)
        y = F.scaled_dot_product_attention(self._split(q), self._split(k), self._split(v))
        slots = slots + self.o2(y.transpose(1, 2).flatten(2))
        return slots + self.mlp(self.norm3(slots))


class TextAdapter(nn.Module):
    """Token states [P, L, text] with mask [P, L] to slots [P, len(SLOTS), width]."""

    def __init__(self, text: int = 384, width: int = 192, depth: int = 2, edition: int = NEWEST):
        super().__init__()
        self.width, self.edition = width, edition
        self.embed = nn.Sequential(nn.LayerNorm(text), nn.Linear(text, width))
        self.queries = nn.Parameter(torch.randn(len(SLOTS), width))
        self.layers = nn.ModuleList(Layer(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.heads = nn.ModuleDict({k: nn.Linear(width, n + 1) for k, n in slot_classes(edition).items()})

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        bias = torch.zeros(mask.shape, device=states.device, dtype=states.dtype).masked_fill(~mask, float("-inf"))[:, None, None]
        tokens = self.embed(states)
        slots = self.queries.expand(len(states), -1, -1)
        for layer in self.layers:
            slots = layer(slots, tokens, bias)
        return self.norm(slots)

    def logits(self, slots: Tensor) -> dict[str, Tensor]:
        """Class scores of every slot: [P, classes + 1], the last class being "not said"."""
        return {k: head(slots[:, i]) for i, (k, head) in enumerate(self.heads.items())}
