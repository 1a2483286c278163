"""A CycleGAN-shaped game: four networks, three players, an image pool. Zhu et al. 2017, arXiv:1703.10593."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganzoo.errors import ConfigError
from ganzoo.game import Batch, DataNeeds, Game, Plan, Player, Terms, Turn
from ganzoo.options import OptimizerSpec

from .losses import LeastSquares
from .networks import HIDDEN, PIXELS, SHAPE, TinyDiscriminator


class Translator(nn.Module):
    """Images (N, C, H, W) to images of the same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, PIXELS), nn.Tanh())

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images.flatten(1)).view(-1, *SHAPE)


class ImagePool(nn.Module):
    """Earlier fakes, half of which are shown to D in place of new ones (Shrivastava et al. 2017, arXiv:1612.07828).

    Reading draws from ``rng`` and moves nothing; :meth:`write` moves the buffers, after the update. ``size`` is a
    multiple of the batch size, so the pool is either filling or full.
    """

    images: Tensor
    filled: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, *SHAPE))
        self.register_buffer("filled", torch.tensor(0))

    def read(self, fresh: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """What D sees, the slots that take part, and what is to be written there; all of N rows."""
        n, size = len(fresh), len(self.images)
        full = self.filled >= size
        in_order = (self.filled + torch.arange(n, device=rng.device)) % size
        at_random = torch.rand(size, generator=rng, device=rng.device).argsort()[:n]
        slots = torch.where(full, at_random, in_order)
        swap = (torch.rand(n, generator=rng, device=rng.device) < 0.5) & full
        old = self.images[slots]
        shown = torch.where(swap.view(-1, 1, 1, 1), old, fresh)
        kept = torch.where((swap | ~full).view(-1, 1, 1, 1), fresh, old)
        return shown, slots, kept

    def write(self, slots: Tensor, kept: Tensor) -> None:
        """Store ``kept`` in ``slots``."""
        self.images[slots] = kept
        self.filled.add_(len(slots)).clamp_(max=len(self.images))


class CycleGame(Game):
    """``g`` moves both translators, ``d_a`` and ``d_b`` a discriminator each; all three on one unpaired batch."""

    needs = DataNeeds(domains=("a", "b"))

    def __init__(self, *, pool_size: int = 8, cycle: float = 10.0, identity: float = 5.0) -> None:
        super().__init__()
        self.translators = nn.ModuleDict({"a": Translator(), "b": Translator()})  # by the domain that comes out
        self.discriminators = nn.ModuleDict({"a": TinyDiscriminator(), "b": TinyDiscriminator()})
        self.pools = nn.ModuleDict({"a": ImagePool(pool_size), "b": ImagePool(pool_size)})
        self.loss = LeastSquares()
        self.cycle, self.identity = cycle, identity

    def players(self) -> Sequence[Player]:
        adam = OptimizerSpec(lr=1e-2)
        critics = [
            Player(
                name=f"d_{domain}",
                params=tuple(self.discriminators[domain].parameters()),
                loss=lambda turn, domain=domain: self.critic_terms(turn, domain),
                optimizer=adam,
            )
            for domain in "ab"
        ]
        g = Player(name="g", params=tuple(self.translators.parameters()), loss=self.translator_terms, optimizer=adam)
        return (g, *critics)

    def rounds(self, iteration: int) -> Plan:
        return (("g", "d_a", "d_b"),)

    def fake(self, turn: Turn, domain: str) -> Tensor:
        """Fakes of ``domain`` from the real images of the other, with a graph for ``g``."""
        other = {"a": "b", "b": "a"}[domain]
        return turn.once(f"fake {domain}", lambda: self.translators[domain](turn.batch[other]))

    def pooled(self, turn: Turn, domain: str) -> tuple[Tensor, Tensor, Tensor]:
        """What the pool answers in this round."""
        fresh = self.fake(turn, domain).detach()
        return turn.once(f"pooled {domain}", lambda: self.pools[domain].read(fresh, turn.rng))

    def translator_terms(self, turn: Turn) -> Terms:
        terms: Terms = {}
        for domain, other in (("a", "b"), ("b", "a")):
            real, fake = turn.batch[domain], self.fake(turn, domain)
            terms[f"fake_{domain}"] = self.loss.generator(self.discriminators[domain](fake))["fake"]
            back = self.translators[other](fake)
            terms[f"cycle_{other}"] = self.cycle * (back - turn.batch[other]).abs().mean()
            terms[f"identity_{domain}"] = self.identity * (self.translators[domain](real) - real).abs().mean()
        return terms

    def critic_terms(self, turn: Turn, domain: str) -> Terms:
        critic = self.discriminators[domain]
        shown, _, _ = self.pooled(turn, domain)
        return self.loss.discriminator(critic(turn.batch[domain]), critic(shown))

    def after_update(self, player: str, terms: Terms, turn: Turn) -> None:
        if player.startswith("d_"):
            domain = player[2:]
            _, slots, kept = self.pooled(turn, domain)
            self.pools[domain].write(slots, kept)

    def exported(self) -> nn.Module:
        return self.translators

    def request(self, n: int, rng: torch.Generator, given: Batch | None = None) -> Batch:
        if given is None or not {"a", "b"} & given.keys():
            raise ConfigError("a translation starts from images, and none were given", choices=("a", "b"))
        return Batch({name: images[:n] for name, images in given.items() if name in ("a", "b")})

    @torch.no_grad()
    def generate(self, net: nn.Module, request: Batch, rng: torch.Generator) -> Tensor:
        assert isinstance(net, nn.ModuleDict)
        source, target = ("a", "b") if "a" in request else ("b", "a")
        return net[target](request[source])
