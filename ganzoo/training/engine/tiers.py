"""The tiers: ways to execute the same iteration, from the reference up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from ganzoo.game import Plan

from .capture import Recorder, aside
from .cycle import Cycle
from .expansion import ADAM
from .program import Fuse, Program, inductor
from .snapshot import Snapshot
from .tape import record

if TYPE_CHECKING:
    from .engine import Engine

Plans = tuple[Plan, ...]
"""The rounds of several iterations."""

SPAN = 8
"""Iterations that a graph plays in one replay; fewer where something is due before."""


class Tier(ABC):
    """A way to execute iterations.

    Attributes:
        name: what ``--engine`` calls it.
        span: the most iterations that it executes at once.
    """

    name: str
    span: int = 1

    @abstractmethod
    def play(self, plans: Plans) -> None:
        """Execute iterations whose batches were announced; :meth:`get_ready` was called with these ``plans`` before."""

    def get_ready(self, plans: Plans, engine: Engine) -> None:
        """Do what must be done once for these ``plans``. Leaves all state of ``engine`` as it was."""
        return


class Eager(Tier):
    """The reference: every operation is launched as the game's code reaches it.

    Args:
        cycle: an iteration.
    """

    name = "eager"

    def __init__(self, cycle: Cycle) -> None:
        self._cycle = cycle

    def play(self, plans: Plans) -> None:
        for plan in plans:
            self._cycle.play(plan)


class Prepared(Tier):
    """A tier that makes a function for each distinct sequence of plans, after a warm-up that leaves no trace."""

    def __init__(self, cycle: Cycle) -> None:
        self._cycle = cycle
        self._made: dict[Plans, Callable[[], None]] = {}

    def play(self, plans: Plans) -> None:
        self._made[plans]()

    def get_ready(self, plans: Plans, engine: Engine) -> None:
        if plans in self._made:
            return
        before = Snapshot(engine)
        try:
            for play in (self._warm_up, self._make, self.play):  # the last, so that what is made is warm
                engine.prepare(plans)
                play(plans)
                before.restore()
        except BaseException:
            self._made.pop(plans, None)
            before.restore()
            raise

    @abstractmethod
    def make(self, plans: Plans) -> Callable[[], None]:
        """The function that executes ``plans``. State may move; it is put back."""

    def _warm_up(self, plans: Plans) -> None:
        with aside(self._cycle.step.device):
            self._play_eagerly(plans)

    def _make(self, plans: Plans) -> None:
        self._made[plans] = self.make(plans)

    def _play_eagerly(self, plans: Plans) -> None:
        for plan in plans:
            self._cycle.play(plan)


class Graph(Prepared):
    """Several iterations captured in one graph, which is replayed without the Python code around them.

    Args:
        cycle: an iteration.
        recorder: captures what a function does, and returns what does it again.
        span: iterations in a graph.
    """

    name = "graph"

    def __init__(self, cycle: Cycle, recorder: Recorder, *, span: int = SPAN) -> None:
        super().__init__(cycle)
        self.span = span
        self._recorder = recorder

    def make(self, plans: Plans) -> Callable[[], None]:
        return self._recorder(lambda: self._play_eagerly(plans))


class Compiled(Prepared):
    """Plays a tape whose stretches were fused by a compiler.

    Args:
        cycle: an iteration.
        fuse: the compiler.
    """

    name = "compile"

    def __init__(self, cycle: Cycle, fuse: Fuse = inductor) -> None:
        super().__init__(cycle)
        self._fuse = fuse

    def make(self, plans: Plans) -> Callable[[], None]:
        expansions = ADAM if self._cycle.step.device.type == "cuda" else {}
        return Program(record(lambda: self._play_eagerly(plans), expansions), self._fuse).play


class CompiledGraph(Compiled):
    """A compiled iteration, captured: nothing is left of Python nor of the launches that fusing spares.

    Args:
        cycle: an iteration.
        recorder: captures what a function does, and returns what does it again.
        fuse: the compiler.
    """

    name = "graph+compile"

    def __init__(self, cycle: Cycle, recorder: Recorder, fuse: Fuse = inductor) -> None:
        super().__init__(cycle, fuse)
        self._recorder = recorder

    def make(self, plans: Plans) -> Callable[[], None]:
        play = super().make(plans)
        play()  # compiles, which must not happen while capturing
        return self._recorder(play)
