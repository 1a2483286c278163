"""The five rules of a step: what may be captured, compiled and repeated."""

from __future__ import annotations

import random
import sys
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ganzoo.errors import ContractError
from ganzoo.game import Batch, Turn
from ganzoo.testing.lab import PAUSE, SPAN, Lab, differences, distinct_plans, play, play_plan, some
from ganzoo.testing.places import caller, of_error, of_type
from ganzoo.testing.report import FaultError, NotApplicableError
from ganzoo.training.engine import Engine
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.constancy import find_change, trace
from ganzoo.training.engine.parity import examine
from ganzoo.training.engine.syncs import find_syncs
from ganzoo.training.engine.tiers import Compiled, Graph, Tier
from ganzoo.training.seeding import seed_global

_REPLACE = "use tensor operations in its place (torch.where, a buffer), which need no value"
_ASKED = ("meta tensor", "meta device", "data-dependent", "data dependent")


def syncs(lab: Lab) -> None:
    """Look for lines that ask for a value: by watching a step, by a step without values, and by CUDA where it is."""
    engine = lab.engine()
    for plan in distinct_plans(engine.game):
        engine.prepare((plan,))
        if found := find_syncs(lambda plan=plan: engine.cycle.play(plan)):  # type: ignore[misc]
            raise FaultError("a step asks the device for a value", where=found[0], fix=_REPLACE)
    _play_without_values(lab)
    if torch.cuda.is_available():
        _play_on_cuda(lab)


def _play_without_values(lab: Lab) -> None:
    """Losses and gradients on the meta device, on which there is nothing to ask for."""
    with torch.device("meta"):
        game = lab.game()
    engine = lab.engine()
    engine.prepare(engine.plans(1))
    batch = engine.batcher.draw()
    for plan in distinct_plans(game):
        for names in plan:
            turn = Turn(
                Batch(batch.to("meta")), _MetaStream(), torch.zeros((), dtype=torch.int64, device="meta"), names
            )
            for player in [player for name in names for player in game.players() if player.name == name]:
                try:
                    total = torch.stack(list(player.loss(turn).values())).sum()
                    total.backward(inputs=list(player.params))  # type: ignore[no-untyped-call]
                except (RuntimeError, NotImplementedError) as error:
                    if any(word in str(error).lower() for word in _ASKED):
                        text = str(error).splitlines()[0]
                        raise FaultError(
                            f"fails without values: {text}", where=of_error(error), fix=_REPLACE
                        ) from error
                    return  # an operation that torch does not have on meta says nothing about the plugin


