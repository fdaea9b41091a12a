"""The picture of a take's measurements."""

import pytest
import torch
from comfyui_longtake.metrics.chart import draw, draw_drift
from comfyui_longtake.metrics.meter import Meter


def meter(frames):
    found = Meter()
    found.add(frames)
    return found


def ink(picture):
    """How much of a picture is red and how much is green."""
    r, g, b = picture.unbind(-1)
    return float(((r > 0.7) & (g < 0.4) & (b < 0.4)).sum()), float(((g > 0.5) & (r < 0.35) & (b < 0.35)).sum())


def test_a_join_that_shows_is_red_and_a_hidden_one_green():
    torch.manual_seed(0)
    smooth = torch.linspace(0.2, 0.8, 24).view(-1, 1, 1, 1).expand(-1, 16, 16, 3) + 0.01 * torch.rand(24, 16, 16, 3)
    jump = torch.cat([smooth[:12], 1 - smooth[12:]])
    plain, hidden, seen = draw(meter(smooth), [], 8.0), draw(meter(smooth), [12], 8.0), draw(meter(jump), [12], 8.0)
    assert plain.shape == hidden.shape == seen.shape == (700, 900, 3)
    assert float(plain.min()) >= 0 and float(plain.max()) <= 1
    (red, green), (red_hidden, green_hidden), (red_seen, green_seen) = map(ink, (plain, hidden, seen))
    assert green_hidden > green and green_seen == green  # the mark of a join is a dot of its colour
    assert red_seen > red and red_hidden == pytest.approx(red, rel=0.1)


def test_two_frames_are_enough():
    assert draw(meter(torch.rand(2, 8, 8, 3)), [1], 8.0).isfinite().all()


def test_ways_are_drawn_beside_each_other():
    torch.manual_seed(0)
    still = 0.4 + 0.02 * torch.rand(30, 8, 8, 3)
    fade = still * torch.linspace(1, 0.3, 30).view(-1, 1, 1, 1)
    one, two = draw_drift({"a": [meter(still)]}, 8.0), draw_drift({"a": [meter(still), meter(still)], "b": [meter(fade)]}, 8.0)
    assert one.shape == two.shape == (500, 900, 3) and not torch.equal(one, two)
    r, g, b = two.unbind(-1)
    assert float(((r > 0.9) & (g > 0.4) & (g < 0.6) & (b < 0.2)).sum()) > 100  # the second way's line
