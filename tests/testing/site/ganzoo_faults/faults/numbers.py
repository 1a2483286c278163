"""Losses that are no finite numbers."""

from __future__ import annotations

from torch import Tensor
from toys.losses import Logistic

from ganzoo.game import GAN, Loss, Terms, Turn

from .building import fault, gan


class NotANumber(GAN):
    """The logarithm of a negative number from the third step on."""

    def generator_terms(self, turn: Turn) -> Terms:
        return super().generator_terms(turn) | {"log": (2 - turn.step).float().log()}


class Overflow(Loss):
    """log(1 - sigmoid(s)), which is log 0 at large scores."""

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        return {"all": -real_scores.sigmoid().log().mean() - (1 - fake_scores.sigmoid()).log().mean()}

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        return {"fake": -fake_scores.sigmoid().log().mean()}


class VectorTerm(Logistic):
    """A term for each image."""

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        return {"fake": -fake_scores}


@fault
def _nan() -> GAN:
    return gan(kind=NotANumber)


@fault
def _overflow() -> GAN:
    return gan(Overflow())


@fault
def _vector_term() -> GAN:
    return gan(VectorTerm())
