"""What ganzoo-shapes supplies: the data set ``shapes``. Free of torch."""

from __future__ import annotations

from ganzoo.registry import DatasetSpec, hookimpl


@hookimpl
def ganzoo_datasets() -> list[DatasetSpec]:
    """The data set."""
    return [
        DatasetSpec(
            name="shapes",
            summary="circles and squares, 4,000 + 1,000 grey images of 16 x 16, 2 classes; drawn on demand",
            builder="ganzoo_shapes.shapes:Shapes",
            # It knows digits and not shapes, but ships with ganzoo: its figures compare with each other alone.
            features="mnist-cnn",
            api_version=1,
        )
    ]
