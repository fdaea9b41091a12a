"""What the model reads in a prompt, told before it renders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..models.load import Bundle

ORDER = ("action", "setting", "time", "weather", "camera")


def reading_notes(bundle: Bundle, prompts: Sequence[str]) -> list[str]:
    """One line a prompt: what was read in it, and what in it these weights have never seen."""
    from ..training.text import read_prompts
    from ..world.scene import ATTRIBUTES, WORLDS

    known = WORLDS[bundle.info.get("world", "full")].values()
    lines = []
    for read in read_prompts(bundle.dit.adapter, bundle.text, list(dict.fromkeys(prompts))):
        figures = [f"{read[f'colour{k}'] or ''} {read[f'subject{k}']}".strip() for k in (1, 2, 3) if read[f"subject{k}"]]
        rest = [value for name in ORDER if (value := read[name])]
        said = {name.rstrip("123"): value for name, value in read.items() if value}
        strange = [v for name, v in said.items() if v in ATTRIBUTES[name] and v not in known[name]]
        line = f"read as: {', '.join([*figures, *rest])}" if figures or rest else "nothing in the prompt was recognised"
        if not figures and rest:
            line += "; no subject was recognised"
        if strange:
            line += f"; these weights never saw {', '.join(strange)} (see longtake world --world {bundle.info['world']})"
        lines.append(line)
    return lines
