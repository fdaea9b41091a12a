"""The sentence encoder as a CLIP: stock text nodes give token states of a prompt, rewritten as a caption unless the loader
was told not to; a prompt with (weighted:1.2) words is taken as it is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import comfy.sd
import comfy.sd1_clip
import comfy.supported_models_base
import torch
from torch import Tensor, nn

from ..models.recaption import Recaptioner
from ..models.text import TextEncoder, load_text

NAME = "longtake"
log = logging.getLogger(__name__)


class Tokenizer:
    """Prompt to one row of (token id, weight)."""

    def __init__(self, embedding_directory: Any = None, tokenizer_data: dict[str, Any] | None = None):
        self.encoder, self.recaption = (tokenizer_data or {})["encoder"], (tokenizer_data or {})["recaption"]

    def tokenize_with_weights(self, text: str, return_word_ids: bool = False, **kwargs: Any) -> dict[str, list[list[tuple]]]:
        """Tokens of `text` with the weights its brackets give, cut at the encoder's longest prompt."""
        parts = comfy.sd1_clip.token_weights(comfy.sd1_clip.escape_important(text), 1.0)
        spans, plain = [], ""
        for piece, weight in parts:
            piece = comfy.sd1_clip.unescape_important(piece)
            spans += [weight] * len(piece)
            plain += piece
        if self.recaption is not None and set(spans) <= {1.0}:
            made = self.recaption([plain])[0]
            plain, spans = made.text, [1.0] * len(made.text)
            if made.completed is not None:
                log.info("prompt %s", made.note())
        encoded = self.encoder.tokenizer.encode(plain)
        row = []
        for number, (token, (begin, end), mark) in enumerate(
            zip(encoded.ids, encoded.offsets, encoded.special_tokens_mask, strict=True)
        ):
            weight = 1.0 if mark or end <= begin else spans[begin]
            row.append((token, weight, number) if return_word_ids else (token, weight))
        return {NAME: [row]}

    def untokenize(self, tokens: list[tuple]) -> list[tuple]:
        """Each token with the text it stands for."""
        return [(token, self.encoder.tokenizer.id_to_token(token[0])) for token in tokens]

    def state_dict(self) -> dict[str, Tensor]:
        """Nothing to save: the tokenizer belongs to the encoder's package."""
        return {}


class Encoder(nn.Module):
    """Token rows to conditioning [1, L, 384]; always float32, it is small."""

    def __init__(self, encoder: TextEncoder, device: Any = None, dtype: Any = None, model_options: dict[str, Any] | None = None):
        super().__init__()
        self.bert = encoder.bert
        self.dtypes = {torch.float32}

    def set_clip_options(self, options: dict[str, Any]) -> None:
        """The encoder has no layers to skip."""

    def reset_clip_options(self) -> None:
        """As above."""

    def encode_token_weights(self, tokens: dict[str, list[list[tuple]]]) -> tuple[Tensor, Tensor]:
        """Token states, and their mean as the pooled output; a weight moves a token's state away from their mean."""
        device = next(self.bert.parameters()).device
        rows = []
        for row in tokens[NAME]:
            ids = torch.tensor([[t[0] for t in row]], device=device)
            states = self.bert(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.float()
            weights = torch.tensor([t[1] for t in row], device=device)[None, :, None]
            if bool((weights != 1).any()):
                mean = states.mean(1, keepdim=True)
                states = torch.where(weights != 1, mean + (states - mean) * weights, states)
            rows.append(states)
        states = torch.cat(rows, 1)
        return states.cpu(), states.mean(1).cpu()

    def load_sd(self, state: dict[str, Tensor]) -> Any:
        """Host's loading convention."""
        return self.load_state_dict(state, strict=False)


def make_clip(recaptioner: Callable[[TextEncoder], Recaptioner] | None) -> comfy.sd.CLIP:
    """The CLIP, which rewrites prompts where there is a `recaptioner`; raises WeightsError where the encoder's package is
    missing or changed."""
    encoder = load_text()
    recaption = recaptioner(encoder) if recaptioner else None
    target = comfy.supported_models_base.ClipTarget(Tokenizer, Encoder)
    target.params = {"encoder": encoder}
    count = sum(p.numel() for p in encoder.bert.parameters())
    return comfy.sd.CLIP(target, parameters=count, tokenizer_data={"encoder": encoder, "recaption": recaption})
