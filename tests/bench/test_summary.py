"""The numbers that are told of a result, against values that were worked out by hand."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest
from toys.results import contender, contest, result, training

from ganzoo.bench import summary
from ganzoo.bench.result import Block, Origin, Point, Training
from ganzoo.bench.summary import Band, Spread


def learner(variant: str = "dcgan", *, points: list[tuple[int, float, float]], startup: float | None = 3.0) -> Training:
    """A training with an evaluation for each (images, seconds, FID)."""
    curve = [
        Point(step=images // 10, images=images, seconds=seconds, evaluation_seconds=9.0, fid=fid)
        for images, seconds, fid in points
    ]
    more: dict[str, Any] = {"curve": curve, "training_seconds": curve[-1].seconds, "startup_seconds": startup}
    return training(variant).model_copy(update=more)


QUICK = learner("quick", points=[(100, 10.0, 80.0), (200, 20.0, 40.0), (300, 30.0, 45.0)])
SLOW = learner("slow", points=[(100, 25.0, 60.0), (200, 50.0, 12.0)], startup=5.0)


class TestSpread:
    def test_of_two(self) -> None:
        assert Spread.of([1.0, None, 3.0]) == Spread(2.0, pytest.approx(sqrt(2)), 2)

    def test_of_one_has_no_deviation(self) -> None:
        assert Spread.of([None, 5.0]) == Spread(5.0, None, 1)

    def test_of_none(self) -> None:
        assert Spread.of([None, None]) is None
        assert Spread.of([]) is None


class TestEqualImages:
    def test_the_last_evaluation_that_all_have(self) -> None:
        assert summary.equal_images([QUICK, SLOW]) == 200
        assert summary.equal_images([QUICK]) == 300

    def test_none_where_none_is_common(self) -> None:
        assert summary.equal_images([QUICK, learner(points=[(150, 1.0, 1.0)])]) is None
        assert summary.equal_images([]) is None

    def test_whole_iterations_of_unlike_games_end_close_to_each_other(self) -> None:
        plain = learner(points=[(250_048, 10.0, 60.0), (500_032, 20.0, 40.0)])
        five = learner("wgan-gp", points=[(250_240, 10.0, 70.0), (500_160, 30.0, 50.0)])
        assert summary.equal_images([plain, five]) == 500_160
        assert [summary.at_images(each, "fid", 500_160) for each in (plain, five)] == [40.0, 50.0]
        (row, _) = summary.quality(result(trainings=[plain, five]))
        assert row.at_images["fid"] == Spread(40.0, None, 1)

    def test_an_exact_match_goes_before_a_close_one(self) -> None:
        one = learner(points=[(100_000, 1.0, 9.0), (200_000, 2.0, 8.0)])
        other = learner(points=[(100_000, 1.0, 7.0), (200_000, 2.0, 6.0), (200_064, 3.0, 5.0)])
        assert summary.equal_images([one, other]) == 200_000
        assert summary.at_images(other, "fid", 200_000) == 6.0

    @pytest.mark.parametrize(("images", "equal"), [(100_900, 100_900), (101_100, None)])
    def test_more_than_a_hundredth_is_not_close(self, images: int, equal: int | None) -> None:
        one, other = learner(points=[(100_000, 1.0, 9.0)]), learner(points=[(images, 1.0, 9.0)])
        assert summary.equal_images([one, other]) == equal

    def test_the_figure_there(self) -> None:
        assert summary.at_images(QUICK, "fid", 200) == 40.0
        assert summary.at_images(QUICK, "fid", 150) is None
        assert summary.at_images(QUICK, "fid", None) is None
        assert summary.at_images(QUICK, "kid", 200) is None


class TestEqualTime:
    def test_the_shortest_training_start_up_included(self) -> None:
        assert summary.equal_seconds([QUICK, SLOW]) == 33.0
        assert summary.equal_seconds([]) is None

    def test_a_start_up_that_was_not_recorded_counts_nothing(self) -> None:
        assert summary.equal_seconds([learner(points=[(1, 10.0, 1.0)], startup=None)]) == 10.0

    @pytest.mark.parametrize(
        ("seconds", "fid"), [(12.9, None), (13.0, 80.0), (22.9, 80.0), (23.0, 40.0), (33.0, 45.0), (1e9, 45.0)]
    )
    def test_the_last_evaluation_before_it(self, seconds: float, fid: float | None) -> None:
        assert summary.at_time(QUICK, "fid", seconds) == fid

    def test_evaluations_do_not_run_the_clock(self) -> None:
        assert summary.at_time(SLOW, "fid", 30.0) == 60.0
        assert summary.at_time(SLOW, "fid", None) is None


class TestTimeTo:
    @pytest.mark.parametrize(
        ("limit", "seconds"), [(100.0, 13.0), (80.0, 13.0), (79.0, 23.0), (40.0, 23.0), (39, None)]
    )
    def test_the_first_evaluation_at_or_below(self, limit: float, seconds: float | None) -> None:
        assert summary.seconds_to(QUICK, limit) == seconds

    def test_a_figure_that_was_not_asked_for_is_never_reached(self) -> None:
        assert summary.seconds_to(QUICK, 1e9, "kid") is None


class TestQuality:
    def test_over_seeds(self) -> None:
        one = learner(points=[(100, 10.0, 60.0), (200, 20.0, 20.0)])
        two = learner(points=[(100, 14.0, 40.0), (200, 28.0, 30.0)])
        (row,) = summary.quality(result(trainings=[one, two]), thresholds=(50.0, 25.0, 10.0))
        assert row.at_images["fid"] == Spread(25.0, pytest.approx(sqrt(50)), 2)
        assert row.at_time["fid"] == Spread(30.0, pytest.approx(sqrt(200)), 2)  # at 23 s: 20 at 23 s, 40 at 17 s
        assert row.seconds_to == {
            50.0: Spread(20.0, pytest.approx(sqrt(18)), 2),
            25.0: Spread(23.0, None, 1),
            10.0: None,
        }

    def test_the_end_and_the_floor_are_those_of_the_final_evaluation(self) -> None:
        (row,) = summary.quality(result(trainings=[training(fids=(9.0,))]))
        assert row.end == {"fid": Spread(9.0, None, 1), "kid": Spread(3.0, None, 1), "coverage": Spread(0.8, None, 1)}
        assert row.floor == {"fid": 1.5, "kid": 0.1, "coverage": 0.95}

    def test_a_row_a_variant_in_the_order_of_the_suite(self) -> None:
        rows = summary.quality(result(trainings=[SLOW, QUICK, SLOW]))
        assert [(row.variant, len(row.trainings)) for row in rows] == [("slow", 2), ("quick", 1)]
        assert rows[1].at_time["fid"] == Spread(45.0, None, 1)

    def test_figures_that_are_missing(self) -> None:
        bare = training().model_copy(update={"evaluation": {}, "curve": []})
        (row,) = summary.quality(result(trainings=[bare]))
        assert {*row.end.values(), *row.at_images.values(), *row.at_time.values(), *row.floor.values()} == {None}


class TestBands:
    ONE = learner(points=[(100, 10.0, 60.0), (200, 20.0, 20.0), (300, 30.0, 10.0)])
    TWO = learner(points=[(100, 14.0, 40.0), (200, 28.0, 30.0)])

    def test_against_images(self) -> None:
        assert summary.by_images([self.ONE, self.TWO], "fid") == [Band(100, 50, 40, 60), Band(200, 25, 20, 30)]

    def test_against_time(self) -> None:
        assert summary.by_time([self.ONE, self.TWO], "fid") == [Band(15, 50, 40, 60), Band(27, 25, 20, 30)]

    def test_without_the_figure(self) -> None:
        assert summary.by_images([self.ONE], "kid") == []
        assert summary.by_images([], "fid") == []


class TestContenders:
    def test_rates(self) -> None:
        one = contender(
            joules_per_image=0.012, cpu_seconds_per_image=0.0015, flops_per_image={"fp32": 1e6, "bf16": 3e6}
        )
        assert summary.kilojoules_per_million_images(one) == pytest.approx(12.0)
        assert summary.cpu_seconds_per_thousand_images(one) == pytest.approx(1.5)
        assert summary.flops_per_image(one) == 4e6

    def test_what_was_not_measured(self) -> None:
        one = contender(flops_per_image=None, blocks=[Block(seconds=1.0)])
        assert summary.kilojoules_per_million_images(one) is None
        assert summary.flops_per_image(one) is None
        assert summary.faults_per_iteration(one) is None

    def test_page_faults_of_both_kinds(self) -> None:
        blocks = [
            Block(seconds=1.0, minor_faults=10, major_faults=2),
            Block(seconds=1.0, minor_faults=8),
            Block(seconds=1.0),
        ]
        assert summary.faults_per_iteration(contender(blocks=blocks, iterations=5)) == 2.0

    def test_contests_of_one_size_on_one_device_stand_together(self) -> None:
        a, b, c = (contender(name, batch_size=size) for name, size in (("a", 64), ("b", 256), ("c", 64)))
        found = summary.side_by_side(result(contests=[contest(a), contest(b), contest(c), contest(a, device="cuda:0")]))
        assert found == {("cpu", 64): [a, c], ("cpu", 256): [b], ("cuda:0", 64): [a]}


@pytest.mark.parametrize(
    ("distribution", "label"),
    [("ganzoo-dcgan", "dcgan"), ("ganzoo", "dcgan"), ("somebodys-gans", "dcgan (somebodys-gans)")],
)
def test_a_variant_of_somebody_else_is_told_from_where(distribution: str, label: str) -> None:
    assert summary.label("dcgan", Origin(distribution=distribution, version="1")) == label
    assert summary.label("dcgan", None) == "dcgan"
