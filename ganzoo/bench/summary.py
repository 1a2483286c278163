r"""The numbers that are told of a result: figures at equal images and equal time, time to a threshold, and rates.

The clock of a training is :meth:`Training.seconds_at`: its start-up and its iterations, without evaluations. A figure
at the time T is that of the last evaluation at or before T; the time to a threshold is the clock at the first
evaluation at or below it. Nothing is put between two evaluations, so both are as coarse as these are apart. Equal
images are equal to within 1 %, and exactly so where they can be: a training ends with a whole iteration, and these draw
one batch or five. Deviations over seeds are those of a sample, :math:`\sqrt{\sum (x - \bar x)^2 / (n - 1)}`.

Page, Markdown and terminal take their numbers from here. Free of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from .result import Block, Contender, Origin, Point, Result, Training

THRESHOLDS = (100.0, 50.0, 20.0, 10.0)
"""FIDs whose time is told."""

FIGURES = ("fid", "kid", "coverage")
"""Figures that are told."""

_APART = 0.01
"""Part by which numbers of images may differ and be taken for equal."""


@dataclass(frozen=True)
class Spread:
    """A figure over seeds.

    Attributes:
        mean: over the seeds that have it.
        std: their standard deviation; None for a single one.
        count: how many they are.
    """

    mean: float
    std: float | None
    count: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """Over the values that are there; None where there are none.

        >>> Spread.of([1.0, None, 3.0])
        Spread(mean=2.0, std=1.4142135623730951, count=2)
        """
        found = [value for value in values if value is not None]
        if not found:
            return None
        return cls(mean(found), stdev(found) if len(found) > 1 else None, len(found))


@dataclass(frozen=True)
class Band:
    """One evaluation of all seeds of a variant: where it was, and the mean and the range of a figure."""

    at: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What a variant's trainings came to.

    Attributes:
        variant: the variant.
        trainings: one a seed.
        end: figures of the finished runs.
        at_images: figures at :func:`equal_images`.
        at_time: figures at :func:`equal_seconds`.
        floor: the same figures of real images.
        seconds_to: time to each FID of the thresholds; None where no seed reached it.
    """

    variant: str
    trainings: list[Training]
    end: dict[str, Spread | None]
    at_images: dict[str, Spread | None]
    at_time: dict[str, Spread | None]
    floor: dict[str, float | None]
    seconds_to: dict[float, Spread | None]

    @property
    def origin(self) -> Origin | None:
        """Who supplies the variant."""
        return self.trainings[0].origins.get("variant")


def quality(result: Result, thresholds: Sequence[float] = THRESHOLDS) -> list[Quality]:
    """A row a variant, in the order of the suite."""
    images, seconds = equal_images(result.trainings), equal_seconds(result.trainings)
    return [_quality(variant, runs, images, seconds, thresholds) for variant, runs in result.by_variant().items()]


def equal_images(trainings: Sequence[Training]) -> int | None:
    """The largest number of images at which every training was judged, to within 1 %; None where there is none.

    Of numbers that close to it, one at which all were judged exactly is taken.
    """
    counts = [{point.images for point in training.curve} for training in trainings]
    judged = {images for each in counts for images in each}
    shared = [images for images in judged if all(_nearest(training, images) for training in trainings)]
    if not shared:
        return None
    exact = [images for images in set.intersection(*counts) if _close(images, max(shared))]
    return max(exact or shared)


def equal_seconds(trainings: Sequence[Training]) -> float | None:
    """The time that the shortest training took, start-up and iterations; None where there are none."""
    return min((_total_seconds(training) for training in trainings), default=None)


def at_images(training: Training, name: str, images: int | None) -> float | None:
    """The figure ``name`` when ``images`` images had been drawn, to within 1 %; None where it was not judged then."""
    point = None if images is None else _nearest(training, images)
    return point.figure(name) if point else None


def at_time(training: Training, name: str, seconds: float | None) -> float | None:
    """The figure ``name`` at the time ``seconds``, from the last evaluation before it; None where there is none."""
    if seconds is None:
        return None
    past = [point for point in training.curve if training.seconds_at(point) <= seconds]
    return max(past, key=training.seconds_at).figure(name) if past else None


def seconds_to(training: Training, threshold: float, name: str = "fid") -> float | None:
    """The clock at the first evaluation with the figure at or below ``threshold``; None where it never was."""

    def reached(point: Point) -> bool:
        figure = point.figure(name)
        return figure is not None and figure <= threshold

    return min((training.seconds_at(point) for point in training.curve if reached(point)), default=None)


