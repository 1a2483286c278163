"""Two results side by side: how fast and how good each is in what both have, and whether that is a fair question.

Speeds are those of :mod:`ganzoo.bench.matching`, figures of quality are means over seeds, given only where both sides
were judged alike, and :mod:`ganzoo.bench.fairness` names what differs. Free of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from . import fairness, summary
from .fairness import About, Remark
from .matching import Match, cells_of, lone, match, nothing_in_common
from .result import Result, Training
from .summary import FIGURES, THRESHOLDS, Spread

QUESTIONS: tuple[About, ...] = ("machine", "software", "config")


@dataclass(frozen=True)
class Change:
    """A figure of quality over the seeds of either side; None where a side has none."""

    a: Spread | None
    b: Spread | None

    @property
    def difference(self) -> float | None:
        """B less A."""
        return self.b.mean - self.a.mean if self.a and self.b else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        a, b = (vars(each) if each else None for each in (self.a, self.b))
        return {"a": a, "b": b, "difference": self.difference}


@dataclass(frozen=True)
class Quality:
    """A variant that both sides trained.

    Attributes:
        variant: with its distribution where the name does not tell that.
        figures: at the end; empty where the two were not judged alike.
        seconds_to: time to each FID of the thresholds that a side reached; empty where curves were not judged alike.
        obstacles: why they were not judged alike.
        remarks: what else differs.
    """

    variant: str
    figures: dict[str, Change]
    seconds_to: dict[float, Change]
    obstacles: list[Remark]
    remarks: list[Remark]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return {
            "variant": self.variant,
            "comparable": not self.obstacles,
            "figures": {name: each.as_dict() for name, each in self.figures.items()},
            "seconds_to_fid": {f"{limit:g}": each.as_dict() for limit, each in self.seconds_to.items()},
        }


@dataclass(frozen=True)
class Comparison:
    """Two results side by side.

    Attributes:
        matches: the cells that both have.
        only_a: those that only the one has, with what B has instead where it is close.
        only_b: likewise.
        quality: the variants that both trained.
        remarks: all that is to be said against it.
    """

    matches: list[Match]
    only_a: list[str]
    only_b: list[str]
    quality: list[Quality]
    remarks: list[Remark]

    def answers(self) -> dict[str, list[Remark]]:
        """Same machine? Same software? Same config? Why not, for each; yes where nothing is named."""
        return {name: [each for each in self.remarks if each.about == name and each.unfair] for name in QUESTIONS}

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return {
            "same": {name: not found for name, found in self.answers().items()},
            "remarks": [each.as_dict() for each in self.remarks],
            "cells": [each.as_dict() for each in self.matches],
            "only_a": self.only_a,
            "only_b": self.only_b,
            "quality": [each.as_dict() for each in self.quality],
        }


def compare(a: Result, b: Result) -> Comparison:
    """Put two results side by side.

    Raises:
        ConfigError: they have nothing in common, or a block that took no time.
    """
    ours, theirs = cells_of(a, "A"), cells_of(b, "B")
    matches = [match(key, ours[key], theirs[key]) for key in ours if key in theirs]
    trained = a.by_variant(), b.by_variant()
    quality = [_quality(name, trained[0][name], trained[1][name]) for name in trained[0] if name in trained[1]]
    if not matches and not quality:
        raise nothing_in_common({"A": (a, ours), "B": (b, theirs)})
    remarks = [*fairness.of_results(a, b)]
    remarks += [remark for each in matches for remark in each.remarks()]
    remarks += [remark for each in quality for remark in (*each.obstacles, *each.remarks)]
    only_a, only_b = lone(ours, theirs), lone(theirs, ours)
    only_a += [f"{name}, trained" for name in trained[0] if name not in trained[1]]
    only_b += [f"{name}, trained" for name in trained[1] if name not in trained[0]]
    return Comparison(matches, only_a, only_b, quality, without_repeats(remarks))


def without_repeats(remarks: Iterable[Remark]) -> list[Remark]:
    """Each thing once: what was said of all cells is not said again of one."""
    found: dict[tuple[str, str], Remark] = {}
    said = set()
    for each in remarks:
        if (each.about, each.text) in said or (each.where, each.text) in found:
            continue
        found[each.where, each.text] = each
        if not each.where:
            said.add((each.about, each.text))
    return list(found.values())


def _quality(variant: str, a: list[Training], b: list[Training]) -> Quality:
    names = {summary.label(variant, each.origins.get("variant")): None for each in (a[0], b[0])}
    label = " / ".join(names)
    obstacles = fairness.of_judges(a, b, label)
    remarks = list(fairness.of_trainings(a, b, label))
    if obstacles:
        return Quality(label, {}, {}, obstacles, remarks)

    def change(value: Callable[[Training], float | None]) -> Change:
        return Change(*(Spread.of(value(each) for each in side) for side in (a, b)))

    figures = {name: change(lambda each, name=name: summary.end(each, name)) for name in FIGURES}  # type: ignore[misc]
    times = {limit: change(lambda each, at=limit: summary.seconds_to(each, at)) for limit in THRESHOLDS}  # type: ignore[misc]
    compared = _told(times) if fairness.judged_alike_meanwhile(a, b) else {}
    return Quality(label, _told(figures), compared, obstacles, remarks)


def _told(changes: dict[Any, Change]) -> dict[Any, Change]:
    return {name: each for name, each in changes.items() if each.a or each.b}
