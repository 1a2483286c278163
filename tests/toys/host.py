"""A machine in fake time, for tests of what is chosen by a trial."""

from __future__ import annotations

from collections.abc import Callable

from ganzoo.training.tuning import Tuning, tune


class Host:
    """A machine in fake time, on which an iteration takes ``cost(threads, kept)`` seconds."""

    def __init__(self) -> None:
        self.cores, self.load, self.glibc = 2, 0.0, True
        self.threads, self.kept = 7, False
        self.now, self.limit = 100.0, 3.0
        self.cost: Callable[[int, bool], float] = lambda threads, kept: 0.04
        self.warm_up = 0.0
        self.calls: list[tuple[int, bool]] = []

    def work(self) -> None:
        """An iteration; the first one after a change takes ``warm_up`` longer."""
        setting = (self.threads, self.kept)
        changed = not self.calls or self.calls[-1] != setting
        self.calls.append(setting)
        self.now += self.cost(*setting) + (self.warm_up if changed else 0.0)

    def tune(self, threads: int | None = None, allocator: str = "auto", **others) -> Tuning:
        """What is chosen; what was called before is forgotten."""
        self.calls.clear()
        others = {"key": "model", "cache": None, **others}
        clock = lambda: self.now  # noqa: E731
        return tune(self.work, threads=threads, allocator=allocator, limit=self.limit, clock=clock, **others)

    def seconds_of(self, **asked) -> float:
        """How long a trial takes."""
        start = self.now
        self.tune(**asked)
        return self.now - start
