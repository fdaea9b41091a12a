"""Prompts and shot lists: reading them, and saying what the text encoder will not understand."""

import json
import re
from pathlib import Path

from ..errors import UsageError
from ..take.shots import ShotText, checked, counted, parse_shots
from .values import shorten

FUNCTION_WORDS = {
    "English": "a an the and or in on of at with to from is are by under over through while into",
    "German": "der das ein eine einen einem einer und mit im auf bei unter durch ist den",
    "French": "le la les un une des du dans avec sur sous est et qui au aux",
    "Spanish": "el los las una en con por bajo que del se",
    "Italian": "il lo gli nel nella della di che uno sotto",
    "Portuguese": "os um uma na com sob da",
    "Dutch": "het een van op met door de",
    "Swedish": "det ett och med en",
    "Polish": "na pod jest oraz",
}


def read_shots(path: Path) -> list[ShotText]:
    """Shots from `.json` (a list of prompts or of {"prompt", "seconds", "seed", "cut"}) or text (see `parse_shots`).

    Raises UsageError, naming the shot, when the file cannot be read or a value is not allowed.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"--shots {path}: not a text file; give UTF-8 text, one shot a line, or JSON") from None
    except OSError as error:
        raise UsageError(f"--shots {path}: cannot be read ({error.strerror})") from None
    if path.suffix.lower() == ".json":
        return _json_shots(path, text)
    return parse_shots(text, f"--shots {path}")


def _json_shots(path: Path, text: str) -> list[ShotText]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--shots {path}: not valid JSON ({error})") from None
    if isinstance(data, dict):
        data = data.get("shots")
    if not isinstance(data, list):
        raise UsageError(f'--shots {path}: expected a list of shots, such as [{{"prompt": "a dog runs", "seconds": 4}}]')
    shots = [checked(_json_shot(path, index, item), f"--shots {path}: shot {index}") for index, item in enumerate(data, 1)]
    return counted(shots, f"--shots {path}")


def _json_shot(path: Path, index: int, item: object) -> ShotText:
    if isinstance(item, str):
        return ShotText(item)
    if not isinstance(item, dict) or not isinstance(item.get("prompt"), str):
        raise UsageError(f'--shots {path}: shot {index} needs a "prompt"')
    unknown = sorted(set(item) - {"prompt", "seconds", "seed", "cut"})
    if unknown:
        raise UsageError(f"--shots {path}: shot {index} has {shorten(', '.join(unknown))}; known: prompt, seconds, seed, cut")
    seconds, seed = item.get("seconds"), item.get("seed")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float))):
        raise UsageError(f"--shots {path}: shot {index} has seconds {seconds!r}; give a number above 0")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise UsageError(f"--shots {path}: shot {index} has seed {seed!r}; give a whole number from 0")
    if not isinstance(item.get("cut", False), bool):
        raise UsageError(f"--shots {path}: shot {index} has cut {item['cut']!r}; give true or false")
    return ShotText(item["prompt"], None if seconds is None else float(min(seconds, 1e9)), seed, item.get("cut", False))


def language_note(prompt: str) -> str | None:
    """A warning when `prompt` holds no words, or seems not to be English (by script and by function words)."""
    letters = [character for character in prompt if character.isalpha()]
    if not letters:
        return "the prompt holds no words: the text encoder knows English words, so the picture will be arbitrary"
    foreign_script = sum(ord(character) > 0x24F for character in letters)
    words = re.findall(r"[^\W\d_]+", prompt.lower())
    counts = {language: sum(word in known.split() for word in words) for language, known in FUNCTION_WORDS.items()}
    other = max(count for language, count in counts.items() if language != "English")
    if foreign_script > 0.3 * len(letters) or (other >= 2 and other > counts["English"]):
        return "the prompt does not look like English: the text encoder was trained on English, expect a poor match"
    return None
