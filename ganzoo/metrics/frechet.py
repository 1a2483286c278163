"""The Frechet distance between two sets of features (FID where the features are Inception's)."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.errors import ConfigError

from .moments import Moments

_BLOCK = 256
"""Columns that are multiplied at a time."""

_ALIKE = 1e-8
"""Products of two variances that differ by no more than this leave every order of features exact enough."""


def frechet_distance(a: Moments, b: Moments) -> float:
    r"""The squared Frechet (2-Wasserstein) distance between the normal distributions with these moments.

    .. math:: d^2 = \|\mu_a - \mu_b\|^2 + \mathrm{tr}\, \Sigma_a + \mathrm{tr}\, \Sigma_b
              - 2\, \mathrm{tr}\, (\Sigma_a \Sigma_b)^{1/2}

    Dowson & Landau 1982; for GANs Heusel et al. 2017, arXiv:1706.08500. It is biased upwards for few samples (Chong &
    Forsyth 2020, arXiv:1911.07023), so compare only figures with the same number of samples and the same extractor.

    Returns:
        d squared, at least 0; 0 for equal moments up to rounding.

    Raises:
        ConfigError: features of different lengths, or fewer than two samples.

    Example:
        >>> import torch
        >>> x = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
        >>> round(frechet_distance(Moments.of(x), Moments.of(x + 1)), 6)
        4.0
    """
    if a.dim != b.dim:
        raise ConfigError(f"the features have different lengths, {a.dim} and {b.dim}; use one extractor for both")
    sigma_a, sigma_b = a.covariance, b.covariance.to(a.mean.device)
    shift = (a.mean - b.mean.to(a.mean.device)).square().sum()
    cross = trace_of_root(sigma_a, sigma_b, ranks=(a.count - 1, b.count - 1))
    distance = shift + sigma_a.trace() + sigma_b.trace() - 2 * cross
    return max(0.0, distance.item())


def trace_of_root(a: Tensor, b: Tensor, *, ranks: tuple[int, int] | None = None) -> Tensor:
    r""":math:`\mathrm{tr}\,(AB)^{1/2}` of two positive semi-definite matrices, float64 (F, F), as a 0-dim tensor.

    With a factor :math:`A = L L^T`, the eigenvalues of :math:`AB` are those of the symmetric :math:`L^T B L`, so the
    trace is the sum of their roots; A and B stand alike here. Features that never change in a set are left out
    beforehand, and the others ordered by falling variance if that varies much, for Cholesky's rounding errors are as
    large as what it has subtracted. Where there are fewer samples than features, L is as narrow as the lower rank, and
    so is the rest of the work (:func:`_narrow_factor`); otherwise it is Cholesky's. Where neither is to be had, because
    features depend on each other, its columns are A's eigenvectors times the roots of its eigenvalues. What is zero up
    to rounding is left out, for the root of a rounding error is none. The first two are exact; the last may lose half
    of the digits.

    Args:
        a: A.
        b: B.
        ranks: what the ranks of A and B are at most, if known: one less than the numbers of samples.

    Example:
        >>> import torch
        >>> eye = torch.eye(2, dtype=torch.float64)
        >>> round(trace_of_root(4 * eye, 9 * eye).item(), 6)
        12.0
    """
    sizes = a.diagonal() * b.diagonal()
    if bool(sizes.min() <= _ALIKE * sizes.max()):
        order = sizes.argsort(descending=True)[: int((sizes > 0).sum())]
        a, b = (matrix[order[:, None], order] for matrix in (a, b))
    if ranks is not None and ranks[1] < ranks[0]:
        a, b = b, a
    factor = None if ranks is None else _narrow_factor(a, min(ranks))
    if factor is None:
        for one, other in ((a, b), (b, a)):
            lower, failed = torch.linalg.cholesky_ex(one)
            if not bool(failed):
                values = torch.linalg.eigvalsh(_congruence(lower, other))
                clear = _but_zeros(values)
                if len(clear) < len(values) and bool(torch.linalg.cholesky_ex(other).info):
                    values = clear  # a definite matrix may have eigenvalues as small as these, and has them right
                return _roots(values).sum()
        factor = _factor(a)
    return _roots(torch.linalg.eigvalsh(factor.T @ b @ factor)).sum()


def _narrow_factor(a: Tensor, rank: int) -> Tensor | None:
    r"""L with :math:`A = L L^T`, (F, rank), of a matrix (F, F) whose rank is ``rank``; None if it is less.

    ``rank`` random mixtures of A's columns span what all of them span, so with an orthonormal basis Q of theirs
    :math:`A = Q (Q^T A Q) Q^T` (Halko, Martinsson & Tropp 2011, arXiv:0909.4061), and the small matrix in the middle is
    definite: its factor is Cholesky's.
    """
    if rank >= len(a):
        return None
    rng = torch.Generator(a.device).manual_seed(0)
    mixtures = a @ torch.randn(len(a), rank, generator=rng, dtype=a.dtype, device=a.device)
    basis = torch.linalg.qr(mixtures).Q
    lower, failed = torch.linalg.cholesky_ex(basis.T @ a @ basis)
    return None if bool(failed) else basis @ lower


def _factor(a: Tensor) -> Tensor:
    """L with :math:`A = L L^T`, (F, R), by the R eigenvalues that are not zero."""
    values, vectors = torch.linalg.eigh(a)
    values = _but_zeros(values)
    factor: Tensor = vectors[:, len(vectors) - len(values) :] * _roots(values)
    return factor


def _but_zeros(ascending: Tensor) -> Tensor:
    """Those of a matrix's eigenvalues that are more than its rounding errors."""
    return ascending[ascending > ascending[-1:] * len(ascending) * torch.finfo(ascending.dtype).eps]


def _roots(values: Tensor) -> Tensor:
    return values.clamp(min=0).sqrt()


def _congruence(lower: Tensor, b: Tensor) -> Tensor:
    """The lower triangle of :math:`L^T B L` for a lower triangular L, (F, F), without most of the products by zero."""
    size = len(b)
    inner = torch.zeros_like(b)
    for start in range(0, size, _BLOCK):
        columns = slice(start, start + _BLOCK)
        right = b[start:, start:] @ lower[start:, columns]  # (F - start, block)
        for left in range(start, size, _BLOCK):
            rows = slice(left, left + _BLOCK)
            inner[rows, columns] = lower[left:, rows].T @ right[left - start :]
    return inner
