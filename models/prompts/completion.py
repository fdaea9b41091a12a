"""From what was read in a prompt to a scene of the world: what is left open gets its usual value, what the weights never
saw the value most like it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .scene import NATURAL, TRAVEL, Scene, Subject, World

# fmt: off
KIN = {
    "cat": "rabbit", "robot": "spaceman", "turtle": "rabbit", "balloon": "bird", "snowman": "spaceman", "horse": "dog",
    "orange": "red", "pink": "purple", "beach": "desert", "forest": "meadow", "mountains": "snowfield", "farm": "meadow",
    "morning": "noon", "fog": "rain", "run left": "walk left", "run right": "walk right", "dance": "jump", "float": "jump",
    "zoom in": "static", "zoom out": "static", "handheld": "static", "follow": "static",
    "brown": "red", "grey": "white", "black": "blue",
}
"""Value -> the one most like it among those of the small world."""
USUAL = {
    "spaceman": ("red", "desert"), "mammoth": ("red", "snowfield"), "dog": ("yellow", "meadow"), "car": ("red", "city"),
    "bird": ("blue", "meadow"), "rabbit": ("white", "meadow"), "cat": ("orange", "farm"), "robot": ("blue", "city"),
    "turtle": ("green", "beach"), "balloon": ("red", "mountains"), "snowman": ("red", "snowfield"), "horse": ("white", "farm"),
}
"""Figure -> its place where the prompt names none, and its colour in a world without the natural one."""
PLAIN = {"action": "stand", "time": "noon", "weather": "clear"}
"""What the rest is where the prompt says nothing of it; the camera follows who walks or runs, else it stands."""
# fmt: on


@dataclass(frozen=True)
class Completed:
    """A scene, the values that were `added`, and those that were `replaced`, each with what stands for it."""

    scene: Scene
    added: tuple[str, ...]
    replaced: tuple[tuple[str, str], ...]


def complete(read: Mapping[str, str | None], world: World) -> Completed:
    """The scene of `world` that was read: slot (subject1, colour1, …, setting, …, camera) -> value, None = left open."""
    known, added, replaced = world.values(), [], []

    def fitting(name: str, value: str | None, usual: str) -> str:
        wanted = value or usual
        options = known[name]
        fit = next((v for v in (wanted, KIN.get(wanted, "")) if v in options), options[0])
        if value is None:
            added.append(fit)
        elif fit != value:
            replaced.append((value, fit))
        return fit

    slots = [k for k in (1, 2, 3) if read.get(f"subject{k}")] or [1]
    for extra in slots[world.max_subjects :]:
        replaced.append((f"a second figure ({read[f'subject{extra}']})", "left out"))
    figures = []
    for k in slots[: world.max_subjects]:
        kind = fitting("subject", read.get(f"subject{k}"), known["subject"][0])
        usual = NATURAL[kind] if world.natural else USUAL[kind][0]
        figures.append(Subject(kind, fitting("colour", read.get(f"colour{k}"), usual)))
    place = "snowfield" if read.get("weather") == "snow" else USUAL[figures[0].kind][1]
    rest = {"setting": fitting("setting", read.get("setting"), place)}
    rest |= {name: fitting(name, read.get(name), usual) for name, usual in PLAIN.items()}
    travels = rest["action"] in TRAVEL
    rest["camera"] = fitting("camera", read.get("camera"), "follow" if travels else "static")
    alike = rest["camera"]
    if travels and alike.startswith("pan"):  # the camera goes along with who walks
        alike = "follow" if "follow" in known["camera"] else "static"
    elif alike == "follow" and not travels:  # nobody goes anywhere
        alike = "static"
    if alike != rest["camera"]:
        replaced.append((rest["camera"], alike))
        rest["camera"] = alike
    setting, action, time, weather, camera = (rest[k] for k in ("setting", "action", "time", "weather", "camera"))
    scene = Scene(tuple(figures), setting, time, weather, action, camera, seed=0)
    return Completed(scene, tuple(added), tuple(replaced))
