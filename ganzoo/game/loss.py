"""The abstract loss and penalty. Both are pure: they read scores and return terms, and never move state themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from .batch import Terms


class Loss(nn.Module, ABC):
    """What each of two players minimises, as a function of scores where higher means more real.

    Terms are named 0-dim tensors; their sum is minimised and each is logged. State (BEGAN's k) lives in buffers and
    moves in :meth:`after_update` alone, from detached scalars: changed inside a loss it would invalidate the backward
    pass that still needs the old value.
    """

    generator_needs_real: ClassVar[bool] = False
    """The generator's loss reads real scores too (relativistic losses), at the cost of one discriminator pass."""
    needs_energy: ClassVar[bool] = False
    """Scores must be minus a reconstruction error, see :attr:`ganzoo.game.Discriminator.energy`."""
    lr_scale: Tensor | None
    """A 0-dim buffer that multiplies both players' learning rates, moved in :meth:`after_update`; None for 1."""

    def __init__(self) -> None:
        super().__init__()
        # A class attribute would hide the buffer of a subclass, and keep it from being registered.
        self.register_buffer("lr_scale", None)

    @abstractmethod
    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """Terms of the discriminator from real and fake scores, each float32 (N,)."""

    @abstractmethod
    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        """Terms of the generator from fake scores (N,); real scores (N,) come if :attr:`generator_needs_real`."""

    def diagnostics(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """Scalars to log beside the discriminator's terms: accuracies, a Wasserstein estimate. Not minimised."""
        return {}

    def after_update(self, player: str, terms: Terms) -> None:
        """Move buffers in place after ``player`` was updated with ``terms`` (detached)."""


class Penalty(nn.Module, ABC):
    """A regulariser of the discriminator from its gradient at chosen points: WGAN-GP, R1, R2, DRAGAN."""

    per_sample: bool = True
    """The penalty reads the gradient of each score at its own image alone, which is wrong for a discriminator that
    mixes the batch; such a pair is refused."""

    @abstractmethod
    def points(self, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
        """Where the gradient is taken, (N, C, H, W), from real and fake images of that shape.

        Returning ``real`` or ``fake`` itself (R1, R2) reuses the discriminator's pass over those images; any other
        tensor costs a pass of its own.
        """

    @abstractmethod
    def terms(self, scores: Tensor, points: Tensor) -> Terms:
        """Terms from the scores (N,) at ``points`` (N, C, H, W), which require gradients."""

    def after_update(self, player: str, terms: Terms) -> None:
        """Move buffers in place after ``player`` was updated with ``terms`` (detached): an annealed weight."""
