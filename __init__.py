"""LongTake: one prompt, or a list of shots, becomes one coherent take."""

__version__ = "0.1.0"
