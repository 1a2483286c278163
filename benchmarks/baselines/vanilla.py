"""The loop of the first GAN (Goodfellow et al. 2014, arXiv:1406.2661) as tutorials have it: G first, then D."""

from __future__ import annotations

import torch
from torch import nn

from .common import TwoNetworks


class VanillaLoop(TwoNetworks):
    """Cross-entropy on logits; one batch of fakes serves both updates."""

    criterion = nn.BCEWithLogitsLoss()

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
        d_loss = (real_loss + fake_loss) / 2
        d_loss.backward()
        self.optimizer_d.step()

        return {"d": d_loss.item(), "g": g_loss.item()}  # host sync, at every step
