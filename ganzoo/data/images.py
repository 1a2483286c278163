"""Images in memory, and the base of the data sets that fit there. Importing this module does not import torch."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .info import DataInfo
from .options import DataOptions
from .source import Source, Split, Stream

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, int, int]


class ImageSet(Stream):
    """Images in memory.

    Args:
        images: uint8 (N, C, H, W) in [0, 255], on the CPU, C 1 or 3.
        labels: int64 (N,) in [0, number of classes), or None.
        fingerprint: that of what the images were made from; of the tensors themselves if None.
    """

    def __init__(self, images: Tensor, labels: Tensor | None = None, *, fingerprint: str | None = None) -> None:
        self.images = images.contiguous()
        self.labels = labels
        self.labelled = labels is not None
        self.fingerprint = fingerprint or _digest(self.images, labels)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.images[index], -1 if self.labels is None else int(self.labels[index])

    def __repr__(self) -> str:
        n, *shape = self.images.shape
        return f"ImageSet({n} images of {tuple(shape)}, {'labels' if self.labelled else 'no labels'})"

    def to_shape(self, shape: Shape) -> ImageSet:
        """The same images brought to ``shape`` (C, H, W); see :func:`~ganzoo.data.convert.convert`."""
        from .convert import convert

        if self.images.shape[1:] == shape:
            return self
        return ImageSet(convert(self.images, shape), self.labels, fingerprint=shaped(self.fingerprint, shape))

    @staticmethod
    def concat(parts: Sequence[ImageSet]) -> ImageSet:
        """All images of ``parts``, in order."""
        import torch

        if len(parts) == 1:
            return parts[0]
        labels = [part.labels for part in parts if part.labels is not None]
        joined = torch.cat(labels) if len(labels) == len(parts) else None
        return ImageSet(torch.cat([part.images for part in parts]), joined)


class ShapedStream(Stream):
    """A stream whose images are brought to ``shape`` (C, H, W) one by one, to the same bits as all at once."""

    def __init__(self, base: Stream, shape: Shape) -> None:
        self.base, self.shape = base, shape
        self.labelled = base.labelled
        self.fingerprint = shaped(base.fingerprint, shape)

    def __len__(self) -> int:
        return len(self.base)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from .convert import convert

        image, label = self.base[index]
        return convert(image.unsqueeze(0), self.shape).squeeze(0), label


class TensorSource(Source):
    """A data set that fits into memory: a subclass says what its files hold and reads a split, the rest is done here.

    Args:
        options: which split, size and channels are asked for.
    """

    def __init__(self, options: DataOptions) -> None:
        self.options = options

    @property
    @abstractmethod
    def native(self) -> DataInfo:
        """Shape, classes and sizes as the files have them."""

    @abstractmethod
    def read(self, split: str) -> ImageSet:
        """The images of ``split`` (one that ``native.sizes`` names) as the files have them, proven while reading."""

    @property
    def info(self) -> DataInfo:
        """``native`` with the channels and the size that were asked for."""
        return self.native.with_shape(channels=self.options.channels, size=self.options.image_size)

    def load(self, split: Split) -> ImageSet:
        """All images of ``split``, converted at once."""
        return self._read_all(split).to_shape(self.info.shape)

    def open(self, split: Split) -> Stream:
        """The images of ``split``, read at once and converted one by one: for sizes that outgrow memory."""
        images = self._read_all(split)
        return images if images.images.shape[1:] == self.info.shape else ShapedStream(images, self.info.shape)

    def _read_all(self, split: Split) -> ImageSet:
        return ImageSet.concat([self.read(part) for part in self.native.parts(split)])


def shaped(fingerprint: str, shape: Shape) -> str:
    """The fingerprint of images with ``fingerprint`` that are brought to ``shape``."""
    return hashlib.sha256(f"{fingerprint} as {shape}".encode()).hexdigest()


def _digest(images: Tensor, labels: Tensor | None) -> str:
    digest = hashlib.sha256(str(tuple(images.shape)).encode())
    for tensor in (images, labels):
        if tensor is not None:
            digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
