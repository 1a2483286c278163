"""A fused optimizer as arithmetic moves weights and moments as the fused operator does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo.training.engine.expansion import ADAM
from ganzoo.training.engine.tape import record


def adam(*, moves: bool, **options):
    """Weights with gradients, and the optimizer of theirs, after two steps; the same at every call."""
    rng = torch.Generator().manual_seed(0)
    weights = [nn.Parameter(torch.randn(shape, generator=rng)) for shape in ((3, 4), (5,))]
    lr = torch.tensor(0.01) if moves else 0.01
    optimizer = torch.optim.Adam(weights, lr=lr, betas=(0.5, 0.9), eps=1e-3, fused=True, **options)

    def step() -> None:
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=rng)
        optimizer.step()

    step()
    step()
    return weights, optimizer, step


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("moves", [False, True])
def test_adam_is_the_fused_one(moves, weight_decay):
    (ours, optimizer, expanded), (theirs, other, fused) = (adam(moves=moves, weight_decay=weight_decay) for _ in "ab")
    tape = record(expanded, ADAM)
    fused()
    assert not any("fused_adam" in operation.name for operation in tape.operations)
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its)
        for name, value in other.state[its].items():
            torch.testing.assert_close(optimizer.state[mine][name], value)


def test_without_expansions_the_operator_stays():
    tape = record(adam(moves=False)[2])
    assert sum("fused_adam" in operation.name for operation in tape.operations) == 1
