"""The abstract networks: a generator, a discriminator, and the pair of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call


class Generator(nn.Module, ABC):
    """A map from latents to images, G: (N, Z) -> (N, C, H, W) with pixels in [-1, 1].

    A network that ends in a sigmoid rescales its output (2 y - 1) inside its own ``forward``.

    Args:
        latent_dim: Z, the size of a latent.
        classes: number of classes where the generator takes labels, None where it does not.
    """

    def __init__(self, latent_dim: int, *, classes: int | None = None) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.classes = classes

    @property
    def conditional(self) -> bool:
        """Whether ``forward`` needs labels."""
        return self.classes is not None

    def sample_latent(self, n: int, rng: torch.Generator, *, device: torch.device | str) -> Tensor:
        """Draw ``n`` latents, float32 (N, Z); the standard normal distribution unless overridden."""
        return torch.randn(n, self.latent_dim, generator=rng, device=device)

    @abstractmethod
    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map ``latent``, float (N, Z), and ``labels``, int64 (N,), to images, float (N, C, H, W) in [-1, 1]."""


class Discriminator(nn.Module, ABC):
    """A score for each image, D: (N, C, H, W) -> (N,). **Higher always means more real.**

    The score is unbounded (no sigmoid): a loss decides what it means. The flags say what a loss or a penalty must know
    before the parts are put together.

    Args:
        classes: number of classes where the discriminator takes labels, None where it does not.
    """

    energy: bool = False
    """The score is minus a per-sample reconstruction error, hence never positive (BEGAN, EBGAN)."""
    mixes_batch: bool = False
    """One sample's score depends on the others (batch norm): per-sample gradient penalties are wrong on it."""

    def __init__(self, *, classes: int | None = None) -> None:
        super().__init__()
        self.classes = classes

    @property
    def conditional(self) -> bool:
        """Whether ``forward`` needs labels."""
        return self.classes is not None

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Score ``images``, float (N, C, H, W) in [-1, 1], under ``labels``, int64 (N,): float (N,)."""


class FeatureDiscriminator(Discriminator):
    """A discriminator whose score is a head on features, so that other games may add heads of their own.

    ACGAN adds a classifier and InfoGAN a posterior to :meth:`features`; a projection discriminator uses the labels in
    :meth:`score`.
    """

    feature_dim: int
    """F, the size of one image's feature vector."""

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to features (N, F)."""

    @abstractmethod
    def score(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map features (N, F) and labels (N,) to scores (N,)."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """``score(features(images), labels)``."""
        return self.score(self.features(images), labels)


class Networks(NamedTuple):
    """The pair that a backbone builds."""

    generator: Generator
    discriminator: Discriminator


def call_again(module: nn.Module, *inputs: Tensor | None) -> Tensor:
    """``module(*inputs)`` for inputs that it was called with before: its buffers, which that call moved, stay.

    The result is the same where a call neither draws numbers (dropout) nor reads what it moves: running statistics in
    training are not read, the vectors of spectral norm are.
    """
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    output: Tensor = functional_call(module, buffers, inputs)
    return output
