"""The exported module of a run (usually the generator) as a folder of its own, usable without the rest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from ganzoo.config import RunConfig, make_config, read_config
from ganzoo.data import DataInfo
from ganzoo.durable import to_json
from ganzoo.errors import CheckpointError, ConfigError

from .checkpoint import (
    checkpoints,
    encode_tensors,
    latest_checkpoint,
    load_tensors,
    read_json,
    standing,
    step_of,
    verify_folder,
    write_folder,
)

_WEIGHTS, _DESCRIPTION = "weights.safetensors", "generator.json"


class Exported(NamedTuple):
    """An exported module as it lies on the disk.

    Attributes:
        config: the config of the run it comes from.
        data: shape and labels of what it was trained on.
        step: iterations after which it was saved.
        weights: its state by name.
        evaluation: what an evaluation found of it, if there was one.
    """

    config: RunConfig
    data: DataInfo
    step: int
    weights: dict[str, Tensor]
    evaluation: dict[str, Any] | None = None


def write_exported(folder: Path, exported: Exported) -> None:
    """Write ``folder``, whole or not at all."""
    description = {"config": exported.config.to_dict(), "data": asdict(exported.data), "step": exported.step}
    if exported.evaluation is not None:
        description["evaluation"] = exported.evaluation
    write_folder(folder, {_WEIGHTS: encode_tensors(exported.weights), _DESCRIPTION: to_json(description)})


def read_exported(path: Path, step: int | None = None) -> Exported:
    """Read the exported module of a run folder, or of a ``generator`` folder that was taken out of one.

    Args:
        path: the folder.
        step: the checkpoint to read; the last state if None.

    Raises:
        CheckpointError: ``path`` is neither, a file in it is damaged, or there is no checkpoint of that step.
    """
    path = standing(path)
    if (path / _DESCRIPTION).is_file():
        if step is not None:
            raise CheckpointError(f"{path} holds one state alone, so --step {step} has nothing to choose from")
        return _read_folder(path)
    if not (path / "config.toml").is_file():
        raise CheckpointError(
            f"{path} is no run: it holds neither config.toml nor {_DESCRIPTION}",
            fix="give the folder that `ganzoo run` named, or the generator folder inside it",
        )
    newest = checkpoints(path / "checkpoints")[:1]
    generator = standing(path / "generator")
    if step is None and (generator / _DESCRIPTION).is_file():
        exported = _read_folder(generator)
        # A run that was resumed and then killed has checkpoints beyond the last export.
        if not newest or step_of(newest[0]) <= exported.step:
            return exported
    return _read_checkpoint(path, step)


def data_info(value: Any) -> DataInfo:
    """A DataInfo from JSON.

    Raises:
        CheckpointError: it describes no data.
    """
    try:
        return DataInfo(
            name=str(value["name"]),
            channels=int(value["channels"]),
            height=int(value["height"]),
            width=int(value["width"]),
            classes=tuple(str(name) for name in value["classes"]),
            sizes=tuple((str(split), int(size)) for split, size in value["sizes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the description of the data is damaged: {error!r}") from None


def _read_folder(path: Path) -> Exported:
    try:
        return _read_whole(path)
    except CheckpointError as error:
        run = path.parent
        anew = f", or write it anew: ganzoo run --resume {run}" if (run / "config.toml").is_file() else ""
        fix = error.fix or f"copy the folder again from where it is whole{anew}"
        raise CheckpointError(error.problem, choices=error.choices, fix=fix) from None


def _read_whole(path: Path) -> Exported:
    verify_folder(path)
    description = read_json(path / _DESCRIPTION)
    config = _config(description.get("config"), path / _DESCRIPTION)
    step, evaluation = description.get("step"), description.get("evaluation")
    if not isinstance(step, int):
        raise CheckpointError(f"{path / _DESCRIPTION} names no step")
    return Exported(config, data_info(description.get("data")), step, load_tensors(path / _WEIGHTS), evaluation)


def _read_checkpoint(path: Path, step: int | None) -> Exported:
    config = _config(read_config(path / "config.toml"), path / "config.toml")
    root = path / "checkpoints"
    if step is None:
        folder, _ = latest_checkpoint(root)
    else:
        by_step = {step_of(folder): folder for folder in checkpoints(root)}
        if step not in by_step:
            raise CheckpointError(f"there is no checkpoint of step {step} in {path}", choices=map(str, sorted(by_step)))
        folder = by_step[step]
        verify_folder(folder)
    data = data_info(read_json(path / "run.json").get("data"))
    return Exported(config, data, step_of(folder), load_tensors(folder / "exported.safetensors"))


def _config(raw: Any, source: Path) -> RunConfig:
    if not isinstance(raw, dict):
        raise CheckpointError(f"{source} holds no config")
    try:
        return make_config(raw, source=str(source))
    except ConfigError as error:
        raise CheckpointError(error.problem, choices=error.choices, fix=error.fix) from None
