"""The backbone began-dense: a fully connected autoencoder and a generator of transposed convolutions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import Networks
from ganzoo.registry import NetworkRequest
from ganzoo_began.dense import build_networks
from ganzoo_began.networks import Autoencoder
from ganzoo_began.plugin import DenseNetOptions


def networks(shape: tuple[int, int, int], **options: int) -> Networks:
    torch.manual_seed(0)
    return build_networks(DenseNetOptions(**options), NetworkRequest(shape=shape))


def latents(built: Networks, n: int) -> torch.Tensor:
    return built.generator.sample_latent(n, torch.Generator().manual_seed(0), device="cpu")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 16, 28, 32, 64, 128])
def test_shapes_and_pixel_range(size: int, channels: int) -> None:
    built = networks((channels, size, size), width=8, generator_width=2, latent_dim=6)
    images = built.generator(50 * latents(built, 4))
    assert images.shape == (4, channels, size, size)
    assert images.abs().max() <= 1
    assert images.std() > 0
    assert isinstance(built.discriminator, Autoencoder)
    assert built.discriminator.reconstruct(images).shape == images.shape
    assert built.discriminator(images).shape == (4,)


def test_sizes_are_those_of_the_page() -> None:
    """Layer by layer for 28 pixels, and the counts that docs/variants/began.md tells."""
    generator, autoencoder = networks((1, 28, 28))
    weighted = (nn.Linear, nn.ConvTranspose2d)
    shapes = [tuple(m.weight.shape) for m in generator.modules() if isinstance(m, weighted)]
    assert shapes == [(256, 64), (1568, 256), (32, 16, 4, 4), (16, 1, 4, 4)]
    shapes = [tuple(m.weight.shape) for m in autoencoder.modules() if isinstance(m, weighted)]
    assert shapes == [(512, 784), (32, 512), (512, 32), (784, 512)]
    counts = [sum(p.numel() for p in network.parameters()) for network in (generator, autoencoder)]
    assert counts == [429_921, 837_424]


def test_the_hidden_state_may_be_smaller_than_a_latent() -> None:
    built = networks((1, 8, 8), latent_dim=6, hidden_dim=3, width=8, generator_width=2)
    assert built.generator.latent_dim == 6
    assert built.discriminator.encoder(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


def test_latents_are_uniform_from_minus_one_to_one() -> None:
    drawn = latents(networks((1, 8, 8)), 1000)
    assert drawn.shape == (1000, 64)
    assert -1 <= drawn.min() < -0.99
    assert 0.99 < drawn.max() <= 1
    assert drawn.square().mean().item() == pytest.approx(1 / 3, rel=0.02)


def test_an_image_is_judged_by_itself() -> None:
    discriminator = networks((1, 8, 8), eta=1).discriminator.train()
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(discriminator(images)[:1], discriminator(images[:1]))
    assert not discriminator.mixes_batch
    assert discriminator.energy


@pytest.mark.parametrize("eta", [1, 2])
def test_the_error_is_to_the_power_of_eta(eta: int) -> None:
    discriminator = networks((1, 8, 8), eta=eta).discriminator
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    errors = (images - discriminator.reconstruct(images)).abs().pow(eta).flatten(1).mean(1)
    torch.testing.assert_close(discriminator(images), -errors)


def test_what_it_cannot_make_is_refused() -> None:
    with pytest.raises(IncompatiblePartsError, match="not 27 x 27"):
        networks((1, 27, 27))
    with pytest.raises(IncompatiblePartsError, match="began-dense take no labels, and 10 classes"):
        build_networks(DenseNetOptions(), NetworkRequest(shape=(1, 28, 28), classes=10))
