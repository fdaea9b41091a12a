"""Prompts as they are read: letters that look alike, digits for letters, and letters set apart are brought back."""

from __future__ import annotations

import re
import unicodedata

ALIKE = str.maketrans("аеорсухіјѕԁһқӏαοερτικνυ", "aeopcyxijsdhklaoeptiknu")
"""Cyrillic and Greek letters for the Latin ones that they look like, in words that have Latin letters too."""
DIGITS = str.maketrans("01345789@$!|€£+", "oieastbgasileet")
"""Digits and signs for the letters that they stand for."""
APART = re.compile(r"\b(?:[^\W\d_][ .\-_*·/]+){2,}[^\W\d_]\b")
"""Three letters or more, each on its own."""
INSIDE = re.compile(r"(?<=[^\W\d_])[.\-_*·|/]+(?=[^\W\d_])")
"""Signs between letters of a word."""
MEASURE = re.compile(
    r"\d+(?:[.,:/x]\d+)*(?:k|d|p|s|m|mm|cm|km|th|st|nd|rd|fps|er|e|ans|hz|x|y|yo|yr|yrs|am|pm|bit)?|\d+[-–]\D+|mp[34]|h26[45]|f/?\d+"
)
"""Words with digits that are meant as numbers."""


def plain(text: str) -> str:
    """`text` in small letters without what is put there to be misread; numbers and measures stay."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = "".join(letter for letter in text if unicodedata.category(letter) not in ("Cf", "Mn", "Cc") or letter.isspace())
    text = APART.sub(lambda found: re.sub(r"[^\w]|_", "", found[0]), text)
    return " ".join(_word(word) for word in text.split())


def _word(word: str) -> str:
    core = word.strip(".,;:!?()[]{}\"'«»„“”")
    if not core or MEASURE.fullmatch(core):
        return word
    made = core
    if any("a" <= letter <= "z" for letter in made) and not made.isascii():
        made = made.translate(ALIKE)
    if any(not letter.isalpha() for letter in made) and sum(letter.isalpha() for letter in made) >= 2:
        swapped = made.translate(DIGITS)
        made = swapped if any(letter.isdigit() or letter in "@$!|€£+" for letter in made) else made
        made = INSIDE.sub("", made) if "*" in made or made.count(".") > 1 or made.count("_") else made
    made = re.sub(r"(.)\1{2,}", r"\1", made)
    return word.replace(core, made)


def unaccented(text: str) -> str:
    """`text` with its letters bare of accents, as many people write them."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if unicodedata.category(letter) != "Mn")
