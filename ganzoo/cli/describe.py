"""Options classes as rows for people to read: flag, default, range, sentence."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as bounds
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ganzoo.validation import nested_model

OptionRow = dict[str, Any]
"""``flag``, ``default``, ``range`` (empty where every value of the type will do) and ``help``."""


def option_rows(options: BaseModel, prefix: str = "") -> Iterator[OptionRow]:
    """A row for each field of ``options``, with its values as defaults; nested fields follow in dotted form.

    Args:
        options: an instance of an options class.
        prefix: what the flags begin with after ``--``, such as ``net.``.
    """
    for name, field in type(options).model_fields.items():
        value = getattr(options, name)
        flag = prefix + name.replace("_", "-")
        if isinstance(value, BaseModel) and nested_model(field):
            yield from option_rows(value, f"{flag}.")
        else:
            yield {"flag": f"--{flag}", "default": value, "range": field_range(field), "help": field.description or ""}


def field_range(field: FieldInfo) -> str:
    """What a field accepts: ``[0, 1)``, ``>= 1``, ``adam | sgd``; empty where its type says all."""
    return _range(Annotated[(field.annotation, *field.metadata)]) if field.metadata else _range(field.annotation)


def _range(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        bare, *marks = get_args(kind)
        return _interval(list(_constraints(marks))) or _range(bare)
    if get_origin(kind) is Literal:
        return " | ".join(map(str, get_args(kind)))
    inner = filter(None, (_range(branch) for branch in get_args(kind) if branch is not type(None)))
    return " | ".join(inner) if get_origin(kind) in (Union, UnionType) else next(inner, "")


def _constraints(marks: list[Any]) -> Iterator[Any]:
    for mark in marks:
        if isinstance(mark, FieldInfo):
            yield from mark.metadata
        else:
            yield mark


def _interval(constraints: list[Any]) -> str:
    """Mathematical notation where both ends are bounded, an inequality where one is."""
    low = next((mark for mark in constraints if isinstance(mark, (bounds.Ge, bounds.Gt))), None)
    high = next((mark for mark in constraints if isinstance(mark, (bounds.Le, bounds.Lt))), None)
    below = (">=", low.ge) if isinstance(low, bounds.Ge) else (">", low.gt) if low else None
    above = ("<=", high.le) if isinstance(high, bounds.Le) else ("<", high.lt) if high else None
    if below and above:
        opening, closing = "[" if below[0] == ">=" else "(", "]" if above[0] == "<=" else ")"
        return f"{opening}{below[1]:g}, {above[1]:g}{closing}"
    return next((f"{sign} {bound:g}" for sign, bound in filter(None, (below, above))), "")
