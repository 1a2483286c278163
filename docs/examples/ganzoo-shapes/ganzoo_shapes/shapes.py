"""Circles and squares of any size and place. Importing this does not import torch, so a run is checked at once."""

from __future__ import annotations

from ganzoo.data import DataInfo, ImageSet, Report, TensorSource

SIDE = 16
SIZES = {"train": 4_000, "test": 1_000}
SEEDS = {"train": 0, "test": 1}


class Shapes(TensorSource):
    """Bright shapes on black, the centre at least 5 pixels from the border and the radius 2.5 to 5.

    The base class converts to the size and the channels that were asked for.
    """

    @property
    def native(self) -> DataInfo:
        """Grey images (1, 16, 16) of two classes."""
        sizes = tuple(SIZES.items())
        return DataInfo(name="shapes", channels=1, height=SIDE, width=SIDE, classes=("circle", "square"), sizes=sizes)

    def read(self, split: str) -> ImageSet:
        """The images of ``split``, uint8 (N, 1, 16, 16), with labels (N,); the same ones each time."""
        import torch

        n, rng = SIZES[split], torch.Generator().manual_seed(SEEDS[split])
        labels = torch.arange(n) % 2
        centre = 5 + (SIDE - 11) * torch.rand(n, 2, 1, 1, generator=rng)
        radius = 2.5 + 2.5 * torch.rand(n, 1, 1, generator=rng)
        axis = torch.arange(SIDE, dtype=torch.float32)
        rows, columns = (axis[:, None] - centre[:, 0]).abs(), (axis - centre[:, 1]).abs()  # (N, 16, 1), (N, 1, 16)
        round_ = (rows.square() + columns.square()).sqrt()
        square = torch.maximum(rows, columns)
        distance = torch.where(labels[:, None, None] == 0, round_, square)  # (N, 16, 16)
        pixels = (radius + 0.5 - distance).clamp(0, 1) * 255  # a soft edge of one pixel
        return ImageSet(pixels.round().to(torch.uint8).unsqueeze(1), labels)

    def verify(self) -> Report:
        """There are no files to prove."""
        return Report(name="shapes", files=())
