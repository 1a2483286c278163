"""The offline extractor: a small classifier of MNIST digits that ships in the package.

Made by ``benchmarks/train_features.py`` from the training images of MNIST (LeCun, Cortes & Burges, CC BY-SA 3.0). It
reads 99.59 % of the test images right and gives 99 % of the training images more than 0.9. Its distances compare with
each other and with nothing else, and they mean something for digits only.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from safetensors.torch import load_file
from torch import Tensor, nn

from .classes import stacked_logits
from .features import FeatureExtractor, Features

WEIGHTS = Path(__file__).parent / "shipped" / "mnist-cnn.safetensors"


class MnistCNN(FeatureExtractor):
    """Four convolutions with batch norm, 96 features, ten classes; images (N, 1, 28, 28) in [-1, 1].

    The features are the input of the last layer: after a ReLU, so never negative.
    """

    name: ClassVar[str] = "mnist-cnn"
    dim: ClassVar[int] = 96
    shape: ClassVar[tuple[int, int, int]] = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_block(1, 32, 5, 2),  # (N, 32, 14, 14)
            *_block(32, 32, 3, 1),
            *_block(32, 64, 5, 2),  # (N, 64, 7, 7)
            *_block(64, 64, 3, 1),
            nn.Flatten(),
            nn.Linear(64 * 7 * 7, self.dim),
            nn.ReLU(),
        )
        self.classify = nn.Linear(self.dim, 10)

    def forward(self, images: Tensor) -> Features:
        """Features (N, 96) and logits (N, 10)."""
        vectors = self.body(images)
        return Features(vectors, self.classify(vectors))


class StackedMnistCNN(FeatureExtractor):
    """:class:`MnistCNN` on each channel of StackedMNIST, (N, 3, 28, 28) in [-1, 1].

    Features are those of the three digits, 3 x 96; the logits are the log-probabilities of the 1,000 numbers that they
    write, independent given the image.
    """

    name: ClassVar[str] = "stacked-mnist-cnn"
    dim: ClassVar[int] = 3 * MnistCNN.dim
    shape: ClassVar[tuple[int, int, int]] = (3, 28, 28)

    def __init__(self, digit: MnistCNN) -> None:
        super().__init__()
        self.digit = digit

    def forward(self, images: Tensor) -> Features:
        """Features (N, 288) and log-probabilities (N, 1000)."""
        n = len(images)
        seen = self.digit(images.reshape(3 * n, 1, 28, 28))
        return Features(seen.vectors.view(n, self.dim), stacked_logits(seen.logits.view(n, 3, 10)).float())


def load(weights: Path = WEIGHTS) -> MnistCNN:
    """The network with ``weights``, by default those that ship in the package, in evaluation mode."""
    network = MnistCNN()
    network.load_state_dict(load_file(weights))
    return network.eval().requires_grad_(False)


def load_stacked() -> StackedMnistCNN:
    """The same network for stacks of three digits."""
    return StackedMnistCNN(load()).eval()


def _block(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]
