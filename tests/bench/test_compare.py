"""Two made-up results side by side."""

from __future__ import annotations

import json
from typing import Any

import pytest
from toys.results import ENVIRONMENT, contender, contest, result, training

from ganzoo.bench.compare import Comparison, compare
from ganzoo.bench.result import Block, Result
from ganzoo.errors import ConfigError

NOISY = (1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0)


def raced(own: float = 0.5, plain: float | None = 1.0, *, environment: Any = ENVIRONMENT, **more: Any) -> Result:
    """One contest of a contender with such block times, and the plain loop beside it."""
    times = tuple(own * each for each in NOISY)
    beside = [contender(kind="plain", seconds=tuple(plain * each for each in reversed(NOISY)))] if plain else []
    return result(contests=[contest(*beside, contender(seconds=times, **more))], environment=environment)


def texts(found: Comparison, about: str, *, unfair: bool = True) -> list[str]:
    return [each.text for each in found.remarks if each.about == about and each.unfair == unfair]


class TestSpeed:
    def test_the_same_twice(self) -> None:
        found = compare(raced(), raced())
        assert [each.verdict for each in found.matches] == ["no difference shown"] * 2
        assert found.answers() == {"machine": [], "software": [], "config": []}
        assert (found.only_a, found.only_b, found.remarks) == ([], [], [])

    def test_ratios_to_the_plain_loop_cancel_the_machine(self) -> None:
        plain, own = compare(raced(), raced(1.0, 2.0)).matches
        assert (plain.beside, plain.verdict) == (False, "slower")
        assert (own.beside, own.verdict) == (True, "no difference shown")
        assert own.ratio.median == pytest.approx(1.0)

    @pytest.mark.parametrize(("own", "verdict"), [(0.6, "slower"), (0.4, "faster")])
    def test_a_difference(self, own: float, verdict: str) -> None:
        match = compare(raced(), raced(own)).matches[1]
        assert match.verdict == verdict
        assert match.ratio.median == pytest.approx(0.5 / own, rel=0.02)

    def test_without_the_loop_speeds_are_compared_and_that_is_said(self) -> None:
        found = compare(raced(plain=None), raced(1.0))
        assert (found.matches[0].beside, found.matches[0].verdict) == (False, "slower")
        assert "no plain loop ran beside it on both sides, so the machine's state counts" in texts(found, "noise")
        assert found.only_b == ["dcgan plain loop, batch 64, cpu"]

    def test_a_loop_with_fewer_blocks_makes_no_pairs(self) -> None:
        short = result(contests=[contest(contender(kind="plain", seconds=(1.0,) * 3), contender(seconds=NOISY))])
        assert not compare(short, raced()).matches[-1].beside

    def test_cells_of_one_side_and_what_is_near(self) -> None:
        found = compare(raced(), result(contests=[*raced().contests, contest(contender(precision="bf16"))]))
        assert found.only_b == ["dcgan bf16 eager, batch 64, cpu (the other side has precision fp32)"]

    def test_two_gpus_of_one_kind_are_one_type_of_device(self) -> None:
        sides = [result(contests=[contest(contender(seconds=NOISY), device=f"cuda:{index}")]) for index in (0, 1)]
        assert compare(*sides).matches[0].key.device == "cuda"

    def test_a_third_partys_variant_is_labelled(self) -> None:
        found = compare(raced(), raced(distribution="somebodys-gans"))
        assert found.matches[1].label.startswith("dcgan / dcgan (somebodys-gans) fp32 eager")
        assert texts(found, "config") == ["who supplies it: ganzoo-dcgan 0.1.0 in A, somebodys-gans 0.1.0 in B"]
        both = compare(*[raced(distribution="somebodys-gans")] * 2)
        assert both.matches[1].label.startswith("dcgan (somebodys-gans) fp32")
        assert both.remarks == []

    @pytest.mark.parametrize("blocks", [[], [Block(seconds=0.0)], [Block(seconds=float("inf"))]])
    def test_blocks_that_took_no_time(self, blocks: list[Block]) -> None:
        with pytest.raises(ConfigError, match="in B has no blocks, or one that took no time"):
            compare(raced(), raced(blocks=blocks))

    def test_nothing_in_common(self) -> None:
        other = result(trainings=[training("vanilla")])
        with pytest.raises(ConfigError, match="nothing in common") as caught:
            compare(raced(), other)
        assert "A has: dcgan plain loop, batch 64, cpu; dcgan fp32 eager" in str(caught.value)
        assert "B has: vanilla, trained" in str(caught.value)


