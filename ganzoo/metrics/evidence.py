"""What a metric judges by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from .features import FeatureSet


class Estimate(NamedTuple):
    """A figure with the standard error that its metric itself gives."""

    value: float
    error: float


Measure = Callable[["Evidence"], Mapping[str, "float | Estimate"]]
"""The signature of what a :class:`~ganzoo.registry.MetricSpec` names as its builder."""


@dataclass(frozen=True)
class Evidence:
    """Features of one set of samples and of real images, all from one extractor.

    Attributes:
        fake: the samples.
        real: what they are held against.
        training: the images that the samples' maker may have seen; None where nobody knows.
        rng: for everything random, on the CPU; each metric has its own in each repeat.
        warnings: sentences that a metric adds with :meth:`warn`.
    """

    fake: FeatureSet
    real: FeatureSet
    training: FeatureSet | None
    rng: torch.Generator
    warnings: list[str] = field(default_factory=list)

    def warn(self, sentence: str) -> None:
        """Say what makes a figure less than it seems; each sentence is told once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
