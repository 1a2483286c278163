r"""DCGAN: strided convolutions and batch norm. Radford et al. 2016, arXiv:1511.06434.

The loss is that of the first GAN (Goodfellow et al. 2014, arXiv:1406.2661), with scores s and :math:`D = \sigma(s)`:

.. math::
    L_D = -E[\log D(x)] - E[\log(1 - D(G(z)))], \qquad L_G = -E[\log D(G(z))], \qquad z \sim N(0, I)

What is new are the networks. G brings a latent to a small map and doubles its side with each transposed convolution
(kernel 4, stride 2); D mirrors it. Neither pools, and only the first layer of G and the last of D are fully connected;
for MNIST's 28 pixels, which allow two doublings alone, the authors' code adds to each a hidden layer of 1,024 units.
Batch norm stands everywhere but at G's output and D's input, ReLU in G, LeakyReLU 0.2 in D, tanh at the end of G, and
weights start as N(0, 0.02). The smallest map is 4 x 4 for a power of two and 7 x 7 for 28 pixels:

======  ==================================================
28 px   1024 -> 7 x 7 x 128 -> 14 x 14 x 64 -> 28 x 28 x C
32 px   4 x 4 x 256 -> 8 x 8 x 128 -> 16 x 16 x 64 -> 32 x 32 x C
======  ==================================================

Labels, which the paper has not: G's latent is joined by an embedding of the class (Mirza & Osindero 2014,
arXiv:1411.1784), and D is a projection discriminator (Miyato & Koyama 2018, arXiv:1802.05637).

Shapes: N batch, C channels, H height, W width, Z latent, F features.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ganzoo.data import DataInfo
from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import GAN, FeatureDiscriminator, Generator, Networks
from ganzoo.parts.dropout import Dropout
from ganzoo.parts.losses import NonSaturatingLoss
from ganzoo.parts.penalties import R1
from ganzoo.registry import NetworkRequest

from .plugin import DCGANNetOptions, DCGANOptions, Norm

SIZES = (8, 16, 28, 32, 64, 128)
HIDDEN = {28: 1024}
"""Units of the hidden layers for image sizes at which the authors' code has some."""
WEIGHT_STD = 0.02


class DCGANGenerator(Generator):
    """Latents (N, Z) to images (N, C, H, W), through maps whose side doubles and whose number halves.

    Args:
        latent_dim: Z; with classes, an embedding of the same size stands beside it.
        side: side of the smallest map, in pixels.
        widths: feature maps from the smallest map to the largest.
        channels: C of the images.
        norm: normalisation of all layers but the last.
        hidden: units of a layer between the latent and the smallest map, 0 for none.
        classes: number of classes, None for no labels.
    """

    def __init__(
        self,
        latent_dim: int,
        side: int,
        widths: tuple[int, ...],
        channels: int,
        norm: Norm,
        hidden: int = 0,
        classes: int | None = None,
    ) -> None:
        super().__init__(latent_dim, classes=classes)
        bias = norm == "none"
        fan_in = latent_dim
        if classes is not None:
            fan_in += latent_dim
            self.embedding = nn.Embedding(classes, latent_dim)
        layers: list[nn.Module] = []
        if hidden:
            layers += [nn.Linear(fan_in, hidden, bias=bias), *_vector_norm(norm, hidden), nn.ReLU()]
            fan_in = hidden
        layers += [
            nn.Linear(fan_in, widths[0] * side**2, bias=bias),
            nn.Unflatten(1, (widths[0], side, side)),
            *_norm(norm, widths[0]),
            nn.ReLU(),
        ]
        for wide, narrow in pairwise(widths):
            layers += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=bias), *_norm(norm, narrow), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1), nn.Tanh())
        self.apply(_init)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.classes is not None:
            latent = torch.cat([latent, self.embedding(labels)], dim=1)  # (N, 2 Z)
        images: Tensor = self.layers(latent)  # (N, C, H, W)
        return images


