r"""The parity gate: a tier is used only after it was seen to compute what the reference tier computes.

From one snapshot, 8 iterations are played by the reference and 8 by the tier, on the same batches and the same random
numbers. If every weight, buffer, optimizer state, average, random stream and logged sum is the same to the bit, the
tier passes. A captured graph should; a compiler that reorders sums cannot.

What differs only by rounding cannot be told from what is wrong after 8 iterations of a GAN: a perturbation of DCGAN's
weights by one part in a million grows to a tenth of the distance that they moved. So then each of 8 iterations is
compared alone, both tiers starting from the reference's state, by

.. math:: \epsilon = \max_t \max_p \frac{\|\theta_p^{tier} - \theta_p\|}{\|\theta_p - \theta_p^{before}\|}

over the weights :math:`\theta_p` of each player, the shares of the distance moved. Allowed are 5 %, or twice what
rounding does to the reference itself in that iteration, if that is more. Below float32 that is the :math:`\epsilon` of
the reference in float32 against itself in the precision of the run: fused arithmetic may not be further from the truth
than the arithmetic that it replaces. In float32 it is the largest :math:`\epsilon` of the reference against itself from
weights that are one unit in the last place off, at random, in up to 8 trials: an activation on the kink of a ReLU falls
to the other side then, and DCGAN's first update differs by a seventh for it. An iteration from untrained weights is not
compared so: Adam's first step goes by the sign of each gradient, and where 1 % of these is within rounding of zero,
:math:`\epsilon` is :math:`\sqrt{4 \cdot 0.01} = 0.2`. Everything else must have followed:
averages, moments and buffers have to arrive nearer to where the reference took them than to where they were, but for
rounding. Streams and counters must be equal in any case.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganzoo.game import Player

from .snapshot import Snapshot
from .tiers import Eager, Tier

if TYPE_CHECKING:
    from .engine import Engine

ITERATIONS = 8
ALLOWED = 0.05
_MARGIN = 2.0
_NUDGES = 8
_FOLLOWED = 0.5
_ROUNDING = {False: 1e-5, True: 1e-2}
"""Of a tensor's size, in float32 and below it: a move of less cannot be told from rounding."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What the gate found.

    Attributes:
        tier: which tier was examined.
        iterations: how many were compared.
        exact: whether all state was the same to the bit.
        error: :math:`\\epsilon`, 0 where exact.
        allowed: the largest error that passes.
        unequal: what must be equal and was not (a random stream, the sampler, a counter), or must follow and did not
            (an average, a moment, a buffer); empty if there is no such thing.
        seconds: of an iteration of the tier, without compilation and capture.
        eager_seconds: of an iteration of the reference.
    """

    tier: str
    iterations: int
    exact: bool
    error: float
    allowed: float
    unequal: str
    seconds: float
    eager_seconds: float

    @property
    def passed(self) -> bool:
        """Whether the tier may be used."""
        return self.exact or (not self.unequal and self.error <= self.allowed)

    @property
    def share(self) -> float:
        """Of the reference's time, what the tier takes."""
        return self.seconds / self.eager_seconds

    def describe(self) -> str:
        """Such as ``bit-equal over 8 iterations``."""
        if self.exact:
            return f"bit-equal over {self.iterations} iterations"
        if self.unequal:
            return f"{self.unequal} is not the reference's"
        verdict = "within" if self.passed else "beyond"
        return f"{self.error:.2g} of an update from the reference, {verdict} the {self.allowed:.2g} allowed"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``run.json``."""
        return {**asdict(self), "passed": self.passed}


def examine(engine: Engine, tier: Tier, iterations: int = ITERATIONS) -> Parity:
    """Compare ``tier`` with the reference from where ``engine`` stands, and put everything back."""
    start = Snapshot(engine)
    kept, eager = engine.tier, Eager(engine.cycle)
    try:
        reference, eager_seconds = _play(engine, eager, start, iterations)
        result, seconds = _play(engine, tier, start, iterations)
        exact = not _differing(reference, result)
        unequal, error, allowed = "", 0.0, ALLOWED
        if not exact:
            unequal, error, allowed = _step_by_step(engine, tier, eager, start, iterations)
        return Parity(
            tier=tier.name,
            iterations=iterations,
            exact=exact,
            error=error,
            allowed=allowed,
            unequal=unequal,
            seconds=seconds,
            eager_seconds=eager_seconds,
        )
    finally:
        engine.tier = kept
        start.restore()


def _play(
    engine: Engine, tier: Tier, start: Snapshot, iterations: int, upset: Callable[[], None] = lambda: None
) -> tuple[Snapshot, float]:
    """The state after ``iterations`` of ``tier`` from ``start``, and the fastest one's seconds, after ``upset``."""
    start.restore()
    upset()
    engine.tier = tier
    best = float("inf")
    until = engine.iteration + iterations
    while engine.iteration < until:
        engine.get_ready(until - engine.iteration)
        before = engine.iteration
        _wait(engine.device)
        began = time.perf_counter()
        engine.iterate(until - engine.iteration)
        _wait(engine.device)
        best = min(best, (time.perf_counter() - began) / (engine.iteration - before))
    return Snapshot(engine), best


