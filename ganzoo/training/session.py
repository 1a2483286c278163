"""One session of a run: everything is built and checked first, then the folder is touched, then it trains."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganzoo.assembly import build_game
from ganzoo.config import RunConfig
from ganzoo.data.batcher import Batcher
from ganzoo.data.catalog import find_source
from ganzoo.data.loading import open_batches
from ganzoo.errors import CheckpointError, ConfigError
from ganzoo.game import Game

from .checkpoint import latest_checkpoint, load_checkpoint
from .engine import Engine
from .engine.tiers import SPAN
from .environment import environment, find_device, make_current
from .evaluator import Evaluator
from .execution import Execution, decide
from .export import Exported, write_exported
from .observers import MetricsLog, Observer, Observers, RunView
from .precision import arithmetic, resolve_precision
from .provenance import check_origins, origins, recorded
from .run_folder import RunFolder
from .sampling import apart
from .seeding import generator, seed_global
from .trainer import Trainer

_log = logging.getLogger(__name__)

_CHANNELS_LAST = ("cpu", "cuda")
"""Devices on which most convolutions are faster with the channels innermost (see the ablation in the docs), on CUDA
those of its matrix units: in float32 they are 7 to 10 % slower so."""

_SURVEYED = 1024
"""Iterations whose plans are asked for beforehand, to make room for the longest of them."""


class Session:
    """A run that is ready to train: device, data, game and engine.

    Args:
        config: the resolved config.

    Attributes:
        engine: the game, its optimizers and the tier that plays it.
        batcher: the images; whoever does not train closes it.
        began: when this was begun, by the monotonic clock, before the data was touched.
        data_seconds: what proving and loading the images took.
        build_seconds: what networks, optimizers and all else took.

    Raises:
        GanzooError: something does not fit; nothing was written.
    """

    def __init__(self, config: RunConfig) -> None:
        began = time.monotonic()
        self.device = find_device(config.training.device)
        make_current(self.device)
        precision = resolve_precision(config.training.precision, self.device)
        self.config = config = config.with_training(precision=precision)
        options = config.training
        with self.in_force(), ExitStack() as undone:
            seed_global(options.seed)
            info = find_source(config.data).info
            game = build_game(config, info).to(self.device).train()
            _check_batch(game, options.batch_size)
            if self.device.type in _CHANNELS_LAST and (self.device.type, precision) != ("cuda", "fp32"):
                _lay_channels_last(game)
            built = time.monotonic()
            self.batcher: Batcher = undone.enter_context(
                open_batches(
                    config.data,
                    needs=game.needs,
                    batch_size=options.batch_size,
                    seed=options.seed,
                    device=self.device,
                    rounds=max(len(game.rounds(iteration)) for iteration in range(_SURVEYED))
                    * options.accumulate
                    * (SPAN if self.device.type == "cuda" else 1),
                )
            )
            self.data_seconds = time.monotonic() - built
            self.engine = Engine(
                game,
                self.batcher,
                seed=options.seed,
                device=self.device,
                precision=options.precision,
                ema=options.ema,
                accumulate=options.accumulate,
            )
            self.execution: Execution | None = None
            self.evaluator = Evaluator(config, self.batcher.info, self.engine) if options.eval_every else None
            undone.pop_all()
        self.began = began
        self.build_seconds = time.monotonic() - began - self.data_seconds

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Inside the block the process computes as this run does: threads, products of float32, denormal numbers.

        Building and training do so by themselves; whoever plays :attr:`engine` asks for it. Afterwards all is as it
        was, but that threads which torch started meanwhile take denormals for 0.
        """
        options, threads = self.config.training, torch.get_num_threads()
        with arithmetic(options.precision, self.device):
            if options.threads != "auto":
                torch.set_num_threads(options.threads)
            try:
                yield
            finally:
                torch.set_num_threads(threads)

    def train(
        self, path: Path, *, resume: bool, observers: Sequence[Observer] = (), command: Sequence[str] = ()
    ) -> int:
        """Train in the run folder ``path`` and return the exit status that a signal asked for, else 0.

        Args:
            path: the folder, new or, to ``resume``, one that an earlier session wrote.
            resume: go on from the highest checkpoint that verifies.
            observers: told of everything, after the metrics log.
            command: recorded in ``run.json``.

        Raises:
            CheckpointError: nothing to resume, or it was made by other data or plugins; nothing was touched.
            NonFiniteError, DiskFullError, RunLockedError: see there.
        """
        with self.batcher, self.in_force():
            # Before a checkpoint is read: what is tried starts from, and leaves, the state that was just built.
            self.execution = decide(self.engine, self.config, say=Observers(observers).noted)
            self.config = self.config.with_training(**self.execution.options())
            return self._train(path, resume=resume, observers=observers, command=command)

    def _train(self, path: Path, *, resume: bool, observers: Sequence[Observer], command: Sequence[str]) -> int:
        assert self.execution is not None
        with RunFolder(path) as folder:
            state = self._restore(folder) if resume else self._claim(folder)
            folder.open_log(state["metrics_position"])
            folder.write_config(self.config.to_toml())
            trainer = Trainer(
                engine=self.engine,
                batcher=self.batcher,
                run=RunView(
                    self.config,
                    folder,
                    str(self.device),
                    self.batcher.size,
                    self._grid_labels(),
                    self.execution.describe(),
                ),
                observer=Observers([MetricsLog(), *observers]),
                facts=self._origins(),
                evaluator=self.evaluator,
                seconds=state["seconds"],
            )
            with recorded(folder, self._run_facts(), self._begun(command), self._reached) as session:
                status = trainer.train()
                session["status"] = "stopped" if status else "finished"
            weights = dict(self.engine.exported.state_dict())
            write_exported(folder.generator, Exported(self.config, self.batcher.info, self.engine.iteration, weights))
            return status

    def _claim(self, folder: RunFolder) -> dict[str, Any]:
        if (folder.path / "config.toml").exists():
            raise ConfigError(
                f"there is a run in {folder.path} already",
                fix=f"go on with it (--resume {folder.path}), or choose another --name",
            )
        return {"metrics_position": 0, "seconds": 0.0}

    def _restore(self, folder: RunFolder) -> dict[str, Any]:
        checkpoint, reasons = latest_checkpoint(folder.checkpoints)
        for reason in reasons:
            _log.warning("passed over a damaged checkpoint: %s", reason)
        tensors, state = load_checkpoint(checkpoint)
        try:
            check_origins(state, self._origins(), checkpoint)
            self.engine.restore(tensors, state)
            if self.evaluator:
                self.evaluator.restore(state.get("evaluation", {}))
            position, seconds = int(state.get("metrics_position", 0)), float(state.get("seconds", 0.0))
        except (ArithmeticError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError(f"the checkpoint {checkpoint} does not fit this run: {error}") from None
        return {"metrics_position": position, "seconds": seconds}

    def _grid_labels(self) -> list[str] | None:
        """The class of each image of a sample grid; None where no labels reach the generator."""
        game, options = self.engine.game, self.config.training
        if game.needs.domains != ("images",):
            return None
        with apart(self.device):
            request = game.request(options.samples, generator(options.seed, "samples", device=self.device))
        labels = request.get("labels")
        return None if labels is None else [self.batcher.info.classes[label] for label in labels.tolist()]

    def _origins(self) -> dict[str, Any]:
        return origins(self.config, self.batcher.fingerprint)

    def _run_facts(self) -> dict[str, Any]:
        return {
            "seed": self.config.training.seed,
            "config_sha256": self.config.digest(),
            "engine": self.execution.as_dict() if self.execution else {},
            "data": {**asdict(self.batcher.info), "storage": self.batcher.storage},
            **self._origins(),
        }

    def _begun(self, command: Sequence[str]) -> dict[str, Any]:
        return {
            "command": list(command),
            "from_step": self.engine.iteration,
            "startup_seconds": round(time.monotonic() - self.began, 3),
            "environment": environment(self.device),
            "engine": self.execution.as_dict() if self.execution else {},
        }

    def _reached(self) -> dict[str, Any]:
        facts = {"to_step": self.engine.iteration, "images": self.batcher.drawn}
        return facts | ({"evaluation": self.evaluator.state()} if self.evaluator else {})


@torch.no_grad()
def _lay_channels_last(game: Game) -> None:
    """Lay out the weights of convolutions of images so that their channels are innermost; the values stay."""
    for tensor in (*game.parameters(), *game.buffers()):
        if tensor.ndim == 4:  # Module.to would refuse a game that holds anything of five dimensions
            # A weight for one channel lies so in any case, but only its strides say so to what convolves.
            laid = torch.empty_like(tensor, memory_format=torch.channels_last)
            tensor.data = laid.copy_(tensor)


def _check_batch(game: Game, batch_size: int) -> None:
    """Refuse a batch of one for vectors that are normalised over the batch.

    Raises:
        ConfigError: the module is named.
    """
    single = [name for name, module in game.named_modules() if isinstance(module, nn.BatchNorm1d)]
    if batch_size == 1 and single:
        raise ConfigError(
            f"--batch-size 1: {single[0]} is a batch norm, and one image has no spread",
            fix="take at least 2 images, or networks without batch norm",
        )
