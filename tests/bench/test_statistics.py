"""Speeds, ratios and intervals: against values by hand and scipy, and on a machine whose times are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap
from toys.clock import CALM, ROUGH, Machine

from ganzoo.bench import statistics
from ganzoo.bench.statistics import (
    Interval,
    interval,
    pairs,
    percentile,
    ratio,
    ratio_apart,
    settled,
    speeds,
    spread,
    turns,
)

CONTESTS = 600


class TestByHand:
    def test_turns_go_forwards_and_backwards(self) -> None:
        assert turns(2, 4) == [[0, 1], [1, 0], [0, 1], [1, 0]]
        assert turns(3, 2) == [[0, 1, 2], [2, 1, 0]]

    def test_speeds(self) -> None:
        assert speeds([2.0, 4.0], 100) == [50.0, 25.0]

    def test_ten_values(self) -> None:
        # Coverage 1 - 22/1024 of the second and the ninth, 1 - 112/1024 of the third and the eighth; the excess over
        # 0.95 is (0.05 - 22/1024) / (90/1024) = 0.3244..., so 8 * 0.3244 / (2 + 6 * 0.3244) = 0.6577 of the way.
        found = interval([float(value) for value in range(10, 0, -1)])
        assert found.median == 5.5
        assert (found.low, found.high) == pytest.approx((2.6577, 8.3423), abs=1e-4)

    @pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
    def test_of_few_values_the_interval_is_all_of_them(self, count: int) -> None:
        found = interval([float(value) for value in range(count)])
        assert found == Interval((count - 1) / 2, 0.0, count - 1.0)

    def test_of_thousands_of_values_too(self) -> None:
        found = interval([float(each) for each in range(2001)])
        assert found.median == 1000
        assert 950 < found.low < 965 < 1035 < found.high < 1050  # 1.96 / 2 * sqrt(2001) = 44 to either side

    def test_the_interval_depends_on_no_order_and_scales(self) -> None:
        values = list(np.random.default_rng(0).lognormal(size=11))
        assert interval(values) == interval(values[::-1])
        assert interval([4 * value for value in values]).low == pytest.approx(4 * interval(values).low)

    def test_a_ratio_is_the_median_of_pairs(self) -> None:
        assert pairs([10.0, 30.0, 8.0], [5.0, 10.0, 8.0]) == [2.0, 3.0, 1.0]
        assert ratio([10.0, 30.0, 8.0], [5.0, 10.0, 8.0]) == Interval(2.0, 1.0, 3.0)

    def test_a_ratio_apart_is_that_of_medians(self) -> None:
        assert ratio_apart([4.0, 4.0, 4.0], [2.0, 2.0]) == Interval(2.0, 2.0, 2.0)
        assert ratio_apart([1.0, 4.0, 9.0], [2.0, 2.0, 2.0]).median == 2.0

    def test_a_lower_level_is_narrower(self) -> None:
        one, other = np.random.default_rng(0).lognormal(sigma=0.1, size=(2, 10))
        wide, narrow = (ratio_apart(list(one), list(other), level=level) for level in (0.95, 0.90))
        assert wide.low < narrow.low < narrow.median < narrow.high < wide.high

    def test_what_contains_what(self) -> None:
        assert 1.0 in Interval(1.1, 1.0, 1.2)
        assert 0.99 not in Interval(1.1, 1.0, 1.2)

    def test_percentile_spread_and_settled(self) -> None:
        assert percentile([1.0, 2.0, 3.0, 4.0, 5.0], 0.95) == pytest.approx(4.8)
        assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2 / 3)
        assert spread([0.0, 0.0]) == float("inf")
        assert settled([9.0, 1.0, 1.0, 1.0, 1.0], window=2, tolerance=0.01)
        assert not settled([2.0, 2.0, 1.0, 1.0], window=2, tolerance=0.4)
        assert not settled([1.0, 1.0, 1.0], window=2, tolerance=0.5)

    @pytest.mark.parametrize(("own", "other"), [([], []), ([1.0], []), ([1.0], [1.0, 2.0])])
    def test_what_makes_no_pairs(self, own: list[float], other: list[float]) -> None:
        with pytest.raises(ValueError, match=f"{len(own)} and {len(other)} blocks make no pairs"):
            ratio(own, other)

    def test_nothing_has_no_median(self) -> None:
        with pytest.raises(ValueError, match="no blocks"):
            interval([])
        with pytest.raises(ValueError, match="no blocks"):
            ratio_apart([1.0], [])


class TestAgainstScipy:
    """Another method and another implementation: the ends agree to a part of the interval's width."""

    @pytest.mark.parametrize("seed", range(5))
    def test_an_interval(self, seed: int) -> None:
        values = np.random.default_rng(seed).lognormal(sigma=0.05, size=40)
        theirs = bootstrap((values,), np.median, n_resamples=5000, method="percentile", rng=seed).confidence_interval
        ours = interval(list(values))
        width = ours.high - ours.low
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.35 * width)

    @pytest.mark.parametrize("seed", range(5))
    def test_a_ratio_apart(self, seed: int) -> None:
        one, other = np.random.default_rng(seed).lognormal(sigma=0.05, size=(2, 10))
        found = bootstrap(
            (one, other),
            lambda a, b, axis=-1: np.median(a, axis=axis) / np.median(b, axis=axis),
            n_resamples=5000,
            method="percentile",
            rng=seed,
        ).confidence_interval
        ours = ratio_apart(list(one), list(other))
        assert (ours.low, ours.high) == pytest.approx((found.low, found.high), abs=0.1 * (ours.high - ours.low))


