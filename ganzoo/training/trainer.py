"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganzoo.data.batcher import Batcher
from ganzoo.errors import DataError
from ganzoo.game import Batch

from .checkpoint import prune, save_checkpoint
from .engine import Engine
from .evaluator import Evaluator
from .observers import Observer, Progress, RunView
from .sampling import apart, draw
from .seeding import generator
from .signals import StopRequest

_KEPT = 2
_REFRESH = 0.25


@dataclass
class Trainer:
    """Plays a game until its budget is used up, and tells an observer of it.

    Attributes:
        engine: executes the iterations.
        batcher: gives the batches.
        run: the config and the folder.
        observer: told of everything.
        facts: recorded in every checkpoint beside the state.
        evaluator: judges the samples now and then, if that is asked for.
        seconds: time spent training before this session.
    """

    engine: Engine
    batcher: Batcher
    run: RunView
    observer: Observer
    facts: dict[str, Any]
    evaluator: Evaluator | None = None
    seconds: float = 0.0

    def train(self) -> int:
        """Train to the end of the budget, or until a signal; return the exit status that the signal asks for.

        Raises:
            NonFiniteError: a term or a weight stopped being finite; nothing of it was written.
            DiskFullError: no room; the last checkpoint is intact.
        """
        options, engine, observer = self.run.config.training, self.engine, self.observer
        self._clock = _Clock(self.seconds, self.batcher.drawn)
        if self.evaluator:
            self.evaluator.say = observer.noted
        reason = "failed"
        observer.started(self.run, self.progress())
        try:
            with StopRequest() as stop:
                if engine.iteration == 0:
                    observer.sampled(self.progress(), self.sample())
                while not stop.signal and self.progress().fraction < 1:
                    try:
                        engine.iterate(self._until_due())  # every player's updates, and the average of the generator
                    except DataError:
                        if not stop.signal:
                            raise
                        break  # the signal was for the readers of images, too; the iteration has not begun
                    if self._clock.due():
                        observer.advanced(self.progress())
                    if engine.iteration % options.log_every == 0:
                        self._measure()  # host sync
                    if engine.iteration % options.sample_every == 0:
                        observer.sampled(self.progress(), self.sample())  # host sync
                    if self.evaluator and engine.iteration % options.eval_every == 0:
                        self._evaluate(self.evaluator)  # host sync; the clock stands still
                    if engine.iteration % options.save_every == 0:
                        self._save()  # host sync
                if engine.iteration % options.sample_every:
                    observer.sampled(self.progress(), self.sample())
                if self.evaluator and engine.iteration % options.eval_every and not stop.signal:
                    self._evaluate(self.evaluator)
                if engine.iteration % options.save_every:
                    self._save()
                # After the save, so that a run resumed from it logs what one without a stop does.
                self._measure()
            reason = "stopped" if stop.signal else "finished"
            return stop.exit_code
        finally:
            observer.ended(self.progress(), reason)

    def progress(self) -> Progress:
        """Where the run stands. Reads nothing from the device."""
        name, amount = self.run.config.training.budget
        used = {
            "steps": self.engine.iteration,
            "images": self.batcher.drawn,
            "epochs": self.batcher.drawn / self.batcher.size,
            "minutes": self._clock.seconds / 60,
        }[name]
        return Progress(
            step=self.engine.iteration,
            images=self.batcher.drawn,
            fraction=min(1.0, used / amount),
            rate=self._clock.rate(self.batcher.drawn),
            seconds=self._clock.seconds,
            evaluating=self.evaluator.seconds if self.evaluator else 0.0,
        )

    def _until_due(self) -> int:
        """Iterations until something is to be done between two of them, at least 1."""
        options, engine = self.run.config.training, self.engine
        every = [options.log_every, options.sample_every, options.save_every]
        every += [options.eval_every] if self.evaluator and options.eval_every else []
        due = min(interval - engine.iteration % interval for interval in every)
        name, amount = options.budget
        if name == "steps":
            return min(due, int(amount) - engine.iteration)
        if name in ("images", "epochs"):
            images = amount * (self.batcher.size if name == "epochs" else 1) - self.batcher.drawn
            largest = (
                max(map(len, engine.plans(min(due, engine.tier.span)))) * engine.cycle.accumulate * options.batch_size
            )
            return max(1, min(due, int(images // largest)))
        return due

    def sample(self) -> Tensor:
        """The run's sample grid: images (N, C, H, W) in [-1, 1], on the CPU; N is ``samples``, or a batch's size.

        The latent is the same at every step and in every session of a run, and no random stream of the training moves.
        """
        options, engine = self.run.config.training, self.engine
        engine.meter.check()  # the term that broke is told before the pixels that came of it
        rng = generator(options.seed, "samples", device=engine.device)
        with apart(engine.device):
            return torch.cat(
                list(draw(engine.game, engine.exported, self._sources.size or options.samples, rng, self._sources))
            )

    @cached_property
    def _sources(self) -> Batch:
        """What a translation makes its samples from: the first batch of the data; nothing for a game with latents."""
        domains = self.engine.game.needs.domains
        if domains == ("images",):
            return Batch()
        drawn = self.batcher.drawn
        self.batcher.restore(0)
        self.batcher.prepare(1)
        batch = self.batcher.draw()
        self.batcher.restore(drawn)
        return Batch({domain: batch[domain] for domain in domains})

    def _measure(self) -> None:
        if values := self.engine.meter.read():
            self.observer.measured(self.progress(), values)
            self._clock.lap(self.batcher.drawn)

    def _evaluate(self, evaluator: Evaluator) -> None:
        self.engine.meter.check()
        with self._clock.stopped():
            values, best = evaluator.evaluate(self.run.folder)
        self.observer.evaluated(self.progress(), values, best=best)

    def _save(self) -> None:
        engine, folder = self.engine, self.run.folder
        engine.meter.check()
        state = {
            **engine.values(),
            **self.facts,
            "seconds": self._clock.seconds,
            "evaluation": self.evaluator.state() if self.evaluator else {},
            "metrics_position": folder.log_position(),
        }
        save_checkpoint(folder.checkpoints, engine.iteration, engine.tensors(), state)
        prune(folder.checkpoints, _KEPT)
        self.observer.saved(self.progress())


class _Clock:
    """Time spent training, and images a second since the last lap."""

    def __init__(self, before: float, images: int) -> None:
        now = time.monotonic()
        self._start, self._refreshed = now - before, now
        self._lap, self._images, self._rate = now, images, 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """What is done inside is not counted."""
        start = time.monotonic()
        try:
            yield
        finally:
            away = time.monotonic() - start
            self._start += away
            self._lap += away

    def lap(self, images: int) -> None:
        self._rate = self.rate(images)
        self._lap, self._images = time.monotonic(), images

    def rate(self, images: int) -> float:
        """Images a second since the last lap, or, where none were drawn since, of the lap before."""
        drawn = images - self._images
        return drawn / max(time.monotonic() - self._lap, 1e-9) if drawn else self._rate

    def due(self) -> bool:
        """Whether the display should be refreshed."""
        now = time.monotonic()
        if now - self._refreshed < _REFRESH:
            return False
        self._refreshed = now
        return True
