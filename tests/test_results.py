"""The results on the pages are those of the committed files, of settings that are still the suite's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganzoo.bench import pages
from ganzoo.bench.result import Result, read_result
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
        assert f"<!-- {name} -->\n\n{pages.variant_body(found, variant)}\n" in text


def test_every_quality_result_is_on_a_page(suite: Suite) -> None:
    shown = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("results.md", "performance.md"))
    assert f"<!-- {suite.name} -->" in shown


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
