"""What was chosen, and how that is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .allocator import Allocator


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What the process runs with, and why."""

    threads: int
    """CPU threads of a tensor operation."""
    allocator: Allocator
    """``"keep"`` keeps freed memory in the process, ``"system"`` returns it."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds an iteration by candidate and, after the comma, what it was tried under: ``"1 thread, system"`` and
    ``"2 threads, system"`` decided on the threads, ``"system, 2 threads"`` and ``"keep, 2 threads"`` on the allocator.
    Empty if nothing was tried."""
    source: Literal["asked", "tried", "remembered"]
    """Where the choice comes from; ``"asked"`` also where nothing was tried, see ``why``."""
    why: str = ""
    """What was to be tried and was not, and why."""

    def describe(self) -> str:
        """One line: ``2 threads (auto: 23 ms an iteration, 1 thread 41 ms), allocator system``."""
        timed = {key.partition(", ")[0]: seconds for key, seconds in self.seconds.items()}
        threads = {name: seconds for name, seconds in timed.items() if "thread" in name}
        allocators = {name: seconds for name, seconds in timed.items() if name not in threads}
        auto = "auto, remembered" if self.source == "remembered" else "auto"
        parts = [
            _compared(named(self.threads), threads, auto),
            f"allocator {_compared(self.allocator, allocators, auto)}",
        ]
        return ", ".join(parts) + (f"; {self.why}" if self.why else "")


def named(threads: int) -> str:
    """``1 thread``, ``2 threads``."""
    return f"{threads} thread{'s' if threads > 1 else ''}"


def _compared(chosen: str, times: Mapping[str, float], auto: str) -> str:
    """The chosen one, its time, and those of the others; the name alone if none was timed."""
    if chosen not in times:
        return chosen
    others = [f"{name} {duration(seconds)}" for name, seconds in times.items() if name != chosen]
    return f"{chosen} ({auto}: {duration(times[chosen])} an iteration, {', '.join(others)})"


def duration(seconds: float) -> str:
    """Three digits or fewer, and a unit."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.1f} ms"
