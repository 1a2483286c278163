"""Whether samples are copies of training images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .distances import check_features, nearest


class Copying(NamedTuple):
    """How near samples lie to the training images, beside how near unseen real images lie to them.

    Attributes:
        copying: chance that a random sample is nearer to its nearest training image than a random unseen image to its
            own, ties counted half; 0.5 where samples are like unseen images, near 1 where they are copies, and near 0
            where they lie far from all data.
        ratio: median of the samples' distances over that of the unseen images; 0 for copies, infinite where the median
            of the unseen images is 0.
    """

    copying: float
    ratio: float


def nearest_training(fake: Tensor, unseen: Tensor, training: Tensor) -> Copying:
    r"""Compare :math:`d(x) = \min_t \|\phi(x) - \phi(t)\|` over samples and over real images that nobody trained on.

    ``copying`` is :math:`P(d(y) < d(x)) + \tfrac12 P(d(y) = d(x))` for a sample y and an unseen x: Mann & Whitney's U
    over its largest value, the statistic of the three-sample test of Meehan, Chaudhuri & Dasgupta 2020,
    arXiv:2004.05675, here over all of the space at once and turned so that copies give 1.

    Args:
        fake: (N, F), float.
        unseen: (M, F), float; such as the test images.
        training: (T, F), float.

    Raises:
        ConfigError: features of different lengths, or fewer than two samples.

    Example:
        >>> import torch
        >>> training = torch.arange(10.0).view(10, 1)
        >>> nearest_training(training[:5], training[:5] + 0.25, training)
        Copying(copying=1.0, ratio=0.0)
    """
    check_features(unseen, fake, 1)
    check_features(training, fake, 1)
    centre = training.mean(0, dtype=torch.float64)
    of_fake = nearest(fake, training, centre=centre).sqrt()
    of_unseen = nearest(unseen, training, centre=centre).sqrt()
    ordered = of_fake.sort().values
    nearer = torch.searchsorted(ordered, of_unseen, side="left")
    not_farther = torch.searchsorted(ordered, of_unseen, side="right")
    copying = (nearer + not_farther).double().mean().item() / (2 * len(fake))
    typical = of_unseen.quantile(0.5).item()
    ratio = of_fake.quantile(0.5).item() / typical if typical else float("inf")
    return Copying(copying, ratio)
