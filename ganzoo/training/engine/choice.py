"""Which tier a run is executed by: as asked for, or the best that is known to be right and to pay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from ganzoo.errors import ConfigError, ContractError, GanzooError
from ganzoo.game import Plan

from .capture import cuda_recorder
from .constancy import find_change, trace
from .engine import Engine
from .parity import ITERATIONS, Parity, examine
from .snapshot import Snapshot
from .syncs import find_syncs
from .tiers import SPAN, Compiled, CompiledGraph, Eager, Graph, Tier

T = TypeVar("T")

TIERS = ("eager", "compile", "graph", "graph+compile")
"""From the reference up."""

_LADDER = ("graph", "graph+compile", "compile")
"""In which order they are tried: what is cheap to make first, so that what is costly has to beat it."""

_BETWEEN = 3
_GAIN = 0.95
_LONG = {"cuda": 300.0, "cpu": 600.0}
"""Seconds that a run must take for compiling to be tried, by device. It costs about a minute, whether it pays or not,
and makes an iteration 1.25 to 2 times as fast on a GPU, 1 to 1.15 times on a CPU."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The tier of a run, and why.

    Attributes:
        tier: what runs.
        asked: what was asked for.
        reasons: why each tier above it does not run.
        parity: what the gate found for what runs; None for the reference itself.
    """

    tier: str
    asked: str
    reasons: dict[str, str] = field(default_factory=dict)
    parity: Parity | None = None

    def describe(self) -> str:
        """One line: ``eager (graph: needs CUDA)``."""
        notes = [self.parity.describe()] if self.parity else []
        notes += [f"{tier}: {reason}" for tier, reason in self.reasons.items()]
        return self.tier + (f" ({'; '.join(notes)})" if notes else "")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``run.json``."""
        return {
            "tier": self.tier,
            "asked": self.asked,
            "reasons": self.reasons,
            "parity": self.parity.as_dict() if self.parity else None,
        }


def choose(
    engine: Engine,
    asked: str,
    *,
    expected: Callable[[float], float] = lambda share: float("inf"),
    say: Callable[[str], None] = lambda text: None,
) -> Choice:
    """Set the tier of ``engine`` and say which it is. The state of the engine is left as it was.

    A tier other than the reference runs only after the parity gate. ``auto`` starts from the reference and takes each
    that passes and is at least 5 % faster than what it would replace: on CUDA a graph, on a CPU a compiled step, and on
    CUDA both together. What has to be compiled is tried only if the run is long enough to repay it.
    What the gate has not seen, since the plans of later iterations are others, passes it when it comes up; where it
    does not, those iterations run in the reference tier, and a warning says so.

    Args:
        engine: in its reference tier.
        asked: ``"auto"`` or one of :data:`TIERS`.
        expected: seconds that the run will take in a tier that takes this share of the reference's time; called only if
            something hangs on it.
        say: is told what takes its time.

    Raises:
        ConfigError: a tier was asked for by name that this device does not have.
        ContractError: a tier was asked for by name that the game's step does not allow, that cannot be made here, or
            that does not compute what the reference computes.
    """
    if asked == "eager":
        return Choice(tier="eager", asked=asked)
    if asked != "auto":
        return _watched(engine, _insist(engine, asked, say))
    best, fastest = Choice(tier="eager", asked=asked), engine.tier
    reasons: dict[str, str] = {}
    for name in _LADDER:
        parity, reasons[name] = _consider(engine, name, best, expected, say)
        if parity:
            best, fastest = Choice(tier=name, asked=asked, parity=parity), engine.tier
        engine.tier = fastest
    above = TIERS[TIERS.index(best.tier) + 1 :]
    return _watched(engine, replace(best, reasons={name: reasons[name] for name in reversed(above)}))


def make_tier(engine: Engine, name: str) -> Tier:
    """The tier called ``name``, for ``engine``."""
    if name == "eager":
        return Eager(engine.cycle)
    if name == "compile":
        return Compiled(engine.cycle)
    if name == "graph":
        return Graph(engine.cycle, cuda_recorder(engine.rng), span=SPAN)
    return CompiledGraph(engine.cycle, cuda_recorder(engine.rng))


