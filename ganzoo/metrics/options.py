"""What is measured of a run's samples while it trains. Free of torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ganzoo.errors import ConfigError
from ganzoo.options import Options


class EvaluationOptions(Options):
    """What is measured of a run's samples while it trains."""

    eval_every: Annotated[int, Field(ge=0)] = 0
    """Iterations between two evaluations of the samples, by which the best snapshot is kept; 0 for none."""
    eval_metrics: str = "fid"
    """Metrics or figures, joined by commas (see ganzoo list --metrics)."""
    eval_samples: Annotated[int, Field(ge=2, le=10_000_000)] = 10_000
    """Samples in an evaluation; figures compare only at the same number."""
    eval_features: str | None = None
    """The feature extractor (see ganzoo list --extractors); None for the data set's own."""
    eval_against: str | None = None
    """Real images: DATASET, DATASET:SPLIT or folder:PATH; None for the test split of the run's own (or what it has)."""
    eval_best: str | None = None
    """The figure by which the best snapshot is kept; None for the first one of the metrics that has a better way."""


def split_names(text: str, option: str) -> list[str]:
    """Names joined by commas.

    Raises:
        ConfigError: an empty name; ``option`` is where it was given.
    """
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise ConfigError(f"{option} {text!r} has an empty name", fix=f"write names joined by commas: {option} fid,kid")
    return names
