"""The pictures of a result for pages that show image files: FID against images and time, and speeds. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from .result import Contender, Result, Training

COLOURS = ("#0b7a75", "#d1495b", "#edae49", "#30638e", "#7b5ea7", "#6a994e", "#8d6a4f", "#3d405b")
_GREY = "#9a9a9a"


def draw_curves(result: Result, path: Path) -> None:
    """FID against images and against time: the mean over seeds, and the range of them as a band."""
    from matplotlib.ticker import LogFormatter

    figure = _figure(11, 4.2)
    axes = figure.subplots(1, 2, sharey=True)
    for index, (variant, trainings) in enumerate(result.by_variant().items()):
        _curve(axes, variant, trainings, COLOURS[index % len(COLOURS)])
    first = result.trainings[0]
    floor = first.evaluation["figures"]["fid"]["floor"]["mean"]
    for axis, title in zip(axes, ("thousand training images", time_title(result.trainings)), strict=True):
        axis.axhline(floor, color="black", linewidth=1, linestyle=":")
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(LogFormatter())
        axis.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False))
        axis.set_xlabel(title)
        axis.grid(alpha=0.25, which="both")
    axes[0].set_ylabel(f"FID ({first.evaluation['extractor']['name']})")
    axes[0].text(0.02, floor * 1.08, "floor", transform=axes[0].get_yaxis_transform(), fontsize=9)
    axes[1].legend(frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def time_title(trainings: Sequence[Training]) -> str:
    """The name of an axis of minutes, with every place where these trainings ran."""
    return f"minutes of training, {' or '.join(dict.fromkeys(map(_place, trainings)))}"


def draw_bars(result: Result, path: Path) -> None:
    """Images a second of every contender, an axis for each batch size, with intervals of 95 %."""
    sizes = sorted({contest.batch_size for contest in result.contests})
    contenders = {size: [each for each in result.contenders() if each.batch_size == size] for size in sizes}
    rows = max(map(len, contenders.values()))
    figure = _figure(max(6.5, 4.2 * len(sizes)), 0.9 + 0.24 * rows)
    axes = figure.subplots(1, len(sizes), squeeze=False)
    variants = list(dict.fromkeys(each.variant for each in result.contenders()))
    for axis, size in zip(axes[0], sizes, strict=True):
        _bars(axis, contenders[size], variants)
        axis.set_title(f"batch {size}", fontsize=10)
    figure.supxlabel("images/s", fontsize=10)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _curve(axes: Sequence[Any], variant: str, trainings: Sequence[Training], colour: str) -> None:
    points = list(zip(*(training.curve for training in trainings), strict=False))  # the same evaluation of every seed
    fids = [[point.figure("fid") or 0.0 for point in same] for same in points]
    across = (
        [mean(p.images for p in same) / 1e3 for same in points],
        [mean(p.seconds for p in same) / 60 for same in points],
    )
    for axis, where in zip(axes, across, strict=True):
        axis.plot(where, [mean(each) for each in fids], color=colour, label=variant, marker="o", markersize=3)
        axis.fill_between(where, [min(each) for each in fids], [max(each) for each in fids], color=colour, alpha=0.2)


def _bars(axis: Any, contenders: Sequence[Contender], variants: Sequence[str]) -> None:
    """One bar a contender; the plain loop is grey, and the others say how many times as fast they are."""
    for row, each in enumerate(contenders):
        speed, beside = each.images_per_second, each.times_as_fast_as_plain
        colour = _GREY if each.kind == "plain" else COLOURS[variants.index(each.variant) % len(COLOURS)]
        error = [[speed.median - speed.low], [speed.high - speed.median]]
        axis.barh(row, speed.median, color=colour, xerr=error, error_kw={"elinewidth": 1, "ecolor": "#333333"})
        told = f" {speed.median:,.0f}" + (f"  ({beside.median:.1f} x)" if beside else "")
        axis.text(speed.high, row, told, va="center", fontsize=8)
    axis.set_yticks(range(len(contenders)), [each.name for each in contenders], fontsize=8)
    axis.set_xlim(0, 1.3 * max(each.images_per_second.high for each in contenders))
    axis.margins(y=0.01)
    axis.invert_yaxis()
    axis.grid(alpha=0.25, axis="x")
    axis.spines[["top", "right"]].set_visible(False)


def _place(training: Training) -> str:
    if gpu := training.environment.get("gpu"):
        return str(gpu)
    return "one core" if training.environment["threads"] == 1 else f"{training.environment['threads']} threads"


def _figure(width: float, height: float) -> Any:
    """A figure that is no business of whoever draws in this process."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
