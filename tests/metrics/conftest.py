"""A plugin of the tests' own: a data set of blobs, an extractor that looks at them, and what a test adds to it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import platformdirs
import pytest
import torch
from torch import Tensor, nn

from ganzoo.data import DataInfo, DataOptions, ImageSet, TensorSource, catalog
from ganzoo.metrics import plan
from ganzoo.metrics.features import FeatureExtractor, Features, FeatureSet
from ganzoo.metrics.judge import Judge
from ganzoo.metrics.samples import StreamSamples
from ganzoo.registry import (
    DatasetSpec,
    ExtractorSpec,
    Figure,
    MetricSpec,
    Origin,
    PluginRecord,
    Registry,
    Spec,
    registry,
)

SIZES = (("train", 90), ("test", 60))


@pytest.fixture(autouse=True)
def user_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's caches: they are folders of the test."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "cache")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("GANZOO_INCEPTION", raising=False)
    return tmp_path / "cache"


class Blobs(TensorSource):
    """Noise of 6 x 6 pixels, grey."""

    seeds: ClassVar[dict[str, int]] = {"train": 0, "test": 1}

    @property
    def native(self) -> DataInfo:
        return DataInfo(name="blobs", channels=1, height=6, width=6, sizes=SIZES)

    def read(self, split: str) -> ImageSet:
        rng = torch.Generator().manual_seed(self.seeds[split])
        return ImageSet(torch.randint(256, (dict(SIZES)[split], 1, 6, 6), generator=rng, dtype=torch.uint8))

    def verify(self) -> Any:
        raise NotImplementedError


class Look(FeatureExtractor):
    """Four mixtures of the pixels, and three classes."""

    name: ClassVar[str] = "look"
    dim: ClassVar[int] = 4
    shape: ClassVar[tuple[int, int, int] | None] = (1, 6, 6)
    scale: ClassVar[float] = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Parameter(self.scale * torch.randn(36, 4, generator=torch.Generator().manual_seed(1)))

    def forward(self, images: Tensor) -> Features:
        vectors = images.flatten(1) @ self.mix
        return Features(vectors, vectors[:, :3])


class Plugin:
    """The distribution ganzoo-odd 1.2, registered beside what is installed."""

    blobs, look = Blobs, Look

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.specs: list[Spec] = []
        self.version = "1.2"
        self._module = ModuleType("ganzoo_odd")
        monkeypatch.setitem(sys.modules, "ganzoo_odd", self._module)
        for user in (catalog, plan):
            monkeypatch.setattr(user, "registry", self.registry)

    def registry(self) -> Registry:
        origin = Origin(distribution="ganzoo-odd", version=self.version, module="ganzoo_odd")
        return Registry([*registry().plugins, PluginRecord(name="odd", origin=origin, specs=tuple(self.specs))])

    def dataset(self, name: str, source: Any, **more: Any) -> None:
        self._add(DatasetSpec, name, source, **{"features": "look", **more})

    def extractor(self, name: str, builder: Any) -> None:
        self._add(ExtractorSpec, name, builder)

    def metric(self, name: str, measure: Any, *figures: str, **more: Any) -> None:
        """``measure`` gives ``figures``, or the one that is called as it is."""
        self._add(
            MetricSpec, name, measure, figures=tuple(Figure(each, "for tests") for each in figures or (name,)), **more
        )

    def _add(self, kind: type[Spec], name: str, builder: Any, **more: Any) -> None:
        attribute = f"{kind.__name__}_{len(self.specs)}"
        setattr(self._module, attribute, builder)
        self.specs.append(kind(name=name, summary="for tests", builder=f"ganzoo_odd:{attribute}", **more))


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Plugin:
    """A plugin with the data set ``blobs`` and the extractor ``look``, which is the natural one for it."""
    odd = Plugin(monkeypatch)
    odd.dataset("blobs", Blobs)
    odd.extractor("look", Look)
    return odd


@pytest.fixture
def judge(plugin: Plugin) -> Callable[..., Judge]:
    """``judge("blobs:test", metrics=["fid"])``; keywords that are no plan's go to the judge."""

    def make(against: str = "blobs:test", *, shape: tuple[int, int, int] = (1, 6, 6), **more: Any) -> Judge:
        asked = {name: more.pop(name) for name in ("metrics", "features") if name in more}
        return Judge(plan.make_plan(against, **asked), shape, **more)

    return make


@pytest.fixture
def samples(plugin: Plugin) -> Callable[..., StreamSamples]:
    """``samples("train")``: a split of the blobs, as samples."""

    def make(split: str = "train") -> StreamSamples:
        return StreamSamples(catalog.find_source(DataOptions(dataset="blobs")).open(split), f"blobs:{split}", (1, 6, 6))

    return make


@pytest.fixture
def feature_set() -> Callable[..., FeatureSet]:
    """``feature_set(n, dim=..., seed=..., shift=...)``: normal vectors, and logits of ten classes."""

    def make(n: int, *, dim: int = 8, seed: int = 0, shift: float = 0.0, classes: int = 10) -> FeatureSet:
        rng = torch.Generator().manual_seed(seed)
        vectors = torch.randn(n, dim, generator=rng) + shift
        return FeatureSet(vectors, 3 * torch.randn(n, classes, generator=rng))

    return make