class DCGANDiscriminator(FeatureDiscriminator):
    r"""Images (N, C, H, W) to scores (N,), through maps whose side halves and whose number doubles.

    The features :math:`\phi` are the smallest maps, flattened, or the hidden layer above them. The score is
    :math:`w \cdot \phi + b`, and with classes :math:`(w + v_y) \cdot \phi + b`, with a vector :math:`v_y` for each
    class y.

    Args:
        side: side of the smallest map, in pixels.
        widths: feature maps from the largest map to the smallest.
        channels: C of the images.
        norm: normalisation of all layers but the first and the last.
        hidden: units of a layer between the smallest map and the score, 0 for none.
        dropout: probability that an activation is dropped.
        classes: number of classes, None for no labels.
    """

    def __init__(
        self,
        side: int,
        widths: tuple[int, ...],
        channels: int,
        norm: Norm,
        hidden: int = 0,
        dropout: float = 0.0,
        classes: int | None = None,
    ) -> None:
        super().__init__(classes=classes)
        bias = norm == "none"
        layers = [nn.Conv2d(channels, widths[0], 4, 2, 1), *_activation(dropout)]
        for narrow, wide in pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 4, 2, 1, bias=bias), *_norm(norm, wide), *_activation(dropout)]
        layers.append(nn.Flatten())
        self.feature_dim = widths[-1] * side**2
        if hidden:
            layers += [nn.Linear(self.feature_dim, hidden, bias=bias), *_vector_norm(norm, hidden)]
            layers += _activation(dropout)
            self.feature_dim = hidden
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(self.feature_dim, 1)
        self.apply(_init)
        if classes is not None:
            self.projection = nn.Embedding(classes, self.feature_dim)
            nn.init.normal_(self.projection.weight, std=WEIGHT_STD)
        self.mixes_batch = any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in self.layers)

    def features(self, images: Tensor) -> Tensor:
        features: Tensor = self.layers(images)  # (N, F)
        return features

    def score(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        scores: Tensor = self.head(features).squeeze(1)  # (N,)
        if self.classes is not None:
            scores = scores + (self.projection(labels) * features).sum(dim=1)
        return scores


def build_networks(options: DCGANNetOptions, request: NetworkRequest) -> Networks:
    """The pair for images of ``request.shape``; ``d_norm = "auto"`` becomes layer norm if scores must be per sample.

    Raises:
        IncompatiblePartsError: the images are not square, or of a size that repeated doubling does not reach.
    """
    channels = request.shape[0]
    side, widths = _plan(request.shape, options.width)
    hidden = HIDDEN.get(request.shape[1], 0) if options.hidden is None else options.hidden
    d_norm = options.d_norm
    if d_norm == "auto":
        d_norm = "layer" if request.per_sample_scores else "batch"
    return Networks(
        DCGANGenerator(options.latent_dim, side, widths, channels, options.g_norm, hidden, request.classes),
        DCGANDiscriminator(side, widths[::-1], channels, d_norm, hidden, options.dropout, request.classes),
    )


def build(options: DCGANOptions, networks: Networks, data: DataInfo) -> GAN:
    """The game of DCGAN."""
    penalties = [R1(options.r1)] if options.r1 else []
    return GAN(*networks, NonSaturatingLoss(options.label_smoothing), options, penalties=penalties)


def _plan(shape: tuple[int, int, int], width: int) -> tuple[int, tuple[int, ...]]:
    """Side of the smallest map, and the number of maps at each size from there to half the image's."""
    _, height, size = shape
    if height != size or size not in SIZES:
        raise IncompatiblePartsError(
            f"the backbone 'dcgan' takes no images of {height} x {size} pixels",
            choices=[f"{known} x {known}" for known in SIZES],
            fix="resize them, for instance with --image-size 32",
        )
    side = 7 if size == 28 else 4
    doublings = (size // side).bit_length() - 1
    return side, tuple(width << doubling for doubling in reversed(range(doublings)))


def _norm(name: Norm, maps: int) -> list[nn.Module]:
    """The normalisation called ``name`` of ``maps`` feature maps, as a list of one layer or none."""
    if name == "batch":
        return [nn.BatchNorm2d(maps)]
    if name == "layer":
        return [nn.GroupNorm(1, maps)]
    return [nn.InstanceNorm2d(maps, affine=True)] if name == "instance" else []


def _vector_norm(name: Norm, units: int) -> list[nn.Module]:
    """The same for a vector; an instance of a single number has no statistics, so it is layer norm there."""
    if name == "batch":
        return [nn.BatchNorm1d(units)]
    return [] if name == "none" else [nn.LayerNorm(units)]


def _activation(dropout: float) -> list[nn.Module]:
    return [nn.LeakyReLU(0.2), *([Dropout(dropout)] if dropout else [])]


def _init(module: nn.Module) -> None:
    """Weights N(0, 0.02), scales of normalisation N(1, 0.02), biases 0, as in the paper and its authors' code."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, WEIGHT_STD)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm | nn.InstanceNorm2d):
        nn.init.normal_(module.weight, 1.0, WEIGHT_STD)
    bias = getattr(module, "bias", None)
    if isinstance(bias, nn.Parameter):
        nn.init.zeros_(bias)
