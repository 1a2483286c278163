"""What is asked of an evaluation, checked before anything is read. Importing this module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ganzoo.data import DataInfo, DataOptions
from ganzoo.data.catalog import find_source
from ganzoo.errors import ConfigError, UnknownNameError
from ganzoo.registry import DatasetSpec, Entry, ExtractorSpec, Figure, MetricSpec, registry
from ganzoo.registry.provenance import CORE

SPLITS = ("train", "test", "all")


@dataclass(frozen=True)
class Plan:
    """Real images, metrics and a feature extractor, all of which are there.

    Attributes:
        data: the data set, as it is without conversion.
        split: which images the samples are held against.
        other: the split that gives the floor; None where there is none.
        training: the split that the samples' maker may have seen; None where it is ``split`` itself.
        info: shape and sizes of the data set.
        extractor: the feature extractor.
        own: it is the one that the data set names.
        border: black pixels on each side of an image where the extractor sees it.
        metrics: in the order of tables.
        chosen: the metrics were named, so none of them may be left out without a word.
        samples: how many samples are judged, unless another number is asked for.
        notes: what a reader of the figures should know.
    """

    data: DataOptions
    split: str
    other: str | None
    training: str | None
    info: DataInfo
    extractor: Entry[ExtractorSpec]
    own: bool
    border: int
    metrics: tuple[Entry[MetricSpec], ...]
    chosen: bool
    samples: int
    notes: tuple[str, ...] = ()

    @property
    def against(self) -> str:
        """The real images as ``dataset:split``."""
        return f"{self.data.dataset}:{self.split}"

    def yardstick(self, chosen: str | None = None) -> Figure:
        """The figure called ``chosen`` by which samples are ranked; the first one that has a better way if None.

        Raises:
            ConfigError: it is no figure of the plan, or neither way of it is better.
        """
        usable = {name: figure for name, figure in self.figures.items() if figure.better}
        if chosen is None and usable:
            return next(iter(usable.values()))
        if chosen not in usable:
            what = f"by {chosen!r}" if chosen else "by any figure that is measured"
            problem = f"samples cannot be ranked {what}: it has no better way, or is not measured"
            raise ConfigError(problem, choices=usable, fix="measure one that has, with --eval-metrics")
        return usable[chosen]

    @property
    def framing(self) -> dict[str, int]:
        """What features depend on beside images and extractor; empty where the extractor sees images as they are."""
        return {"border": self.border} if self.border else {}

    def check(self, n: int) -> None:
        """Refuse what a metric cannot be had from: too few samples or real images, or no training images.

        Args:
            n: the number of samples.

        Raises:
            ConfigError: the metric is named.
        """
        real = self.info.count(self.split) if self.info.sizes else None
        for spec in (entry.spec for entry in self.metrics):
            if n < spec.least_samples:
                raise ConfigError(
                    f"{spec.name} needs at least {spec.least_samples} samples, and {n} are asked for",
                    fix="take more samples, or name the other metrics alone",
                )
            if real is not None and real < spec.least_samples:
                raise ConfigError(
                    f"{spec.name} needs at least {spec.least_samples} real images, and {self.against} has {real}",
                    fix="hold the samples against more images, or name the other metrics alone",
                )
            if self.chosen and spec.needs_training and self.training is None:
                raise ConfigError(
                    f"{spec.name} compares with training images outside of {self.against}, and there are none",
                    fix="hold the samples against a split that was not trained on, or leave this metric out",
                )

    @property
    def figures(self) -> dict[str, Figure]:
        """All figures of all metrics, by name."""
        return {figure.name: figure for entry in self.metrics for figure in entry.spec.figures}


def make_plan(
    against: str,
    *,
    metrics: Sequence[str] = (),
    features: str | None = None,
    data: DataOptions | None = None,
    seen: str = "train",
) -> Plan:
    """Look everything up by name.

    Args:
        against: ``dataset:split``, or ``dataset`` for its test split (or what it has).
        metrics: names of metrics or of their figures; all metrics if empty.
        features: name of the extractor; the data set's own if None.
        data: where the files lie, and whether they may be downloaded.
        seen: the split that the samples' maker may have seen; ``all`` for every one.

    Raises:
        UnknownNameError: a name that nothing answers to.
        ConfigError: the data set has no such split.
    """
    name, split = split_name(against)
    options = (data or DataOptions()).model_copy(update={"dataset": name, "split": "train"})
    info = find_source(options).info
    known = [part for part, _ in info.sizes]
    split = split or ("test" if "test" in known else next(iter(known), "all"))
    if split != "all" and split not in known:
        raise ConfigError(f"data set {name} has no split {split!r}", choices=[f"{name}:{part}" for part in known])
    spec = _spec_of(name)
    extractor = registry().extractor(features or spec.features)
    own = features in (None, spec.features) or extractor == registry().extractors().get(spec.features)
    others = [part for part in known if part != split] if split != "all" else []
    return Plan(
        data=options,
        split=split,
        other=others[0] if others else None,
        training=seen if seen in others else None,
        info=info,
        extractor=extractor,
        own=own,
        border=spec.border if own else 0,
        metrics=find_metrics(metrics),
        chosen=bool(metrics),
        samples=spec.samples,
    )


def plan_for_run(
    trained: DataOptions, against: str | None, *, metrics: Sequence[str] = (), features: str | None = None
) -> Plan:
    """The plan for samples of a run, brought to the run's shape.

    If ``against`` is None, they are held against the test split of the run's own data, or against the training split if
    the run was trained on the test split, or there is no other.

    Args:
        trained: what the run was trained on.
        against: as in :func:`make_plan`.
        metrics: as in :func:`make_plan`.
        features: as in :func:`make_plan`.

    Raises:
        UnknownNameError, ConfigError: as :func:`make_plan` does.
    """
    against = against or (f"{trained.dataset}:train" if trained.split == "test" else trained.dataset)
    data = DataOptions(data_dir=trained.data_dir, download=trained.download)
    if split_name(against)[0] != trained.dataset:
        return make_plan(against, metrics=metrics, features=features, data=data)
    alike = trained.model_dump(include={"image_size", "channels", "stacks", "stacks_seed"})
    data = data.model_copy(update=alike)
    plan = make_plan(against, metrics=metrics, features=features, data=data, seen=trained.split)
    if trained.split == "all":
        return replace(plan, notes=("the run was trained on all images, also on those that it is held against",))
    if plan.split in (trained.split, "all"):
        whole = plan.split == trained.split or len(plan.info.sizes) == 1
        those = "the images" if whole else "some of the images"
        return replace(plan, notes=(f"the run was trained on {those} that it is held against",))
    return plan


def split_name(text: str) -> tuple[str, str | None]:
    """``mnist:test`` as data set and split; the split is None where it is not given, as in ``folder:test``."""
    name, _, last = text.rpartition(":")
    named = last in SPLITS or name in registry().datasets()
    return (name, last) if named and name not in ("", "folder") else (text, None)


def find_metrics(names: Sequence[str]) -> tuple[Entry[MetricSpec], ...]:
    """The metrics called ``names``, or with figures called so, in the order of declaration; all if ``names`` is empty.

    A plain figure that two metrics give is ganzoo's own or nobody's, and "all" leaves its other claimants out.

    Raises:
        UnknownNameError: neither a metric nor a figure is called so.
        PluginError: two plugins claim the name, or its plugin cannot be used.
        ConfigError: two of the metrics give a figure of one name.
    """
    known = registry().metrics()
    owners = _owners(known)
    clear = [name for name, entry in known.items() if all(owners.get(each.name) == name for each in entry.spec.figures)]
    wanted: dict[str, Entry[MetricSpec]] = {}
    for name in names or clear:
        try:
            entry = registry().metric(name if name in known else owners.get(name, name))
        except UnknownNameError:
            raise UnknownNameError.of("metric", name, {*known, *owners}, fix="see ganzoo list --metrics") from None
        wanted[entry.qualified_name] = entry
    _check_figures(list(wanted.values()))
    declared = [spec.name for plugin in registry().plugins for spec in plugin.specs if isinstance(spec, MetricSpec)]
    return tuple(sorted(wanted.values(), key=lambda entry: declared.index(entry.spec.name)))


def _spec_of(dataset: str) -> DatasetSpec:
    return registry().dataset("folder" if dataset.startswith("folder:") else dataset).spec


def _owners(metrics: Mapping[str, Entry[MetricSpec]]) -> dict[str, str]:
    """The metric to which each figure leads: ganzoo's own, or the only one that gives it."""
    claims: dict[str, list[str]] = {}
    for name, entry in sorted(metrics.items(), key=lambda item: item[1].origin.distribution != CORE):
        for figure in entry.spec.figures:
            claims.setdefault(figure.name, []).append(name)
    own = {name for name, entry in metrics.items() if entry.origin.distribution == CORE}
    return {figure: names[0] for figure, names in claims.items() if len(names) == 1 or names[0] in own}


def _check_figures(metrics: Sequence[Entry[MetricSpec]]) -> None:
    owners: dict[str, Entry[MetricSpec]] = {}
    for entry in metrics:
        for figure in entry.spec.figures:
            other = owners.setdefault(figure.name, entry)
            if other is not entry:
                raise ConfigError(
                    f"the figure {figure.name!r} is given by {other.qualified_name} and by {entry.qualified_name}",
                    fix="take one of them at a time",
                )
