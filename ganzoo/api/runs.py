"""Runs on the disk: read them, and draw from their generators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from ganzoo.assembly import build_game
from ganzoo.config import RunConfig, config_file, make_config, read_config
from ganzoo.data import DataInfo
from ganzoo.errors import CheckpointError, ConfigError
from ganzoo.game import Batch, Game
from ganzoo.training.environment import find_device
from ganzoo.training.export import Exported, read_exported
from ganzoo.training.run_folder import read_metrics
from ganzoo.training.sampling import draw
from ganzoo.training.seeding import generator


def load(path: str | Path, *, step: int | None = None, device: str = "cpu") -> Run:
    """The run in ``path``, or a ``generator`` folder that was taken out of one, ready to generate.

    Args:
        path: the folder.
        step: the checkpoint to take the weights from; the last state if None.
        device: where to generate.

    Raises:
        CheckpointError: there is no such run or step, or a file of it is damaged.
    """
    run = Run(Path(path), step=step, device=device)
    run.game  # noqa: B018 - read it now, so that what is wrong with it is told here
    return run


def load_config(path: Path) -> RunConfig:
    """The config of the run in ``path``.

    Raises:
        CheckpointError: there is no run.
    """
    file = config_file(path)
    return make_config(read_config(file), source=str(file))


class Run:
    """A run on the disk: its config, its metrics, and its generator.

    Attributes:
        path: the run folder.
        exit_code: 130 or 143 where Ctrl-C or SIGTERM stopped the session that made this object, else 0.
    """

    def __init__(self, path: Path, *, step: int | None = None, device: str = "cpu", exit_code: int = 0) -> None:
        self.path = path
        self.exit_code = exit_code
        self._step = step
        self._device = find_device(device)

    @cached_property
    def _exported(self) -> Exported:
        return read_exported(self.path, self._step)

    @property
    def config(self) -> RunConfig:
        """The resolved config."""
        return self._exported.config

    @property
    def data(self) -> DataInfo:
        """Shape and labels of what it was trained on."""
        return self._exported.data

    @property
    def step(self) -> int:
        """Iterations after which the weights were saved."""
        return self._exported.step

    @cached_property
    def game(self) -> Game:
        """The game, of which only the exported part has trained weights."""
        exported = self._exported
        with torch.random.fork_rng(devices=[]):
            game = build_game(exported.config, exported.data)
        try:
            game.exported().load_state_dict(exported.weights)
        except RuntimeError as error:
            raise CheckpointError(f"the weights in {self.path} do not fit {exported.config.variant}: {error}") from None
        return game.to(self._device).eval()

    @property
    def generator(self) -> nn.Module:
        """The trained generator, in evaluation mode."""
        return self.game.exported()

    def generate(self, n: int, *, seed: int = 0, labels: int | Sequence[int] | None = None) -> Tensor:
        """Generate ``n`` images, float32 (N, C, H, W) in [-1, 1], on the CPU.

        Args:
            n: how many.
            seed: the same seed gives the same images.
            labels: one class for all or one for each, for a conditional generator; all classes in turn if None.

        Raises:
            ConfigError: ``n`` is not positive, or the labels do not fit.
        """
        if n < 1:
            raise ConfigError(f"n is {n}; at least one image must be asked for")
        rng = generator(seed, "generate", device=self._device)
        given = None
        if labels is not None:
            values = [labels] * n if isinstance(labels, int) else list(labels)
            given = Batch(labels=torch.tensor(values, dtype=torch.int64, device=self._device))
        return torch.cat(list(draw(self.game, self.generator, n, rng, given)))

    def stream(self, n: int, *, seed: int = 0) -> Iterator[Tensor]:
        """The images of :meth:`generate`, a few at a time, so that any number of them fits into memory."""
        return draw(self.game, self.generator, n, generator(seed, "generate", device=self._device))

    def metrics(self) -> list[dict[str, float]]:
        """The lines of ``metrics.jsonl``."""
        return read_metrics(self.path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"
