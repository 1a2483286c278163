"""What all loops share: MNIST through a DataLoader, and the networks of a config."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST

from ganzoo.assembly import build_game
from ganzoo.config import RunConfig
from ganzoo.data import DataOptions
from ganzoo.data.catalog import find_source
from ganzoo.data.files import FileSource
from ganzoo.errors import ConfigError
from ganzoo.game import GAN, Discriminator, Generator
from ganzoo.options import GANOptions
from ganzoo.training.seeding import seed_global


class Loop(Protocol):
    """A training loop with its networks.

    Attributes:
        cudnn_benchmark: the loop lets cuDNN try its algorithms and keep the fastest.
    """

    cudnn_benchmark: ClassVar[bool]
    generator: Generator
    discriminator: Discriminator

    def iterate(self) -> dict[str, float]:
        """One iteration, as many batches as ganzoo's takes; the losses, read from the device."""
        ...


class TwoNetworks:
    """The set-up of a loop with one update of each network an iteration: batches, and torch's default Adam for both.

    Args:
        generator: G, latents (N, Z) to images (N, C, H, W).
        discriminator: D, images to scores (N,).
        loader: batches of images in [-1, 1] and labels.
        options: learning rates and betas.
        device: where the networks are.
    """

    cudnn_benchmark: ClassVar[bool] = False
    criterion: ClassVar[nn.Module]

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        loader: DataLoader[tuple[Tensor, Tensor]],
        options: GANOptions,
        device: torch.device,
    ) -> None:
        self.generator, self.discriminator, self.device = generator, discriminator, device
        self.batches = endless(loader)
        g, d = options.g_optimizer, options.d_optimizer
        self.optimizer_g = Adam(generator.parameters(), lr=g.lr, betas=g.betas)
        self.optimizer_d = Adam(discriminator.parameters(), lr=d.lr, betas=d.betas)


def mnist_root(options: DataOptions) -> Path:
    """The folder in which torchvision finds MNIST: ``--data-dir``, GANZOO_DATA or the user's cache folder.

    Raises:
        DataError: the files are in none of them, and the download failed.
    """
    source = find_source(options)
    assert isinstance(source, FileSource), "only MNIST is raced on"
    return source.root("train")


def mnist_loader(root: Path, batch_size: int) -> DataLoader[tuple[Tensor, Tensor]]:
    """Shuffled batches of whole size: images (N, 1, 28, 28), float32 in [-1, 1], each by way of PIL, and labels (N,).

    Raises:
        ConfigError: the batch is larger than the data set.
    """
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])
    images = MNIST(root, train=True, transform=transform)
    if batch_size > len(images):
        raise ConfigError(
            f"--batch-sizes {batch_size} is more than the {len(images):,} images of MNIST in {root}",
            fix=f"take at most {len(images)}",
        )
    return DataLoader(images, batch_size=batch_size, shuffle=True, drop_last=True, num_workers=0)


def endless(loader: DataLoader[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
    """The images of ``loader``, epoch after epoch."""
    while True:
        for images, _ in loader:
            yield images


def images_per_iteration(config: RunConfig) -> int:
    """Real images that an iteration draws: a batch for each of its rounds."""
    return config.training.batch_size * len(build_game(config, find_source(config.data).info).rounds(0))


def networks(config: RunConfig, device: torch.device) -> tuple[Generator, Discriminator]:
    """The networks of ``config`` with the weights that ganzoo starts from, float32, in torch's own memory format."""
    seed_global(config.training.seed)
    game = build_game(config, find_source(config.data).info).to(device).train()
    assert isinstance(game, GAN), f"{config.variant} is no two-player game"
    return game.generator, game.discriminator
