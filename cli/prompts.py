"""Prompts: saying what the text encoder will not understand."""

import re

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
