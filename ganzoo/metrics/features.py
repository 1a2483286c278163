"""What a feature extractor is: images in, feature vectors and class scores out, under a name and a hash."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ganzoo.errors import ConfigError


class Features(NamedTuple):
    """What an extractor sees in images.

    Attributes:
        vectors: float32 (N, F).
        logits: float32 (N, K), or None from an extractor that knows no classes.
    """

    vectors: Tensor
    logits: Tensor | None


class FeatureExtractor(nn.Module, ABC):
    """A frozen network that judges images. Figures are comparable only where name and :attr:`digest` are the same.

    Attributes:
        name: as given on the command line.
        dim: F, the length of a feature vector.
        shape: (C, H, W) of the images that it takes.
    """

    name: ClassVar[str]
    dim: ClassVar[int]
    shape: ClassVar[tuple[int, int, int]]

    @abstractmethod
    def forward(self, images: Tensor) -> Features:
        """The features of ``images``, float (N, C, H, W) in [-1, 1]."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names, shapes and values of all weights, hex."""
        digest = hashlib.sha256(self.name.encode())
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def extract(self, images: Tensor, *, batch_size: int = 256) -> Features:
        """The features of any number of ``images`` (N, C, H, W) in [-1, 1], batch by batch.

        Raises:
            ConfigError: images of another shape, or with values that are NaN or outside [-1, 1].
        """
        check_images(images, self.shape, self.name)
        parts = [self(part) for part in images.split(batch_size)]  # type: ignore[no-untyped-call]
        logits = [part.logits for part in parts if part.logits is not None]
        return Features(torch.cat([part.vectors for part in parts]), torch.cat(logits) if logits else None)


def check_images(images: Tensor, shape: tuple[int, int, int], extractor: str) -> None:
    """Refuse what an extractor would misjudge without a word.

    Raises:
        ConfigError: none at all, another shape, NaN, or values outside [-1, 1] (by more than rounding).
    """
    if images.ndim != 4 or len(images) == 0 or tuple(images.shape[1:]) != shape:
        raise ConfigError(
            f"{extractor} takes images of the shape (N, {', '.join(map(str, shape))}), not {tuple(images.shape)}",
            fix="bring them to that shape, or choose another extractor",
        )
    low, high = images.min().item(), images.max().item()
    if not (low >= -1.001 and high <= 1.001):  # also true of NaN
        raise ConfigError(f"pixels lie in [{low:g}, {high:g}]; they must lie in [-1, 1]", fix="rescale them")
