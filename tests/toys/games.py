"""Games of every shape that the contract must carry; the paper that each stands for is in its docstring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ganzoo.game import GAN, Batch, Game, Plan, Player, Terms, Turn
from ganzoo.options import GANOptions, OptimizerSpec

from .losses import R1, R2, EnergyBalance, Logistic, OffCentre, Relativistic, Wasserstein, cross_entropy
from .networks import (
    CLASSES,
    HIDDEN,
    LATENT,
    PIXELS,
    CodeGenerator,
    EnergyDiscriminator,
    TinyDiscriminator,
    TinyGenerator,
)
from .translation import CycleGame

ADAM = OptimizerSpec(lr=1e-2)
OPTIONS = GANOptions(d_optimizer=ADAM, g_optimizer=ADAM)


class WarmUpGame(GAN):
    """WGAN, Arjovsky et al. 2017, arXiv:1701.07875: more critic updates at the start and every few iterations."""

    def rounds(self, iteration: int) -> Plan:
        n_critic = 6 if iteration < 2 or iteration % 5 == 0 else 2
        return (("d",),) * n_critic + (("g",),)


class LazyGame(GAN):
    """R1 in every fourth iteration through D's own optimizer, Karras et al. 2020, arXiv:1912.04958."""

    def __init__(self) -> None:
        super().__init__(TinyGenerator(), TinyDiscriminator(), Logistic(), OPTIONS)
        self.r1 = R1()

    def players(self) -> Sequence[Player]:
        d, g = super().players()
        return (d, replace(d, name="r1", loss=self.lazy_terms, optimizer="d"), g)

    def lazy_terms(self, turn: Turn) -> Terms:
        real = turn.batch["images"].detach().requires_grad_()
        return {name: 4 * term for name, term in self.r1.terms(self.scores(real, None), real).items()}

    def rounds(self, iteration: int) -> Plan:
        return (("d", "r1", "g"),) if iteration % 4 == 0 else (("d", "g"),)


class InfoGame(GAN):
    """InfoGAN, Chen et al. 2016, arXiv:1606.03657: ``q`` moves the generator, D's body and a posterior head."""

    discriminator: TinyDiscriminator

    def __init__(self) -> None:
        super().__init__(CodeGenerator(), TinyDiscriminator(), Logistic(), OPTIONS)
        self.posterior = nn.Linear(HIDDEN, CLASSES)

    def players(self) -> Sequence[Player]:
        shared = (*self.generator.parameters(), *self.discriminator.body.parameters(), *self.posterior.parameters())
        return (*super().players(), Player(name="q", params=shared, loss=self.information_terms, optimizer=ADAM))

    def rounds(self, iteration: int) -> Plan:
        return (("d", "g", "q"),)

    def information_terms(self, turn: Turn) -> Terms:
        latent = self.latent(turn)
        logits = self.posterior(self.discriminator.features(self.generator(latent)))
        return {"information": cross_entropy(logits, latent[:, :CLASSES].argmax(dim=1))}


class AuxiliaryGame(GAN):
    """ACGAN, Odena et al. 2017, arXiv:1610.09585: the labels reach a classifier on D's features, not D's score."""

    labels_in_both = False
    discriminator: TinyDiscriminator

    def __init__(self) -> None:
        super().__init__(TinyGenerator(classes=CLASSES), TinyDiscriminator(), Logistic(), OPTIONS)
        self.classifier = nn.Linear(HIDDEN, CLASSES)

    def players(self) -> Sequence[Player]:
        d, g = super().players()
        return (replace(d, params=(*d.params, *self.classifier.parameters())), g)

    def class_term(self, images: Tensor, turn: Turn) -> Tensor:
        return cross_entropy(self.classifier(self.discriminator.features(images)), turn.batch["labels"])

    def discriminator_terms(self, turn: Turn) -> Terms:
        fake = self.fake(turn, "d").detach()
        classes = {"class_real": self.class_term(turn.batch["images"], turn), "class_fake": self.class_term(fake, turn)}
        return super().discriminator_terms(turn) | classes

    def generator_terms(self, turn: Turn) -> Terms:
        return super().generator_terms(turn) | {"class": self.class_term(self.fake(turn, "g"), turn)}


class OrthogonalGame(GAN):
    """BigGAN's regulariser on G's weights and truncation at sampling, Brock et al. 2019, arXiv:1809.11096."""

    def generator_terms(self, turn: Turn) -> Terms:
        return super().generator_terms(turn) | {"orthogonal": sum(map(overlap, self.matrices()), torch.zeros(()))}

    def matrices(self) -> list[Tensor]:
        assert isinstance(self.generator, TinyGenerator)
        return [weight for weight in self.generator.body.parameters() if weight.ndim == 2]

    def request(self, n: int, rng: torch.Generator, given: Batch | None = None) -> Batch:
        request = super().request(n, rng, given)
        return Batch(request | {"latent": request["latent"].clamp(-0.5, 0.5)})


def overlap(weight: Tensor) -> Tensor:
    """The squared off-diagonal entries of W W^T."""
    gram = weight @ weight.T
    return (gram - torch.diag(gram.diagonal())).square().sum()


