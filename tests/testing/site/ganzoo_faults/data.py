"""Images of 4 x 4 pixels in three classes, for the toy games."""

from __future__ import annotations

import torch
from toys.networks import CLASSES, SHAPE

from ganzoo.data import DataInfo
from ganzoo.data.images import ImageSet, TensorSource


class Toys(TensorSource):
    """Noise around a brightness that depends on the class."""

    @property
    def native(self) -> DataInfo:
        names = tuple(str(label) for label in range(CLASSES))
        c, h, w = SHAPE
        return DataInfo(name="toy-images", channels=c, height=h, width=w, classes=names, sizes=(("train", 96),))

    def read(self, split: str) -> ImageSet:
        rng = torch.Generator().manual_seed(1)
        labels = torch.arange(96) % CLASSES
        images = 60 * labels.view(-1, 1, 1, 1) + torch.randint(100, (96, *SHAPE), generator=rng)
        return ImageSet(images.to(torch.uint8), labels)

    def verify(self) -> tuple[()]:
        return ()
