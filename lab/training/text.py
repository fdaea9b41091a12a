"""Training the text adapter on text alone, captions and prompts as people type them: every slot names its attribute or
says that the prompt leaves it open."""

from __future__ import annotations

import random
import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import UsageError
from ...models.adapter import SLOTS, TextAdapter, slot_classes
from ...models.prompts.captions import caption
from ...models.prompts.scene import ATTRIBUTES, COLOURS, NEWEST, Scene, World, known_values
from ...models.prompts.vocabulary import COLOUR_WORDS, SYNONYMS
from ...models.text import TextEncoder
from ..world.prompt_grammar import COLOURS as MORE_COLOURS
from ..world.prompt_grammar import prompt
from ..world.subjects import RGB
from .run import Run

TYPED = 0.6
"""Share of prompts as people type them; the others are captions."""
RUDE = re.compile("poo|piss|shit|barf|puke|snot|vomit|booger|diarr|sick|ugly|nasty|baby|bile")
GREY, BRIGHT, ALIKE = 25.0, 90.0, 45.0
"""Colours of less chroma are grey, unless they are lighter than this; further away, in Lab, they are another colour."""
DULL = ("brown", "grey", "black")


def slot_labels(scene: Scene, said: frozenset[str], slots: dict[str, int] = SLOTS) -> list[int]:
    """Class of every slot; an attribute that is not said, and a figure that is not there, get the last class."""
    out = []
    for slot, unsaid in slots.items():
        name, place = (slot[:-1], int(slot[-1]) - 1) if slot[-1].isdigit() else (slot, 0)
        if name not in said or (name in ("subject", "colour") and place >= len(scene.subjects)):
            out.append(unsaid)
        elif name in ("subject", "colour"):
            figure = scene.subjects[place]
            out.append(ATTRIBUTES[name].index(figure.kind if name == "subject" else figure.colour))
        else:
            out.append(ATTRIBUTES[name].index(getattr(scene, name)))
    return out


def colour_names() -> dict[str, tuple[str, ...]]:
    """Names that people gave to colours (the XKCD colour survey, CC0, as matplotlib has it), by the colour of the world that
    looks most like each; dull ones that look like a bright one, and words kept for the evaluation are left out."""
    import kornia
    from matplotlib.colors import XKCD_COLORS, to_rgb

    def lab(rgb: list[tuple[float, float, float]]) -> Tensor:
        return kornia.color.rgb_to_lab(torch.tensor(rgb).T[None, :, :, None])[0, :, :, 0].T

    kept = {w for phrase in SYNONYMS["colour"] for w in phrase.split()}
    owner = {w: c for table in (COLOUR_WORDS, MORE_COLOURS) for c, ways in table.items() for way in ways for w in way.split()}
    names = [n.removeprefix("xkcd:") for n in XKCD_COLORS if not RUDE.search(n) and not kept & set(re.split("[ /:]", n))]
    seen, world = lab([to_rgb(XKCD_COLORS[f"xkcd:{n}"]) for n in names]), lab([RGB[c] for c in COLOURS])
    distance, nearest = torch.cdist(seen, world).min(1)
    vivid = (seen[:, 1:].norm(dim=1) > GREY) | (seen[:, 0] > BRIGHT)
    found: dict[str, list[str]] = {c: [] for c in COLOURS}
    for name, k, far, bright in zip(names, nearest, distance, vivid, strict=True):
        colour = COLOURS[int(k)]
        claimed = {owner[w] for w in name.split() if w in owner and w not in ("dark", "bright")}  # "orange pink" is neither
        if far < ALIKE and (bright or colour in DULL) and claimed <= {colour}:
            found[colour].append(name)
    return {c: tuple(n) for c, n in found.items()}


def encode_captions(text: TextEncoder, prompts: list[str], chunk: int = 64) -> list[Tensor]:
    """Token states [L, 384] of every prompt in half precision; sorted by length so that little is padded."""
    out: list[Tensor] = [torch.empty(0)] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for k in range(0, len(order), chunk):
        rows = order[k : k + chunk]
        states, mask = text([prompts[i] for i in rows])
        for i, s, m in zip(rows, states, mask, strict=True):
            out[i] = s[m].half()
    return out


def pad_states(states: list[Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """Token states of many prompts as one batch [P, L, 384] and mask [P, L]."""
    length = max(len(s) for s in states)
    out = torch.zeros(len(states), length, states[0].shape[-1], device=device)
    mask = torch.zeros(len(states), length, dtype=torch.bool, device=device)
    for i, s in enumerate(states):
        out[i, : len(s)] = s.to(device).float()
        mask[i, : len(s)] = True
    return out, mask


def train_text(
    world: World,
    text: TextEncoder,
    out: Path,
    *,
    minutes: float,
    total: float,
    device: torch.device,
    batch: int = 192,
    lr: float = 1e-3,
    seed: int = 0,
    start: dict[str, Tensor] | None = None,
    edition: int = NEWEST,
) -> TextAdapter:
    """Train the adapter; captions are encoded as it goes and used many times. Returns the averaged adapter.

    start: weights to begin from where `out` holds no run yet, of that `edition` of the vocabulary. Raises UsageError where
    `world` has values that the edition does not know.
    """
    known = known_values(edition)
    if unknown := [v for name, values in world.values().items() for v in values if v not in known[name]]:
        raise UsageError(f"these weights have no words for {', '.join(unknown)}; give --world small or begin from nothing")
    slots = slot_classes(edition)
    torch.manual_seed(seed)
    model = TextAdapter(edition=edition).to(device)
    if start is not None:
        model.load_state_dict(start)
    run = Run(out, model, torch.optim.AdamW(model.parameters(), lr, weight_decay=0.05), minutes=minutes, total=total)
    rng = random.Random(seed + run.step)
    names = colour_names()
    states: list[Tensor] = list(encode_captions(text, [""]))
    labels: list[list[int]] = [list(slots.values())]
    for step in run.steps():
        if len(states) < 1024 or (step % 3 == 0 and len(states) < 60000):
            scenes = [world.sample(rng.randrange(10_000_000)) for _ in range(64)]
            captions = [
                (prompt(s, rng.randrange(2**40), names) if rng.random() < TYPED else caption(s, rng.randrange(2**40)))
                for s in scenes
            ]
            states += encode_captions(text, [c.text for c in captions])
            labels += [slot_labels(s, c.said, slots) for s, c in zip(scenes, captions, strict=True)]
        picks = [0 if rng.random() < 0.01 else rng.randrange(len(states)) for _ in range(batch)]
        tokens, mask = pad_states([states[i] for i in picks], device)
        tokens = (
            tokens + 0.5 * torch.rand(len(tokens), 1, 1, device=device) * torch.randn_like(tokens) * tokens.std()
        )  # words never seen should land near known ones
        drop = (torch.rand(mask.shape, device=device) < 0.05) & (mask.sum(1, keepdim=True) > 8)
        scores = model.logits(model(tokens, mask & ~drop))
        target = torch.tensor([labels[i] for i in picks], device=device)
        losses = [F.cross_entropy(s, target[:, k], label_smoothing=0.02) for k, s in enumerate(scores.values())]
        right = torch.stack([(s.argmax(1) == target[:, k]).float().mean() for k, s in enumerate(scores.values())])
        run.update(torch.stack(losses).mean(), right=float(right.mean()))
    model.load_state_dict(run.ema.shadow)
    return model.eval()
