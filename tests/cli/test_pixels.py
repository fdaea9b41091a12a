"""Real frames over decoded ones: where they stand, how they fade, whatever the chunks; and the crop."""

import torch
from comfyui_longtake.cli.pixels import Known, crop, lay_over
from hypothesis import given
from hypothesis import strategies as st


def decoded(frames: int) -> torch.Tensor:
    return torch.full((frames, 2, 2, 3), -1.0)


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(0, 12),
    st.integers(1, 12),
    st.integers(0, 4),
)
def test_chunking_changes_nothing(chunks, start, count, fade_out):
    frames = sum(chunks)

    def clips():
        real = (torch.full((2, 2, 3), float(index)) for index in range(count))
        return [Known(real, start, count, fade_out)]

    whole = torch.cat(list(lay_over([decoded(frames)], clips())))
    parts = torch.cat(list(lay_over([decoded(size) for size in chunks], clips())))
    assert torch.equal(whole, parts)
    assert (whole[:start] == -1).all() and (whole[start + count :] == -1).all()
    for index in range(start, min(frames, start + count)):
        if start <= index < start + count - fade_out:
            assert (whole[index] == index - start).all()


def test_two_clips_and_a_gap():
    first = Known(iter(torch.ones(4, 2, 2, 3)), 0, 4, fade_out=2)
    second = Known(iter(torch.ones(4, 2, 2, 3)), 6, 4)
    shown = torch.cat(list(lay_over([torch.zeros(5, 2, 2, 3), torch.zeros(5, 2, 2, 3)], [first, second])))[:, 0, 0, 0]
    expected = [1, 1, 2 / 3, 1 / 3, 0, 0, 1, 1, 1, 1]
    assert torch.allclose(shown, torch.tensor(expected))


def test_crop_takes_the_middle():
    frames = torch.arange(4 * 6).reshape(1, 4, 6, 1).expand(1, 4, 6, 3)
    assert crop(frames, 2, 2)[0, :, :, 0].tolist() == [[8, 9], [14, 15]]
    assert torch.equal(crop(frames, 6, 4), frames)
