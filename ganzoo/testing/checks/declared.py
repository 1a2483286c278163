"""What a plugin declares: read without torch, explained, bounded, and written to a file and back."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import annotated_types as bounds
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ganzoo.config import check_option_names, make_config, overlay
from ganzoo.errors import ConfigError, ContractError
from ganzoo.registry import registry
from ganzoo.testing.lab import Lab
from ganzoo.testing.places import line, of_object
from ganzoo.testing.report import FaultError
from ganzoo.validation import nested_model

_SECONDS = 120
_WITHOUT_TORCH = """
import importlib, json, sys, traceback

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch was asked for")

sys.path[:] = json.loads(sys.argv[1])
sys.meta_path.insert(0, Refuse())
try:
    for module in json.loads(sys.argv[2]):
        importlib.import_module(module)
    from ganzoo.config import make_config
    make_config(json.loads(sys.argv[3]))
except BaseException as error:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    print(json.dumps([f"{type(error).__name__}: {error}", [[frame.filename, frame.lineno] for frame in frames]]))
"""


def imports(lab: Lab) -> None:
    """Import the plugin's module and make the config in a process in which torch cannot be imported."""
    config = lab.spec_config
    entries = [registry().variant(config.variant)] + ([registry().backbone(config.backbone)] if config.backbone else [])
    modules = [entry.origin.module for entry in entries]
    raw = {"variant": config.variant} | ({"backbone": config.backbone} if config.backbone else {})
    words = [sys.executable, "-c", _WITHOUT_TORCH, *map(json.dumps, (sys.path, modules, raw))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if not done.stdout and done.returncode == 0:
        return
    if not done.stdout:
        raise FaultError(f"importing {', '.join(modules)} without torch ends the process: {done.stderr[-300:]}")
    problem, frames = json.loads(done.stdout.splitlines()[-1])
    own = [frame for frame in frames[1:] if not _cores(frame[0])]  # the first is the code above
    raise FaultError(
        f"importing {', '.join(modules)} without torch raises {problem}",
        where=line(*own[-1]) if own else "",
        fix="import torch in the builder's module, which the spec names as a string",
    )


def _cores(path: str) -> bool:
    import ganzoo

    return path.startswith(str(ganzoo.__path__[0]))


def options(lab: Lab) -> None:
    """Look at each option's name and sentence, write the config to TOML and read it back, and go beyond each bound."""
    config = lab.spec_config
    _check_names(lab)
    for section, part in (("options", config.options), ("net", config.net)):
        _check_explained(type(part), section)
    _check_round_trip(lab)
    raw = config.to_dict()
    for section, part in (("options", config.options), ("net", config.net)):
        for path, field in _fields(type(part), (section,)):
            for value in _beyond(field):
                _check_refused(raw, path, value, type(part))
        _check_refused(raw, (section, "no_such_option"), 1, type(part))


def _check_names(lab: Lab) -> None:
    config = lab.spec_config
    try:
        check_option_names(registry().variant(config.variant))
    except ContractError as error:
        raise FaultError(error.problem, where=of_object(type(config.options)), fix=error.fix or "") from error


def _check_explained(cls: type[BaseModel], section: str) -> None:
    for path, field in _fields(cls, (section,)):
        if not (field.description or "").strip():
            raise FaultError(
                f"option {'.'.join(path)} has no description",
                where=of_object(cls),
                fix='write a sentence in """ """ under the field; it is the --help text',
            )


def _check_round_trip(lab: Lab) -> None:
    config, cls = lab.spec_config, type(lab.spec_config.options)
    try:
        text = config.to_toml()
        again = make_config(tomllib.loads(text))
    except Exception as error:
        raise FaultError(
            f"the config cannot be written to TOML and read back: {type(error).__name__}: {error}",
            where=of_object(cls),
            fix="let every option be a number, a word, a switch, a tuple of them, or an Options class",
        ) from error
    if again != config:
        ours, theirs = config.to_dict(), again.to_dict()
        changed = [f"{section}.{key}" for section in ("options", "net", "training", "data") for key in
                   ours[section].keys() | theirs[section].keys()
                   if ours[section].get(key) != theirs[section].get(key)]  # fmt: skip
        raise FaultError(
            f"read back from TOML the config differs in {', '.join(sorted(changed))}",
            where=of_object(cls),
            fix="let validators leave alone what they made before, and give None to no option with another default",
        )


def _check_refused(raw: dict[str, Any], path: tuple[str, ...], value: Any, cls: type[BaseModel]) -> None:
    wrong: dict[str, Any] = {path[-1]: value}
    for name in reversed(path[:-1]):
        wrong = {name: wrong}
    try:
        make_config(overlay(raw, wrong))
    except ConfigError:
        return
    raise FaultError(
        f"{'.'.join(path)} = {value!r} is taken, and should be refused",
        where=of_object(cls),
        fix="keep extra='forbid' and the bounds of the field's type; a validator in mode 'before' goes round them",
    )


def _fields(cls: type[BaseModel], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in cls.model_fields.items():
        if inner := nested_model(field):
            yield from _fields(inner, (*above, name))
        else:
            yield (*above, name), field


def _beyond(field: FieldInfo) -> Iterator[float]:
    """Values just outside the bounds of a number."""
    kind = field.annotation
    marks = list(field.metadata)
    if get_origin(kind) is Annotated:
        kind, *inner = get_args(kind)
        marks += inner
    if kind not in (int, float):
        return
    for mark in marks:
        if isinstance(mark, FieldInfo):
            marks += mark.metadata
        elif isinstance(mark, bounds.Ge):
            yield float(mark.ge) - 1 if kind is float else int(mark.ge) - 1  # type: ignore[arg-type, call-overload]
        elif isinstance(mark, bounds.Gt):
            yield mark.gt  # type: ignore[misc]
        elif isinstance(mark, bounds.Le):
            yield float(mark.le) + 1 if kind is float else int(mark.le) + 1  # type: ignore[arg-type, call-overload]
        elif isinstance(mark, bounds.Lt):
            yield mark.lt  # type: ignore[misc]
