"""Load one plugin: import its module, ask its hooks, judge its specs. What is wrong with it becomes a :class:`Fault`.

The same steps are taken in the process that uses the plugin and in the one that vets it.
"""

from __future__ import annotations

import inspect
import os
import reprlib
import traceback
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pluggy

from ganzoo.errors import GanzooError, nearest

from . import hooks
from .deprecation import warn_deprecated
from .provenance import CORE
from .records import WORDS, State
from .specs import API_VERSION, BackboneSpec, DatasetSpec, ExtractorSpec, MetricSpec, ObserverSpec, Spec, VariantSpec

KINDS: dict[str, type[Spec]] = {
    "ganzoo_variants": VariantSpec,
    "ganzoo_backbones": BackboneSpec,
    "ganzoo_datasets": DatasetSpec,
    "ganzoo_extractors": ExtractorSpec,
    "ganzoo_metrics": MetricSpec,
    "ganzoo_observers": ObserverSpec,
}
"""What each hook returns a list of."""

RENAMED_HOOKS: dict[str, str] = {}
"""Hooks by the name that they had before, each with its name of today: called as it, with a deprecation warning."""


class Fault(Exception):
    """What is wrong with the plugin at hand.

    Args:
        reason: a clause that says it, about "it".
        state: of the plugin's record.
        fix: what to do about it, if that is something else than to upgrade or to uninstall the plugin.
    """

    def __init__(self, reason: str, *, state: State = "broken", fix: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.state, self.fix = reason, state, fix


def load_specs(point: EntryPoint, distribution: str) -> tuple[Spec, ...]:
    """What the plugin behind ``point`` supplies.

    Args:
        point: the entry point that names the plugin's module.
        distribution: the distribution that it belongs to, for messages.

    Raises:
        Fault: anything that the plugin did wrong. An interrupt passes through, and what ends the process does.
    """
    try:
        plugin = point.load()
    except (Exception, SystemExit) as error:
        raise fault_of(error, "at import") from error
    specs = tuple(_ask(plugin))
    _check(specs, distribution)
    return specs


def fault_of(error: BaseException, when: str) -> Fault:
    """The fault that an exception in a plugin amounts to, with the line that raised it."""
    if isinstance(error, GanzooError):
        return Fault(f"{error.problem} ({when})", fix=error.fix)
    if isinstance(error, SystemExit):
        what = f"it ends the process with sys.exit({error.code!r})"
    else:
        # Unlike str(), this survives an exception whose own __str__ raises.
        what = " ".join(f"it raises {traceback.format_exception_only(error)[-1]}".split())
    return Fault(f"{what} ({when}{_line_of(error)})")


def in_machinery(file: str) -> bool:
    """Whether a frame's ``file`` belongs to what loads plugins, and not to a plugin."""
    tools = (inspect.getfile(EntryPoint), pluggy.__file__, __file__)
    return file.startswith(("<frozen", *(os.path.dirname(tool) for tool in tools))) or "importlib" in Path(file).parts


def _ask(plugin: Any) -> Iterator[Spec]:
    """The specs that ``plugin``'s hooks return, each hook called on its own.

    Raises:
        Fault: a hook that does not exist, has another signature, raises, or returns something else than specs.
    """
    manager = pluggy.PluginManager(hooks.ENTRY_POINT_GROUP)
    manager.add_hookspecs(hooks)
    try:
        manager.register(plugin)
    except (Exception, SystemExit) as error:
        raise fault_of(error, "when its hooks were read") from error
    _check_hook_names(manager, plugin)
    for caller in manager.get_hookcallers(plugin) or ():
        for implementation in caller.get_hookimpls():
            yield from _call(caller.name, implementation.function)


def _check_hook_names(manager: pluggy.PluginManager, plugin: Any) -> None:
    marked = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
    if strange := sorted(marked - KINDS.keys() - RENAMED_HOOKS.keys()):
        near = nearest(strange[0], KINDS)
        raise Fault(f"it implements {strange[0]}, which is no hook" + (f"; did it mean {near}?" if near else ""))
    functions = {name for name, _ in inspect.getmembers(plugin, inspect.isfunction) if name.startswith("ganzoo_")}
    if unmarked := sorted(functions - marked):
        raise Fault(f"its function {unmarked[0]} is not marked with @hookimpl, so it would never be called")
    if not marked:
        raise Fault(f"it implements no hook; there are {', '.join(KINDS)}")


def _call(hook: str, function: Any) -> Sequence[Spec]:
    if hook in RENAMED_HOOKS:
        warn_deprecated(f"the hook {hook}", RENAMED_HOOKS[hook])
    kind = KINDS[RENAMED_HOOKS.get(hook, hook)]
    try:
        specs = function()
    except (Exception, SystemExit) as error:
        raise fault_of(error, f"in {hook}") from error
    if not isinstance(specs, (list, tuple)):
        raise Fault(f"{hook} returned {reprlib.repr(specs)}, not a list of {kind.__name__}")
    for spec in specs:
        if not isinstance(spec, kind):
            raise Fault(f"{hook} returned a list with {reprlib.repr(spec)} in it, which is no {kind.__name__}")
    return specs


def _check(specs: Sequence[Spec], distribution: str) -> None:
    for i, spec in enumerate(specs):
        word = f"{WORDS[type(spec)]} {spec.name!r}"
        if any(type(spec) is type(other) and spec.name == other.name for other in specs[:i]):
            raise Fault(f"it supplies {word} twice")
        if spec.api_version != API_VERSION:
            newer = isinstance(spec.api_version, int) and spec.api_version > API_VERSION
            raise Fault(
                f"{word} is written for plugin API {spec.api_version!r}, and this ganzoo has {API_VERSION}",
                state="incompatible",
                fix=f"pip install --upgrade {CORE if newer else distribution}",
            )


def _line_of(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f", {error.filename} line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not in_machinery(frame.filename):
            return f", {frame.filename} line {frame.lineno}"
    return ""
