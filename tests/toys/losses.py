"""The losses and penalties of the zoo's families, in their shortest form."""

from __future__ import annotations

import torch
from torch import Tensor, autograd, nn
from torch.nn.functional import softplus

from ganzoo.game import Loss, Penalty, Terms


class Logistic(Loss):
    """Non-saturating cross-entropy, Goodfellow et al. 2014, arXiv:1406.2661."""

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        return {"real": softplus(-real_scores).mean(), "fake": softplus(fake_scores).mean()}

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        return {"fake": softplus(-fake_scores).mean()}

    def diagnostics(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        return {"accuracy_real": (real_scores > 0).float().mean()}


class LeastSquares(Loss):
    """Targets 0 and 1, Mao et al. 2017, arXiv:1611.04076. Takes scores of any shape, such as one for each patch."""

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        return {"real": (real_scores - 1).square().mean(), "fake": fake_scores.square().mean()}

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        return {"fake": (fake_scores - 1).square().mean()}


class Wasserstein(Loss):
    """Arjovsky et al. 2017, arXiv:1701.07875."""

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        return {"real": -real_scores.mean(), "fake": fake_scores.mean()}

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        return {"fake": -fake_scores.mean()}


class Relativistic(Loss):
    """Relativistic pairing, Huang et al. 2025, arXiv:2501.05441."""

    generator_needs_real = True

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        return {"pair": softplus(fake_scores - real_scores).mean()}

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        assert real_scores is not None
        return {"pair": softplus(real_scores - fake_scores).mean()}


class EnergyBalance(Loss):
    """BEGAN's equilibrium, Berthelot et al. 2017, arXiv:1703.10717: k and the learning rate are buffers."""

    needs_energy = True
    k: Tensor
    real: Tensor

    def __init__(self, gamma: float = 0.5, step: float = 0.1) -> None:
        super().__init__()
        self.gamma, self.step = gamma, step
        self.register_buffer("k", torch.tensor(0.0))
        self.register_buffer("real", torch.tensor(0.0))
        self.register_buffer("lr_scale", torch.tensor(1.0))

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        return {"real": -real_scores.mean(), "fake": self.k * fake_scores.mean()}

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        return {"fake": -fake_scores.mean()}

    def after_update(self, player: str, terms: Terms) -> None:
        if player == "d":
            self.real.copy_(terms["real"])
        else:
            self.k.add_(self.step * (self.gamma * self.real - terms["fake"])).clamp_(0, 1)
            self.lr_scale.mul_(0.99)


class R1(Penalty):
    """Half the squared gradient at the real images, Mescheder et al. 2018, arXiv:1801.04406; the weight is annealed."""

    name = "r1"
    weight: Tensor

    def __init__(self, *, decay: float = 1.0) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("weight", torch.tensor(1.0))

    def points(self, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
        return real

    def terms(self, scores: Tensor, points: Tensor) -> Terms:
        (slope,) = autograd.grad(scores.sum(), points, create_graph=True)
        return {self.name: self.weight * 0.5 * slope.flatten(1).square().sum(dim=1).mean()}

    def after_update(self, player: str, terms: Terms) -> None:
        if player == "d":
            self.weight.mul_(self.decay)


class R2(R1):
    """The same at the fake images."""

    name = "r2"

    def points(self, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
        return fake


class OffCentre(R1):
    """A gradient penalty at points of its own, between real and fake images: WGAN-GP's choice."""

    name = "between"

    def points(self, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
        share = torch.rand(len(real), 1, 1, 1, generator=rng, device=real.device)
        return torch.lerp(real, fake, share)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of class logits (N, K) against labels (N,)."""
    return nn.functional.cross_entropy(logits, labels)
