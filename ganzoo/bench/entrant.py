"""Something that trains and is timed, inside the process that is its own."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from ganzoo.arithmetic import convolutions_are_tf32
from ganzoo.assembly import build_game
from ganzoo.config import RunConfig
from ganzoo.data.catalog import find_source
from ganzoo.training.engine import Engine
from ganzoo.training.environment import find_device, make_current, peak_memory
from ganzoo.training.execution import decide
from ganzoo.training.precision import has_bfloat16
from ganzoo.training.seeding import seed_global
from ganzoo.training.session import Session

from .machine import millijoules, page_faults
from .plain import PlainLoop, plain_batches
from .result import Block
from .statistics import settled
from .work import count_iteration, peaks, synchronize

_WINDOW = 3
_TOLERANCE = 0.05
_SHARE = 0.2
"""Length of a piece of the warm-up, as a share of a block."""
_PATIENCE = 10.0
"""Blocks after which a warm-up that does not settle is given up, and marked; it has two windows in any case."""
FEWEST, _MOST = 10, 200
"""The fewest and the most single iterations that are timed."""
_MATRIX = {"cuda": 8192, "cpu": 1024}
_MEGABYTES = {"cuda": 1024, "cpu": 256}
_REPEATS = 5


class Entrant(ABC):
    """A contender of a contest, once it is built.

    Attributes:
        device: where it trains.
        images: real images that an iteration draws.
        span: iterations that are played at once.
        timings: seconds of ``data``, ``build`` and ``prepare``.
    """

    device: torch.device
    images: int
    span: int = 1
    timings: dict[str, float]

    @abstractmethod
    def play(self, iterations: int) -> None:
        """Train for so many iterations."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a result says of it beside its times: tier, choice, precision, settings."""

    @abstractmethod
    def weights(self) -> nn.Module:
        """What must stay finite."""

    def flops(self) -> dict[str, float] | None:
        """Arithmetic of one image, by precision; None where it is not counted."""
        return None

    def finite(self) -> bool:
        """Whether all weights are finite."""
        return all(bool(weight.isfinite().all()) for weight in self.weights().parameters())

    def close(self) -> None:  # noqa: B027 - optional
        """Stop what runs beside it."""


class Ganzoo(Entrant):
    """The engine, set up and driven as ``ganzoo run`` does it."""

    def __init__(self, config: RunConfig) -> None:
        self.session = Session(config)
        self.engine: Engine = self.session.engine
        self.device = self.session.device
        self.images = config.training.batch_size * config.training.accumulate * len(self.engine.game.rounds(0))
        with ExitStack() as stack:
            stack.enter_context(self.session.batcher)
            stack.enter_context(self.session.in_force())
            began = time.perf_counter()
            self.execution = decide(self.engine, self.session.config)
            self._open = stack.pop_all()
        self.span = self.engine.tier.span
        self.timings = {
            "data": self.session.data_seconds,
            "build": self.session.build_seconds,
            "prepare": time.perf_counter() - began,
        }

    def play(self, iterations: int) -> None:
        end = self.engine.iteration + iterations
        while self.engine.iteration < end:
            self.engine.iterate(end - self.engine.iteration)

    def facts(self) -> dict[str, Any]:
        tuning = self.execution.tuning
        return {
            "tier": self.engine.tier.name,
            "choice": self.execution.choice.as_dict(),
            "precision": self.engine.precision,
            "settings": {
                "threads": torch.get_num_threads(),
                "allocator": tuning.allocator if tuning else None,
                "ema": self.session.config.training.ema,
                "storage": self.session.batcher.storage,
                "span": self.span,
            },
        }

    def weights(self) -> nn.Module:
        return self.engine.game

    def flops(self) -> dict[str, float]:
        return {name: number / self.images for name, number in count_iteration(self.engine).flops.items()}

    def close(self) -> None:
        self._open.close()


class Plain(Entrant):
    """The loop that everybody copies, under torch's own settings but for a number of threads that is asked for."""

    def __init__(self, config: RunConfig) -> None:
        began = time.perf_counter()
        self.device = find_device(config.training.device)
        make_current(self.device)
        if config.training.threads != "auto":
            torch.set_num_threads(config.training.threads)
        seed_global(config.training.seed)
        source = find_source(config.data)
        batches = plain_batches(source, config.data, config.training.batch_size)
        loaded = time.perf_counter()
        game = build_game(config, source.info).to(self.device).train()
        self.loop = PlainLoop(game, batches, self.device, config.training.seed)
        self.images = config.training.batch_size * len(game.rounds(0))
        self.timings = {"data": loaded - began, "build": time.perf_counter() - loaded, "prepare": 0.0}

    def play(self, iterations: int) -> None:
        for _ in range(iterations):
            self.loop.iterate()

    def facts(self) -> dict[str, Any]:
        settings = {"threads": torch.get_num_threads(), "allocator": "system", "ema": 0.0, "storage": "DataLoader"}
        if self.device.type == "cuda" and convolutions_are_tf32():
            settings["convolutions"] = "tf32"  # torch's default, under which float32 is not what it says
        return {"tier": "plain", "precision": "fp32", "settings": settings}

    def weights(self) -> nn.Module:
        return self.loop.game


