"""What ganzoo-vendi supplies: the metric ``vendi``. Free of torch."""

from __future__ import annotations

from ganzoo.registry import Figure, MetricSpec, Paper, hookimpl


@hookimpl
def ganzoo_metrics() -> list[MetricSpec]:
    """The metric."""
    return [
        MetricSpec(
            name="vendi",
            summary="how many different samples there are, in effect",
            builder="ganzoo_vendi.vendi:vendi",
            figures=(Figure("vendi", "between 1, all alike, and the number of samples", "higher"),),
            paper=Paper(
                authors="Friedman & Dieng",
                year=2023,
                title="The Vendi Score: A Diversity Evaluation Metric for Machine Learning",
                arxiv="2210.02410",
            ),
            api_version=1,
        )
    ]
