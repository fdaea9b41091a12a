"""Shot lists, spans of seconds and strengths as users write them, on the command line and in a graph."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import UsageError

if TYPE_CHECKING:
    from ..engine.request import Shot

STRENGTHS = {"subtle": 0.35, "mild": 0.55, "strong": 0.75}
"""Words for the strength of a remix."""
SHOTS_MAX = 1000
SECONDS_MAX = 3600.0
SEED_MAX = 2**63 - 1
LIST_BYTES, PROMPT_MAX = 4 * 2**20, 10_000
"""Bytes of a list of shots, and letters of one prompt."""
FRAMES_MAX = 1_000_000
"""Frames of all shots together; planning more takes longer than anybody waits without a word."""
_NUMBER = r"\d{1,40}(?:\.\d{1,40})?"
_BLANKS = r"\s{0,20}"
"""Blanks in the head of a line: without a bound, three of these in a row take cubic time on a line of blanks."""
_HEAD = re.compile(
    rf"(?P<cut>cut\b)?{_BLANKS}(?:(?P<seconds>-?{_NUMBER}){_BLANKS}s?)?{_BLANKS}(?:\bseed\s{{1,20}}(?P<seed>\d{{1,20}}))?"
    rf"{_BLANKS}[:|]\s*(?P<prompt>\S.*)",
    re.IGNORECASE,
)


class ShotText(NamedTuple):
    """One shot: its prompt, its length in seconds and its seed (None: not said); `cut`: a hard cut before it."""

    prompt: str
    seconds: float | None = None
    seed: int | None = None
    cut: bool = False

    def placed(self, start: int, prompt: int, seed: int, first: int) -> Shot:
        """The shot as the engine makes it: from latent `start` on, with the prompt of that number, and with `seed` where it names
        none. The only way from what users write to what is made, so that nothing else changes with the grammar."""
        from ..engine.request import Shot

        return Shot(start, prompt, seed if self.seed is None else self.seed, self.cut, first)


def parse_shots(text: str, where: str = "shots", *, timed: bool = False) -> list[ShotText]:
    """Lines "SECONDS: prompt" to shots; "cut" before the number makes a hard cut, "seed N" after it makes one shot anew;
    "#" begins a line that is skipped. With `timed` each line needs its seconds, else a line may be a prompt alone.

    Raises UsageError, beginning with `where` and the number of the line.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _HEAD.fullmatch(line)
        if match and not any(match[part] for part in ("cut", "seconds", "seed")):
            match = None  # a prompt that begins with a colon
        if timed and (match is None or match["seconds"] is None):
            raise UsageError(f"{where}, line {number}: {line[:60]!r} is no shot; write SECONDS: prompt, such as 5: a dog runs")
        shot = (
            ShotText(line)
            if match is None
            else ShotText(
                match["prompt"],
                None if match["seconds"] is None else float(match["seconds"]),
                None if match["seed"] is None else int(match["seed"]),
                bool(match["cut"]),
            )
        )
        found.append(checked(shot, f"{where}, line {number}"))
    return counted(found, where)


