r"""The VAE-GAN. Larsen et al. 2016, arXiv:1512.09300.

An encoder E gives each image x a normal distribution q(z|x), a decoder G turns z back into an image, and a
discriminator D = s(f(x)) tells images from what G makes. The error of a reconstruction is measured in D's features f:

.. math::
    L_E &= \mathrm{KL}(q(z|x) \,\|\, N(0, I)) + R, \qquad R = \tfrac12 E\|f(x) - f(G(z_x))\|^2, \quad z_x \sim q(z|x) \\
    L_G &= \gamma R - E[\log D(G(z))] - E[\log D(G(z_x))], \qquad z \sim N(0, I) \\
    L_D &= -E[\log D(x)] - E[\log(1 - D(G(z)))] - E[\log(1 - D(G(z_x)))]

Departures: G does not saturate, and networks are fully connected. Shapes: N batch, C channels, H height, W width,
Z latent, F features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from ganzoo.data import DataInfo
from ganzoo.errors import ConfigError
from ganzoo.game import Batch, Game, Networks, Plan, Player, Terms, Turn
from torch import Tensor, nn
from torch.nn.functional import softplus

from .plugin import VAEGANOptions


class VAEGAN(Game):
    """Players ``d``, ``g`` and ``e``. Each builds the reconstructions anew, since only one may differentiate a graph.

    Args:
        options: sizes, optimizers and the weight of the reconstruction.
        shape: (C, H, W) of the images.
    """

    def __init__(self, options: VAEGANOptions, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.options = options
        pixels = math.prod(shape)
        to_image = (nn.Tanh(), nn.Unflatten(1, shape))
        self.encoder = nn.Sequential(nn.Flatten(), *_layers(pixels, options.width, 2 * options.latent_dim))
        self.decoder = nn.Sequential(*_layers(options.latent_dim, options.width, pixels), *to_image)
        self.features = nn.Sequential(nn.Flatten(), *_layers(pixels, options.width, options.width), nn.LeakyReLU(0.2))
        self.head = nn.Linear(options.width, 1)

    def players(self) -> Sequence[Player]:
        """``d`` moves features and head, ``g`` the decoder, ``e`` the encoder."""
        judge = (*self.features.parameters(), *self.head.parameters())
        options = self.options
        return (
            Player(name="d", params=judge, loss=self.discriminator_terms, optimizer=options.d_optimizer),
            Player(
                name="g",
                params=tuple(self.decoder.parameters()),
                loss=self.decoder_terms,
                optimizer=options.g_optimizer,
            ),
            Player(
                name="e",
                params=tuple(self.encoder.parameters()),
                loss=self.encoder_terms,
                optimizer=options.e_optimizer,
            ),
        )

    def rounds(self, iteration: int) -> Plan:
        """All three on one batch."""
        return (("d", "g", "e"),)

    def discriminator_terms(self, turn: Turn) -> Terms:
        """L_D."""
        with torch.no_grad():
            rebuilt, fake = self.rebuilt(turn), self.decoder(self.noise(turn, "prior"))
        real_scores, fake_scores = self.scores(self.seen(turn.batch["images"])), self.scores(self.seen(fake))
        turn.show(accuracy_real=(real_scores > 0).float().mean(), accuracy_fake=(fake_scores < 0).float().mean())
        return {
            "real": softplus(-real_scores).mean(),
            "fake": softplus(fake_scores).mean(),
            "rebuilt": softplus(self.scores(self.seen(rebuilt))).mean(),
        }

    def decoder_terms(self, turn: Turn) -> Terms:
        """L_G; E is no part of it, so no graph leads there."""
        with torch.no_grad():
            latent = self.encoded(turn)
        seen = self.seen(self.decoder(latent))
        fake_scores = self.scores(self.seen(self.decoder(self.noise(turn, "prior"))))
        return {
            "fake": softplus(-fake_scores).mean(),
            "rebuilt": softplus(-self.scores(seen)).mean(),
            "likeness": self.options.likeness * self.error(seen, turn),
        }

    def encoder_terms(self, turn: Turn) -> Terms:
        """L_E."""
        mean, log_variance = self.posterior(turn)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)  # (N,)
        return {"kl": divergence.mean(), "likeness": self.error(self.seen(self.rebuilt(turn)), turn)}

    def posterior(self, turn: Turn) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), each (N, Z); bounded, since a network that just began knows no scale."""
        mean, log_variance = self.encoder(turn.batch["images"]).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)

    def encoded(self, turn: Turn) -> Tensor:
        """A draw z_x (N, Z) from q(z|x), with the same noise for all players."""
        mean, log_variance = self.posterior(turn)
        return mean + self.noise(turn, "posterior") * (log_variance / 2).exp()

    def rebuilt(self, turn: Turn) -> Tensor:
        """G(z_x), images (N, C, H, W)."""
        images: Tensor = self.decoder(self.encoded(turn))
        return images

    def noise(self, turn: Turn, key: str) -> Tensor:
        """Standard normal (N, Z), drawn once a round for each ``key``."""
        shape = (turn.batch.size, self.options.latent_dim)
        return turn.once(key, lambda: torch.randn(shape, generator=turn.rng, device=turn.rng.device))

    def seen(self, images: Tensor) -> Tensor:
        """D's features f (N, F)."""
        features: Tensor = self.features(images)
        return features.float()

    def scores(self, features: Tensor) -> Tensor:
        """Scores (N,) of features (N, F); higher means more real."""
        scores: Tensor = self.head(features)
        return scores.float().squeeze(1)

    def error(self, seen: Tensor, turn: Turn) -> Tensor:
        """R, 0-dim, from the features (N, F) of reconstructions."""
        with torch.no_grad():
            target = self.seen(turn.batch["images"])
        return 0.5 * (seen - target).square().sum(dim=1).mean()

    def exported(self) -> nn.Module:
        """The decoder."""
        return self.decoder

    def request(self, n: int, rng: torch.Generator, given: Batch | None = None) -> Batch:
        """``latent`` (N, Z) from the prior."""
        request = Batch(given or {})
        if strange := sorted(request.keys() - {"latent"}):
            raise ConfigError(f"{strange[0]} was given, and vae-gan draws from latents alone", fix="leave it out")
        if "latent" not in request:
            request["latent"] = torch.randn(n, self.options.latent_dim, generator=rng, device=rng.device)
        return request

    @torch.no_grad()
    def generate(self, net: nn.Module, request: Batch, rng: torch.Generator) -> Tensor:
        """Images (N, C, H, W) in [-1, 1]; nothing in the decoder is different in training."""
        images: Tensor = net(request["latent"])
        return images.float()


def build(options: VAEGANOptions, networks: Networks | None, data: DataInfo) -> VAEGAN:
    """The game."""
    return VAEGAN(options, data.shape)


def _layers(inputs: int, width: int, outputs: int) -> list[nn.Module]:
    """A hidden layer between ``inputs`` and ``outputs``."""
    return [nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, outputs)]
