"""Observers that plugins supply, by their names."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.errors import ContractError
from ganzoo.registry import load_builder, registry

from .base import Observer


def make_observers(names: Iterable[str]) -> list[Observer]:
    """A new observer for each of ``names``.

    Raises:
        UnknownNameError: no plugin supplies one of that name.
        PluginError: a plugin that cannot be used.
        ContractError: a builder that returns something else than an observer.
    """
    return [_make(name) for name in names]


def _make(name: str) -> Observer:
    spec = registry().observer(name).spec
    observer = load_builder(spec)()
    if not isinstance(observer, Observer):
        raise ContractError(
            f"{spec.builder} returned {type(observer).__name__}, not an Observer",
            fix="derive it from ganzoo.training.observers.Observer",
        )
    return observer
