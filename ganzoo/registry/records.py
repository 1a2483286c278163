"""What became of each plugin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from .provenance import CORE, Origin
from .settings import PREFER, preferred
from .specs import BackboneSpec, DatasetSpec, ExtractorSpec, MetricSpec, ObserverSpec, Spec, VariantSpec

WORDS: dict[type[Spec], str] = {
    VariantSpec: "variant",
    BackboneSpec: "backbone",
    DatasetSpec: "data set",
    ExtractorSpec: "feature extractor",
    MetricSpec: "metric",
    ObserverSpec: "observer",
}
"""What a spec of each class is called in messages."""

State = Literal["ok", "broken", "incompatible", "conflict", "disabled"]


@dataclass(frozen=True, kw_only=True)
class PluginRecord:
    """What became of a plugin.

    Attributes:
        name: of its entry point.
        origin: distribution, version and module.
        state: ``ok``; ``broken`` (it raised, exited, hung, crashed, returned what no hook returns, or touched what it
            shares with all others); ``incompatible`` (written for another version of the plugin contract);
            ``conflict`` (it claims a name that another distribution claims too); ``disabled`` (by
            ``GANZOO_DISABLE_PLUGINS`` or ``GANZOO_PLUGINS``).
        seconds: how long importing it and asking its hooks took.
        specs: what it supplies; empty if it could not be loaded.
        reason: why the state is not ``ok``.
        fix: what to do about it.
        notes: what is worth knowing and no fault: deprecated spellings, a name that gives way to another's.
    """

    name: str
    origin: Origin
    state: State = "ok"
    seconds: float = 0.0
    specs: tuple[Spec, ...] = ()
    reason: str | None = None
    fix: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def faulty(self) -> bool:
        """Whether something is wrong with it that somebody should mend."""
        return self.state not in ("ok", "disabled")

    def describe(self) -> str:
        """One line: plugin, distribution, version, state and reason."""
        state = "in conflict" if self.state == "conflict" else self.state
        return f"plugin {self.name} ({self.origin}) is {state}: {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        return {
            "name": self.name,
            **self.origin.as_dict(),
            "state": self.state,
            "seconds": round(self.seconds, 4),
            "supplies": [{"kind": WORDS[type(spec)], "name": spec.name} for spec in self.specs],
            "reason": self.reason,
            "fix": self.fix,
            "notes": list(self.notes),
        }


def mark_conflicts(records: Sequence[PluginRecord]) -> tuple[PluginRecord, ...]:
    """The same records, with those in conflict marked."""
    return tuple(_mark(record, [other for other in records if other is not record]) for record in records)


def _mark(record: PluginRecord, others: Sequence[PluginRecord]) -> PluginRecord:
    """``record`` in conflict if one of ``others`` claims a name of its and nothing says whose it is.

    A name of ganzoo's own stays ganzoo's, and of those that claim another one a preferred distribution has it.
    """
    if record.origin.distribution == CORE:
        return record
    own = record.origin.distribution
    for spec in record.specs:
        rivals = [other for other in others if _supplies(other, spec)]
        winner = preferred({own, *(rival.origin.distribution for rival in rivals)})
        core = next((rival for rival in rivals if rival.origin.distribution == CORE), None)
        if winner and not core and rivals:
            what = f"{WORDS[type(spec)]} {spec.name!r}"
            note = f"its {what} gives way to {winner}'s, as {PREFER} says; {own}:{spec.name} means this one"
            record = record if winner == own else replace(record, notes=(*record.notes, note))
        elif rivals:
            return _in_conflict(record, spec, core or rivals[0])
    return record


def _supplies(record: PluginRecord, spec: Spec) -> bool:
    return any(type(spec) is type(theirs) and spec.name == theirs.name for theirs in record.specs)


def _in_conflict(record: PluginRecord, spec: Spec, rival: PluginRecord) -> PluginRecord:
    own = record.origin.distribution
    prefer = "" if rival.origin.distribution == CORE else f"set {PREFER}={own} to have it win, "
    return replace(
        record,
        state="conflict",
        reason=f"{WORDS[type(spec)]} {spec.name!r} is claimed by {rival.origin} too",
        fix=f"write {own}:{spec.name} to mean this one, {prefer}or uninstall one of the two",
    )