class _MetaStream(torch.Generator):
    """A stream on the CPU that says it is on meta, where torch has none: shapes need no numbers."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("meta")


def _play_on_cuda(lab: Lab) -> None:
    from ganzoo.training.session import Session

    session = Session(lab.config.with_training(device="cuda", batch_size=8))
    with session.batcher, session.in_force():
        _play_unsynchronised(session.engine)


def _play_unsynchronised(engine: Engine) -> None:
    plan = engine.plans(1)[0]
    play_plan(engine, plan)
    engine.prepare((plan,))
    torch.cuda.set_sync_debug_mode("error")
    try:
        engine.cycle.play(plan)
    except RuntimeError as error:
        raise FaultError(
            f"a step on CUDA waits for the device: {error}", where=of_error(error), fix=_REPLACE
        ) from error
    finally:
        torch.cuda.set_sync_debug_mode("default")


def constant(lab: Lab) -> None:
    """Compare two iterations of each plan, some iterations apart, operation by operation."""
    engine = lab.engine()
    for plan in distinct_plans(engine.game):
        play_plan(engine, plan)  # makes what lasts, such as the rows of the meter
        first = _traced(engine, plan)
        for _ in range(PAUSE):
            play_plan(engine, plan)
        if change := find_change(first, _traced(engine, plan)):
            what, _, where = change.partition(", at ")
            raise FaultError(
                what, where=where, fix="keep what changes in a buffer, and move it in place in after_update"
            )


def _traced(engine: Engine, plan: Any) -> Any:
    engine.prepare((plan,))
    return trace(lambda: engine.cycle.play(plan))


def replay(lab: Lab) -> None:
    """Compare all state after recorded iterations with all state after the same iterations run, in both precisions."""
    for precision in ("fp32", "bf16"):
        engines = [lab.engine(precision=precision, ema=0.9) for _ in range(2)]
        iterations = 2 * SPAN
        seed_global(lab.case.seed)
        expected = play(engines[0], iterations)
        engines[1].tier = Graph(engines[1].cycle, tape_recorder, span=SPAN)
        _check_same(lab, engines[1], expected, iterations, f"{precision}, recorded and replayed")
        cut = lab.engine(precision=precision, ema=0.9)
        cut.tier = Compiled(cut.cycle, lambda module: module)
        _check_same(lab, cut, expected, iterations, f"{precision}, cut into stretches as for a compiler")


def _check_same(lab: Lab, engine: Engine, expected: Any, iterations: int, how: str) -> None:
    seed_global(lab.case.seed)
    try:
        names = differences(expected, play(engine, iterations))
    except ContractError as error:
        raise FaultError(f"{how}: {error.problem}", where=of_error(error), fix=_REPLACE) from error
    if names:
        raise FaultError(
            f"after {iterations} iterations, {how}, the state is not that of iterations that were run: {some(names)}",
            where=of_type(engine.game),
            fix="keep all that changes in buffers of the game, and move them in place",
        )


def compiled(lab: Lab) -> None:
    """Compile a step and let the engine's gate judge it."""
    import shutil

    if not any(map(shutil.which, ("g++", "clang++"))):
        raise NotApplicableError("compiling needs g++ or clang++")
    engine = lab.engine(ema=0.9)
    play(engine, SPAN)
    tier: Tier = Compiled(engine.cycle)
    parity = examine(engine, tier, 2)
    if not parity.passed:
        raise FaultError(f"compiled, the step differs: {parity.describe()}", where=of_type(engine.game))


class Streams(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses operations that draw from torch's global stream outside of a network's forward.

    A network has no other stream, so its dropout or noise draws from the one that the engine seeds and saves.
    """

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = (*args, *(kwargs or {}).values())
        if torch.Tag.nondeterministic_seeded in function.tags and not _own_stream(given) and not _in_forward():
            raise FaultError(
                f"{function} draws from torch's global stream",
                where=caller(),
                fix="pass generator=turn.rng, or the rng that the method gets",
            )
        return function(*args, **(kwargs or {}))


def _own_stream(given: tuple[Any, ...]) -> bool:
    return any(isinstance(value, torch.Generator) for value in given)


def _in_forward() -> bool:
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_name != "_judge":
        if frame.f_code.co_name == "_call_impl":
            return True
        frame = frame.f_back
    return False


def randomness(lab: Lab) -> None:
    """Watch Python's, numpy's and torch's streams while the game is built, played and sampled."""
    import numpy as np

    def others() -> tuple[Any, str]:
        return random.getstate(), repr(np.random.get_state())

    where = of_type(lab.game())
    before = others()
    ends = []
    for seed in (1, 2):
        lab.game(seed=seed)
        ends.append(torch.get_rng_state())
    if torch.equal(*ends):
        raise FaultError(
            "building from two seeds leaves torch's global stream the same: it is seeded",
            where=where,
            fix="take every manual_seed out; the engine seeds before it builds",
        )
    engine = lab.engine()
    for plan in distinct_plans(engine.game):
        engine.prepare((plan,))
        torch.manual_seed(1)
        with Streams():  # type: ignore[no-untyped-call]
            engine.cycle.play(plan)
        ends = [torch.get_rng_state()]
        engine.prepare((plan,))
        torch.manual_seed(2)
        engine.cycle.play(plan)
        if torch.equal(ends[0], torch.get_rng_state()):
            raise FaultError("a step seeds torch's global stream", where=where, fix="take every manual_seed out")
    if others() != before:
        raise FaultError(
            "building or playing moves the global stream of Python's random or of numpy",
            where=where,
            fix="draw with torch, from turn.rng",
        )
