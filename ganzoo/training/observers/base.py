"""What a run tells its observers."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from ganzoo.config import RunConfig

if TYPE_CHECKING:
    from ganzoo.training.run_folder import RunFolder

_log = logging.getLogger(__name__)


@dataclass
class RunView:
    """What observers may know of a run.

    Attributes:
        config: the resolved config.
        folder: where the run writes.
        device: what it trains on, such as ``"cuda:0"``.
        epoch_size: images in an epoch.
        labels: name of each image in a sample grid; None without labels.
        execution: how iterations are executed and why so, in one line.
    """

    config: RunConfig
    folder: RunFolder
    device: str
    epoch_size: int
    labels: list[str] | None = None
    execution: str = ""


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: iterations done.
        images: real images drawn.
        fraction: part of the budget that is used up, in [0, 1].
        rate: real images a second, over the last interval.
        seconds: time spent training so far, over all sessions of the run.
        evaluating: time spent on evaluations, which is no part of ``seconds``.
    """

    step: int
    images: int
    fraction: float
    rate: float
    seconds: float
    evaluating: float = 0.0


class Observer:
    """Override what you want to hear of. An observer must not touch the game, its weights, or a random stream.

    What one raises ends the run. One that was asked for by name, ``--observers NAME``, is named in a warning instead
    and hears no more of the run, which goes on.
    """

    def noted(self, text: str) -> None:
        """Something takes its time before the run starts, or is to be taken with caution; ``text`` says what."""

    def started(self, run: RunView, progress: Progress) -> None:
        """The run is set up and takes its first step next."""

    def advanced(self, progress: Progress) -> None:
        """Some iterations were done; told a few times a second, without reading anything from the device."""

    def measured(self, progress: Progress, values: dict[str, float]) -> None:
        """The means of the logged scalars since the last call, by name (``d/real``, ``accuracy_fake``)."""

    def sampled(self, progress: Progress, images: Tensor) -> None:
        """Images (N, C, H, W) in [-1, 1], on the CPU, from the run's fixed latent."""

    def evaluated(self, progress: Progress, values: dict[str, float], *, best: bool) -> None:
        """Samples were judged: figures by name (``eval/fid``), and whether they are the run's best so far."""

    def saved(self, progress: Progress) -> None:
        """A checkpoint was written."""

    def ended(self, progress: Progress, reason: str) -> None:
        """The run is over: ``reason`` is ``"finished"``, ``"stopped"`` or ``"failed"``."""


class Observers(Observer):
    """Several observers as one, told in order; all of them, also where one raises, which is raised afterwards."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._all = list(observers)

    def noted(self, text: str) -> None:
        self._tell(lambda observer: observer.noted(text))

    def started(self, run: RunView, progress: Progress) -> None:
        self._tell(lambda observer: observer.started(run, progress))

    def advanced(self, progress: Progress) -> None:
        self._tell(lambda observer: observer.advanced(progress))

    def measured(self, progress: Progress, values: dict[str, float]) -> None:
        self._tell(lambda observer: observer.measured(progress, values))

    def sampled(self, progress: Progress, images: Tensor) -> None:
        self._tell(lambda observer: observer.sampled(progress, images))

    def evaluated(self, progress: Progress, values: dict[str, float], *, best: bool) -> None:
        self._tell(lambda observer: observer.evaluated(progress, values, best=best))

    def saved(self, progress: Progress) -> None:
        self._tell(lambda observer: observer.saved(progress))

    def ended(self, progress: Progress, reason: str) -> None:
        self._tell(lambda observer: observer.ended(progress, reason))

    def _tell(self, event: Callable[[Observer], None]) -> None:
        failures = []
        for observer in self._all:
            try:
                event(observer)
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]


class Guarded(Observers):
    """An observer that must not end a run: what it raises is told in a warning, and it hears no more."""

    def _tell(self, event: Callable[[Observer], None]) -> None:
        try:
            super()._tell(event)
        except Exception as error:
            _log.warning("%s, and hears no more of this run", _fault(self._all[0], error))
            self._all = []


def _fault(observer: Observer, error: Exception) -> str:
    """Whose fault ``error`` is, what it says, and the line that raised it."""
    kind, where = type(observer), traceback.extract_tb(error.__traceback__)[-1]
    what = " ".join(traceback.format_exception_only(error)[-1].split())
    return f"the observer {kind.__module__}.{kind.__qualname__} raises {what} ({where.filename} line {where.lineno})"
