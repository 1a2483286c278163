"""``ganzoo check``: a line a check, and status 4 for a failure."""

from __future__ import annotations

import json

import pytest

from ganzoo.cli.main import main
from ganzoo.testing import CHECKS, Case, Finding, Report, Result
from ganzoo.testing.catalogue import choose


def test_the_checks_are_listed(capsys):
    assert main(["check", "--list"]) == 0
    text = capsys.readouterr().out
    assert all(check.name in text and check.summary in text for check in CHECKS.values())
    assert main(["check", "--list", "--json"]) == 0
    assert [check["name"] for check in json.loads(capsys.readouterr().out)] == list(CHECKS)


def test_a_variant_that_conforms(capsys):
    assert main(["check", "dcgan", "lsgan", "--checks", "images,options"]) == 0
    text = capsys.readouterr().out
    assert "dcgan: 2 passed, 0 failed, 0 not applicable" in text
    assert "lsgan: 2 passed" in text


def test_json(capsys):
    assert main(["check", "began", "--checks", "learning,scores", "--json", "--seed", "3"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert [(check["check"], check["status"]) for check in told["checks"]] == [
        ("scores", "passed"),
        ("learning", "not applicable"),
    ]
    assert "autoencoder" in told["checks"][1]["reason"]


def test_a_failure_is_told_with_its_place_and_its_fix(capsys, monkeypatch):
    finding = Finding(problem="pixels reach 3", where="my_gan.py:7: return x", fix="end in tanh")
    result = Result(check="images", status="failed", seconds=0.1, finding=finding)
    report = Report(case="dcgan", results=(result,))
    monkeypatch.setattr("ganzoo.cli.check.check_variant", lambda *args, **named: report)
    assert main(["check", "dcgan", "--quiet"]) == 4
    text = capsys.readouterr().out
    assert "images: pixels reach 3\n  at: my_gan.py:7: return x\n  fix: end in tanh" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no variant was named"),
        (["dcgn"], "unknown variant 'dcgn'; did you mean 'dcgan'?"),
        (["dcgan", "--checks", "imges"], "unknown check 'imges'; did you mean 'images'?"),
        (["dcgan", "--dataset", "digts"], "unknown data set 'digts'"),
    ],
)
def test_wrong_words_exit_with_2(words, message, capsys):
    assert main(["check", *words]) == 2
    assert message in capsys.readouterr().err


def test_slow_checks_run_only_by_name():
    assert "compile" not in {check.name for check in choose()}
    assert [check.name for check in choose(["compile"])] == ["compile"]
    assert Case("dcgan").dataset == "digits"
