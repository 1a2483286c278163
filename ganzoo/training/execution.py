"""How a run is executed: threads, allocator and tier, decided before its first step, told, and recorded."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from ganzoo.config import RunConfig

from .engine import Engine
from .engine.choice import Choice, choose
from .engine.snapshot import Snapshot
from .engine.tiers import Eager
from .tuning import Tuning, TuningCache, tune
from .tuning.machine import idle_cores

_SHORT = 500
"""Iterations below which a run is over before a trial has paid."""
_TIMED = 3


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What was decided.

    Attributes:
        choice: the tier.
        tuning: threads and allocator; None where the CPU does not do the arithmetic.
        precision: the arithmetic.
    """

    choice: Choice
    tuning: Tuning | None
    precision: str

    def describe(self) -> str:
        """One line for people."""
        return f"engine {self.choice.describe()}" + (f", {self.tuning.describe()}" if self.tuning else "")

    def options(self) -> dict[str, Any]:
        """The options of training with the values that were decided on; a resumed run goes on with them."""
        tuned = {"threads": self.tuning.threads, "allocator": self.tuning.allocator} if self.tuning else {}
        return {"engine": self.choice.tier, **tuned}

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``run.json``."""
        facts = {**self.choice.as_dict(), "precision": self.precision}
        if tuning := self.tuning:
            facts |= {"threads": tuning.threads, "allocator": tuning.allocator}
            facts["trial"] = {"source": tuning.source, "seconds": tuning.seconds, "why": tuning.why}
        return facts


def decide(engine: Engine, config: RunConfig, *, say: Callable[[str], None] = lambda text: None) -> Execution:
    """Set threads, allocator and tier as ``config`` asks, or as trials show; the engine's state stays what it was.

    Args:
        engine: newly built, in its reference tier.
        config: what is asked for.
        say: is told what takes its time.

    Raises:
        ConfigError: something was asked for that this machine does not have.
        ContractError: a tier was asked for that the game does not allow.
    """
    tuning = _tune(engine, config) if engine.device.type == "cpu" else None
    expected = partial(_expected_seconds, engine, config)
    choice = choose(engine, config.training.engine, expected=expected, say=say)
    return Execution(choice=choice, tuning=tuning, precision=engine.precision)


def iterations(engine: Engine, config: RunConfig) -> float:
    """About how many iterations the budget is; infinite for one of minutes."""
    name, amount = config.training.budget
    if name == "minutes":
        return math.inf
    if name == "steps":
        return amount
    images = amount * (engine.batcher.size if name == "epochs" else 1)
    return images / (config.training.batch_size * config.training.accumulate * len(engine.game.rounds(0)))


def _tune(engine: Engine, config: RunConfig) -> Tuning:
    options = config.training
    threads = _threads_of_environment() if options.threads == "auto" else options.threads
    if iterations(engine, config) < _SHORT and (threads is None or options.allocator == "auto"):
        return _untried(threads, options.allocator)
    before = Snapshot(engine)
    try:
        return tune(
            engine.iterate,
            threads=threads,
            allocator=options.allocator,
            key=_key(config),
            cache=TuningCache(),
        )
    finally:
        before.restore()


def _untried(threads: int | None, allocator: str) -> Tuning:
    """What was asked for; else torch's threads, no more than there are idle cores, and the system's allocator."""
    return tune(
        lambda: None,
        threads=threads or min(torch.get_num_threads(), max(1, idle_cores())),
        allocator="keep" if allocator == "keep" else "system",
        key="",
        cache=None,
    )


def _threads_of_environment() -> int | None:
    """What ``OMP_NUM_THREADS`` asks for; torch has obeyed it."""
    return torch.get_num_threads() if os.environ.get("OMP_NUM_THREADS", "").strip() else None


def _key(config: RunConfig) -> str:
    """A digest of all that decides how long an iteration takes."""
    values = config.to_dict()
    kept = ("batch_size", "precision", "ema", "accumulate")
    values["training"] = {name: values["training"].get(name) for name in kept}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _expected_seconds(engine: Engine, config: RunConfig, share: float) -> float:
    """About how long the run takes in a tier that takes ``share`` of the time of the reference, which is timed."""
    name, amount = config.training.budget
    if name == "minutes":
        return 60 * amount
    before, tier = Snapshot(engine), engine.tier
    engine.tier = Eager(engine.cycle)
    try:
        return share * iterations(engine, config) * min(_seconds(engine) for _ in range(_TIMED))
    finally:
        engine.tier = tier
        before.restore()


def _seconds(engine: Engine) -> float:
    began = time.perf_counter()
    engine.iterate()
    if engine.device.type == "cuda":
        torch.cuda.synchronize(engine.device)
    return time.perf_counter() - began
