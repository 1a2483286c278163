"""Each fault is caught by its check, and no toy game raises an alarm; tests/test_variants.py checks the real ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ganzoo.testing import Case, check_variant
from ganzoo.testing.catalogue import choose

sys.path.append(str(Path(__file__).parent / "site"))  # for the names below; the fixture installs the rest
from ganzoo_faults.plugin import FAULTS, OPTIONS, TOYS

sys.path.pop()


UNLEARNED = {"orthogonal": "its regulariser outweighs its loss"}


def toy(name: str, **more: int) -> Case:
    return Case(name, dataset="toy-images", batch_size=8 if "cycle" in name else 32, **more)


@pytest.mark.parametrize(("name", "check"), FAULTS.items(), ids=FAULTS)
def test_a_fault_is_caught_by_its_check(name: str, check: str) -> None:
    report = check_variant(toy(f"fault-{name}"), checks=[check])
    assert [result.check for result in report.failures] == [check], report
    finding = report.failures[0].finding
    assert finding is not None
    assert finding.problem
    assert "ganzoo/testing" not in finding.where


@pytest.mark.parametrize("name", OPTIONS)
def test_faulty_options_are_caught(name: str) -> None:
    (failure,) = check_variant(toy(f"fault-{name}"), checks=["options"]).failures
    assert "plugin.py" in failure.finding.where


def test_a_declaration_that_imports_torch_is_caught_with_its_line() -> None:
    (failure,) = check_variant(toy("fault-heavy"), checks=["imports"]).failures
    assert "plugin.py" in failure.finding.where
    assert "import torch" in failure.finding.where


@pytest.mark.parametrize("name", TOYS)
def test_no_alarm_on_a_toy_game(name: str) -> None:
    chosen = [check.name for check in choose() if not (check.name == "learning" and name in UNLEARNED)]
    check_variant(toy(f"toy-{name}"), checks=chosen).raise_for_failures()