def timed(entrant: Entrant, iterations: int) -> Block:
    """So many iterations, from a device that has nothing to do to one that has nothing to do again."""
    device = entrant.device
    synchronize(device)
    energy, faults = millijoules(str(device)), page_faults()
    marks = _marks(2) if device.type == "cuda" else []
    wall, cpu = time.perf_counter(), time.process_time()
    for mark in marks[:1]:
        mark.record()
    entrant.play(iterations)
    for mark in marks[1:]:
        mark.record()
    synchronize(device)
    seconds, cpu = time.perf_counter() - wall, time.process_time() - cpu
    spent, more = millijoules(str(device)), page_faults()
    return Block(
        seconds=round(seconds, 7),
        device_seconds=round(marks[0].elapsed_time(marks[1]) / 1000, 7) if marks else None,
        cpu_seconds=round(cpu, 6),
        minor_faults=more[0] - faults[0] if more and faults else None,
        major_faults=more[1] - faults[1] if more and faults else None,
        millijoules=spent - energy if spent is not None and energy is not None else None,
    )


def warm_up(
    run: Callable[[int], float], seconds: float, span: int = 1, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Any]:
    """Run until pieces of the work are equally fast, and find how many iterations a block of ``seconds`` takes.

    Args:
        run: plays so many iterations and says how many seconds they took.
        seconds: length of a block.
        span: a block is a multiple of so many iterations.
        clock: seconds that go by.

    Returns:
        ``iterations`` and ``seconds`` of the warm-up, whether it ``settled``, and the ``block``'s iterations.
    """
    began, played, piece = clock(), 0, span
    while (taken := run(piece)) < _SHARE * seconds:
        played += piece
        piece = span * math.ceil(min(10 * piece, piece * 1.1 * _SHARE * seconds / max(taken, 1e-9)) / span)
    played += piece
    rates = [taken / piece]
    while not settled(rates, window=_WINDOW, tolerance=_TOLERANCE) and (
        len(rates) < 2 * _WINDOW or clock() - began < _PATIENCE * seconds
    ):
        rates.append(run(piece) / piece)
        played += piece
    latest = sorted(rates[-_WINDOW:])[len(rates[-_WINDOW:]) // 2]
    return {
        "iterations": played,
        "seconds": round(clock() - began, 4),
        "settled": settled(rates, window=_WINDOW, tolerance=_TOLERANCE),
        "block": span * max(1, math.ceil(seconds / latest / span)),
    }


def each_iteration(entrant: Entrant, seconds: float, expected: float) -> list[float]:
    """Seconds of single iterations, about as many as fit into ``seconds``; of a replay over its iterations."""
    steps = max(FEWEST, min(_MOST, math.ceil(seconds / max(expected * entrant.span, 1e-9))))
    entrant.play(entrant.span)
    if entrant.device.type == "cuda":
        marks = _marks(steps + 1)
        marks[0].record()
        for mark in marks[1:]:
            entrant.play(entrant.span)
            mark.record()
        synchronize(entrant.device)
        times = [first.elapsed_time(second) / 1000 for first, second in pairwise(marks)]
    else:
        times = [_seconds(entrant) for _ in range(steps)]
    return [round(each / entrant.span, 7) for each in times]


def memory(device: torch.device) -> dict[str, int | None]:
    """Peaks of this process, in bytes."""
    if device.type != "cuda":
        return {"process": peak_memory()}
    return {
        "process": peak_memory(),
        "allocated": torch.cuda.max_memory_allocated(device),
        "reserved": torch.cuda.max_memory_reserved(device),
    }


def device_peaks(device: torch.device) -> dict[str, float | None]:
    """What the device does at this moment; nothing for a kind that is not measured."""
    if device.type not in _MATRIX:
        return {}
    kind = device.type
    return peaks(_MATRIX[kind], _MEGABYTES[kind], _REPEATS, half=has_bfloat16(device), device=device)


def _seconds(entrant: Entrant) -> float:
    began = time.perf_counter()
    entrant.play(entrant.span)
    synchronize(entrant.device)
    return time.perf_counter() - began


def _marks(number: int) -> list[Any]:
    return [torch.cuda.Event(enable_timing=True) for _ in range(number)]  # type: ignore[no-untyped-call]
