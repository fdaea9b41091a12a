"""The noise matrix: ends, order, truncation, ramps and holding of kept frames."""

import pytest
import torch
from comfyui_longtake.engine import noise_matrix as matrix
from comfyui_longtake.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

schedules = st.builds(matrix.schedule, st.integers(1, 50), st.floats(0.2, 10))


@given(schedules)
def test_schedule_falls_from_one_to_zero(levels):
    assert levels[0] == 1 and levels[-1] == 0
    assert (levels.diff() < 0).all()


def test_shift_multiplies_the_odds():
    plain, shifted = matrix.schedule(10)[1:-1].double(), matrix.schedule(10, 2.5)[1:-1].double()
    assert torch.allclose(shifted.logit() - plain.logit(), torch.full((9,), 2.5).double().log(), atol=1e-5)


@given(schedules, st.integers(0, 64).map(lambda n: n / 64))
def test_truncated_schedule_starts_at_the_strength(levels, start):
    rest = matrix.truncate(levels, start)
    assert rest[0] == start and rest[-1] == 0 and (rest.diff() < 0).all()
    assert set(rest[1:].tolist()) <= set(levels.tolist())


@given(schedules, st.integers(1, 20), st.integers(1, 5), st.booleans())
def test_ramp_is_legal_and_every_frame_walks_the_whole_schedule(levels, frames, every, reverse):
    sigma = matrix.ramp_matrix(levels, frames, every, reverse)
    matrix.check_matrix(sigma, matrix.mask(frames))
    order = sigma.flip(1) if reverse else sigma
    assert (order.diff(dim=1) >= 0).all()
    for column in sigma.T:
        assert column.unique().tolist() == sorted(levels.tolist())


@given(schedules, st.integers(1, 30), st.integers(1, 16))
def test_queue_keeps_every_frame_in_sight_from_noise_to_clean(levels, frames, queue):
    steps = len(levels) - 1
    every, flight = matrix.queue_shape(steps, queue)
    sigma = matrix.ramp_matrix(levels, frames, every)
    for age in range(frames):
        row = steps + every * age
        assert sigma[row, age] == 0
        late = sigma[row - every if age else 0, age + flight :]
        assert (late == 1).all(), "a frame outside the queue has already begun"


@given(schedules, st.lists(st.booleans(), min_size=1, max_size=12), st.sampled_from([0.0, 0.25, 0.5]))
def test_hold_freezes_kept_columns_only(levels, kept, level):
    keep = torch.tensor(kept)
    plain = matrix.sync_matrix(levels, len(kept))
    sigma = matrix.hold(plain, keep, level)
    matrix.check_matrix(sigma, keep)
    assert (sigma[:, keep] == level).all() and torch.equal(sigma[:, ~keep], plain[:, ~keep])


@given(schedules, st.lists(st.floats(0.0, 1.0, width=32), min_size=1, max_size=12))
def test_each_frame_joins_in_at_its_own_level(levels, starts):
    start = torch.tensor(starts)
    sigma = matrix.sync_matrix(levels, len(starts), start)
    matrix.check_matrix(sigma, matrix.mask(len(starts)))
    assert torch.equal(sigma[0], start) and (sigma[-1] == 0).all()
    whole = matrix.sync_matrix(levels, len(starts), float(start.max()))
    assert torch.equal(sigma, torch.minimum(whole, start))


def test_mask():
    assert matrix.mask(5, [0, -1]).tolist() == [True, False, False, False, True]
    with pytest.raises(UsageError, match="latents 0 to 4"):
        matrix.mask(5, [5])


@pytest.mark.parametrize("sigma", [[[1.0], [1.1]], [[0.5], [0.6]], [[float("nan")], [0.0]]])
def test_illegal_levels_are_refused(sigma):
    with pytest.raises(UsageError, match="noise matrix"):
        matrix.check_matrix(torch.tensor(sigma), matrix.mask(1))


def test_moving_kept_frame_is_refused():
    with pytest.raises(UsageError, match="kept frame"):
        matrix.check_matrix(matrix.sync_matrix(matrix.schedule(4), 2), matrix.mask(2, [0]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: matrix.schedule(0),
        lambda: matrix.schedule(4, 0),
        lambda: matrix.schedule(4, float("inf")),
        lambda: matrix.truncate(matrix.schedule(4), 1.5),
        lambda: matrix.queue_shape(4, 0),
        lambda: matrix.ramp_matrix(matrix.schedule(4), 0, 1),
    ],
)
def test_refuses(call):
    with pytest.raises(UsageError):
        call()
