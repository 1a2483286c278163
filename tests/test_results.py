"""The results on the pages are those of the committed files, of settings that are still the suite's."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ganzoo.config import make_config, overlay

ROOT = Path(__file__).parents[1]
SUITES = sorted((ROOT / "benchmarks" / "suites").glob("*.toml"))


def load(name: str) -> ModuleType:
    """The script ``benchmarks/NAME.py``."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=SUITES, ids=lambda path: path.stem)
def suite(request: pytest.FixtureRequest) -> dict[str, Any]:
    return tomllib.loads(request.param.read_text(encoding="utf-8"))


@pytest.fixture
def result(suite: dict[str, Any]) -> dict[str, Any]:
    path = ROOT / "benchmarks" / "results" / f"{suite['suite']['name']}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_run_of_the_suite_is_there_and_was_trained_as_it_asks_for_now(suite, result) -> None:
    wanted = {(variant, seed) for variant in suite["variants"] for seed in suite["suite"]["seeds"]}
    assert {(run["variant"], run["seed"]) for run in result["runs"]} == wanted
    for run in result["runs"]:
        own = {"variant": run["variant"], "training": {"seed": run["seed"]}}
        config = make_config(overlay(overlay(suite["common"], suite["variants"][run["variant"]]), own)).to_dict()
        config["training"]["eval_every"] = run["config"]["training"]["eval_every"]  # worked out from the budget
        computed = load("quality").computed
        assert computed(run["config"]) == computed(config), f"{run['variant']}-{run['seed']}"


def test_every_figure_names_its_extractor_samples_and_engine(result) -> None:
    for run in result["runs"]:
        evaluation = run["evaluation"]
        assert len(evaluation["extractor"]["sha256"]) == 64
        assert (evaluation["samples"], evaluation["against"]) == (10_000, "mnist:test")
        assert evaluation["figures"]["fid"]["floor"]["mean"] > 0
        assert run["engine"]["tier"] == "eager"
        assert run["engine"]["precision"] == run["config"]["training"]["precision"]
        # During training the samples have the run's own seed: they are the same, or others of the same spread.
        close = 1e-3 if run["seed"] == evaluation["seed"] else 0.15
        assert run["curve"][-1]["fid"] == pytest.approx(evaluation["figures"]["fid"]["mean"], rel=close)
        seconds = [point["seconds"] for point in run["curve"]]
        assert seconds == sorted(seconds)
        assert seconds[-1] == run["training_seconds"]


def test_the_pages_hold_what_the_results_say(result) -> None:
    page, name = load("quality_page"), result["suite"]["name"]
    if not name.startswith("quality-"):
        assert f"<!-- {name} -->" in (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
        return  # that page is held by its own test
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert page.table(result) in text
    assert page.protocol(result) in text
    for variant in page.by_variant(result):
        text = (ROOT / "docs" / "variants" / f"{variant}.md").read_text(encoding="utf-8")
        assert f"<!-- {name} -->\n\n{page.variant_results(result, variant)}\n" in text
