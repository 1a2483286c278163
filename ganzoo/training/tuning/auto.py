"""How many threads, and which allocator: as asked, as remembered, or as a trial shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Literal

import torch

from .allocator import Allocator, can_keep, keep_freed_memory, keeping, release
from .cache import TuningCache
from .choice import Tuning, duration, named
from .machine import idle_cores, machine, usable_cores
from .trial import Name, Trial

_MARGIN = 0.05

_COLLAPSE = 10
"""An iteration can take this many times as long where threads wait for each other to be scheduled. Only with room for
that, more threads are tried than twice the idle cores."""


def tune(
    work: Callable[[], None],
    *,
    threads: int | None,
    allocator: Literal["auto", "system", "keep"],
    key: str,
    cache: TuningCache | None,
    limit: float = 3.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Tuning:
    """Choose threads and allocator, set them for this process, and say so. To be called by the thread that trains.

    First the numbers of threads are raced (powers of two, and all usable cores), then the allocators at the chosen
    number. More threads must be 5 % faster than fewer, keeping memory 5 % faster than returning it: what is within the
    noise goes to the choice that takes less from others.

    Args:
        work: plays one training iteration; called up to some hundred times, and not at all if there is no choice. What
            it changes, the caller puts back.
        threads: None to choose them.
        allocator: ``"auto"`` to choose it; glibc's is then set to where its own adjusting ends, whatever is chosen.
        key: stands for all that decides how long an iteration takes, apart from the machine.
        cache: where choices are remembered, for this machine as busy as it is now; None to try in any case.
        limit: seconds that the trial may take; see :class:`Trial` for what cannot be promised.
        clock: seconds that go by.

    Raises:
        ConfigError: freed memory cannot be kept here.
    """
    if threads is not None and allocator != "auto":
        return _set(Tuning(threads=threads, allocator=allocator, source="asked"))
    facts = {**machine(), "key": key, "threads": threads, "allocator": allocator}
    with _put_back_on_error():
        if allocator == "auto":
            release()
        if cache and (entry := cache.recall(facts)):
            return _set(Tuning(**entry.model_dump(exclude={"at"}), source="remembered"))
        counts = _powers_up_to(usable_cores()) if threads is None else [threads]
        tuning = _set(_try(work, counts, _allocators(allocator), limit, clock))
    if cache and tuning.source == "tried":
        cache.remember(facts, **{name: getattr(tuning, name) for name in ("threads", "allocator", "seconds", "why")})
    return tuning


def _try(
    work: Callable[[], None],
    counts: list[int],
    allocators: list[Allocator],
    limit: float,
    clock: Callable[[], float],
) -> Tuning:
    """The best of ``counts`` under the first of ``allocators``, and then the best of those."""
    tuning = _set(Tuning(threads=counts[0], allocator=allocators[0], source="asked"))
    if len(counts) == len(allocators) == 1:
        return tuning
    trial = Trial(work, limit, clock)
    if len(counts) > 1:
        if not trial.has_room(len(counts), trial.first):
            return replace(tuning, why=_no_room("threads", trial, trial.first))
        later = len(allocators) if len(allocators) > 1 else 0
        tuning = _set(_with_threads(tuning, trial, counts, share=len(counts) / (len(counts) + later)))
    if len(allocators) > 1:
        tuning = _with_allocator(tuning, trial, allocators)
    return tuning


def _with_threads(tuning: Tuning, trial: Trial, counts: list[int], *, share: float) -> Tuning:
    safe = counts[-1] if trial.has_room(_COLLAPSE, trial.first) else max(1, 2 * idle_cores())
    candidates = {named(count): count for count in counts if count <= safe}
    tuning = replace(tuning, why=_risky([named(count) for count in counts if count > safe], trial))
    if len(candidates) == 1:
        return tuning
    setters = {name: partial(torch.set_num_threads, count) for name, count in candidates.items()}
    times = trial.race(setters, expected=trial.first, share=share)
    seconds = {f"{name}, {tuning.allocator}": taken for name, taken in times.items()}
    return replace(tuning, threads=candidates[_winner(times)], seconds=seconds, source="tried")


def _with_allocator(tuning: Tuning, trial: Trial, allocators: list[Allocator]) -> Tuning:
    expected = min(tuning.seconds.values(), default=trial.first)
    if not trial.has_room(len(allocators), expected):
        return replace(tuning, why="; ".join(filter(None, [tuning.why, _no_room("allocator", trial, expected)])))
    times = trial.race({name: partial(_set_allocator, name) for name in allocators}, expected=expected)
    seconds = {f"{name}, {named(tuning.threads)}": taken for name, taken in times.items()}
    return replace(tuning, allocator=_winner(times), seconds=tuning.seconds | seconds, source="tried")


def _winner(times: Mapping[Name, float]) -> Name:
    """The fastest, where it takes the margin to be preferred to what stands before it."""
    best = next(iter(times))
    for name, taken in times.items():
        if taken < (1 - _MARGIN) * times[best]:
            best = name
    return best


def _set(tuning: Tuning) -> Tuning:
    """Let the process run so."""
    _set_allocator(tuning.allocator)
    torch.set_num_threads(tuning.threads)
    return tuning


def _set_allocator(allocator: Allocator) -> None:
    if allocator == "keep":
        keep_freed_memory()
    elif keeping():  # else there is nothing to change, and trimming the heap again would cost faults
        release()


@contextmanager
def _put_back_on_error() -> Iterator[None]:
    threads, kept = torch.get_num_threads(), keeping()
    try:
        yield
    except BaseException:
        _set(Tuning(threads=threads, allocator="keep" if kept else "system", source="asked"))
        raise


def _allocators(wanted: Literal["auto", "system", "keep"]) -> list[Allocator]:
    if wanted != "auto":
        return [wanted]
    return ["system", "keep"] if can_keep() else ["system"]


def _powers_up_to(cores: int) -> list[int]:
    """1, 2, 4, ... and ``cores`` itself."""
    return sorted({*(2**power for power in range(cores.bit_length())), cores})


def _no_room(what: str, trial: Trial, expected: float) -> str:
    return f"{what} not tried: at {duration(expected)} an iteration there was no room in {duration(trial.limit)}"


def _risky(counts: list[str], trial: Trial) -> str:
    if not counts:
        return ""
    worst = duration(_COLLAPSE * trial.first)
    return f"{', '.join(counts)} not tried: on cores that are busy, an iteration could take {worst}"
