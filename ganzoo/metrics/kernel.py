"""The kernel distance between two sets of features (KID where the features are Inception's)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.errors import ConfigError


class KernelDistance(NamedTuple):
    """An estimate over random subsets.

    Attributes:
        mean: mean over the subsets; unbiased, so it may fall below 0.
        error: standard error of that mean; None where the subsets do not tell it.
    """

    mean: float
    error: float | None


def kernel_distance(
    real: Tensor, fake: Tensor, rng: torch.Generator, *, subsets: int = 100, subset_size: int = 1000
) -> KernelDistance:
    r"""The squared maximum mean discrepancy under the cubic kernel :math:`k(x, y) = (x^T y / F + 1)^3`.

    .. math:: \frac{\sum_{i \ne j} k(x_i, x_j) + k(y_i, y_j)}{m (m - 1)} - \frac{2}{m^2} \sum_{i, j} k(x_i, y_j)

    over S = ``subsets`` draws of m = ``subset_size`` samples from each set without replacement (Binkowski et al. 2018,
    arXiv:1801.01401). Unlike the Frechet distance it has no bias of sample size.

    Subsets share samples, so their deviation s over :math:`\sqrt{S}` is too small an error. With n the size of the
    smaller set, the estimate from m samples varies about that from all n with the variance :math:`\sigma^2 (1/m - 1/n)`
    to first order, which is what s squared shows, and that from all n varies with :math:`\sigma^2 / n`. Together

    .. math:: \mathrm{error}^2 = s^2 \left( \frac{1}{S} + \frac{m}{n - m} \right)

    It is too large where the other set is larger, and for equal distributions, whose estimate varies less than that.
    The nearer m is to n, the less of that variance the subsets show and the more it is a guess from their own noise;
    so of subsets of more than n / 2 samples no error is told, nor of a single subset.

    Args:
        real: (N, F), float.
        fake: (M, F), float.
        rng: draws the subsets, on the CPU.
        subsets: S.
        subset_size: m.

    Raises:
        ConfigError: features of different lengths, or a subset larger than a set.

    Example:
        >>> import torch
        >>> rng = torch.Generator().manual_seed(0)
        >>> x, y = torch.randn(200, 8, generator=rng), torch.randn(200, 8, generator=rng)
        >>> abs(kernel_distance(x, y, rng, subset_size=100).mean) < 0.1
        True
    """
    if real.shape[1] != fake.shape[1]:
        raise ConfigError(f"the features have different lengths, {real.shape[1]} and {fake.shape[1]}")
    smaller = min(len(real), len(fake))
    if not 2 <= subset_size <= smaller:
        raise ConfigError(f"a subset of {subset_size} does not fit into {smaller} samples", choices=[f"2 to {smaller}"])
    estimates = torch.empty(subsets, dtype=torch.float64)
    for index in range(subsets):
        x = _draw(real, subset_size, rng)
        y = _draw(fake, subset_size, rng)
        estimates[index] = _unbiased(x, y)
    known = subsets > 1 and 2 * subset_size <= smaller
    error = estimates.std().item() * (1 / subsets + subset_size / (smaller - subset_size)) ** 0.5 if known else None
    return KernelDistance(estimates.mean().item(), error)


def _draw(features: Tensor, count: int, rng: torch.Generator) -> Tensor:
    chosen = torch.randperm(len(features), generator=rng)[:count]
    return features[chosen.to(features.device)].double()


def _unbiased(x: Tensor, y: Tensor) -> Tensor:
    m = len(x)
    within = sum((gram.sum() - gram.diagonal().sum() for gram in (_kernel(x, x), _kernel(y, y))), x.new_zeros(()))
    return within / (m * (m - 1)) - 2 * _kernel(x, y).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3
