"""The dropout of the parts against torch's own: the same law, the same gradient, another stream of numbers."""

import pytest
import torch
from torch import nn

from ganzoo.parts.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_drops_the_share_that_it_should_and_keeps_the_mean(p, dtype):
    torch.manual_seed(0)
    n = 1_000_001  # no multiple of four
    result = Dropout(p)(torch.ones(n, dtype=dtype)).float()
    error = 5 * (p * (1 - p) / n) ** 0.5
    assert (result == 0).float().mean().item() == pytest.approx(p, abs=error)
    assert result.double().mean().item() == pytest.approx(
        1, abs=error / (1 - p) + (0.005 if dtype == torch.bfloat16 else 0)
    )
    assert len(result.unique()) == 2


def test_each_of_the_four_activations_that_share_a_number_is_dropped_alike_and_apart():
    torch.manual_seed(0)
    dropped = (Dropout(0.3)(torch.ones(250_000, 4)) == 0).double()
    assert dropped.mean(0).tolist() == pytest.approx([0.3] * 4, abs=0.005)
    correlation = torch.corrcoef(dropped.T) - torch.eye(4)
    assert correlation.abs().max().item() < 0.01


def test_the_gradient_passes_where_the_activation_passed():
    torch.manual_seed(0)
    x = torch.randn(8, 3, 5, requires_grad=True)
    result = Dropout(0.5)(x)
    result.sum().backward()
    assert torch.equal(x.grad, torch.where(result == 0, 0.0, 2.0))
    assert torch.allclose(result, x * x.grad)


@pytest.mark.parametrize("module", [Dropout(0.3).eval(), Dropout(0.0), nn.Sequential(Dropout(0.3)).eval()])
def test_does_nothing_where_there_is_nothing_to_do(module):
    x = torch.randn(4, 4)
    before = torch.get_rng_state()
    assert torch.equal(module(x), x)
    assert torch.equal(torch.get_rng_state(), before)


def test_repeats_with_the_global_stream():
    torch.manual_seed(3)
    first = Dropout(0.3)(torch.ones(100))
    torch.manual_seed(3)
    assert torch.equal(Dropout(0.3)(torch.ones(100)), first)
    assert not torch.equal(Dropout(0.3)(torch.ones(100)), first)


def test_a_probability_next_to_one_leaves_next_to_nothing():
    assert not Dropout(1 - 1e-6)(torch.ones(100)).any()
    assert "p=0.3" in repr(Dropout(0.3))