def _watched(engine: Engine, chosen: Choice) -> Choice:
    """Have sequences of plans that come up only later pass the gate as well, before the tier plays them."""
    if chosen.parity:
        engine.vouch(ITERATIONS)
        engine.inspect = _late_flaw
    return chosen


def _late_flaw(engine: Engine, plans: tuple[Plan, ...]) -> str:
    """Why the tier of ``engine`` may not play ``plans``, which come next; empty if it may."""
    try:
        parity = examine(engine, engine.tier, len(plans))
    except GanzooError as error:
        return error.problem
    except Exception as error:  # as in _try
        return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    return "" if parity.passed else parity.describe()


def _insist(engine: Engine, name: str, say: Callable[[str], None]) -> Choice:
    needs = _needs(engine, name)
    if needs:
        raise ConfigError(
            f"--engine {name} {needs}; this run is on {engine.device}", choices=("auto", *_open_to(engine))
        )
    if flaw := _flaw(engine):
        raise ContractError(
            f"--engine {name}: {flaw}",
            fix="use tensor operations there (torch.where, a buffer), or run with --engine eager",
        )
    parity, reason = _try(engine, name, say)
    if parity is None:
        engine.tier = Eager(engine.cycle)
        raise ContractError(f"--engine {name}: {reason}", fix="run with --engine eager")
    return Choice(tier=name, asked=name, parity=parity)


def _consider(
    engine: Engine, name: str, best: Choice, expected: Callable[[float], float], say: Callable[[str], None]
) -> tuple[Parity | None, str]:
    """The tier, set and examined, or why it does not take the place of ``best``."""
    share = best.parity.share if best.parity else 1.0
    if reason := _unwise(engine, name, best.tier, lambda: expected(share)) or _flaw(engine):
        return None, reason
    parity, reason = _try(engine, name, say)
    if parity and parity.share > _GAIN * share:
        return None, f"takes {parity.share / share:.0%} of the time of {best.tier}"
    return parity, reason


def _try(engine: Engine, name: str, say: Callable[[str], None]) -> tuple[Parity | None, str]:
    """The tier, set and examined, or why it cannot be used."""
    tier = make_tier(engine, name)
    if "compile" in name:
        say("compiling the step, which takes up to some minutes ...")
    try:
        parity = examine(engine, tier)
    except GanzooError as error:
        return None, error.problem
    except Exception as error:  # whatever a compiler or a capture may raise, the run can go on without it
        return None, f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    if not parity.passed:
        return None, parity.describe()
    engine.tier = tier
    return parity, ""


def _needs(engine: Engine, name: str) -> str:
    """What the device lacks for the tier; empty if nothing."""
    if name.startswith("graph") and engine.device.type != "cuda":
        return "needs CUDA"
    if name == "compile" and engine.device.type == "mps":
        return "is not built for MPS"
    return ""


def _open_to(engine: Engine) -> list[str]:
    return [name for name in TIERS if not _needs(engine, name)]


def _unwise(engine: Engine, name: str, best: str, expected: Callable[[], float]) -> str:
    """Why ``auto`` leaves the tier alone on this device, where ``best`` is the fastest so far."""
    if needs := _needs(engine, name):
        return needs
    if name == "compile" and best != "eager":
        return f"{best} takes its place"
    if "compile" in name and (seconds := expected()) < _LONG[engine.device.type]:
        return f"the run is short, about {seconds:.0f} s"
    return ""


def _flaw(engine: Engine) -> str:
    """Why the step of the game runs eagerly and in no other way, found by iterations that leave no trace."""
    before = Snapshot(engine)

    def played(plan: Plan, watched: Callable[[Callable[[], None]], T]) -> T:
        engine.prepare((plan,))  # on the host, where a batcher may do as it likes
        return watched(partial(engine.cycle.play, plan))

    try:
        plans = dict.fromkeys(engine.plans(ITERATIONS))
        for plan in plans:
            if lines := played(plan, find_syncs):
                return f"the step asks the device for a value at {lines[0]}"
        for plan in plans:
            first = played(plan, trace)
            for _ in range(_BETWEEN):  # a list of the last images, say, is full only after some
                played(plan, lambda body: body())
            if change := find_change(first, played(plan, trace)):
                return change
    finally:
        before.restore()
    return ""
