"""Roles a latent frame can have in a window."""

TARGET, CONTEXT, ANCHOR = 0, 1, 2
"""To be made; known, at its own place in time; known, an early frame kept in view against drift."""
