"""What a plugin declares. Free of torch: a builder is named as a string and imported when it is run, not before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ganzoo.errors import PluginError
from ganzoo.options import Options

API_VERSION = 1
"""Version of the plugin contract: specs, hooks, and everything in :mod:`ganzoo.game`."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_BUILDER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Where a variant comes from."""

    authors: str
    year: int
    title: str
    arxiv: str | None = None

    def __str__(self) -> str:
        where = f", arXiv:{self.arxiv}" if self.arxiv else ""
        return f"{self.authors} {self.year}{where}"

    @property
    def url(self) -> str | None:
        """The abstract page, where there is one."""
        return f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else None


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What every spec has.

    Attributes:
        name: lower-case words joined by hyphens; unique among the specs of its kind.
        summary: one line for ``ganzoo list``.
        builder: ``"package.module:function"``, imported when it is first needed.
        api_version: the plugin contract that this was written for.
    """

    name: str
    summary: str
    builder: str
    api_version: int = API_VERSION

    def __post_init__(self) -> None:
        kind = type(self).__name__
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise PluginError(f"{kind} has the name {self.name!r}; names are lower-case words joined by hyphens")
        if not isinstance(self.summary, str) or not self.summary.strip() or "\n" in self.summary:
            raise PluginError(f"{kind} {self.name!r} has the summary {self.summary!r}; it must be one line of text")
        if not isinstance(self.builder, str) or not _BUILDER.fullmatch(self.builder):
            raise PluginError(
                f"{kind} {self.name!r} has the builder {self.builder!r}",
                fix="write it as 'package.module:function'",
            )


@dataclass(frozen=True, kw_only=True)
class VariantSpec(Spec):
    """A named GAN.

    The builder is called as ``build(options, networks, data)`` with the validated ``options``, the
    :class:`~ganzoo.game.Networks` of the backbone (None if ``backbone`` is None) and the
    :class:`~ganzoo.data.DataInfo`; it returns a :class:`~ganzoo.game.Game`.

    Attributes:
        options: the class of the variant's own options (usually a subclass of GANOptions), called otherwise than those
            that every run has, such as ``samples``, ``workers`` or ``out``.
        backbone: name of the default backbone; None for a game that brings its own networks.
        paper: where the variant comes from.
        tags: words to search by.
        recipe_version: raised whenever the same options train differently than before.
        per_sample_scores: the discriminator must not mix the batch; the backbone is told so.
        training: defaults of the run that the paper sets (``batch_size``, ``ema``), by name.
        net: defaults of the backbone's options that this variant changes, by name.
    """

    options: type[Options]
    backbone: str | None
    paper: Paper
    tags: tuple[str, ...] = ()
    recipe_version: int = 1
    per_sample_scores: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)
    net: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_options(self, self.options)
        if not isinstance(self.paper, Paper):
            raise PluginError(f"VariantSpec {self.name!r} has the paper {self.paper!r}; it must be a Paper")


@dataclass(frozen=True, kw_only=True)
class BackboneSpec(Spec):
    """A generator and a discriminator that belong together.

    The builder is called as ``build(options, request)`` with the validated ``options`` and a :class:`NetworkRequest`;
    it returns :class:`~ganzoo.game.Networks`.

    Attributes:
        options: the class of the backbone's options (``--net.*``).
        sizes: a sentence that says which image sizes it takes, for messages.
    """

    options: type[Options]
    sizes: str = "any"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_options(self, self.options)


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Spec):
    """A data set.

    The builder is called as ``build(options)`` with :class:`~ganzoo.data.DataOptions`; it returns a
    :class:`~ganzoo.data.Source`.

    Attributes:
        features: name of the feature extractor that judges its images unless another one is asked for.
        border: black pixels on each side of its images where ``features`` sees them, which may have learned from images
            with such a border; 0 for images as they are, and for an extractor that takes any size.
        samples: number of samples that ``ganzoo eval`` holds against its images unless another one is asked for.
        heeds: the options that few data sets have a use for (``stacks``, ``stacks_seed``) and this one has.
    """

    features: str = "inception-v3"
    border: int = 0
    samples: int = 10_000
    heeds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.samples, int) or self.samples < 2:
            raise PluginError(f"DatasetSpec {self.name!r} has {self.samples!r} samples; figures need at least 2")
        if not isinstance(self.border, int) or self.border < 0:
            raise PluginError(f"DatasetSpec {self.name!r} has a border of {self.border!r}; it is 0 pixels or more")


@dataclass(frozen=True, kw_only=True)
class ExtractorSpec(Spec):
    """A feature extractor: a frozen network in whose features metrics compare images.

    The builder is called as ``build()``; it returns a :class:`~ganzoo.metrics.features.FeatureExtractor` in evaluation
    mode. Its class may be the builder itself, where making one loads the weights.

    Attributes:
        paper: where the network comes from, if it has a paper.
    """

    paper: Paper | None = None


@dataclass(frozen=True)
class Figure:
    """A number that a metric gives.

    Attributes:
        name: in tables, in JSON and in ``metrics.jsonl``; unique among the figures of all metrics.
        summary: what it says, its range and its unit, in one line.
        better: which way is better; None for a number that is only to be read.
    """

    name: str
    summary: str
    better: Literal["lower", "higher"] | None = None


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Spec):
    """A metric: figures of some samples, beside real images.

    The builder is the measure itself: it is called as ``measure(evidence)`` with a
    :class:`~ganzoo.metrics.evidence.Evidence`, and returns a number (or an
    :class:`~ganzoo.metrics.evidence.Estimate` with its own standard error) for the name of each figure.

    Attributes:
        figures: what it gives.
        paper: where it comes from.
        needs_classes: only extractors that classify have what it reads.
        has_floor: training images are a fair yardstick for it: their figures stand beside those of samples. A metric
            that says False gets the training images themselves, as ``evidence.training``.
        needs_training: it has no figure where there are none, and is refused there if it was asked for by name.
        least_samples: how many samples, and how many real images, it takes at least; fewer are refused before anything
            is read.
        recipe_version: raised whenever the same evidence gives other figures than before.
    """

    figures: tuple[Figure, ...]
    paper: Paper | None = None
    needs_classes: bool = False
    has_floor: bool = True
    needs_training: bool = False
    least_samples: int = 2
    recipe_version: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [figure.name for figure in self.figures if isinstance(figure, Figure)]
        if not names or len(names) != len(self.figures) or len(set(names)) != len(names):
            raise PluginError(
                f"MetricSpec {self.name!r} has the figures {self.figures!r:.80}",
                fix="give it a tuple of Figure, each with a name of its own",
            )


@dataclass(frozen=True, kw_only=True)
class ObserverSpec(Spec):
    """An observer of runs, for ``ganzoo run --observers NAME``.

    The builder is called as ``build()`` once for each run; it returns an
    :class:`~ganzoo.training.observers.Observer`, whose class may be the builder itself.
    """


@dataclass(frozen=True, kw_only=True)
class NetworkRequest:
    """What a backbone is asked for.

    Attributes:
        shape: (C, H, W) of the images.
        classes: number of classes for networks that take labels, None for networks that take none.
        per_sample_scores: the discriminator must not mix the batch. An option that was set to the contrary by hand
            stays as it was set: the game then refuses the pair with the reason.
    """

    shape: tuple[int, int, int]
    classes: int | None = None
    per_sample_scores: bool = False


def _check_options(spec: Spec, options: object) -> None:
    if not (isinstance(options, type) and issubclass(options, Options)):
        raise PluginError(
            f"{type(spec).__name__} {spec.name!r} has the options class {options!r}",
            fix="derive it from ganzoo.options.Options or GANOptions",
        )
