"""What a feature extractor is: images in, feature vectors and class scores out, under a name and a hash."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ganzoo.errors import ConfigError

from .moments import Moments

Shape = tuple[int, int, int]


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
        shape: (C, H, W) of the images that it takes; None where it takes any, grey or colour.
    """

    name: ClassVar[str]
    dim: ClassVar[int]
    shape: ClassVar[Shape | None]

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


class FeatureSet:
    """The features of many images, of which the moments are accumulated while they stream by.

    Args:
        vectors: float32 (N, F).
        logits: float32 (N, K), or None.
        moments: those of ``vectors``; worked out when they are first asked for if None.
    """

    def __init__(self, vectors: Tensor, logits: Tensor | None = None, moments: Moments | None = None) -> None:
        self.vectors = vectors
        self.logits = logits
        self._moments = moments

    @classmethod
    def collect(cls, extract: Callable[[Tensor], Features], batches: Iterable[Tensor]) -> FeatureSet:
        """The features of all ``batches``, each of images (N, C, H, W) in [-1, 1] on the extractor's device.

        Args:
            extract: such as :meth:`FeatureExtractor.extract`.
            batches: the images.

        Raises:
            ConfigError: no images at all, or images that the extractor refuses.
        """
        vectors, logits = [], []
        moments: Moments | None = None
        for images in batches:
            seen = extract(images)
            vectors.append(seen.vectors)
            logits += [] if seen.logits is None else [seen.logits]
            moments = moments or Moments(seen.vectors.shape[1], device=seen.vectors.device)
            moments.update(seen.vectors)
        if moments is None:
            raise ConfigError("there are no images to judge")
        return cls(torch.cat(vectors), torch.cat(logits) if logits else None, moments)

    @property
    def moments(self) -> Moments:
        """Mean and covariance of the vectors, float64."""
        if self._moments is None:
            self._moments = Moments.of(self.vectors)
        return self._moments

    @property
    def dim(self) -> int:
        """F, the length of a vector."""
        return self.vectors.shape[1]

    def __len__(self) -> int:
        return len(self.vectors)

    def take(self, chosen: Tensor) -> FeatureSet:
        """Those with the numbers ``chosen``, int64 (M,)."""
        chosen = chosen.to(self.vectors.device)
        return FeatureSet(self.vectors[chosen], None if self.logits is None else self.logits[chosen])

    def __repr__(self) -> str:
        return f"FeatureSet({len(self)} x {self.dim})"


def check_images(images: Tensor, shape: Shape | None, extractor: str) -> None:
    """Refuse what an extractor would misjudge without a word.

    Raises:
        ConfigError: none at all, another shape, NaN, or values outside [-1, 1] (by more than rounding).
    """
    fits = tuple(images.shape[1:]) == shape if shape else images.ndim == 4 and images.shape[1] in (1, 3)
    if images.ndim != 4 or len(images) == 0 or not fits:
        wanted = f"(N, {', '.join(map(str, shape))})" if shape else "(N, 1 or 3, H, W)"
        raise ConfigError(
            f"{extractor} takes images of the shape {wanted}, not {tuple(images.shape)}",
            fix="bring them to that shape, or choose another extractor",
        )
    low, high = images.min().item(), images.max().item()
    if not (low >= -1.001 and high <= 1.001):  # also true of NaN
        raise ConfigError(f"pixels lie in [{low:g}, {high:g}]; they must lie in [-1, 1]", fix="rescale them")
