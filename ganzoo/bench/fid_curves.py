"""The curves of a result's page: FID along the trainings, against images and against time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from . import protocol, summary
from .drawing import BESIDE, COLOURS, Chart, colours, draw, ink, legend, locator, shortened
from .result import Result
from .summary import Band

_LONG = 300
"""Seconds from which a time is told in minutes."""


def curves(result: Result) -> list[Chart]:
    """FID against images and against time: the mean over seeds, their range as a band, and the floor."""
    variants = result.by_variant().items()
    drawn = {variant: summary.by_images(runs, "fid") for variant, runs in variants}
    timed = {variant: summary.by_time(runs, "fid") for variant, runs in variants}
    if not any(drawn.values()):
        return []
    unit, scale = ("minutes", 60.0) if max(band.at for band in _all(timed)) >= _LONG else ("seconds", 1.0)
    return [
        _curve(result, "images", "FID against images drawn", "thousand images", drawn, 1e3),
        _curve(result, "time", "FID against start-up and training time", unit, timed, scale),
    ]


def _curve(result: Result, key: str, title: str, unit: str, shown: dict[str, list[Band]], scale: float) -> Chart:
    called = protocol.titles(result)
    coloured = colours(called)
    floors = sorted({floor for run in result.trainings if (floor := summary.floor(run, "fid")) is not None})

    def paint(axes: Any) -> None:
        for order, (variant, bands) in enumerate(shown.items()):
            style = {"color": coloured[variant], "linestyle": "-" if order < len(COLOURS) else "--"}
            _band(axes, bands, scale, label=shortened(called[variant], 30), **style)
        for floor in floors:
            _floor(axes, floor)
        _logarithmic(axes, [*floors, *(end for band in _all(shown) for end in (band.low, band.high))])
        axes.set_xlim(left=0)
        axes.set_xlabel(unit)
        axes.set_ylabel("FID")
        axes.grid(alpha=0.18)
        legend(axes, 3)

    return draw(f"fid-{key}", title, paint, height=3.2 + 0.2 * math.ceil(len(shown) / 3))


def _band(axes: Any, bands: list[Band], scale: float, *, color: str, **style: Any) -> None:
    where = [band.at / scale for band in bands]
    axes.plot(where, [band.mean for band in bands], color=color, marker="o", markersize=4, linewidth=1.8, **style)
    low, high = [band.low for band in bands], [band.high for band in bands]
    axes.fill_between(where, low, high, color=color, alpha=0.25, linewidth=0)


def _floor(axes: Any, floor: float) -> None:
    axes.axhline(floor, color=ink(), linewidth=1.2, linestyle=":")
    place = axes.get_yaxis_transform()
    axes.annotate(f"floor {floor:.3g}", (0.01, floor), (0, 3), xycoords=place, **BESIDE)


def _logarithmic(axes: Any, values: Sequence[float]) -> None:
    """A logarithmic axis whose ticks are plain numbers, several of them also within a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    positive = [value for value in values if value > 0]
    narrow = bool(positive) and max(positive) < 4 * min(positive)
    axes.yaxis.set_major_locator(locator(5) if narrow else LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _all(shown: dict[str, list[Band]]) -> Iterator[Band]:
    return (band for bands in shown.values() for band in bands)
