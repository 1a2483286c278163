"""The networks under losses of other plugins, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from ganzoo.errors import IncompatiblePartsError
from ganzoo.registry import NetworkRequest
from ganzoo.testing import Case, parametrize_with_checks

from ganzoo_residual.plugin import ResidualOptions
from ganzoo_residual.residual import build_networks

CASES = [Case(variant, backbone="residual", net={"width": 8}) for variant in ("vanilla", "wgan-gp")]


@parametrize_with_checks(CASES, checks=("build", "scores", "gradients", "resume", "direction"))
def test_conforms(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(("shape", "classes"), [((1, 10, 8), None), ((1, 8, 8), 10)])
def test_what_does_not_fit_is_refused(shape: tuple[int, int, int], classes: int | None) -> None:
    with pytest.raises(IncompatiblePartsError, match="residual"):
        build_networks(ResidualOptions(), NetworkRequest(shape=shape, classes=classes))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 12)])
def test_shapes(shape: tuple[int, int, int]) -> None:
    generator, discriminator = build_networks(ResidualOptions(width=4), NetworkRequest(shape=shape))
    images = generator(torch.randn(3, 64))
    assert images.shape == (3, *shape)
    assert discriminator(images).shape == (3,)
