"""What is asked for is looked up by name before anything is read."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from ganzoo.data import DataInfo, DataOptions, TensorSource
from ganzoo.errors import ConfigError, PluginError, UnknownNameError
from ganzoo.metrics.builtin import ganzoo_metrics
from ganzoo.metrics.plan import Plan, find_metrics, make_plan, plan_for_run, split_name

BUILTIN = [spec.name for spec in ganzoo_metrics()]


def names(asked: list[str] | tuple[str, ...] = ()) -> list[str]:
    return [entry.spec.name for entry in find_metrics(asked)]


def with_sizes(blobs: type[TensorSource], *sizes: tuple[str, int]) -> type[TensorSource]:
    """The blobs with other splits."""

    class Resplit(blobs):  # type: ignore[misc, valid-type]
        @property
        def native(self) -> DataInfo:
            return replace(super().native, sizes=sizes)

    return Resplit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mnist", ("mnist", None)),
        ("mnist:test", ("mnist", "test")),
        ("mnist:all", ("mnist", "all")),
        ("ganzoo-odd:blobs", ("ganzoo-odd:blobs", None)),
        ("ganzoo-odd:blobs:train", ("ganzoo-odd:blobs", "train")),
        ("folder:photos", ("folder:photos", None)),
        ("folder:photos:test", ("folder:photos", "test")),
        ("folder:test", ("folder:test", None)),
        (":test", (":test", None)),
        ("mnist:valid", ("mnist", "valid")),
        ("mnits:valid", ("mnits:valid", None)),
    ],
)
def test_a_data_set_and_its_split(text: str, expected: tuple[str, str | None]) -> None:
    assert split_name(text) == expected


@pytest.mark.parametrize(
    ("against", "split", "other", "training"),
    [
        ("digits", "test", "train", "train"),
        ("digits:test", "test", "train", "train"),
        ("digits:train", "train", "test", None),
        ("digits:all", "all", None, None),
    ],
)
def test_the_floor_is_of_the_other_split_and_copies_are_of_the_training_images(
    against: str, split: str, other: str | None, training: str | None
) -> None:
    plan = make_plan(against)
    assert (plan.split, plan.other, plan.training) == (split, other, training)
    assert plan.against == f"digits:{split}"
    assert (plan.info.name, plan.data.dataset) == ("digits", "digits")


def test_a_set_without_a_test_split_gives_what_it_has(plugin) -> None:
    plugin.dataset("alone", with_sizes(plugin.blobs, ("train", 90)))
    plugin.dataset("unsplit", with_sizes(plugin.blobs))
    assert (make_plan("alone").split, make_plan("alone").other, make_plan("alone").training) == ("train", None, None)
    assert (make_plan("unsplit").split, make_plan("unsplit").other) == ("all", None)
    make_plan("unsplit").check(10)  # how many real images there are is seen when they are read
    with pytest.raises(ConfigError, match="data set alone has no split 'test'") as caught:
        make_plan("alone:test")
    assert caught.value.choices == ("alone:train",)


def test_a_folder_may_be_called_as_a_split_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "test" / "a.png")
    monkeypatch.chdir(tmp_path)
    plan = make_plan("folder:test")
    assert (plan.against, plan.extractor.spec.name) == ("folder:test:train", "inception-v3")


def test_the_extractor_is_the_data_sets_own_unless_named(plugin) -> None:
    assert make_plan("mnist").extractor.spec.name == "mnist-cnn"
    assert make_plan("blobs").extractor.qualified_name == "ganzoo-odd:look"
    assert make_plan("mnist", features="inception-v3").extractor.spec.name == "inception-v3"
    with pytest.raises(UnknownNameError, match="unknown feature extractor 'incepton-v3'; did you mean 'inception-v3'"):
        make_plan("mnist", features="incepton-v3")


def test_the_number_of_samples_is_the_data_sets_own(plugin) -> None:
    samples = {name: make_plan(name).samples for name in ("mnist", "cifar10", "stacked-mnist", "ganzoo:stacked-mnist")}
    assert samples == {"mnist": 10_000, "cifar10": 10_000, "stacked-mnist": 26_000, "ganzoo:stacked-mnist": 26_000}
    plugin.specs[0] = replace(plugin.specs[0], samples=50)
    assert make_plan("blobs").samples == 50
    assert plan_for_run(DataOptions(dataset="digits"), "blobs").samples == 50


def test_what_is_known_of_the_data_goes_on() -> None:
    plan = make_plan("mnist", data=DataOptions(dataset="digits", data_dir=Path("there"), image_size=32, split="all"))
    assert (plan.data.dataset, plan.data.data_dir, plan.info.shape) == ("mnist", Path("there"), (1, 32, 32))


def test_a_run_is_held_against_its_own_data_as_it_saw_them() -> None:
    trained = DataOptions(dataset="mnist", image_size=32, channels=3, data_dir=Path("there"), download=False)
    for against in (None, "mnist:train"):
        plan = plan_for_run(trained, against, metrics=["fid"])
        assert plan.info.shape == (3, 32, 32)
        assert (plan.data.data_dir, plan.data.download, plan.chosen) == (Path("there"), False, True)
    other = plan_for_run(trained, "usps")
    assert (other.info.shape, other.data.download, other.chosen) == ((1, 16, 16), False, False)


def test_a_run_on_stacks_is_held_against_its_own_and_against_others_without_them() -> None:
    trained = DataOptions(dataset="stacked-mnist", stacks=5000, stacks_seed=1)
    plan = plan_for_run(trained, None)
    assert (plan.split, plan.training, plan.info.sizes) == ("test", "train", (("train", 5000), ("test", 26_000)))
    assert plan.data.stacks_seed == 1
    other = plan_for_run(trained, "mnist")
    assert (other.data.stacks, other.data.stacks_seed) == (None, None)


@pytest.mark.parametrize(
    ("trained", "against", "training"), [("train", "test", "train"), ("test", "train", "test"), ("all", "test", None)]
)
def test_a_run_is_held_against_what_it_did_not_see(trained: str, against: str, training: str | None) -> None:
    plan = plan_for_run(DataOptions(dataset="digits", split=trained), None)
    assert (plan.against, plan.training) == (f"digits:{against}", training)
    assert ("was trained on all images" in "".join(plan.notes)) == (trained == "all")


def test_a_split_that_there_is_not_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="data set digits has no split 'dev'") as caught:
        make_plan("digits:dev")
    assert caught.value.choices == ("digits:train", "digits:test")


class TestMetrics:
    def test_all_are_taken_in_the_order_of_declaration(self) -> None:
        assert names() == BUILTIN

    def test_metrics_and_figures_are_names_and_their_order_does_not_matter(self) -> None:
        asked = ["coverage", "recall", "precision", "is", "fid", "ganzoo:fid"]
        assert names(asked) == ["fid", "inception-score", "precision-recall", "density-coverage"]

    def test_an_unknown_name_gets_the_nearest_one(self) -> None:
        with pytest.raises(UnknownNameError, match="unknown metric 'recal'; did you mean 'recall'") as caught:
            find_metrics(["fid", "recal"])
        assert {"fid", "recall", "precision-recall"} <= set(caught.value.choices)
        with pytest.raises(UnknownNameError, match="unknown metric 'ganzoo-odd:fid'"):
            find_metrics(["ganzoo-odd:fid"])

    def test_the_figures_of_a_plan_are_those_of_its_metrics(self) -> None:
        assert list(make_plan("digits", metrics=["recall", "fid"]).figures) == ["fid", "precision", "recall"]

    def test_a_plugins_metric_is_one_of_all(self, plugin) -> None:
        plugin.metric("evenness", print, "even", "odd")
        assert names() == [*BUILTIN, "evenness"]
        assert names(["odd", "fid"]) == ["fid", "evenness"]

    def test_ganzoos_figures_stay_its_own(self, plugin) -> None:
        plugin.metric("impostor", print, "fid")
        assert names() == BUILTIN
        assert names(["fid"]) == ["fid"]
        assert names(["impostor"]) == ["impostor"]

    def test_a_figure_of_two_plugins_leads_to_neither(self, plugin) -> None:
        plugin.metric("one", print, "same")
        plugin.metric("two", print, "same", "own")
        assert names() == BUILTIN
        assert names(["own"]) == ["two"]
        with pytest.raises(UnknownNameError, match="unknown metric 'same'"):
            find_metrics(["same"])

    def test_two_metrics_with_one_figure_are_not_taken_at_once(self, plugin) -> None:
        plugin.metric("impostor", print, "fid")
        with pytest.raises(ConfigError, match="'fid' is given by ganzoo:fid and by ganzoo-odd:impostor"):
            find_metrics(["fid", "impostor"])

    def test_a_name_that_plugins_quarrel_about_says_so(self, plugin, monkeypatch: pytest.MonkeyPatch) -> None:
        plugin.metric("mine", print)
        record = plugin.registry().plugins[-1]
        rival = replace(record, origin=replace(record.origin, distribution="ganzoo-rival"))
        both = type(plugin.registry())([record, rival])
        monkeypatch.setattr("ganzoo.metrics.plan.registry", lambda: both)
        with pytest.raises(PluginError, match=r"'mine' is claimed by ganzoo-odd 1\.2 and ganzoo-rival 1\.2"):
            find_metrics(["mine"])
        assert [entry.origin.distribution for entry in find_metrics(["ganzoo-rival:mine"])] == ["ganzoo-rival"]


LEAST = [("precision", 4), ("coverage", 6), ("fid", 2), ("kid", 2), ("kl", 2)]


@pytest.mark.parametrize(("metric", "least"), LEAST)
def test_fewer_samples_than_a_metric_needs_are_refused(metric: str, least: int) -> None:
    plan = make_plan("digits:test", metrics=[metric])
    plan.check(least)
    with pytest.raises(ConfigError, match=rf"needs at least {least} samples, and {least - 1} are asked for\n  fix: "):
        plan.check(least - 1)


@pytest.mark.parametrize("split", ["test", "all"])
@pytest.mark.parametrize(("metric", "least"), LEAST)
def test_so_are_fewer_real_images(metric: str, least: int, split: str) -> None:
    plan = make_plan(f"digits:{split}", metrics=[metric])

    def sized(count: int) -> Plan:
        sizes = (("train", count - 1), ("test", 1)) if split == "all" else (("train", 100), ("test", count))
        return replace(plan, info=replace(plan.info, sizes=sizes))

    sized(least).check(100)
    with pytest.raises(ConfigError, match=rf"{least} real images, and digits:{split} has {least - 1}\n  fix: "):
        sized(least - 1).check(100)


def test_what_needs_training_images_is_refused_without_them_if_it_was_named() -> None:
    make_plan("digits:test", metrics=["copying"]).check(100)
    make_plan("digits:train").check(100)
    with pytest.raises(ConfigError, match="memorisation compares with training images outside of digits:train"):
        make_plan("digits:train", metrics=["copying"]).check(100)


@pytest.mark.parametrize("split", ["train", "all"])
def test_a_set_of_one_split_is_seen_whole(tmp_path: Path, split: str) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    (note,) = plan_for_run(DataOptions(dataset=f"folder:{tmp_path}"), f"folder:{tmp_path}:{split}").notes
    assert note == "the run was trained on the images that it is held against"


@pytest.mark.parametrize(
    ("trained", "against", "note"),
    [
        ("train", None, ""),
        ("train", "digits:test", ""),
        ("test", None, ""),
        ("train", "digits:train", "trained on the images that it is held against"),
        ("train", "digits:all", "trained on some of the images that it is held against"),
        ("all", None, "trained on all images, also on those that it is held against"),
        ("train", "mnist:train", ""),
    ],
)
def test_a_run_that_has_seen_the_real_images_is_told_of(trained: str, against: str | None, note: str) -> None:
    plan = plan_for_run(DataOptions(dataset="digits", split=trained), against)  # type: ignore[arg-type]
    assert list(plan.notes) == ([f"the run was {note}"] if note else [])


@pytest.mark.parametrize(
    ("against", "features", "border"),
    [
        ("digits", None, 5),
        ("digits", "mnist-cnn", 5),
        ("digits", "ganzoo:mnist-cnn", 5),
        ("digits", "inception-v3", 0),
        ("usps", None, 4),
        ("mnist", None, 0),
    ],
)
def test_a_border_belongs_to_a_data_set_and_its_own_extractor(against: str, features: str | None, border: int) -> None:
    plan = make_plan(against, features=features)
    assert (plan.border, plan.own) == (border, features != "inception-v3")
    assert plan.framing == ({"border": border} if border else {})


def test_planning_leaves_torch_unimported() -> None:
    code = "import sys; from ganzoo.metrics.plan import make_plan; make_plan('mnist'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
