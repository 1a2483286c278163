"""Find the plugins, load each on its own, and write down what became of it.

Nothing that a plugin does at import or in a hook leaves this module as an exception: it becomes the ``state`` of the
plugin's record, with a reason and a fix, and the other plugins go on as if it were not there.
"""

from __future__ import annotations

import inspect
import os
import reprlib
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from ganzoo.errors import GanzooError, nearest

from . import hooks
from .provenance import CORE, Origin, core_origin, origin_of
from .records import WORDS, PluginRecord, State, mark_conflicts
from .specs import API_VERSION, BackboneSpec, DatasetSpec, ExtractorSpec, MetricSpec, Spec, VariantSpec

DISABLE = "GANZOO_DISABLE_PLUGINS"
"""Environment variable: plugins (entry points or distributions) that are not loaded, joined by commas."""

KINDS: dict[str, type[Spec]] = {
    "ganzoo_variants": VariantSpec,
    "ganzoo_backbones": BackboneSpec,
    "ganzoo_datasets": DatasetSpec,
    "ganzoo_extractors": ExtractorSpec,
    "ganzoo_metrics": MetricSpec,
}
"""What each hook returns a list of."""

BUILTINS = ("ganzoo.data.builtin", "ganzoo.metrics.builtin")
"""The modules of ganzoo itself that are written like plugins."""


class _Fault(Exception):
    """What is wrong with the plugin at hand."""

    def __init__(self, reason: str, *, state: State = "broken", fix: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.state, self.fix = reason, state, fix


def discover() -> tuple[PluginRecord, ...]:
    """A record of each plugin there is: ganzoo's own modules, then the entry points of the group ``ganzoo``."""
    builtins = [_builtin(module) for module in BUILTINS]
    plugins = [_load(point) for point in _distinct(entry_points(group=hooks.ENTRY_POINT_GROUP))]
    return mark_conflicts([*builtins, *plugins])


def _builtin(module: str) -> PluginRecord:
    """A module of ganzoo's own takes the same path, but a fault in it is a bug and no state to live with."""
    point = EntryPoint(module.split(".")[1], module, hooks.ENTRY_POINT_GROUP)
    start = time.perf_counter()
    specs = tuple(_ask(_manager(), point.load()))
    return PluginRecord(name=point.name, origin=core_origin(module), specs=specs, seconds=time.perf_counter() - start)


def _distinct(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    """One of each: a distribution whose metadata is found twice on ``sys.path`` is no rival of itself."""
    found: dict[tuple[str, str, str], EntryPoint] = {}
    for point in points:
        found.setdefault((origin_of(point.dist, "").distribution, point.name, point.value), point)
    return [found[key] for key in sorted(found)]


def _load(point: EntryPoint) -> PluginRecord:
    record = PluginRecord(name=point.name, origin=origin_of(point.dist, point.value))
    if {point.name, record.origin.distribution} & _disabled():
        return replace(record, state="disabled", reason=f"{DISABLE} names it", fix=f"take it out of {DISABLE}")
    start = time.perf_counter()
    try:
        specs = tuple(_ask(_manager(), _import(point)))
        _check(specs, record.origin)
        record = replace(record, specs=specs)
    except _Fault as fault:
        record = replace(record, state=fault.state, reason=fault.reason, fix=fault.fix or _usual_fix(record))
    return replace(record, seconds=time.perf_counter() - start)


def _disabled() -> set[str]:
    return {name.strip() for name in os.environ.get(DISABLE, "").split(",")} - {""}


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hooks.ENTRY_POINT_GROUP)
    manager.add_hookspecs(hooks)
    return manager


def _import(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        raise _fault_of(error, "at import") from error


def _ask(manager: pluggy.PluginManager, plugin: Any) -> Iterator[Spec]:
    """The specs that ``plugin``'s hooks return, each hook called on its own.

    Raises:
        _Fault: a hook that does not exist, has another signature, raises, or returns something else than specs.
    """
    try:
        manager.register(plugin)
    except (Exception, SystemExit) as error:
        raise _fault_of(error, "when its hooks were read") from error
    _check_hook_names(manager, plugin)
    for caller in manager.get_hookcallers(plugin) or ():
        for implementation in caller.get_hookimpls():
            yield from _call(caller.name, implementation.function)


def _check_hook_names(manager: pluggy.PluginManager, plugin: Any) -> None:
    marked = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
    if strange := sorted(marked - KINDS.keys()):
        near = nearest(strange[0], KINDS)
        raise _Fault(f"it implements {strange[0]}, which is no hook" + (f"; did it mean {near}?" if near else ""))
    functions = {name for name, _ in inspect.getmembers(plugin, inspect.isfunction) if name.startswith("ganzoo_")}
    if unmarked := sorted(functions - marked):
        raise _Fault(f"its function {unmarked[0]} is not marked with @hookimpl, so it would never be called")
    if not marked:
        raise _Fault(f"it implements no hook; there are {', '.join(KINDS)}")


def _call(hook: str, function: Any) -> Sequence[Spec]:
    kind = KINDS[hook]
    try:
        specs = function()
    except (Exception, SystemExit) as error:
        raise _fault_of(error, f"in {hook}") from error
    if not isinstance(specs, (list, tuple)):
        raise _Fault(f"{hook} returned {reprlib.repr(specs)}, not a list of {kind.__name__}")
    for spec in specs:
        if not isinstance(spec, kind):
            raise _Fault(f"{hook} returned a list with {reprlib.repr(spec)} in it, which is no {kind.__name__}")
    return specs


def _check(specs: Sequence[Spec], origin: Origin) -> None:
    for i, spec in enumerate(specs):
        word = f"{WORDS[type(spec)]} {spec.name!r}"
        if any(type(spec) is type(other) and spec.name == other.name for other in specs[:i]):
            raise _Fault(f"it supplies {word} twice")
        if spec.api_version != API_VERSION:
            newer = isinstance(spec.api_version, int) and spec.api_version > API_VERSION
            raise _Fault(
                f"{word} is written for plugin API {spec.api_version!r}, and this ganzoo has {API_VERSION}",
                state="incompatible",
                fix=f"pip install --upgrade {CORE if newer else origin.distribution}",
            )


def _fault_of(error: BaseException, when: str) -> _Fault:
    """The fault that an exception in a plugin amounts to, with the line that raised it."""
    if isinstance(error, GanzooError):
        return _Fault(f"{error.problem} ({when})", fix=error.fix)
    if isinstance(error, SystemExit):
        what = f"it ends the process with sys.exit({error.code!r})"
    else:
        # Unlike str(), this survives an exception whose own __str__ raises.
        what = " ".join(f"it raises {traceback.format_exception_only(error)[-1]}".split())
    return _Fault(f"{what} ({when}{_line_of(error)})")


def _line_of(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f", {error.filename} line {error.lineno}"
    machinery = (__file__, "<frozen", os.path.dirname(inspect.getfile(EntryPoint)), os.path.dirname(pluggy.__file__))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(machinery) and "importlib" not in Path(frame.filename).parts:
            return f", {frame.filename} line {frame.lineno}"
    return ""


def _usual_fix(record: PluginRecord) -> str:
    name = record.origin.distribution
    return f"pip install --upgrade {name}, or pip uninstall {name}, or set {DISABLE}={record.name}"
