r"""The cross-entropy loss of the first GAN, and how often a discriminator is right.

Scores s are logits: :math:`D(x) = \sigma(s)` is the discriminator's probability that x is real.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from ganzoo.errors import ConfigError
from ganzoo.game import Loss, Terms


class NonSaturatingLoss(Loss):
    r"""Cross-entropy with the non-saturating generator of Goodfellow et al. 2014, arXiv:1406.2661, section 3.

    With the one-sided label smoothing :math:`\alpha` of Salimans et al. 2016, arXiv:1606.03498, section 3.4, the
    target of a real image is :math:`1 - \alpha`, and that of a fake one stays 0:

    .. math::
        L_D &= -E[(1 - \alpha) \log \sigma(s_r) + \alpha \log(1 - \sigma(s_r))] - E[\log(1 - \sigma(s_f))] \\
            &= E[\operatorname{softplus}(-s_r) + \alpha s_r] + E[\operatorname{softplus}(s_f)] \\
        L_G &= -E[\log \sigma(s_f)] = E[\operatorname{softplus}(-s_f)]

    The second form neither overflows nor takes the logarithm of zero, whatever the scores. At scores of 0 each of the
    terms ``real``, ``fake`` (discriminator) and ``fake`` (generator) is log 2 = 0.693 nats.

    Args:
        label_smoothing: :math:`\alpha` in [0, 1); 0 for the plain loss, 0.1 is common.

    Raises:
        ConfigError: ``label_smoothing`` is out of range.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise ConfigError(f"label_smoothing is {label_smoothing}", fix="set it in [0, 1), such as 0.1")
        self.label_smoothing = label_smoothing

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """``real`` and ``fake``, in nats, from scores (N,)."""
        real = softplus(-real_scores)
        if self.label_smoothing:
            real = real + self.label_smoothing * real_scores
        return {"real": real.mean(), "fake": softplus(fake_scores).mean()}

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        """``fake``, in nats, from scores (N,)."""
        return {"fake": softplus(-fake_scores).mean()}

    def diagnostics(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """Accuracies at probability 1/2, which is score 0."""
        return accuracies(real_scores, fake_scores)

    def extra_repr(self) -> str:
        return f"label_smoothing={self.label_smoothing}"


def accuracies(real_scores: Tensor, fake_scores: Tensor, threshold: float = 0.0) -> Terms:
    """How often the discriminator is right about real and about fake images.

    Args:
        real_scores: scores of real images, float (N,).
        fake_scores: scores of fake images, float (N,).
        threshold: the score between the two; a score equal to it is right about neither.

    Returns:
        ``accuracy_real``, the fraction of real scores above the threshold, and ``accuracy_fake``, the fraction of fake
        scores below it, each 0-dim in [0, 1].
    """
    return {
        "accuracy_real": (real_scores > threshold).float().mean(),
        "accuracy_fake": (fake_scores < threshold).float().mean(),
    }
