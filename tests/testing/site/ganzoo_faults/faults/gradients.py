"""Gradients that do not reach, or reach too far."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from toys.networks import TinyDiscriminator

from ganzoo.game import GAN, Terms, Turn

from .building import fault, gan


class Unused(TinyDiscriminator):
    """A layer that forward forgets."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = nn.Linear(3, 3)


class Nobodys(GAN):
    """A network that no player was given."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.encoder = nn.Linear(3, 3)


class Detached(GAN):
    """The generator's fakes are cut off from its weights."""

    def generator_terms(self, turn: Turn) -> Terms:
        fake = self.fake(turn, "g").detach().requires_grad_()
        return self.loss.generator(self.scores(fake, None))


class MovesOthers(GAN):
    """Shrinks the generator when the discriminator was updated."""

    @torch.no_grad()
    def after_update(self, player: str, terms: Terms, turn: Turn) -> None:
        if player == "d":
            for weight in self.generator.parameters():
                weight.mul_(0.99)


class CallsBackward(GAN):
    """Differentiates inside its loss."""

    def generator_terms(self, turn: Turn) -> Terms:
        terms = super().generator_terms(turn)
        terms["fake"].backward(retain_graph=True)
        return terms


@fault
def _unused() -> GAN:
    return gan(d=Unused)


@fault
def _nobodys() -> GAN:
    return gan(kind=Nobodys)


@fault
def _detached() -> GAN:
    return gan(kind=Detached)


@fault
def _moves_others() -> GAN:
    return gan(kind=MovesOthers)


@fault
def _calls_backward() -> GAN:
    return gan(kind=CallsBackward)
