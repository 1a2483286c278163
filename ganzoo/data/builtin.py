"""The data sets that ganzoo itself supplies, declared as a plugin declares its own. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ganzoo.registry import DatasetSpec, hookimpl


@hookimpl
def ganzoo_datasets() -> Sequence[DatasetSpec]:
    """One spec for each; ``folder`` stands for every ``folder:PATH``."""
    return [
        _spec(
            "digits",
            "handwritten digits, 1,797 grey images of 8 x 8, 10 classes; built in",
            "digits:Digits",
            "mnist-cnn",
            border=5,  # its digits fill the image, where MNIST's have a border
        ),
        _spec(
            "mnist", "handwritten digits, 60,000 + 10,000 grey images of 28 x 28, 10 classes", "idx:MNIST", "mnist-cnn"
        ),
        _spec(
            "stacked-mnist",
            "stacked digits, 128,000 + 26,000 colour images of 28 x 28, 1,000 classes",
            "stacked:StackedMNIST",
            "stacked-mnist-cnn",
            samples=26_000,  # as in the papers that count its modes
            heeds=("stacks", "stacks_seed"),
        ),
        _spec("fashion-mnist", "clothes, 60,000 + 10,000 grey images of 28 x 28, 10 classes", "idx:FashionMNIST"),
        _spec("kmnist", "cursive Japanese, 60,000 + 10,000 grey images of 28 x 28, 10 classes", "idx:KMNIST"),
        _spec("emnist", "digits and letters, 112,800 + 18,800 grey images of 28 x 28, 47 classes", "idx:EMNIST"),
        _spec(
            "usps",
            "postal digits, 7,291 + 2,007 grey images of 16 x 16, 10 classes",
            "vision:USPS",
            "mnist-cnn",
            border=4,  # as above; the longer side of MNIST's is 20 of 28 pixels
        ),
        _spec("cifar10", "small photographs, 50,000 + 10,000 colour images of 32 x 32, 10 classes", "vision:CIFAR10"),
        _spec("svhn", "house numbers, 73,257 + 26,032 colour images of 32 x 32, 10 classes", "vision:SVHN"),
        _spec("folder", "folder:PATH, your own images in PATH or in one sub-folder per class", "folder:Folder"),
    ]


def _spec(name: str, summary: str, builder: str, features: str = "inception-v3", **more: Any) -> DatasetSpec:
    return DatasetSpec(name=name, summary=summary, builder=f"ganzoo.data.{builder}", features=features, **more)