def read_shot_file(path: Path, where: str = "--shots") -> list[ShotText]:
    """Shots from `.json` (a list of prompts or of {"prompt", "seconds", "seed", "cut"}) or text (see `parse_shots`).

    Raises UsageError, naming the shot, when the file cannot be read or a value is not allowed; it begins with
    `where` and the path.
    """
    place = f"{where} {path}".strip()
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"{place}: is no file; give a text file, one shot a line, or JSON")
        with path.open("rb") as file:
            data = file.read(LIST_BYTES + 1)
        if len(data) > LIST_BYTES:
            raise UsageError(f"{place}: more than {LIST_BYTES >> 20} MiB; give a shorter list")
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{place}: not a text file; give UTF-8 text, one shot a line, or JSON") from None
    except OSError as error:
        raise UsageError(f"{place}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise UsageError(f"{where} {ascii(str(path))[:60]}: cannot be the name of a file") from None
    if path.suffix.lower() == ".json":
        return _json_shots(place, text)
    return parse_shots(text, place)


def _json_shots(place: str, text: str) -> list[ShotText]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: not valid JSON ({error})") from None
    if isinstance(data, dict):
        data = data.get("shots")
    if not isinstance(data, list):
        raise UsageError(f'{place}: expected a list of shots, such as [{{"prompt": "a dog runs", "seconds": 4}}]')
    shots = [checked(_json_shot(place, index, item), f"{place}: shot {index}") for index, item in enumerate(data, 1)]
    return counted(shots, place)


def _json_shot(place: str, index: int, item: object) -> ShotText:
    if isinstance(item, str):
        return ShotText(item)
    if not isinstance(item, dict) or not isinstance(item.get("prompt"), str):
        raise UsageError(f'{place}: shot {index} needs a "prompt"')
    unknown = sorted(set(item) - {"prompt", "seconds", "seed", "cut"})
    if unknown:
        raise UsageError(f"{place}: shot {index} has {', '.join(unknown)[:60]}; known: prompt, seconds, seed, cut")
    seconds, seed = item.get("seconds"), item.get("seed")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float))):
        raise UsageError(f"{place}: shot {index} has seconds {ascii(seconds)[:40]}; give a number above 0")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise UsageError(f"{place}: shot {index} has seed {ascii(seed)[:40]}; give a whole number from 0")
    if not isinstance(item.get("cut", False), bool):
        raise UsageError(f"{place}: shot {index} has cut {ascii(item['cut'])[:40]}; give true or false")
    return ShotText(item["prompt"], None if seconds is None else float(max(-1e9, min(seconds, 1e9))), seed, item.get("cut", False))


def checked(shot: ShotText, where: str) -> ShotText:
    """The shot, its prompt of whole characters. Raises UsageError, beginning with `where`, for no prompt or one that is too long,
    or for seconds or a seed that are not allowed."""
    if not shot.prompt.strip():
        raise UsageError(f"{where}: the prompt is empty; say what it should show")
    if len(shot.prompt) > PROMPT_MAX:
        raise UsageError(f"{where}: the prompt has {len(shot.prompt):,} letters; give at most {PROMPT_MAX:,}")
    if shot.seconds is not None and not 0 < shot.seconds <= SECONDS_MAX:
        raise UsageError(f"{where}: {shot.seconds:g} s; give more than 0, up to {SECONDS_MAX:g} seconds")
    if shot.seed is not None and not 0 <= shot.seed <= SEED_MAX:
        raise UsageError(f"{where}: seed {str(shot.seed)[:24]}; give 0 to {SEED_MAX}")
    return shot._replace(prompt=shot.prompt.encode("utf-8", "replace").decode())  # no half characters


def counted(shots: list[ShotText], where: str) -> list[ShotText]:
    """The shots. Raises UsageError, beginning with `where`, for none or too many."""
    if not 1 <= len(shots) <= SHOTS_MAX:
        raise UsageError(f"{where}: {len(shots)} shots; give 1 to {SHOTS_MAX}, a prompt a line")
    return shots


def read_spans(text: str) -> list[tuple[float, float]]:
    """ "0-2, 5-7.5" to pairs of seconds. Raises UsageError."""
    found = []
    for part in filter(None, (p.strip() for p in text.replace(";", ",").split(","))):
        match = re.fullmatch(rf"({_NUMBER})\s*-\s*({_NUMBER})", part)
        if not match or float(match[1]) >= float(match[2]):
            raise UsageError(f"keep {part!r}: give spans in seconds, such as 0-2, 5-7.5")
        found.append((float(match[1]), float(match[2])))
    return found


def shot_lengths(shots: Sequence[ShotText], fps: float, usual: float) -> list[int]:
    """Frames of each shot, `usual` seconds where it does not say, so that no rounding adds up."""
    ends, seconds = [0], 0.0
    for shot in shots:
        seconds += shot.seconds or usual
        ends.append(max(ends[-1] + 1, round(seconds * fps)))
    return [end - begin for begin, end in pairwise(ends)]
