"""A machine whose blocks take known times: noise, drift, spikes, and processes with a speed of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ganzoo.bench.statistics import turns


@dataclass(frozen=True, kw_only=True)
class Machine:
    """How long a block takes that would take ``seconds`` on a machine at rest.

    Attributes:
        noise: standard deviation of the logarithm, block by block.
        drift: how much slower the machine is at the end of a contest than at its start.
        spikes: the share of blocks that take twice as long.
        processes: standard deviation of the logarithm, process by process.
    """

    noise: float = 0.02
    drift: float = 0.1
    spikes: float = 0.05
    processes: float = 0.0

    def contest(
        self, seconds: Sequence[float], blocks: int, rng: np.random.Generator, *, in_turns: bool = True
    ) -> list[list[float]]:
        """The times of each contender's blocks; not ``in_turns``, one contender has all of its blocks first."""
        order = [index for each in turns(len(seconds), blocks) for index in each]
        order = order if in_turns else sorted(order)
        own = np.asarray(seconds) * np.exp(self.processes * rng.standard_normal(len(seconds)))
        slower = np.linspace(1.0, 1.0 + self.drift, len(order)) * np.exp(self.noise * rng.standard_normal(len(order)))
        slower *= np.where(rng.random(len(order)) < self.spikes, 2.0, 1.0)
        times: list[list[float]] = [[] for _ in seconds]
        for index, factor in zip(order, slower, strict=True):
            times[index].append(float(own[index] * factor))
        return times


CALM = Machine(noise=0.02)
ROUGH = Machine(noise=0.05)
UNEVEN = replace(CALM, processes=0.01)
