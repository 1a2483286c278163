"""Turn what pydantic says about an options class into one error that names key, value, and what is allowed.

TOML keys and command-line flags differ in their spelling alone, so both go through here. Free of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from .errors import ConfigError, nearest

Location = Sequence[int | str]
"""Where pydantic found the problem: field names, with a tuple's indices and a union's branches among them."""


def format_validation_error(
    error: ValidationError,
    model: type[BaseModel],
    *,
    spell: Callable[[type[BaseModel], Location], str] | None = None,
    source: str | None = None,
) -> ConfigError:
    """The ConfigError that says what ``error`` says, in one line for each key.

    Args:
        error: what validating ``model`` raised.
        model: the class that was validated; it knows the keys, and hence the one nearest to an unknown one.
        spell: how the user writes the field at a location; joined by dots, as in TOML, if None.
        source: what the values were read from, usually a file; begins each line.
    """
    where = f"{source}: " if source else ""
    lines = [_describe(problem, model, spell or dotted) for problem in error.errors(include_url=False)]
    return ConfigError("\n".join(where + line for line in lines))


def dotted(model: type[BaseModel], location: Location) -> str:
    """The spelling of a TOML file: ``("options", "d_optimizer", "betas", 0)`` is ``options.d_optimizer.betas``."""
    return ".".join(name for name, _ in fields_along(model, location))


def fields_along(model: type[BaseModel], location: Location) -> Iterator[tuple[str, FieldInfo]]:
    """The fields that ``location`` passes on its way down from ``model``."""
    owner: type[BaseModel] | None = model
    for part in location:
        if owner and isinstance(part, str) and (field := owner.model_fields.get(part)):
            yield part, field
            owner = nested_model(field) or _optional_model(field)


def nested_model(field: FieldInfo) -> type[BaseModel] | None:
    """The options class that ``field`` holds, None where it holds a plain value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _optional_model(field: FieldInfo) -> type[BaseModel] | None:
    """The options class that ``field`` holds where it may also hold None."""
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 and isinstance(kinds[0], type) and issubclass(kinds[0], BaseModel) else None


def _describe(problem: Mapping[str, Any], model: type[BaseModel], spell: Callable[..., str]) -> str:
    location: Location = problem["loc"]
    if problem["type"] == "extra_forbidden":
        return _describe_unknown(location, model)
    name = spell(model, location)
    message: str = problem["msg"].removeprefix("Value error, ")
    if not name:  # a rule about several fields at once speaks for itself
        return message
    if problem["type"] in ("value_error", "missing"):
        return f"{name}: {message}"
    return f"{name}: {message[0].lower()}{message[1:]} (got {problem['input']!r})"


def _describe_unknown(location: Location, model: type[BaseModel]) -> str:
    for _, field in fields_along(model, location[:-1]):
        model = nested_model(field) or _optional_model(field) or model
    key = ".".join(map(str, location))
    near = nearest(str(location[-1]), model.model_fields)
    hint = f"did you mean {near!r}?" if near else f"known are {', '.join(model.model_fields)}"
    return f"unknown key {key!r}; {hint}"
