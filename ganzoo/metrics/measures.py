"""The metrics of :mod:`ganzoo.metrics.builtin`: from evidence to figures, with a warning where a figure is less than it
seems. The arithmetic is in the modules beside this one."""

from __future__ import annotations

import math

import torch

from .classes import count_modes, inception_score
from .copying import nearest_training
from .evidence import Estimate, Evidence
from .features import FeatureSet
from .frechet import frechet_distance
from .kernel import kernel_distance
from .manifold import manifold_scores

KID_SUBSET = 1000
PER_CLASS = 10


def fid(evidence: Evidence) -> dict[str, float]:
    """``fid``, of all samples against all real images."""
    for name, features in (("samples", evidence.fake), ("real images", evidence.real)):
        if len(features) <= features.dim:
            evidence.warn(
                f"fid: {len(features):,} {name} do not span {features.dim:,} features, so their covariance is "
                f"singular; take more than {features.dim:,}"
            )
    return {"fid": frechet_distance(evidence.fake.moments, evidence.real.moments)}


def kid(evidence: Evidence) -> dict[str, float | Estimate]:
    """``kid``, over 100 subsets of 1,000, or of the smaller set's size, which leave it without an error."""
    smaller = min(len(evidence.fake), len(evidence.real))
    if smaller < KID_SUBSET:
        evidence.warn(
            f"kid: subsets have {smaller:,} samples and not the usual {KID_SUBSET:,}; these are all, so it has no error"
        )
    elif smaller < 2 * KID_SUBSET:
        evidence.warn(
            f"kid: {smaller:,} samples are fewer than two subsets of {KID_SUBSET:,}, so it has no error; "
            f"take {2 * KID_SUBSET:,} or more"
        )
    size = min(KID_SUBSET, smaller)
    found = kernel_distance(evidence.real.vectors, evidence.fake.vectors, evidence.rng, subset_size=size)
    return {"kid": _estimate(found.mean, found.error)}


def inception(evidence: Evidence) -> dict[str, float | Estimate]:
    """``is``, over 10 parts (fewer for fewer than 10 samples); its error is the standard error over the parts."""
    logits = _logits(evidence)
    splits = min(10, len(logits))
    score = inception_score(logits, splits=splits)
    if len(logits) < PER_CLASS * splits * logits.shape[1]:
        evidence.warn(
            f"is: {len(logits):,} samples in {splits} parts are few for {logits.shape[1]:,} classes; it comes out low"
        )
    return {"is": _estimate(score.mean, None if score.deviation is None else score.deviation / splits**0.5)}


def precision_recall(evidence: Evidence) -> dict[str, float]:
    """``precision`` and ``recall`` with k = 3, of as many real images as samples where there are more."""
    real = _as_many_real(evidence)
    if len(real) < len(evidence.fake):
        evidence.warn(
            f"precision, recall: {len(evidence.fake):,} samples are more than the {len(real):,} real images; "
            "figures of unequal sets do not compare"
        )
    scores = manifold_scores(real.vectors, evidence.fake.vectors, k=3)
    return {"precision": scores.precision, "recall": scores.recall}


def density_coverage(evidence: Evidence) -> dict[str, float]:
    """``density`` and ``coverage`` with k = 5, of as many real images as samples where there are more."""
    real = _as_many_real(evidence)
    if len(real) < len(evidence.fake):
        evidence.warn(
            f"coverage: {len(evidence.fake):,} samples are more than the {len(real):,} real images; it comes out high"
        )
    scores = manifold_scores(real.vectors, evidence.fake.vectors, k=5)
    return {"density": scores.density, "coverage": scores.coverage}


def mode_count(evidence: Evidence) -> dict[str, float]:
    """``modes``, ``kl``, ``least``, ``most`` and ``confident``."""
    logits = _logits(evidence)
    found = count_modes(logits)
    classes = len(found.shares)
    if len(logits) < PER_CLASS * classes:
        evidence.warn(f"modes: {len(logits):,} samples are few for {classes:,} classes; some will be missed by chance")
    return {
        "modes": float(found.modes),
        "kl": found.kl,
        "least": min(found.shares) * classes,
        "most": max(found.shares) * classes,
        "confident": found.confident,
    }


def memorisation(evidence: Evidence) -> dict[str, float]:
    """``copying`` and ``nn-ratio``; nothing where the training images are not known or are the real images."""
    if evidence.training is None:
        return {}
    found = nearest_training(evidence.fake.vectors, evidence.real.vectors, evidence.training.vectors)
    if math.isinf(found.ratio):
        evidence.warn("nn-ratio: left out, because most of the real images are training images")
        return {"copying": found.copying}
    return {"copying": found.copying, "nn-ratio": found.ratio}


def _as_many_real(evidence: Evidence) -> FeatureSet:
    """The real images, or as many of them as there are samples, drawn at random."""
    real, wanted = evidence.real, len(evidence.fake)
    if len(real) <= wanted:
        return real
    return real.take(torch.randperm(len(real), generator=evidence.rng)[:wanted])


def _estimate(value: float, error: float | None) -> float | Estimate:
    return value if error is None else Estimate(value, error)


def _logits(evidence: Evidence) -> torch.Tensor:
    assert evidence.fake.logits is not None, "an extractor without classes is refused before anything is judged"
    return evidence.fake.logits
