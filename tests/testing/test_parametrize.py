"""The kit inside pytest, and as functions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from ganzoo.errors import ConfigError, ContractError, UnknownNameError
from ganzoo.testing import CHECKS, Case, check_variant, parametrize_with_checks

pytest_plugins = ("pytester",)

MODULE = """
from ganzoo.testing import Case, parametrize_with_checks

@parametrize_with_checks(
    [Case("fault-no-tanh", dataset="toy-images"), Case("dcgan", net={"width": 4}),
     Case("toy-autoencoder", dataset="toy-images"), Case("fault-half", dataset="toy-images")],
    checks=["images", "scores"],
    expected_failures={"fault-no-tanh": {"images": "an example", "scores": "was mended"}},
)
def test_conforms(check):
    check()
"""


def test_each_case_and_check_is_a_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    pytester.makepyfile(MODULE)
    done = pytester.runpytest_subprocess("-q", "-rA", "-p", "no:cacheprovider")  # torch cannot be imported twice in one
    done.assert_outcomes(passed=4, xfailed=1, failed=2, skipped=1)
    text = done.stdout.str()
    for told in (
        "test_conforms[dcgan (width=4)-images]",
        "not applicable: AutoencoderGame is no GAN",
        "XPASS(strict)",
        "was mended",
        "fault-half fails images: images are torch.float16",
    ):
        assert told in text


@pytest.mark.parametrize("expected", [{"nobody": {}}, {"dcgan": {"imges": "a slip"}}])
def test_unknown_names_among_the_expected_failures_are_refused(expected: dict[str, dict[str, str]]) -> None:
    with pytest.raises(UnknownNameError):
        parametrize_with_checks(["dcgan"], expected_failures=expected)


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'images'"):
        check_variant("dcgan", checks=["image"])
    with pytest.raises(UnknownNameError, match="dcgan"):
        check_variant("dcgn")
    with pytest.raises(ConfigError, match="width"):
        check_variant("dcgan", net={"width": 0})


def test_a_report_is_plain_values_and_raises_what_was_found() -> None:
    report = check_variant(Case("fault-no-tanh", dataset="toy-images"), checks=["images", "build"])
    told = json.loads(json.dumps(report.as_dict()))
    assert [check["check"] for check in told["checks"]] == ["build", "images"]
    assert told["passed"] is report.passed is False
    assert told["checks"][1]["finding"] == asdict(report.failures[0].finding)
    with pytest.raises(ContractError, match=r"fails 1 of 2 checks\nimages: pixels reach"):
        report.raise_for_failures()


def test_what_needs_a_game_that_cannot_be_built_does_not_apply_and_says_why() -> None:
    report = check_variant(Case("fault-raises", dataset="toy-images"))
    assert [result.check for result in report.failures] == ["build"]
    assert "no luck" in report.failures[0].finding.problem
    assert "contract.py" in report.failures[0].finding.where
    others = [result for result in report.results if CHECKS[result.check].builds]
    assert {result.status for result in others} == {"not applicable"}
    assert all("see build" in result.reason for result in others)


def test_a_larger_image_is_taken_where_the_networks_need_one() -> None:
    assert check_variant("wgan-gp", checks=["images"], dataset="toy-images").passed


def test_a_conditional_case() -> None:
    check_variant("dcgan", conditional=True, net={"width": 8}).raise_for_failures()


def test_importing_the_package_leaves_torch_and_pytest_alone() -> None:
    code = (
        "import sys, ganzoo.testing as t; t.Case('dcgan'), t.CHECKS, t.parametrize_with_checks, t.check_variant;"
        "sys.exit('torch' in sys.modules or 'pytest' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
