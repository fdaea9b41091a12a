"""Scene graph: what is in a clip, which combinations exist, and which are never trained on.

A `Scene` says everything a caption can say (the attributes) and everything it does not (the seed: positions, hills,
flowers). The same scene rendered at any size, frame rate or time offset is the same world seen again.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

SUBJECTS = (
    "spaceman",
    "mammoth",
    "dog",
    "car",
    "bird",
    "rabbit",
    "cat",
    "robot",
    "turtle",
    "balloon",
    "snowman",
    "horse",
)
COLOURS = ("red", "yellow", "green", "blue", "purple", "white", "orange", "pink", "brown", "grey", "black")
SETTINGS = ("meadow", "desert", "snowfield", "city", "beach", "forest", "mountains", "farm")
TIMES = ("noon", "sunset", "night", "morning")
WEATHERS = ("clear", "rain", "snow", "fog")
ACTIONS = ("stand", "walk left", "walk right", "jump", "run left", "run right", "dance", "float")
CAMERAS = ("static", "pan left", "pan right", "zoom in", "zoom out", "handheld", "follow")

ATTRIBUTES = {
    "subject": SUBJECTS,
    "colour": COLOURS,
    "setting": SETTINGS,
    "time": TIMES,
    "weather": WEATHERS,
    "action": ACTIONS,
    "camera": CAMERAS,
}
"""Attribute name -> its values, in a fixed order (the reader's and the text adapter's class order). New values come last, so
that nets trained on the first few of a list still mean the same by their classes; see `known_values`."""

FIRST_EDITION = {"subject": 12, "colour": 8, "setting": 8, "time": 4, "weather": 4, "action": 8, "camera": 6}
"""How many values of each attribute the first published weights know."""
EDITIONS = (FIRST_EDITION, {name: len(values) for name, values in ATTRIBUTES.items()})
"""Numbers of values by edition of the vocabulary, 1 and 2; a net's config names the edition it was trained on. Configs of
the first weights name none, which means 1."""
NEWEST = len(EDITIONS)

NATURAL = {
    "spaceman": "red",
    "mammoth": "brown",
    "dog": "brown",
    "car": "red",
    "bird": "blue",
    "rabbit": "white",
    "cat": "grey",
    "robot": "grey",
    "turtle": "green",
    "balloon": "red",
    "snowman": "red",
    "horse": "brown",
}
"""Figure -> the colour it has where none is said; of a spaceman it is the knitted helmet, of a snowman the hat and scarf."""

TRAVEL = frozenset(a for a in ACTIONS if a.startswith(("walk", "run")))


@dataclass(frozen=True)
class Subject:
    """One figure: `kind` of SUBJECTS, `colour` of COLOURS."""

    kind: str
    colour: str


@dataclass(frozen=True)
class Scene:
    """A whole clip's content. `subjects` stand left to right; all do the same `action`.

    tracked: whatever the camera is said to do, it also goes along with figures that walk or run, as in the first world.
    """

    subjects: tuple[Subject, ...]
    setting: str
    time: str
    weather: str
    action: str
    camera: str
    seed: int
    tracked: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.subjects) <= 3:
            raise ValueError(f"a scene has 1 to 3 subjects, not {len(self.subjects)}")
        for name in ("setting", "time", "weather", "action", "camera"):
            if getattr(self, name) not in ATTRIBUTES[name]:
                raise ValueError(f"{name} {getattr(self, name)!r} is none of {', '.join(ATTRIBUTES[name])}")
        for s in self.subjects:
            if s.kind not in SUBJECTS or s.colour not in COLOURS:
                raise ValueError(f"{s} is not a known subject")

    def labels(self) -> dict[str, int]:
        """Class index of every attribute, subject and colour being those of the first (leftmost) figure."""
        first = self.subjects[0]
        values = {"subject": first.kind, "colour": first.colour} | {
            k: getattr(self, k) for k in ("setting", "time", "weather", "action", "camera")
        }
        return {k: ATTRIBUTES[k].index(v) for k, v in values.items()}


@dataclass(frozen=True)
class World:
    """The part of the attribute space that is used: a subset of every list, and up to `max_subjects` figures.

    natural: share of scenes whose figures all have the colour that such figures have; followed: share of scenes with
    figures that walk or run in which the camera follows them; tracked: that of its scenes.
    """

    subjects: tuple[str, ...] = SUBJECTS
    colours: tuple[str, ...] = COLOURS
    settings: tuple[str, ...] = SETTINGS
    times: tuple[str, ...] = TIMES
    weathers: tuple[str, ...] = WEATHERS
    actions: tuple[str, ...] = ACTIONS
    cameras: tuple[str, ...] = CAMERAS
    max_subjects: int = 3
    natural: float = 0.4
    followed: float = 0.6
    tracked: bool = False

    def values(self) -> dict[str, tuple[str, ...]]:
        """Attribute name -> the values this world uses."""
        return {
            "subject": self.subjects,
            "colour": self.colours,
            "setting": self.settings,
            "time": self.times,
            "weather": self.weathers,
            "action": self.actions,
            "camera": self.cameras,
        }

    def sample(self, seed: int, *, held_out: bool | None = False) -> Scene:
        """Draw one scene, reproducible from `seed`.

        held_out: False draws only combinations that training may see, True only those it never sees, None either.
        """
        rng = random.Random(f"scene-{seed}")
        while True:
            n = 1 if self.max_subjects == 1 else rng.choices(range(1, self.max_subjects + 1), (70, 20, 10)[: self.max_subjects])[0]
            subjects = tuple(Subject(k, rng.choice(self.colours)) for k in rng.sample(self.subjects, n))
            if self.natural and rng.random() < self.natural:
                subjects = tuple(Subject(s.kind, NATURAL[s.kind]) for s in subjects)
            action = rng.choice(self.actions)
            scene = Scene(
                subjects,
                rng.choice(self.settings),
                rng.choice(self.times),
                rng.choice(self.weathers),
                action,
                self._camera(action, rng),
                rng.randrange(2**31),
                self.tracked,
            )
            if held_out is None or is_held_out(scene) == held_out:
                return scene

    def _camera(self, action: str, rng: random.Random) -> str:
        """A camera move that goes with the action: pans only with figures that stay, the following camera with the others."""
        if action not in TRAVEL:
            return rng.choice(tuple(c for c in self.cameras if c != "follow"))
        if "follow" in self.cameras and rng.random() < self.followed:
            return "follow"
        return rng.choice(tuple(c for c in self.cameras if c != "follow" and not c.startswith("pan")))


FULL = World()
SMALL = World(
    subjects=SUBJECTS[:6],
    colours=COLOURS[:6],
    settings=SETTINGS[:4],
    times=TIMES[:3],
    weathers=WEATHERS[:3],
    actions=ACTIONS[:4],
    cameras=CAMERAS[:3],
    max_subjects=1,
    natural=0.0,
    tracked=True,
)
"""What a CPU can learn in an hour or two: 6 subjects, 6 colours, 4 settings, 3 times, 3 weathers, 4 actions, 3 cameras."""

WORLDS = {"full": FULL, "small": SMALL}


def known_values(edition: int) -> dict[str, tuple[str, ...]]:
    """Attribute name -> the values that nets of this edition of the vocabulary know.

    Raises ValueError where there is no such edition.
    """
    if not 1 <= edition <= len(EDITIONS):
        raise ValueError(f"edition {edition} of the vocabulary is none of 1 to {len(EDITIONS)}")
    return {name: values[: EDITIONS[edition - 1][name]] for name, values in ATTRIBUTES.items()}


def is_held_out(scene: Scene) -> bool:
    """Whether some figure's (kind, colour, setting) is among the 5 % of combinations never trained on."""
    return any(hashlib.sha256(f"{s.kind}/{s.colour}/{scene.setting}".encode()).digest()[0] < 13 for s in scene.subjects)