class TestFairness:
    @pytest.mark.parametrize(
        ("about", "change", "text"),
        [
            ("machine", {"cpu": "Example 7"}, "CPU: Example 9000 in A, Example 7 in B"),
            ("machine", {"gpu": "Example GPU"}, "GPU: nothing in A, Example GPU in B"),
            ("machine", {"cores": 64}, "cores: 2 in A, 64 in B"),
            ("machine", {"device": "cuda:0"}, "device: cpu in A, cuda:0 in B"),
            ("software", {"python": "3.13.0"}, "Python: 3.12.1 in A, 3.13.0 in B"),
            ("software", {"cuda": "13.0"}, "CUDA: nothing in A, 13.0 in B"),
            (
                "software",
                {"packages": {"ganzoo": "0.1.0", "torch": "2.15.0"}},
                "torch: 2.14.1 in A, 2.15.0 in B",
            ),
        ],
    )
    def test_another_machine_or_software(self, about: str, change: dict[str, Any], text: str) -> None:
        found = compare(raced(), raced(environment={**ENVIRONMENT, **change}))
        assert texts(found, about) == [text]
        assert [name for name, reasons in found.answers().items() if reasons] == [about]

    @pytest.mark.parametrize(
        ("more", "text"),
        [
            ({"settings": {"threads": 2, "allocator": "system"}}, "threads: 1 in A, 2 in B"),
            ({"settings": {"threads": 1, "allocator": "keep"}}, "allocator: system in A, keep in B"),
            (
                {"config": {"variant": "dcgan", "training": {"batch_size": 64}, "data": {"dataset": "digits"}}},
                "data.dataset: mnist in A, digits in B",
            ),
            ({"config_sha256": "1" * 64}, "the digests of the configs differ, though no key does"),
        ],
    )
    def test_another_config(self, more: dict[str, Any], text: str) -> None:
        assert texts(compare(raced(), raced(**more)), "config") == [text]

    def test_another_tier_is_told_and_not_unfair(self) -> None:
        found = compare(raced(engine="auto"), raced(engine="auto", tier="compile"))
        assert texts(found, "config") == []
        assert texts(found, "config", unfair=False) == ["the tier that ran: eager in A, compile in B"]

    def test_noise_and_broken_weights(self) -> None:
        found = compare(raced(noise=["blocks spread by 20 %"]), raced(finite=False))
        assert texts(found, "noise") == [
            "A is noisy: blocks spread by 20 %",
            "B is not finite: the weights were not finite at the end, and broken ones may run faster",
        ]

    def test_uncommitted_changes_commits_and_suites(self) -> None:
        other = raced().model_copy(update={"git": {"commit": "f" * 40, "changed": True}, "suite": {"name": "quick"}})
        found = compare(raced(), other)
        assert texts(found, "software") == ["B ran with uncommitted changes, so its commit does not tell what ran"]
        assert texts(found, "software", unfair=False) == ["commit: 0123456789ab in A, ffffffffffff in B"]
        assert "suite.name: test in A, quick in B" in texts(found, "config", unfair=False)

    def test_what_is_said_of_all_is_said_once(self) -> None:
        elsewhere = {**ENVIRONMENT, "cpu": "Example 7"}
        sides = [result(trainings=[training()]), result(trainings=[_trained(environment=elsewhere)])]
        both = compare(sides[0], sides[1].model_copy(update={"environment": elsewhere}))
        assert texts(both, "machine") == ["CPU: Example 9000 in A, Example 7 in B"]


def _trained(**more: Any) -> Any:
    return training().model_copy(update=more)


class TestQuality:
    def test_means_over_seeds_and_their_difference(self) -> None:
        ours = [training(seed=seed, fids=(50.0, end)) for seed, end in enumerate((18.0, 22.0))]
        theirs = [training(seed=seed, fids=(50.0, end)) for seed, end in enumerate((14.0, 16.0))]
        (found,) = compare(result(trainings=ours), result(trainings=theirs)).quality
        change = found.figures["fid"]
        assert change.a is not None
        assert (change.a.mean, change.difference) == (20.0, -5.0)
        assert change.a.std == pytest.approx(8**0.5)
        assert found.figures.keys() == {"fid", "kid", "coverage"}
        assert found.seconds_to.keys() == {100.0, 50.0, 20.0}
        # A start-up of 3 s and the second evaluation at 20 s; only one seed of A is there by then.
        assert found.seconds_to[20.0].a is not None
        assert (found.seconds_to[20.0].a.mean, found.seconds_to[20.0].a.count) == (23.0, 1)

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"extractor": {"name": "x", "sha256": "cd" * 32}}, "extractor: abababababab in A, cdcdcdcdcdcd in B"),
            ({"samples": 5000}, "number of samples: 10000 in A, 5000 in B"),
            ({"against": "mnist:train"}, "real images: mnist:test in A, mnist:train in B"),
            ({"real_images": 60000}, "their number: 10000 in A, 60000 in B"),
        ],
    )
    def test_figures_of_another_judge_are_not_compared(self, change: dict[str, Any], text: str) -> None:
        other = _trained(evaluation={**training().evaluation, **change})
        found = compare(result(trainings=[training()]), result(trainings=[other]))
        assert (found.quality[0].figures, found.quality[0].seconds_to) == ({}, {})
        assert texts(found, "quality") == [text]

    def test_seeds_of_one_side_that_were_judged_in_two_ways(self) -> None:
        other = _trained(seed=1, evaluation={**training().evaluation, "samples": 5000})
        found = compare(result(trainings=[training(), other]), result(trainings=[training(), other]))
        assert "number of samples: 10000 and 5000 in A, 10000 and 5000 in B" in texts(found, "quality")

    def test_times_to_figures_of_another_judge_are_not_compared(self) -> None:
        config = training().config
        other = _trained(config={**config, "training": {**config["training"], "eval_samples": 100}})
        (found,) = compare(result(trainings=[training()]), result(trainings=[other])).quality
        assert found.seconds_to == {}
        assert found.figures["fid"].difference == 0

    def test_another_budget_and_other_seeds(self) -> None:
        found = compare(result(trainings=[training()]), result(trainings=[training(seed=1, fids=(50.0, 10.0))]))
        assert texts(found, "quality") == ["the budget in images: 19,200 in A, 12,800 in B"]
        assert texts(found, "quality", unfair=False) == ["seeds: 0 in A, 1 in B"]


def test_plain_values_are_json() -> None:
    sides = [raced(), raced(0.6)]
    for index, side in enumerate(sides):
        sides[index] = side.model_copy(update={"trainings": [training()]})
    told = json.loads(json.dumps(compare(*sides).as_dict(), allow_nan=False))
    assert told["same"] == {"machine": True, "software": True, "config": True}
    assert told["cells"][1]["verdict"] == "slower"
    assert told["cells"][1]["b_over_a"]["of"] == "ratios to the plain loop"
    assert told["quality"][0]["figures"]["fid"]["difference"] == 0
