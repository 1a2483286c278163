from __future__ import annotations

import pytest
import torch

from ganzoo.game import Batch, Turn


@pytest.fixture
def turn(rng: torch.Generator) -> Turn:
    return Turn(Batch(images=torch.zeros(2, 1, 4, 4)), rng, torch.tensor(0))


def test_size_is_the_common_first_dimension() -> None:
    assert Batch(a=torch.zeros(3, 1, 2, 2), b=torch.zeros(3, 1, 2, 2)).size == 3
    assert Batch().size == 0


def test_to_moves_every_tensor_and_keeps_the_type() -> None:
    moved = Batch(images=torch.zeros(2, 1), labels=torch.zeros(2)).to("meta")
    assert isinstance(moved, Batch)
    assert {name: tensor.device.type for name, tensor in moved.items()} == {"images": "meta", "labels": "meta"}


def test_once_makes_a_value_once_a_key(turn: Turn) -> None:
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name

    answers = [turn.once(name, lambda name=name: make(name)) for name in ("fake", "fake", "other")]
    assert answers == ["fake", "fake", "other"]
    assert made == ["fake", "other"]


def test_once_remembers_none_too(turn: Turn) -> None:
    assert turn.once("nothing", lambda: None) is None
    assert turn.once("nothing", lambda: pytest.fail("made twice")) is None


def test_two_turns_share_no_memo(rng: torch.Generator) -> None:
    first, second = (Turn(Batch(), rng, torch.tensor(0)) for _ in range(2))
    assert (first.once("x", lambda: 1), second.once("x", lambda: 2)) == (1, 2)


def test_show_keeps_values_without_their_graph(turn: Turn) -> None:
    weight = torch.tensor(2.0, requires_grad=True)
    turn.show(estimate=weight * 3)
    assert turn.shown["estimate"] == 6
    assert not turn.shown["estimate"].requires_grad
