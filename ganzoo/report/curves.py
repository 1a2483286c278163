"""Loss curves as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def write_curves(metrics: Sequence[Mapping[str, float]], path: Path, *, title: str) -> None:
    """Draw a run's metrics against the step: the players' terms above, what was shown beside them below.

    Args:
        metrics: lines of ``metrics.jsonl``, each with ``step`` and named scalars.
        path: a picture file, PNG by its suffix.
        title: the heading.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = sorted({name for line in metrics for name in line} - {"step", "images", "time"})
    panels = [group for group in ([n for n in names if "/" in n], [n for n in names if "/" not in n]) if group]
    figure, axes = pyplot.subplots(
        max(1, len(panels)), 1, figsize=(9, 3.2 * max(1, len(panels))), sharex=True, squeeze=False, layout="constrained"
    )
    for axis, group in zip(axes[:, 0], panels, strict=False):
        for name in group:
            points = [(line["step"], line[name]) for line in metrics if name in line]
            axis.plot(*zip(*points, strict=True), label=name, linewidth=1.2)
        axis.grid(alpha=0.25)
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes[-1, 0].set_xlabel("step")
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
