"""The loop of WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028) as tutorials have it: five critic steps, then G's."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.optim import Adam
from torch.utils.data import DataLoader

from ganzoo.game import Discriminator, Generator
from ganzoo_wgan_gp.plugin import WGANGPOptions

from .common import endless


class WGANGPLoop:
    """Critic steps with a gradient penalty between real and fake, each on a batch of its own, then a generator step.

    The popular scripts hand the critic fakes that hang on the generator's graph, so a critic step computes the
    generator's gradients, too, which nothing uses; some copies spare that.

    Args:
        generator: G, latents (N, Z) to images (N, C, H, W).
        discriminator: the critic D, images to scores (N,).
        loader: batches of images in [-1, 1] and labels.
        options: learning rates, betas, the number of critic steps and the weight of the penalty.
        device: where the networks are.
        detached: make the critic's fakes without the generator's graph.
    """

    cudnn_benchmark: ClassVar[bool] = False

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        loader: DataLoader[tuple[Tensor, Tensor]],
        options: WGANGPOptions,
        device: torch.device,
        *,
        detached: bool = False,
    ) -> None:
        self.generator, self.discriminator, self.device = generator, discriminator, device
        self.batches = endless(loader)
        self.n_critic, self.weight, self.detached = options.n_critic, options.gradient_penalty, detached
        g, d = options.g_optimizer, options.d_optimizer
        self.optimizer_g = Adam(generator.parameters(), lr=g.lr, betas=g.betas)
        self.optimizer_d = Adam(discriminator.parameters(), lr=d.lr, betas=d.betas)

    def iterate(self) -> dict[str, float]:
        """``n_critic`` updates of the critic and one of the generator; the critic's last loss."""
        for _ in range(self.n_critic):
            real = next(self.batches).to(self.device)
            self.optimizer_d.zero_grad()
            latent = torch.randn(len(real), self.generator.latent_dim, device=self.device)
            with torch.set_grad_enabled(not self.detached):
                generated = self.generator(latent)
            real_scores, fake_scores = self.discriminator(real), self.discriminator(generated)
            penalty = self.gradient_penalty(real.data, generated.data)
            d_loss = -real_scores.mean() + fake_scores.mean() + self.weight * penalty
            d_loss.backward()
            self.optimizer_d.step()
            d_value = d_loss.item()  # host sync, at every critic step

        self.optimizer_g.zero_grad()
        latent = torch.randn(len(real), self.generator.latent_dim, device=self.device)
        g_loss = -self.discriminator(self.generator(latent)).mean()
        # The critic's gradients are computed along the way; the next critic step clears them.
        g_loss.backward()
        self.optimizer_g.step()
        return {"d": d_value, "g": g_loss.item()}  # host sync

    def gradient_penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        """E (norm of D's gradient - 1)^2, 0-dim, at random points between ``real`` and ``fake``, each (N, C, H, W)."""
        epsilon = torch.rand(len(real), 1, 1, 1, device=self.device)
        between = (epsilon * real + (1 - epsilon) * fake).requires_grad_(True)
        scores = self.discriminator(between)
        (gradient,) = torch.autograd.grad(
            outputs=scores,
            inputs=between,
            grad_outputs=torch.ones_like(scores),
            create_graph=True,
            retain_graph=True,
        )
        norm: Tensor = gradient.view(len(real), -1).norm(2, dim=1)  # (N,)
        return ((norm - 1) ** 2).mean()
