r"""The statistics of a benchmark: speeds from blocks, ratios of speeds with their intervals, and signs of noise.

Blocks of two contenders that ran side by side are paired, and the figure is the median of their ratios: what slows the
machine for a while slows both blocks of a pair alike.

The interval of a median lies between two of the sorted values, the d-th from below and the d-th from above, which hold
the true median with the probability :math:`1 - 2 P(X < d)` for a binomial X of N halves, whatever the distribution;
between the two d that are next to 95 % the ends are interpolated (Hettmansperger & Sheather 1986,
doi:10.1016/0167-7152(86)90021-0). Resampling, the usual way, covers the true value less often than it says where blocks
are few. Five values or fewer cannot give 95 %: their interval is all of them, and holds in 94 % of cases for five, in
75 % for three.

Two medians that were found apart are divided, and the interval is a percentile bootstrap (Efron 1979,
doi:10.1214/aos/1176344552): each side is drawn with replacement on its own, 10,000 times. How often all of this claims
a difference where there is none, and finds one where there is, is measured in tests/bench/test_statistics.py and
tests/bench/test_guard.py, and stated in docs/benchmarking.md.

Free of torch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A median, and the ends of its 95 % interval."""

    median: float
    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def as_dict(self) -> dict[str, float]:
        """Plain values, for a file."""
        return {"median": self.median, "low": self.low, "high": self.high}


def turns(contenders: int, blocks: int) -> list[list[int]]:
    """The order of the contenders in each block: forwards, backwards, and so on (A B B A for two of them).

    What falls steadily meanwhile, such as a clock that a warm processor lowers, then hits all of them alike.
    """
    forwards = list(range(contenders))
    return [forwards[:: -1 if block % 2 else 1] for block in range(blocks)]


def speeds(seconds: Sequence[float], images: int) -> list[float]:
    """Images a second in each block of ``images`` images."""
    return [images / each for each in seconds]


def interval(values: Sequence[float], *, seed: int = 0) -> Interval:
    """The median of ``values`` and its interval.

    Args:
        values: one a block.
        seed: taken as by the functions beside this one, so that all are called alike; nothing is drawn here.

    Raises:
        ValueError: there are none.

    >>> interval([3.0, 3.0, 3.0])
    Interval(median=3.0, low=3.0, high=3.0)
    """
    if len(values) == 0:
        raise ValueError("no blocks, so there is no median")
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    low, high = _order_ends(ordered)
    return Interval(float(np.median(ordered)), low, high)


def pairs(own: Sequence[float], other: Sequence[float]) -> list[float]:
    """How many times as fast ``own`` was as ``other`` in each block.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    if len(own) != len(other) or len(own) == 0:
        raise ValueError(f"{len(own)} and {len(other)} blocks make no pairs")
    return [mine / theirs for mine, theirs in zip(own, other, strict=True)]


def ratio(own: Sequence[float], other: Sequence[float], *, seed: int = 0) -> Interval:
    r"""How many times as fast ``own`` is as ``other``, from the speeds of blocks that were run side by side.

    .. math:: r = \operatorname{median}_b \frac{v_b}{u_b}

    Args:
        own: speeds v, one a block.
        other: speeds u in the same blocks.
        seed: as in :func:`interval`.

    Raises:
        ValueError: the two differ in length, or are empty.

    >>> ratio([20.0, 22.0, 30.0], [10.0, 11.0, 15.0])
    Interval(median=2.0, low=2.0, high=2.0)
    """
    return interval(pairs(own, other), seed=seed)


def ratio_apart(own: Sequence[float], other: Sequence[float], *, seed: int = 0, level: float = LEVEL) -> Interval:
    """How many times as large ``own`` is as ``other``, where the two were not measured side by side.

    The ratio of the medians; each side is resampled on its own, so what differed between the two occasions (another
    load, a warmer machine) is not in the interval. Where one and the same loop ran beside both, give the
    :func:`pairs` with it instead of speeds: that cancels the two occasions.

    Args:
        own: one a block.
        other: one a block, of another number of blocks if need be.
        seed: of the resampling.
        level: of the interval.

    Raises:
        ValueError: one of them is empty.
    """
    if len(own) == 0 or len(other) == 0:
        raise ValueError("no blocks, so there is no ratio")
    rng = np.random.default_rng(seed)
    medians = [np.median(_resampled(side, rng), axis=1) for side in (own, other)]
    low, high = _percentiles(medians[0] / medians[1], level)
    return Interval(float(np.median(own) / np.median(other)), low, high)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of ``values`` lie, linearly between neighbours; share in [0, 1].

    >>> percentile([1.0, 2.0, 3.0], 0.5)
    2.0
    """
    return float(np.percentile(np.asarray(values, dtype=np.float64), 100 * share))


def spread(values: Sequence[float]) -> float:
    """Interquartile range over the median: half of the values lie in a band of about this width around it.

    >>> spread([1.0, 1.0, 1.0])
    0.0
    """
    low, middle, high = np.percentile(np.asarray(values, dtype=np.float64), (25, 50, 75))
    return float((high - low) / middle) if middle else float("inf")


def settled(values: Sequence[float], *, window: int, tolerance: float) -> bool:
    """Whether the last two windows of ``values`` have medians that differ by at most ``tolerance`` of the larger.

    The end of a warm-up: a clock that still rises or a cache that still fills shows as a difference between them.
    """
    if len(values) < 2 * window:
        return False
    earlier, later = (float(np.median(part)) for part in (values[-2 * window : -window], values[-window:]))
    return abs(earlier - later) <= tolerance * max(earlier, later)


def _resampled(values: Sequence[float], rng: np.random.Generator) -> NDArray[np.float64]:
    """(RESAMPLES, N): N of ``values`` drawn with replacement, again and again."""
    array = np.asarray(values, dtype=np.float64)
    return array[rng.integers(0, len(array), (RESAMPLES, len(array)))]


def _order_ends(ordered: NDArray[np.float64]) -> tuple[float, float]:
    """The ends between the sorted values that hold the true median with the probability LEVEL."""
    count = len(ordered)
    depth = max(1, bisect_right(range(1, count // 2 + 1), -LEVEL, key=lambda depth: -_coverage(count, depth)))
    inner = _inwards(count, depth) if _coverage(count, depth) > LEVEL and depth + 1 <= count // 2 else 0.0
    from_below, from_above = ordered, ordered[::-1]
    low, high = (
        (1 - inner) * side[depth - 1] + inner * side[min(depth, count - 1)] for side in (from_below, from_above)
    )
    return float(low), float(high)


def _coverage(count: int, depth: int) -> float:
    """How often the true median lies between the values that are the ``depth``-th from either end."""
    ways, outside = 1, 0  # of choosing so many of count; integers, which have no largest
    for chosen in range(depth):
        outside += ways
        ways = ways * (count - chosen) // (chosen + 1)
    everything: int = 2**count
    return 1.0 - 2.0 * (outside / everything)


def _inwards(count: int, depth: int) -> float:
    """The share of the way from the ``depth``-th value to the next; not linear in the coverage."""
    outer, inner = _coverage(count, depth), _coverage(count, depth + 1)
    excess = (outer - LEVEL) / (outer - inner)
    return (count - depth) * excess / (depth + (count - 2 * depth) * excess)


def _percentiles(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(values, (tail, 100 - tail))
    return float(low), float(high)
