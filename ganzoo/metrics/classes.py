"""Figures from the class probabilities of samples: Inception score, modes found, and how evenly."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.errors import ConfigError


class InceptionScore(NamedTuple):
    """Over the parts of the samples, between 1 and the number of classes.

    Attributes:
        mean: over the parts.
        deviation: over the parts, that of a sample: divided by one less than their number, where papers divide by their
            number. None of a single part.
    """

    mean: float
    deviation: float | None


class ModeCount(NamedTuple):
    """What a classifier finds in samples.

    Attributes:
        modes: classes with at least one sample.
        kl: Kullback-Leibler divergence of the found shares from the expected ones, in nats, at least 0.
        shares: part of the samples in each class, (K,).
        confident: part of the samples whose largest probability is above 0.9.
    """

    modes: int
    kl: float
    shares: tuple[float, ...]
    confident: float


def inception_score(logits: Tensor, *, splits: int = 10) -> InceptionScore:
    r"""The Inception score :math:`\exp E_x\, \mathrm{KL}(p(y|x) \,\|\, p(y))`, Salimans et al. 2016, arXiv:1606.03498.

    It looks at the samples alone, so it does not notice that they miss the data; see Barratt & Sharma 2018,
    arXiv:1801.01973. The parts are taken in order, so shuffle samples that are sorted.

    Args:
        logits: (N, K), float.
        splits: number of parts, at most N.

    Raises:
        ConfigError: more parts than samples.

    Example:
        >>> import torch
        >>> round(inception_score(torch.eye(10).repeat(10, 1) * 1000, splits=1).mean, 6)
        10.0
    """
    if not 1 <= splits <= len(logits):
        raise ConfigError(f"{splits} splits of {len(logits)} samples", choices=[f"1 to {len(logits)}"])
    scores = []
    for part in logits.double().tensor_split(splits):
        log_p = part.log_softmax(1)
        log_marginal = log_p.logsumexp(0) - torch.tensor(len(part), dtype=torch.float64).log()
        scores.append((log_p.exp() * (log_p - log_marginal)).sum(1).mean().exp())
    values = torch.stack(scores)
    return InceptionScore(values.mean().item(), values.std().item() if splits > 1 else None)


def count_modes(logits: Tensor, expected: Tensor | None = None) -> ModeCount:
    r"""Count the classes that a classifier finds, and how far their shares q are from the expected p.

    .. math:: \mathrm{KL}(q \,\|\, p) = \sum_k q_k \ln(q_k / p_k)

    The measure of StackedMNIST (Metz et al. 2017, arXiv:1611.02163; Srivastava et al. 2017, arXiv:1705.07761). Even
    samples from p itself have a KL of about (K - 1) / 2N.

    Args:
        logits: (N, K), float.
        expected: p, (K,), positive; uniform if None.

    Raises:
        ConfigError: no samples, or ``expected`` is no distribution over K classes.

    Example:
        >>> import torch
        >>> count_modes(torch.tensor([[9.0, 0.0], [8.0, 0.0], [0.0, 9.0], [0.0, 0.1]]))
        ModeCount(modes=2, kl=0.0, shares=(0.5, 0.5), confident=0.75)
    """
    n, classes = logits.shape
    if n == 0:
        raise ConfigError("modes of no samples cannot be counted")
    uniform = torch.full((classes,), 1 / classes, dtype=torch.float64)
    p = uniform if expected is None else expected.double().cpu()
    if p.shape != (classes,) or bool((p <= 0).any()) or abs(p.sum().item() - 1) > 1e-6:
        raise ConfigError(f"the expected shares {tuple(p.shape)} are no distribution over {classes} classes")
    probabilities = logits.double().softmax(1).cpu()
    counts = torch.bincount(probabilities.argmax(1), minlength=classes)
    shares = counts.double() / n
    return ModeCount(
        modes=int((counts > 0).sum()),
        kl=torch.special.xlogy(shares, shares / p).sum().item(),
        shares=tuple(shares.tolist()),
        confident=(probabilities.max(1).values > 0.9).double().mean().item(),
    )


def stacked_logits(logits: Tensor) -> Tensor:
    """Log-probabilities (N, 1000) of three-digit numbers from those of three digits, logits (N, 3, 10).

    Example:
        >>> import torch
        >>> logits = torch.zeros(1, 3, 10)
        >>> logits[0, [0, 1, 2], [4, 0, 7]] = 50.0
        >>> stacked_logits(logits).argmax().item()
        407
    """
    first, second, third = logits.double().log_softmax(2).unbind(1)
    joint = first[:, :, None, None] + second[:, None, :, None] + third[:, None, None, :]
    return joint.flatten(1)
