"""The results on the pages are those of the committed files, of settings that are still the suite's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toys import results as made
from toys.scripts import load

from ganzoo.bench import pages
from ganzoo.bench.pictures import time_title
from ganzoo.bench.result import Failure, Result, Training, read_result
from ganzoo.bench.suite import Suite, read_suite
from ganzoo.bench.trainings import computed, training_config

ROOT = Path(__file__).parents[1]
SUITES = {path.stem: path for path in sorted((ROOT / "benchmarks" / "suites").glob("*.toml"))}
DOCS = ROOT / "docs"


def committed(name: str) -> Result:
    return read_result(ROOT / "benchmarks" / "results" / f"{name}.json")


@pytest.fixture(params=[name for name, path in SUITES.items() if read_suite(str(path)).quality])
def suite(request: pytest.FixtureRequest) -> Suite:
    return read_suite(str(SUITES[request.param]))


@pytest.fixture
def result(suite: Suite) -> Result:
    return committed(suite.name)


def test_every_training_of_the_suite_is_there_and_was_made_as_it_asks_for_now(suite: Suite, result: Result) -> None:
    wanted = {(variant, seed) for variant in suite.variants for seed in suite.seeds}
    assert {(training.variant, training.seed) for training in result.trainings} == wanted
    for training in result.trainings:
        config = training_config(suite, training.variant, training.seed, "cpu").to_dict()
        assert computed(training.config) == computed(config), f"{training.variant}-{training.seed}"


def test_every_figure_names_its_extractor_samples_and_engine(result: Result) -> None:
    for training in result.trainings:
        evaluation = training.evaluation
        assert len(evaluation["extractor"]["sha256"]) == 64
        assert (evaluation["samples"], evaluation["against"]) == (10_000, "mnist:test")
        assert evaluation["figures"]["fid"]["floor"]["mean"] > 0
        assert training.engine["tier"] == "eager" or training.engine["parity"]["passed"]
        assert training.engine["precision"] == training.config["training"]["precision"]
        # During training the samples have the run's own seed: they are the same, or others of the same spread.
        close = 1e-3 if training.seed == evaluation["seed"] else 0.15
        assert training.curve[-1].figure("fid") == pytest.approx(evaluation["figures"]["fid"]["mean"], rel=close)
        seconds = [point.seconds for point in training.curve]
        assert seconds == sorted(seconds)
        assert seconds[-1] == training.training_seconds


def test_no_result_names_a_path_of_the_machine_that_made_it() -> None:
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ('"/home', '"/root', '"/work', '"/tmp', '"/Users')), path.name


@pytest.mark.parametrize("name", pages.places(DOCS / "results.md"))
def test_the_pages_hold_what_the_results_say(name: str) -> None:
    found = committed(name)
    assert f"<!-- {name} -->\n\n{pages.body(found, name)}\n" in (DOCS / "results.md").read_text(encoding="utf-8")
    for variant in found.by_variant():
        text = (DOCS / "variants" / f"{variant}.md").read_text(encoding="utf-8")
        assert f"<!-- {name} -->\n\n{pages.variant_body(found, variant, name)}\n" in text


def test_every_quality_result_is_on_a_page(suite: Suite) -> None:
    shown = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("results.md", "performance.md"))
    beside = {half: full for full, half in load("performance_page").HALVES.items()}
    assert f"<!-- {suite.name} -->" in shown or f"<!-- {beside.get(suite.name)} -->" in shown


class TestUpdateDocs:
    """Drawing a page anew, in a checkout that is made up."""

    def test_a_folder_that_is_no_checkout(self, tmp_path: Path) -> None:
        with pytest.raises(pages.ConfigError, match=r"docs/results\.md"):
            pages.update_docs(tmp_path)

    def test_a_page_without_a_place(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text("nothing\n", encoding="utf-8")
        with pytest.raises(pages.ConfigError, match="no place for x"):
            pages.fill(page, "x", "text")

    def test_what_stands_around_a_place_stays(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text("above\n<!-- x -->\nold\n<!-- end -->\nbelow\n", encoding="utf-8")
        pages.fill(page, "x", "new")
        assert page.read_text(encoding="utf-8") == "above\n<!-- x -->\n\nnew\n\n<!-- end -->\nbelow\n"
        assert pages.places(page) == ["x"]

    def test_tables_and_pictures_are_drawn_from_the_files(self, tmp_path: Path) -> None:
        docs, results = tmp_path / "docs", tmp_path / "benchmarks" / "results"
        (docs / "images").mkdir(parents=True)
        (docs / "variants").mkdir()
        results.mkdir(parents=True)
        (docs / "results.md").write_text("<!-- quality-cpu -->\n<!-- end -->\n", encoding="utf-8")
        (docs / "variants" / "dcgan.md").write_text("<!-- quality-cpu -->\n<!-- end -->\n", encoding="utf-8")
        (results / "quality-cpu.json").write_bytes((ROOT / "benchmarks/results/quality-cpu.json").read_bytes())
        written = pages.update_docs(tmp_path)
        assert {docs / "results.md", docs / "variants" / "dcgan.md", docs / "images" / "quality-cpu.png"} <= set(
            written
        )
        assert (docs / "images" / "quality-cpu.png").read_bytes().startswith(b"\x89PNG")
        assert "| [dcgan]" in (docs / "results.md").read_text(encoding="utf-8")


class TestTrainingsThatDiffer:
    """What a page says where not every training ran alike, of results that are made up."""

    @staticmethod
    def judged(variant: str, *, cpu: str = "Example 9000", precision: str = "fp32", seed: int = 0) -> Training:
        names = (*pages.COLUMNS, "copying", "least", "most")
        figures = {name: {"mean": 0.5, "floor": {"mean": 0.6}} for name in names}
        one = made.training(variant, seed=seed)
        more: dict[str, Any] = {
            "environment": {**made.ENVIRONMENT, "cpu": cpu},
            "engine": {"tier": "eager", "precision": precision},
            "evaluation": {**one.evaluation, "figures": figures},
        }
        return one.model_copy(update=more)

    def test_every_machine_and_arithmetic_is_named(self) -> None:
        trainings = [
            self.judged("vanilla"),
            self.judged("dcgan"),
            self.judged("began", cpu="Other 7", precision="bf16"),
        ]
        told = pages.protocol(made.result(trainings=trainings))
        assert (
            "fp32 (vanilla, dcgan) and bf16 (began), engine eager, "
            "one thread of Example 9000 (2 cores) (vanilla, dcgan) "
            "and one thread of Other 7 (2 cores) (began), torch 2.14.1, seeds 0."
        ) in told

    def test_the_axis_of_minutes_names_every_place(self) -> None:
        one, other = self.judged("vanilla"), self.judged("dcgan")
        one.environment["threads"] = 1
        other.environment["gpu"] = "Example GPU"
        assert time_title([one, one, other]) == "minutes of training, one core or Example GPU"

    def test_seeds_of_a_variant_are_told_apart(self) -> None:
        found = made.result(trainings=[self.judged("dcgan"), self.judged("dcgan", cpu="Other 7", seed=1)])
        assert "(dcgan of seed 0) and one thread of Other 7 (2 cores) (dcgan of seed 1)" in pages.protocol(found)
        assert "Over 2 seeds on one thread of Example 9000" in pages.variant_body(found, "dcgan", "made")

    def test_floors_that_differ_are_all_told(self) -> None:
        one, other = self.judged("vanilla"), self.judged("dcgan")
        other.evaluation["figures"]["fid"]["floor"]["mean"] = 0.7
        assert "| *floor* | 6.0% to 6.0% | 0.6 or 0.7 | 0.6 |" in pages.table(made.result(trainings=[one, other]))

    def test_a_training_that_failed_is_told_once(self) -> None:
        failures = [Failure(what="began, seed 0", reason="a term is nan")]
        found = made.result(trainings=[self.judged("dcgan")], failures=failures)
        assert "Did not run:\n\n- began, seed 0: a term is nan\n" in pages.body(found, "x")
        both = found.model_copy(update={"contests": [made.contest(made.contender())]})
        assert pages.body(both, "x").count("began, seed 0: a term is nan") == 1

    def test_what_a_suite_changes_of_the_defaults_is_told(self) -> None:
        plain = {"data": {"dataset": "mnist"}, "training": {"batch_size": 64, "device": "cpu", "precision": "fp32"}}
        own = {
            "lsgan": {"net": {"width": 32}, "options": {"r1": 1.0}},
            "vanilla": {"training": {"ema": 0.5}},
            "began": {},
        }
        trainings = [self.judged(name) for name in ("vanilla", "dcgan", "lsgan")]
        suite = {"name": "x", "seeds": [0], "common": plain}
        found = made.result(trainings=trainings, suite={**suite, "variants": own})
        told = "Not by default: vanilla `--ema 0.5`; lsgan `--r1 1.0 --net.width 32`."
        assert pages.changes(found) == told
        assert f"\n\n{told}\n\n" in pages.body(found, "x")
        assert pages.changes(made.result(trainings=trainings, suite=suite)) == ""


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        ({"quality": {"minutes": 5.0}}, "--minutes 5.0 --seed 0"),
        (
            {
                "common": {"data": {"dataset": "folder:my photos"}, "training": {"engine": "eager", "ema": 0.5}},
                "quality": {"images": 100, "evaluations": 5},
                "variants": {
                    "dcgan": {
                        "conditional": True,
                        "training": {"batch_size": 32},
                        "options": {"d_optimizer": {"lr": 0.001, "betas": [0.0, 0.9]}},
                        "net": {"width": 8},
                    }
                },
            },
            "--dataset 'folder:my photos' --images 100 --batch-size 32 --seed 0 --ema 0.5 --d-optimizer.lr 0.001 "
            "--d-optimizer.betas 0.0 0.9 --conditional --net.width 8",
        ),
    ],
)
def test_the_command_of_a_page_names_all_that_a_training_computes(suite: dict[str, Any], words: str) -> None:
    found = made.result(trainings=[made.training("dcgan")], suite={"name": "x", "seeds": [0], **suite})
    assert pages.command(found, "dcgan") == f"ganzoo run dcgan {words}"
