"""Evaluate samples: every metric on them, and the floor beside it.

The protocol: samples are judged as the 8-bit images that would be saved. Each of several repeats judges other samples
of the same number; a figure is their mean, and its error bar their standard deviation. The floor is the same figure of
real images that lie in another split: no generator is expected to come below it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from statistics import mean

import torch
from torch import Tensor

from ganzoo.errors import ConfigError
from ganzoo.registry import Figure

from .evidence import Estimate
from .judge import Judge
from .results import Evaluation, Score
from .samples import Samples


def evaluate(samples: Samples, judge: Judge, *, n: int, repeats: int | None = None, seed: int = 0) -> Evaluation:
    """Judge ``n`` samples, ``repeats`` times (3 by default, or as often as there are images).

    Raises:
        ConfigError: ``n`` is below 2, or ``repeats`` below 1.
        DataError: there are fewer images.
        GanzooError: a metric refuses them.
    """
    start = time.monotonic()
    check_numbers(n, repeats)
    judge.warnings.clear()
    if repeats is None:
        samples.check(n)
        repeats = 3 if samples.size is None else max(1, min(3, samples.size // n))
    samples.check(n, repeats)
    real = len(judge.real)  # what is wrong with the real images is told before anything is drawn
    found: dict[str, list[Estimate]] = {}
    counts = None
    for repeat in range(repeats):
        judge.say(f"samples, {repeat + 1} of {repeats}")
        fake = judge.features(_checked(samples, n, samples.batches(n, seed=seed, repeat=repeat)))
        for name, estimate in judge.measure(fake, repeat=repeat).items():
            found.setdefault(name, []).append(estimate)
        if repeat == 0:
            _check_found(judge, found)
        if fake.logits is not None:
            part = torch.bincount(fake.logits.argmax(1), minlength=fake.logits.shape[1])
            counts = part if counts is None else counts + part
    floor = judge.floor(n, repeats)
    figures = judge.plan.figures
    scores = {name: _score(figures[name], values, floor.get(name, ())) for name, values in found.items()}
    shares = (counts.double() / counts.sum()).tolist() if counts is not None and len(counts) <= 100 else []
    return Evaluation(
        source=samples.name,
        against=judge.plan.against,
        real=real,
        floor_from=f"{judge.floor_size(n):,} images of {judge.plan.data.dataset}:{judge.plan.other}" if floor else None,
        extractor=judge.extractor.name,
        digest=judge.extractor.digest,
        framing=judge.plan.framing,
        n=n,
        seed=seed,
        device=str(judge.device),
        scores=scores,
        shares=tuple(shares),
        notes=tuple(filter(None, (samples.note, *judge.notes))),
        warnings=tuple(judge.warnings),
        seconds=time.monotonic() - start,
    )


def check_numbers(n: int, repeats: int | None) -> None:
    for name, value, least in (("n", n, 2), ("repeats", repeats, 1)):
        if value is not None and value < least:
            raise ConfigError(f"{name} is {value}; it must be at least {least}")


def _checked(samples: Samples, n: int, batches: Iterator[Tensor]) -> Iterator[Tensor]:
    """The batches, once they are seen to be what :class:`Samples` promises: another program may have made them."""
    seen = 0
    for images in batches:
        if images.dtype != torch.uint8 or tuple(images.shape[1:]) != samples.shape:
            raise ConfigError(
                f"{samples.name} gives images of {images.dtype} {tuple(images.shape)}",
                choices=[f"torch.uint8 (N, {', '.join(map(str, samples.shape))})"],
                fix="convert them with ganzoo.data.convert.to_pixels",
            )
        seen += len(images)
        yield images
    if seen != n:
        raise ConfigError(f"{samples.name} gave {seen:,} images, and {n:,} were asked for")


def _check_found(judge: Judge, found: Mapping[str, object]) -> None:
    """Refuse to leave out without a word what was asked for by name."""
    for name in judge.without_figure(found):
        raise ConfigError(
            f"metric {name!r} has no figure for these samples against {judge.plan.against}",
            fix="hold them against another split, or leave it out of --metrics",
        )


def _score(figure: Figure, estimates: list[Estimate], floor: tuple[float, ...]) -> Score:
    errors = [estimate.error for estimate in estimates]
    error = mean(errors) if all(map(math.isfinite, errors)) else None
    return Score(figure, tuple(estimate.value for estimate in estimates), error, floor)
