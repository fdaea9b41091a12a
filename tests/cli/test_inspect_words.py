"""What `inspect` says where nobody sees a bar: the answer, or one line."""

import torch
from comfyui_longtake.media.write import open_writer


def test_a_wrong_option_is_one_line_though_the_film_was_measured_first(longtake):
    with open_writer("a.mp4", 32, 32, 8) as writer:
        writer.write(torch.rand(8, 32, 32, 3))
    code, out, err = longtake("inspect", "a.mp4", "--joins", "16x16")
    assert code == 2 and not out and len(err.splitlines()) == 1 and "--joins" in err
