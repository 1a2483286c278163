"""Mean and covariance of features that arrive in batches, exact to float64 whatever the batch size."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.errors import ConfigError


class Moments:
    r"""Running mean :math:`\mu` and scatter :math:`S = \sum_i (x_i - \mu)(x_i - \mu)^T` of vectors.

    Batches are merged by the pairwise rule of Chan, Golub & LeVeque 1979 (Stanford STAN-CS-79-773):
    :math:`S = S_a + S_b + \frac{n_a n_b}{n_a + n_b} \delta \delta^T` with :math:`\delta = \mu_b - \mu_a`, so nothing
    cancels as it does in :math:`E[xx^T] - \mu\mu^T`.

    Args:
        dim: F, the length of a vector.
        device: where the sums are kept, in float64 (the CPU for a device that has none, such as MPS).
    """

    def __init__(self, dim: int, *, device: torch.device | str = "cpu") -> None:
        device = torch.device("cpu") if torch.device(device).type == "mps" else torch.device(device)
        self.count = 0
        self.mean = torch.zeros(dim, dtype=torch.float64, device=device)
        self.scatter = torch.zeros(dim, dim, dtype=torch.float64, device=device)

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """The moments of ``features`` (N, F)."""
        moments = cls(features.shape[1], device=features.device)
        moments.update(features)
        return moments

    @property
    def dim(self) -> int:
        """F, the length of a vector."""
        return self.mean.shape[0]

    @property
    def covariance(self) -> Tensor:
        """The unbiased covariance S / (N - 1), float64 (F, F).

        Raises:
            ConfigError: fewer than two vectors were seen.
        """
        if self.count < 2:
            raise ConfigError(f"a covariance needs at least 2 samples, and there are {self.count}")
        return self.scatter / (self.count - 1)

    def update(self, features: Tensor) -> None:
        """Add the vectors of ``features``, float (N, F).

        Raises:
            ConfigError: another shape, or a value that is not finite.
        """
        if features.ndim != 2 or features.shape[1] != self.dim:
            raise ConfigError(f"features have the shape {tuple(features.shape)}; it must be (N, {self.dim})")
        batch = features.to(self.mean.device, torch.float64)
        if not bool(batch.isfinite().all()):
            raise ConfigError("features hold NaN or infinite values; look for them in the images")
        other = Moments(self.dim, device=self.mean.device)
        other.count = len(batch)
        if other.count:
            other.mean = batch.mean(0)
            centred = batch - other.mean
            other.scatter = centred.T @ centred
            self.merge(other)

    def merge(self, other: Moments) -> None:
        """Add what ``other`` has seen."""
        total = self.count + other.count
        if total == 0:
            return
        shift = other.mean - self.mean
        self.scatter += other.scatter + torch.outer(shift, shift) * (self.count * other.count / total)
        self.mean += shift * (other.count / total)
        self.count = total
