"""Start runs, and go on with them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganzoo.config import (
    RunConfig,
    TrainingOptions,
    check_evaluations,
    check_option_names,
    check_resumable,
    find_entries,
    make_config,
)
from ganzoo.data import DataOptions
from ganzoo.errors import ConfigError, UnknownNameError
from ganzoo.options import Options
from ganzoo.report.observer import Pictures
from ganzoo.training.observers import Observer
from ganzoo.training.run_folder import new_run_path
from ganzoo.training.session import Session

from .runs import Run, load_config


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
        observers: told of everything that happens; what one raises ends the run.
        settings: any option of the run, the data, or the variant, by its name: ``steps``, ``batch_size``,
            ``image_size``, ``n_critic``.

    Raises:
        ConfigError: a name, a value or a combination that does not fit; nothing was written.
        ContractError: an option of the variant is called like one of every run.
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
    check_evaluations(config)
    session = Session(config)
    default = f"{config.variant.replace(':', '-')}-{config.data.dataset.partition(':')[0]}"
    with new_run_path(out, name, default) as path:
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
        config: the run's config with another budget, other intervals, or another place of the data; its own if None.
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


def _sort_settings(variant: str, backbone: str | None, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Put each setting under the part of the config that has an option of its name."""
    entry, _ = find_entries(variant, backbone)
    check_option_names(entry)
    own = entry.spec.options
    parts: dict[str, type[Options]] = {"training": TrainingOptions, "data": DataOptions, "options": own}
    known = [name for part in parts.values() for name in part.model_fields]
    found: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for name, value in settings.items():
        owner = next((part for part, cls in parts.items() if name in cls.model_fields), None)
        if owner is None:
            raise UnknownNameError.of("setting", name, known, fix=f"see `ganzoo run {variant} --help`")
        found[owner][name] = value
    return found


def _command(command: Sequence[str] | None) -> list[str]:
    return list(sys.argv if command is None else command)
