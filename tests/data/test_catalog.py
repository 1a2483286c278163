"""From names to sources."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ganzoo.data import DataOptions, Source, catalog
from ganzoo.data.builtin import ganzoo_datasets
from ganzoo.data.catalog import find_source
from ganzoo.errors import ConfigError, PluginError
from ganzoo.registry import DatasetSpec, Entry, Origin

NAMES = [spec.name for spec in ganzoo_datasets() if spec.name != "folder"]


@pytest.mark.parametrize("name", NAMES)
def test_every_builtin_tells_its_shape_without_files(name: str) -> None:
    source = find_source(DataOptions(dataset=name))
    assert isinstance(source, Source)
    assert source.info.name == name
    assert source.info.channels in (1, 3)
    assert source.info.count("all") == source.info.count("train") + source.info.count("test")
    assert len(set(source.info.classes)) == len(source.info.classes) >= 10


@pytest.mark.parametrize("spec", [spec for spec in ganzoo_datasets() if spec.name != "folder"], ids=NAMES)
def test_summaries_tell_the_truth(spec: DatasetSpec) -> None:
    info = find_source(DataOptions(dataset=spec.name)).info
    assert f"{info.height} x {info.width}" in spec.summary
    assert f"{len(info.classes):,} classes" in spec.summary
    assert ("grey" if info.channels == 1 else "colour") in spec.summary
    if spec.name == "digits":
        assert f"{info.count('all'):,} " in spec.summary
    else:
        assert f"{info.count('train'):,} + {info.count('test'):,} " in spec.summary


def test_the_info_is_that_after_conversion() -> None:
    info = find_source(DataOptions(dataset="cifar10", image_size=64, channels=1)).info
    assert info.shape == (1, 64, 64)


def test_asking_for_a_source_and_its_info_leaves_torch_unimported() -> None:
    code = f"""
import sys
from ganzoo.data import DataOptions
from ganzoo.data.catalog import find_source
for name in {NAMES!r}:
    find_source(DataOptions(dataset=name, image_size=32)).info
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("dataset", [*sorted({*NAMES} - {"stacked-mnist"}), "folder:photos"])
@pytest.mark.parametrize("given", [{"stacks": 5000}, {"stacks_seed": 0}])
def test_what_a_data_set_has_no_use_for_is_refused(dataset: str, given: dict[str, int]) -> None:
    name, value = next(iter(given.items()))
    said = f"{name} is {value}, and data set {dataset} has no use for it; it is for stacked-mnist"
    with pytest.raises(ConfigError, match=said) as caught:
        find_source(DataOptions(dataset=dataset, **given))
    assert caught.value.fix == "leave it out, or choose --dataset stacked-mnist"


@pytest.mark.parametrize("name", ["stacked-mnist", "ganzoo:stacked-mnist"])
def test_the_stacks_that_are_asked_for_are_told_without_files(name: str) -> None:
    assert find_source(DataOptions(dataset=name, stacks=5000, stacks_seed=1)).info.count("train") == 5000


class Plugins:
    """A registry in which one plugin supplies every data set, built by ``builder``."""

    def dataset(self, name: str) -> Entry[DatasetSpec]:
        spec = DatasetSpec(name=name, summary="theirs", builder="theirs:build", heeds=("stacks",))
        return Entry(spec, Origin(distribution="ganzoo-theirs", version="3.1", module="theirs"))


def use(monkeypatch: pytest.MonkeyPatch, builder: object) -> None:
    monkeypatch.setattr(catalog, "registry", Plugins)
    monkeypatch.setattr(catalog, "load_builder", lambda spec: builder)


def test_a_builder_gets_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganzoo.data.digits import Digits

    use(monkeypatch, Digits)
    source = find_source(DataOptions(dataset="theirs", image_size=32, stacks=7))
    assert source.info.shape == (1, 32, 32)
    assert source.options.stacks == 7


def test_a_builder_that_fails_is_the_plugin_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def builder(options: DataOptions) -> Source:
        raise ZeroDivisionError("oops")

    use(monkeypatch, builder)
    with pytest.raises(
        PluginError, match=r"'theirs' of ganzoo-theirs 3\.1: theirs:build raises ZeroDivisionError: oops"
    ):
        find_source(DataOptions(dataset="theirs"))


def test_what_a_builder_foresaw_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def builder(options: DataOptions) -> Source:
        raise ConfigError("no such thing")

    use(monkeypatch, builder)
    with pytest.raises(ConfigError, match="no such thing"):
        find_source(DataOptions(dataset="theirs"))


def test_a_builder_must_give_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, lambda options: "a string")
    with pytest.raises(PluginError, match="gives 'a string'; it must give"):
        find_source(DataOptions(dataset="theirs"))
