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
    r"\b(child(ren)?|kids?|girls?|boys?|bab(y|ies)|toddlers?|infants?|newborns?|teen(s|ager|agers|age|aged)?|preteens?"
    r"|tweens?|minors?"
    r"|under-?aged?|school ?(girl|boy|child|kid|mate)\w*|classmates?|pupils?|kindergart\w*|preschool\w*|loli\w*|shota\w*"
    r"|adolescents?"
    r"|juveniles?|youngsters?|(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\d+th)[ -]grader?s?"
    r"|(high|middle|elementary"
    r"|primary|grade)[ -]?school(er|ers)?|(girl|boy) ?scouts?|altar boys?|nieces?|nephews?|(step|grand|god)?daughters?"
    r"|(my|your|her|his|their|our|the|young|little|step|grand|god)[ -]?sons?|little (sister|brother)s?"
    r"|students? of (elementary|primary)|jailbait|orphans?"
    r"|kind(er|ern|es|ergarten\w*)?|kleinkind\w*|schulkind\w*|mädchens?|maedchen|madchen|jungen?|bub(en)?|säuglinge?"
    r"|minderjährige?\w*"
    r"|schüler\w*|schuler(in|innen)|mitschüler\w*|schulmädchens?|jugendliche\w*|tochter|töchter|enkel(in|kind)?\w*"
    r"|nichten?|neffen?"
    r"|gymnasiast\w*|\w*klässler\w*|heranwachsende\w*|unmündige\w*|konfirmand\w*|ministrant\w*|pfadfinder\w*|pubertierende\w*"
    r"|kleine schwester|kita"
    r"|enfants?|filles?|fillettes?|garçons?|garcons?|garçonnets?|gamine?s?|gosses?|môme?s?|bébés?|bebes?|mineure?s?"
    r"|adolescente?s?|ados?"
    r"|écoli\w+|ecoli\w+|élèves?|eleves?|collégien\w*|collegien\w*|lycéen\w*|lyceen\w*|nièces?|neveux?|petite soeur"
    r"|petite sœur|bambins?"
    r"|nourrissons?|pré-?ados?|scouts?)\b"
)
AGE = re.compile(
    r"\b(1[0-7]|[1-9])[ -]?(years?|yrs?|y/?o|ans|jahren?|jährig\w*|jahrig\w*)\b|\b(aged?|of) (1[0-7]|[1-9])\b"
    r"|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)[ -]year"
    r"|\b(aged?|turned) (six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)\b"
    r"|\b(1[0-7]|[3-9])(yo|yr)\b|\b(sechs|sieben|acht|neun|zehn|elf|zwölf|dreizehn|vierzehn|fünfzehn|sechzehn|siebzehn)jährig"
    r"|\b(six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|dix-sept) ans\b"
)
SEX = re.compile(
    r"\b(porn\w*|xxx|sex(e|y|ual\w*|uel\w*|szene\w*|video\w*|tape\w*|film\w*|spiel\w*|akt\w*)?|erot\w*|érot\w*|nud(e|es"
    r"|ity|ify|ist)|nue?s?"
    r"|naked\w*|nackt\w*|undress\w*|unclothed|unbekleidet\w*|entkleid\w*|strip(s|ped|ping|tease|per)?|topless|lewd\w*"
    r"|intercourse|masturb\w*"
    r"|genital\w*|déshabill\w*|deshabill\w*|dénud\w*|denud\w*|dévêtu\w*|devetu\w*|seduc\w*|fetish\w*|fetisch\w*|nsfw"
    r"|horny|orgasm\w*|oben ohne|à poil"
    r"|(without|no) (any )?clothes|ohne (kleider|kleidung)|sans vêtements|seins nus|grop(e|es|ed|ing)|fondl\w*|molest\w*"
    r"|rap(e|es|ed|ing)"
    r"|vergewaltig\w*|violer|violées?|incest\w*|inzest\w*|geschlechtsverkehr)\b"
)
NO_SEX = re.compile(
    r"\b(mole[- ]?rats?|rats?-taupes? nue?s?|pieds nus|mains nues|bras nus|jambes nues|tête nue|œil nu|oeil nu"
    r"|arbres? nus?|branches? nues?"
    r"|ampoules? nues?|murs? nus?|roches? nues?|nackte[nrms]? (füssen?|fuss|händen?|armen?|beinen?|fels\w*|wand|wände"
    r"|ästen?|erde|boden"
    r"|glühbirne|beton)|nackt(mull|schnecke|samer|katze|hund)\w*|naked (eye|flames?|trees?|branch\w*|bulbs?|feet|rock"
    r"|mole|ladies|cake)"
    r"|nude[- ](colou?r\w*|lipstick|shade|heels)|(comic|film|led|air|landing|test|light|paper|weather|median|drag"
    r"|wax) ?strips?|strips? of"
    r"|strip (mall|light\w*|club? sandwich|cartoon)|topless (bus|double)\w*|same[- ]sex|sex (of|chromosomes?)|the sexes"
    r"|même sexe|deux sexes|rape[ -]?(seed|field|oil|blossom)\w*)\b"
)
"""Phrases with words of sex that mean something else."""
LESSON = re.compile(r"\b(educat\w*|éducat\w*|health|sexualkunde\w*|aufklärung\w*|lesson|therap\w*|prevention|protection)\b")
ABUSE = re.compile(
    r"\b(kinder ?porn\w*|child ?porn\w*|pornograph\w* (enfantine|infantile)|pédoporn\w*|pedoporn\w*|p(e|ae|ä|é)do(ph\w*"
    r"|s)?|csam)\b"
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
    return bool(SEX.search(NO_SEX.sub(" ", prompt))) and mentions_minor(prompt) and not LESSON.search(prompt)


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
