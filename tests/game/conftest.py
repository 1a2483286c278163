from __future__ import annotations

import pytest
import torch
from toys import ToyBatcher
from toys.gans import MakeTurn

from ganzoo.game import Game, Turn


@pytest.fixture
def make_turn(rng: torch.Generator) -> MakeTurn:
    """A turn of ``game`` on a toy batch: ``make_turn(game, "d", "g", step=3)``."""

    def make(game: Game, *players: str, step: int = 0) -> Turn:
        return Turn(ToyBatcher(game.needs).draw(), rng, torch.tensor(step), players)

    return make
