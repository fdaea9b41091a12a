"""Which words of a prompt went into nothing that was read in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from .vocabulary import COLOUR_WORDS, DOES, HOURS, NAMES, PLACES, SKIES, VIEWS, WEARS

NAMES_IT, CARRIES_IT = 0.5, 0.33
"""Probability of a value that was read, from which on a word alone names it, and by which it must fall without a word that
carries it."""
TRIED_MAX = 24
"""Words left out one by one at most; a longer prompt is one clause after the other about the same."""
WORD = re.compile(r"\w[\w'’-]*")

PLAIN_LINES = (
    "a about above across after again against all along also am among an and any are around as at away back be because been",
    "before behind being below beside between beyond both but by can comes could did do does doing down during each else even",
    "ever every few for from front get gets goes going had has have he her here him his how i if in inside into is it its just",
    "let like look looks made make makes many may me more most much must my near next no not now of off on once only onto or",
    "other our out over own part please put same see seen she should show shown so some such than that the their them then there",
    "these they this those through to together too toward towards under until up upon us very via was way we were what when",
    "where which while who whose why will with within without would you your",
    "animation animated camera cinematic clip detailed film footage hd high highly image movie photo picture quality realistic",
    "scene shot style video view 4k 8k",
)
PLAIN = frozenset(word for line in PLAIN_LINES for word in line.split())
"""Words that say nothing of what is to be seen: English function words, and those that name the medium."""

TABLES = {
    "subject": NAMES,
    "colour": COLOUR_WORDS,
    "setting": PLACES,
    "time": HOURS,
    "weather": SKIES,
    "action": DOES,
    "camera": VIEWS,
}


@cache
def wordings(name: str, value: str) -> frozenset[str]:
    """The words, in their shortest forms, that captions say an attribute's value with."""
    phrases = [value, *TABLES[name].get(value, ()), WEARS.get(value, "")]
    return frozenset(stem(word) for phrase in phrases for word in WORD.findall(phrase.casefold()))


def stem(word: str) -> str:
    """A word without a common English ending, so that "walking" is "walk" and "dogs" is "dog"."""
    for ending in ("ing", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word


def unread_words(
    prompt: str, read: Mapping[str, str | None], sureness: Callable[[Sequence[str]], Sequence[Mapping[str, float]]]
) -> tuple[str, ...]:
    """Words of `prompt` that name something and went into none of the values `read` (slot -> value, None = left open).

    `sureness` gives for each of some prompts how probable each value of `read` is in it. A word was read if it names such a
    value by itself, or if the value is less probable without it. Words are given as written, each once.
    """
    said = frozenset().union(*(wordings(slot.rstrip("123"), value) for slot, value in read.items() if value))
    doubtful: dict[str, re.Match[str]] = {}
    for match in WORD.finditer(prompt):
        word = match.group().casefold()
        if word not in PLAIN and stem(word) not in said:
            doubtful.setdefault(word, match)
    tried = list(doubtful.values())[:TRIED_MAX]
    if not tried:
        return ()
    without = [prompt[: m.start()] + prompt[m.end() :] for m in tried]
    whole, *rest = sureness([prompt, *(m.group() for m in tried), *without])
    found = []
    for match, alone, others in zip(tried, rest[: len(tried)], rest[len(tried) :], strict=True):
        named = any(p > NAMES_IT for p in alone.values())
        carried = any(whole[slot] - p > CARRIES_IT for slot, p in others.items())
        if not named and not carried:
            found.append(match.group())
    return tuple(found)
