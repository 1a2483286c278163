"""On a GPU, a gradient penalty's convolutions are differentiated in a faster way, and to the same numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganzoo.game import convolution
from ganzoo.game.convolution import FastSecondDerivatives


def penalised(critic: nn.Module, images: Tensor) -> list[Tensor]:
    """The gradients of WGAN-GP's penalty by the weights of ``critic``."""
    (slope,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)
    penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    return list(torch.autograd.grad(penalty, [each for each in critic.parameters() if each.ndim > 1]))


@pytest.mark.parametrize("channels_last", [False, True])
def test_second_derivatives_are_torchs_own(channels_last, monkeypatch):
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 8, 5, 2, 2), nn.Softplus(), nn.Conv2d(8, 8, 3, padding=1, dilation=1, groups=2)]
    critic = nn.Sequential(*layers, nn.Softplus(), nn.Flatten(), nn.Linear(8 * 7 * 7, 1)).cuda().double()
    if channels_last:
        critic.to(memory_format=torch.channels_last)
    images = torch.rand(4, 1, 14, 14, device="cuda", dtype=torch.double, requires_grad=True)
    expected, calls = penalised(critic, images), []
    plain = convolution.convolve
    monkeypatch.setattr(convolution, "convolve", lambda *args: calls.append(1) or plain(*args))
    with FastSecondDerivatives():
        found = penalised(critic, images)
    assert len(calls) == 2
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_what_autocast_computes_is_left_alone(monkeypatch):
    monkeypatch.setattr(convolution, "convolve", None)
    with FastSecondDerivatives(), torch.autocast("cuda", torch.bfloat16):
        nn.Conv2d(1, 8, 5).cuda()(torch.rand(2, 1, 8, 8, device="cuda"))
