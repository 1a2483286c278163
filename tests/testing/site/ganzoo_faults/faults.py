"""Games that break one rule each; the check that must catch each is in :data:`ganzoo_faults.plugin.FAULTS`."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from toys.faulty import FloatScheduleGame, asking, counting
from toys.faulty import ListPoolGame as ListPool
from toys.games import OPTIONS
from toys.losses import EnergyBalance, Logistic, OffCentre, Wasserstein
from toys.networks import EnergyDiscriminator, TinyDiscriminator, TinyGenerator

from ganzoo.game import GAN, Batch, Loss, Plan, Player, Terms, Turn

Build = Callable[[], GAN]
BUILDERS: dict[str, Build] = {}


def __getattr__(name: str) -> Callable[..., GAN]:
    if name not in BUILDERS:
        raise AttributeError(name)
    return lambda options, networks, data: BUILDERS[name]()


def fault(build: Build) -> Build:
    """Make ``build`` known by its name without the underscore."""
    BUILDERS[build.__name__.removeprefix("_")] = build
    return build


def gan(loss: Loss | None = None, *, g: Any = TinyGenerator, d: Any = TinyDiscriminator, kind: Any = GAN) -> GAN:
    """A small GAN with one part exchanged."""
    made: GAN = kind(g(), d(), loss or Logistic(), OPTIONS)
    return made


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


BUILDERS |= {name: lambda name=name: asking(name) for name in ("item", "if", "mask")}  # type: ignore[misc]
BUILDERS |= {"counter": counting, "counter_again": counting, "float_schedule": FloatScheduleGame}
BUILDERS |= {"list_pool": ListPool, "list_pool_again": ListPool}


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
        self.scale = float(self.body[0].weight.std())


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