def ratios(machine: Machine, slowdown: float, *, in_turns: bool = True, blocks: int = 10) -> list[Interval]:
    """The speed of a contender that takes ``slowdown`` times as long, over the other's, in many contests."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(CONTESTS):
        own, other = machine.contest([slowdown, 1.0], blocks, rng, in_turns=in_turns)
        found.append(ratio(speeds(own, 1), speeds(other, 1)))
    return found


def share(found: list[bool]) -> float:
    return sum(found) / len(found)


class TestErrorRates:
    """Thresholds leave three standard errors of 600 contests to the rates of docs/benchmarking.md."""

    @pytest.mark.parametrize("machine", [CALM, ROUGH], ids=["2 %", "5 %"])
    @pytest.mark.parametrize("blocks", [6, 10, 20])
    def test_the_interval_covers_as_often_as_it_says(self, machine: Machine, blocks: int) -> None:
        covered = share([1 / 1.1 in each for each in ratios(machine, 1.1, blocks=blocks)])
        assert 0.92 < covered < 0.98

    @pytest.mark.parametrize(("machine", "found"), [(CALM, 0.91), (ROUGH, 0.63)], ids=["2 %", "5 %"])
    def test_a_slowdown_of_10_percent_is_found(self, machine: Machine, found: float) -> None:
        assert share([each.high < 1 for each in ratios(machine, 1.1)]) > found

    @pytest.mark.parametrize("machine", [CALM, ROUGH], ids=["2 %", "5 %"])
    def test_one_of_nothing_is_rarely_claimed(self, machine: Machine) -> None:
        assert share([1.0 not in each for each in ratios(machine, 1.0)]) < 0.08

    def test_without_turns_drift_is_taken_for_a_difference(self) -> None:
        claimed = {
            turn: share([1.0 not in each for each in ratios(CALM, 1.0, in_turns=turn)]) for turn in (True, False)
        }
        assert claimed[True] < 0.08
        assert claimed[False] > 0.7

    def test_a_ratio_of_ratios_covers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(statistics, "RESAMPLES", 1000)
        rng = np.random.default_rng(8)
        covered = []
        for _ in range(CONTESTS):
            then, now = (CALM.contest([seconds, 2.0], 10, rng) for seconds in (1.0, 1.1))
            one, other = (pairs(speeds(own, 1), speeds(plain, 1)) for own, plain in (now, then))
            covered.append(1 / 1.1 in ratio_apart(one, other))
        assert 0.93 < share(covered) < 0.99
