"""The loop of LSGAN (Mao et al. 2017, arXiv:1611.04076) as tutorials have it: G first, then D, squared errors."""

from __future__ import annotations

import torch
from torch import nn

from .common import TwoNetworks


class LSGANLoop(TwoNetworks):
    """Squared distance of raw scores from 1 for real and 0 for fake; one batch of fakes serves both updates."""

    criterion = nn.MSELoss()

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
