"""Games that break the rules of a step: they play well eagerly, and wrongly or not at all where a step is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ganzoo.game import GAN, Player, Terms, Turn

from .games import OPTIONS
from .losses import Logistic
from .networks import TinyDiscriminator, TinyGenerator


class CountingLoss(Logistic):
    """Counts its calls in Python, where a buffer should."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        self.calls += 1
        return {"fake": super().generator(fake_scores)["fake"] * (1 + self.calls / 10)}


class ListPoolGame(GAN):
    """Keeps the last fakes in a Python list, and shows D the oldest of them."""

    def __init__(self) -> None:
        super().__init__(TinyGenerator(), TinyDiscriminator(), Logistic(), OPTIONS)
        self.pool: list[Tensor] = []

    def discriminator_terms(self, turn: Turn) -> Terms:
        self.pool = [*self.pool[-2:], self.fake(turn, "d").detach()]
        return self.loss.discriminator(self.scores(turn.batch["images"], None), self.scores(self.pool[0], None))


class FloatScheduleGame(GAN):
    """Lowers the learning rate of G by a Python number."""

    def __init__(self) -> None:
        super().__init__(TinyGenerator(), TinyDiscriminator(), Logistic(), OPTIONS)
        self.updates = 0

    def players(self) -> tuple[Player, ...]:
        d, g = super().players()
        return d, replace(g, schedule=lambda step: torch.tensor(0.7**self.updates))

    def after_update(self, player: str, terms: Terms, turn: Turn) -> None:
        super().after_update(player, terms, turn)
        self.updates += player == "g"


def counting() -> GAN:
    """A GAN with :class:`CountingLoss`."""
    return GAN(TinyGenerator(), TinyDiscriminator(), CountingLoss(), OPTIONS)


STATEFUL: dict[str, Callable[[], GAN]] = {
    "counter": counting,
    "list pool": ListPoolGame,
    "float schedule": FloatScheduleGame,
}
"""Games whose state lies outside of tensors."""


class AskingLoss(Logistic):
    """Adds ``ask(scores)`` to the generator's term."""

    def __init__(self, ask: Callable[[Tensor], Tensor | float]) -> None:
        super().__init__()
        self.ask = ask

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        return {"fake": super().generator(fake_scores)["fake"] + self.ask(fake_scores.detach())}


def asking(name: str) -> GAN:
    """A GAN whose loss asks the device for a value in the way ``name``."""
    return GAN(TinyGenerator(), TinyDiscriminator(), AskingLoss(ASKING[name]), OPTIONS)


def _item(scores: Tensor) -> float:
    return scores.mean().item()


def _if(scores: Tensor) -> float:
    return 1.0 if scores.mean() > 0 else 0.0


def _float(scores: Tensor) -> float:
    return float(scores.mean())


def _tolist(scores: Tensor) -> float:
    return max(scores.tolist())


def _numpy(scores: Tensor) -> float:
    return scores.numpy().mean()


def _cpu(scores: Tensor) -> Tensor:
    return scores.cpu().mean()


def _mask(scores: Tensor) -> Tensor:
    return scores[scores >= scores.median()].mean()


def _masked_select(scores: Tensor) -> Tensor:
    return scores.masked_select(scores >= scores.median()).mean()


def _nonzero(scores: Tensor) -> Tensor:
    return (scores > 0).nonzero().float().sum()


def _where(scores: Tensor) -> Tensor:
    return torch.where(scores > 0)[0].float().sum()


def _unique(scores: Tensor) -> Tensor:
    return scores.unique().sum()


def _equal(scores: Tensor) -> float:
    return float(torch.equal(scores, scores))


def _membership(scores: Tensor) -> float:
    return float(0.5 in scores)


def _text(scores: Tensor) -> float:
    return float(len(f"{scores.mean():.2f}"))


def _slice(scores: Tensor) -> Tensor:
    return scores[: (scores > -9).sum()].mean()


ASKING: dict[str, Callable[[Tensor], Tensor | float]] = {
    "item": _item,
    "if": _if,
    "float": _float,
    "tolist": _tolist,
    "numpy": _numpy,
    "cpu": _cpu,
    "mask": _mask,
    "masked_select": _masked_select,
    "nonzero": _nonzero,
    "where": _where,
    "unique": _unique,
    "equal": _equal,
    "in": _membership,
    "text": _text,
    "slice": _slice,
}
"""Functions of one line that ask a tensor for its value, or for a shape that depends on it."""

UNSEEN = ("tolist", "numpy", "cpu")
"""Those of :data:`ASKING` that are no operations of torch, so no tape can notice them."""
