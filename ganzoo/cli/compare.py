"""``ganzoo compare``: two results of ``ganzoo bench`` side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from rich.table import Table
from rich.text import Text

from ganzoo.bench import cells
from ganzoo.bench.compare import Change, Comparison, Quality, compare
from ganzoo.bench.fairness import Remark
from ganzoo.bench.matching import Match
from ganzoo.bench.result import Contender, read_result
from ganzoo.bench.summary import Spread
from ganzoo.options import Options

from .args import parse
from .console import out, print_json
from .marks import POSITIONAL, JsonSwitch, Mark

_STYLES = {"faster": "green", "slower": "red"}


class CompareOptions(Options):
    """Put two results of ganzoo bench side by side: how B differs from A in what both have, and why that is unfair."""

    a: Annotated[Path, POSITIONAL, Mark(metavar="A.json")]
    """The result that is compared with, a results.json."""
    b: Annotated[Path, POSITIONAL, Mark(metavar="B.json")]
    """The result that is compared."""
    as_json: JsonSwitch = False
    """Write JSON, with all figures and every remark."""


def main(argv: list[str]) -> int:
    """Compare, and print tables."""
    options = parse(CompareOptions, argv, prog="ganzoo compare")
    found = compare(read_result(options.a), read_result(options.b))
    if options.as_json:
        print_json({"a": str(options.a), "b": str(options.b), **found.as_dict()})
        return 0
    for side, path in (("A", options.a), ("B", options.b)):
        _say(f"{side} is {path}")
    _print(found)
    return 0


def _print(found: Comparison) -> None:
    for question, differences in found.answers().items():
        _say(f"same {question}? {_answer(differences)}")
    if found.matches:
        out.print()
        out.print(_speeds(found.matches))
        out.print()
        out.print(_costs(found.matches))
    for quality in found.quality:
        if quality.figures or quality.seconds_to:
            out.print()
            out.print(_figures(quality))
    out.print()
    for side, names in (("A", found.only_a), ("B", found.only_b)):
        for name in names:
            _say(f"only in {side}: {name}")
    for quality in found.quality:
        if quality.obstacles:
            reasons = "; ".join(each.text for each in quality.obstacles)
            _say(f"quality of {quality.variant} is not compared: {reasons}")
    for remark in found.remarks:
        _say(f"{'limited' if remark.unfair else 'note'}: {remark}", "" if remark.unfair else "dim")


def _answer(reasons: list[Remark]) -> str:
    return f"no ({'; '.join(dict.fromkeys(map(str, reasons)))})" if reasons else "yes"


def _speeds(matches: list[Match]) -> Table:
    table = Table("cell", box=None, header_style="bold")
    for title in ("A images/s", "B images/s", "B / A", "95 %"):
        table.add_column(title, justify="right")
    table.add_column("by")
    table.add_column("B is")
    for each in matches:
        table.add_row(
            Text(each.label),
            *(f"{side.own.images_per_second.median:,.0f}" for side in (each.a, each.b)),
            f"{each.ratio.median:.3f}",
            f"{each.ratio.low:.3f} to {each.ratio.high:.3f}",
            "ratio to the plain loop" if each.beside else "speeds",
            Text(each.verdict, style=_STYLES.get(each.verdict, "")),
        )
    return table


def _costs(matches: list[Match]) -> Table:
    table = Table("cell", box=None, header_style="bold")
    for title in ("A cold start s", "B cold start s", "A process GB", "B process GB", "A GPU GB", "B GPU GB"):
        table.add_column(title, justify="right")
    for title in ("A tier", "B tier", "A from", "B from"):
        table.add_column(title)
    for each in matches:
        sides = (each.a.own, each.b.own)
        numbers = [
            *(cells.number(side.cold_start.total) for side in sides),
            *(_gigabytes(side.memory.process) for side in sides),
            *(_gigabytes(side.memory.allocated) for side in sides),
        ]
        words = [*(side.tier for side in sides), *(_origin(side) for side in sides)]
        table.add_row(Text(each.label), *numbers, *map(Text, words))
    return table


def _figures(quality: Quality) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column(Text(quality.variant))
    for title in ("A", "B", "B - A"):
        table.add_column(title, justify="right")
    for name, change in quality.figures.items():
        table.add_row(cells.NAMES[name], *_row(change))
    for limit, change in quality.seconds_to.items():
        table.add_row(f"s to FID {limit:g}", *_row(change))
    return table


def _row(change: Change) -> tuple[str, str, str]:
    return _spread(change.a), _spread(change.b), cells.number(change.difference)


def _spread(found: Spread | None) -> str:
    if found is None:
        return cells.NONE
    deviation = "" if found.std is None else f" +- {cells.number(found.std)}"
    return f"{cells.number(found.mean)}{deviation} ({found.count} seed{'s' if found.count > 1 else ''})"


def _gigabytes(count: int | None) -> str:
    return cells.NONE if count is None else f"{count / 1e9:.2f}"


def _origin(contender: Contender) -> str:
    return cells.origin(contender.origin)


def _say(sentence: str, style: str = "") -> None:
    out.print(Text(sentence, style=style), soft_wrap=True)
