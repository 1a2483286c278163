"""What ganzoo-csv supplies: the observer ``csv``. Free of torch."""

from __future__ import annotations

from ganzoo.registry import ObserverSpec, hookimpl


@hookimpl
def ganzoo_observers() -> list[ObserverSpec]:
    """The observer."""
    return [
        ObserverSpec(
            name="csv",
            summary="every measurement as a line of measurements.csv in the run folder",
            builder="ganzoo_csv.observer:CSVLines",
            api_version=1,
        )
    ]
