"""The loop of DCGAN (Radford et al. 2016, arXiv:1511.06434) as tutorials have it: D in two backward passes, then G."""

from __future__ import annotations

import torch
from torch import nn

from .common import TwoNetworks


class DCGANLoop(TwoNetworks):
    """Cross-entropy on logits; D's real and fake batches are differentiated apart; three mean scores are read."""

    cudnn_benchmark = True
    criterion = nn.BCEWithLogitsLoss()

    def iterate(self) -> dict[str, float]:
        """One update of each network on one batch."""
        real = next(self.batches).to(self.device)
        label = torch.ones(len(real), device=self.device)

        self.discriminator.zero_grad()
        scores = self.discriminator(real)
        real_loss = self.criterion(scores, label)
        real_loss.backward()
        real_score = scores.mean().item()

        latent = torch.randn(len(real), self.generator.latent_dim, device=self.device)
        generated = self.generator(latent)
        label.fill_(0)
        scores = self.discriminator(generated.detach())
        fake_loss = self.criterion(scores, label)
        fake_loss.backward()
        fake_score = scores.mean().item()
        self.optimizer_d.step()

        self.generator.zero_grad()
        label.fill_(1)
        scores = self.discriminator(generated)
        g_loss = self.criterion(scores, label)
        # D's gradients grow along the way; the next iteration clears them.
        g_loss.backward()
        later_score = scores.mean().item()
        self.optimizer_g.step()

        losses = {"d": (real_loss + fake_loss).item(), "g": g_loss.item()}  # host sync, at every step
        return {**losses, "real": real_score, "fake before": fake_score, "fake after": later_score}
