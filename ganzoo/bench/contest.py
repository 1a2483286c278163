"""Contenders in turns: who runs when, what is made of their blocks, and whether the figures can be trusted.

A contest starts every contender in a process of its own, warms each up, and lets them run block by block in the order
A B B A, so that a machine that grows slower or busier slows all of them alike. Only one of them works at a time.

Free of torch.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

from ganzoo.errors import GanzooError

from . import machine
from .job import Job
from .process import Process
from .result import Block, Contender, Contest, Failure, Figure, Gauges
from .statistics import Interval, interval, percentile, ratio, speeds, spread, turns

_SPREAD = 0.10
_CLOCKS = 0.02
_STOLEN = 0.05
_BUSY = 0.5
_ELSEWHERE = 0.1

Say = Callable[[str], None]


class Rival(Protocol):
    """What a contest drives: a process, or in a test something with known times."""

    name: str

    def start(self) -> dict[str, Any]: ...
    def warm_up(self) -> dict[str, Any]: ...
    def block(self) -> Block: ...
    def peaks(self) -> dict[str, float | None]: ...
    def environment(self) -> dict[str, Any]: ...
    def finish(self) -> dict[str, Any]: ...
    def __enter__(self) -> Rival: ...
    def __exit__(self, *exc: Any) -> None: ...


def hold(
    jobs: Sequence[Job],
    blocks: int,
    device: str,
    *,
    rival: Callable[[Job], Rival] = Process,
    say: Say = lambda text: None,
) -> tuple[Contest | None, list[Failure]]:
    """Hold the contest of ``jobs``.

    Args:
        jobs: the contenders; the plain loop of a variant, where there is one, is what its others are compared with.
        blocks: of each.
        device: where they run.
        rival: makes what is driven.
        say: is told what is being done.

    Returns:
        The contest, None where no contender could be measured, and those that could not.
    """
    before, failures, commit = machine.gauges(device), [], machine.git()
    with ExitStack() as stack:
        field: list[tuple[Job, Rival, dict[str, Any]]] = []
        for job in jobs:
            say(f"batch {job.config['training']['batch_size']}: starting and warming up {job.name}")
            made = stack.enter_context(rival(job))
            try:
                field.append((job, made, {**made.start(), **made.warm_up(), "blocks": []}))
            except GanzooError as error:
                failures.append(_failure(job, error))
        elsewhere, played, throttled = _Elsewhere(), list[Block](), set[str]()
        for entry in _in_turns(field, blocks, say):
            job, made, facts = entry
            try:
                played.append(made.block())
                throttled |= {*machine.gauges(device).throttled}  # now: an idle GPU is not throttled
                facts["blocks"].append(played[-1])
            except GanzooError as error:
                failures.append(_failure(job, error))
                field.remove(entry)
        others = elsewhere.cores(played)  # of those, too, that broke later
        after = machine.gauges(device).model_copy(update={"throttled": sorted(throttled)})
        peaks: dict[str, float | None] = {}
        environment: dict[str, Any] = {}
        for entry in sorted(field, key=lambda entry: entry[0].kind == "plain"):  # peaks by the threads of ganzoo's side
            job, made, facts = entry
            say(f"batch {job.config['training']['batch_size']}: closing {job.name}")
            try:
                facts |= made.finish()
                peaks = peaks or made.peaks()  # afterwards: what it multiplies is memory, too
                environment = environment or made.environment()
            except GanzooError as error:
                failures.append(_failure(job, error))
                field.remove(entry)
    if not field:
        return None, failures
    raw = [(job, facts) for job, _, facts in field]
    contenders = [_contender(job, facts, raw, peaks, (before, after), others) for job, facts in raw]
    return (
        Contest(
            device=device,
            batch_size=jobs[0].config["training"]["batch_size"],
            peaks=peaks,
            before=before,
            after=after,
            busy_elsewhere=others,
            git=commit,
            environment=environment,
            contenders=contenders,
        ),
        failures,
    )


class _Elsewhere:
    """Counts from now on what programs outside a contest compute."""

    def __init__(self) -> None:
        self._all, self._own, self._wall = machine.busy_seconds(), time.process_time(), time.perf_counter()

    def cores(self, blocks: Sequence[Block]) -> float | None:
        """Cores that they kept busy on average, while these ``blocks`` ran; None where the system does not tell."""
        everything = machine.busy_seconds()
        if everything is None or self._all is None:
            return None
        own = time.process_time() - self._own + sum(block.cpu_seconds + block.lead_cpu_seconds for block in blocks)
        spent = (everything - self._all - own) / (time.perf_counter() - self._wall)
        return round(max(0.0, spent), 3)


def _in_turns(field: list[Any], blocks: int, say: Say) -> Iterator[Any]:
    """The contenders, block after block; one that was taken out of ``field`` meanwhile has no further turns."""
    everybody = list(field)
    for number, order in enumerate(turns(len(everybody), blocks), start=1):
        say(f"block {number} of {blocks}, {len(field)} contenders in turns")
        yield from [everybody[index] for index in order if everybody[index] in field]


def _failure(job: Job, error: GanzooError) -> Failure:
    return Failure(what=f"{job.name}, batch {job.config['training']['batch_size']}", reason=str(error))


def _contender(
    job: Job,
    facts: dict[str, Any],
    field: Sequence[tuple[Job, dict[str, Any]]],
    peaks: dict[str, float | None],
    state: tuple[Gauges, Gauges],
    others: float | None,
) -> Contender:
    """The record of a contender, with the figures that its blocks give."""
    taken: list[Block] = facts["blocks"]
    images = facts["images_per_iteration"] * facts["iterations_per_block"]
    rates = speeds([block.seconds for block in taken], images)
    rival = next((other for each, other in field if (each.kind, _variant(each)) == ("plain", _variant(job))), None)
    beside = rival and speeds(
        [block.seconds for block in rival["blocks"]], rival["images_per_iteration"] * rival["iterations_per_block"]
    )
    middle = interval(rates)
    energies = [block.millijoules for block in taken if block.millijoules is not None]
    return Contender.model_validate(
        {
            **job.described(),
            **facts,
            "name": name_of(job, facts),
            "images_per_second": _figure(middle),
            "p50_seconds": percentile(facts["iteration_seconds"], 0.5),
            "p95_seconds": percentile(facts["iteration_seconds"], 0.95),
            "times_as_fast_as_plain": _figure(ratio(rates, beside)) if beside and job.kind != "plain" else None,
            "utilisation": utilisation(facts.get("flops_per_image"), peaks, middle.median, facts["precision"]),
            "joules_per_image": sum(energies) / 1000 / (images * len(taken)) if len(energies) == len(taken) else None,
            "cpu_seconds_per_image": sum(block.cpu_seconds for block in taken) / (images * len(taken)),
            "noise": noise(taken, facts["warm_up"]["settled"], facts["settings"].get("threads"), state, others, job),
        }
    )


def utilisation(
    flops: dict[str, float] | None, peaks: dict[str, float | None], images_per_second: float, precision: str
) -> float | None:
    """The time that the arithmetic of an image takes at the measured peaks, over the time that it took."""
    total = 0.0
    for name, number in (flops or {}).items():
        kind = "tf32" if (name, precision) == ("fp32", "tf32") else name
        peak = peaks.get(kind) or peaks.get("fp32")
        if not peak:
            return None
        total += number / peak
    return total * images_per_second or None


def noise(
    blocks: Sequence[Block],
    settled: bool,
    threads: int | None,
    state: tuple[Gauges, Gauges],
    others: float | None,
    job: Job,
) -> list[str]:
    """Why the figures are to be taken with caution, a sentence each.

    - Half of the blocks lie in a band wider than a tenth of their median.
    - The warm-up ended without two equally fast windows.
    - CUDA's clock and the wall's differ by more than 2 %.
    - A process of one thread that computes on the CPU was off its core for more than 5 % of the time.
    - Other programs kept more than a tenth of the cores busy; where the system does not tell that: more than half as
      many processes wanted to run as there are cores, when the contest began.
    - The GPU was throttled.
    """
    found = []
    if (width := spread([block.seconds for block in blocks])) > _SPREAD:
        found.append(f"half of the blocks lie in a band of {width:.0%} of their median")
    if not settled:
        found.append("it was still changing speed when its warm-up was ended")
    apart = [abs(block.seconds / block.device_seconds - 1) for block in blocks if block.device_seconds]
    if apart and statistics.median(apart) > _CLOCKS:
        found.append(f"CUDA's clock and the wall's differ by {statistics.median(apart):.0%}")
    on_cpu = job.config["training"]["device"] == "cpu" and threads == 1
    stolen = statistics.median(1 - block.cpu_seconds / block.seconds for block in blocks)
    if on_cpu and stolen > _STOLEN:
        found.append(f"it was off its core for {stolen:.0%} of the time")
    load, cores = state[0].load, machine.cores()
    if others is not None:
        if others > _ELSEWHERE * cores:
            found.append(f"other programs kept {others:.1f} of {cores} cores busy")
    elif load and load[0] > _BUSY * cores:
        found.append(f"the load average was {load[0]} on {cores} cores when the contest began")
    if throttled := sorted({*state[0].throttled, *state[1].throttled}):
        found.append(f"the GPU was throttled: {', '.join(throttled)}")
    return found


def name_of(job: Job, facts: dict[str, Any]) -> str:
    """What tables call a contender: its variant, arithmetic and tier, and whether ``auto`` chose that."""
    if job.kind == "plain":
        return job.name
    chosen = " (auto)" if job.config["training"]["engine"] == "auto" else ""
    return f"{_variant(job)} {facts['precision']} {facts['tier']}{chosen}"


def _variant(job: Job) -> str:
    return str(job.config["variant"])


def _figure(found: Interval) -> Figure:
    return Figure(**found.as_dict())
