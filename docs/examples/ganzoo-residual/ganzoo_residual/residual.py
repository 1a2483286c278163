"""Residual networks without normalisation, so that they serve losses with per-sample gradient penalties too.

He et al. 2016, arXiv:1512.03385. Shapes: N batch, C channels, H height, W width, Z latent, K feature maps.
"""

from __future__ import annotations

import math

from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import Discriminator, Generator, Networks
from ganzoo.registry import NetworkRequest
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from .plugin import ResidualOptions

Shape = tuple[int, int, int]


class Block(nn.Module):
    """x + f(x) of maps (N, K, H, W), f two convolutions of which the second begins at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        nn.init.zeros_(second.weight)
        self.layers = nn.Sequential(nn.LeakyReLU(0.2), first, nn.LeakyReLU(0.2), second)

    def forward(self, maps: Tensor) -> Tensor:
        change: Tensor = self.layers(maps)
        return maps + change


class ResidualGenerator(Generator):
    """Latents (N, Z) to images (N, C, H, W) in [-1, 1]; each block follows a doubling of the sides."""

    def __init__(self, options: ResidualOptions, shape: Shape) -> None:
        super().__init__(options.latent_dim)
        channels, height, width = shape
        start = (options.width, height // 4, width // 4)
        self.start = nn.Sequential(nn.Linear(options.latent_dim, math.prod(start)), nn.Unflatten(1, start))
        self.blocks = nn.ModuleList(Block(options.width) for _ in range(2))
        self.end = nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(options.width, channels, 3, padding=1), nn.Tanh())

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        maps: Tensor = self.start(latent)  # (N, K, H/4, W/4)
        for block in self.blocks:
            maps = block(interpolate(maps, scale_factor=2))
        images: Tensor = self.end(maps)
        return images


class ResidualDiscriminator(Discriminator):
    """Images (N, C, H, W) to scores (N,); each block goes before a halving of the sides."""

    def __init__(self, options: ResidualOptions, shape: Shape) -> None:
        super().__init__()
        channels, height, width = shape
        self.start = nn.Conv2d(channels, options.width, 3, padding=1)
        self.blocks = nn.ModuleList(Block(options.width) for _ in range(2))
        pixels = options.width * (height // 4) * (width // 4)
        self.end = nn.Sequential(nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(pixels, 1))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        maps: Tensor = self.start(images)
        for block in self.blocks:
            maps = avg_pool2d(block(maps), 2)
        scores: Tensor = self.end(maps)
        return scores.squeeze(1)


def build_networks(options: ResidualOptions, request: NetworkRequest) -> Networks:
    """The pair for images of ``request.shape``.

    Raises:
        IncompatiblePartsError: labels, or sides that do not fit.
    """
    _, height, width = request.shape
    if height % 4 or width % 4:
        raise IncompatiblePartsError(
            f"residual needs sides that 4 divides, not {height} x {width}", fix="--image-size 32, or another multiple"
        )
    if request.classes is not None:
        raise IncompatiblePartsError("residual takes no labels", fix="leave --conditional out")
    return Networks(ResidualGenerator(options, request.shape), ResidualDiscriminator(options, request.shape))
