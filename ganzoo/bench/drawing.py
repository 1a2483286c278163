"""Figures as inline SVG: text that takes the page's font and colour, ids that no other figure has, the same each time.

matplotlib draws; what is mended afterwards is what an HTML page with several figures, light or dark, needs. Names come
from outside: they are never read as formulas, and are escaped by matplotlib.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

WIDTH = 5.2
"""Inches; with text of 10 points a figure still reads on a telephone."""

COLOURS = ("#159a90", "#d9536b", "#d8982a", "#4a88c7", "#8f70c4", "#6f9f4f", "#c96a9c", "#a0785a")
"""Of variants, in the order of the suite; each stands out on a light and on a dark page."""

BESIDE: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9}
"""Text beside a mark."""

_INK = "#010203"
"""Stands for the page's own text colour."""
_FONT = "DejaVu Sans"
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": [_FONT],
    "font.size": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "hatch.linewidth": 1.2,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color"), _INK
    ),
}


@dataclass(frozen=True)
class Chart:
    """A figure of a page.

    Attributes:
        title: what it shows, in a few words.
        svg: an <svg> element that is safe to put into HTML.
    """

    title: str
    svg: str


def draw(key: str, title: str, paint: Callable[[Any], None], *, height: float) -> Chart:
    """A chart of one set of axes.

    Args:
        key: letters, digits and hyphens; distinct on a page.
        title: what it shows.
        paint: draws on the matplotlib axes that it is given.
        height: inches.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": key}):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        paint(figure.add_subplot())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return Chart(title, _inline(out.getvalue(), key))


def ink() -> str:
    """The colour of text and lines that the page chooses."""
    return _INK


def colours(names: Iterable[str]) -> dict[str, str]:
    """The same colour for a variant in all charts of a result."""
    return {name: COLOURS[order % len(COLOURS)] for order, name in enumerate(names)}


def legend(axes: Any, columns: int) -> None:
    """Above the axes, where it hides nothing."""
    axes.figure.legend(loc="outside upper left", ncols=columns, handlelength=1.1, columnspacing=1.1, handletextpad=0.5)


def locator(ticks: int) -> Any:
    """At most about ``ticks`` round numbers."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(ticks)


def shortened(text: str, length: int) -> str:
    """``text`` on one line of at most ``length`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}\N{HORIZONTAL ELLIPSIS}"


def _inline(document: str, key: str) -> str:
    """The <svg> element of a document, for HTML: without what only XML needs, and with ``key`` before every id."""
    element = document[document.index("<svg") :].strip()
    return re.sub(r"<[^<>]+>", lambda tag: _mended(tag.group(), key), element)  # matplotlib escapes < and > elsewhere


def _mended(tag: str, key: str) -> str:
    if tag.startswith("<svg"):
        tag = re.sub(r'\s(xmlns(:\w+)?|version|width|height)="[^"]*"', "", tag)
        tag = tag.replace("<svg", '<svg role="presentation"', 1)
    tag = re.sub(r'\sid="', f' id="{key}-', tag)
    tag = re.sub(r'\sxlink:href="#', f' href="#{key}-', tag).replace("url(#", f"url(#{key}-")
    return tag.replace(_INK, "currentColor").replace(f"'{_FONT}'", "system-ui, sans-serif")
