"""The judge: a feature extractor, real images and metrics, ready for samples of one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import torch
from torch import Tensor

from ganzoo.arithmetic import products
from ganzoo.data import ImageSet, Split
from ganzoo.data.catalog import find_source
from ganzoo.data.convert import convert, normalise
from ganzoo.data.images import ShapedStream
from ganzoo.errors import ConfigError, PluginError
from ganzoo.registry import Entry, MetricSpec
from ganzoo.training.seeding import generator

from .cache import cached_features, cached_values, key_of
from .evidence import Estimate, Evidence
from .features import FeatureSet, Shape
from .guard import extract, load_extractor, measure
from .plan import Plan
from .samples import StreamSamples, read

REAL_LIMIT = 100_000
"""Real images of a split that are taken at most; of more, a random part is."""

Say = Callable[[str], None]


@dataclass
class Judge:
    """A feature extractor, real images and metrics, ready to judge samples of one shape.

    The features of the real images are worked out when they are first needed, so their time is that of a measurement.
    Missing and damaged images are told at once: those that are decoded one by one are all looked at beforehand.

    Attributes:
        plan: what is asked for.
        shape: (C, H, W) of the samples.
        seed: of everything random in the metrics.
        device: where the extractor runs.
        resize: real images may be brought to ``shape``, and both to the shape that the extractor takes; no such leave
            is needed for the extractor that the data set names.
        say: told what takes long.

    Raises:
        ConfigError: the shapes do not fit and ``resize`` is off, or a metric needs classes that there are not.
        GanzooError: data or weights are missing or damaged.
    """

    plan: Plan
    shape: Shape
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    resize: bool = False
    say: Say = lambda sentence: None

    def __post_init__(self) -> None:
        self.notes = list(self.plan.notes)
        self.warnings: list[str] = []
        self._opened: dict[str, StreamSamples] = {}
        self._held: dict[str, FeatureSet] = {}
        self._check_shape(self.plan.info.shape, f"{self.plan.against} has images of")
        self.extractor = load_extractor(self.plan.extractor).to(self.device)
        if self.extractor.shape is not None:
            self._check_shape(
                self.extractor.shape, f"the extractor {self.extractor.name} takes images of", allowed=self.plan.own
            )
        if self.plan.border:
            self._check_border(self.extractor.shape)
        self.metrics = self._fitting(self.plan.metrics)
        if not isinstance(self._images(self.plan.split).stream, ImageSet | ShapedStream):  # those are proven by now
            self.real  # noqa: B018 - a damaged file is named before anything begins

    @property
    def real(self) -> FeatureSet:
        """The images that the samples are held against."""
        return self._features(self.plan.split)

    @property
    def training(self) -> FeatureSet | None:
        """The images that the samples' maker may have seen."""
        return self._features(self.plan.training) if self.plan.training else None

    def features(self, batches: Iterator[Tensor]) -> FeatureSet:
        """The features of samples, uint8 (N, C, H, W) each; in float32 whatever the run computes in."""
        with products("float32", self.device):
            return FeatureSet.collect(
                partial(extract, self.plan.extractor, self.extractor), (self._prepared(images) for images in batches)
            )

    def measure(self, fake: FeatureSet, *, repeat: int = 0) -> dict[str, Estimate]:
        """Every figure of ``fake``; a metric without an error of its own gives NaN for it."""
        found: dict[str, Estimate] = {}
        for entry in self.metrics:
            found |= self._measure(entry, fake, repeat)
        return found

    def without_figure(self, found: Mapping[str, object]) -> list[str]:
        """The metrics that were asked for by name and have no figure among ``found``."""
        asked = self.metrics if self.plan.chosen else ()
        return [entry.spec.name for entry in asked if not any(figure.name in found for figure in entry.spec.figures)]

    def floor(self, n: int, repeats: int) -> dict[str, tuple[float, ...]]:
        """The figures of ``n`` real images of the other split, in up to ``repeats`` parts of it; kept on the disk."""
        if self.plan.other is None:
            return {}
        metrics = [entry for entry in self.metrics if entry.spec.has_floor]
        facts = {
            "real": self._key(self.plan.split),
            "other": self._key(self.plan.other),
            "n": n,
            "repeats": repeats,
            "seed": self.seed,
        }
        found: dict[str, tuple[float, ...]] = {}
        for entry in metrics:
            version = f"{entry.qualified_name} {entry.origin.version} {entry.spec.recipe_version}"
            values = cached_values(
                key_of(kind="floor", metric=version, **facts), partial(self._floor, entry, n, repeats)
            )
            found |= {name: tuple(numbers) for name, numbers in values.items()}
        return found

    def floor_size(self, n: int) -> int:
        """How many images of the other split stand for ``n`` samples: as many, or all that there are."""
        assert self.plan.other is not None
        return min(n, len(self._images(self.plan.other).stream), REAL_LIMIT)

    def _floor(self, entry: Entry[MetricSpec], n: int, repeats: int) -> dict[str, list[float]]:
        assert self.plan.other is not None
        self.say(f"the floor of {entry.spec.name}")
        others = self._features(self.plan.other)
        size = min(n, len(others))
        order = torch.randperm(len(others), generator=generator(self.seed, "floor"))
        found: dict[str, list[float]] = {}
        for repeat in range(min(repeats, len(others) // size)):
            part = others.take(order[repeat * size : (repeat + 1) * size])
            for name, estimate in self._measure(entry, part, repeat, quiet=True).items():
                found.setdefault(name, []).append(estimate.value)
        return found

    def _measure(
        self, entry: Entry[MetricSpec], fake: FeatureSet, repeat: int, *, quiet: bool = False
    ) -> dict[str, Estimate]:
        spec = entry.spec
        self.say(spec.name)
        training = self.training if not spec.has_floor else None
        rng = generator(self.seed, "metric", spec.name, repeat)
        evidence = Evidence(fake, self.real, training, rng, [] if quiet else self.warnings)
        if training is not None and (unknown := self._unknown()):
            evidence.warn(
                f"{spec.name}: only {len(training):,} training images are known; "
                f"copies of the other {unknown:,} cannot be found"
            )
        return measure(entry, evidence)

    def _fitting(self, metrics: tuple[Entry[MetricSpec], ...]) -> tuple[Entry[MetricSpec], ...]:
        if self._knows_classes():
            return metrics
        wanting = [entry.spec.name for entry in metrics if entry.spec.needs_classes]
        if wanting and self.plan.chosen:
            raise ConfigError(
                f"{', '.join(wanting)} cannot be had from {self.extractor.name}, which knows no classes",
                fix="leave it out of --metrics, or choose another --features",
            )
        if wanting:
            self.notes.append(f"without {', '.join(wanting)}: {self.extractor.name} knows no classes")
        return tuple(entry for entry in metrics if not entry.spec.needs_classes)

    def _knows_classes(self) -> bool:
        """Whether the extractor gives logits, tried on the first real image; its faults are told now, too."""
        (image,) = read(self._images(self.plan.split).stream, torch.arange(1))
        return extract(self.plan.extractor, self.extractor, self._prepared(image)).logits is not None

    def _unknown(self) -> int:
        """How many training images are beyond the limit."""
        assert self.plan.training is not None
        return max(0, len(self._images(self.plan.training).stream) - REAL_LIMIT)

    def _features(self, split: str) -> FeatureSet:
        def make() -> FeatureSet:
            images = self._images(split)
            self.say(f"features of {images.name}")
            return self.features(images.all(REAL_LIMIT))

        if split not in self._held:
            self._held[split] = cached_features(self._key(split), make, self.device)
        return self._held[split]

    def _key(self, split: str) -> str:
        entry = self.plan.extractor
        return key_of(
            kind="features",
            images=self._images(split).stream.fingerprint,
            extractor=f"{entry.qualified_name} {entry.origin.version} {self.extractor.digest}",
            limit=REAL_LIMIT,
            **self.plan.framing,
        )

    def _images(self, split: str) -> StreamSamples:
        if split not in self._opened:
            options = self.plan.data
            if self.shape != self.plan.info.shape:
                options = options.model_copy(update={"channels": self.shape[0], "image_size": self.shape[1]})
            stream = find_source(options).open(cast(Split, split))
            name = f"{options.dataset}:{split}"
            self._opened[split] = StreamSamples(stream, name, self.shape)
            if len(stream) > REAL_LIMIT:
                self.notes.append(f"{name}: {REAL_LIMIT:,} of its {len(stream):,} images, drawn at random")
        return self._opened[split]

    def _prepared(self, images: Tensor) -> Tensor:
        if self.extractor.shape is not None:
            images = convert(images, self.extractor.shape, self.plan.border)
        return normalise(images).to(self.device)

    def _check_border(self, shape: Shape | None) -> None:
        border, name = self.plan.border, self.extractor.name
        if shape is None or 2 * border >= min(shape[1:]):
            why = f"{name} takes images of any size" if shape is None else f"{name} takes {shape[1]} x {shape[2]}"
            raise PluginError(f"data set {self.plan.data.dataset} declares a border of {border} pixels, and {why}")
        self.notes.append(f"{name} sees the images in a black border of {border} pixels")

    def _check_shape(self, shape: Shape, whose: str, *, allowed: bool = False) -> None:
        if shape == self.shape:
            return
        ours, theirs = (" x ".join(map(str, each)) for each in (self.shape, shape))
        if self.shape[1] != self.shape[2]:
            raise ConfigError(f"the samples are {ours}, and {whose} {theirs}; only square images can be resized")
        if not (self.resize or allowed):
            raise ConfigError(
                f"the samples have the shape {ours} (C x H x W), and {whose} {theirs}",
                fix="add --resize to have them converted, or choose other --against or --features",
            )
        self.notes.append(f"{whose} {theirs}; converted, because the samples are {ours}")
