"""StackedMNIST: three random digits in three channels, a set with 1,000 modes that are easy to count.

Metz, Poole, Pfau & Sohl-Dickstein 2017, arXiv:1611.02163; with 128,000 stacks as in Srivastava et al. 2017,
arXiv:1705.07761. Importing this module does not import torch.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from ganzoo.errors import ConfigError

from .idx import MNIST, IdxSource
from .images import ImageSet, TensorSource
from .info import DataInfo
from .options import DataOptions
from .source import Report


class StackedMNIST(TensorSource):
    """Stacks of three digits, drawn with replacement from the split of MNIST with their split's name.

    The draw is the same at every start and on every machine. The label of a stack is the number that its digits write,
    channel by channel: 100 a + 10 b + c. How many stacks the training split has and the seed of its draw are options;
    fewer stacks are the first of more. The test split is always the same, so that figures against it compare.

    Args:
        options: which split, size and channels are asked for, ``stacks`` and ``stacks_seed``.

    Attributes:
        base: the set that the digits come from.
        sizes: number of stacks in each split, where no other one is asked for.

    Raises:
        ConfigError: an option of the training split is given, and the test split is asked for.
    """

    base: ClassVar[type[IdxSource]] = MNIST
    sizes: ClassVar[tuple[tuple[str, int], ...]] = (("train", 128_000), ("test", 26_000))

    def __init__(self, options: DataOptions) -> None:
        super().__init__(options)
        for name in ("stacks", "stacks_seed") if options.split == "test" else ():
            if (value := getattr(options, name)) is not None:
                raise ConfigError(
                    f"{name} is {value}, and the test split of stacked-mnist has no use for it: it is always the same",
                    fix="leave it out, or choose --split train",
                )
        self._digits = self.base(options.model_copy(update={"image_size": None, "channels": None}))

    @property
    def native(self) -> DataInfo:
        """Three channels and a class for each number from 000 to 999."""
        classes = tuple(f"{number:03}" for number in range(1000))
        sizes = dict(self.sizes) | ({"train": self.options.stacks} if self.options.stacks else {})
        return replace(
            self._digits.native, name="stacked-mnist", channels=3, classes=classes, sizes=tuple(sizes.items())
        )

    def read(self, split: str) -> ImageSet:
        """The stacks of one split."""
        import torch

        digits = self._digits.read(split)
        assert digits.labels is not None
        rng = torch.Generator().manual_seed(self._seed(split))
        chosen = torch.randint(len(digits), (self.native.count(split), 3), generator=rng)
        images = digits.images[chosen].squeeze(2)  # (N, 3, H, W)
        labels = (digits.labels[chosen] * torch.tensor([100, 10, 1])).sum(1)
        return ImageSet(images, labels)

    def place(self) -> Path | None:
        """The place that has the files of the digits."""
        return self._digits.place()

    def verify(self) -> Report:
        """Prove the files of the digits."""
        return Report(name="stacked-mnist", files=self._digits.verify().files)

    def download(self) -> None:
        """Fetch the digits."""
        self._digits.download()

    def _seed(self, split: str) -> int:
        """In [0, 2**63); another one for each split and each ``stacks_seed``, of which the test split knows none."""
        words = ["stacked-mnist", split]
        if split == "train" and self.options.stacks_seed:
            words.append(str(self.options.stacks_seed))
        return int.from_bytes(hashlib.sha256(" ".join(words).encode()).digest()[:8], "big") >> 1
