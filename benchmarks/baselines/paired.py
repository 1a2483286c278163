"""The statistics of a race: who runs when, and the ratio of two speeds with its interval. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True)
class Ratio:
    """A ratio of speeds: the median over pairs of blocks, and the ends of its 95 % interval."""

    median: float
    low: float
    high: float


def turns(contenders: int, blocks: int) -> list[list[int]]:
    """The order of the contenders in each block: forwards, backwards, and so on (A B B A for two of them).

    What falls steadily during the race, such as a clock that a warm processor lowers, then hits all of them alike.
    """
    forwards = list(range(contenders))
    return [forwards[:: -1 if block % 2 else 1] for block in range(blocks)]


def speeds(seconds: Sequence[float], images: int) -> list[float]:
    """Images a second in each block of ``images`` images."""
    return [images / each for each in seconds]


def ratio(own: Sequence[float], other: Sequence[float], *, seed: int = 0) -> Ratio:
    r"""How many times as fast ``own`` is as ``other``, from the speeds of blocks that were run side by side.

    .. math:: r = \operatorname{median}_b \frac{v_b}{u_b}

    The interval is the percentile bootstrap of Efron 1979 (doi:10.1214/aos/1176344552): pairs are drawn with
    replacement, as many as there are, 10,000 times, and the 2.5th and 97.5th percentile of the medians are its ends.

    Args:
        own: speeds v, one a block.
        other: speeds u in the same blocks.
        seed: of the resampling.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    if len(own) != len(other) or len(own) == 0:
        raise ValueError(f"{len(own)} and {len(other)} blocks make no pairs")
    ratios = np.asarray(own, dtype=np.float64) / np.asarray(other, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(ratios), (RESAMPLES, len(ratios)))
    low, high = np.percentile(np.median(ratios[drawn], axis=1), (2.5, 97.5))
    return Ratio(float(np.median(ratios)), float(low), float(high))
