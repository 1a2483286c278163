"""Operations against closed forms, and tables that add up."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo.report.layers import count_flops, layer_table


def test_a_linear_layer_costs_2ab():
    net = nn.Linear(30, 7, device="meta")
    assert count_flops(lambda: net(torch.empty(5, 30, device="meta"))) == 5 * 2 * 30 * 7


def test_a_convolution_costs_its_kernel_at_each_output():
    net = nn.Conv2d(3, 16, 5, stride=2, padding=2, device="meta")
    assert count_flops(lambda: net(torch.empty(1, 3, 28, 28, device="meta"))) == 2 * (3 * 5 * 5) * 16 * 14 * 14


def test_a_transposed_convolution_costs_its_kernel_at_each_input():
    net = nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1, device="meta")
    assert count_flops(lambda: net(torch.empty(1, 8, 7, 7, device="meta"))) == 2 * (4 * 4 * 4) * 8 * 7 * 7


def test_norms_and_activations_are_left_out():
    net = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())
    assert count_flops(lambda: net(torch.ones(2, 4, 3, 3))) == 0


def test_a_backward_pass_is_counted():
    net = nn.Linear(30, 7)
    images = torch.ones(5, 30, requires_grad=True)
    forward = 5 * 2 * 30 * 7
    assert count_flops(lambda: net(images).sum().backward()) == 3 * forward  # and the gradients of input and weight


def test_a_gradient_penalty_is_counted():
    critic = nn.Sequential(nn.Linear(30, 7, bias=False), nn.Tanh(), nn.Linear(7, 1, bias=False))

    def penalty() -> None:
        at = torch.ones(5, 30, requires_grad=True)
        (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
        gradient.square().sum().backward()

    first, second = 2 * 5 * 30 * 7, 2 * 5 * 7  # one product with each weight
    forward, gradient = first + second, first + second
    # The backward pass of the gradient's own graph: both factors of the first layer's product, the weight of the
    # second's (its other factor is a constant), then through the tanh to the weight and the input of the first layer.
    double_backward = 2 * first + second + 2 * first
    assert count_flops(penalty) == forward + gradient + double_backward


class Shared(nn.Module):
    """A layer that runs twice, a parameter of its own, and an operation outside any layer."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.twice.weight
        self.mix = nn.Parameter(torch.ones(4, 3))

    def forward(self, x):
        return self.tied(self.twice(self.twice(x))) @ self.mix


def test_rows_add_up_to_the_whole():
    net = Shared()
    rows = layer_table(net, torch.ones(2, 4))
    assert [row.name for row in rows] == ["twice", "tied", ""]
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in net.parameters())
    assert sum(row.flops for row in rows) == count_flops(lambda: net(torch.ones(2, 4)))
    twice, tied, own = rows
    assert twice.flops == 2 * tied.flops == 2 * (2 * 2 * 4 * 4)
    assert (twice.parameters, tied.parameters, own.parameters) == (20, 4, 12)
    assert (own.flops, own.output_shape) == (2 * 2 * 4 * 3, (2, 3))


def test_a_container_has_no_row():
    rows = layer_table(nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.ReLU())), torch.ones(1, 2))
    assert [(row.name, row.type, row.output_shape) for row in rows] == [
        ("0.0", "Linear", (1, 3)),
        ("0.1", "ReLU", (1, 3)),
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_the_module_is_left_as_it_was(fails):
    net = nn.Linear(2, 3)
    before = net.weight.clone()
    if fails:
        with pytest.raises(RuntimeError):
            layer_table(net, torch.ones(1, 5))
    else:
        layer_table(net, torch.ones(1, 2))
    assert torch.equal(net.weight, before)
    assert not net._forward_hooks
    assert not net._forward_pre_hooks


def test_an_output_that_is_no_tensor_has_no_shape():
    class Pair(nn.Module):
        def forward(self, x):
            return (x, x) if x.sum() > 0 else None

    assert layer_table(Pair(), torch.ones(2, 3))[0].output_shape == (2, 3)
    assert layer_table(Pair(), torch.zeros(2, 3))[0].output_shape == ()
