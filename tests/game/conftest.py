from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from toys import ToyBatcher

from ganzoo.game import Game, Turn

MakeTurn = Callable[..., Turn]


@pytest.fixture
def make_turn(rng: torch.Generator) -> MakeTurn:
    """A turn of ``game`` on a toy batch: ``make_turn(game, "d", "g", step=3)``."""

    def make(game: Game, *players: str, step: int = 0) -> Turn:
        return Turn(ToyBatcher(game.needs).draw(), rng, torch.tensor(step), players)

    return make
