"""Settings raced against each other, on a budget of seconds.

The candidates take turns, round after round (1, 2, 1, 2, ...), so that a load that comes and goes hits all alike. A
turn is one iteration to warm up, which is not counted, and then iterations for a tenth of a second, at least one. A
turn scores the mean of these, a candidate the median of its turns:

- Not the minimum: with two threads on a busy machine, now and then an iteration finds both cores free. The minimum is
  that one; the run lives with the others, in which one thread waits for the other to be scheduled.
- The mean within a turn counts slow iterations as often as they come, as a run's throughput does.
- The median over turns forgives a single burst of something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import mean, median
from typing import TypeVar

_ROUNDS = 5
_TURN = 0.1
"""Seconds of counted iterations in a turn: many slices of the scheduler."""
_RACES = 0.95
"""Share of the budget for the races; the rest is for what stands around them."""
_SLACK = 1.25
"""What is to come may take this much longer than the like of it before."""
_HOPELESS = 3.0
"""A candidate that takes this many times as long as the fastest leaves the race."""

Name = TypeVar("Name", bound=str)


class Trial:
    """Races between settings that share one budget.

    The first iteration, of unknown length, is played at once, with the first candidate set; it is that one's warm-up.

    A turn or a round that is expected to overrun is not begun. An iteration cannot be stopped, however: a candidate
    much slower than the others can overrun in its first one, and so can the very first.

    Args:
        work: plays one training iteration.
        limit: seconds for all races together.
        clock: seconds that go by.
    """

    def __init__(self, work: Callable[[], None], limit: float, clock: Callable[[], float]) -> None:
        self._work = work
        self._clock = clock
        self._end = clock() + _RACES * limit
        self.limit = limit
        self.first = self._play()
        """Seconds of the first iteration."""
        self._untouched = True

    def has_room(self, iterations: int, expected: float) -> bool:
        """Whether so many iterations of ``expected`` seconds fit into what is left of the budget."""
        return self._clock() + _SLACK * iterations * expected <= self._end

    def race(
        self, candidates: Mapping[Name, Callable[[], None]], *, expected: float, share: float = 1.0
    ) -> dict[Name, float]:
        """Seconds an iteration of each candidate; to be asked for where there is room for one of each.

        Where a warm-up for each would overrun, there is one round without. A candidate that is far behind after a round
        leaves, and its seconds go to the others.

        Args:
            candidates: what sets each, by name.
            expected: seconds of an iteration, as far as is known.
            share: of what is left of the budget; exceeded, within the budget, where it is too little for a round.
        """
        now, once = self._clock(), _SLACK * expected * len(candidates)
        end = min(self._end, now + max(share * (self._end - now), 2 * once))
        warm = now + 2 * once <= end
        turns: dict[Name, list[float]] = {name: [] for name in candidates}
        racing = list(candidates)
        for _ in range(_ROUNDS if warm else 1):
            start = self._clock()
            for name in racing:
                candidates[name]()
                turns[name].append(self._turn(end) if warm else self._play())
            racing = _hopeful(turns)
            if len(racing) == 1 or self._clock() + _SLACK * (self._clock() - start) > end:
                break
        return {name: median(each) for name, each in turns.items()}

    def _turn(self, end: float) -> float:
        """Mean seconds of an iteration after the first; of the first, where no second one fits in."""
        latest = first = self.first if self._untouched else self._play()
        counted: list[float] = []
        while sum(counted) < _TURN and self._clock() + _SLACK * latest <= end:
            latest = self._play()
            counted.append(latest)
        return mean(counted or [first])

    def _play(self) -> float:
        self._untouched = False
        start = self._clock()
        self._work()
        return self._clock() - start


def _hopeful(turns: Mapping[Name, list[float]]) -> list[Name]:
    times = {name: median(each) for name, each in turns.items()}
    return [name for name, taken in times.items() if taken <= _HOPELESS * min(times.values())]
