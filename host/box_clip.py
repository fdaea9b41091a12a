"""The sentence encoder as a CLIP: stock text nodes give token states of a prompt, rewritten as a caption unless the loader
was told not to; a prompt with (weighted:1.2) words is taken as it is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

import comfy.sd
import comfy.sd1_clip
import comfy.supported_models_base
import torch
from torch import Tensor, nn

from ..errors import UsageError
from ..models.recaption import Recaptioner
from ..models.text import TextEncoder, load_text
from .guarding import check_texts
from .progress import Watch

NAME = "longtake"
log = logging.getLogger(__name__)


class Tokenizer:
    """Prompt to one row of (token id, weight)."""

    def __init__(self, embedding_directory: Any = None, tokenizer_data: dict[str, Any] | None = None):
        given = tokenizer_data or {}
        self.encoder, self.recaptioner, self.rewrite = given["encoder"], given["recaptioner"], given["rewrite"]

    @cached_property
    def recaption(self) -> Recaptioner:
        """What rewrites prompts, loaded when the first prompt comes."""
        return self.recaptioner(self.encoder)

    def caption(self, text: str) -> tuple[str, str]:
        """`text` as a caption, and a note on what was read, added and replaced; a prompt with weights stays as it is."""
        plain, spans = _weights(text)
        if not set(spans) <= {1.0}:
            return text, "the prompt has weights: it is taken as written"
        made = self.recaption([plain])[0]
        return (text if made.completed is None else made.text), made.note()

    def tokenize_with_weights(self, text: str, return_word_ids: bool = False, **kwargs: Any) -> dict[str, list[list[tuple]]]:
        """Tokens of `text` with the weights its brackets give, cut at the encoder's longest prompt."""
        check_texts([text])
        if self.rewrite:
            caption, note = self.caption(text)
            if caption != text:
                log.info("prompt %s", note)
                Watch().say(f"{caption}\n{note}")
            text = caption
        plain, spans = _weights(text)
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


def _weights(text: str) -> tuple[str, list[float]]:
    """A prompt without the brackets of its weights, and the weight of every character."""
    plain, spans = "", []
    for piece, weight in comfy.sd1_clip.token_weights(comfy.sd1_clip.escape_important(text), 1.0):
        piece = comfy.sd1_clip.unescape_important(piece)
        spans += [weight] * len(piece)
        plain += piece
    return plain, spans


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


def make_clip(recaptioner: Callable[[TextEncoder], Recaptioner], rewrite: bool = True) -> comfy.sd.CLIP:
    """The CLIP, which rewrites prompts if `rewrite`; raises WeightsError where the encoder's package is missing or changed."""
    encoder = load_text()
    target = comfy.supported_models_base.ClipTarget(Tokenizer, Encoder)
    target.params = {"encoder": encoder}
    count = sum(p.numel() for p in encoder.bert.parameters())
    data = {"encoder": encoder, "recaptioner": recaptioner, "rewrite": rewrite}
    return comfy.sd.CLIP(target, parameters=count, tokenizer_data=data)


def caption(clip: Any, text: str) -> tuple[str, str]:
    """A prompt as the captions that the model of `clip` was trained on, and what was read, added and replaced, in words.

    Raises UsageError for the CLIP of another model.
    """
    tokenizer = getattr(clip, "tokenizer", None)
    if not isinstance(tokenizer, Tokenizer):
        raise UsageError("this CLIP is of another model, which knows more than these captions: give that of Load LongTake Model")
    return tokenizer.caption(text)
