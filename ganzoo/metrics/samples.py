"""Images to be judged, from wherever they come: as many as are asked for, in repeats that do not overlap."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from ganzoo.data import ImageSet, Stream
from ganzoo.data.sampler import EpochOrder
from ganzoo.errors import DataError

Shape = tuple[int, int, int]

BATCH = 250


class Samples(ABC):
    """A source of images.

    Attributes:
        name: as the user wrote it.
        shape: (C, H, W).
        size: how many there are; None where more can always be made.
        note: how they were read, if that needs saying.
    """

    name: str
    shape: Shape
    size: int | None
    note: str | None = None

    @abstractmethod
    def batches(self, n: int, *, seed: int, repeat: int) -> Iterator[Tensor]:
        """``n`` images, uint8 (N, C, H, W) on the CPU, in batches; every ``repeat`` gives others."""

    def check(self, n: int, repeats: int = 1) -> None:
        """Refuse more than there are.

        Raises:
            DataError: there are fewer than ``n`` images for each of the ``repeats``.
        """
        if self.size is None or n * repeats <= self.size:
            return
        wanted = f"{repeats} x {n:,}" if repeats > 1 else f"{n:,}"
        fewer = f"--repeats {self.size // n}" if n <= self.size else f"--n {self.size} --repeats 1"
        fix = f"ask for fewer, with {fewer}; figures compare only at the same number of samples"
        raise DataError(
            f"{self.name} has {self.size:,} images, too few for {wanted} samples",
            fix=fix if self.size > 1 else "at least 2 are needed for any figure",
        )


class StreamSamples(Samples):
    """Images that are there already. Each repeat is another part of one order that the seed decides.

    Args:
        stream: the images.
        name: as the user wrote it.
        shape: (C, H, W) of each.
        note: how they were read.
    """

    def __init__(self, stream: Stream, name: str, shape: Shape, *, note: str | None = None) -> None:
        self.stream = stream
        self.name = name
        self.shape = shape
        self.size = len(stream)
        self.note = note

    def batches(self, n: int, *, seed: int, repeat: int) -> Iterator[Tensor]:
        """Those on the places ``repeat * n`` up to ``(repeat + 1) * n`` of the order."""
        self.check(n, repeat + 1)
        order = EpochOrder(len(self.stream), seed=seed, name="evaluation").permutation(0)
        yield from read(self.stream, order[repeat * n : (repeat + 1) * n])

    def all(self, limit: int) -> Iterator[Tensor]:
        """All images in the order of their files, or ``limit`` of them that are drawn at random, always the same."""
        order = EpochOrder(len(self.stream), seed=0, name="evaluation").permutation(0)
        yield from read(self.stream, order[:limit].sort().values)


def read(stream: Stream, chosen: Tensor) -> Iterator[Tensor]:
    """The images with the numbers ``chosen``, uint8 (B, C, H, W), in batches."""
    for part in chosen.split(BATCH):  # type: ignore[no-untyped-call]
        if isinstance(stream, ImageSet):
            yield stream.images[part]
        else:
            yield torch.stack([stream[int(index)][0] for index in part])
