"""Suites: what comes with ganzoo, what a file may say, and what the command line lays over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ganzoo.bench.job import jobs
from ganzoo.bench.suite import BUILTIN, Suite, choose_variants, parse_budget, read_suite
from ganzoo.config import validate
from ganzoo.errors import ConfigError, UnknownNameError

SPEED = {"name": "s", "throughput": {}, "common": {"data": {"dataset": "digits"}}}


def suite(**more: Any) -> Suite:
    return validate(Suite, {**SPEED, **more})


@pytest.mark.parametrize("path", sorted(BUILTIN.glob("*.toml")), ids=lambda path: path.stem)
def test_a_suite_of_ganzoo_names_itself_and_fits_every_installed_variant(path: Path) -> None:
    found = read_suite(path.stem)
    assert found.name == path.stem
    assert choose_variants(found, []).variants
    assert validate(Suite, found.to_dict()) == found


def test_variants_of_the_command_line_come_before_those_of_the_suite() -> None:
    own = suite(variants={"dcgan": {"net": {"width": 8}}})
    assert list(choose_variants(own, []).variants) == ["dcgan"]
    assert choose_variants(own, ["vanilla", "dcgan", "vanilla"]).variants == {
        "vanilla": {},
        "dcgan": {"net": {"width": 8}},
    }


def test_without_any_all_installed_ones_are_measured() -> None:
    assert {"vanilla", "dcgan", "wgan-gp", "lsgan", "began"} <= choose_variants(suite(), []).variants.keys()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"throughput": None}, "measures nothing"),
        ({"quality": {}}, "images or minutes"),
        ({"quality": {"images": 10, "minutes": 1}}, "images or minutes"),
        ({"quality": {"images": 10, "metrics": "fid,nonsense"}}, "nonsense"),
        ({"throughput": {"blocks": 1}}, "blocks"),
        ({"throughput": {"engines": ["warp"]}}, "engines"),
        ({"throughput": {"batch_sizes": [0]}}, "batch_sizes"),
        ({"seeds": []}, "seeds"),
        ({"name": "Has Spaces"}, "name"),
        ({"sedes": [1]}, "seeds"),
    ],
)
def test_a_suite_that_does_not_fit_is_refused(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        suite(**raw)


def test_unknown_suites_and_variants_name_their_neighbours() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'quick'"):
        read_suite("quik")
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read_suite("nowhere.toml")
    with pytest.raises(UnknownNameError, match="did you mean 'dcgan'"):
        choose_variants(suite(), ["dcgna"])


def test_an_override_that_no_variant_has_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match="widht"):
        choose_variants(suite(variants={"dcgan": {"net": {"widht": 8}}}), [])


def test_a_figure_that_no_training_can_have_is_refused_before_anything_runs() -> None:
    whole = {"common": {"data": {"dataset": "digits", "split": "all"}}}
    named = suite(**whole, quality={"images": 64, "metrics": "fid"})
    assert choose_variants(named, ["vanilla"]).quality == named.quality
    said = "suite s: memorisation compares with training images outside of digits:test"
    with pytest.raises(ConfigError, match=said) as caught:
        choose_variants(suite(**whole, quality={"images": 64}), ["vanilla"])
    assert "[quality] metrics leave it out" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("60s", {"minutes": 1}),
        ("10m", {"minutes": 10}),
        ("1.5h", {"minutes": 90}),
        ("2M-images", {"images": 2_000_000}),
        ("500k-images", {"images": 500_000}),
        ("64-images", {"images": 64}),
    ],
)
def test_a_budget(text: str, found: dict[str, float]) -> None:
    assert parse_budget(text) == pytest.approx(found)


@pytest.mark.parametrize("text", ["", "60", "s", "-5s", "0s", "2M", "images", "0-images", "1e3s", "2M-steps"])
def test_a_budget_that_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match="--budget"):
        parse_budget(text)


class TestJobs:
    """The contenders of a contest."""

    def test_each_variant_brings_the_plain_loop_and_every_tier_and_precision(self) -> None:
        asked = suite(
            variants={"vanilla": {}, "dcgan": {}},
            throughput={"engines": ["eager", "compile"], "precisions": ["fp32", "bf16"]},
        )
        found = jobs(asked, 32, "cpu")
        assert [job.kind for job in found] == ["plain", *["ganzoo"] * 4] * 2
        assert len({job.name for job in found}) == len(found)
        assert {job.config["training"]["batch_size"] for job in found} == {32}
        assert {job.config["training"]["precision"] for job in found if job.kind == "plain"} == {"fp32"}

    def test_the_loop_may_be_left_out(self) -> None:
        asked = suite(variants={"vanilla": {}}, throughput={"baseline": False})
        assert [job.kind for job in jobs(asked, 32, "cpu")] == ["ganzoo"]

    def test_what_the_table_leaves_open_the_common_part_decides(self) -> None:
        common = {"data": {"dataset": "digits"}, "training": {"engine": "eager", "precision": "fp32", "images": 7}}
        (job,) = jobs(suite(variants={"vanilla": {}}, throughput={"baseline": False}, common=common), 32, "cpu")
        training = job.config["training"]
        assert (training["engine"], training["precision"]) == ("eager", "fp32")
        assert "images" not in training, "a timed run has a budget of its own"

    def test_a_job_survives_the_way_to_its_process(self) -> None:
        import json

        (job,) = jobs(suite(variants={"vanilla": {}}, throughput={"baseline": False}), 32, "cpu")
        told = json.loads(json.dumps(job.as_dict()))
        assert type(job)(**told) == job
        assert job.described()["config_sha256"] == job.resolved().digest()
        assert job.described()["origin"]["distribution"] == "ganzoo-vanilla"
