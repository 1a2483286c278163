"""Networks of a few hundred weights on images of 1 x 4 x 4 pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.game import Discriminator, FeatureDiscriminator, Generator

SHAPE = (1, 4, 4)
PIXELS = 16
LATENT = 3
HIDDEN = 12
CLASSES = 3


class TinyGenerator(Generator):
    """One hidden layer; an embedding of the label is added to the latent."""

    def __init__(self, *, latent_dim: int = LATENT, classes: int | None = None) -> None:
        super().__init__(latent_dim, classes=classes)
        self.embedding = nn.Embedding(classes, latent_dim) if classes else None
        self.body = nn.Sequential(nn.Linear(latent_dim, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, PIXELS), nn.Tanh())

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.embedding is not None:
            latent = latent + self.embedding(labels)
        return self.body(latent).view(-1, *SHAPE)


class CodeGenerator(TinyGenerator):
    """InfoGAN's latent: a one-hot code of ``CLASSES`` entries before the noise."""

    def __init__(self) -> None:
        super().__init__(latent_dim=CLASSES + LATENT)

    def sample_latent(self, n: int, rng: torch.Generator, *, device: torch.device | str) -> Tensor:
        code = torch.randint(CLASSES, (n,), generator=rng, device=device)
        noise = torch.randn(n, LATENT, generator=rng, device=device)
        return torch.cat([nn.functional.one_hot(code, CLASSES).float(), noise], dim=1)


class TinyDiscriminator(FeatureDiscriminator):
    """One hidden layer; labels enter by projection (Miyato & Koyama 2018, arXiv:1802.05637)."""

    def __init__(self, *, classes: int | None = None) -> None:
        super().__init__(classes=classes)
        self.feature_dim = HIDDEN
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, HIDDEN), nn.Softplus())
        self.head = nn.Linear(HIDDEN, 1)
        self.embedding = nn.Embedding(classes, HIDDEN) if classes else None

    def features(self, images: Tensor) -> Tensor:
        return self.body(images)

    def score(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        scores = self.head(features).squeeze(1)
        if self.embedding is not None:
            scores = scores + (self.embedding(labels) * features).sum(dim=1)
        return scores


class BatchNormDiscriminator(TinyDiscriminator):
    """One that mixes the batch."""

    mixes_batch = True

    def __init__(self) -> None:
        super().__init__()
        self.body.append(nn.BatchNorm1d(HIDDEN))


class EnergyDiscriminator(Discriminator):
    """BEGAN's autoencoder: the score is minus the mean absolute reconstruction error."""

    energy = True

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 4), nn.ELU(), nn.Linear(4, PIXELS))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return -(self.body(images) - images.flatten(1)).abs().mean(dim=1)