def by_images(trainings: Sequence[Training], name: str) -> list[Band]:
    """The figure ``name`` against images drawn, where all ``trainings`` of a variant were judged."""
    return _bands(trainings, name, lambda training, point: float(point.images))


def by_time(trainings: Sequence[Training], name: str) -> list[Band]:
    """The same evaluations against the clock, in seconds: the mean of it over the seeds."""
    return _bands(trainings, name, lambda training, point: training.seconds_at(point))


def end(training: Training, name: str) -> float | None:
    """The figure ``name`` of the finished run."""
    found = _figures(training).get(name) or {}
    return found.get("mean")


def floor(training: Training, name: str) -> float | None:
    """The figure ``name`` of real images: what a perfect generator would have."""
    found = (_figures(training).get(name) or {}).get("floor") or {}
    return found.get("mean")


def side_by_side(result: Result) -> dict[tuple[str, int], list[Contender]]:
    """The contenders of each device and batch size, in the order of the contests."""
    found: dict[tuple[str, int], list[Contender]] = {}
    for contest in result.contests:
        found.setdefault((contest.device, contest.batch_size), []).extend(contest.contenders)
    return found


def flops_per_image(contender: Contender) -> float | None:
    """Arithmetic an image, of all precisions together."""
    return sum(contender.flops_per_image.values()) if contender.flops_per_image else None


def kilojoules_per_million_images(contender: Contender) -> float | None:
    """Energy of the GPU."""
    return None if contender.joules_per_image is None else 1e3 * contender.joules_per_image


def cpu_seconds_per_thousand_images(contender: Contender) -> float:
    """Processor time of the process."""
    return 1e3 * contender.cpu_seconds_per_image


def faults_per_iteration(contender: Contender) -> float | None:
    """Page faults, served from memory or from a disk; None where the system does not count them."""
    counts = [_faults(block) for block in contender.blocks]
    known = [count for count in counts if count is not None]
    return mean(known) / contender.iterations_per_block if known else None


def label(variant: str, origin: Origin | None) -> str:
    """The variant, and its distribution where the name does not tell that: ``dcgan (somebodys-gans)``."""
    if origin is None or origin.distribution in ("ganzoo", f"ganzoo-{variant}"):
        return variant
    return f"{variant} ({origin.distribution})"


def _quality(
    variant: str, runs: list[Training], images: int | None, seconds: float | None, thresholds: Sequence[float]
) -> Quality:
    def over_seeds(figure: Callable[[Training, str], float | None]) -> dict[str, Spread | None]:
        return {name: Spread.of(figure(run, name) for run in runs) for name in FIGURES}

    floors = over_seeds(floor)
    return Quality(
        variant=variant,
        trainings=runs,
        end=over_seeds(end),
        at_images=over_seeds(lambda run, name: at_images(run, name, images)),
        at_time=over_seeds(lambda run, name: at_time(run, name, seconds)),
        floor={name: found.mean if found else None for name, found in floors.items()},
        seconds_to={limit: Spread.of(seconds_to(run, limit) for run in runs) for limit in thresholds},
    )


def _nearest(training: Training, images: int) -> Point | None:
    """The evaluation nearest to ``images``; None where none is close."""
    close = [point for point in training.curve if _close(point.images, images)]
    return min(close, key=lambda point: abs(point.images - images), default=None)


def _close(one: int, other: int) -> bool:
    return abs(one - other) <= _APART * max(one, other)


def _bands(trainings: Sequence[Training], name: str, where: Callable[[Training, Point], float]) -> list[Band]:
    """One band for each number of images at which every training has the figure."""
    judged = [
        {
            point.images: (where(training, point), figure)
            for point in training.curve
            if (figure := point.figure(name)) is not None
        }
        for training in trainings
    ]
    common = sorted(set.intersection(*map(set, judged))) if judged else []
    found = []
    for images in common:
        places, figures = zip(*(each[images] for each in judged), strict=True)
        found.append(Band(mean(places), mean(figures), min(figures), max(figures)))
    return found


def _total_seconds(training: Training) -> float:
    return training.training_seconds + (training.startup_seconds or 0.0)


def _figures(training: Training) -> dict[str, Any]:
    figures: dict[str, Any] = training.evaluation.get("figures") or {}
    return figures


def _faults(block: Block) -> int | None:
    counts = [count for count in (block.minor_faults, block.major_faults) if count is not None]
    return sum(counts) if counts else None
