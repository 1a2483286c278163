"""How often the two checks that hang on chance are wrong; docs/checking.md has the table of the built-in variants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ganzoo.game import Terms, Turn
from ganzoo.testing import Case
from ganzoo.testing.checks import direction, learning
from ganzoo.testing.lab import Lab
from ganzoo.training.engine import Engine

SEEDS = range(5)


def flip(name: str) -> direction.Change:
    """Turns the sign of a player's terms round."""

    def change(engine: Engine) -> None:
        right = engine.players[name]

        def loss(turn: Turn) -> Terms:
            return {term: -value for term, value in right.loss(turn).items()}

        engine.players[name] = replace(right, loss=loss)  # the cycle's players are the engine's

    return change


def direction_passes(case: Case, seed: int, change: direction.Change = lambda engine: None) -> tuple[bool, bool]:
    """Whether d's updates and g's updates are judged right."""
    _, gap, fake = direction.measure(Lab(case), seed, change)
    return gap > 0, fake > 0


def learning_passes(case: Case, seed: int, change: direction.Change = lambda engine: None) -> bool:
    distances, control, _ = learning.measure(Lab(case), seed, change)
    return learning.learnt(distances, control)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["toy-vanilla", "toy-critic", "toy-relativistic", "toy-energy"])
def test_directions_are_told_apart_with_every_seed(name: str) -> None:
    case = Case(name, dataset="toy-images")
    for seed in SEEDS:
        assert direction_passes(case, seed) == (True, True), seed
        assert not direction_passes(case, seed, flip("d"))[0], seed
        assert not direction_passes(case, seed, flip("g"))[1], seed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["toy-critic"])
def test_learning_is_told_from_its_contrary(name: str) -> None:
    case = Case(name, dataset="toy-images", learning_steps=480)
    assert all(learning_passes(case, seed) for seed in range(4))
    assert not any(learning_passes(case, seed, flip("g")) for seed in range(2))
