"""Games that break their word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn
from toys.faulty import asking
from toys.networks import TinyGenerator

from ganzoo.game import GAN, Plan, Player

from .building import BUILDERS, fault, gan

BUILDERS.update({name: lambda name=name: asking(name) for name in ("item", "if", "mask")})


class ImpureRounds(GAN):
    """A plan that depends on how often it was asked for."""

    asked = 0

    def rounds(self, iteration: int) -> Plan:
        self.asked += 1
        return (("d", "g"),) * (1 + self.asked % 2)


class UnknownPlayer(GAN):
    """A plan with a player that there is not."""

    def rounds(self, iteration: int) -> Plan:
        return (("d", "generator"),)


class HiddenWeights(GAN):
    """A network in a list, which no checkpoint finds."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.heads = [nn.Linear(3, 3)]

    def players(self) -> tuple[Player, ...]:
        d, g = super().players()
        return replace(d, params=(*d.params, *self.heads[0].parameters())), g


class NeedsValues(TinyGenerator):
    """Looks at its weights when it is built."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = float(self.body[0].weight.detach().std())


@fault
def _impure_rounds() -> GAN:
    return gan(kind=ImpureRounds)


@fault
def _unknown_player() -> GAN:
    return gan(kind=UnknownPlayer)


@fault
def _hidden_weights() -> GAN:
    return gan(kind=HiddenWeights)


@fault
def _needs_values() -> GAN:
    return gan(g=NeedsValues)


@fault
def _raises() -> GAN:
    raise RuntimeError("no luck")
