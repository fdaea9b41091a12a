"""Video in and out: a streaming writer, a lazy reader, and the marks that say where a video came from."""

SCALER = 0x4 | 0x40000 | 0x2000 | 0x4000
"""Colour conversion by swscale: bicubic, accurate rounding, full chroma. Its fast paths darken by 1 level in 255."""
