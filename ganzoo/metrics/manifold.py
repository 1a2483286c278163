"""Precision, recall, density and coverage: how two sets of features lie among each other's nearest neighbours."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .distances import check_features, neighbour, squared_distances


class ManifoldScores(NamedTuple):
    """Four figures from one set of balls.

    Attributes:
        precision: part of the fakes in the ball of some real sample, in [0, 1].
        recall: part of the real samples in the ball of some fake one, in [0, 1].
        density: mean number of real balls around a fake over k; about 1 for equal sets, above 1 where fakes crowd.
        coverage: part of the real samples whose ball holds a fake one, in [0, 1].
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_scores(real: Tensor, fake: Tensor, *, k: int = 5) -> ManifoldScores:
    r"""Compare two sets through balls :math:`B(x)` from each sample to its k-th nearest neighbour in its own set.

    Precision and recall: Kynkaanniemi et al. 2019, arXiv:1904.06991 (there k = 3). Density
    :math:`\frac{1}{k M} \sum_j \sum_i 1[y_j \in B(x_i)]` and coverage :math:`\frac{1}{N} \sum_i 1[\exists j: y_j \in
    B(x_i)]`: Naeem et al. 2020, arXiv:2002.09797 (k = 5), which an outlier among the real samples does not inflate.

    Args:
        real: (N, F), float.
        fake: (M, F), float.
        k: which neighbour; less than N and M.

    Raises:
        ConfigError: features of different lengths, or k out of range.

    Example:
        >>> import torch
        >>> x = torch.arange(10.0).view(10, 1)
        >>> manifold_scores(x, x, k=1)
        ManifoldScores(precision=1.0, recall=1.0, density=2.8, coverage=1.0)
    """
    check_features(real, fake, k)
    centre = real.mean(0, dtype=torch.float64)
    real_radii, fake_radii = neighbour(real, k, centre=centre), neighbour(fake, k, centre=centre)
    in_real_ball = torch.zeros(len(fake), dtype=torch.int64, device=real.device)
    in_fake_ball, covered = [], []
    for rows, distances in squared_distances(real, fake, centre=centre):
        inside = distances <= real_radii[rows, None]  # (chunk, M)
        in_real_ball += inside.sum(0)
        covered.append(inside.any(1))
        in_fake_ball.append((distances <= fake_radii[None, :]).any(1))
    return ManifoldScores(
        precision=(in_real_ball > 0).double().mean().item(),
        recall=torch.cat(in_fake_ball).double().mean().item(),
        density=in_real_ball.double().mean().item() / k,
        coverage=torch.cat(covered).double().mean().item(),
    )
