"""What a data set is: it knows its shape, can prove its files, and gives its images. Free of torch until it reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .info import DataInfo

if TYPE_CHECKING:
    from torch import Tensor

    from .images import ImageSet

Split = Literal["train", "test", "all"]

Evidence = Literal["checksum", "record", "archive", "structure", "decoded"]
"""How far a file is proven, strongest first:

- ``checksum``: it equals the checksum that stands in the code.
- ``record``: it equals the checksum that was noted when it was unpacked from an archive with the right checksum.
- ``archive``: it equals what the archive beside it unpacks to, and that has the right checksum.
- ``structure``: its header and its size are right; a changed pixel would go unseen.
- ``decoded``: it is an image that could be read.
"""


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """A file that passed, and on what evidence."""

    path: Path
    size: int
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class Report:
    """What :meth:`Source.verify` found; that it returned at all says that nothing was wrong."""

    name: str
    files: tuple[FileReport, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The kinds of evidence that the files passed on, in order of appearance."""
        return tuple(dict.fromkeys(file.evidence for file in self.files))


class Stream(ABC):
    """Images by number, for sets that need not fit into memory. Pickled to the workers that read it.

    Attributes:
        fingerprint: SHA-256, hex, over what the images are read from and the shape that they are brought to.
        labelled: whether the images have labels.
    """

    fingerprint: str
    labelled: bool

    @abstractmethod
    def __len__(self) -> int:
        """N, the number of images."""

    @abstractmethod
    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Image ``index``, uint8 (C, H, W), and its label, -1 without labels.

        Raises:
            DataError: the image cannot be read; the message names its file.
        """


class Source(ABC):
    """A data set, as a :class:`~ganzoo.registry.DatasetSpec`'s builder returns it.

    Making one and asking for :attr:`info` neither reads image data nor imports torch, so that a run is checked before
    it begins. Images come out as ``info`` says: converted to the channels and the size that were asked for. A set that
    fits into memory derives from :class:`TensorSource`, which converts.
    """

    @property
    @abstractmethod
    def info(self) -> DataInfo:
        """Shape, classes and sizes, after conversion."""

    def place(self) -> Path | None:
        """The folder where the files lie; None where they are not there yet, or there are none."""
        return None

    @abstractmethod
    def verify(self) -> Report:
        """Prove every file.

        Raises:
            DataNotFoundError: a file is in none of the places searched.
            DataCorruptError: a file has wrong content; it is named, with what was expected and how to mend it.
        """

    @abstractmethod
    def load(self, split: Split) -> ImageSet:
        """All images of ``split`` in memory, from files that were proven while they were read."""

    def open(self, split: Split) -> Stream:
        """The same images one by one, for sets too large for memory."""
        return self.load(split)

    def download(self) -> None:  # noqa: B027 - optional
        """Fetch and verify what is missing; nothing to do for data that does not come from the network."""
