"""Captions of scenes, in the proportions of DALL-E 3's training set ("Improving Image Generation with Better
Captions"): mostly long descriptions with shuffled clauses and varied words, some short ones, some tag lists."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .scene import ATTRIBUTES, NATURAL, Scene
from .vocabulary import COLOUR_WORDS, DOES, HOURS, NAMES, PLACES, SKIES, SYNONYMS, VIEWS, WEARS

EVERYTHING = frozenset(ATTRIBUTES)
"""All attributes, as a caption that leaves nothing open says them."""
OPEN = 0.5
"""Share of captions of figures in their natural colours that leave these open."""


@dataclass(frozen=True)
class Caption:
    """A text and the attributes it states."""

    text: str
    said: frozenset[str]


def article(phrase: str) -> str:
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def _figure(kind: str, colour: str | None, rng: random.Random) -> str:
    name = rng.choice(NAMES[kind])
    if colour is None:
        return article(name)
    word = rng.choice(COLOUR_WORDS[colour])
    if kind in WEARS and rng.random() < 0.4:
        return article(name) + WEARS[kind].format(c=article(word))
    return article(f"{word} {name}")


def caption(scene: Scene, seed: int) -> Caption:
    """One caption of a scene, reproducible from `seed`: 85 % long, 10 % short, 5 % tags.

    Colours are left open in some captions of figures that have their natural colours, and in no others.
    """
    rng = random.Random(f"caption-{seed}")
    every = set(EVERYTHING)
    if rng.random() < 0.05:
        every -= {"action"}
    if all(s.colour == NATURAL[s.kind] for s in scene.subjects) and rng.random() < OPEN:
        every -= {"colour"}
    figures = [_figure(s.kind, s.colour if "colour" in every else None, rng) for s in scene.subjects]
    if len(figures) == 1:
        who = figures[0]
    elif len(figures) == 2:
        who = rng.choice((f"{figures[0]} on the left and {figures[1]} on the right", f"{figures[0]} to the left of {figures[1]}"))
    else:
        who = f"{figures[0]} on the left, {figures[1]} in the middle and {figures[2]} on the right"
    does = rng.choice(DOES[scene.action]) if "action" in every else rng.choice(("is there", "can be seen", "is shown"))
    kind = rng.random()
    if kind < 0.05:
        tags = [
            who,
            *([scene.action] if "action" in every else []),
            rng.choice(PLACES[scene.setting]).split(" ", 1)[1],
            scene.time,
            scene.weather,
            scene.camera,
        ]
        rng.shuffle(tags)
        return Caption(", ".join(tags), frozenset(every))
    extra = {
        "setting": rng.choice(PLACES[scene.setting]),
        "time": rng.choice(HOURS[scene.time]),
        "weather": rng.choice(SKIES[scene.weather]),
        "camera": rng.choice(VIEWS[scene.camera]),
    }
    core = f"{who} {does}"
    if kind < 0.15:
        if rng.random() < 0.3:
            core, every = who, every - {"action"}
        said = every & {"subject", "colour", "action"}
        for name in rng.sample(sorted(extra), rng.choice((0, 1, 2))):
            core += f" {extra[name]}" if name in ("setting", "time") else f", {extra[name]}"
            said.add(name)
        return Caption(core, frozenset(said))
    tail = [extra["weather"], extra["camera"]]
    if rng.random() < 0.6:
        core += f" {extra['setting']}"
    else:
        tail.append(extra["setting"])
    if rng.random() < 0.6:
        core += f" {extra['time']}"
    else:
        tail.append(extra["time"])
    rng.shuffle(tail)
    if rng.random() < 0.15:
        tail.insert(
            rng.randrange(len(tail) + 1),
            rng.choice(("a short film", "an animated clip", "cartoon style", "a calm scene")),
        )
    if rng.random() < 0.25:
        text = ", ".join(t for t in tail[:2]) + ", " + core + ("; " + ", ".join(tail[2:]) if tail[2:] else "")
    else:
        text = core + rng.choice((", ", ". ")) + ", ".join(tail)
    return Caption(text[0].upper() + text[1:] + rng.choice((".", "")), frozenset(every))


def plain_caption(scene: Scene) -> Caption:
    """The one caption that says everything about a scene in the plainest words; what prompts are rewritten to."""
    figures = [f"{COLOUR_WORDS[s.colour][0]} {NAMES[s.kind][0]}" for s in scene.subjects]
    places = {1: ("",), 2: (" on the left", " on the right"), 3: (" on the left", " in the middle", " on the right")}
    named = [article(f) + p for f, p in zip(figures, places[len(figures)], strict=True)]
    who = named[0] if len(named) == 1 else ", ".join(named[:-1]) + " and " + named[-1]
    text = f"{who} {DOES[scene.action][0]} {PLACES[scene.setting][0]} {HOURS[scene.time][0]}"
    text += f", {SKIES[scene.weather][0]}, {VIEWS[scene.camera][0]}."
    return Caption(text[0].upper() + text[1:], EVERYTHING)


def held_out_wording(scene: Scene, seed: int, *, synonyms: bool = False) -> str:
    """A prompt for a one-figure scene in a sentence order that `caption` never uses, optionally with unseen synonyms.

    Raises ValueError where the scene has more than one figure.
    """
    if len(scene.subjects) != 1:
        raise ValueError("held-out wordings describe scenes of one figure")
    rng = random.Random(f"wording-{seed}")
    s = scene.subjects[0]

    def word(attribute: str, value: str, usual: str) -> str:
        options = [w for w, v in SYNONYMS.get(attribute, {}).items() if v == value]
        return rng.choice(options) if synonyms and options else usual

    colour, name = word("colour", s.colour, s.colour), word("subject", s.kind, NAMES[s.kind][0])
    does = word("action", scene.action, DOES[scene.action][0])
    place, hour = (
        word("setting", scene.setting, PLACES[scene.setting][0]),
        word("time", scene.time, HOURS[scene.time][0]),
    )
    sky, view = word("weather", scene.weather, SKIES[scene.weather][0]), VIEWS[scene.camera][0]
    return rng.choice(
        (
            f"A video of {article(colour)} {name} that {does} {place}, {hour}, {sky}, {view}",
            f"{hour[0].upper() + hour[1:]} {place}: {article(colour)} {name} {does}. {sky[0].upper() + sky[1:]} and {view}.",
            f"{place[0].upper() + place[1:]} we see {article(colour)} {name}. It {does}, {hour}; {sky}; {view}.",
        )
    )
