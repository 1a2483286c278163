"""State and randomness that nobody can save."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor
from toys.faulty import FloatScheduleGame, ListPoolGame, counting
from toys.losses import Logistic

from ganzoo.game import GAN, Terms, Turn

from .building import BUILDERS, fault, gan

BUILDERS.update(counter=counting, counter_again=counting, float_schedule=FloatScheduleGame)
BUILDERS.update(list_pool=ListPoolGame, list_pool_again=ListPoolGame)


class LostState(GAN):
    """A weight of the loss that grows, in a buffer that no checkpoint holds."""

    weight: Tensor

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.register_buffer("weight", torch.tensor(1.0), persistent=False)

    def generator_terms(self, turn: Turn) -> Terms:
        return {name: term * self.weight for name, term in super().generator_terms(turn).items()}

    def after_update(self, player: str, terms: Terms, turn: Turn) -> None:
        super().after_update(player, terms, turn)
        self.weight.mul_(0.5)


class PlainTensor(LostState):
    """The same in a tensor that is no buffer."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        del self._buffers["weight"]
        object.__setattr__(self, "weight", torch.tensor(1.0))


SHARED = torch.tensor(1.0)


class GlobalState(GAN):
    """State outside of the game, which a second game of the process finds changed."""

    def generator_terms(self, turn: Turn) -> Terms:
        return {name: term * SHARED for name, term in super().generator_terms(turn).items()}

    def after_update(self, player: str, terms: Terms, turn: Turn) -> None:
        SHARED.mul_(0.9)


@fault
def _lost_state() -> GAN:
    return gan(kind=LostState)


@fault
def _plain_tensor() -> GAN:
    return gan(kind=PlainTensor)


@fault
def _global_state() -> GAN:
    return gan(kind=GlobalState)


@fault
def _seeds_in_build() -> GAN:
    torch.manual_seed(0)
    return gan()


BUILDERS["seeded_alike"] = _seeds_in_build


class SeedsInStep(GAN):
    """Seeds the global stream in each turn of the generator."""

    def generator_terms(self, turn: Turn) -> Terms:
        torch.manual_seed(0)
        return super().generator_terms(turn)


class OwnRandomness(Logistic):
    """Noisy targets from the global stream."""

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        return super().discriminator(real_scores - 0.1 * torch.rand(real_scores.shape), fake_scores)


class PythonRandomness(Logistic):
    """Draws from Python's stream."""

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        return super().generator(fake_scores + random.random())


@fault
def _seeds_in_step() -> GAN:
    return gan(kind=SeedsInStep)


@fault
def _own_randomness() -> GAN:
    return gan(OwnRandomness())


@fault
def _python_randomness() -> GAN:
    return gan(PythonRandomness())


@fault
def _numpy_randomness() -> GAN:
    np.random.rand(3)
    return gan()
