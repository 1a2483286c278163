"""Games that do not learn, or learn the contrary."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from toys.games import OPTIONS
from toys.losses import EnergyBalance, Logistic, OffCentre, Wasserstein
from toys.networks import EnergyDiscriminator, TinyDiscriminator, TinyGenerator

from ganzoo.game import GAN, Loss, Player, Terms

from .building import fault, gan


class Flipped(Loss):
    """Another loss with the sign of one player's terms turned round."""

    def __init__(self, inner: Loss, player: str) -> None:
        super().__init__()
        self.inner, self.player = inner, player

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        return self._turn("d", self.inner.discriminator(real_scores, fake_scores))

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        return self._turn("g", self.inner.generator(fake_scores, real_scores))

    def _turn(self, player: str, terms: Terms) -> Terms:
        return {name: -term for name, term in terms.items()} if player == self.player else terms


class FlippedEnergy(EnergyBalance):
    """BEGAN whose generator makes what is reconstructed badly."""

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        return {"fake": fake_scores.mean()}


@fault
def _flipped_generator() -> GAN:
    return gan(Flipped(Logistic(), "g"))


@fault
def _flipped_discriminator() -> GAN:
    return gan(Flipped(Logistic(), "d"))


def _critic(player: str) -> GAN:
    loss = Flipped(Wasserstein(), player)
    return GAN(TinyGenerator(), TinyDiscriminator(), loss, OPTIONS, penalties=[OffCentre()], n_critic=2)


@fault
def _flipped_critic() -> GAN:
    return _critic("d")


@fault
def _flipped_critics_generator() -> GAN:
    return _critic("g")


@fault
def _flipped_energy() -> GAN:
    return GAN(TinyGenerator(), EnergyDiscriminator(), FlippedEnergy(gamma=0.9), OPTIONS)


class Frozen(GAN):
    """A generator whose learning rate is nothing."""

    def players(self) -> tuple[Player, ...]:
        d, g = super().players()
        return d, replace(g, schedule=lambda step: torch.zeros(()))


class Collapsed(TinyGenerator):
    """One image for all latents."""

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(latent * 1e-3, labels)


@fault
def _frozen() -> GAN:
    return gan(kind=Frozen)


@fault
def _collapsed() -> GAN:
    return gan(g=Collapsed)
