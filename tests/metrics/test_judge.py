"""The judge: what it refuses, what it converts, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

from ganzoo.data import Stream
from ganzoo.data.convert import convert
from ganzoo.errors import ConfigError, DataError, DataNotFoundError, PluginError
from ganzoo.metrics import judge as module
from ganzoo.metrics.evidence import Evidence
from ganzoo.metrics.features import Features
from ganzoo.metrics.judge import Judge
from ganzoo.metrics.samples import StreamSamples

if TYPE_CHECKING:
    from .conftest import Plugin


Make = Callable[..., Judge]


def images(samples: Callable[..., StreamSamples], n: int = 60) -> Any:
    return samples("train").batches(n, seed=0, repeat=0)


class TestShapes:
    def test_other_shapes_than_the_real_images_are_refused(self, judge: Make) -> None:
        said = r"the samples have the shape 3 x 8 x 8 \(C x H x W\), and blobs:test has images of 1 x 6 x 6"
        with pytest.raises(ConfigError, match=said) as caught:
            judge(shape=(3, 8, 8))
        assert "--resize" in str(caught.value.fix)

    def test_with_resize_the_real_images_become_as_the_samples_are(self, judge: Make, samples) -> None:
        ours = judge(shape=(3, 8, 8), resize=True, metrics=["fid"])
        (real,) = samples("test").all(100)
        expected = ours.features(iter([convert(real, (3, 8, 8))]))
        torch.testing.assert_close(ours.real.vectors, expected.vectors)
        assert ours.notes == [
            "blobs:test has images of 1 x 6 x 6; converted, because the samples are 3 x 8 x 8",
            "the extractor look takes images of 1 x 6 x 6; converted, because the samples are 3 x 8 x 8",
        ]

    def test_other_shapes_than_the_extractors_are_refused(self, judge: Make, plugin: Plugin) -> None:
        plugin.extractor("large", type("Large", (plugin.look,), {"name": "large", "shape": (3, 9, 9)}))
        with pytest.raises(ConfigError, match="and the extractor large takes images of 3 x 9 x 9"):
            judge(features="large")

    def test_with_resize_both_sides_become_as_the_extractor_wants_them(self, judge: Make, plugin: Plugin) -> None:
        seen = []

        class Large(plugin.look):
            name, shape = "large", (3, 9, 9)

            def forward(self, images: Tensor) -> Features:
                seen.append(tuple(images.shape[1:]))
                return super().forward(images[:, :1, :6, :6])

        plugin.extractor("large", Large)
        ours = judge(features="large", resize=True, metrics=["fid"])
        ours.features(iter([torch.zeros(5, 1, 6, 6, dtype=torch.uint8)]))
        assert seen == [(3, 9, 9)] * 2
        assert ours.notes == [
            "the extractor large takes images of 3 x 9 x 9; converted, because the samples are 1 x 6 x 6"
        ]

    def test_a_border_is_put_around_real_images_and_samples(self, judge: Make, plugin: Plugin) -> None:
        seen = []

        class Watching(plugin.look):
            name = "watching"

            def forward(self, images: Tensor) -> Features:
                seen.append(images)
                return super().forward(images)

        plugin.extractor("watching", Watching)
        plugin.dataset("framed", plugin.blobs, features="watching", border=2)
        ours = judge("framed:test", metrics=["fid"])
        assert ours.notes == ["watching sees the images in a black border of 2 pixels"]
        ours.features(iter([torch.full((5, 1, 6, 6), 255, dtype=torch.uint8)]))
        assert len(ours.real) == 60
        for images in seen:
            inside = images[:, :, 2:4, 2:4]
            assert inside.amax() > 0
            torch.testing.assert_close(images.add(1).sum(), inside.add(1).sum())
        assert {1, 5, 60} <= {len(images) for images in seen}  # the trial, the samples, the real images

    def test_features_of_another_border_are_others(self, judge: Make, plugin: Plugin, user_cache: Path) -> None:
        for border in (0, 1, 2):
            plugin.dataset(f"framed-{border}", plugin.blobs, border=border)
        found = [judge(f"framed-{border}:test", metrics=["fid"]).real.vectors for border in (0, 1, 2)]
        assert not torch.equal(found[0], found[1])
        assert not torch.equal(found[1], found[2])

    @pytest.mark.parametrize(
        ("shape", "why"), [((1, 6, 6), "look takes 6 x 6"), (None, "look takes images of any size")]
    )
    def test_a_border_that_cannot_be_is_the_data_sets_fault(
        self, judge: Make, plugin: Plugin, monkeypatch: pytest.MonkeyPatch, shape: Any, why: str
    ) -> None:
        plugin.dataset("framed", plugin.blobs, border=3)
        monkeypatch.setattr(plugin.look, "shape", shape)
        with pytest.raises(PluginError, match=f"data set framed declares a border of 3 pixels, and {why}"):
            judge("framed:test", metrics=["fid"])

    def test_a_data_sets_own_extractor_needs_no_leave(self, judge: Make, plugin: Plugin) -> None:
        class Large(plugin.look):
            name, shape = "large", (1, 12, 12)

            def forward(self, images: Tensor) -> Features:
                return super().forward(images[:, :, ::2, ::2])

        plugin.extractor("large", Large)
        plugin.dataset("own", plugin.blobs, features="large")
        converted = "the extractor large takes images of 1 x 12 x 12; converted, because the samples are 1 x 6 x 6"
        for features in (None, "large"):
            assert judge("own:test", features=features, metrics=["fid"]).notes == [converted]

    def test_what_takes_any_shape_is_given_it(self, judge: Make, plugin: Plugin) -> None:
        plugin.extractor("any", type("Any", (plugin.look,), {"name": "any", "shape": None}))
        assert judge(features="any", metrics=["fid"]).notes == []

    def test_only_squares_are_resized(self, judge: Make) -> None:
        with pytest.raises(ConfigError, match="only square images can be resized"):
            judge(shape=(1, 8, 9), resize=True)

    def test_bytes_become_what_an_extractor_takes(self, judge: Make) -> None:
        ours = judge(metrics=["fid"])
        white, black = (torch.full((1, 1, 6, 6), value, dtype=torch.uint8) for value in (255, 0))
        vectors = ours.features(iter([white, black])).vectors
        torch.testing.assert_close(vectors[0], ours.extractor.mix.sum(0))
        torch.testing.assert_close(vectors[1], -ours.extractor.mix.sum(0))


class TestClasses:
    @pytest.fixture
    def blind(self, plugin: Plugin) -> None:
        """An extractor that knows no classes."""

        class Blind(plugin.look):
            name = "blind"

            def forward(self, images: Tensor) -> Features:
                return Features(super().forward(images).vectors, None)

        plugin.extractor("blind", Blind)

    def test_a_chosen_metric_that_needs_them_is_refused(self, judge: Make, blind: None) -> None:
        with pytest.raises(ConfigError, match="mode-count cannot be had from blind, which knows no classes"):
            judge(features="blind", metrics=["fid", "kl"])

    def test_of_all_metrics_those_are_left_out_with_a_note(self, judge: Make, blind: None, samples) -> None:
        ours = judge(features="blind")
        assert ours.notes == ["without inception-score, mode-count: blind knows no classes"]
        found = ours.measure(ours.features(images(samples)))
        assert {"fid", "precision", "copying"} <= found.keys()
        assert not {"is", "modes"} & found.keys()


class TestKept:
    @pytest.fixture
    def work(self, judge: Make) -> Callable[..., list[str]]:
        """What a new judge had to do, its floor included."""

        def run(n: int = 30, repeats: int = 2, **more: Any) -> list[str]:
            said: list[str] = []
            ours = judge(metrics=more.pop("metrics", ["fid", "recall"]), say=said.append, **more)
            ours.floor(n, repeats)
            return [sentence for sentence in said if "of" in sentence]

        return run

    def test_features_and_floors_are_worked_out_once(self, work) -> None:
        assert work() == [
            "the floor of fid",
            "features of blobs:train",
            "features of blobs:test",
            "the floor of precision-recall",
        ]
        assert work() == []

    @pytest.mark.parametrize("more", [{"n": 31}, {"repeats": 1}, {"seed": 1}])
    def test_another_protocol_has_another_floor_from_the_same_features(self, work, more: dict[str, int]) -> None:
        work()
        assert work(**more) == ["the floor of fid", "the floor of precision-recall"]

    @pytest.mark.parametrize(
        ("split", "expected"),
        [
            ("test", ["the floor of fid", "features of blobs:test", "the floor of precision-recall"]),
            ("train", ["the floor of fid", "features of blobs:train", "the floor of precision-recall"]),
        ],
    )
    def test_other_images_are_other_features(
        self, split: str, expected: list[str], work, plugin: Plugin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        work()
        monkeypatch.setitem(plugin.blobs.seeds, split, 9)
        assert work() == expected

    def test_other_weights_are_other_features(self, work, plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
        before = work()
        monkeypatch.setattr(plugin.look, "scale", 1.001)
        assert work() == before

    def test_another_version_of_the_extractors_code_is_other_features(self, work, plugin: Plugin) -> None:
        before = work()
        plugin.version = "1.3"
        assert work() == before

    def test_another_version_of_a_metric_has_another_floor(self, work, plugin: Plugin) -> None:
        plugin.metric("half", lambda evidence: {"half": 0.5})
        asked = {"metrics": ["half"], "features": "mnist-cnn", "resize": True}  # an extractor of another distribution
        work(**asked)
        plugin.version = "1.3"
        assert work(**asked) == ["the floor of half"]
        plugin.specs[-1] = replace(plugin.specs[-1], recipe_version=2)
        assert work(**asked) == ["the floor of half"]
        assert work(**asked) == []

    def test_features_are_held_where_they_cannot_be_kept(self, work, user_cache: Path) -> None:
        user_cache.write_text("a file is in the way")
        assert work().count("features of blobs:train") == 1

    def test_of_very_many_real_images_the_same_part_is_drawn(
        self, judge: Make, samples, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "REAL_LIMIT", 50)
        first, second = (judge(metrics=["fid", "recall"]) for _ in range(2))
        floors = [each.floor(60, 3) for each in (first, second)]  # the second one from the disk
        assert floors[0] == floors[1]
        assert len(first.real) == len(set(map(tuple, first.real.vectors.tolist()))) == 50
        assert first.floor_size(60) == 50
        assert (
            first.notes
            == second.notes
            == [
                "blobs:test: 50 of its 60 images, drawn at random",
                "blobs:train: 50 of its 90 images, drawn at random",
            ]
        )


class TestRealImages:
    def test_their_features_wait_until_something_is_measured(self, judge: Make, samples) -> None:
        said: list[str] = []
        ours = judge(metrics=["fid"], say=said.append)
        fake = ours.features(images(samples))
        assert said == []
        ours.measure(fake)
        assert said == ["fid", "features of blobs:test"]

    def test_that_they_are_missing_is_told_at_once(
        self, judge: Make, plugin: Plugin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(self: Any, split: str) -> Any:
            raise DataNotFoundError(f"no {split} blobs")

        monkeypatch.setattr(plugin.blobs, "read", missing)
        with pytest.raises(DataNotFoundError, match="no test blobs"):
            judge(metrics=["fid"])

    def test_those_that_are_decoded_one_by_one_are_all_looked_at_beforehand(self, judge: Make, plugin: Plugin) -> None:
        class Pictures(Stream):
            fingerprint, labelled = "pictures", False

            def __len__(self) -> int:
                return 60

            def __getitem__(self, index: int) -> tuple[Tensor, int]:
                if index == 41:
                    raise DataError("41.png is damaged")
                return torch.zeros(1, 6, 6, dtype=torch.uint8), -1

        plugin.dataset("pictures", type("Folder", (plugin.blobs,), {"open": lambda self, split: Pictures()}))
        with pytest.raises(DataError, match=r"41\.png is damaged"):
            judge("pictures:test", metrics=["fid"])

    @pytest.mark.parametrize(
        ("limit", "warnings"),
        [
            (50, ["memorisation: only 50 training images are known; copies of the other 40 cannot be found"]),
            (90, []),
        ],
    )
    def test_training_images_that_nobody_looks_at_are_told_of(
        self, limit: int, warnings: list[str], judge: Make, samples, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "REAL_LIMIT", limit)
        ours = judge(metrics=["copying"])
        ours.measure(ours.features(images(samples)))
        assert ours.warnings == warnings


class TestFloor:
    def test_it_is_of_parts_of_the_other_split_that_do_not_overlap(self, judge: Make, plugin: Plugin) -> None:
        parts: list[set[tuple[float, ...]]] = []

        def note(evidence: Evidence) -> dict[str, float]:
            parts.append(set(map(tuple, evidence.fake.vectors.tolist())))
            return {"note": len(evidence.fake)}

        plugin.metric("note", note)
        ours = judge(metrics=["note"])
        assert ours.floor(40, 3) == {"note": (40, 40)}  # 90 images are enough for two
        train = set(map(tuple, judge("blobs:train", metrics=["note"]).real.vectors.tolist()))
        assert parts[0] | parts[1] <= train
        assert not parts[0] & parts[1]

    def test_of_fewer_images_than_samples_all_are_taken(self, judge: Make) -> None:
        ours = judge(metrics=["fid"])
        assert ours.floor_size(1000) == 90
        assert len(ours.floor(1000, 3)["fid"]) == 1

    def test_it_is_what_the_metrics_say_of_these_images(self, judge: Make, samples) -> None:
        ours = judge(metrics=["fid"])
        of_all = ours.measure(ours.features(samples("train").all(100)))["fid"].value
        assert ours.floor(90, 1)["fid"] == pytest.approx((of_all,), rel=1e-6)

    def test_without_another_split_there_is_none(self, judge: Make) -> None:
        assert judge("blobs:all", metrics=["fid"]).floor(30, 1) == {}

    def test_copies_have_none_and_other_metrics_see_no_training_images(
        self, judge: Make, plugin: Plugin, samples
    ) -> None:
        seen = []
        plugin.metric("peep", lambda evidence: seen.append(evidence.training) or {"peep": 0})
        ours = judge(metrics=["copying", "peep", "fid"])
        assert set(ours.floor(30, 1)) == {"fid", "peep"}
        assert "copying" in ours.measure(ours.features(images(samples)))
        assert seen == [None, None]

    def test_it_warns_of_nothing(self, judge: Make) -> None:
        ours = judge(metrics=["kid"])
        ours.floor(30, 1)
        assert ours.warnings == []
