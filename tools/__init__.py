"""Commands that make again what the project keeps beside its code: pictures, forms of graphs, translations, tables.

`python tools/regenerate.py` is the way in. `fuzz.py` and `sweep.py` try input that is hostile, or that nobody here made.
Nothing here is part of an install.
"""
