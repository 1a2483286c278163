r"""BEGAN: an autoencoder for a discriminator, and a controller that keeps it in balance with the generator.

Berthelot, Schumm & Metz 2017, *BEGAN: Boundary Equilibrium Generative Adversarial Networks*, arXiv:1703.10717.

The discriminator D reconstructs images of N_x pixels (channels counted), and its error is the energy of an image,

.. math:: \mathcal{L}(v) = \tfrac{1}{N_x} \sum_i |v_i - D(v)_i|^\eta, \qquad \eta \in \{1, 2\}.

It learns to reconstruct real images and, to the degree k, not to reconstruct fake ones; the generator makes images that
are reconstructed well:

.. math::
    L_D &= \mathcal{L}(x) - k_t\, \mathcal{L}(G(z_D)) \\
    L_G &= \mathcal{L}(G(z_G)) \\
    k_{t+1} &= \mathrm{clip}\big(k_t + \lambda_k\, (\gamma\, \mathcal{L}(x) - \mathcal{L}(G(z_G))),\, 0,\, 1\big),
    \qquad k_0 = 0.

The controller steers towards :math:`\mathbb{E}\,\mathcal{L}(G(z)) = \gamma\, \mathbb{E}\,\mathcal{L}(x)`, and how far
training has come is read from

.. math:: M = \mathcal{L}(x) + |\gamma\, \mathcal{L}(x) - \mathcal{L}(G(z_G))|;

when it stalls, the learning rates fall. Latents are uniform in [-1, 1].

The networks are those of `networks` (the paper's, backbone ``began``) and of `dense` (backbone ``began-dense``, the
default).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.data import DataInfo
from ganzoo.game import GAN, Loss, Networks, Terms

from .plugin import BEGANOptions


class BEGANLoss(Loss):
    r"""L_D, L_G, the controller of k, and the learning rates' fall when M stalls; see the head of this module.

    "Stalled" is judged over windows of ``lr_patience`` iterations: if the mean of M over a window is not below that of
    every window before, ``lr_scale`` is multiplied by ``lr_decay``.

    Args:
        gamma: diversity ratio in (0, 1].
        lambda_k: gain of the controller.
        lr_patience: length of a window in iterations; 0 never lowers the learning rates.
        lr_decay: factor on the learning rates.
    """

    needs_energy = True
    k: Tensor
    real_error: Tensor
    window_mean: Tensor
    window_seen: Tensor
    best_mean: Tensor
    lr_scale: Tensor

    def __init__(
        self, gamma: float = 0.5, lambda_k: float = 1e-3, *, lr_patience: int = 10_000, lr_decay: float = 0.5
    ) -> None:
        super().__init__()
        self.gamma = gamma
        self.lambda_k = lambda_k
        self.lr_patience = lr_patience
        self.lr_decay = lr_decay
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("real_error", torch.zeros(()))
        self.register_buffer("window_mean", torch.zeros(()))
        self.register_buffer("window_seen", torch.zeros(()))
        self.register_buffer("best_mean", torch.tensor(torch.finfo(torch.float32).max))
        self.register_buffer("lr_scale", torch.ones(()))

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """``real``: L(x); ``fake``: -k L(G(z_D)), from scores (N,)."""
        return {"real": -real_scores.mean(), "fake": self.k * fake_scores.mean()}

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        """``fake``: L(G(z_G)), from scores (N,)."""
        return {"fake": -fake_scores.mean()}

    def diagnostics(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """``k``, ``lr_scale``, and from the discriminator's own batch ``balance`` gamma L(x) - L(G(z_D)) and ``M``."""
        real_error = -real_scores.mean()
        balance = self.gamma * real_error + fake_scores.mean()
        # Clones, because after_update writes into these buffers before they are logged.
        return {
            "M": real_error + balance.abs(),
            "balance": balance,
            "k": self.k.clone(),
            "lr_scale": self.lr_scale.clone(),
        }

    @torch.no_grad()
    def after_update(self, player: str, terms: Terms) -> None:
        """Keep L(x) after the discriminator's update; move k and judge M after the generator's."""
        if player == "d":
            self.real_error.copy_(terms["real"])
            return
        balance = self.gamma * self.real_error - terms["fake"]
        self.k.add_(self.lambda_k * balance).clamp_(0, 1)
        if self.lr_patience:
            self._judge(self.real_error + balance.abs())

    def _judge(self, measure: Tensor) -> None:
        """Add ``measure`` to the window's mean; at its end compare the means, and lower ``lr_scale`` if stalled."""
        self.window_seen.add_(1)
        self.window_mean.add_((measure - self.window_mean) / self.window_seen)
        ended = self.window_seen >= self.lr_patience
        stalled = ended & (self.window_mean >= self.best_mean)
        self.lr_scale.mul_(torch.where(stalled, self.lr_decay, 1.0))
        self.best_mean.copy_(torch.where(ended, torch.minimum(self.best_mean, self.window_mean), self.best_mean))
        # The next measure overwrites the mean, because it is then the only one seen.
        self.window_seen.mul_(~ended)


def build(options: BEGANOptions, networks: Networks, data: DataInfo) -> GAN:
    """The variant ``began``, on any pair of networks whose discriminator scores by minus a reconstruction error."""
    loss = BEGANLoss(options.gamma, options.lambda_k, lr_patience=options.lr_patience, lr_decay=options.lr_decay)
    # z_D and z_G are independent draws in the paper.
    return GAN(*networks, loss, options, share_fake=False)
