"""The loop of LSGAN (Mao et al. 2017, arXiv:1611.04076) as tutorials have it: G first, then D, squared errors."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import DataLoader

from ganzoo.game import Discriminator, Generator
from ganzoo.options import GANOptions

from .common import endless


class LSGANLoop:
    """Squared distance of raw scores from 1 for real and 0 for fake; one batch of fakes serves both updates.

    Args:
        generator: G, latents (N, Z) to images (N, C, H, W).
        discriminator: D, images to scores (N,).
        loader: batches of images in [-1, 1] and labels.
        options: learning rates and betas.
        device: where the networks are.
    """

    cudnn_benchmark: ClassVar[bool] = False

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
        self.criterion = nn.MSELoss()
        g, d = options.g_optimizer, options.d_optimizer
        self.optimizer_g = Adam(generator.parameters(), lr=g.lr, betas=g.betas)
        self.optimizer_d = Adam(discriminator.parameters(), lr=d.lr, betas=d.betas)

    def iterate(self) -> dict[str, float]:
        """One update of each network on one batch."""
        real = next(self.batches).to(self.device)
        valid = torch.ones(len(real), device=self.device)
        fake = torch.zeros(len(real), device=self.device)

        self.optimizer_g.zero_grad()
        latent = torch.randn(len(real), self.generator.latent_dim, device=self.device)
        generated = self.generator(latent)
        g_loss = self.criterion(self.discriminator(generated), valid)
        # D's gradients are computed along the way, and cleared below.
        g_loss.backward()
        self.optimizer_g.step()

        self.optimizer_d.zero_grad()
        real_loss = self.criterion(self.discriminator(real), valid)
        fake_loss = self.criterion(self.discriminator(generated.detach()), fake)
        d_loss = 0.5 * (real_loss + fake_loss)
        d_loss.backward()
        self.optimizer_d.step()

        return {"d": d_loss.item(), "g": g_loss.item()}  # host sync, at every step
