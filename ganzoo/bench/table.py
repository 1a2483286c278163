"""A result on the terminal: the narrow tables, then what is to be said against them. Free of torch."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from . import cells, protocol
from .cells import Grid, Row
from .result import Result
from .summary import FIGURES

_SPARED = ("process GB", "p95 ms", "p50 ms")
"""Columns that a narrow terminal goes without, in this order; the page has them."""


def show(console: Console, result: Result) -> None:
    """Print ``result``: plain text where ``console`` is no terminal; names are never read as markup."""
    for sentence in protocol.sentences(result):
        _say(console, sentence, "dim")
    _print(console, "speed", _fitting(cells.speeds(result, brief=True), console.width))
    for name in FIGURES:
        grid = cells.figures(result, brief=True, names=(name,))
        if len(grid.titles) > 1:
            _print(console, f"quality: {cells.NAMES[name]}", grid)
    _print(console, "seconds of start-up and training to a FID", cells.times(result))
    for note in cells.notes(result):
        _say(console, note, "", ("note: ", "bold yellow"))
    for failure in cells.failures(result):
        _say(console, failure, "", ("did not run: ", "bold red"))


def _print(console: Console, title: str, grid: Grid) -> None:
    if grid.rows:
        console.print()
        console.print(Text(title, style="bold"))
        console.print(_table(grid))


def _fitting(grid: Grid, width: int) -> Grid:
    """``grid`` without what can best be spared, as far as it is wider than ``width``."""
    for title in _SPARED:
        if _width(grid) > width and title in grid.titles:
            grid = _without(grid, grid.titles.index(title))
    return grid


def _without(grid: Grid, at: int) -> Grid:
    rows = [Row(row.cells[:at] + row.cells[at + 1 :], row.cautions) for row in grid.rows]
    return Grid(grid.titles[:at] + grid.titles[at + 1 :], grid.numeric[:at] + grid.numeric[at + 1 :], rows)


def _width(grid: Grid) -> int:
    lines = [grid.titles, *(row.cells for row in grid.rows)]
    return sum(2 + max(map(len, column)) for column in zip(*lines, strict=True))


def _table(grid: Grid) -> Table:
    table = Table(box=None, header_style="bold")
    for title, numeric in zip(grid.titles, grid.numeric, strict=True):
        table.add_column(Text(title), justify="right" if numeric else "left", overflow="fold")
    for row in grid.rows:
        table.add_row(*map(Text, row.cells), style=_style(row))
    return table


def _style(row: Row) -> str:
    return "yellow" if row.cautions else ""


def _say(console: Console, text: str, style: str, word: tuple[str, str] = ("", "")) -> None:
    console.print(Text.assemble(word, (text, style)), soft_wrap=True)
