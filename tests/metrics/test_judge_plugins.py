"""The judge and metrics and extractors of plugins: whose fault it tells."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy
import pytest
import torch
from torch import Tensor

from ganzoo.errors import ConfigError, MissingExtraError, PluginError
from ganzoo.metrics.evidence import Estimate, Evidence
from ganzoo.metrics.features import Features
from ganzoo.metrics.judge import Judge
from ganzoo.metrics.samples import StreamSamples

if TYPE_CHECKING:
    from .conftest import Plugin


Make = Callable[..., Judge]


def images(samples: Callable[..., StreamSamples], n: int = 60) -> Any:
    return samples("train").batches(n, seed=0, repeat=0)


def raises(evidence: Evidence) -> Any:
    raise ZeroDivisionError("oops")


BAD_METRICS = {
    "an exception": (raises, "ZeroDivisionError: oops"),
    "a number": (lambda evidence: 3.0, r"returned 3\.0; it must give a number for each of odd, even"),
    "nothing": (lambda evidence: None, "returned None"),
    "a stranger": (lambda evidence: {"odd": 1.0, "fid": 2.0}, "returned {'odd': 1.0, 'fid': 2.0}"),
    "a word": (lambda evidence: {"odd": "many"}, "returned {'odd': 'many'}"),
    "no value": (lambda evidence: {"odd": None}, "returned {'odd': None}"),
    "many values": (lambda evidence: {"odd": torch.zeros(3)}, "returned {'odd': tensor"),
    "a list": (lambda evidence: [("odd", 1.0)], r"returned \[\('odd', 1\.0\)\]"),
    "a worded estimate": (lambda evidence: {"odd": Estimate("many", 1.0)}, "returned {'odd': Estimate"),
    "NaN": (lambda evidence: {"odd": math.nan}, "gave odd = nan"),
    "infinity": (lambda evidence: {"even": 1.0, "odd": -math.inf}, "gave odd = -inf"),
    "an infinite estimate": (lambda evidence: {"odd": Estimate(math.inf, 1.0)}, "gave odd = inf"),
}


class TestPluginMetrics:
    @pytest.mark.parametrize(("measure", "problem"), BAD_METRICS.values(), ids=BAD_METRICS)
    def test_a_fault_is_told_with_the_distribution(
        self, measure: Any, problem: str, judge: Make, plugin: Plugin, samples
    ) -> None:
        plugin.metric("parity", measure, "odd", "even")
        ours = judge(metrics=["parity"])
        for call in (lambda: ours.measure(ours.features(images(samples))), lambda: ours.floor(30, 1)):
            with pytest.raises(PluginError, match=rf"metric 'parity' of ganzoo-odd 1\.2:? {problem}") as caught:
                call()
            assert caught.value.fix == "leave it out of --metrics, or upgrade ganzoo-odd"

    def test_what_a_metric_foresaw_passes_through(self, judge: Make, plugin: Plugin, samples) -> None:
        def refuse(evidence: Evidence) -> Any:
            raise MissingExtraError("no scipy", fix="pip install scipy")

        plugin.metric("parity", refuse)
        with pytest.raises(MissingExtraError, match="no scipy"):
            judge(metrics=["parity"]).floor(30, 1)

    @pytest.mark.parametrize(
        "one", [1, True, numpy.float32(1), torch.ones(()), torch.ones(1)], ids=lambda one: type(one).__name__
    )
    def test_whatever_is_one_number_will_do(self, one: Any, judge: Make, plugin: Plugin) -> None:
        plugin.metric("parity", lambda evidence: {"odd": one, "even": Estimate(one, one)}, "odd", "even")
        ours = judge(metrics=["parity"])
        found = ours.measure(ours.real)
        assert {type(number) for estimate in found.values() for number in estimate} == {float}
        assert found["even"] == (1.0, 1.0)
        assert found["odd"].value == 1.0
        assert math.isnan(found["odd"].error)

    def test_each_repeat_has_randomness_of_its_own_and_a_seed_brings_it_back(self, judge: Make, plugin: Plugin) -> None:
        def draw(evidence: Evidence) -> dict[str, float]:
            return {"draw": torch.rand((), generator=evidence.rng).item()}

        plugin.metric("draw", draw)
        drawn = [
            judge(metrics=["draw"], seed=seed).measure(None, repeat=repeat)["draw"].value
            for seed, repeat in ((0, 0), (0, 1), (1, 0), (0, 0))
        ]
        assert drawn[0] == drawn[3]
        assert len(set(drawn)) == 3


BAD_LOOKS = {
    "an exception": (lambda images: 1 / 0, "ZeroDivisionError: division by zero"),
    "one tensor": (lambda images: torch.zeros(len(images), 4), "AttributeError"),
    "nothing": (lambda images: None, "AttributeError"),
    "too long": (lambda images: Features(torch.zeros(len(images), 5), None), r"shape \(1, 5\); it must be \(1, 4\)"),
    "too few": (lambda images: Features(torch.zeros(3, 4), None), r"shape \(3, 4\); it must be \(1, 4\)"),
    "maps": (lambda images: Features(torch.zeros(len(images), 4, 1), None), r"shape \(1, 4, 1\); it must be"),
    "NaN": (lambda images: Features(torch.full((len(images), 4), math.nan), None), "features that are NaN"),
    "infinity": (lambda images: Features(torch.full((len(images), 4), math.inf), None), "NaN or infinite"),
    "NaN in classes": (
        lambda images: Features(torch.zeros(len(images), 4), torch.full((len(images), 2), math.nan)),
        "features that are NaN",
    ),
}


class TestPluginExtractors:
    @pytest.mark.parametrize(("look", "problem"), BAD_LOOKS.values(), ids=BAD_LOOKS)
    def test_a_fault_is_told_with_the_distribution(self, look: Any, problem: str, judge: Make, plugin: Plugin) -> None:
        plugin.extractor("squint", type("Squint", (plugin.look,), {"forward": lambda self, images: look(images)}))
        with pytest.raises(PluginError, match=rf"feature extractor 'squint' of ganzoo-odd 1\.2: .*{problem}") as caught:
            judge(features="squint")
        assert caught.value.fix == "choose other --features, or upgrade ganzoo-odd"

    @pytest.mark.parametrize(
        ("builder", "problem"),
        [
            (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
            (lambda: torch.nn.Identity(), r"its builder gives Identity\(\), which is no FeatureExtractor"),
            (lambda: None, "its builder gives None"),
        ],
    )
    def test_a_builder_that_fails_is_named(self, builder: Any, problem: str, judge: Make, plugin: Plugin) -> None:
        plugin.extractor("squint", builder)
        with pytest.raises(PluginError, match=rf"feature extractor 'squint' of ganzoo-odd 1\.2: {problem}"):
            judge(features="squint")

    def test_a_class_without_its_attributes_is_named(self, judge: Make, plugin: Plugin) -> None:
        class Nameless(plugin.look.__base__):
            dim = 4

            def forward(self, images: Tensor) -> Features:
                raise AssertionError("never called")

        plugin.extractor("squint", Nameless)
        with pytest.raises(PluginError, match=r"'squint' of ganzoo-odd 1\.2: its class Nameless lacks name, shape"):
            judge(features="squint")

    def test_what_a_builder_foresaw_passes_through(self, judge: Make, plugin: Plugin) -> None:
        def builder() -> Any:
            raise MissingExtraError("no weights", fix="fetch them")

        plugin.extractor("squint", builder)
        with pytest.raises(MissingExtraError, match="no weights"):
            judge(features="squint")

    def test_it_is_frozen_and_in_evaluation_mode(self, judge: Make) -> None:
        ours = judge(metrics=["fid"]).extractor
        assert not ours.training
        assert not any(weight.requires_grad for weight in ours.parameters())

    def test_a_fault_of_the_samples_is_not_the_extractors(self, judge: Make) -> None:
        def broken() -> Any:
            raise ZeroDivisionError("in the generator")
            yield

        with pytest.raises(ZeroDivisionError, match="in the generator"):
            judge(metrics=["fid"]).features(broken())

    def test_no_samples_are_refused(self, judge: Make) -> None:
        with pytest.raises(ConfigError, match="no images to judge"):
            judge(metrics=["fid"]).features(iter([]))
