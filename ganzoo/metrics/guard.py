"""Calls into metrics and feature extractors, which plugins supply: a fault is told with the name of the plugin."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ganzoo.errors import ConfigError, GanzooError, PluginError
from ganzoo.registry import Entry, ExtractorSpec, MetricSpec, load_builder

from .evidence import Estimate, Evidence
from .features import FeatureExtractor, Features


def load_extractor(entry: Entry[ExtractorSpec]) -> FeatureExtractor:
    """The extractor that ``entry`` declares, frozen and in evaluation mode.

    Raises:
        PluginError: its builder fails, or gives something else.
        GanzooError: weights or packages that it needs are missing.
    """
    builder = load_builder(entry.spec)
    try:
        with torch.random.fork_rng(devices=[]):  # networks draw weights before theirs are read
            extractor = builder()
    except GanzooError:
        raise
    except Exception as error:
        raise _extractor_error(entry, f"{type(error).__name__}: {error}") from error
    if not isinstance(extractor, FeatureExtractor):
        raise _extractor_error(entry, f"its builder gives {extractor!r:.60}, which is no FeatureExtractor")
    if missing := [name for name in ("name", "dim", "shape") if not hasattr(extractor, name)]:
        raise _extractor_error(entry, f"its class {type(extractor).__name__} lacks {', '.join(missing)}")
    return extractor.eval().requires_grad_(False)


def extract(entry: Entry[ExtractorSpec], extractor: FeatureExtractor, images: Tensor) -> Features:
    """What ``extractor`` sees in ``images`` (N, C, H, W) in [-1, 1].

    Raises:
        PluginError: it fails, or gives something else than finite features.
        ConfigError: it refuses the images.
    """
    try:
        seen = extractor.extract(images)
        shape = tuple(seen.vectors.shape)
        finite = bool(seen.vectors.isfinite().all()) and (seen.logits is None or not bool(seen.logits.isnan().any()))
    except GanzooError:
        raise
    except Exception as error:
        raise _extractor_error(entry, f"{type(error).__name__}: {error}") from error
    wanted = (len(images), extractor.dim)
    if shape != wanted:
        raise _extractor_error(entry, f"it gives features of the shape {shape}; it must be {wanted}")
    if not finite:
        raise _extractor_error(entry, "it gives features that are NaN or infinite")
    return seen


def measure(entry: Entry[MetricSpec], evidence: Evidence) -> dict[str, Estimate]:
    """The figures of one metric; NaN for the error of a figure that comes without one.

    Raises:
        PluginError: the metric fails, or gives something else than finite numbers for its figures.
        GanzooError: it refuses the evidence.
    """
    builder = load_builder(entry.spec)
    try:
        given = builder(evidence)
    except ConfigError as error:
        raise ConfigError(
            f"metric {entry.spec.name!r}: {error.problem}", choices=error.choices, fix=error.fix
        ) from None
    except GanzooError:
        raise
    except Exception as error:
        raise _metric_error(entry, f": {type(error).__name__}: {error}") from error
    declared = [figure.name for figure in entry.spec.figures]
    estimates = _estimates(given)
    if estimates is None or not estimates.keys() <= set(declared):
        raise _metric_error(entry, f" returned {given!r:.80}; it must give a number for each of {', '.join(declared)}")
    for name, estimate in estimates.items():
        if not math.isfinite(estimate.value):
            raise _metric_error(entry, f" gave {name} = {estimate.value}")
    return estimates


def _estimates(given: Any) -> dict[str, Estimate] | None:
    """What a metric gave, as estimates; None where it is no mapping to numbers."""
    try:
        pairs = {name: value if isinstance(value, Estimate) else (value, math.nan) for name, value in given.items()}
        return {name: Estimate(float(value), float(error)) for name, (value, error) in pairs.items()}
    except Exception:  # whatever it was, it was no number
        return None


def _metric_error(entry: Entry[MetricSpec], problem: str) -> PluginError:
    return PluginError(
        f"metric {entry.spec.name!r} of {entry.origin}{problem}",
        fix=f"leave it out of --metrics, or upgrade {entry.origin.distribution}",
    )


def _extractor_error(entry: Entry[ExtractorSpec], problem: str) -> PluginError:
    return PluginError(
        f"feature extractor {entry.spec.name!r} of {entry.origin}: {problem}",
        fix=f"choose other --features, or upgrade {entry.origin.distribution}",
    )