def _step_by_step(
    engine: Engine, tier: Tier, eager: Tier, start: Snapshot, iterations: int
) -> tuple[str, float, float]:
    """What is unequal, and the error and what is allowed of the worst iteration, each from the reference's state.

    Iterations end with the first that does not pass.
    """
    before, error, allowed, left = start, 0.0, ALLOWED, ""
    untrained = iterations > 1 and start.values["iteration"] == 0
    if untrained:
        before, _ = _play(engine, eager, start, 1)
    for _ in range(iterations - untrained):
        reference, _ = _play(engine, eager, before, 1)
        result, _ = _play(engine, tier, before, 1)
        if unequal := _unequal(reference, result):
            return unequal, float("inf"), ALLOWED
        precise = _play_precisely(engine, eager, before) if engine.cycle.bf16 else reference
        left = left or _left_behind(engine, before, reference, result, precise)
        found = _error(engine, before, reference, result)
        rounding = _error(engine, before, precise, reference)
        if not engine.cycle.bf16 and found > ALLOWED:
            rounding = _rounding(engine, eager, before, reference, found / _MARGIN)
        granted = max(ALLOWED, _MARGIN * rounding)
        if found / granted > error / allowed:
            error, allowed = found, granted
        if error > allowed:
            return "", error, allowed
        before = reference
    return left, error, allowed


def _rounding(engine: Engine, eager: Tier, before: Snapshot, reference: Snapshot, enough: float) -> float:
    """The error of the reference against itself from weights one unit in the last place off, or ``enough`` of it.

    Where the reference does not even repeat itself, on a CPU it is 0, since something else than rounding moves it then;
    on a GPU, whose kernels may add in any order, it is the largest error of as many repetitions.
    """
    again, _ = _play(engine, eager, before, 1)
    if _differing(reference, again):
        if engine.device.type == "cpu":
            return 0.0
        return max(_error(engine, before, reference, _play(engine, eager, before, 1)[0]) for _ in range(_NUDGES))
    largest = 0.0
    for seed in range(_NUDGES):
        if largest < enough:
            nudged, _ = _play(engine, eager, before, 1, partial(_nudge, engine, seed))
            largest = max(largest, _error(engine, before, reference, nudged))
    return largest


@torch.no_grad()
def _nudge(engine: Engine, seed: int) -> None:
    """Move each weight to the next larger or the next smaller number, at random."""
    rng = torch.Generator().manual_seed(seed)
    for player in engine.players.values():
        for weight in player.params:
            up = torch.rand(weight.shape, generator=rng) < 0.5
            towards = torch.where(up, math.inf, -math.inf).to(weight)
            weight.copy_(torch.nextafter(weight, towards))


