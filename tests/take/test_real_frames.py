"""Made frames meet the real ones beside them, whatever the chunks, and those further away stay as they were made."""

import torch
from comfyui_longtake.take.real_frames import EASE, ease
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 20), st.integers(1, 7), st.booleans(), st.booleans())
def test_made_frames_meet_the_real_ones(count, size, has_before, has_after):
    """Decoded frames are 0.5 throughout, the real ones 0.7 and 0.2."""
    whole = torch.full((count + has_before + has_after, 2, 2, 3), 0.5)
    before = torch.full((2, 2, 3), 0.7) if has_before else None
    after = torch.full((2, 2, 3), 0.2) if has_after else None
    made = list(ease(whole.split(size), before, after))
    assert len(made) == count
    for at, frame in enumerate(made):
        share = [max(0.0, 1 - (place + 1) / (EASE + 1)) for place in (at, count - 1 - at)]
        expected = 0.5 + 0.2 * share[0] * has_before - 0.3 * share[1] * has_after
        assert torch.allclose(frame, torch.full((1, 2, 2, 3), expected))


def test_made_frames_stay_colours():
    """A light that the decoder dims is not made brighter than white in frames that are white already."""
    decoded = torch.tensor([0.5, 0.9, 0.9])[:, None, None, None].expand(3, 1, 1, 3)
    first, second = ease([decoded], torch.ones(1, 1, 3))
    assert first.max() == 1 and second.max() == 1
