"""The noise matrix: ends, order, truncation, ramps and holding of kept frames."""

import pytest
import torch
from comfyui_longtake.engine import noise_matrix as matrix
from comfyui_longtake.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

schedules = st.builds(matrix.schedule, st.integers(1, 50), st.floats(0.2, 10))


def none(frames):
    """The mask that keeps none of the frames."""
    return torch.zeros(frames, dtype=torch.bool)


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


@given(levels=schedules, frames=st.integers(1, 20), every=st.integers(1, 5), reverse=st.booleans())
def test_ramp_is_legal_and_every_frame_walks_the_whole_schedule(ramp, levels, frames, every, reverse):
    sigma = ramp(levels, frames, every, reverse)
    matrix.check_matrix(sigma, none(frames))
    order = sigma.flip(1) if reverse else sigma
    assert (order.diff(dim=1) >= 0).all()
    for column in sigma.T:
        assert column.unique().tolist() == sorted(levels.tolist())


@given(levels=schedules, frames=st.integers(1, 30), every=st.integers(1, 5), data=st.data())
def test_ramp_rows_are_rows_of_the_whole_ramp(ramp, levels, frames, every, data):
    whole = ramp(levels, frames, every)
    first = data.draw(st.integers(0, len(whole) - 1))
    rows = range(first, data.draw(st.integers(first + 1, len(whole))))
    shown = data.draw(st.lists(st.integers(0, frames - 1), min_size=1, max_size=8))
    assert torch.equal(matrix.ramp_rows(levels, rows, shown, every), whole[list(rows)][:, shown])


@given(levels=schedules, frames=st.integers(1, 30), queue=st.integers(1, 16))
def test_queue_keeps_every_frame_in_sight_from_noise_to_clean(ramp, levels, frames, queue):
    steps = len(levels) - 1
    every, flight = matrix.queue_shape(steps, queue)
    sigma = ramp(levels, frames, every)
    for age in range(frames):
        row = steps + every * age
        assert sigma[row, age] == 0
        late = sigma[row - every if age else 0, age + flight :]
        assert (late == 1).all(), "a frame outside the queue has already begun"


@given(schedules, st.lists(st.booleans(), min_size=1, max_size=12), st.sampled_from([0.0, 0.25, 0.5]))
def test_known_frames_keep_their_level_and_others_their_columns(levels, kept, level):
    keep = torch.tensor(kept)
    plain = matrix.sync_matrix(levels, len(kept))
    sigma = matrix.keep_known(plain, keep, level)
    matrix.check_matrix(sigma, keep)
    assert (sigma[:, keep] == level).all() and torch.equal(sigma[:, ~keep], plain[:, ~keep])


@given(schedules, st.lists(st.floats(0.0, 1.0, width=32), min_size=1, max_size=12))
def test_each_frame_joins_in_at_its_own_level(levels, starts):
    start = torch.tensor(starts)
    sigma = matrix.sync_matrix(levels, len(starts), start)
    matrix.check_matrix(sigma, none(len(starts)))
    assert torch.equal(sigma[0], start) and (sigma[-1] == 0).all()
    whole = matrix.sync_matrix(levels, len(starts), float(start.max()))
    assert torch.equal(sigma, torch.minimum(whole, start))


@given(schedules, st.lists(st.tuples(st.booleans(), st.floats(0.0, 1.0, width=32)), min_size=1, max_size=12))
def test_known_frames_may_have_a_level_each(levels, frames):
    keep, level = (torch.tensor(part) for part in zip(*frames, strict=True))
    sigma = matrix.keep_known(matrix.sync_matrix(levels, len(frames)), keep, level)
    matrix.check_matrix(sigma, keep)
    assert torch.equal(sigma[:, keep], level[keep].expand(len(levels), -1))


@pytest.mark.parametrize("sigma", [[[1.0], [1.1]], [[0.5], [0.6]], [[float("nan")], [0.0]]])
def test_illegal_levels_are_refused(sigma):
    with pytest.raises(UsageError, match="noise matrix"):
        matrix.check_matrix(torch.tensor(sigma), none(1))


def test_moving_kept_frame_is_refused():
    with pytest.raises(UsageError, match="kept frame"):
        matrix.check_matrix(matrix.sync_matrix(matrix.schedule(4), 2), torch.tensor([True, False]))


@pytest.mark.parametrize("frames", [1, 3])
def test_mask_of_another_length_is_refused(frames):
    with pytest.raises(UsageError, match="keep mask"):
        matrix.check_matrix(matrix.sync_matrix(matrix.schedule(4), 2), none(frames))


@pytest.mark.parametrize(
    "call",
    [
        lambda: matrix.schedule(0),
        lambda: matrix.schedule(4, 0),
        lambda: matrix.schedule(4, float("inf")),
        lambda: matrix.truncate(matrix.schedule(4), 1.5),
        lambda: matrix.queue_shape(4, 0),
    ],
)
def test_refuses(call):
    with pytest.raises(UsageError):
        call()
