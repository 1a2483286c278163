"""The data set that ships in the package, so that a first run needs no network. Importing this does not import torch.

Optical recognition of handwritten digits: Alpaydin & Kaynak 1998, UCI Machine Learning Repository, doi:10.24432/C50P49,
CC BY 4.0. 1,797 images of 8 x 8 pixels, each pixel the number of dark ones among the 4 x 4 of a scan, 0 to 16. The last
360 images are the test split.
"""

from __future__ import annotations

import io
from pathlib import Path

from .idx import DIGITS
from .images import ImageSet, TensorSource
from .info import DataInfo
from .integrity import DataFile, read_proven
from .source import Report

FOLDER = Path(__file__).parent / "shipped"
FILE = DataFile(path="digits.npz", split="both", md5="1384e1a8965b6b89fcc4d9f3d7d7d99a")
_TRAIN = 1_437


class Digits(TensorSource):
    """Handwritten digits, built in."""

    @property
    def native(self) -> DataInfo:
        """What the file holds."""
        sizes = (("train", _TRAIN), ("test", 1_797 - _TRAIN))
        return DataInfo(name="digits", channels=1, height=8, width=8, classes=DIGITS, sizes=sizes)

    def read(self, split: str) -> ImageSet:
        """One split, the levels 0 to 16 spread over 0 to 255."""
        import numpy as np
        import torch

        content, _ = read_proven(FOLDER, FILE, name="digits")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            levels, labels = arrays["levels"].astype(np.float32), arrays["labels"]
        part = slice(0, _TRAIN) if split == "train" else slice(_TRAIN, None)
        pixels = np.rint(levels * (255 / 16)).astype(np.uint8)
        return ImageSet(torch.from_numpy(pixels[part, None]), torch.from_numpy(labels[part].astype(np.int64)))

    def place(self) -> Path:
        """The folder in the package."""
        return FOLDER

    def verify(self) -> Report:
        """Prove the file in the package."""
        _, report = read_proven(FOLDER, FILE, name="digits")
        return Report(name="digits", files=(report,))
