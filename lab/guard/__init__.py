"""Trains the head that judges prompts: written sentences, and the command that turns them into weights."""
