"""`ganzoo.evaluate`: the same from Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from toys.translation import CycleGame

import ganzoo
from ganzoo.api import Run
from ganzoo.data import DataInfo, DataOptions
from ganzoo.data.catalog import find_source
from ganzoo.errors import ConfigError, DataError
from ganzoo.metrics.plan import Plan, make_plan
from ganzoo.metrics.samples import Samples


class Noise(Samples):
    """Samples of the tests' own: noise, of which there is no end."""

    name = "noise"
    shape = (1, 28, 28)
    size = None

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    def batches(self, n: int, *, seed: int, repeat: int) -> Iterator[Tensor]:
        self.asked.append((n, seed, repeat))
        rng = torch.Generator().manual_seed(1000 * seed + repeat)
        for part in torch.arange(n).split(25):
            yield torch.randint(256, (len(part), *self.shape), generator=rng, dtype=torch.uint8)


class RealDigits(Samples):
    """All test images of ``digits``."""

    name, shape, size = "the real ones", (1, 8, 8), 360

    def batches(self, n: int, *, seed: int, repeat: int) -> Iterator[Tensor]:
        yield find_source(DataOptions(dataset="digits")).load("test").images[:n]


class Translation(Run):
    """A run of a game that draws nothing from noise."""

    data = DataInfo(name="digits", channels=1, height=8, width=8)
    game = CycleGame()


SETTINGS: dict[str, Any] = {"metrics": ["fid"], "resize": True, "device": "cpu"}


class TestPython:
    def test_a_run_is_judged_as_its_folder_is(self, runs: Path) -> None:
        run = ganzoo.load(runs / "plain")
        as_object, as_path = (ganzoo.evaluate(each, n=60, **SETTINGS) for each in (run, runs / "plain"))
        assert as_object.scores == as_path.scores
        assert (as_object.source, as_object.against) == (str(runs / "plain"), "digits:test")

    @pytest.mark.parametrize("given", [None, Path("elsewhere")])
    def test_real_images_are_looked_for_where_the_run_found_them(
        self, given: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings: dict[str, Any] = {"steps": 1, "net": {"g_widths": (8,), "d_widths": (8,)}, "device": "cpu"}
        run = ganzoo.train("vanilla", dataset="digits", data_dir=tmp_path / "data", out=tmp_path, **settings)
        plans: list[Plan] = []

        def stop(plan: Plan, *args: Any, **more: Any) -> None:
            plans.append(plan)
            raise KeyboardInterrupt

        monkeypatch.setattr("ganzoo.api.evaluation.Judge", stop)
        with pytest.raises(KeyboardInterrupt):
            ganzoo.evaluate(run, data=DataOptions(data_dir=given))
        assert plans[0].data.data_dir == (given or tmp_path / "data")

    def test_samples_of_ones_own(self) -> None:
        noise = Noise()
        found = ganzoo.evaluate(noise, "digits:test", n=60, repeats=2, seed=7, **SETTINGS)
        assert noise.asked == [(60, 7, 0), (60, 7, 1)]
        assert (found.source, found.n, found.repeats) == ("noise", 60, 2)
        assert found.scores["fid"].mean > 10 * max(found.scores["fid"].floor)

    def test_real_images_are_at_no_distance_from_themselves(self) -> None:
        found = ganzoo.evaluate(RealDigits(), "digits:test", n=360, **SETTINGS)
        assert found.scores["fid"].mean == pytest.approx(0, abs=1e-3)
        with pytest.raises(DataError, match="the real ones has 360 images, too few for 361"):
            ganzoo.evaluate(RealDigits(), "digits:test", n=361, **SETTINGS)

    def test_what_is_asked_may_be_a_plan(self) -> None:
        plan = make_plan("digits:train", metrics=["kid"])
        found = ganzoo.evaluate("digits:test", replace(plan, samples=60), resize=True, device="cpu")
        assert found.n == 60
        assert (found.against, found.scores.keys()) == ("digits:train", {"kid"})

    def test_own_samples_need_something_to_be_held_against(self) -> None:
        with pytest.raises(ConfigError, match="nothing is named to hold noise against"):
            ganzoo.evaluate(Noise())

    def test_a_translation_draws_nothing_from_noise(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="translates images, so it draws nothing from noise"):
            ganzoo.evaluate(Translation(tmp_path), "digits:test")

    def test_it_tells_what_takes_long(self) -> None:
        heard: list[str] = []
        ganzoo.evaluate("digits:test", "digits:train", n=60, repeats=2, say=heard.append, **SETTINGS)
        assert [each for each in heard if each.startswith("samples")] == ["samples, 1 of 2", "samples, 2 of 2"]

    @pytest.mark.parametrize("setting", [{"n": 1}, {"n": -3}, {"n": 0, "repeats": 2}, {"repeats": 0}])
    def test_numbers_out_of_range(self, setting: dict[str, int]) -> None:
        with pytest.raises(ConfigError, match="must be at least"):
            ganzoo.evaluate("digits:test", "digits:train", **{"n": 60, **setting}, **SETTINGS)
