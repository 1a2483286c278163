"""Command lines from options classes: a flag for each field, with its sentence as help.

tyro reads the words and pydantic judges the values. Between them stands a plain mirror of the options class, so that
every rule of the class, also one about several fields, is reported in one voice and spelled as flags.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ganzoo.errors import ConfigError, ContractError, UnknownNameError, nearest
from ganzoo.validation import Location, fields_along, format_validation_error, nested_model

from .marks import Mark

M = TypeVar("M", bound=BaseModel)

_METAVARS = {int: "INT", float: "FLOAT", str: "STR", Path: "PATH"}


def parse(
    cls: type[M], argv: Sequence[str], *, prog: str, description: str | None = None, default: M | None = None
) -> M:
    """An instance of ``cls`` from the words of a command line.

    Args:
        cls: an options class. Nested options give dotted flags (``--d-optimizer.lr``), and a
            :class:`~ganzoo.cli.marks.Mark` on a field changes how it looks.
        argv: the words after the command.
        prog: how the command is called, for help.
        description: the text above the flags in help; the docstring of ``cls`` if None.
        default: the values of flags that were not given; those of ``cls`` if None.

    Raises:
        UnknownNameError: a flag that there is not; the nearest one is suggested.
        ConfigError: a value out of range or a combination that a rule of ``cls`` forbids.
        SystemExit: help was printed (0), or a value is missing or of another type (2, told on stderr by tyro).
    """
    known = flags(cls)
    if not argv and not any(field.is_required() for field in cls.model_fields.values()):
        return default if default is not None else cls()
    import tyro

    mirror = _mirror(cls)
    words, unknown = tyro.cli(
        mirror,
        args=list(argv),
        prog=prog,
        description=description or cls.__doc__ or "",
        default=_reflect(mirror, default) if default is not None else tyro.MISSING_NONPROP,
        return_unknown_args=True,
    )
    if unknown:
        raise _unknown_argument(unknown, known, prog)
    try:
        return cls.model_validate(dataclasses.asdict(words))
    except ValidationError as error:
        raise format_validation_error(error, cls, spell=flag) from None


def flag(cls: type[BaseModel], location: Location) -> str:
    """The flag of the field at ``location``: ``("options", "n_critic")`` is ``--n-critic`` where options are flat."""
    words = [word for name, field in fields_along(cls, location) if (word := _word(name, field))]
    return f"--{'.'.join(words)}" if words else ""


def flags(cls: type[BaseModel]) -> frozenset[str]:
    """Every flag of ``cls``, with the ``--no-`` form of switches.

    Raises:
        ContractError: two fields have the same flag, as when a variant's option is called like one of the run.
    """
    found: dict[str, Location] = {}
    for location, field in _leaves(cls):
        for name in _spellings(cls, location, field):
            if name in found:
                ours, theirs = (".".join(map(str, place)) for place in (found[name], location))
                raise ContractError(f"{ours} and {theirs} are both called {name}", fix="rename one of them")
            found[name] = location
    return frozenset(found)


def _leaves(cls: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in cls.model_fields.items():
        if inner := nested_model(field):
            yield from _leaves(inner, (*above, name))
        else:
            yield (*above, name), field


def _spellings(cls: type[BaseModel], location: Location, field: FieldInfo) -> Iterator[str]:
    marks = _marks(field)
    if any(mark.positional or mark.hidden for mark in marks):
        return
    name = flag(cls, location)
    yield name
    if field.annotation is bool and not any(mark.one_way for mark in marks):
        *parents, last = name.removeprefix("--").split(".")
        yield "--" + ".".join([*parents, f"no-{last}"])
    for mark in marks:
        yield from mark.aliases


def _marks(field: FieldInfo) -> list[Mark]:
    return [mark for mark in field.metadata if isinstance(mark, Mark)]


def _word(name: str, field: FieldInfo) -> str:
    """What a field adds to its flag: its name with hyphens, or what a mark calls it."""
    given = [mark.name for mark in _marks(field) if mark.name is not None]
    return given[-1] if given else name.replace("_", "-")


@functools.cache
def _mirror(cls: type[BaseModel]) -> type[Any]:
    """The dataclass with the fields of ``cls``, which checks nothing."""
    fields = [(name, _annotation(field), _default(field)) for name, field in cls.model_fields.items()]
    return dataclasses.make_dataclass(cls.__name__, fields, kw_only=True, frozen=True)


def _annotation(field: FieldInfo) -> Any:
    inner = nested_model(field)
    kind: Any = _mirror(inner) if inner else _quick(field.annotation)
    return Annotated[(kind, *_tyro_marks(field, _metavar(kind)))]


def _tyro_marks(field: FieldInfo, metavar: str | None) -> Iterator[Any]:
    """The field's sentence and marks in the words of tyro."""
    from tyro import conf

    yield conf.arg(help=field.description or "", metavar=metavar)
    for mark in _marks(field):
        if mark.name is not None or mark.aliases or mark.metavar is not None:
            yield conf.arg(name=mark.name, aliases=mark.aliases or None, metavar=mark.metavar)
        if mark.positional:
            yield conf.Positional
        if mark.hidden:
            yield conf.Suppress
        if mark.one_way:
            yield conf.FlagCreatePairsOff


