"""Trains the guard's head: `python -m comfyui_longtake.lab.guard.head`. Minutes on an idle CPU; the same seed, the same weights.

Sentences are drawn from templates and taken from those that were written one by one. Thresholds are chosen on written sentences
alone: on a fifth of them, which a first head was not fitted to, and on a list that no head is fitted to. The head in the box is
fitted to all but that list.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import zlib
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ...guard.features import SIZE, features
from ...guard.names import NAMES
from ...guard.policy import CATEGORIES, MINOR, SEXUAL, SEXUAL_MINOR, mentions_minor
from ...guard.prompts import WEIGHTS
from ...guard.spelling import plain
from ...models.prompts.captions import caption
from ...models.prompts.scene import WORLDS
from ...models.text import load_text
from ..world.prompt_grammar import prompt as world_prompt
from . import harmless, refused, refused_words

SEED = 7
A_TEMPLATE = {"en": 8, "de": 8, "fr": 8}
"""Sentences drawn of a template that is refused."""
PASSING = {"en": 1600, "de": 800, "fr": 800}
WORLD = 150
WRITTEN = Path(__file__).parent / "written.tsv"
"""Sentences that were written one by one: category, language, text; - passes."""
DISGUISED = 0.3
"""Share of them that is shown with a spelling trick too."""
JOINED = 35
"""Pairs of written sentences, one after the other, for every hundred."""
VALIDATION = Path(__file__).parent / "validation.tsv"
"""Written sentences that no head is fitted to; once the test."""
WEIGHT = 2.5
"""What a written sentence weighs against one of a template."""
DECAY, EPOCHS, BATCH, RATE = 1e-6, 8, 256, 0.2
FALSE_MOST = 0.02
"""Share of the harmless sentences held out that all categories together may refuse."""
PASS_SHARE = 0.995
"""Share of them that the threshold of minors, and of the rule for minors, may not touch."""
LEAST, LEAST_SEXUAL_MINOR, MOST_SEXUAL_MINOR = 0.5, 0.15, 0.25
"""Where thresholds begin, and that of the rule for minors, which shall rather refuse too much."""

DIGITS = dict(zip("aeiostlb", "43105718", strict=True))

Sentence = tuple[str, frozenset[str]]


def lines(text: str) -> list[str]:
    """Templates or names, one a line or between bars."""
    return [part.strip() for line in text.splitlines() for part in line.split("|") if part.strip()]


def drawn(template: str, slots: dict[str, str], rng: random.Random) -> str:
    """One sentence of a template."""
    while "{" in template:
        before, _, rest = template.partition("{")
        slot, _, after = rest.partition("}")
        template = before + rng.choice([word.strip() for word in slots[slot].split("|")]) + after
    return " ".join(template.split()).replace(" ,", ",")


def varied(text: str, rng: random.Random) -> str:
    """The sentence as people type: small letters, no accents, a full stop, words of quality."""
    text = text.lower() if rng.random() < 0.4 else text
    text = text[:1].upper() + text[1:] if rng.random() < 0.4 else text
    return text + rng.choice(["", "", "", ".", ", 4k", ", photorealistic", ", cinematic", ", high quality"])


def disguised(text: str, rng: random.Random) -> str:
    """The sentence with spelling tricks in its long words: digits and signs for letters, a letter missing, doubled or swapped."""
    words = text.split()
    long = [at for at, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    for at in rng.sample(long, min(len(long), rng.choice([1, 2, 3]))):
        word, spot = words[at], rng.randrange(1, len(words[at]) - 1)
        swapped = word[:spot] + word[spot + 1] + word[spot] + word[spot + 2 :]
        digits = "".join(DIGITS.get(letter, letter) if rng.random() < 0.7 else letter for letter in word)
        starred, missing, doubled = (
            word[:spot] + "*" + word[spot + 1 :],
            word[:spot] + word[spot + 1 :],
            word[:spot] + word[spot - 1 :],
        )
        words[at] = rng.choice([digits, digits, starred, missing, doubled, swapped])
    return " ".join(words)


def templates() -> list[Sentence]:
    """Sentences drawn from templates, with their categories; a template draws the same whatever others there are."""
    made: list[Sentence] = []
    names = "|".join(lines(NAMES))
    for name, languages in refused.REFUSED.items():
        for language, patterns in languages.items():
            slots = refused_words.SLOTS[language] | {"name": names}
            count = A_TEMPLATE[language] * (6 if "{name}" in patterns else 1)
            for template in (line.strip() for line in patterns.splitlines() if line.strip()):
                rng = random.Random(f"{SEED} {template}")
                made += [(varied(drawn(template, slots, rng), rng), frozenset({name})) for _ in range(count)]
    for name, languages in refused_words.WORDS.items():
        for language, words in languages.items():
            for word in words.split("|"):
                rng = random.Random(f"{SEED} {word}")
                phrases = [word, f"{word} {{where}}", f"{{who}}, {word}"]
                made += [(varied(drawn(line, refused_words.SLOTS[language], rng), rng), frozenset({name})) for line in phrases]
    rng = random.Random(SEED)
    for language, patterns in harmless.HARMLESS.items():
        slots = harmless.SLOTS[language]
        each = [line.strip() for line in patterns.splitlines() if line.strip()]
        made += [labelled(varied(drawn(rng.choice(each), slots, rng), rng)) for _ in range(PASSING[language])]
        made += [labelled(word.strip()) for word in slots["hard"].split("|")]
    for child in lines(harmless.CHILDREN):
        for _ in range(10):
            spoken = drawn(
                rng.choice(["{c} {plays} {where}", "{c} {where}, {look}", "{who} and {c} {where}", "{c}, {look}"]),
                harmless.SLOTS["en"] | {"c": child},
                rng,
            )
            made.append((varied(spoken, rng), frozenset({MINOR})))
    world = WORLDS["full"]
    for number in range(WORLD):
        scene = world.sample(900_000 + number, held_out=None)
        made.append(labelled(caption(scene, number).text))
        made.append(labelled(world_prompt(scene, number).text))
    return made


def written(path: Path) -> list[Sentence]:
    """Sentences written one by one, with their categories."""
    made = []
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, text = line.split("\t")
        labels = {"-": frozenset[str](), SEXUAL_MINOR: frozenset({SEXUAL, MINOR})}.get(name, frozenset({name}))
        made.append((text, labels | labelled(text)[1]))
    return made


def variants(sentences: list[Sentence]) -> list[Sentence]:
    """Written sentences as they are, some with spelling tricks, and some two in a row."""
    made = list(sentences)
    for text, labels in sentences:
        rng = random.Random(f"{SEED} {text}")
        if rng.random() < DISGUISED:
            made.append((disguised(text, rng), labels))
    rng = random.Random(SEED)
    for _ in range(len(sentences) * JOINED // 100):
        (first, some), (second, others) = rng.sample(sentences, 2)
        made.append((f"{first.rstrip('.')}. {second[:1].upper()}{second[1:]}", some | others))
    return made


def share(text: str, parts: int) -> int:
    """Which of `parts` a sentence belongs to, whatever others there are."""
    return zlib.crc32(text.encode()) % parts


def labelled(text: str) -> Sentence:
    """A harmless sentence, which may speak of children."""
    return text, frozenset({MINOR}) if mentions_minor(plain(text)) else frozenset()


def fit(inputs: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weight [categories, SIZE] and bias of a logistic head; rare categories weigh more."""
    weight = torch.zeros(targets.shape[1], inputs.shape[1], requires_grad=True)
    bias = torch.full((targets.shape[1],), -2.0, requires_grad=True)
    balance = ((1 - targets).sum(0) / targets.sum(0).clamp(min=1)).sqrt()
    optimizer = torch.optim.Adam([weight, bias], lr=RATE)
    order = torch.cat([torch.randperm(len(inputs)) for _ in range(EPOCHS)]).split(BATCH)
    for step, rows in enumerate(order):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / len(order))
        loss = binary_cross_entropy_with_logits(inputs[rows] @ weight.T + bias, targets[rows], pos_weight=balance, reduction="none")
        loss = (loss.mean(1) * weights[rows]).sum() / weights[rows].sum() + DECAY * weight.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return weight.detach(), bias.detach()


