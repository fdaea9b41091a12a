"""Captions of scenes, in the proportions of DALL-E 3's training set ("Improving Image Generation with Better
Captions"): mostly long descriptions with shuffled clauses and varied words, some short ones, some tag lists."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .scene import Scene

NAMES = {
    "spaceman": (
        "spaceman",
        "space traveller",
        "man in a space suit",
        "space explorer",
        "rocket pilot",
        "man from a spaceship",
    ),
    "mammoth": (
        "mammoth",
        "woolly mammoth",
        "hairy mammoth",
        "tusked beast",
        "shaggy giant with tusks",
        "ice age animal with a trunk",
    ),
    "dog": ("dog", "little dog", "pet dog", "terrier", "spaniel", "doggy"),
    "car": ("car", "small car", "motor car", "vehicle", "sedan", "hatchback"),
    "bird": ("bird", "little bird", "plump bird", "songbird", "finch", "robin"),
    "rabbit": ("rabbit", "long-eared rabbit", "little rabbit", "cottontail", "fluffy rabbit", "bouncy little rabbit"),
    "cat": ("cat", "pet cat", "striped cat"),
    "robot": ("robot", "metal robot", "toy robot"),
    "turtle": ("turtle", "big turtle", "shelled turtle"),
    "balloon": ("hot-air balloon", "balloon", "balloon with a basket"),
    "snowman": ("snowman", "man made of snow", "snowman with a hat"),
    "horse": ("horse", "tall horse", "young horse"),
}
PLURAL_FREE = {"spaceman": " with a {c} knitted helmet", "snowman": " with a {c} hat and scarf"}
"""Figures that wear their colour, as an alternative wording."""
COLOUR_WORDS = {
    "red": ("red", "bright red", "cherry red", "ruby", "ruby red", "dark red", "tomato red"),
    "yellow": (
        "yellow",
        "bright yellow",
        "lemon yellow",
        "canary yellow",
        "sun yellow",
        "amber yellow",
        "banana-coloured",
    ),
    "green": ("green", "bright green", "grass green", "jade", "lime green", "olive green", "leaf-coloured"),
    "blue": ("blue", "bright blue", "deep blue", "cobalt", "sapphire blue", "sky blue", "indigo blue"),
    "purple": ("purple", "deep purple", "plum purple", "lavender", "mauve", "lilac", "grape-coloured"),
    "white": ("white", "snow-white", "pure white", "pearl white", "cream white", "chalky white", "milky"),
    "orange": ("orange", "bright orange", "pumpkin orange", "tangerine", "carrot orange", "rust orange"),
    "pink": ("pink", "bright pink", "rose pink", "salmon pink", "magenta pink", "bubblegum pink"),
}
PLACES = {
    "meadow": (
        "in a green meadow",
        "in a grassy meadow with trees and flowers",
        "on a field of grass",
        "in a pasture",
        "on green fields",
        "in the grass among flowers",
        "in the countryside",
    ),
    "desert": (
        "in the desert",
        "in a sandy desert with cacti",
        "among cacti and sand",
        "in a dry wasteland of sand",
        "on hot dry sand",
        "in a hot sandy land",
        "in an arid landscape",
    ),
    "snowfield": (
        "in a snowfield",
        "on snowy ground with fir trees",
        "in a white winter landscape",
        "in a polar landscape",
        "in the icy north",
        "on ice and snow",
        "in a frozen land",
    ),
    "city": (
        "in the city",
        "on a city street with tall buildings",
        "on a road in front of houses",
        "in town",
        "on an urban street",
        "among skyscrapers",
        "in the middle of a big town",
    ),
    "beach": (
        "on the beach",
        "on a sandy beach by the sea",
        "at the sea shore with palm trees",
        "at the coast",
        "by the ocean",
        "on the sand beside the waves",
    ),
    "forest": (
        "in the forest",
        "in a deep forest of tall trees",
        "between tree trunks in the woods",
        "in a grove",
        "in the jungle of trees",
        "among many trees",
    ),
    "mountains": (
        "in the mountains",
        "among rocky mountains with snowy tops",
        "in front of high mountain peaks",
        "in the highlands",
        "below snowy summits",
        "in the Alps",
    ),
    "farm": (
        "on a farm",
        "in a wheat field with a red barn",
        "on farmland with barns and a fence",
        "in the fields beside a barn",
        "at a ranch",
        "in a field of grain",
    ),
}
HOURS = {
    "noon": (
        "at noon",
        "in the middle of the day",
        "in bright daylight",
        "during the day",
        "at lunchtime",
        "when the sun is high",
        "by day",
    ),
    "sunset": (
        "at sunset",
        "in the evening, the sun going down",
        "in the orange light of the setting sun",
        "late in the evening",
        "at nightfall, the sky orange",
        "as the day ends",
    ),
    "night": (
        "at night",
        "in the dark of the night",
        "under the moon and stars",
        "late at night",
        "in darkness",
        "when it is dark",
    ),
    "morning": (
        "in the morning",
        "in the early morning",
        "at sunrise",
        "at daybreak",
        "as the sun comes up",
        "soon after dawn",
    ),
}
SKIES = {
    "clear": (
        "the weather is fine",
        "under a clear sky",
        "it is dry and clear",
        "in sunny weather",
        "the sky is blue and empty",
        "in good weather",
        "no rain, no snow",
    ),
    "rain": (
        "it is raining",
        "in the rain",
        "rain is falling",
        "in rainy weather",
        "in a shower",
        "wet weather",
        "it pours with rain",
    ),
    "snow": (
        "it is snowing",
        "snow is falling",
        "snowflakes come down",
        "in snowy weather",
        "in a snowstorm",
        "in falling snow",
        "heavy snowfall",
    ),
    "fog": ("it is foggy", "in thick fog", "everything is in mist", "in misty weather", "in a haze", "hazy and grey"),
}
DOES = {
    "stand": (
        "stands still",
        "is standing",
        "stays in place",
        "waits",
        "rests quietly",
        "does nothing",
        "stands there calmly",
    ),
    "walk left": (
        "walks to the left",
        "is walking left",
        "goes towards the left side",
        "wanders to the left",
        "moves left on foot",
    ),
    "walk right": (
        "walks to the right",
        "is walking right",
        "goes towards the right side",
        "wanders to the right",
        "moves right on foot",
    ),
    "jump": (
        "jumps up and down",
        "is jumping",
        "jumps in the air again and again",
        "bounces up and down",
        "springs into the air",
        "bounces",
    ),
    "run left": ("runs to the left", "is running left", "races towards the left side"),
    "run right": ("runs to the right", "is running right", "races towards the right side"),
    "dance": ("dances", "is dancing", "sways and dances"),
    "float": ("floats above the ground", "is floating in the air", "hovers in the air"),
}
VIEWS = {
    "static": ("the camera does not move", "a still camera", "a fixed shot"),
    "pan left": ("the camera pans left", "the view moves to the left", "a slow pan to the left"),
    "pan right": ("the camera pans right", "the view moves to the right", "a slow pan to the right"),
    "zoom in": ("the camera zooms in", "the view comes closer", "a slow zoom in"),
    "zoom out": ("the camera zooms out", "the view goes wider", "a slow zoom out"),
    "handheld": ("a shaky handheld camera", "filmed by hand, shaking", "the camera shakes"),
}
SYNONYMS = {
    "colour": {
        "crimson": "red",
        "scarlet": "red",
        "azure": "blue",
        "navy": "blue",
        "emerald": "green",
        "golden": "yellow",
        "violet": "purple",
        "ivory": "white",
    },
    "subject": {
        "elephant": "mammoth",
        "puppy": "dog",
        "hound": "dog",
        "automobile": "car",
        "taxi": "car",
        "bunny": "rabbit",
        "hare": "rabbit",
        "astronaut": "spaceman",
        "cosmonaut": "spaceman",
        "sparrow": "bird",
        "chick": "bird",
    },
    "setting": {
        "on a prairie": "meadow",
        "on grassland": "meadow",
        "among sand dunes": "desert",
        "in the Sahara": "desert",
        "in the arctic": "snowfield",
        "on the tundra": "snowfield",
        "downtown": "city",
        "in a metropolis": "city",
    },
    "time": {"at midday": "noon", "at dusk": "sunset", "at twilight": "sunset", "at midnight": "night"},
    "weather": {
        "in a downpour": "rain",
        "in a drizzle": "rain",
        "in a blizzard": "snow",
        "under a cloudless sky": "clear",
    },
    "action": {
        "hops": "jump",
        "leaps": "jump",
        "strolls to the left": "walk left",
        "strolls to the right": "walk right",
        "stands motionless": "stand",
    },
}
"""Attribute -> words that no caption contains -> the value they mean; for evaluation only."""


@dataclass(frozen=True)
class Caption:
    """A text and the attributes it states."""

    text: str
    said: frozenset[str]


def _article(phrase: str) -> str:
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def _figure(kind: str, colour: str, rng: random.Random) -> str:
    name, word = rng.choice(NAMES[kind]), rng.choice(COLOUR_WORDS[colour])
    if kind in PLURAL_FREE and rng.random() < 0.4:
        return _article(name) + PLURAL_FREE[kind].format(c=word)
    return _article(f"{word} {name}")


def caption(scene: Scene, seed: int) -> Caption:
    """One caption of a scene, reproducible from `seed`: 85 % long, 10 % short, 5 % tags."""
    rng = random.Random(f"caption-{seed}")
    figures = [_figure(s.kind, s.colour, rng) for s in scene.subjects]
    if len(figures) == 1:
        who = figures[0]
    elif len(figures) == 2:
        who = rng.choice(
            (f"{figures[0]} on the left and {figures[1]} on the right", f"{figures[0]} to the left of {figures[1]}")
        )
    else:
        who = f"{figures[0]} on the left, {figures[1]} in the middle and {figures[2]} on the right"
    does = rng.choice(DOES[scene.action])
    kind = rng.random()
    every = {"subject", "colour", "setting", "time", "weather", "action", "camera"}
    if kind < 0.05:
        tags = [
            who,
            scene.action,
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
        said = {"subject", "colour", "action"}
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
            f"A video of {_article(colour)} {name} that {does} {place}, {hour}, {sky}, {view}",
            f"{hour[0].upper() + hour[1:]} {place}: {_article(colour)} {name} {does}. {sky[0].upper() + sky[1:]} and {view}.",
            f"{place[0].upper() + place[1:]} we see {_article(colour)} {name}. It {does}, {hour}; {sky}; {view}.",
        )
    )