def _quick(kind: Any) -> Any:
    """``kind`` in a form that tyro understands without typeguard, whose import would slow every help page.

    Numbers, also in a tuple or beside words, stay the words that they were typed as: pydantic reads them, and what it
    says of one that is none is told as all other errors are.
    """
    if get_origin(kind) is tuple:
        return _words_of_tuple(get_args(kind))
    if metavar := _word_or_number(kind) or _number(kind):
        return _words(1, metavar, _word_or_none, lambda value: [str(value)])
    return Union[get_args(kind)] if isinstance(kind, types.UnionType) else kind  # noqa: UP007


def _words_of_tuple(branches: tuple[Any, ...]) -> Any:
    endless = branches[-1] is Ellipsis
    metavar = " ".join(_METAVARS.get(_bare(branch), "VALUE") for branch in branches if branch is not Ellipsis)
    return _words("*" if endless else len(branches), metavar, tuple, lambda value: [str(part) for part in value])


def _words(
    nargs: int | Literal["*"], metavar: str, read: Callable[[list[str]], Any], show: Callable[[Any], Any]
) -> Any:
    """A kind of value of so many words, which ``read`` takes as they are and ``show`` gives back."""
    from tyro.constructors import PrimitiveConstructorSpec

    spec: PrimitiveConstructorSpec[Any] = PrimitiveConstructorSpec(
        nargs=nargs,
        metavar=metavar,
        instance_from_str=read,
        is_instance=lambda value: True,
        str_from_instance=show,
    )
    return Annotated[object, spec]


def _word_or_number(kind: Any) -> str:
    """``auto|INT`` for a kind of value that is one of some words or else a number; empty for others."""
    branches = _branches(kind)
    words = [str(word) for branch in branches if get_origin(branch) is Literal for word in get_args(branch)]
    others = [_METAVARS.get(branch, "VALUE") for branch in branches if get_origin(branch) is not Literal]
    return "|".join([*words, *others]) if words and others else ""


def _number(kind: Any) -> str:
    """INT or FLOAT for a number, which may be None; empty for others."""
    (first, *others) = _branches(kind)
    return _METAVARS[first] if first in (int, float) and not others else ""


def _word_or_none(words: list[str]) -> str | None:
    return None if words[0] == "None" else words[0]


def _branches(kind: Any) -> list[Any]:
    """What a union holds, without None and with what unions inside of it hold."""
    bare = _bare(kind)
    if get_origin(bare) not in (Union, types.UnionType):
        return [bare]
    return [leaf for branch in get_args(bare) if branch is not type(None) for leaf in _branches(branch)]


def _default(field: FieldInfo) -> Any:
    if field.is_required():
        return dataclasses.field()
    value = field.get_default(call_default_factory=True)
    inner = nested_model(field)
    if inner is None:
        return dataclasses.field(default_factory=lambda: value)
    mirrored = _reflect(_mirror(inner), value)
    return dataclasses.field(default_factory=lambda: mirrored)


def _metavar(kind: Any) -> str | None:
    """INT where tyro would say {None}|INT: that a value may be left out needs no saying."""
    if get_origin(kind) is not Union:
        return None
    given = [branch for branch in get_args(kind) if branch is not type(None)]
    return _METAVARS.get(_bare(given[0])) if len(given) == 1 else None


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _reflect(mirror: type[Any], options: BaseModel) -> Any:
    values = {}
    for field in dataclasses.fields(mirror):
        value = getattr(options, field.name)
        values[field.name] = _reflect(get_args(field.type)[0], value) if isinstance(value, BaseModel) else value
    return mirror(**values)


def _unknown_argument(unknown: Sequence[str], known: Iterable[str], prog: str) -> ConfigError:
    help_line = f"see {prog} --help"
    offender = next((word for word in unknown if word.startswith("-")), None)
    if offender is None:
        return ConfigError(f"unexpected argument {unknown[0]!r}", fix=f"write options as --name value; {help_line}")
    name = offender.partition("=")[0]
    near = nearest(name, known)
    suggestion = f"; did you mean {near}?" if near else ""
    return UnknownNameError(f"unknown option {name}{suggestion}", fix=help_line)
