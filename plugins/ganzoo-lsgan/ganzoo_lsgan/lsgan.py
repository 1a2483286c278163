r"""LSGAN: least squares in place of cross-entropy. Mao et al. 2017, arXiv:1611.04076.

With a raw score D (no sigmoid), the targets a for fakes, b for real images, and c for what G wants of its fakes:

.. math::
    L_D &= \tfrac12 E[(D(x) - b)^2] + \tfrac12 E[(D(G(z)) - a)^2] \\
    L_G &= \tfrac12 E[(D(G(z)) - c)^2]

Cross-entropy leaves alone a fake that lies far on the real side of the boundary; least squares pulls it back as well,
so that G's gradient does not vanish. For b - c = 1 and b - a = 2 (-1, 1, 0) G minimises the Pearson chi-squared
divergence between :math:`p_x + p_g` and :math:`2 p_g`; the paper's experiments, and the defaults here, use (0, 1, 1).

The networks are any backbone's, DCGAN's by default. Shapes: N batch.
"""

from __future__ import annotations

from torch import Tensor

from ganzoo.data import DataInfo
from ganzoo.game import GAN, Loss, Networks, Terms
from ganzoo.parts.losses import accuracies
from ganzoo.parts.penalties import R1

from .plugin import LSGANOptions


class LeastSquaresLoss(Loss):
    """The least-squares loss of the module's docstring; every term has the weight 1/2.

    Args:
        fake_target: a.
        real_target: b.
        generator_target: c.
    """

    def __init__(self, fake_target: float = 0.0, real_target: float = 1.0, generator_target: float = 1.0) -> None:
        super().__init__()
        self.fake_target = fake_target
        self.real_target = real_target
        self.generator_target = generator_target

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """``real`` and ``fake`` from scores (N,)."""
        return {
            "real": _half_square(real_scores, self.real_target),
            "fake": _half_square(fake_scores, self.fake_target),
        }

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        """``fake`` from scores (N,)."""
        return {"fake": _half_square(fake_scores, self.generator_target)}

    def diagnostics(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """Accuracies at the score midway between the targets of real and fake."""
        return accuracies(real_scores, fake_scores, threshold=(self.fake_target + self.real_target) / 2)

    def extra_repr(self) -> str:
        return f"a={self.fake_target}, b={self.real_target}, c={self.generator_target}"


def build(options: LSGANOptions, networks: Networks, data: DataInfo) -> GAN:
    """The game of LSGAN."""
    loss = LeastSquaresLoss(options.fake_target, options.real_target, options.generator_target)
    return GAN(*networks, loss, options, penalties=[R1(options.r1)] if options.r1 else [])


def _half_square(scores: Tensor, target: float) -> Tensor:
    """Half the mean squared distance of scores (N,) from ``target``."""
    return 0.5 * (scores - target).square().mean()
