"""Observers that plugins supply, by their names."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.errors import ContractError
from ganzoo.registry import blame, load_builder, registry

from .base import Guarded, Observer


def make_observers(names: Iterable[str]) -> list[Observer]:
    """A new observer for each of ``names``.

    Raises:
        UnknownNameError: no plugin supplies one of that name.
        PluginError: a plugin that cannot be used, or whose builder fails.
        ContractError: a builder that returns something else than an observer.
    """
    return [_make(name) for name in names]


def _make(name: str) -> Observer:
    entry = registry().observer(name)
    builder = load_builder(entry.spec)
    with blame(entry):
        observer = builder()
    if not isinstance(observer, Observer):
        raise ContractError(
            f"{entry.spec.builder} returned {type(observer).__name__}, not an Observer",
            fix="derive it from ganzoo.training.observers.Observer",
        )
    return Guarded([observer])
