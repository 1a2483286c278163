"""The program that vets one plugin in a process of its own, and reports each stage as a line of JSON.

``start`` tells that ganzoo itself came up, ``load`` what became of the plugin, ``builder`` which builder is imported
next and ``builders`` what became of them all. A stage that is missing is where the process ended.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint
from typing import Any, TypedDict

from ganzoo.errors import GanzooError, MissingExtraError

from .deprecation import GanzooDeprecationWarning
from .effects import Watch
from .hooks import ENTRY_POINT_GROUP
from .loading import Fault, load_specs
from .lookup import load_builder
from .specs import Spec

Report = Callable[..., None]


class Job(TypedDict):
    """What the process is told, as JSON.

    Attributes:
        path: ``sys.path`` of the process that asks.
        name: of the entry point.
        value: its module.
        distribution: that it belongs to.
        builders: whether to import the builders of its specs too, which takes torch.
        dump_after: seconds after which the process writes to stderr where it stands.
    """

    path: list[str]
    name: str
    value: str
    distribution: str
    builders: bool
    dump_after: float


def main(job: Job) -> None:
    """Load the plugin of ``job`` and report; what the plugin prints goes to stderr."""
    sys.argv = ["ganzoo"]
    report = _reporter()
    faulthandler.enable()
    faulthandler.dump_traceback_later(job["dump_after"])
    report("start")
    with warnings.catch_warnings(record=True) as caught, Watch() as watch:
        warnings.simplefilter("always", GanzooDeprecationWarning)
        specs = _load(job, watch, caught, report)
        if job["builders"] and specs:
            importlib.import_module("torch")
            watch.renew()
            _import_builders(specs, watch, report)
    faulthandler.cancel_dump_traceback_later()


def _reporter() -> Report:
    """Reports on what was stdout, which from here on belongs to nobody else: not the plugin, not its processes."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def report(stage: str, **facts: Any) -> None:
        print(json.dumps({"stage": stage, **facts}), file=channel, flush=True)

    return report


def _load(job: Job, watch: Watch, caught: Sequence[Any], report: Report) -> Sequence[Spec]:
    point = EntryPoint(job["name"], job["value"], ENTRY_POINT_GROUP)
    start = time.perf_counter()
    specs: Sequence[Spec] = ()
    facts: dict[str, Any] = {}
    try:
        specs = load_specs(point, job["distribution"])
    except Fault as fault:
        facts = {"state": fault.state, "reason": fault.reason, "fix": fault.fix}
    facts["seconds"] = time.perf_counter() - start
    if not facts.get("reason") and (misdeeds := _misdeeds(watch)):
        facts |= {"state": "broken", "reason": " and ".join(misdeeds)}
    notes = {str(each.message) for each in caught if issubclass(each.category, GanzooDeprecationWarning)}
    report("load", notes=sorted(notes), **facts)
    return () if facts.get("reason") else specs


def _misdeeds(watch: Watch) -> list[str]:
    torch = "torch" in sys.modules
    where = f" ({watch.torch_line})" if watch.torch_line else ""
    brings = [f"it imports torch at the top{where}, which only its builders may do"] if torch else []
    return [*watch.changes(), *brings]


def _import_builders(specs: Sequence[Spec], watch: Watch, report: Report) -> None:
    faults, fixes, notes = [], [], []
    for spec in specs:
        report("builder", builder=spec.builder)
        try:
            load_builder(spec)
        except MissingExtraError as error:  # nothing is wrong with the plugin
            notes.append(" ".join(str(error).split()))
        except GanzooError as error:
            faults.append(error.problem)
            fixes.append(error.fix)
    faults += [f"{clause} when its builders are imported" for clause in watch.changes()]
    report("builders", reason=" and ".join(faults) or None, fix=next(iter(fixes), None), notes=notes)
