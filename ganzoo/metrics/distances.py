"""Euclidean distances between many vectors, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ganzoo.errors import ConfigError

_ELEMENTS = 1 << 24
"""Distances that are held at a time: 128 MB in float64."""


def squared_distances(x: Tensor, y: Tensor, *, centre: Tensor) -> Iterator[tuple[slice, Tensor]]:
    r"""The squared distances of some rows of ``x`` (N, F) to all of ``y`` (M, F), float64, and which rows these are.

    :math:`\|x - y\|^2 = \|x - c\|^2 + \|y - c\|^2 - 2 (x - c)^T (y - c)`: a matrix product, which is ten times quicker
    than the differences themselves and loses no more than rounding in float64 once both are moved to ``centre`` (F,).
    The same vectors give the same bits, so a set compared with itself has no ties broken.
    """
    centre = centre.double()
    x, y = x.double() - centre, y.to(x.device).double() - centre
    x_norms, y_norms = x.square().sum(1), y.square().sum(1)
    rows = max(1, _ELEMENTS // max(1, len(y)))
    for start in range(0, len(x), rows):
        chosen = slice(start, min(start + rows, len(x)))
        products = torch.addmm(y_norms, x[chosen], y.T, alpha=-2)
        yield chosen, products.add_(x_norms[chosen, None]).clamp_(min=0)


def nearest(x: Tensor, y: Tensor, *, centre: Tensor) -> Tensor:
    """Squared distance of each row of ``x`` (N, F) to the nearest of ``y`` (M, F), float64 (N,); 0 for a copy."""
    y = y.to(x.device)
    found = []
    for rows, distances in squared_distances(x, y, centre=centre):
        # From the difference itself: of two copies the matrix product leaves rounding, and no tie.
        found.append((x[rows].double() - y[distances.argmin(1)].double()).square().sum(1))
    return torch.cat(found)


def neighbour(x: Tensor, k: int, *, centre: Tensor) -> Tensor:
    """Squared distance of each row of ``x`` (N, F) to its k-th nearest other row, float64 (N,)."""
    found = []
    for rows, distances in squared_distances(x, x, centre=centre):
        count = rows.stop - rows.start
        distances[torch.arange(count), torch.arange(rows.start, rows.stop)] = torch.inf
        found.append(distances.topk(k, dim=1, largest=False).values[:, -1])
    return torch.cat(found)


def check_features(real: Tensor, fake: Tensor, k: int) -> None:
    """Refuse sets that cannot be compared by k-th neighbours.

    Raises:
        ConfigError: features of different lengths, or k out of range.
    """
    if real.shape[1] != fake.shape[1]:
        raise ConfigError(f"the features have different lengths, {real.shape[1]} and {fake.shape[1]}")
    smaller = min(len(real), len(fake))
    if not 1 <= k < smaller:
        raise ConfigError(
            f"nearest neighbour number {k} is asked for, and the smaller set has {smaller} samples",
            fix=f"take more than {k} samples",
        )