def _play_precisely(engine: Engine, eager: Tier, before: Snapshot) -> Snapshot:
    """The state after an iteration of the reference in float32."""
    engine.cycle.bf16 = False
    try:
        return _play(engine, eager, before, 1)[0]
    finally:
        engine.cycle.bf16 = True


def _differing(a: Snapshot, b: Snapshot) -> list[str]:
    """The names of what is not the same to the bit."""
    ours, theirs = a.flat(), b.flat()
    names = [name for name, tensor in ours.items() if not _same(tensor, theirs[name])]
    return names + [f"values/{name}" for name, value in a.values.items() if value != b.values[name]]


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a, b) or (
        a.is_floating_point() and torch.equal(a.isnan(), b.isnan()) and bool((a.isnan() | (a == b)).all())
    )


def _unequal(reference: Snapshot, result: Snapshot) -> str:
    """What must be equal and is not; empty if there is no such thing."""
    tensors = reference.flat()
    for name in _differing(reference, result):
        if name in ("values/iteration", "values/drawn") or (name in tensors and not tensors[name].is_floating_point()):
            return name
    return "values/meter" if _counts(reference) != _counts(result) else ""


def _left_behind(engine: Engine, before: Snapshot, reference: Snapshot, result: Snapshot, precise: Snapshot) -> str:
    """What must follow and did not; empty if there is no such thing. ``precise`` tells how well it can."""
    floor = _ROUNDING[engine.cycle.bf16]
    start, here, there, exact = (_followers(engine, state) for state in (before, reference, result, precise))
    for name, now in here.items():
        allowed = _FOLLOWED * _distance(start[name], now) + _MARGIN * _distance(exact[name], now) + floor * _norm(now)
        if not _distance(now, there[name]) <= allowed:  # nor where it is NaN
            return name
    return ""


def _counts(snapshot: Snapshot) -> dict[str, float]:
    """How often each row of scalars was logged."""
    return {names: sums[-1] for names, (sums, _) in snapshot.values["meter"].items()}


def _followers(engine: Engine, state: Snapshot) -> dict[str, list[Tensor]]:
    """All of floating point that is no player's weight: each buffer, the moments of each optimizer, the average."""
    weights = {name for player in engine.players.values() for name in _weights_of(engine, player)}
    groups = {f"model/{name}": [tensor] for name, tensor in state.tensors["model"].items() if name not in weights}
    for name, tensor in state.tensors["optimizers"].items():
        # A single moment may be all rounding, such as that of a bias before a normalisation; all of a kind are not.
        owner, _, kind = name.rsplit(".", 2)
        groups.setdefault(f"optimizers/{owner}.{kind}", []).append(tensor)
    if engine.ema:
        groups["exported"] = list(state.tensors["exported"].values())
    return {
        name: floating for name, group in groups.items() if (floating := [t for t in group if t.is_floating_point()])
    }


def _error(engine: Engine, before: Snapshot, reference: Snapshot, result: Snapshot) -> float:
    """The largest share of a player's move by which ``result`` is off."""
    worst = 0.0
    for player in engine.players.values():
        start, here, there = (
            [snapshot.tensors["model"][name] for name in _weights_of(engine, player)]
            for snapshot in (before, reference, result)
        )
        off, moved = _distance(here, there), _distance(start, here)
        if off > 0:
            worst = max(worst, off / moved if moved > 0 else float("inf"))
        if off != off:  # NaN on one side alone
            return float("inf")
    return worst


def _weights_of(engine: Engine, player: Player) -> list[str]:
    names = {id(parameter): name for name, parameter in engine.game.named_parameters()}
    return [names[id(parameter)] for parameter in player.params if id(parameter) in names]


def _distance(ours: list[Tensor], theirs: list[Tensor]) -> float:
    return _norm([a.double() - b.double() for a, b in zip(ours, theirs, strict=True)])


def _norm(tensors: list[Tensor]) -> float:
    return math.sqrt(sum(float(tensor.double().square().sum()) for tensor in tensors))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
