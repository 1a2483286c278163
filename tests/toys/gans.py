"""Small two-player games with repeatable weights, and what tests of them ask again and again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganzoo.game import GAN, Game, Penalty, Player, Terms, Turn

from .data import ToyBatcher
from .losses import Logistic
from .networks import TinyDiscriminator, TinyGenerator

MakeTurn = Callable[..., Turn]


def gan(penalties: list[Penalty] | None = None, classes: int | None = None, **options: object) -> GAN:
    """A small two-player game with repeatable weights."""
    torch.manual_seed(0)
    generator, discriminator = TinyGenerator(classes=classes), TinyDiscriminator(classes=classes)
    return GAN(generator, discriminator, Logistic(), penalties=penalties or [], **options)  # type: ignore[arg-type]


def player(game: Game, name: str) -> Player:
    return next(player for player in game.players() if player.name == name)


def count_calls(module: nn.Module) -> list[int]:
    """Grows by the batch size at each forward pass of ``module``."""
    calls: list[int] = []
    module.register_forward_hook(lambda _, inputs, __: calls.append(len(inputs[0])))
    return calls


def fresh(game: Game, step: int = 0) -> Turn:
    """A turn of both players that draws the same numbers each time."""
    return Turn(ToyBatcher(game.needs).draw(), torch.Generator().manual_seed(0), torch.tensor(step), ("d", "g"))


def total(terms: Terms) -> Tensor:
    return torch.stack(list(terms.values())).sum()
