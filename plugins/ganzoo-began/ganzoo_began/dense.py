"""Networks for BEGAN on small images: a fully connected autoencoder, and a generator of transposed convolutions.

The generator is that of InfoGAN (Chen et al. 2016, arXiv:1606.03657, appendix C.1), narrower; the code of Lucic et al.
2018 (arXiv:1711.10337) trains BEGAN with such a generator, too, against a shallow autoencoder. Batch norm and ReLU
stand everywhere but at its output, which is a tanh. The autoencoder has two layers to its hidden state and two back,
with a ReLU between the two of each pair, and no norm, for what it makes of an image must not depend on the others.

Weights and biases start as PyTorch starts them.

Letters in shape comments: N batch, C channels, H = W image side, B side of the smallest feature map, Z latent or hidden
state.
"""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn

from ganzoo.game import Networks
from ganzoo.registry import NetworkRequest

from .networks import Autoencoder, UniformGenerator, base_and_stages, refuse_labels
from .plugin import DenseNetOptions

FIRST_LAYER = 16
"""Units of the generator's first layer for each map of its last: InfoGAN has 1,024 for 64."""


class TransposedGenerator(UniformGenerator):
    """Latents (N, Z), uniform in [-1, 1], to images (N, C, H, H) in [-1, 1], through maps whose side doubles.

    With n maps, for 28 pixels: Z, 16 n, 7 x 7 x 2 n, 14 x 14 x n, 28 x 28 x C. The first maps are normalised value by
    value, as the output of a linear layer: by the map, the generator collapses with one seed in a few.

    Args:
        shape: (C, H, H) of an image.
        latent_dim: Z.
        width: n, the maps of the last hidden layer; every earlier one has twice as many.
    """

    def __init__(self, shape: tuple[int, int, int], *, latent_dim: int, width: int) -> None:
        super().__init__(latent_dim)
        side, stages = base_and_stages(shape)
        widths = [width * 2**i for i in reversed(range(max(1, stages - 1)))]
        units, first = FIRST_LAYER * width, widths[0] * side**2
        layers: list[nn.Module] = [
            *[nn.Linear(latent_dim, units, bias=False), nn.BatchNorm1d(units), nn.ReLU()],
            *[nn.Linear(units, first, bias=False), nn.BatchNorm1d(first), nn.ReLU()],
            nn.Unflatten(1, (widths[0], side, side)),
        ]
        for wide, narrow in pairwise(widths):
            layers += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU()]
        paint = nn.Conv2d(width, shape[0], 3, 1, 1) if stages == 1 else nn.ConvTranspose2d(width, shape[0], 4, 2, 1)
        self.layers = nn.Sequential(*layers, paint, nn.Tanh())

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map ``latent`` (N, Z) to images (N, C, H, H) in [-1, 1]."""
        images: Tensor = self.layers(latent)
        return images


def dense_autoencoder(shape: tuple[int, int, int], *, hidden_dim: int, width: int, eta: int) -> Autoencoder:
    """C H H values to ``width`` units, to ``hidden_dim``, and back; the output is unbounded."""
    size = math.prod(shape)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(size, width), nn.ReLU(), nn.Linear(width, hidden_dim))
    decoder = nn.Sequential(nn.Linear(hidden_dim, width), nn.ReLU(), nn.Linear(width, size), nn.Unflatten(1, shape))
    return Autoencoder(encoder, decoder, eta=eta)


def build_networks(options: DenseNetOptions, request: NetworkRequest) -> Networks:
    """The backbone ``began-dense``.

    Raises:
        IncompatiblePartsError: labels are asked for, or the images' size cannot be halved down to 5 to 8 px.
    """
    refuse_labels(request, "began-dense")
    generator = TransposedGenerator(request.shape, latent_dim=options.latent_dim, width=options.generator_width)
    autoencoder = dense_autoencoder(request.shape, hidden_dim=options.hidden_dim, width=options.width, eta=options.eta)
    return Networks(generator, autoencoder)
