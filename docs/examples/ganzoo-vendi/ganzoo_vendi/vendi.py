r"""The Vendi score. Friedman & Dieng 2023, arXiv:2210.02410.

With the similarities :math:`K_{ij} = \langle x_i, x_j \rangle` of feature vectors of length 1 and the eigenvalues
:math:`\lambda_i` of K / n, which add up to 1, it is the exponential of their entropy,

.. math:: \mathrm{VS} = \exp\Bigl(-\sum_i \lambda_i \log \lambda_i\Bigr) \in [1, n].
"""

from __future__ import annotations

import torch
from ganzoo.metrics.evidence import Evidence
from torch import Tensor
from torch.nn.functional import normalize


def vendi(evidence: Evidence) -> dict[str, float]:
    """The score of the samples' features."""
    return {"vendi": effective_number(evidence.fake.vectors)}


def effective_number(vectors: Tensor) -> float:
    """The score of vectors (N, F).

    K has the eigenvalues of the matrix (F, F) of second moments, which is smaller where there are many samples.
    """
    rows = normalize(vectors.double(), dim=1)  # (N, F)
    shares = torch.linalg.eigvalsh(rows.T @ rows / len(rows)).clamp(min=0)  # (F,)
    return float(torch.special.entr(shares).sum().exp())
