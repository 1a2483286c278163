r"""The first GAN: two multilayer perceptrons. Goodfellow et al. 2014, arXiv:1406.2661.

D is trained to tell images x from fakes G(z), and G to be taken for the real thing:

.. math::
    L_D = -E[\log D(x)] - E[\log(1 - D(G(z)))], \qquad L_G = -E[\log D(G(z))], \qquad z \sim N(0, I)

L_G is the paper's remedy (section 3) for :math:`\log(1 - D(G(z)))`, whose gradient vanishes as soon as D rejects the
fakes with confidence. Against the best D, G minimises a divergence that is zero where fakes and images have the same
distribution, and then D(x) = 1/2 everywhere.

Shapes: N batch, C channels, H height, W width, Z latent, F features.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganzoo.data import DataInfo
from ganzoo.game import GAN, FeatureDiscriminator, Generator, Networks
from ganzoo.parts.dropout import Dropout
from ganzoo.parts.losses import NonSaturatingLoss
from ganzoo.parts.penalties import R1
from ganzoo.registry import NetworkRequest

from .plugin import MLPOptions, VanillaOptions

SLOPE = 0.2


class MLPGenerator(Generator):
    """Latents (N, Z) to images (N, C, H, W): linear layers with LeakyReLU, and tanh at the end.

    With classes, the one-hot label stands beside the latent, as in Mirza & Osindero 2014, arXiv:1411.1784.

    Args:
        options: widths and normalisation.
        shape: (C, H, W) of the images.
        classes: number of classes, None for no labels.
    """

    def __init__(self, options: MLPOptions, shape: tuple[int, int, int], *, classes: int | None = None) -> None:
        super().__init__(options.latent_dim, classes=classes)
        widths = (options.latent_dim + (classes or 0), *options.g_widths)
        layers: list[nn.Module] = []
        for index, (fan_in, fan_out) in enumerate(pairwise(widths)):
            norm = options.g_norm if index else "none"
            layers += [nn.Linear(fan_in, fan_out, bias=norm == "none"), *_norm(norm, fan_out), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], math.prod(shape)), nn.Tanh(), nn.Unflatten(1, shape))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.classes is not None:
            assert labels is not None
            latent = torch.cat([latent, _one_hot(labels, self.classes, latent.dtype)], dim=1)  # (N, Z + classes)
        images: Tensor = self.layers(latent)  # (N, C, H, W)
        return images


class MLPDiscriminator(FeatureDiscriminator):
    """Images (N, C, H, W) to scores (N,): linear layers with LeakyReLU and dropout.

    With classes, the score is that of a projection discriminator, Miyato & Koyama 2018, arXiv:1802.05637: a linear
    function of the features for all images, and another one for each class.

    Args:
        options: widths and dropout.
        shape: (C, H, W) of the images.
        classes: number of classes, None for no labels.
    """

    def __init__(self, options: MLPOptions, shape: tuple[int, int, int], *, classes: int | None = None) -> None:
        super().__init__(classes=classes)
        layers: list[nn.Module] = [nn.Flatten()]
        for fan_in, fan_out in pairwise((math.prod(shape), *options.d_widths)):
            layers += [nn.Linear(fan_in, fan_out), nn.LeakyReLU(SLOPE)]
            layers += [Dropout(options.dropout)] if options.dropout else []
        self.feature_dim = options.d_widths[-1]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(self.feature_dim, 1)
        if classes is not None:
            self.projection = nn.Embedding(classes, self.feature_dim)
            nn.init.normal_(self.projection.weight, std=0.02)

    def features(self, images: Tensor) -> Tensor:
        features: Tensor = self.layers(images)  # (N, F)
        return features

    def score(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        scores: Tensor = self.head(features).squeeze(1)  # (N,)
        if self.classes is not None:
            scores = scores + (self.projection(labels) * features).sum(dim=1)
        return scores


def build_networks(options: MLPOptions, request: NetworkRequest) -> Networks:
    """The pair of MLPs for images of ``request.shape``. No score depends on other images of the batch."""
    return Networks(
        MLPGenerator(options, request.shape, classes=request.classes),
        MLPDiscriminator(options, request.shape, classes=request.classes),
    )


def build(options: VanillaOptions, networks: Networks, data: DataInfo) -> GAN:
    """The game of vanilla."""
    loss = NonSaturatingLoss(options.label_smoothing)
    penalties = [R1(options.r1)] if options.r1 else []
    return GAN(*networks, loss, options, penalties=penalties, merge_passes=not networks.discriminator.mixes_batch)


def _norm(name: str, width: int) -> list[nn.Module]:
    """The normalisation called ``name`` of ``width`` units, as a list of one layer or none."""
    if name == "none":
        return []
    return [nn.BatchNorm1d(width) if name == "batch" else nn.LayerNorm(width)]


def _one_hot(labels: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """Labels (N,) as rows (N, classes) of the identity, without the host check of ``nn.functional.one_hot``."""
    return (labels[:, None] == torch.arange(classes, device=labels.device)).to(dtype)
