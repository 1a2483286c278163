"""The bars of a result: speeds, speeds against the plain loop, memory, cold start.

Bars lie, one a contender, under the name of their variant; a dagger marks one whose figures are to be taken with
caution. There is a chart for each device and batch size, since others do not compare.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import cells, protocol, summary
from .drawing import BESIDE, COLOURS, Chart, colours, draw, ink, legend, locator, shortened
from .result import Contender, Result

MARK = "\N{DAGGER}"
"""Beside what is to be taken with caution."""

_ROW = 0.215
"""Inches of a bar with its gap."""
_STAGES = {"imports": "imports", "data": "data", "build": "build", "prepare": "prepare", "first": "first step"}
_PEAKS = {"process": "process", "allocated": "GPU tensors", "reserved": "GPU reserved"}


@dataclass(frozen=True)
class _Bar:
    """A contender, and how far down the axes it lies."""

    contender: Contender
    at: int
    colour: str


def throughput(result: Result) -> list[Chart]:
    """Images a second with their intervals, the plain loops included."""
    return _charts(result, "speed", "Images a second", _paint_speed)


def relative(result: Result) -> list[Chart]:
    """Times as fast as the plain loop beside it, with intervals."""
    return _charts(
        result, "relative", "Times the plain loop", _paint_relative, lambda each: each.times_as_fast_as_plain
    )


def memory(result: Result) -> list[Chart]:
    """Peaks of memory, in GB."""
    kinds = {kind for contender in result.contenders() for kind in _peaks(contender)}
    room = 1.6 if len(kinds) > 1 else 1.0
    return _charts(result, "memory", "Peak memory in GB", _paint_memory, _peaks, room=room)


def cold_start(result: Result) -> list[Chart]:
    """Seconds from the start of a process to its first iteration, part by part."""
    return _charts(result, "cold", "Cold start in seconds", _paint_cold_start)


def _charts(
    result: Result,
    key: str,
    title: str,
    paint: Callable[[Any, list[_Bar]], None],
    known: Callable[[Contender], object] = lambda each: True,
    *,
    room: float = 1.0,
) -> list[Chart]:
    """A chart for each device and batch size, of the contenders of which something is known."""
    several = len({contest.device for contest in result.contests}) > 1
    charts = []
    for (device, size), found in summary.side_by_side(result).items():
        if shown := [contender for contender in found if known(contender)]:
            name = f"{key}-{re.sub(r'[^a-z0-9]', '-', device.lower())}-{size}"
            where = f"batch {size:,} on {device}" if several else f"batch {size:,}"
            charts.append(_bars(protocol.titles(result), name, f"{title}, {where}", shown, paint, room))
    return charts


def _bars(
    called: dict[str, str],
    key: str,
    title: str,
    contenders: list[Contender],
    paint: Callable[[Any, list[_Bar]], None],
    room: float,
) -> Chart:
    """A chart with a row a contender, and one above them for the name of each variant."""
    coloured = colours(called)
    bars: list[_Bar] = []
    heads: dict[str, int] = {}
    for variant in dict.fromkeys(each.variant for each in contenders):
        heads[variant] = len(bars) + len(heads)
        for each in (each for each in contenders if each.variant == variant):
            bars.append(_Bar(each, len(bars) + len(heads), coloured[variant]))

    def fill(axes: Any) -> None:
        paint(axes, bars)
        for variant, at in heads.items():
            _head(axes, shortened(called[variant], 34), at)
        axes.set_yticks([bar.at for bar in bars], [_row_name(bar.contender) for bar in bars])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(bars) + len(heads) - 0.4, -0.6)
        axes.grid(axis="x", alpha=0.18)
        axes.set_axisbelow(True)

    return draw(key, title, fill, height=max(1.5, 0.75 + room * _ROW * (len(bars) + len(heads))))


def _head(axes: Any, text: str, at: int) -> None:
    place = axes.get_yaxis_transform()
    axes.text(0.012, at + 0.08, text, va="center", weight="bold", transform=place).set_in_layout(False)


def _paint_speed(axes: Any, bars: list[_Bar]) -> None:
    for bar in bars:
        figure = bar.contender.images_per_second
        axes.barh(bar.at, figure.median, height=0.74, **_look(bar))
        _whisker(axes, bar, figure.low, figure.high)
        axes.annotate(cells.number(figure.median), (figure.high, bar.at), (5, 0), va="center", **BESIDE)
    axes.set_xlim(0, 1.2 * max(bar.contender.images_per_second.high for bar in bars))
    axes.xaxis.set_major_locator(locator(5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.4g}" if value < 1000 else f"{value:,.0f}")


def _paint_relative(axes: Any, bars: list[_Bar]) -> None:
    axes.axvline(1, color=ink(), linewidth=1, linestyle="--")
    highest = 1.0
    for bar in bars:
        figure = bar.contender.times_as_fast_as_plain
        assert figure is not None
        highest = max(highest, figure.high)
        axes.plot([figure.low, figure.high], [bar.at] * 2, color=bar.colour, linewidth=3.2, alpha=0.45)
        axes.plot([figure.median], [bar.at], color=bar.colour, marker="o", markersize=6.5)
        axes.annotate(f"{figure.median:.2f}", (figure.high, bar.at), (7, 0), va="center", **BESIDE)
    axes.set_xlim(0, 1.18 * highest)
    axes.xaxis.set_major_locator(locator(6))


def _paint_memory(axes: Any, bars: list[_Bar]) -> None:
    peaks = [_peaks(bar.contender) for bar in bars]
    kinds = [name for name in _PEAKS if any(name in found for found in peaks)]
    thickness = 0.8 / len(kinds)
    for order, kind in enumerate(kinds):
        places = [bar.at - 0.4 + (order + 0.5) * thickness for bar in bars]
        sizes = [found.get(kind, 0) / 1e9 for found in peaks]
        axes.barh(places, sizes, height=0.9 * thickness, color=COLOURS[3 - order], label=_PEAKS[kind])
    for bar, found in zip(bars, peaks, strict=True):
        text = " / ".join(f"{found[kind] / 1e9:.2f}" for kind in kinds if kind in found)
        axes.annotate(text, (max(found.values()) / 1e9, bar.at), (5, 0), va="center", **BESIDE)
    room = 1.25 + 0.22 * (len(kinds) - 1)
    axes.set_xlim(0, room * max(max(found.values()) for found in peaks) / 1e9)
    legend(axes, len(kinds))


def _paint_cold_start(axes: Any, bars: list[_Bar]) -> None:
    starts = [bar.contender.cold_start for bar in bars]
    left = [0.0] * len(bars)
    for colour, (stage, name) in zip(COLOURS, _STAGES.items(), strict=False):
        took = [getattr(start, stage) for start in starts]
        axes.barh([bar.at for bar in bars], took, left=left, height=0.74, color=colour, label=name)
        left = [before + more for before, more in zip(left, took, strict=True)]
    for bar, start in zip(bars, starts, strict=True):
        axes.annotate(cells.number(start.total), (start.total, bar.at), (5, 0), va="center", **BESIDE)
    axes.set_xlim(0, 1.16 * max(left))
    legend(axes, len(_STAGES))


def _look(bar: _Bar) -> dict[str, Any]:
    """Full for ganzoo, an outline for the plain loop."""
    if bar.contender.kind == "plain":
        return {"facecolor": "none", "edgecolor": bar.colour, "linewidth": 1.4}
    return {"facecolor": bar.colour, "edgecolor": bar.colour, "linewidth": 1.4}


def _whisker(axes: Any, bar: _Bar, low: float, high: float) -> None:
    axes.plot([low, high], [bar.at] * 2, color=ink(), linewidth=1.2, marker="|", markersize=6)


def _row_name(contender: Contender) -> str:
    return f"{shortened(cells.how(contender), 20)}{f' {MARK}' if cells.cautions(contender) else ''}"


def _peaks(contender: Contender) -> dict[str, int]:
    return contender.memory.model_dump(exclude_none=True)
