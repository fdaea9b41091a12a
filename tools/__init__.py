"""Commands that make again what the project keeps beside its code: pictures, forms of graphs, translations, tables.

`python tools/regenerate.py` is the way in. Nothing here is part of an install.
"""
