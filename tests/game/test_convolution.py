"""A convolution to be differentiated twice gives torch's own numbers, and no gradient that nobody asked for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torch.utils._python_dispatch import TorchDispatchMode

from ganzoo.game import convolution
from ganzoo.game.convolution import FastSecondDerivatives, convolve

FORMS = {
    "plain": ((1, 1), (0, 0), (1, 1), 1),
    "strided": ((2, 2), (2, 2), (1, 1), 1),
    "uneven": ((1, 2), (0, 1), (2, 1), 1),
    "grouped": ((1, 1), (1, 1), (1, 1), 2),
}


class Ran(TorchDispatchMode):
    """Notes the operators that run, and of convolution's gradient which were asked for."""

    def __init__(self):
        super().__init__()
        self.names, self.masks = [], []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        if "convolution_backward" in str(function):
            self.masks.append(args[-1])
        return function(*args, **(kwargs or {}))


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """What holds for CUDA, on a CPU."""
    monkeypatch.setattr(convolution, "_is_ours", lambda images, *rest: images.ndim == 4)


def tensors(groups: int, biased: bool) -> tuple[Tensor, ...]:
    rng = torch.Generator().manual_seed(0)
    shapes = [(2, 2, 5, 6), (4, 2 // groups, 3, 3), *([(4,)] if biased else [])]
    return tuple(torch.randn(shape, dtype=torch.double, generator=rng).requires_grad_() for shape in shapes)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_all_derivatives_of_first_and_convolution(form, biased):
    inputs = tensors(FORMS[form][-1], biased)

    def ours(images: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return convolve(images, weight, bias, *FORMS[form])

    torch.testing.assert_close(ours(*inputs), conv2d(*inputs[:2], *(inputs[2:] or [None]), *FORMS[form]))
    assert torch.autograd.gradcheck(ours, inputs)
    assert torch.autograd.gradgradcheck(ours, inputs)


def test_a_penalty_asks_for_what_it_needs_and_for_no_strange_convolution(as_on_a_gpu):
    critic = nn.Sequential(nn.Conv2d(1, 4, 3), nn.LeakyReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 1))
    images = torch.rand(2, 1, 8, 8, requires_grad=True)

    def penalise() -> tuple[list[Tensor], Ran]:
        with Ran() as ran:
            (slope,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)
            slope.square().sum().backward(inputs=[layer.weight for layer in critic if hasattr(layer, "weight")])
        found = [layer.weight.grad.clone() for layer in critic if hasattr(layer, "weight")]
        critic.zero_grad()
        return found, ran

    expected, _ = penalise()
    with FastSecondDerivatives():
        found, ran = penalise()
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    # Forwards, and again along the gradient of the images; a gradient by two things at once is one that nobody needs.
    assert sum("aten.convolution.default" in name for name in ran.names) == 4
    assert ran.masks.count([True, False, False]) == 2
    assert set(map(tuple, ran.masks)) == {(True, False, False), (False, True, False)}


def test_what_it_leaves_to_torch(monkeypatch):
    monkeypatch.setattr(convolution, "convolve", None)
    with FastSecondDerivatives():
        assert nn.Conv2d(1, 1, 3)(torch.rand(1, 1, 4, 4)).shape == (1, 1, 2, 2)  # on a CPU
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    same = (torch.rand(1, 1, 4, 4), torch.rand(1, 1, 3, 3), None, (1, 1))
    assert convolution._is_ours(*same, (0, 0))
    assert not convolution._is_ours(*same, "same")
    assert not convolution._is_ours(torch.rand(1, 4, 4), *same[1:], (0, 0))


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        ({}, ((1, 1), (0, 0), (1, 1), 1)),
        ({"stride": 2, "padding": (1, 0)}, ((2, 2), (1, 0), (1, 1), 1)),
        ({"stride": [3], "dilation": 2, "groups": 4}, ((3, 3), (0, 0), (2, 2), 4)),
        ({"padding": "same"}, ((1, 1), "same", (1, 1), 1)),
    ],
)
def test_arguments_as_torch_takes_them(given, bound):
    assert convolution._bind("images", "weight", **given)[3:] == bound
