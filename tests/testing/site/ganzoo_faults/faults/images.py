"""Images that are no images, and scores that are no scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from toys.games import OPTIONS
from toys.losses import EnergyBalance
from toys.networks import EnergyDiscriminator, TinyDiscriminator, TinyGenerator

from ganzoo.game import GAN, Batch

from .building import fault, gan


class NoTanh(TinyGenerator):
    """Pixels without bounds."""

    def __init__(self) -> None:
        super().__init__()
        self.body = self.body[:-1]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return 3 * super().forward(latent, labels)


class WrongSize(TinyGenerator):
    """Images that are flat."""

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(latent, labels).flatten(2)


class Half(GAN):
    """Generates in half precision."""

    def generate(self, net: nn.Module, request: Batch, rng: torch.Generator) -> Tensor:
        return super().generate(net, request, rng).half()


class StaysInEval(GAN):
    """Forgets to put the training mode back."""

    @torch.no_grad()
    def generate(self, net: nn.Module, request: Batch, rng: torch.Generator) -> Tensor:
        images: Tensor = net.eval()(request["latent"])
        return images


@fault
def _no_tanh() -> GAN:
    return gan(g=NoTanh)


@fault
def _wrong_size() -> GAN:
    return gan(g=WrongSize)


@fault
def _half() -> GAN:
    return gan(kind=Half)


@fault
def _stays_in_eval() -> GAN:
    return gan(kind=StaysInEval)


class WrongScores(TinyDiscriminator):
    """Scores (N, 1)."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(images).unsqueeze(1)


class SecretlyMixes(TinyDiscriminator):
    """Batch norm without saying so."""

    def __init__(self) -> None:
        super().__init__()
        self.body.append(nn.BatchNorm1d(self.feature_dim))


class PositiveEnergy(EnergyDiscriminator):
    """An error with the wrong sign."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return -super().forward(images)


@fault
def _wrong_scores() -> GAN:
    return gan(d=WrongScores)


@fault
def _secretly_mixes() -> GAN:
    return gan(d=SecretlyMixes)


@fault
def _positive_energy() -> GAN:
    return GAN(TinyGenerator(), PositiveEnergy(), EnergyBalance(gamma=0.9), OPTIONS)
