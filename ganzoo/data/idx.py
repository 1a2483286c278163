"""MNIST and its kin: sets in the IDX format.

They are read here and not by torchvision's readers, whose import alone takes 1.8 s; that both give the same bits is
tested. torchvision does download them. Importing this module does not import torch.

- MNIST: LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition". CC BY-SA 3.0.
- Fashion-MNIST: Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747. MIT.
- Kuzushiji-MNIST: Clanuwat et al. 2018, arXiv:1812.01718. CC BY-SA 4.0.
- EMNIST: Cohen, Afshar, Tapson, van Schaik 2017, arXiv:1702.05373. Its ``balanced`` split: 47 classes, where upper and
  lower case that look alike are one. The files hold the images transposed; they are read upright.
"""

from __future__ import annotations

import string
from math import prod
from pathlib import Path
from typing import Any, ClassVar

from .files import FileSource
from .images import ImageSet
from .info import DataInfo
from .integrity import DataFile, idx_header

DIGITS = tuple(string.digits)

_FOUR = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


class IdxSource(FileSource):
    """A set whose splits are an IDX file of images, uint8 (N, H, W), and one of labels, uint8 (N,).

    Attributes:
        reader: the name of the class in ``torchvision.datasets`` that downloads it.
        arguments: what that class needs beside a folder.
        transposed: the files hold columns where others hold rows.
    """

    reader: ClassVar[str]
    arguments: ClassVar[dict[str, Any]] = {}
    transposed: ClassVar[bool] = False

    def read(self, split: str) -> ImageSet:
        """One split; the tensors share the memory that the files were read into."""
        import torch

        images, labels = (torch.frombuffer(data, dtype=torch.uint8) for data in self.content(split))
        pixels = images[16:].view(-1, 1, self.known.height, self.known.width)
        if self.transposed:
            pixels = pixels.transpose(2, 3)
        return ImageSet(pixels, labels[8:].to(torch.int64))

    def fetch(self, folder: Path) -> None:
        """Download through torchvision."""
        from torchvision import datasets

        getattr(datasets, self.reader)(folder, download=True, **self.arguments)


def idx_files(
    folder: str,
    info: DataInfo,
    *,
    names: tuple[str, str, str, str] = _FOUR,
    md5: tuple[str, str, str, str] | None = None,
    archive_md5: tuple[str, str, str, str] | None = None,
) -> tuple[DataFile, ...]:
    """The four files of a set, in the order of ``names``: images and labels of train, images and labels of test."""
    counts = dict(info.sizes)
    shapes = [shape for n in (counts["train"], counts["test"]) for shape in ((n, info.height, info.width), (n,))]
    headers = [idx_header(*shape) for shape in shapes]
    return tuple(
        DataFile(
            path=f"{folder}/{names[i]}",
            split="train" if i < 2 else "test",
            md5=md5[i] if md5 else None,
            archive_md5=archive_md5[i] if archive_md5 else None,
            header=headers[i],
            size=len(headers[i]) + prod(shapes[i]),
        )
        for i in range(4)
    )


def _info(name: str, classes: tuple[str, ...], train: int = 60_000, test: int = 10_000) -> DataInfo:
    sizes = (("train", train), ("test", test))
    return DataInfo(name=name, channels=1, height=28, width=28, classes=classes, sizes=sizes)


class MNIST(IdxSource):
    """Handwritten digits."""

    known = _info("mnist", DIGITS)
    reader = "MNIST"
    files = idx_files(
        "MNIST/raw",
        known,
        md5=(
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    )


class FashionMNIST(IdxSource):
    """Articles of clothing."""

    known = _info(
        "fashion-mnist",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
    reader = "FashionMNIST"
    files = idx_files(
        "FashionMNIST/raw",
        known,
        md5=(
            "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "9018921c3c673c538a1fc5bad174d6f9",
            "8181f5470baa50b63fa0f6fddb340f0a",
            "15d484375f8d13e6eb1aabb0c3f46965",
        ),
    )


class KMNIST(IdxSource):
    """Cursive Japanese characters; the publisher gives checksums of the archives only."""

    known = _info("kmnist", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"))
    reader = "KMNIST"
    files = idx_files(
        "KMNIST/raw",
        known,
        archive_md5=(
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    )


class EMNIST(IdxSource):
    """Handwritten digits and letters; the publisher gives a checksum of one archive for all splits only."""

    known = _info("emnist", tuple(string.digits + string.ascii_uppercase + "abdefghnqrt"), train=112_800, test=18_800)
    reader = "EMNIST"
    arguments: ClassVar[dict[str, Any]] = {"split": "balanced"}
    transposed = True
    files = idx_files(
        "EMNIST/raw",
        known,
        names=(
            "emnist-balanced-train-images-idx3-ubyte",
            "emnist-balanced-train-labels-idx1-ubyte",
            "emnist-balanced-test-images-idx3-ubyte",
            "emnist-balanced-test-labels-idx1-ubyte",
        ),
    )
