"""A result as Markdown, for READMEs: what ran, the speeds, the figures, and what is to be said against them.

Free of torch.
"""

from __future__ import annotations

import re

from . import cells, protocol
from .cells import Grid
from .result import Result


def to_markdown(result: Result) -> str:
    """What ran, the narrow tables of ``result``, and its cautions; names are escaped, and mean nothing to Markdown."""
    tables = {
        "Speed": cells.speeds(result, brief=True),
        "Quality": cells.figures(result, brief=True),
        "Seconds of start-up and training to a FID": cells.times(result),
    }
    parts = [escaped(" ".join(protocol.sentences(result)))]
    parts += [f"**{title}**\n\n{table(grid)}" for title, grid in tables.items() if grid.rows]
    parts += [_list("Taken with caution", cells.notes(result)), _list("Did not run", cells.failures(result))]
    return "\n\n".join(filter(None, parts)) + "\n"


def table(grid: Grid) -> str:
    """Rows between pipes; numbers to the right."""
    rule = ["---:" if numeric else "---" for numeric in grid.numeric]
    lines = [[escaped(title) for title in grid.titles], rule]
    lines += [[escaped(cell) for cell in row.cells] for row in grid.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def escaped(text: str) -> str:
    r"""``text`` on one line, without anything that Markdown or HTML would read.

    >>> escaped("<b>|a_b")
    '&lt;b&gt;\\|a\\_b'
    """
    plain = (
        " ".join("; ".join(text.splitlines()).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    )
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", plain)


def _list(title: str, lines: list[str]) -> str:
    return f"{title}:\n\n" + "\n".join(f"- {escaped(line)}" for line in lines) if lines else ""