def encoded(texts: list[str]) -> Tensor:
    """[P, SIZE] of sentences; those of a length are encoded together."""
    encoder = load_text()
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    inputs = torch.empty(len(texts), SIZE)
    for at in range(0, len(order), 64):
        rows = order[at : at + 64]
        inputs[rows] = features(encoder, [texts[row] for row in rows])
    return inputs


def thresholds(scores: Tensor, targets: Tensor) -> dict[str, float]:
    """One threshold for all categories, the least that lets the harmless pass; less for one that no harmless sentence comes near;
    those of minors and of the rule for minors."""
    at = CATEGORIES.index(MINOR)
    passes = targets[:, :at].sum(1) == 0
    common = max(LEAST, float(scores[passes, :at].amax(1).quantile(1 - FALSE_MOST, interpolation="higher")))
    most = scores[passes].amax(0).tolist()
    limits = {name: min(common, max(LEAST, score)) for name, score in zip(CATEGORIES, most, strict=True)}
    limits[MINOR] = max(LEAST, float(scores[passes & (targets[:, at] == 0), at].quantile(PASS_SHARE)))
    among = float(scores[passes & (targets[:, at] > 0), CATEGORIES.index(SEXUAL)].quantile(PASS_SHARE))
    limits[SEXUAL_MINOR] = min(max(LEAST_SEXUAL_MINOR, among), MOST_SEXUAL_MINOR)
    return {name: round(limit, 3) for name, limit in limits.items()}


