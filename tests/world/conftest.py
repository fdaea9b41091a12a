"""One plain scene that every test of the world varies."""

from dataclasses import replace

import pytest
import torch
from comfyui_longtake.world.scene import Scene, Subject

torch.set_num_threads(1)

PLAIN = Scene((Subject("dog", "red"),), "meadow", "noon", "clear", "stand", "static", 5)


@pytest.fixture(scope="session")
def make_scene():
    """The plain scene with some attributes changed; `subject` and `colour` are those of its only figure."""

    def make(**changes):
        figure = PLAIN.subjects[0]
        figure = Subject(changes.pop("subject", figure.kind), changes.pop("colour", figure.colour))
        return replace(PLAIN, **{"subjects": (figure,), **changes})

    return make
