"""What a guard does, its policy: whoever hosts sets it for the machine, and no command or graph can lower it."""

from __future__ import annotations

import logging
import os
import re
from typing import NamedTuple

from ..errors import RefusedError, UsageError

log = logging.getLogger(__name__)
OFF, WARN, REFUSE = "off", "warn", "refuse"
POLICIES = OFF, WARN, REFUSE
VARIABLE = "LONGTAKE_GUARD"
"""Environment variable with the least policy on this machine: a command or a graph may be stricter, not laxer."""
SEXUAL, MINOR, SEXUAL_MINOR = "sexual", "minor", "sexual and minor"
CATEGORIES = SEXUAL, "gore", "hate", "self-harm", "terror", "real person", MINOR
"""Of the head, in the order of its rows; minors alone are harmless."""
CHILD = re.compile(
    r"\b(child(ren)?|kids?|girls?|boys?|bab(y|ies)|toddlers?|infants?|newborns?|teen(s|ager|agers|age)?|preteens?|minors?|under-?aged?"
    r"|school ?(girl|boy|child|kid)\w*|pupils?|kindergart\w*|preschool\w*|loli\w*|shota\w*|adolescents?|juveniles?|youngsters?"
    r"|kind(er|ern|es)?|mädchen|maedchen|madchen|jungen?|säuglinge?|minderjährige?\w*|schüler\w*|schulmädchen|jugendliche\w*|tochter"
    r"|enfants?|filles?|fillettes?|garçons?|garcons?|gamine?s?|bébés?|bebes?|mineure?s?|adolescente?s?|écoli\w+|ecoli\w+|collégien\w*"
    r"|collegien\w*|lycéen\w*|daughters?|sons?|students? of (elementary|primary)|elementary school|middle school)\b"
)
AGE = re.compile(
    r"\b(1[0-7]|[1-9])[ -]?(years?|yrs?|y/?o|ans|jahren?|jährig\w*|jahrig\w*)\b|\b(aged?|of) (1[0-7]|[1-9])\b"
    r"|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)[ -]year"
    r"|\b(1[0-7]|[3-9])(yo|yr)\b|\b(zehn|elf|zwölf|dreizehn|vierzehn|fünfzehn|sechzehn|siebzehn)jährig"
    r"|\b(dix|onze|douze|treize|quatorze|quinze|seize|dix-sept) ans\b"
)
SEX = re.compile(
    r"\b(porn\w*|xxx|sex(y|ual\w*|uel\w*|szene\w*|video\w*|tape\w*|film\w*)?|erot\w*|érot\w*|nud(e|es|ity)|nue?s?|naked|nackt\w*|undress\w*"
    r"|strip(s|ped|ping|tease|per)?|topless|lewd|intercourse|masturb\w*|genital\w*|déshabill\w*|deshabill\w*|seduc\w*|fetish\w*|nsfw)\b"
)
LESSON = re.compile(
    r"\b(educat\w*|éducat\w*|health|sexualkunde\w*|aufklärung\w*|lesson|therap\w*|prevention|protection|mole[- ]?rats?)\b"
)
ABUSE = re.compile(
    r"\b(kinder ?porn\w*|child ?porn\w*|pornograph\w* (enfantine|infantile)|pédoporn\w*|pedoporn\w*|p(a|e|ae|ä|é)do\w*|csam)\b"
)
"""Words of sex and, against them, of teaching; and words that are both at once."""


class Verdict(NamedTuple):
    """What was found in a prompt or a frame: the category, how surely, 0..1, and the threshold that it lies above."""

    category: str
    score: float
    threshold: float

    def sentence(self, what: str) -> str:
        """`what` it was found in, in words."""
        return f"{what}: {self.category} (score {self.score:.2f}, threshold {self.threshold:.2f})"


def mentions_minor(prompt: str) -> bool:
    """Whether a prompt, in plain spelling, names children or an age below 18."""
    return bool(CHILD.search(prompt) or AGE.search(prompt))


def joins_sex_and_minor(prompt: str) -> bool:
    """Whether the words of a prompt, in plain spelling, speak of sex and of minors, and not of teaching or protection."""
    if ABUSE.search(prompt):
        return True
    return bool(SEX.search(prompt)) and mentions_minor(prompt) and not LESSON.search(prompt)


def policy(asked: str | None = None) -> str:
    """The policy in force: the strictest of what is asked, by option or node, and of the machine's LONGTAKE_GUARD. Raises
    UsageError for a word that is no policy."""
    machine = os.environ.get(VARIABLE, "").strip().lower() or OFF
    for given, where in ((machine, VARIABLE), (asked or OFF, "guard")):
        if given not in POLICIES:
            raise UsageError(f"{where} {given!r}: give {', '.join(POLICIES)}")
    return max(machine, asked or OFF, key=POLICIES.index)


def apply(verdict: Verdict | None, what: str, in_force: str) -> str | None:
    """The warning about a verdict, None where there is none. Raises RefusedError where the policy is to refuse."""
    if verdict is None or in_force == OFF:
        return None
    if in_force == REFUSE:
        raise RefusedError(f"refused: {verdict.sentence(what)}; this machine or command was told to refuse that")
    return f"guard: {verdict.sentence(what)}"
