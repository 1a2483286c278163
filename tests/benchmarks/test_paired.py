"""The statistics of a race find the ratio that was planted."""

from __future__ import annotations

import numpy as np
import pytest

from .conftest import load

paired = load("baselines.paired")


def test_a_planted_ratio_is_found_exactly() -> None:
    plain = np.random.default_rng(0).uniform(0.9, 1.4, 10)  # seconds a block
    own = paired.ratio(paired.speeds(plain / 2.5, 640), paired.speeds(plain, 640))
    assert (own.median, own.low, own.high) == pytest.approx((2.5, 2.5, 2.5))


def test_blocks_of_different_length_are_compared_by_images() -> None:
    assert paired.ratio(paired.speeds([2.0], 1200), paired.speeds([1.0], 200)).median == pytest.approx(3)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(200):
        plain, own = 100 * rng.lognormal(0, 0.1, 10), 180 * rng.lognormal(0, 0.1, 10)
        found = paired.ratio(own, plain, seed=trial)
        assert found.low <= found.median <= found.high
        covered += found.low <= 1.8 <= found.high
    assert 0.88 <= covered / 200 <= 1


def test_the_seed_decides_the_interval() -> None:
    speeds = np.random.default_rng(2).uniform(1, 2, (2, 9))
    assert paired.ratio(*speeds, seed=3) == paired.ratio(*speeds, seed=3)


@pytest.mark.parametrize("contenders", [2, 3, 4])
def test_contenders_take_turns_forwards_and_backwards(contenders: int) -> None:
    order = paired.turns(contenders, 4)
    assert order[0] == order[2] == list(range(contenders))
    assert order[1] == order[3] == order[0][::-1]


def test_a_machine_that_slows_steadily_moves_the_ratio_little() -> None:
    clock, seconds = 1.0, np.empty((2, 10))
    for block, order in enumerate(paired.turns(2, 10)):
        for index in order:
            seconds[index, block] = clock / (1, 2)[index]
            clock *= 1.02
    assert paired.ratio(1 / seconds[1], 1 / seconds[0]).median == pytest.approx(2, rel=1e-3)


@pytest.mark.parametrize("sizes", [(3, 2), (0, 0)])
def test_blocks_that_make_no_pairs_are_refused(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="make no pairs"):
        paired.ratio([1.0] * sizes[0], [1.0] * sizes[1])