def main(argv: list[str] | None = None) -> None:
    """Trains and writes the weights; prints what the held-out sentences show and the SHA-256 for `guard/prompts.py`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    asked = parser.parse_args(argv)
    torch.manual_seed(SEED)
    ours, validation = written(WRITTEN), written(VALIDATION)
    held, rest = ([row for row in ours if (share(row[0], 5) == 0) == side] for side in (True, False))
    groups = [templates(), variants(rest), variants(held), held, validation]
    made = [sentence for group in groups for sentence in group]
    inputs = encoded([text for text, _ in made])
    targets = torch.tensor([[float(name in labels) for name in CATEGORIES] for _, labels in made])
    ends = [sum(len(group) for group in groups[: number + 1]) for number in range(len(groups))]
    weights = torch.tensor([1.0 if row < ends[0] else WEIGHT for row in range(len(made))])
    weight, bias = fit(inputs[: ends[1]], targets[: ends[1]], weights[: ends[1]])
    scores, wanted = (inputs[ends[2] :] @ weight.T + bias).sigmoid(), targets[ends[2] :]
    limits = thresholds(scores, wanted)
    for row, name in enumerate(CATEGORIES):
        found = scores[wanted[:, row] > 0, row] > limits[name]
        print(
            f"{name:12} {len(found):5} sentences held out, recall {float(found.float().mean()):.3f}, threshold {limits[name]:.3f}"
        )
    prohibited = wanted[:, : CATEGORIES.index(MINOR)].sum(1) > 0
    over = (scores > torch.tensor([limits[name] for name in CATEGORIES]))[:, : CATEGORIES.index(MINOR)].any(1)
    print(
        f"of all held out: recall {float(over[prohibited].float().mean()):.3f}, false {float(over[~prohibited].float().mean()):.3f}"
    )
    weight, bias = fit(inputs[: ends[2]], targets[: ends[2]], weights[: ends[2]])
    made = made[: ends[2]]
    card = {"categories": CATEGORIES, "thresholds": limits, "sentences": len(made), "seed": SEED}
    blob = save({"weight": weight.half(), "bias": bias.half()}, {"card": json.dumps(card)})
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_bytes(blob)
    print(f"{len(made)} sentences; thresholds {limits}; {len(blob)} bytes; SHA-256 {hashlib.sha256(blob).hexdigest()}")


if __name__ == "__main__":
    main()
