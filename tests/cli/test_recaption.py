"""Prompts are rewritten on the command line, and taken as written where that is asked for."""

from pathlib import Path


def test_what_was_read_is_told_and_another_wording_makes_the_same_film(longtake):
    made, notes = [], []
    words = ("--seconds", "0.5", "--size", "64x48", "--steps", "2", "--seed", "3")
    for number, prompt in enumerate(("a crimson pup hopping in the snow", "A red dog jumps up and down in a snowfield")):
        code, _, err = longtake("render", prompt, *words, "--no-mark", "-o", f"{number}.mp4")
        assert code == 0
        made.append(Path(f"{number}.mp4").read_bytes())
        notes.append(err)
    assert made[0] == made[1]
    assert "read as: red dog, jump, snowfield; left open, so: noon, clear, static" in notes[0].replace("\n", " ")
    code, _, err = longtake("render", "a crimson pup hopping in the snow", *words, "--no-mark", "--as-written", "-o", "2.mp4")
    assert code == 0 and "read as" not in err and Path("2.mp4").read_bytes() != made[0]
