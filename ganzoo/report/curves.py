"""Loss curves as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def write_curves(metrics: Sequence[Mapping[str, float]], path: Path, *, title: str) -> None:
    """Draw a run's metrics against the step: the players' terms, what was shown beside them, and each figure of the
    samples in a panel of its own.

    Args:
        metrics: lines of ``metrics.jsonl``, each with ``step`` and named scalars.
        path: a picture file, PNG by its suffix.
        title: the heading.
    """
    # Not pyplot, whose backend belongs to whoever draws in this process: a notebook shows its figures through it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = sorted({name for line in metrics for name in line} - {"step", "images", "seconds", "time", "eval/seconds"})
    figures = [name for name in names if name.startswith("eval/")]
    terms = [name for name in names if "/" in name and name not in figures]
    shown = [name for name in names if "/" not in name]
    panels = [group for group in (terms, shown, *([name] for name in figures)) if group]
    rows = max(1, len(panels))
    figure = Figure(figsize=(9, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)
    for axis, group in zip(axes[:, 0], panels, strict=False):
        for name in group:
            points = [(line["step"], line[name]) for line in metrics if name in line]
            few = {"marker": "o", "markersize": 3} if name in figures else {}
            axis.plot(*zip(*points, strict=True), label=name, linewidth=1.2, **few)
        axis.grid(alpha=0.25)
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes[-1, 0].set_xlabel("step")
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