class AutoencoderGame(Game):
    """One player. A variational autoencoder, Kingma & Welling 2014, arXiv:1312.6114."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENT))
        self.decoder = TinyGenerator()

    def players(self) -> Sequence[Player]:
        return (Player(name="vae", params=tuple(self.parameters()), loss=self.terms, optimizer=ADAM),)

    def rounds(self, iteration: int) -> Plan:
        return (("vae",),)

    def terms(self, turn: Turn) -> Terms:
        images = turn.batch["images"]
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        noise = torch.randn(mean.shape, generator=turn.rng, device=mean.device)
        rebuilt = self.decoder(mean + noise * (log_variance / 2).exp())
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
        return {"rebuild": (rebuilt - images).square().sum(dim=(1, 2, 3)).mean(), "kl": divergence.mean()}

    def exported(self) -> nn.Module:
        return self.decoder

    def request(self, n: int, rng: torch.Generator, given: Batch | None = None) -> Batch:
        return Batch({"latent": self.decoder.sample_latent(n, rng, device=rng.device)} | (given or {}))

    @torch.no_grad()
    def generate(self, net: nn.Module, request: Batch, rng: torch.Generator) -> Tensor:
        return net(request["latent"])


class GrowingGenerator(TinyGenerator):
    """Images of 2 x 2 pixels that fade into 4 x 4 ones, as ``fade`` says."""

    fade: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.coarse = nn.Sequential(nn.Linear(LATENT, 4), nn.Tanh())
        self.register_buffer("fade", torch.tensor(0.0))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        coarse = interpolate(self.coarse(latent).view(-1, 1, 2, 2), scale_factor=2)
        return torch.lerp(coarse, super().forward(latent), self.fade)


class GrowingGame(GAN):
    """ProGAN, Karras et al. 2018, arXiv:1710.10196: a pair of players a stage, each with an optimizer of its own."""

    generator: GrowingGenerator

    def __init__(self, *, stage: int = 4) -> None:
        super().__init__(GrowingGenerator(), TinyDiscriminator(), Logistic(), OPTIONS, share_fake=False)
        self.stage = stage

    def players(self) -> Sequence[Player]:
        d, g = super().players()
        coarse = tuple(self.generator.coarse.parameters())
        return (replace(d, name="d_coarse"), replace(g, name="g_coarse", params=coarse), d, g)

    def rounds(self, iteration: int) -> Plan:
        return (("d_coarse", "g_coarse"),) if iteration < self.stage else (("d", "g"),)

    def noisy(self, images: Tensor, turn: Turn) -> Tensor:
        blurred = interpolate(avg_pool2d(images, 2), scale_factor=2)
        return torch.lerp(blurred, images, self.generator.fade)

    def after_update(self, player: str, terms: Terms, turn: Turn) -> None:
        super().after_update(player, terms, turn)
        self.generator.fade.copy_(((turn.step + 1 - self.stage) / self.stage).clamp(0, 1))


def _vanilla() -> Game:
    return GAN(TinyGenerator(), TinyDiscriminator(), Logistic(), OPTIONS)


def _conditional() -> Game:
    return GAN(TinyGenerator(classes=CLASSES), TinyDiscriminator(classes=CLASSES), Logistic(), OPTIONS)


def _critic() -> Game:
    return GAN(TinyGenerator(), TinyDiscriminator(), Wasserstein(), OPTIONS, penalties=[OffCentre()], n_critic=3)


def _clipped() -> Game:
    rmsprop = OptimizerSpec(name="rmsprop", lr=1e-3)
    options = GANOptions(d_optimizer=rmsprop, g_optimizer=rmsprop)
    return WarmUpGame(TinyGenerator(), TinyDiscriminator(), Wasserstein(), options, n_critic=2, clip=0.05)


def _relativistic() -> Game:
    penalties = [R1(decay=0.9), R2(decay=0.9)]
    return GAN(TinyGenerator(), TinyDiscriminator(), Relativistic(), OPTIONS, penalties=penalties)


def _energy() -> Game:
    return GAN(TinyGenerator(), EnergyDiscriminator(), EnergyBalance(gamma=0.9), OPTIONS)


def _orthogonal() -> Game:
    return OrthogonalGame(TinyGenerator(), TinyDiscriminator(), Logistic(), OPTIONS, n_critic=2)


GAMES: dict[str, Callable[[], Game]] = {
    "vanilla": _vanilla,
    "conditional": _conditional,
    "critic": _critic,
    "clipped": _clipped,
    "relativistic": _relativistic,
    "energy": _energy,
    "lazy": LazyGame,
    "info": InfoGame,
    "auxiliary": AuxiliaryGame,
    "orthogonal": _orthogonal,
    "autoencoder": AutoencoderGame,
    "cycle": CycleGame,
    "growing": GrowingGame,
}
"""A builder for each toy game; the weights come from the global generator, so seed it first or use :func:`build`."""


def build(name: str, *, seed: int = 0) -> Game:
    """The game ``name`` with weights drawn from ``seed``; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GAMES[name]()
