"""Find the plugins, load each on its own, and write down what became of it.

Nothing that a plugin does at import or in a hook leaves this module as an exception, or as a crash: it becomes the
``state`` of the plugin's record, with a reason and a fix, and the other plugins go on as if it were not there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from . import hooks
from .loading import Fault, load_specs
from .provenance import CORE, core_origin, origin_of
from .records import PluginRecord, mark_conflicts
from .settings import DISABLE, refusal
from .verdicts import Verdict
from .vetting import Plugin, check, vet

BUILTINS = ("ganzoo.data.builtin", "ganzoo.metrics.builtin")
"""The modules of ganzoo itself that are written like plugins."""


def discover() -> tuple[PluginRecord, ...]:
    """A record of each plugin there is: ganzoo's own modules, then the entry points of the group ``ganzoo``."""
    plugins = _plugins()
    wanted = [plugin for plugin in plugins if refusal(plugin) is None]
    return _records(plugins, dict(zip(wanted, vet(wanted), strict=True)))


def discover_strictly(limit: float) -> tuple[PluginRecord, ...]:
    """The same records after every plugin was loaded afresh in a process of its own, with the builders of its specs.

    Args:
        limit: seconds for each plugin.
    """
    plugins = _plugins()
    wanted = [plugin for plugin in plugins if refusal(plugin) is None]
    verdicts = dict(zip(wanted, check(wanted, limit), strict=True))
    records = _records(plugins, {plugin: load for plugin, (load, _) in verdicts.items()})
    whole = {(plugin.name, plugin.origin): verdict for plugin, (_, verdict) in verdicts.items()}
    return tuple(_judged(record, whole.get((record.name, record.origin))) for record in records)


def _plugins() -> list[Plugin]:
    """One of each: a distribution whose metadata is found twice on ``sys.path`` is no rival of itself."""
    found: dict[tuple[str, str, str], Plugin] = {}
    for point in entry_points(group=hooks.ENTRY_POINT_GROUP):
        origin = origin_of(point.dist, point.value)
        found.setdefault((origin.distribution, point.name, point.value), Plugin(point.name, origin, point))
    return [found[key] for key in sorted(found)]


def _records(plugins: Iterable[Plugin], verdicts: dict[Plugin, Verdict]) -> tuple[PluginRecord, ...]:
    builtins = [_builtin(module) for module in BUILTINS]
    return mark_conflicts([*builtins, *(_load(plugin, verdicts.get(plugin, Verdict())) for plugin in plugins)])


def _builtin(module: str) -> PluginRecord:
    """A module of ganzoo's own takes the same path, but a fault in it is a bug and no state to live with."""
    point = EntryPoint(module.split(".")[1], module, hooks.ENTRY_POINT_GROUP)
    start = time.perf_counter()
    specs = load_specs(point, CORE)
    return PluginRecord(name=point.name, origin=core_origin(module), specs=specs, seconds=time.perf_counter() - start)


def _load(plugin: Plugin, verdict: Verdict) -> PluginRecord:
    """What becomes of ``plugin``, which is loaded here only if it did well where it was vetted."""
    record = PluginRecord(name=plugin.name, origin=plugin.origin)
    if refused := refusal(plugin):
        return replace(record, state="disabled", reason=refused.reason, fix=refused.fix)
    if verdict.state != "ok":
        return _judged(record, verdict)
    start = time.perf_counter()
    try:
        record = replace(record, specs=load_specs(plugin.point, plugin.origin.distribution), notes=verdict.notes)
    except Fault as fault:
        record = replace(record, state=fault.state, reason=fault.reason, fix=fault.fix or _usual_fix(record))
    return replace(record, seconds=time.perf_counter() - start)


def _judged(record: PluginRecord, verdict: Verdict | None) -> PluginRecord:
    """``record`` with what the verdict adds to it."""
    if verdict is None:
        return record
    notes = (*verdict.notes, *(note for note in record.notes if note not in verdict.notes))
    record = replace(record, notes=notes, seconds=verdict.seconds or record.seconds)
    if verdict.state == "ok":
        return record
    return replace(record, state=verdict.state, reason=verdict.reason, fix=verdict.fix or _usual_fix(record))


def _usual_fix(record: PluginRecord) -> str:
    name = record.origin.distribution
    return f"pip install --upgrade {name}, or pip uninstall {name}, or set {DISABLE}={record.name}"
