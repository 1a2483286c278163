r"""Penalties that several variants use.

A penalty on the discriminator's slope at real images keeps it from growing ever steeper where it has nothing left to
learn, so that the two players settle in place of circling around each other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.errors import ConfigError
from ganzoo.game import Penalty, Terms


class R1(Penalty):
    r"""The squared slope of D at real images. Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406, section 4.1.

    .. math:: R_1 = \frac{\gamma}{2}\, E\big[\lVert \nabla_x D(x) \rVert_2^2\big], \qquad x \sim p_\text{data}

    D is the raw score (a logit for cross-entropy) and the norm is over all values of an image, with pixels in [-1, 1].

    With batch norm in D, each score has a slope at the other images of its batch, too; what is squared at an image is
    then the slope of the sum of all scores there. That is not the paper's quantity, but it steadies D as well, so it is
    no reason to refuse the pair.

    Args:
        gamma: :math:`\gamma`, at least 0; the paper has 10.

    Raises:
        ConfigError: ``gamma`` is below 0.
    """

    per_sample = False

    def __init__(self, gamma: float = 10.0) -> None:
        super().__init__()
        if gamma < 0:
            raise ConfigError(f"gamma is {gamma}", fix="set it to 0 or more, such as 1")
        self.gamma = gamma

    def points(self, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
        """The real images (N, C, H, W) themselves, whose scores D has already given."""
        return real

    def terms(self, scores: Tensor, points: Tensor) -> Terms:
        """``r1`` from ``scores`` (N,) at ``points`` (N, C, H, W)."""
        (slope,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
        return {"r1": self.gamma / 2 * slope.flatten(1).square().sum(dim=1).mean()}

    def extra_repr(self) -> str:
        return f"gamma={self.gamma}"
