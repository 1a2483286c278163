"""A result as rows of text and as sentences: what its page, its Markdown and the terminal say alike.

The numbers are those of :mod:`ganzoo.bench.summary`; here they get their units and their figures. Nothing is escaped:
names come from outside, and each of the three escapes what it writes. Free of torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from . import summary
from .result import Contender, Figure, Origin, Result, Training
from .summary import FIGURES, THRESHOLDS, Quality, Spread

NONE = "-"
"""What stands where there is no value."""

NAMES = {"fid": "FID", "kid": "KID", "coverage": "coverage"}

_FEW = 3
_NUMBER = re.compile(r"\d+(?:\.\d+)?")

Item = TypeVar("Item")


@dataclass(frozen=True)
class Column(Generic[Item]):
    """A column of a table.

    Attributes:
        title: its heading.
        cell: what it says of an item.
        numeric: whether it is set to the right.
        brief: whether it stands in the narrow tables as well.
    """

    title: str
    cell: Callable[[Item], str]
    numeric: bool = True
    brief: bool = False


@dataclass(frozen=True)
class Row:
    """The cells of a row, and why its figures are to be taken with caution: ("noisy", reasons)."""

    cells: list[str]
    cautions: list[tuple[str, list[str]]] = field(default_factory=list)


@dataclass(frozen=True)
class Grid:
    """A table: its headings, which columns are numbers, and its rows; empty where there is nothing to tell."""

    titles: list[str]
    numeric: list[bool]
    rows: list[Row]


def speeds(result: Result, *, brief: bool = False) -> Grid:
    """A row a contender."""
    columns = [column for column in _SPEED if column.brief or not brief]
    return _grid(columns, result.contenders(), cautions)


def figures(result: Result, *, brief: bool = False, names: Sequence[str] = FIGURES) -> Grid:
    """A row a variant: its figures ``names`` at the end, at equal images and at equal time."""
    images, seconds = summary.equal_images(result.trainings), summary.equal_seconds(result.trainings)
    groups: list[tuple[str, Callable[[Quality], dict[str, Spread | None]]]] = [("at the end", lambda row: row.end)]
    if images is not None:
        groups.append((f"at {images:,} images", lambda row: row.at_images))
    if seconds is not None:
        groups.append((f"at {number(seconds)} s", lambda row: row.at_time))
    columns = [_VARIANT, *_FACTS[: 0 if brief else None]]
    for name in names:
        for title, figure in groups:
            columns.append(Column(f"{NAMES[name]} {title}", _over_seeds(figure, name)))
        columns.append(Column(f"{NAMES[name]} floor", _floor(name)))
    return _grid(columns, summary.quality(result))


def times(result: Result, thresholds: Sequence[float] = THRESHOLDS) -> Grid:
    """A row a variant: the seconds that it took to each FID, mean over the seeds that reached it; what all took."""
    columns = [_VARIANT, *(Column(f"s to FID {limit:g}", _seconds_to(limit)) for limit in thresholds), *_CLOCKS]
    return _grid(columns, summary.quality(result, thresholds), keep=True)


def cautions(contender: Contender) -> list[tuple[str, list[str]]]:
    """Why the figures of a contender are to be taken with caution; empty where nothing was found."""
    found = [("noisy", contender.noise)] if contender.noise else []
    if not contender.finite:
        found.append(("not finite", ["the weights were not finite at the end, and broken ones may run faster"]))
    return found


def notes(result: Result) -> list[str]:
    """A line for each kind of reason to take figures with caution, and whose they are."""
    found: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    contenders = result.contenders()
    for contender in contenders:
        for word, reasons in cautions(contender):
            for reason in reasons:
                names, alike = found.setdefault((word, _NUMBER.sub("#", reason)), ([], []))
                names.append(full_name(contender))
                alike.append(reason)
    return [f"{_who(names, len(contenders))} {word}: {_ranged(alike)}" for (word, _), (names, alike) in found.items()]


def _ranged(reasons: list[str]) -> str:
    """Sentences that differ in their numbers alone, as one.

    >>> _ranged(["a band of 14% of 2", "a band of 9% of 2"])
    'a band of 9 to 14% of 2'
    """
    columns = zip(*map(_NUMBER.findall, reasons), strict=True)
    ends = ((min(numbers, key=float), max(numbers, key=float)) for numbers in columns)
    spans = (low if low == high else f"{low} to {high}" for low, high in ends)
    return _NUMBER.sub(lambda found: next(spans), reasons[0])


def failures(result: Result) -> list[str]:
    """A line for each thing that did not run."""
    return [f"{failure.what}: {failure.reason}" for failure in result.failures]


def label(contender: Contender) -> str:
    """The variant, with its distribution where that is not plain from the name."""
    return summary.label(contender.variant, contender.origin)


def full_name(contender: Contender) -> str:
    """The contender among all of a result."""
    return f"{label(contender)} {how(contender)}, batch {contender.batch_size:,}"


def how(contender: Contender) -> str:
    """Precision and tier, or the plain loop: ``bf16 graph``."""
    return f"{contender.precision} {'plain loop' if contender.kind == 'plain' else contender.tier}"


def origin(found: Origin | None) -> str:
    """A distribution and its version: ``ganzoo-dcgan 0.1.0``."""
    if found is None:
        return NONE
    at = f" {found.source}" if found.source != "wheel" else " editable" if found.editable else ""
    return f"{found.distribution} {found.version}{at}{f' {found.revision[:12]}' if found.revision else ''}"


def number(value: float | None) -> str:
    """Three figures, all digits before the point, and no exponent where that reads well."""
    if value is None:
        return NONE
    if value == 0 or abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if abs(value) >= 1e-3 else f"{value:.1e}"


def interval(figure: Figure | None, form: Callable[[float], str] = number) -> str:
    """A median and its interval: ``2.31 (2.25 to 2.40)``."""
    if figure is None:
        return NONE
    return f"{form(figure.median)} ({form(figure.low)} to {form(figure.high)})"


def spread(found: Spread | None, seeds: int) -> str:
    """Mean +- deviation over seeds, and how many of ``seeds`` they are where some are missing."""
    if found is None:
        return NONE
    deviation = "" if found.std is None else f" +- {found.std:,.0f}" if found.std >= 100 else f" +- {found.std:.2g}"
    return f"{number(found.mean)}{deviation}{f' ({found.count} of {seeds} seeds)' if found.count < seeds else ''}"


def _grid(
    columns: Iterable[Column[Item]],
    items: Sequence[Item],
    cautions_of: Callable[[Item], list[tuple[str, list[str]]]] = lambda item: [],
    *,
    keep: bool = False,
) -> Grid:
    """The table of ``items``, without the columns that say nothing of any of them unless ``keep``."""
    told = [(column, [column.cell(item) for item in items]) for column in columns]
    shown = [(column, cells) for column, cells in told if keep or any(cell != NONE for cell in cells)]
    rows = [Row([cells[at] for _, cells in shown], cautions_of(item)) for at, item in enumerate(items)]
    return Grid([column.title for column, _ in shown], [column.numeric for column, _ in shown], rows)


def _over_seeds(figure: Callable[[Quality], dict[str, Spread | None]], name: str) -> Callable[[Quality], str]:
    return lambda row: spread(figure(row)[name], len(row.trainings))


def _floor(name: str) -> Callable[[Quality], str]:
    return lambda row: number(row.floor[name])


def _seconds_to(limit: float) -> Callable[[Quality], str]:
    return lambda row: spread(row.seconds_to[limit], len(row.trainings))


def _who(names: Sequence[str], everybody: int) -> str:
    """The names, or where they are many only their number."""
    if len(names) <= _FEW:
        return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
    return f"all {everybody} are" if len(names) == everybody else f"{len(names)} of {everybody} are"


def _over_runs(value: Callable[[Training], float | None]) -> Callable[[Quality], str]:
    return lambda row: spread(Spread.of(value(run) for run in row.trainings), len(row.trainings))


def _extractor(row: Quality) -> str:
    found = row.trainings[0].evaluation.get("extractor") or {}
    return f"{found['name']} {found.get('sha256', '')[:12]}".strip() if "name" in found else NONE


def _samples(row: Quality) -> str:
    count = row.trainings[0].evaluation.get("samples")
    return NONE if count is None else f"{count:,}"


def _gigabytes(count: int | None) -> str:
    return NONE if count is None else f"{count / 1e9:.2f}"


def _scaled(value: float | None, unit: float) -> str:
    return number(None if value is None else value / unit)


_SPEED: list[Column[Contender]] = [
    Column("variant", label, numeric=False, brief=True),
    Column("origin", lambda each: origin(each.origin), numeric=False),
    Column("tier", lambda each: "plain loop" if each.kind == "plain" else each.tier, numeric=False, brief=True),
    Column("precision", lambda each: each.precision, numeric=False, brief=True),
    Column("batch", lambda each: f"{each.batch_size:,}", brief=True),
    Column("images/s", lambda each: interval(each.images_per_second), brief=True),
    Column("x plain", lambda each: interval(each.times_as_fast_as_plain, "{:.2f}".format), brief=True),
    Column("p50 ms", lambda each: number(1e3 * each.p50_seconds), brief=True),
    Column("p95 ms", lambda each: number(1e3 * each.p95_seconds), brief=True),
    Column("utilisation", lambda each: NONE if each.utilisation is None else f"{each.utilisation:.1%}"),
    Column("MFLOP/image", lambda each: _scaled(summary.flops_per_image(each), 1e6)),
    Column("kJ/million images", lambda each: number(summary.kilojoules_per_million_images(each))),
    Column("CPU s/1000 images", lambda each: number(summary.cpu_seconds_per_thousand_images(each))),
    Column("page faults/iteration", lambda each: number(summary.faults_per_iteration(each))),
    Column("process GB", lambda each: _gigabytes(each.memory.process), brief=True),
    Column("tensors GB", lambda each: _gigabytes(each.memory.allocated)),
    Column("reserved GB", lambda each: _gigabytes(each.memory.reserved)),
    Column("noise", lambda each: ", ".join(word for word, _ in cautions(each)) or NONE, numeric=False, brief=True),
]

_VARIANT: Column[Quality] = Column("variant", lambda row: summary.label(row.variant, row.origin), numeric=False)
_FACTS: list[Column[Quality]] = [
    Column("origin", lambda row: origin(row.origin), numeric=False),
    Column("seeds", lambda row: str(len(row.trainings))),
    Column("features", _extractor, numeric=False),
    Column("samples", _samples),
]
_CLOCKS: list[Column[Quality]] = [
    Column("start-up s", _over_runs(lambda run: run.startup_seconds)),
    Column("training s", _over_runs(lambda run: run.training_seconds)),
    Column("evaluations s", _over_runs(lambda run: sum(point.evaluation_seconds for point in run.curve))),
]
