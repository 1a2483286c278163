"""Sets that torchvision's readers read, after our own proof of their files. Importing this imports no torch.

- CIFAR-10: Krizhevsky 2009, "Learning multiple layers of features from tiny images". Its files are pickles; what
  torchvision unpickles is pinned by checksum, here and there.
- SVHN: Netzer et al. 2011, "Reading digits in natural images with unsupervised feature learning". Needs scipy.
- USPS: Hull 1994, "A database for handwritten text recognition research", in the scaling of LIBSVM's copy.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ganzoo.errors import MissingExtraError

from .files import FileSource
from .idx import DIGITS
from .images import ImageSet
from .info import DataInfo
from .integrity import DataFile


class CIFAR10(FileSource):
    """Small photographs of ten kinds of things."""

    known = DataInfo(
        name="cifar10",
        channels=3,
        height=32,
        width=32,
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        sizes=(("train", 50_000), ("test", 10_000)),
    )
    # torchvision checks and reads the files of both splits together.
    files = tuple(
        DataFile(path=f"cifar-10-batches-py/{name}", split="both", md5=md5)
        for name, md5 in (
            ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
            ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
            ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
            ("data_batch_4", "634d18415352ddfa80567beed471001a"),
            ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
            ("test_batch", "40351d587109b95175f43aff81a1287e"),
            ("batches.meta", "5ff9c542aee3614f3951f8cda6e48888"),
        )
    )

    def read(self, split: str) -> ImageSet:
        """One split."""
        root = self.prove(split)
        from torchvision.datasets import CIFAR10 as Reader

        data = Reader(root, train=split == "train")
        return _image_set(data.data.transpose(0, 3, 1, 2), data.targets)

    def fetch(self, folder: Path) -> None:
        """Download through torchvision."""
        from torchvision.datasets import CIFAR10 as Reader

        Reader(folder, download=True)


class SVHN(FileSource):
    """Digits of house numbers, in colour; label 0 is the digit 0."""

    known = DataInfo(
        name="svhn",
        channels=3,
        height=32,
        width=32,
        classes=DIGITS,
        sizes=(("train", 73_257), ("test", 26_032)),
    )
    files = (
        DataFile(path="train_32x32.mat", split="train", md5="e26dedcc434d2e4c54c9b2d4a06d8373"),
        DataFile(path="test_32x32.mat", split="test", md5="eb5a983be6a315427106f1b164d9cef3"),
    )

    def read(self, split: str) -> ImageSet:
        """One split."""
        _need_scipy()
        root = self.prove(split)
        from torchvision.datasets import SVHN as Reader

        data = Reader(root, split=split)
        return _image_set(data.data, data.labels)

    def fetch(self, folder: Path) -> None:
        """Download through torchvision."""
        _need_scipy()
        from torchvision.datasets import SVHN as Reader

        for split in ("train", "test"):
            Reader(folder, split=split, download=True)


class USPS(FileSource):
    """Digits of postal codes, 16 x 16."""

    known = DataInfo(
        name="usps",
        channels=1,
        height=16,
        width=16,
        classes=DIGITS,
        sizes=(("train", 7_291), ("test", 2_007)),
    )
    files = (
        DataFile(path="usps.bz2", split="train", md5="ec16c51db3855ca6c91edd34d0e9b197"),
        DataFile(path="usps.t.bz2", split="test", md5="8ea070ee2aca1ac39742fdd1ef5ed118"),
    )

    def read(self, split: str) -> ImageSet:
        """One split."""
        root = self.prove(split)
        from torchvision.datasets import USPS as Reader

        data = Reader(root, train=split == "train")
        return _image_set(data.data[:, None], data.targets)

    def fetch(self, folder: Path) -> None:
        """Download through torchvision."""
        from torchvision.datasets import USPS as Reader

        for train in (True, False):
            Reader(folder, train=train, download=True)


def _image_set(images: Any, labels: Any) -> ImageSet:
    """From arrays: uint8 (N, C, H, W) and a sequence of ints."""
    import torch

    return ImageSet(torch.from_numpy(images), torch.as_tensor(labels, dtype=torch.int64))


def _need_scipy() -> None:
    if find_spec("scipy") is None:
        raise MissingExtraError(
            "data set svhn comes in MATLAB files: scipy is missing", fix='pip install "ganzoo[svhn]"'
        )
