"""A film's chains: every shot in one of them, in order, under a key that says all that shapes it and nothing else."""

import pytest
from comfyui_longtake.errors import UsageError
from comfyui_longtake.farm.chains import ranges, split
from comfyui_longtake.take.shots import SEED_MAX, ShotText, parse_shots
from hypothesis import given
from hypothesis import strategies as st

prompts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)
seconds = st.one_of(st.none(), st.floats(0.001, 3600))
shots = st.lists(
    st.builds(ShotText, prompts, seconds, st.none() | st.integers(0, SEED_MAX), st.booleans()), min_size=1, max_size=12
)


@given(shots, st.integers(0, 2**31))
def test_every_shot_is_in_one_chain(some, seed):
    chains = split(some, seconds=4.0, seed=seed, facts={})
    assert [chain.number for chain in chains] == list(range(1, len(chains) + 1))
    flat = [shot for chain in chains for shot in chain.shots]
    assert [shot.prompt for shot in flat] == [" ".join(shot.prompt.split()) for shot in some]
    assert [shot.seconds for shot in flat] == [shot.seconds or 4.0 for shot in some]
    assert [shot.seed for shot in flat] == [seed + n if shot.seed is None else shot.seed for n, shot in enumerate(some)]
    assert len(chains) == 1 + sum(shot.cut for shot in some[1:])
    assert not any(shot.cut for shot in flat)


@given(shots)
def test_a_chains_text_says_the_same_shots(some):
    for chain in split(some, seconds=4.0, seed=1, facts={}):
        read = parse_shots(chain.text(), timed=True)
        assert [shot[:1] + shot[2:] for shot in read] == [shot[:1] + shot[2:] for shot in chain.shots]
        assert [shot.seconds for shot in read] == pytest.approx([shot.seconds for shot in chain.shots], abs=1e-9)


@given(shots, shots)
def test_keys_are_of_content_alone(one, other):
    """A chain keeps its key wherever it stands in the film, and no other chain has it."""
    alone = split([*one, ShotText("x", 1.0, 1, True)], seconds=4.0, seed=1, facts={"size": 1})
    after = split(
        [ShotText("y", 1.0, 1), other[0]._replace(seed=3), ShotText("x", 1.0, 1, True)], seconds=4.0, seed=1, facts={"size": 1}
    )
    assert alone[-1].key == after[-1].key
    keys = {chain.key: [tuple(shot) for shot in chain.shots] for chain in alone + after}
    assert all([tuple(shot) for shot in chain.shots] == keys[chain.key] for chain in alone + after)
    bigger = split(one, seconds=4.0, seed=1, facts={"size": 2})
    assert not {chain.key for chain in bigger} & {chain.key for chain in alone}


def test_seeds_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match=f"--seed {SEED_MAX}: give at most {SEED_MAX - 1} for 2 shots"):
        split([ShotText("a"), ShotText("b")], seconds=1.0, seed=SEED_MAX, facts={})


def test_ranges_follow_each_other():
    assert list(ranges([3, 1, 2])) == [range(3), range(3, 4), range(4, 6)]
