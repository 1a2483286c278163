"""Train, load and sample in a few lines; the command line is a thin face over this module.

Example:
    >>> import ganzoo
    >>> run = ganzoo.train("vanilla", dataset="digits", steps=20, out="/tmp/ganzoo-example")  # doctest: +SKIP
    >>> ganzoo.load(run.path).generate(16).shape  # doctest: +SKIP
    torch.Size([16, 1, 8, 8])
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.assembly import build_game
from ganzoo.config import RunConfig, TrainingOptions, check_resumable, find_specs, make_config, read_config
from ganzoo.data import DataInfo, DataOptions
from ganzoo.errors import CheckpointError, ConfigError, UnknownNameError
from ganzoo.game import Batch, Game
from ganzoo.options import Options
from ganzoo.report.observer import Pictures
from ganzoo.training.environment import find_device
from ganzoo.training.export import Exported, read_exported
from ganzoo.training.observers import Observer
from ganzoo.training.run_folder import new_run_path, read_metrics
from ganzoo.training.seeding import generator
from ganzoo.training.session import Session


def train(
    variant: str,
    *,
    dataset: str = "mnist",
    backbone: str | None = None,
    conditional: bool = False,
    net: Mapping[str, Any] | None = None,
    out: str | Path = "runs",
    name: str | None = None,
    observers: Sequence[Observer] = (),
    **settings: Any,
) -> Run:
    """Train ``variant`` and return its run.

    Args:
        variant: name of an installed variant.
        dataset: name of a data set, or ``folder:PATH``.
        backbone: name of a backbone that replaces the variant's own networks.
        conditional: give the labels of the data to both networks.
        net: options of the backbone, such as ``{"width": 32}``.
        out: the folder that holds runs.
        name: name of the run's folder; ``<variant>-<dataset>-<number>`` if None.
        observers: told of everything that happens.
        settings: any option of the run, the data, or the variant, by its name: ``steps``, ``batch_size``,
            ``image_size``, ``n_critic``.

    Raises:
        ConfigError: a name, a value or a combination that does not fit; nothing was written.
        GanzooError: data, plugin or disk; see :mod:`ganzoo.errors`.
    """
    raw = {"variant": variant, "backbone": backbone, "conditional": conditional, "net": dict(net or {})}
    sorted_settings = _sort_settings(variant, backbone, {"dataset": dataset, **settings})
    return start(make_config(raw | sorted_settings), out=Path(out), name=name, observers=observers)


def start(
    config: RunConfig,
    *,
    out: Path = Path("runs"),
    name: str | None = None,
    observers: Sequence[Observer] = (),
    command: Sequence[str] | None = None,
) -> Run:
    """Train a resolved config in a new run folder. ``Run.exit_code`` tells whether a signal stopped it."""
    if (again := make_config(config.to_dict())) != config:
        raise ConfigError(
            "the config cannot be written to a file and read back the same: an option was set to None whose default is "
            f"another value ({again.to_dict()} instead of {config.to_dict()})"
        )
    session = Session(config)
    default = f"{config.variant.replace(':', '-')}-{config.data.dataset.partition(':')[0]}"
    path = new_run_path(out, name, default)
    status = session.train(path, resume=False, observers=[Pictures(), *observers], command=_command(command))
    return Run(path, exit_code=status)


def resume(
    path: str | Path,
    config: RunConfig | None = None,
    *,
    observers: Sequence[Observer] = (),
    command: Sequence[str] | None = None,
) -> Run:
    """Go on with the run in ``path`` from its highest checkpoint that verifies.

    Args:
        path: the run folder.
        config: the run's config with another budget or other intervals; the run's own if None.
        observers: told of everything that happens.
        command: recorded in ``run.json``.

    Raises:
        CheckpointError: there is nothing to resume, or other data or plugins made it.
        ConfigError: ``config`` changes what the weights depend on.
    """
    path = Path(path)
    before = load_config(path)
    config = config or before
    check_resumable(before, config)
    session = Session(config)
    status = session.train(path, resume=True, observers=[Pictures(), *observers], command=_command(command))
    return Run(path, exit_code=status)


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
    file = path / "config.toml"
    if not file.is_file():
        raise CheckpointError(f"{path} is no run folder: it holds no config.toml", fix="give the folder of a run")
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
        request = self.game.request(n, rng, given)
        parts = [
            Batch({name: value[at : at + _CHUNK] for name, value in request.items()}) for at in range(0, n, _CHUNK)
        ]
        chunks = [self.game.generate(self.generator, part, rng).cpu() for part in parts]
        return torch.cat(chunks)

    def metrics(self) -> list[dict[str, float]]:
        """The lines of ``metrics.jsonl``."""
        return read_metrics(self.path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


_CHUNK = 1024


def _sort_settings(variant: str, backbone: str | None, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Put each setting under the part of the config that has an option of its name."""
    spec, _ = find_specs(variant, backbone)
    parts: dict[str, type[Options]] = {"training": TrainingOptions, "data": DataOptions, "options": spec.options}
    known = [name for part in parts.values() for name in part.model_fields]
    found: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for name, value in settings.items():
        owners = [part for part, cls in parts.items() if name in cls.model_fields]
        if not owners:
            raise UnknownNameError.of("setting", name, known, fix=f"see `ganzoo run {variant} --help`")
        found[owners[0]][name] = value
    return found


def _command(command: Sequence[str] | None) -> list[str]:
    return list(sys.argv if command is None else command)
